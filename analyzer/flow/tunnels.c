#include "analyzer/flow/tunnels.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "dissectors/vpn.h"

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

struct tunnel_record *tunnels_between(struct tunnels *tunnels, const struct ip_address *one,
                                      const struct ip_address *other)
{
    int which = 0;
    if (ip_is_unspecified(one) || ip_is_unspecified(other))
        return NULL;
    if (!tunnels->all) {
        tunnels->all = memory_zeroed(SLOTS, sizeof *tunnels->all);
        tunnels->seed = hash_seed();
    }
    struct tunnel_record *record = look_up(tunnels, one, other, &which);
    if (!ip_is_unspecified(&record->end[0]))
        return record;
    if (tunnels->count == TUNNELS_MAX) {
        tunnels->refused++;
        return NULL;
    }
    tunnels->count++;
    record->end[0] = *one;
    record->end[1] = *other;
    return record;
}

static void note(struct tunnel_record *record, int which, const struct packet *packet,
                 uint64_t frame, int64_t time_ns)
{
    if (record->packets[which]++ == 0) {
        record->first_frame[which] = frame;
        record->first_ns[which] = time_ns;
    }
    if (ip_is_unspecified(&record->asked[which]))
        record->asked[which] = packet->ip.destination;
    else if (!ip_equal(&record->asked[which], &packet->ip.destination))
        record->asked_others[which] = true;
    record->last_frame[which] = frame;
    record->last_ns[which] = time_ns;
    if (packet->ip.total_length > record->length_max[which])
        record->length_max[which] = packet->ip.total_length;
}

void tunnels_packet(struct tunnels *tunnels, const struct packet *packet, uint64_t frame,
                    int64_t time_ns)
{
    const struct ip_address *source = &packet->tunnel_source;
    if (ip_is_multicast(&packet->ip.destination))
        return; /* what a system says unasked, RFC 3810 and RFC 4861: one direction, no answer */
    struct tunnel_record *record = tunnels_between(tunnels, source, &packet->tunnel_destination);
    if (record)
        note(record, ip_equal(&record->end[0], source) ? 0 : 1, packet, frame, time_ns);
}

/* RFC 4303 2: | SPI (4) | sequence (4) | ... */
static const uint8_t *esp_header(const struct packet *packet)
{
    enum { IP6_HEADER = 40 };
    if (!packet->ip_captured)
        return NULL;
    uint32_t header = packet->ip.version == 4 ? (packet->ip_bytes[0] & 0xfu) * 4 : IP6_HEADER;
    return packet->ip_captured >= header + ESP_NUMBER ? packet->ip_bytes + header : NULL;
}

void tunnel_esp(struct tunnel_record *record, int which, const uint8_t *header,
                const struct packet *packet, uint64_t frame, int64_t time_ns)
{
    uint64_t number = 0;
    if (header)
        memcpy(&number, header, ESP_NUMBER);
    if (number && number == record->last_number[which]) { /* a copy */
        record->forwarded[which] += packet->ip.hop_limit < record->last_hops[which];
        return;
    }
    record->last_number[which] = number;
    record->last_hops[which] = packet->ip.hop_limit;
    note(record, which, packet, frame, time_ns);
}

void tunnels_esp(struct tunnels *tunnels, const struct packet *packet, uint64_t frame,
                 int64_t time_ns)
{
    int which = 0;
    if (!tunnels->all)
        return;
    const struct ip_address *source = &packet->ip.source;
    struct tunnel_record *record = look_up(tunnels, source, &packet->ip.destination, &which);
    if (ip_is_unspecified(&record->end[0]))
        return;
    tunnel_esp(record, which, esp_header(packet), packet, frame, time_ns);
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
