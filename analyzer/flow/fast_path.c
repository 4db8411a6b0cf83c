#include "analyzer/flow/fast_path.h"

#include "analyzer/flow/held.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/words.h"

/* GCC takes a function that only asks for memory for one without effect, and leaves its calls out.
 */
#define FETCHES static inline __attribute__((always_inline))
/* And what every packet needs is to stand in the loop over all of them. */
#define ALWAYS static inline __attribute__((always_inline))
/* What few packets need stays out of the loop over all of them. */
#define SELDOM static __attribute__((noinline))

enum { IP4_SOURCE = 12, IP4_DESTINATION = 16, IP6_SOURCE = 8, IP6_DESTINATION = 24 };

/* Where the two addresses stand in an IPv6 header. */
static inline struct ip_address address6(const struct glance *seen, bool destination)
{
    struct ip_address address;
    memcpy(address.bytes, seen->ip + (destination ? IP6_DESTINATION : IP6_SOURCE),
           sizeof address.bytes);
    return address;
}

static inline struct ip_address address_of(const struct glance *seen, bool destination)
{
    if (seen->version == 4)
        return ip_from_v4(seen->ip + (destination ? IP4_DESTINATION : IP4_SOURCE));
    return address6(seen, destination);
}

/* Knows the packet's flow by its addresses' numbers: asks for the memory of its index. */
ALWAYS void know(const struct tracker *tracker, struct fast_packet *packet, uint32_t from,
                 uint32_t to)
{
    const struct glance *seen = &packet->seen;
    const struct flow_key key =
        flow_key_make(seen->proto, seen->version == 6, from, seen->source_port, to,
                      seen->destination_port, &packet->from_high);
    packet->keyed = true;
    packet->key = key;
    packet->hash = flow_table_hash(tracker->flows, &key);
    hash_index_fetch(&tracker->flows->index, packet->hash);
}

/* The addresses of an IPv6 packet are looked up first. */
ALWAYS void hash_addresses(const struct address_pool *pool, struct fast_packet *packet)
{
    for (int end = 0; end < 2; end++) {
        struct ip_address address = address6(&packet->seen, end);
        packet->address_hash[end] = address_pool_hash(pool, &address);
        hash_index_fetch(&pool->index, packet->address_hash[end]);
    }
}

/* Reads a frame, and knows its flow, if that is IPv4's. True: it is IPv6's, and its addresses are
 * asked for. Where the file tells a frame's direction its host has to know it, the slow way. */
ALWAYS bool look(const struct tracker *tracker, const struct frame *frame,
                 struct fast_packet *packet)
{
    const struct glance *seen = &packet->seen;
    packet->replayed = packet->keyed = false;
    packet->common =
        packet_glance(frame->link_type, frame->data, frame->caplen, frame->len, &packet->seen);
    if (!packet->common || frame->direction != FRAME_UNKNOWN)
        return false;
    if (seen->version == 6) {
        hash_addresses(tracker->addresses, packet);
        return true;
    }
    uint32_t from, to;
    memcpy(&from, seen->ip + IP4_SOURCE, 4);
    memcpy(&to, seen->ip + IP4_DESTINATION, 4);
    know(tracker, packet, from, to);
    return false;
}

/* IPv6 addresses have numbers from the first packet on that may be followed. */
static bool number_addresses(struct tracker *tracker, const struct fast_packet *packet,
                             uint32_t number[2])
{
    const struct glance *seen = &packet->seen;
    struct address_pool *pool = tracker->addresses;
    bool all = true;
    for (int end = 0; end < 2; end++) {
        struct ip_address address = address6(seen, end);
        uint32_t entry = address_pool_slot(pool, &address, packet->address_hash[end])->entry;
        number[end] = entry - 1;
        all &= entry != 0;
    }
    if (all)
        return true;
    bool may = address_pool_has_room(pool, 2) &&
               tracker_may_number(tracker, seen->proto, seen->source_port, seen->destination_port);
    for (int end = 0; end < 2 && may; end++) {
        struct ip_address address = address6(seen, end);
        address_pool_number_hashed(pool, &address, packet->address_hash[end], true, &number[end]);
    }
    return may;
}

/* The slots of an IPv6 packet's addresses have come: asks for these. */
FETCHES void fetch_addresses(const struct address_pool *pool, const struct fast_packet *packet)
{
    for (int end = 0; end < 2; end++)
        address_pool_fetch(pool, packet->address_hash[end]);
}

static void know_v6(struct tracker *tracker, struct fast_packet *packet)
{
    uint32_t number[2];
    if (number_addresses(tracker, packet, number))
        know(tracker, packet, number[0], number[1]);
}

void fast_path_look(struct tracker *tracker, const struct frame *frame, struct fast_packet *packet)
{
    if (look(tracker, frame, packet))
        know_v6(tracker, packet);
}

/* The index slot has come: asks for the entry with that hash, nearly always the packet's flow. */
FETCHES void fetch(const struct flow_table *flows, struct fast_packet *packet)
{
    uint32_t entry = packet->keyed ? hash_index_first(&flows->index, packet->hash) : 0;
    packet->flow = entry ? flow_table_entry(flows, entry - 1) : NULL;
    __builtin_prefetch(packet->flow, 1);
}

FETCHES void fetch_attempt(const struct attempt *attempt)
{
    enum { CACHE_LINE = 64 };
    const uint8_t *at = (const uint8_t *)attempt->side;
    __builtin_prefetch(attempt, 1);
    for (; at < (const uint8_t *)(attempt->recent + RECENT_PACKETS); at += CACHE_LINE)
        __builtin_prefetch(at, 1);
}

/* What hangs on the record: what is spoken, and the packet that will not be the last any more. */
FETCHES void fetch_attempt_rest(const struct attempt *attempt, enum side side)
{
    __builtin_prefetch(attempt->speech, 1);
    __builtin_prefetch(attempt->side[side].last, 1);
}

/* The first packet of a new conversation: its host is looked up, unless there are too many. */
FETCHES void fetch_host(const struct host_table *hosts, struct fast_packet *packet)
{
    struct ip_address address = address_of(&packet->seen, false);
    packet->host_hash = host_table_hash(hosts, &address);
    hash_index_fetch(&hosts->index, packet->host_hash);
}

/* The entry has come: asks for what every packet changes of a product's record, if there is one.
 * True: there is more to ask for. */
FETCHES bool fetch_more(const struct tracker *tracker, struct fast_packet *packet)
{
    const struct flow *flow = packet->flow;
    if (!flow) {
        bool strange = packet->keyed && tracker->hosts->count < HOSTS_EASY;
        if (strange)
            fetch_host(tracker->hosts, packet);
        return strange;
    }
    uint32_t attempt = flow->attempt;
    if (attempt > HELD_BASE)
        held_fetch(tracker, attempt);
    else if (attempt)
        fetch_attempt(attempt_at(tracker, attempt));
    return attempt;
}

FETCHES void fetch_rest(const struct tracker *tracker, const struct fast_packet *packet)
{
    const struct flow *flow = packet->flow;
    if (!flow) {
        uint32_t host = hash_index_first(&tracker->hosts->index, packet->host_hash);
        if (host)
            __builtin_prefetch(host_table_at(tracker->hosts, host - 1), 1);
    } else if (flow->attempt > HELD_BASE) {
        held_fetch_more(tracker, flow, packet->seen.tcp_flags & TCP_FIN);
    } else {
        fetch_attempt_rest(attempt_at(tracker, flow->attempt), flow_side(flow, packet->from_high));
    }
}

/* The flow of a packet: the entry that fetch() saw, unless it came or went since. */
ALWAYS struct flow *find_flow(const struct tracker *tracker, const struct fast_packet *packet)
{
    struct flow *seen = packet->flow;
    if (!seen || !flow_has_key(seen, &packet->key))
        return flow_table_find_hashed(tracker->flows, &packet->key, packet->hash);
    return seen;
}

/* --- what a packet changes --- */

/* Of a side that was heard before: no segment that opens or resets, no traceroute probe. */
ALWAYS bool is_usual(const struct flow *flow, const struct glance *seen, enum side side)
{
    return flow->hop_limit[side] && !(seen->tcp_flags & (TCP_SYN | TCP_RST)) &&
           (seen->hop_limit > PROBE_HOP_LIMIT_MAX || seen->proto == PROTO_TCP);
}

/* What tcp_flow_segment() makes of a usual segment, and udp_track() of a datagram. Which of the two
 * it is, which side sent it and whether it carries anything changes from packet to packet: without
 * branches it costs less than to predict them wrongly. (GCC 12 makes of a comparison with 0 in the
 * place of the shift a detour over the stack that stalls.) */
ALWAYS void take_usual(struct flow *flow, const struct glance *seen, enum side side,
                       int64_t time_ns)
{
    unsigned tcp = seen->proto == PROTO_TCP, udp = !tcp, asks = side == INITIATOR;
    unsigned says = (0 - seen->payload_length) >> 31, shows = tcp & (asks | says);
    unsigned ends = (seen->tcp_flags & TCP_FIN) != 0;
    flow->bits |= (uint16_t)(FLOW_TOUCHED | (unsigned)FLOW_FROM_INITIATOR << side |
                             shows * FLOW_ESTABLISHED | ends * FLOW_FIN);
    flow->syn_count = (uint8_t)(flow->syn_count + (udp & asks & (flow->syn_count < UINT8_MAX)));
    flow->last_ns = time_ns;
}

SELDOM void take_strange_host(struct tracker *tracker, const struct fast_packet *looked_at,
                              uint64_t frame, int64_t time_ns)
{
    struct flow *flow = looked_at->flow;
    const struct glance *seen = &looked_at->seen;
    const struct ip_address ends[2] = {address_of(seen, false), address_of(seen, true)};
    if (tracker_host_again(tracker, flow, looked_at->from_high, ends, seen)) {
        host_table_pulse(tracker->hosts, flow_host(flow, looked_at->from_high), frame, time_ns);
        return;
    }
    struct packet packet;
    packet_from_glance(seen, &packet);
    const struct event event = {.packet = &packet,
                                .frame = frame,
                                .time_ns = time_ns,
                                .from_high = looked_at->from_high,
                                .flow = flow};
    tracker_host(tracker, &event);
}

ALWAYS void take_host(struct tracker *tracker, const struct fast_packet *looked_at, uint64_t frame,
                      int64_t time_ns)
{
    const struct glance *seen = &looked_at->seen;
    const struct flow *flow = looked_at->flow;
    enum side side = flow_side(flow, looked_at->from_high);
    uint32_t number = flow_host(flow, looked_at->from_high);
    if (!number && tracker_ignores(tracker, flow, side))
        return;
    uint8_t way = ways_find(&tracker->ways, seen->macs + 6, seen->total_length);
    if (flow_knows_sender(flow, side, seen->hop_limit, way))
        host_table_pulse(tracker->hosts, number, frame, time_ns);
    else
        take_strange_host(tracker, looked_at, frame, time_ns);
}

/* Whether a TCP packet is for tcp_track(): it may begin or end what others than the flow have to
 * know of, a product's connection, one of FTP, or a traceroute. */
static bool concerns_others(const struct tracker *tracker, const struct flow *flow,
                            const struct glance *seen)
{
    if (seen->hop_limit <= PROBE_HOP_LIMIT_MAX || probes_any(tracker->probes))
        return true;
    if (flow && !tcp_opens(seen->tcp_flags))
        return false;
    return tracker->ftp_expected ||
           !tracker_is_unwatched(tracker, PROTO_TCP, seen->source_port, seen->destination_port);
}

static inline struct segment segment_of(const struct fast_packet *packet, uint64_t frame,
                                        int64_t time_ns)
{
    const struct glance *seen = &packet->seen;
    return (struct segment){
        .frame = frame,
        .time_ns = time_ns,
        .sequence = bytes_u32(seen->transport + 4),
        .acknowledgment = bytes_u32(seen->transport + 8),
        .payload_length = seen->payload_length,
        .source_port = seen->source_port,
        .destination_port = seen->destination_port,
        .window = bytes_u16(seen->transport + 14),
        .flags = seen->tcp_flags,
        .hop_limit = seen->hop_limit,
        .from_high = packet->from_high,
    };
}

static void add_flow(struct tracker *tracker, struct fast_packet *packet,
                     const struct segment *segment)
{
    bool added;
    packet->flow = flow_table_add_hashed(tracker->flows, &packet->key, packet->hash, &added);
    tcp_flow_begins(tracker, packet->flow, segment);
    tracker->counters.kinds |= UINT32_C(1) << PACKET_TCP;
}

/* The first segment of a side, one that opens or one that resets. False: nothing done. */
SELDOM bool take_rare_segment(struct tracker *tracker, struct fast_packet *packet, uint64_t frame,
                              int64_t time_ns)
{
    const struct glance *seen = &packet->seen;
    if (tracker->options.show_openings || concerns_others(tracker, packet->flow, seen))
        return false;
    const struct segment segment = segment_of(packet, frame, time_ns);
    if (!packet->flow) {
        add_flow(tracker, packet, &segment);
        packet->flow->bits |= FLOW_UNWATCHED;
    }
    enum side side;
    tcp_flow_segment(tracker, packet->flow, &segment, &side);
    if (!(seen->tcp_flags & TCP_RST))
        take_host(tracker, packet, frame, time_ns);
    return true;
}

/* Who holds a packet back needs no more of it; flow and hosts learn of it as of any other. */
static inline void learn_held(struct tracker *tracker, struct fast_packet *packet,
                              const struct segment *segment)
{
    enum side side = flow_side(packet->flow, packet->from_high);
    if (is_usual(packet->flow, &packet->seen, side))
        take_usual(packet->flow, &packet->seen, side, segment->time_ns);
    else
        tcp_flow_segment(tracker, packet->flow, segment, &side);
    take_host(tracker, packet, segment->frame, segment->time_ns);
}

/* The SYN of a product's connection that may be held back. False: it may not, nothing is done. */
SELDOM bool take_first_held(struct tracker *tracker, struct fast_packet *packet,
                            const struct frame *frame, uint64_t number)
{
    const struct segment segment = segment_of(packet, number, frame->time_ns);
    if (!held_may_begin(tracker, &segment, frame))
        return false;
    add_flow(tracker, packet, &segment);
    held_begins(tracker, packet, &segment, frame);
    learn_held(tracker, packet, &segment);
    return true;
}

/* A packet of a product's connection: held back if that one is, and goes on as it should. */
SELDOM bool take_held(struct tracker *tracker, struct fast_packet *packet,
                      const struct frame *frame, uint64_t number)
{
    struct held *held = held_of(tracker, packet->flow);
    if (!held)
        return false;
    const struct segment segment = segment_of(packet, number, frame->time_ns);
    if (!held_goes_on(tracker, held, packet, &segment, frame)) {
        held_let_go(tracker, packet->flow);
        return false;
    }
    learn_held(tracker, packet, &segment);
    held_close(tracker, held);
    return true;
}

/* What is not usual. False: nothing done. */
SELDOM bool take_unusual(struct tracker *tracker, struct fast_packet *packet,
                         const struct frame *whole, uint64_t frame)
{
    struct flow *flow = packet->flow;
    if (flow)
        flow->bits |= FLOW_TOUCHED;
    if (flow && !(flow->bits & FLOW_UNWATCHED))
        return take_held(tracker, packet, whole, frame);
    return packet->seen.proto == PROTO_TCP &&
           (take_rare_segment(tracker, packet, frame, whole->time_ns) ||
            (!flow && take_first_held(tracker, packet, whole, frame)));
}

/* False: nothing done. */
ALWAYS bool take(struct tracker *tracker, struct fast_packet *packet, const struct frame *whole,
                 uint64_t frame)
{
    if (!packet->keyed)
        return false;
    struct flow *flow = packet->flow = find_flow(tracker, packet);
    enum side side = flow ? flow_side(flow, packet->from_high) : INITIATOR;
    if (!flow || !(flow->bits & FLOW_UNWATCHED) || !is_usual(flow, &packet->seen, side))
        return take_unusual(tracker, packet, whole, frame);
    take_usual(flow, &packet->seen, side, whole->time_ns);
    take_host(tracker, packet, frame, whole->time_ns);
    return true;
}

void fast_path_batch(struct tracker *tracker, const struct frame *frames, int count,
                     uint64_t frame_base, fast_path_slowly *slowly, void *context)
{
    struct fast_packet packets[FAST_PATH_BATCH], *v6[FAST_PATH_BATCH], *more[FAST_PATH_BATCH];
    int v6_count = 0, more_count = 0;
    const struct flow_table flows = *tracker->flows; /* nothing is added before take() */
    for (int i = 0; i < count; i++)
        if (look(tracker, &frames[i], &packets[i]))
            v6[v6_count++] = &packets[i];
    for (int i = 0; i < v6_count; i++)
        fetch_addresses(tracker->addresses, v6[i]);
    for (int i = 0; i < count; i++)
        fetch(&flows, &packets[i]);
    for (int i = 0; i < v6_count; i++)
        know_v6(tracker, v6[i]);
    for (int i = 0; i < v6_count; i++)
        fetch(&flows, v6[i]);
    for (int i = 0; i < count; i++)
        if (fetch_more(tracker, &packets[i]))
            more[more_count++] = &packets[i];
    for (int i = 0; i < more_count; i++)
        fetch_rest(tracker, more[i]);
    for (int i = 0; i < count; i++)
        if (!take(tracker, &packets[i], &frames[i], frame_base + frames[i].number))
            slowly(context, &frames[i], &packets[i]);
}

void fast_path_packet(const struct fast_packet *looked_at, const struct frame *frame,
                      struct packet *packet)
{
    if (looked_at->common)
        packet_from_glance(&looked_at->seen, packet);
    else
        packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, packet);
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
        event.replayed = looked_at->replayed;
    }
    return tracker_event(tracker, &event, side, fresh);
}
