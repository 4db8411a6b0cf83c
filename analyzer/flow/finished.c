#include "analyzer/flow/finished.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/words.h"

/* All but a few: the times of five hours, and frames as far apart as such connections have them. */
struct packed {
    uint32_t address[2]; /* of the key; so are the ports */
    int64_t begun_ns;
    uint64_t lasted_ns : 44;
    uint64_t hop_limit : 8;
    uint64_t service : 8;
    uint64_t has_mac : 1;
    uint64_t initiator_is_high : 1;
    uint64_t v6 : 1;
    uint64_t odd : 1; /* it does not fit: begun_ns is its index among those that are kept whole */
    uint64_t idle_survived_ns : 44;
    uint64_t low_port : 16;
    uint64_t mac : 48;
    uint64_t high_port : 16;
    uint64_t first_frame : 36;
    uint64_t idle_survived_after : 28; /* frames */
};
_Static_assert(sizeof(struct packed) == 48, "of millions, every byte counts");

#define BITS(count) ((UINT64_C(1) << (count)) - 1)

enum { SLAB_BYTES = 2 * 1024 * 1024, SLAB_RECORDS = SLAB_BYTES / sizeof(struct packed) };

struct finished_list {
    struct packed **slabs;
    size_t count, cap;
    struct finished *odd;
    size_t odd_count;
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
    free(list->odd);
    free(list);
}

bool finished_full(const struct finished_list *list)
{
    return list->count == list->cap;
}

static struct packed pack(const struct finished *finished)
{
    struct packed packed = {
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

/* No frame that a silence ended with is the connection's first. */
static struct finished unpack(const struct packed *packed)
{
    uint32_t after = packed->idle_survived_after;
    struct finished finished = {
        .key = {{packed->address[0], packed->address[1]},
                {packed->low_port, packed->high_port},
                PROTO_TCP,
                packed->v6},
        .hop_limit = packed->hop_limit,
        .service = packed->service,
        .has_mac = packed->has_mac,
        .initiator_is_high = packed->initiator_is_high,
        .begun_ns = packed->begun_ns,
        .last_ns = packed->begun_ns + (int64_t)packed->lasted_ns,
        .first_frame = packed->first_frame,
        .idle_survived_ns = (int64_t)packed->idle_survived_ns,
        .idle_survived_frame = after ? packed->first_frame + after : 0,
    };
    uint64_t mac = packed->mac;
    memcpy(finished.mac, &mac, sizeof finished.mac);
    return finished;
}

/* Whether packing loses nothing. */
static bool same(const struct finished *a, const struct finished *b)
{
    return flow_key_equal(&a->key, &b->key) && a->last_ns == b->last_ns &&
           a->first_frame == b->first_frame && a->idle_survived_ns == b->idle_survived_ns &&
           a->idle_survived_frame == b->idle_survived_frame;
}

static struct packed keep_whole(struct finished_list *list, const struct finished *finished)
{
    if ((list->odd_count & (list->odd_count - 1)) == 0) /* doubles at powers of two */
        list->odd =
            memory_resize(list->odd, list->odd_count ? list->odd_count * 2 : 1, sizeof *list->odd);
    list->odd[list->odd_count] = *finished;
    return (struct packed){.odd = true, .begun_ns = (int64_t)list->odd_count++};
}

void finished_put(struct finished_list *list, const struct finished *finished)
{
    struct packed packed = pack(finished);
    const struct finished again = unpack(&packed);
    if (!same(finished, &again))
        packed = keep_whole(list, finished);
    if (list->count % SLAB_RECORDS == 0) {
        size_t slabs = list->count / SLAB_RECORDS + 1;
        list->slabs = memory_resize(list->slabs, slabs, sizeof *list->slabs);
        list->slabs[slabs - 1] = memory_slab(slabs - 1, 1, SLAB_BYTES);
    }
    list->slabs[list->count / SLAB_RECORDS][list->count % SLAB_RECORDS] = packed;
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

bool finished_next(const struct finished_list *list, size_t *position, struct finished *finished)
{
    if (*position == list->count)
        return false;
    size_t at = (*position)++;
    const struct packed *packed = &list->slabs[at / SLAB_RECORDS][at % SLAB_RECORDS];
    *finished = packed->odd ? list->odd[packed->begun_ns] : unpack(packed);
    return true;
}
