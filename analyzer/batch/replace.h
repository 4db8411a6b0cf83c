/* Writing a file so that at any moment, also after a crash, there is the old one or the new one. */
#ifndef FWSNIFF_BATCH_REPLACE_H
#define FWSNIFF_BATCH_REPLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "analyzer/error.h"

struct replacement {
    FILE *file; /* write here */
    bool durable;
    char path[PATH_MAX], temporary[PATH_MAX];
};

/* "-" is standard output. `durable`: it has to survive a power failure as well; what can be made
 * again need not, and a hundred pages would wait for the disk a hundred times. */
bool replace_begin(struct replacement *replacement, const char *path, bool durable,
                   struct error *error);
/* False with a message: not everything could be written; the old file is still there. */
bool replace_end(struct replacement *replacement, struct error *error);

/* mkdir -p. True when the folder is there. */
bool make_folder(const char *path, struct error *error);

#endif
