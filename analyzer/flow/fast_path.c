#include "analyzer/flow/fast_path.h"

#include "analyzer/flow/tracker_internal.h"
#include "analyzer/words.h"

enum { IP4_SOURCE = 12, IP4_DESTINATION = 16, IP6_SOURCE = 8, IP6_DESTINATION = 24 };

/* The numbers of both addresses, where they have one: IPv4 always, IPv6 when seen before. */
static inline bool address_numbers(const struct tracker *tracker, const struct glance *seen,
                                   uint32_t *from, uint32_t *to)
{
    if (seen->version == 4) {
        memcpy(from, seen->ip + IP4_SOURCE, 4);
        memcpy(to, seen->ip + IP4_DESTINATION, 4);
        return true;
    }
    return address_pool_find(tracker->addresses, seen->ip + IP6_SOURCE, from) &&
           address_pool_find(tracker->addresses, seen->ip + IP6_DESTINATION, to);
}

/* A new conversation is likely to be of a new host. */
static inline void fetch_host(const struct tracker *tracker, const struct glance *seen)
{
    struct ip_address address;
    if (seen->version == 4)
        address = ip_from_v4(seen->ip + IP4_SOURCE);
    else
        memcpy(address.bytes, seen->ip + IP6_SOURCE, sizeof address.bytes);
    hash_index_fetch(&tracker->hosts->index, host_table_hash(tracker->hosts, &address));
}

/* Reads a frame and asks for the memory of its flow. */
static inline void look(const struct tracker *tracker, const struct frame *frame,
                        struct fast_packet *packet)
{
    const struct glance *seen = &packet->seen;
    uint32_t from, to;
    packet->common =
        packet_glance(frame->link_type, frame->data, frame->caplen, frame->len, &packet->seen);
    packet->keyed = packet->common && address_numbers(tracker, seen, &from, &to);
    if (!packet->keyed)
        return;
    packet->key = flow_key_make(seen->proto, seen->version == 6, from, seen->source_port, to,
                                seen->destination_port, &packet->from_high);
    packet->hash = flow_table_hash(tracker->flows, &packet->key);
    hash_index_fetch(&tracker->flows->index, packet->hash);
    if (seen->tcp_flags & TCP_SYN)
        fetch_host(tracker, seen);
}

/* The index slot has come: asks for the entry. */
static inline void fetch(const struct tracker *tracker, const struct fast_packet *packet)
{
    const struct hash_index *index = &tracker->flows->index;
    if (!packet->keyed)
        return;
    uint32_t entry = index->slots[hash_index_home(index, packet->hash)].entry;
    if (entry)
        __builtin_prefetch(flow_table_entry(tracker->flows, entry - 1), 1);
}

/* The entry has come: asks for what every packet changes of a product's record, if there is one. */
static inline void fetch_attempt(const struct tracker *tracker, const struct fast_packet *packet)
{
    if (!packet->keyed)
        return;
    const struct hash_index *index = &tracker->flows->index;
    uint32_t entry = index->slots[hash_index_home(index, packet->hash)].entry;
    uint32_t number = entry ? flow_table_entry(tracker->flows, entry - 1)->attempt : 0;
    if (!number)
        return;
    const struct attempt *attempt = attempt_at(tracker, number);
    for (int side = 0; side < 2; side++) {
        __builtin_prefetch(&attempt->side[side].last, 1);
        __builtin_prefetch(&attempt->side[side].last_data, 1);
        __builtin_prefetch(&attempt->side[side].rst_count, 1);
        __builtin_prefetch(&attempt->side[side].first_unanswered, 1);
    }
    for (int i = 0; i < RECENT_PACKETS; i += 2)
        __builtin_prefetch(&attempt->recent[i], 1);
    __builtin_prefetch(&attempt->last_ns, 1);
}

/* A segment that neither opens nor resets: what flow_other() of tcp.c makes of it. */
static inline void take_segment(struct flow *flow, const struct glance *seen, enum side side)
{
    if (side == INITIATOR || seen->payload_length)
        flow->bits |= FLOW_ESTABLISHED;
    if (seen->tcp_flags & TCP_FIN)
        flow->bits |= FLOW_FIN;
}

/* What udp_track() makes of a datagram. */
static inline void take_datagram(struct flow *flow, enum side side)
{
    if (side == INITIATOR)
        flow_asked(flow);
}

/* False: nothing done. */
static inline bool take(struct tracker *tracker, struct fast_packet *packet, uint64_t frame,
                        int64_t time_ns)
{
    const struct glance *seen = &packet->seen;
    packet->flow = NULL;
    if (!packet->keyed || (seen->tcp_flags & (TCP_SYN | TCP_RST)))
        return false;
    struct flow *flow = flow_table_find_hashed(tracker->flows, &packet->key, packet->hash);
    packet->flow = flow;
    if (!flow || !(flow->bits & FLOW_UNWATCHED))
        return false;
    enum side side = flow_side(flow, packet->from_high);
    if (!flow->hop_limit[side]) /* its first packet: it may answer, and is remembered */
        return false;
    struct host *host = host_table_numbered(tracker->hosts, flow_host(flow, packet->from_high));
    if (!host || !host_saw_the_same(host, seen, frame, time_ns))
        return false;

    flow->bits |= side == INITIATOR ? FLOW_FROM_INITIATOR : FLOW_FROM_RESPONDER;
    flow->last_ns = time_ns;
    if (seen->proto == PROTO_TCP)
        take_segment(flow, seen, side);
    else
        take_datagram(flow, side);
    return true;
}

void fast_path_batch(struct tracker *tracker, const struct frame *frames, int count,
                     uint64_t frame_base, fast_path_slowly *slowly, void *context)
{
    struct fast_packet packets[FAST_PATH_BATCH];
    for (int i = 0; i < count; i++)
        look(tracker, &frames[i], &packets[i]);
    for (int i = 0; i < count; i++)
        fetch(tracker, &packets[i]);
    for (int i = 0; i < count; i++)
        fetch_attempt(tracker, &packets[i]);
    for (int i = 0; i < count; i++) {
        const struct frame *frame = &frames[i];
        packets[i].keyed &= frame->direction == FRAME_UNKNOWN; /* else the host has to know it */
        if (!take(tracker, &packets[i], frame_base + frame->number, frame->time_ns))
            slowly(context, frame, &packets[i]);
    }
}

struct attempt *fast_path_hand_over(struct tracker *tracker, const struct fast_packet *looked_at,
                                    const struct packet *packet, uint64_t frame, int64_t time_ns,
                                    enum side *side, bool *fresh)
{
    struct event event = {.packet = packet, .frame = frame, .time_ns = time_ns};
    if (looked_at->keyed) {
        event.key = &looked_at->key;
        event.hash = looked_at->hash;
        event.from_high = looked_at->from_high;
        event.flow = looked_at->flow;
        event.seen = &looked_at->seen;
    }
    return tracker_event(tracker, &event, side, fresh);
}
