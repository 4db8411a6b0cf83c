#include "analyzer/batch/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/worklist.h"
#include "analyzer/memory.h"

/* Tells one plan from another; nobody would forge one. */
static void hash_plan(const cJSON *plan, char text[20])
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    char *whole = cJSON_PrintUnformatted(plan);
    for (const char *at = whole; at && *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    cJSON_free(whole);
    snprintf(text, 20, "%016" PRIx64, hash);
}

bool shard_begin(struct shard *shard, const char *path, unsigned share, unsigned of,
                 struct error *error)
{
    char hash[20];
    cJSON *plan = document_read(path, PLAN_SCHEMA, error);
    *shard = (struct shard){NULL, NULL};
    if (!plan)
        return false;
    hash_plan(plan, hash);
    shard->document = cJSON_CreateObject();
    document_add_text(shard->document, "schema", SHARD_SCHEMA);
    document_add_number(shard->document, "share", share);
    document_add_number(shard->document, "of", of);
    document_add_number(shard->document, "after_run", document_number(plan, "after_run", -1));
    document_add_text(shard->document, "plan", hash);
    shard->units = worklist_share(plan, share, of);
    document_add(shard->document, "results", cJSON_CreateArray());
    cJSON_Delete(plan);
    return true;
}

bool shard_take(void *context, const cJSON *result)
{
    struct shard *shard = context;
    cJSON_AddItemToArray(cJSON_GetObjectItem(shard->document, "results"),
                         cJSON_Duplicate(result, true));
    return true;
}

static int by_site(const void *left, const void *right)
{
    return strcmp(document_text(*(cJSON *const *)left, "site"),
                  document_text(*(cJSON *const *)right, "site"));
}

bool shard_write(struct shard *shard, const char *path, struct error *error)
{
    cJSON *results = cJSON_GetObjectItem(shard->document, "results");
    size_t count = (size_t)cJSON_GetArraySize(results);
    cJSON **sorted = memory_zeroed(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = cJSON_DetachItemFromArray(results, 0);
    if (count)
        qsort(sorted, count, sizeof *sorted, by_site);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(results, sorted[i]);
    free(sorted);
    return document_write(path, shard->document, true, error);
}

void shard_end(struct shard *shard)
{
    cJSON_Delete(shard->units);
    cJSON_Delete(shard->document);
}

/* --- checking before a merge --- */

struct shares {
    char plan[20];
    int64_t of, after_run;
    bool *seen;
};

static bool check_one(struct shares *shares, const char *path, const cJSON *shard,
                      struct error *error)
{
    const char *plan = document_text(shard, "plan");
    int64_t share = document_number(shard, "share", 0), of = document_number(shard, "of", 0);
    if (!plan || share < 1 || share > of || of > 1000000)
        return error_set(error, "%s: not a share's result", path);
    if (!shares->seen) {
        snprintf(shares->plan, sizeof shares->plan, "%s", plan);
        shares->of = of;
        shares->after_run = document_number(shard, "after_run", -1);
        shares->seen = memory_zeroed((size_t)of, sizeof *shares->seen);
    }
    if (strcmp(plan, shares->plan) != 0 || of != shares->of)
        return error_set(error, "%s: the share of another plan than the first", path);
    if (shares->seen[share - 1])
        return error_set(error, "%s: share %" PRId64 " of %" PRId64 " a second time", path, share,
                         of);
    shares->seen[share - 1] = true;
    return true;
}

bool shard_check(char *const *paths, size_t count, int64_t finished_run, struct error *error)
{
    struct shares shares = {.of = 0};
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        cJSON *shard = document_read(paths[i], SHARD_SCHEMA, error);
        good = shard && check_one(&shares, paths[i], shard, error);
        cJSON_Delete(shard);
    }
    for (int64_t i = 0; i < shares.of && good; i++)
        good = shares.seen[i] ||
               error_set(error, "share %" PRId64 " of %" PRId64 " is missing", i + 1, shares.of);
    if (good && shares.after_run != finished_run)
        good = error_set(error,
                         "the plan was made after run %" PRId64 ", the history is at run %" PRId64
                         ": merged already, or another run came between",
                         shares.after_run, finished_run);
    free(shares.seen);
    return good;
}
