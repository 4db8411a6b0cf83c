/* A run of new captures of one stream, analysed with one tracker behind what they continue; and
 * several of one time that show the same path from different places. */
#ifndef FWSNIFF_BATCH_SEGMENT_H
#define FWSNIFF_BATCH_SEGMENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "analyzer/batch/probe.h"
#include "analyzer/batch/unit.h"
#include "analyzer/correlation/imprint.h"

/* One capture of a site. Texts are owned by whoever gathers them (unit.c). */
struct part {
    const char *name;   /* as reports call it */
    const char *path;   /* of the file or archive, encoded */
    const char *member; /* NULL: the file itself */
    char *place;        /* where it can be read now; NULL: nowhere any more */
    char hash[HASH_TEXT];
    char id[16]; /* as evidence refers to it */
    uint64_t bytes, packets;
    int64_t first_ns, last_ns;
    const char *links;
    bool fresh;               /* new, or grown */
    uint64_t told;            /* of its packets, these were analysed before it grew */
    char replaces[HASH_TEXT]; /* its hash before it grew; "": it is new */
    int64_t size, mtime_ns, inode;
    uint64_t dropped;
    bool truncated;
    const char *problem; /* NULL: none */
};

/* Parts of one stream, ascending in time; the first `context` of them are read only to understand
 * the others. */
struct run {
    struct part *const *parts;
    size_t count, context;
};

/* Adds what a run shows to the lists and counts of `result`. `imprint`: set, unless NULL. */
void segment_analyse(const struct unit_request *request, const struct run *run, cJSON *result,
                     struct imprint *imprint);

/* The same of runs of one time, each held against the others. At most CORRELATION_CAPTURES_MAX. */
void segments_analyse(const struct unit_request *request, const struct run *runs, size_t count,
                      cJSON *result);

#endif
