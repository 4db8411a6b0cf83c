/* The grammar of commented JSON, and where its values stand. Used by json.c. */
#ifndef FWSNIFF_ATTRIBUTION_JSON_SCAN_H
#define FWSNIFF_ATTRIBUTION_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

/* Where the text is wrong, and how. */
struct json_flaw {
    size_t offset;
    const char *message; /* "expected ',' or '}'" */
};

/* Overwrites comments with blanks, keeping line ends, so that every offset stays what it was.
 * False: a block comment has no end. */
bool json_blank_comments(char *text, size_t length, struct json_flaw *flaw);

/* Checks text without comments against RFC 8259 and the caps of json.h. */
bool json_scan(const char *text, size_t length, struct json_flaw *flaw);

/* Offset of `target`'s value in a text that json_scan accepted and cJSON made `root` of; `name`
 * asks for the member's name instead. False: `target` is not below `root`. */
bool json_find(const char *text, size_t length, const cJSON *root, const cJSON *target, bool name,
               size_t *offset);

#endif
