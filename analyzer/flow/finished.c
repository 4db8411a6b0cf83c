#include "analyzer/flow/finished.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"

enum { SLAB_BYTES = 2 * 1024 * 1024, SLAB_RECORDS = SLAB_BYTES / sizeof(struct finished) };

struct finished_list {
    struct finished **slabs;
    size_t count, cap;
};

struct finished_list *finished_new(size_t cap)
{
    struct finished_list *list = memory_zeroed(1, sizeof *list);
    list->cap = cap;
    return list;
}

void finished_free(struct finished_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i * SLAB_RECORDS < list->count; i++)
        memory_table_free(list->slabs[i], 1, SLAB_BYTES);
    free(list->slabs);
    free(list);
}

bool finished_full(const struct finished_list *list)
{
    return list->count == list->cap;
}

void finished_put(struct finished_list *list, const struct finished *finished)
{
    if (list->count % SLAB_RECORDS == 0) {
        size_t slabs = list->count / SLAB_RECORDS + 1;
        list->slabs = memory_resize(list->slabs, slabs, sizeof *list->slabs);
        list->slabs[slabs - 1] = memory_slab(slabs - 1, 1, SLAB_BYTES);
    }
    list->slabs[list->count / SLAB_RECORDS][list->count % SLAB_RECORDS] = *finished;
    list->count++;
}

void finished_add(struct finished_list *list, const struct attempt *attempt)
{
    const struct mark *first = &attempt->side[INITIATOR].first;
    struct finished finished = {
        .key = attempt->key,
        .initiator_is_high = attempt->initiator_is_high,
        .service = attempt->service,
        .hop_limit = first->hop_limit,
        .has_mac = first->has_mac,
        .begun_ns = first->time_ns,
        .last_ns = attempt->last_ns,
        .first_frame = first->frame,
        .idle_survived_ns = attempt->idle_survived_ns,
        .idle_survived_frame = attempt->idle_survived_frame,
    };
    memcpy(finished.mac, first->mac, sizeof finished.mac);
    finished_put(list, &finished);
}

uint64_t finished_count(const struct finished_list *list)
{
    return list->count;
}

const struct finished *finished_next(const struct finished_list *list, size_t *position)
{
    if (*position == list->count)
        return NULL;
    size_t at = (*position)++;
    return &list->slabs[at / SLAB_RECORDS][at % SLAB_RECORDS];
}
