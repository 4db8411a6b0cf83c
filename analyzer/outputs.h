/* Where the report goes: every output the user asked for, opened before the first packet is read.
 */
#ifndef FWSNIFF_OUTPUTS_H
#define FWSNIFF_OUTPUTS_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/options.h"
#include "analyzer/report/report.h"

struct outputs {
    FILE *text, *json, *ndjson, *html, *markdown, *evidence; /* NULL: not wanted */
    struct text_options text_options;
    bool failed;          /* outputs_failed() */
    struct error problem; /* of the last write that failed */
};

/* False with a message naming the file that cannot be written. */
bool outputs_open(struct outputs *outputs, const struct options *options, struct error *error);

/* The final report to all of them. False, and `problem`, where one could not be written whole. */
bool outputs_write(struct outputs *outputs, const struct report *report);

/* Notes that what the caller wrote could not be written: outputs_write() then fails. */
void outputs_failed(struct outputs *outputs, const char *what);

void outputs_close(struct outputs *outputs);

const char *outputs_ndpi_version(void);

#endif
