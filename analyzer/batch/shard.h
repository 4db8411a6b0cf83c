/* A share of a plan, run anywhere, and its result for fwsniff merge:
 *   {"schema": "fwsniff.shard/1", "share": K, "of": N, "after_run", "plan": hash of the plan,
 *    "results": [unit.h, by site]} */
#ifndef FWSNIFF_BATCH_SHARD_H
#define FWSNIFF_BATCH_SHARD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/error.h"

#define SHARD_SCHEMA "fwsniff.shard/1"

struct shard {
    cJSON *units;    /* to run */
    cJSON *document; /* what it becomes */
};

bool shard_begin(struct shard *shard, const char *plan, unsigned share, unsigned of,
                 struct error *error);
/* For workers_run(): `context` is the shard. */
bool shard_take(void *context, const cJSON *result);
bool shard_write(struct shard *shard, const char *path, struct error *error);
void shard_end(struct shard *shard);

/* Are these all shares of one plan, each once, made when `finished_run` was the last? False with a
 * message. */
bool shard_check(char *const *paths, size_t count, int64_t finished_run, struct error *error);

#endif
