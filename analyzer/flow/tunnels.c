#include "analyzer/flow/tunnels.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum { SLOTS = TUNNELS_MAX * 2 }; /* half full at most */

/* The same for both directions. */
static uint32_t slot_of(uint64_t seed, const struct ip_address *one, const struct ip_address *other)
{
    uint64_t hash = hash_two(seed, one->halves[0], one->halves[1]) +
                    hash_two(seed, other->halves[0], other->halves[1]);
    return (uint32_t)(hash_mix(hash, 0x9e3779b97f4a7c15u) % SLOTS);
}

static struct tunnel_record *look_up(const struct tunnels *tunnels, const struct ip_address *one,
                                     const struct ip_address *other, int *which)
{
    uint32_t slot = slot_of(tunnels->seed, one, other);
    for (;; slot = (slot + 1) % SLOTS) {
        struct tunnel_record *record = &tunnels->all[slot];
        if (ip_is_unspecified(&record->end[0]))
            return record;
        for (*which = 0; *which < 2; ++*which)
            if (ip_equal(&record->end[*which], one) && ip_equal(&record->end[!*which], other))
                return record;
    }
}

void tunnels_packet(struct tunnels *tunnels, const struct packet *packet, uint64_t frame)
{
    const struct ip_address *source = &packet->tunnel_source;
    const struct ip_address *destination = &packet->tunnel_destination;
    if (ip_is_unspecified(source) || ip_is_unspecified(destination))
        return;
    if (!tunnels->all) {
        tunnels->all = memory_zeroed(SLOTS, sizeof *tunnels->all);
        tunnels->seed = hash_seed();
    }
    int which = 0;
    struct tunnel_record *record = look_up(tunnels, source, destination, &which);
    if (ip_is_unspecified(&record->end[0])) {
        if (tunnels->count == TUNNELS_MAX) {
            tunnels->refused++;
            return;
        }
        tunnels->count++;
        record->end[0] = *source;
        record->end[1] = *destination;
        which = 0;
    }
    if (record->packets[which]++ == 0)
        record->first_frame[which] = frame;
}

const struct tunnel_record *tunnels_find(const struct tunnels *tunnels,
                                         const struct ip_address *one,
                                         const struct ip_address *other, int *which)
{
    if (!tunnels->all || ip_is_unspecified(one))
        return NULL;
    const struct tunnel_record *record = look_up(tunnels, one, other, which);
    return ip_is_unspecified(&record->end[0]) ? NULL : record;
}

void tunnels_free(struct tunnels *tunnels)
{
    free(tunnels->all);
}
