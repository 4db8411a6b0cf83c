/* Commented JSON whose errors name a place: "rules/attribution/icmp.json:14:23: unknown fact ...".
 *
 * The text is strict JSON (RFC 8259) plus line and block comments. cJSON makes the tree; it keeps
 * no positions, so a small scanner of our own checks the grammar first and later walks the text in
 * step with the tree to find where a value stands. Columns count bytes from 1.
 *
 * Files are the user's own or a stranger's, so everything is capped, and no error ends the program.
 */
#ifndef FWSNIFF_ATTRIBUTION_JSON_H
#define FWSNIFF_ATTRIBUTION_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "analyzer/error.h"

enum {
    JSON_FILE_BYTES_MAX = 1024 * 1024,
    JSON_DEPTH_MAX = 16,     /* objects and arrays within each other */
    JSON_MEMBERS_MAX = 1024, /* of one object */
    JSON_QUOTE_MAX = 64,     /* bytes of the user's text quoted in an error */
};

/* A document: its text, name and tree. Values read from it point into it and live as long. */
struct json;

/* `error` takes this message and those of every later call on the document, so it must live as long
 * as the document is being read. NULL: the file cannot be read, is too large or is no JSON. */
struct json *json_load(const char *path, struct error *error);
struct json *json_parse(const char *name, const char *text, size_t length, struct error *error);
void json_free(struct json *json);

const cJSON *json_root(const struct json *json);

/* "name:line:column: message", the position being that of `node`, or of the name of the member
 * that `node` is. Both return false. */
bool json_fail(const struct json *json, const cJSON *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool json_fail_at_name(const struct json *json, const cJSON *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Line and column of `node`, from 1. False when it is not of this document. */
bool json_position(const struct json *json, const cJSON *node, unsigned *line, unsigned *column);

enum json_type {
    JSON_STRING = 1,
    JSON_NUMBER = 2,
    JSON_FLAG = 4,
    JSON_OBJECT = 8,
    JSON_ARRAY = 16,
};

/* One member that an object may have. */
struct json_field {
    const char *name;
    unsigned types; /* of enum json_type, any of these */
    bool required;
    const cJSON **value; /* set to the member, or to NULL */
};

/* Reads an object by a table of its members. False with a message when it is no object, has a
 * member that the table has not, lacks a required one, or one is of another type. */
bool json_read_object(const struct json *json, const cJSON *node, const struct json_field *fields,
                      size_t count);

/* False with "expected a number, got a string" unless `node` is one of the types. */
bool json_expect(const struct json *json, const cJSON *node, unsigned types);

/* A number from `least` to `most`. */
bool json_number(const struct json *json, const cJSON *node, double least, double most,
                 double *value);

/* A string of 1 to `most` bytes. */
bool json_text(const struct json *json, const cJSON *node, size_t most, const char **value);

/* An identifier: small letters, digits and what `others` adds; 1 to JSON_QUOTE_MAX bytes. */
bool json_identifier(const struct json *json, const cJSON *node, const char *others,
                     const char **value);

/* A string that is one of `words`; `what` names the kind in the error ("place"). */
bool json_word(const struct json *json, const cJSON *node, const char *what,
               const char *const *words, size_t count, size_t *index);

/* Names of the "*.json" in a directory without that ending, sorted by bytes; hidden files are left
 * out. NULL with a message when it cannot be read or has more than JSON_FILES_MAX. Owned by the
 * caller: json_directory_free(). */
enum { JSON_FILES_MAX = 128 };
char **json_directory(const char *directory, size_t *count, struct error *error);
void json_directory_free(char **names, size_t count);

/* The nearest of some names to a wrong one, for "; did you mean ...?". */
struct json_nearest {
    const char *wrong;
    const char *best; /* NULL: nothing near */
    size_t distance;
};

void json_nearest_offer(struct json_nearest *nearest, const char *name);

enum { JSON_HINT_MAX = JSON_QUOTE_MAX + 24 };
/* The hint, or "" when nothing is near. */
const char *json_nearest_hint(const struct json_nearest *nearest, char hint[JSON_HINT_MAX]);

#endif
