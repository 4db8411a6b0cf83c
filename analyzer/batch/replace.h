/* Writing a file so that at any moment, also after a crash, there is the old one or the new one. */
#ifndef FWSNIFF_BATCH_REPLACE_H
#define FWSNIFF_BATCH_REPLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "analyzer/error.h"

struct replacement {
    FILE *file; /* write here */
    char path[PATH_MAX], temporary[PATH_MAX];
};

/* "-" is standard output. */
bool replace_begin(struct replacement *replacement, const char *path, struct error *error);
/* False with a message: not everything could be written; the old file is still there. */
bool replace_end(struct replacement *replacement, struct error *error);

/* mkdir -p. True when the folder is there. */
bool make_folder(const char *path, struct error *error);

#endif
