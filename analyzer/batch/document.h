/* Plans and results are JSON values (cJSON). Whole numbers beyond 2^53 - times in nanoseconds,
 * inodes - stand in them as decimal text. */
#ifndef FWSNIFF_BATCH_DOCUMENT_H
#define FWSNIFF_BATCH_DOCUMENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "analyzer/error.h"

void document_add(cJSON *object, const char *name, cJSON *item);
void document_add_text(cJSON *object, const char *name, const char *text); /* NULL: null */
void document_add_number(cJSON *object, const char *name, int64_t number);
void document_add_switch(cJSON *object, const char *name, bool on);

/* What is missing or of another type: NULL, `otherwise`, false. */
const char *document_text(const cJSON *object, const char *name);
int64_t document_number(const cJSON *object, const char *name, int64_t otherwise);
bool document_switch(const cJSON *object, const char *name);
/* An array that may be walked with cJSON_ArrayForEach(); NULL where there is none. */
const cJSON *document_list(const cJSON *object, const char *name);

/* A whole file; its "schema" must be as expected. NULL with a message. */
cJSON *document_read(const char *path, const char *schema, struct error *error);
/* The same of a file that is open; `name` is for messages. */
cJSON *document_read_open(int fd, const char *name, const char *schema, struct error *error);

/* Writes beside the place and renames (replace.h). `path` "-": standard output. */
bool document_write(const char *path, const cJSON *document, bool durable, struct error *error);

#endif
