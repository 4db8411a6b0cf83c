/* The unit of work: the captures of one site that are new, read in one process.
 *
 * In (an entry of a plan, made by worklist.c):
 *   {"site", "files": [{"path", "size", "mtime", "inode", "named"}],      what may be new
 *    "known": [{"hash", "id", "path", "member", "size", "mtime", "inode", "bytes", "packets",
 *               "first", "last", "links"}],                               what the history has
 *    "avoid": [{"path", "member", "problem"}]}                            what a worker died of
 * Out (read by store.c):
 *   {"schema": "fwsniff.result/2", "site", "files": [{"path", "member", "size", "mtime", "inode",
 *    "hash", "problem", "bad"}], "captures": [...], "findings": [...], "worked": [...],
 *    "attempts", "succeeded", "failed", "warnings": [...]}
 * The "document" of a capture or finding, as reports have it, is JSON in a text: the history keeps
 * it as it is.
 *
 * What is counted is only what is new. New captures are read behind those they continue; what these
 * showed by themselves is diagnosed at the boundary and taken off at the end. So the sum over all
 * runs is what one run over everything would have counted. */
#ifndef FWSNIFF_BATCH_UNIT_H
#define FWSNIFF_BATCH_UNIT_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdint.h>

#include "analyzer/batch/stream.h"
#include "analyzer/knowledge.h"

#define RESULT_SCHEMA "fwsniff.result/2"

enum { PROGRESS_NAME = 512, WORKED_MAX = 100000, SITE_WARNINGS_MAX = 256 };

/* Shared with the parent: what the worker is at, so that a file it dies of can be named. */
struct unit_progress {
    _Atomic uint64_t beats;   /* goes on as long as the worker does */
    _Atomic uint64_t packets; /* analysed */
    _Atomic uint32_t files;   /* of the unit, looked at */
    char path[PROGRESS_NAME * 8], member[PROGRESS_NAME];
};

struct unit_request {
    const struct options *options; /* of the analysis */
    const struct knowledge *knowledge;
    struct ndpi_bridge *bridge; /* started: that takes longer than most captures */
    enum stream_rule streams;
    uint64_t unpacked_max; /* bytes out of one archive */
    uint64_t memory_max;   /* bytes of a worker; 0: no limit */
    const char *folder; /* for what is unpacked: made when there is some, removed by the caller */
    struct unit_progress *progress;
};

/* Owned by the caller. */
cJSON *unit_analyse(const struct unit_request *request, const cJSON *unit);

#endif
