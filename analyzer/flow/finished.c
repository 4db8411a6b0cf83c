#include "analyzer/flow/finished.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
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

/* Its index; FINISHED_ORIGINS: there are too many. */
static uint32_t origin_of(struct finished_list *list, const struct finished *finished)
{
    uint64_t number = 0;
    memcpy(&number, finished->mac, sizeof finished->mac);
    number |= (uint64_t)finished->hop_limit << 48 | (uint64_t)finished->service << 56;
    size_t slot = hash_two(finished->has_mac, number, 0) % FINISHED_ORIGIN_SLOTS;
    for (; list->origin_slots[slot]; slot = (slot + 1) % FINISHED_ORIGIN_SLOTS) {
        const struct finished_origin *origin = &list->origins[list->origin_slots[slot] - 1];
        if (memcmp(origin->mac, finished->mac, sizeof origin->mac) == 0 &&
            origin->hop_limit == finished->hop_limit && origin->service == finished->service &&
            origin->has_mac == finished->has_mac)
            return list->origin_slots[slot] - 1u;
    }
    if (list->origin_count == FINISHED_ORIGINS)
        return FINISHED_ORIGINS;
    struct finished_origin *origin = &list->origins[list->origin_count++];
    list->origin_slots[slot] = (uint16_t)list->origin_count;
    memcpy(origin->mac, finished->mac, sizeof origin->mac);
    origin->hop_limit = finished->hop_limit;
    origin->service = finished->service;
    origin->has_mac = finished->has_mac;
    return (uint32_t)list->origin_count - 1;
}

static struct finished_packed pack(const struct finished_list *list, uint32_t origin,
                                   const struct finished *finished)
{
    struct finished_packed packed = {
        .address = {finished->key.address[0], finished->key.address[1]},
        .begun_after = (uint64_t)(finished->begun_ns - list->base_ns) & BITS(52),
        .origin = origin & BITS(12),
        .lasted_ns = (uint64_t)(finished->last_ns - finished->begun_ns) & BITS(44),
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
    return packed;
}

/* Whether packing loses nothing. */
static bool same(const struct finished *a, const struct finished *b)
{
    return flow_key_equal(&a->key, &b->key) && a->begun_ns == b->begun_ns &&
           a->last_ns == b->last_ns && a->first_frame == b->first_frame &&
           a->idle_survived_ns == b->idle_survived_ns &&
           a->idle_survived_frame == b->idle_survived_frame;
}

static struct finished_packed keep_whole(struct finished_list *list,
                                         const struct finished *finished)
{
    if ((list->odd_count & (list->odd_count - 1)) == 0) /* doubles at powers of two */
        list->odd =
            memory_resize(list->odd, list->odd_count ? list->odd_count * 2 : 1, sizeof *list->odd);
    list->odd[list->odd_count] = *finished;
    return (struct finished_packed){.odd = true, .begun_after = list->odd_count++ & BITS(52)};
}

void finished_put(struct finished_list *list, const struct finished *finished)
{
    if (!list->count)
        list->base_ns = (int64_t)((uint64_t)finished->begun_ns - BITS(51));
    uint32_t origin = origin_of(list, finished);
    struct finished_packed packed = pack(list, origin, finished);
    const struct finished again = finished_unpack(list, &packed);
    if (origin == FINISHED_ORIGINS || !same(finished, &again))
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
