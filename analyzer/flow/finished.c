#include "analyzer/flow/finished.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/words.h"

#define BITS(count) ((UINT64_C(1) << (count)) - 1)

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
    for (size_t i = 0; i * FINISHED_SLAB < list->count; i++)
        free(list->slabs[i]);
    free(list->slabs);
    free(list->odd);
    free(list);
}

bool finished_full(const struct finished_list *list)
{
    return list->count == list->cap;
}

static struct finished_packed pack(const struct finished *finished)
{
    struct finished_packed packed = {
        .address = {finished->key.address[0], finished->key.address[1]},
        .begun_ns = finished->begun_ns,
        .lasted_ns = (uint64_t)(finished->last_ns - finished->begun_ns) & BITS(44),
        .hop_limit = finished->hop_limit,
        .service = finished->service,
        .has_mac = finished->has_mac,
        .initiator_is_high = finished->initiator_is_high,
        .v6 = finished->key.v6 != 0,
        .idle_survived_ns = (uint64_t)finished->idle_survived_ns & BITS(44),
        .low_port = finished->key.port[0],
        .high_port = finished->key.port[1],
        .first_frame = finished->first_frame & BITS(36),
    };
    if (finished->idle_survived_frame)
        packed.idle_survived_after =
            (finished->idle_survived_frame - finished->first_frame) & BITS(28);
    uint64_t mac = 0;
    memcpy(&mac, finished->mac, sizeof finished->mac);
    packed.mac = mac & BITS(48);
    return packed;
}

/* Whether packing loses nothing. */
static bool same(const struct finished *a, const struct finished *b)
{
    return flow_key_equal(&a->key, &b->key) && a->last_ns == b->last_ns &&
           a->first_frame == b->first_frame && a->idle_survived_ns == b->idle_survived_ns &&
           a->idle_survived_frame == b->idle_survived_frame;
}

static struct finished_packed keep_whole(struct finished_list *list,
                                         const struct finished *finished)
{
    if ((list->odd_count & (list->odd_count - 1)) == 0) /* doubles at powers of two */
        list->odd =
            memory_resize(list->odd, list->odd_count ? list->odd_count * 2 : 1, sizeof *list->odd);
    list->odd[list->odd_count] = *finished;
    return (struct finished_packed){.odd = true, .begun_ns = (int64_t)list->odd_count++};
}

void finished_put(struct finished_list *list, const struct finished *finished)
{
    struct finished_packed packed = pack(finished);
    const struct finished again = finished_unpack(&packed);
    if (!same(finished, &again))
        packed = keep_whole(list, finished);
    if (list->count % FINISHED_SLAB == 0) {
        size_t slabs = list->count / FINISHED_SLAB + 1;
        list->slabs = memory_resize(list->slabs, slabs, sizeof *list->slabs);
        list->slabs[slabs - 1] = memory_zeroed(1, FINISHED_SLAB_BYTES);
    }
    if (finished->begun_ns < list->first_ns || !list->count)
        list->first_ns = finished->begun_ns;
    if (finished->begun_ns > list->last_ns || !list->count)
        list->last_ns = finished->begun_ns;
    list->slabs[list->count / FINISHED_SLAB][list->count % FINISHED_SLAB] = packed;
    list->count++;
}

void finished_add(struct finished_list *list, const struct attempt *attempt)
{
    const struct mark *first = attempt->side[INITIATOR].first;
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
