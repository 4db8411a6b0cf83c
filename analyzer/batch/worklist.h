/* What there is to do: captures by site, those that changed since the last run. */
#ifndef FWSNIFF_BATCH_WORKLIST_H
#define FWSNIFF_BATCH_WORKLIST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/batch/store.h"

#define PLAN_SCHEMA "fwsniff.plan/1"

struct worklist_request {
    const char *const *roots; /* directories and files */
    size_t root_count;
    const char *site;         /* all are of this one; NULL */
    const char *site_pattern; /* extended regular expression on the path below the root: its first
                                 group is the site; NULL */
    const char *const *left_out; /* directories of our own, NULL-terminated */
    struct store *store;         /* NULL: everything is new */
};

/* The plan: {"schema", "after_run", "units": [unit.h, and "bytes": of its files]}, units by site,
 * files by path. `*unreadable` counts directories and files that could not be looked at; each is
 * told by `warn`. NULL with a message: the pattern is wrong. Owned by the caller. */
cJSON *worklist_make(const struct worklist_request *request, void (*warn)(const char *text),
                     size_t *unreadable, struct error *error);

/* The share K of N, 1-based: units of a plan by size, each to the share that has least so far. The
 * same plan gives the same shares everywhere. Takes the units out of `plan`. */
cJSON *worklist_share(cJSON *plan, unsigned share, unsigned of);

#endif
