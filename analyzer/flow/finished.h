/* What stays of a product's connections that worked, ended, and are given up to make room: 40 bytes
 * instead of a whole record. It is what a failure can be held against: that the client came at all,
 * and that it got through at that time, perhaps in the other address family (races.h). */
#ifndef FWSNIFF_FLOW_FINISHED_H
#define FWSNIFF_FLOW_FINISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "analyzer/flow/attempt.h"
#include "analyzer/words.h"

struct finished {
    struct flow_key key;
    uint8_t mac[6];    /* source of the initiator's first packet ... */
    uint8_t hop_limit; /* ... and its hop limit */
    uint8_t service;   /* profiles_service_index */
    bool has_mac : 1;
    bool initiator_is_high : 1; /* the initiator is end[1] of the key */
    int64_t begun_ns, last_ns;
    uint64_t first_frame;         /* its SYN */
    int64_t idle_survived_ns;     /* as of struct attempt */
    uint64_t idle_survived_frame; /* the same */
};

/* Whose connections are alike in what an initiator's first packet shows: few hosts of a link, and
 * all that come through one router from as far. */
struct finished_origin {
    uint8_t mac[6];
    uint8_t hop_limit;
    uint8_t service;
    bool has_mac;
};

/* All but a few: begun within 25 days of the first, and frames as far apart as such connections
 * have them. */
struct finished_packed {
    uint32_t address[2];       /* of the key; so are the ports */
    uint64_t begun_after : 52; /* ns since finished_list.base_ns */
    uint64_t origin : 12;      /* index */
    uint64_t lasted_ns : 44;
    uint64_t low_port : 16;
    uint64_t initiator_is_high : 1;
    uint64_t v6 : 1;
    uint64_t odd : 1; /* it does not fit: begun_after is its index among those kept whole */
    uint64_t idle_survived_ns : 44;
    uint64_t high_port : 16;
    uint64_t first_frame : 36;
    uint64_t idle_survived_after : 28; /* frames */
};
_Static_assert(sizeof(struct finished_packed) == 40, "of millions, every byte counts");

enum {
    FINISHED_SLAB_BYTES = 256 * 1024,
    FINISHED_SLAB = FINISHED_SLAB_BYTES / sizeof(struct finished_packed), /* records */
    FINISHED_ORIGINS = 1 << 12,
    FINISHED_ORIGIN_SLOTS = 2 * FINISHED_ORIGINS,
};

/* Open to the passes over it, which want a field or two of hundreds of thousands. */
struct finished_list {
    struct finished_packed **slabs;
    size_t count, cap;
    struct finished *odd;
    size_t odd_count;
    int64_t base_ns;
    struct finished_origin origins[FINISHED_ORIGINS];
    uint16_t origin_slots[FINISHED_ORIGIN_SLOTS]; /* index + 1, by hash; 0: free */
    size_t origin_count;
    int64_t first_ns, last_ns; /* that any of them began; with none, 0 */
};

/* At most `cap`, which the caller sees to. */
struct finished_list *finished_new(size_t cap);
void finished_free(struct finished_list *list);
bool finished_full(const struct finished_list *list);
void finished_add(struct finished_list *list, const struct attempt *attempt);
void finished_put(struct finished_list *list, const struct finished *finished);

uint64_t finished_count(const struct finished_list *list);
/* No frame that a silence ended with is the connection's first. */
static inline struct finished finished_unpack(const struct finished_list *list,
                                              const struct finished_packed *packed)
{
    const struct finished_origin *origin = &list->origins[packed->origin];
    int64_t begun_ns = (int64_t)((uint64_t)list->base_ns + packed->begun_after);
    uint32_t after = packed->idle_survived_after;
    struct finished finished = {
        .key = {.address = {packed->address[0], packed->address[1]},
                .port = {packed->low_port, packed->high_port},
                .proto = PROTO_TCP,
                .v6 = packed->v6},
        .hop_limit = origin->hop_limit,
        .service = origin->service,
        .has_mac = origin->has_mac,
        .initiator_is_high = packed->initiator_is_high,
        .begun_ns = begun_ns,
        .last_ns = begun_ns + (int64_t)packed->lasted_ns,
        .first_frame = packed->first_frame,
        .idle_survived_ns = (int64_t)packed->idle_survived_ns,
        .idle_survived_frame = after ? packed->first_frame + after : 0,
    };
    memcpy(finished.mac, origin->mac, sizeof finished.mac);
    return finished;
}

/* Walks them: start with *position = 0; false at the end. */
static inline bool finished_next(const struct finished_list *list, size_t *position,
                                 struct finished *finished)
{
    if (*position == list->count)
        return false;
    size_t at = (*position)++;
    const struct finished_packed *packed = &list->slabs[at / FINISHED_SLAB][at % FINISHED_SLAB];
    *finished = packed->odd ? list->odd[packed->begun_after] : finished_unpack(list, packed);
    return true;
}

#endif
