#include "analyzer/flow/fast_path.h"

#include "analyzer/flow/held.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/words.h"

/* What every packet needs is to stand in the loop over all of them. */
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

/* Reads a frame, and knows its flow, if that is IPv4's; of IPv6 its addresses are asked for.
 * Returns the version; 0: it is nothing for the fast path. Where the file tells a frame's direction
 * its host has to know it, the slow way. */
ALWAYS unsigned look(const struct tracker *tracker, const struct frame *frame,
                     struct fast_packet *packet)
{
    const struct glance *seen = &packet->seen;
    unsigned version =
        packet_glance(frame->link_type, frame->data, frame->caplen, frame->len, &packet->seen);
    packet->replayed = packet->keyed = false;
    packet->flow = NULL;
    packet->common = version != 0;
    if (!version || frame->direction != FRAME_UNKNOWN)
        return 0;
    if (version == 6) {
        hash_addresses(tracker->addresses, packet);
        return 6;
    }
    uint32_t from, to;
    memcpy(&from, seen->ip + IP4_SOURCE, 4);
    memcpy(&to, seen->ip + IP4_DESTINATION, 4);
    know(tracker, packet, from, to);
    return 4;
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
ALWAYS void fetch_addresses(const struct address_pool *pool, const struct fast_packet *packet)
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
    if (look(tracker, frame, packet) == 6)
        know_v6(tracker, packet);
}

/* The index slot has come: asks for the entry with that hash, nearly always the packet's flow. */
ALWAYS void fetch(const struct flow_table *flows, struct fast_packet *packet)
{
    if (!packet->keyed)
        return;
    packet->slot = hash_index_first(&flows->index, packet->hash);
    uint32_t entry = packet->slot->entry;
    packet->flow = entry ? flow_table_entry(flows, entry - 1) : NULL;
    memory_fetch(packet->flow);
}

ALWAYS void fetch_attempt(const struct attempt *attempt)
{
    enum { CACHE_LINE = 64 };
    const uint8_t *at = (const uint8_t *)attempt->side;
    memory_fetch(attempt);
    for (; at < (const uint8_t *)(attempt->recent + RECENT_PACKETS); at += CACHE_LINE)
        memory_fetch(at);
}

/* What hangs on the record: what is spoken, and the packet that will not be the last any more. */
ALWAYS void fetch_attempt_rest(const struct attempt *attempt, enum side side)
{
    memory_fetch(attempt->speech);
    memory_fetch(attempt->side[side].last);
}

/* The first packet of a new conversation: its host is looked up. */
ALWAYS void fetch_host(const struct host_table *hosts, struct fast_packet *packet)
{
    struct ip_address address = address_of(&packet->seen, false);
    packet->host_hash = host_table_hash(hosts, &address);
    hash_index_fetch(&hosts->index, packet->host_hash);
}

ALWAYS void fetch_host_entry(const struct host_table *hosts, const struct fast_packet *packet)
{
    uint32_t entry = hash_index_first(&hosts->index, packet->host_hash)->entry;
    if (entry)
        memory_fetch(host_table_at(hosts, entry - 1));
}

/* The entry has come: asks for what every packet changes of a product's record, if there is one,
 * and for the host of a new conversation, unless there are too many. True: there is more to ask
 * for. */
ALWAYS bool fetch_more(const struct tracker *tracker, struct fast_packet *packet)
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
        held_fetch(tracker, flow);
    else if (attempt)
        fetch_attempt(attempt_at(tracker, attempt));
    return attempt;
}

ALWAYS void fetch_rest(const struct tracker *tracker, const struct fast_packet *packet)
{
    const struct flow *flow = packet->flow;
    if (!flow) {
        fetch_host_entry(tracker->hosts, packet);
    } else if (flow->attempt > HELD_BASE) {
        held_fetch_end(tracker, flow);
        if ((packet->seen.tcp_flags & TCP_FIN) || (flow->bits & FLOW_FIN))
            held_fetch_last(tracker, flow);
    } else {
        fetch_attempt_rest(attempt_at(tracker, flow->attempt), flow_side(flow, packet->from_high));
    }
}

/* The flow of a packet: the entry that fetch() saw, unless it came or went since. `still`: no slot
 * has moved since. */
ALWAYS struct flow *find_flow(const struct tracker *tracker, struct fast_packet *packet, bool still)
{
    struct flow *seen = packet->flow;
    if (seen && flow_has_key(seen, &packet->key))
        return seen;
    if (seen || !still || packet->slot->entry)
        packet->slot = flow_table_slot(tracker->flows, &packet->key, packet->hash);
    return packet->slot->entry ? flow_table_entry(tracker->flows, packet->slot->entry - 1) : NULL;
}

/* --- what a packet changes --- */

/* Of a side that was heard before: no segment that opens or resets, no traceroute probe. */
ALWAYS bool is_usual(const struct flow_rest *rest, const struct glance *seen, enum side side)
{
    return rest->hop_limit[side] && !(seen->tcp_flags & (TCP_SYN | TCP_RST)) &&
           (seen->hop_limit > PROBE_HOP_LIMIT_MAX || seen->proto == PROTO_TCP);
}

/* What tcp_flow_segment() makes of a usual segment, and udp_track() of a datagram: the bits that it
 * sets, by what changes from packet to packet. A look into a table costs less than to predict
 * that. */
#define USUAL(udp, side, says, ends)                                                               \
    [udp << 3 | side << 2 | says << 1 | ends] =                                                    \
        FLOW_TOUCHED | FLOW_FROM_INITIATOR << side |                                               \
        (!udp && (says || side == INITIATOR)) * FLOW_ESTABLISHED | ends * FLOW_FIN
#define USUAL_OF_SIDE(udp, side)                                                                   \
    USUAL(udp, side, 0, 0), USUAL(udp, side, 0, 1), USUAL(udp, side, 1, 0), USUAL(udp, side, 1, 1)
_Static_assert(TCP_FIN == 1, "one bit of the table's index");
static const uint16_t usual_bits[] = {USUAL_OF_SIDE(0, INITIATOR), USUAL_OF_SIDE(0, RESPONDER),
                                      USUAL_OF_SIDE(1, INITIATOR), USUAL_OF_SIDE(1, RESPONDER)};

ALWAYS void take_usual(struct flow *flow, struct flow_rest *rest, const struct glance *seen,
                       enum side side, int64_t time_ns)
{
    unsigned udp = seen->proto != PROTO_TCP, says = seen->payload_length != 0;
    unsigned asks = udp & (side == INITIATOR), count = flow->syn_count + asks;
    flow->bits |= usual_bits[udp << 3 | side << 2 | says << 1 | (seen->tcp_flags & TCP_FIN)];
    flow->syn_count = (uint8_t)(count - (count > UINT8_MAX));
    rest->last_ns = time_ns;
}

SELDOM void take_strange_host(struct tracker *tracker, const struct fast_packet *looked_at,
                              const struct frame *frame, uint64_t number)
{
    struct flow *flow = looked_at->flow;
    const struct glance *seen = &looked_at->seen;
    const struct ip_address ends[2] = {address_of(seen, false), address_of(seen, true)};
    if (tracker_host_again(tracker, flow, looked_at->from_high, ends,
                           frame->data + GLANCE_SOURCE_MAC, seen)) {
        host_table_pulse(tracker->hosts, flow_host(flow, looked_at->from_high), number,
                         frame->time_ns);
        return;
    }
    struct packet packet;
    packet_from_glance(seen, frame->data, frame->caplen, &packet);
    const struct event event = {.packet = &packet,
                                .frame = number,
                                .time_ns = frame->time_ns,
                                .from_high = looked_at->from_high,
                                .flow = flow};
    tracker_host(tracker, &event);
}

ALWAYS void take_host(struct tracker *tracker, const struct fast_packet *looked_at,
                      const struct flow_rest *rest, const struct frame *frame, uint64_t number)
{
    const struct glance *seen = &looked_at->seen;
    const struct flow *flow = looked_at->flow;
    enum side side = flow_side(flow, looked_at->from_high);
    uint32_t host = flow_host(flow, looked_at->from_high);
    if (!host && tracker_ignores(tracker, flow, side))
        return;
    if (flow_knows_sender(rest, side, &tracker->ways, seen->hop_limit,
                          frame->data + GLANCE_SOURCE_MAC, seen->total_length))
        host_table_pulse(tracker->hosts, host, number, frame->time_ns);
    else
        take_strange_host(tracker, looked_at, frame, number);
}

/* Of a flow that was just opened. */
ALWAYS void take_first_host(struct tracker *tracker, const struct fast_packet *looked_at,
                            const struct frame *frame, uint64_t number)
{
    if (!tracker_ignores(tracker, looked_at->flow, INITIATOR))
        take_strange_host(tracker, looked_at, frame, number);
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

static inline struct segment segment_of(const struct fast_packet *packet, const struct frame *frame,
                                        uint64_t number)
{
    const struct glance *seen = &packet->seen;
    return (struct segment){
        .frame = number,
        .time_ns = frame->time_ns,
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

static void add_flow(struct tracker *tracker, struct fast_packet *packet)
{
    packet->flow = flow_table_add_at(tracker->flows, &packet->key, packet->hash, packet->slot);
    tracker->counters.kinds |= UINT32_C(1) << PACKET_TCP;
}

/* What tcp_flow_begins() and tcp_flow_segment() make of a SYN on a flow that was just added. */
static void open_flow(struct tracker *tracker, const struct fast_packet *packet,
                      const struct frame *frame, uint64_t number)
{
    struct flow *flow = packet->flow;
    flow_opens(flow, frame->time_ns, packet->seen.hop_limit);
    flow->bits |= (uint16_t)(packet->from_high * FLOW_INITIATOR_IS_HIGH);
    flow->first_frame = (uint32_t)number;
    flow->isn = bytes_u32(packet->seen.transport + 4);
    tracker->counters.tcp_syn++;
    tracker->counters.syn_attempts++;
}

/* The SYN of a conversation that no product's is. False: it is another packet; nothing done. */
SELDOM bool take_opening(struct tracker *tracker, struct fast_packet *packet,
                         const struct frame *frame, uint64_t number)
{
    if (tracker->options.show_openings || !tcp_opens(packet->seen.tcp_flags) ||
        concerns_others(tracker, NULL, &packet->seen))
        return false;
    add_flow(tracker, packet);
    open_flow(tracker, packet, frame, number);
    packet->flow->bits |= FLOW_UNWATCHED;
    take_first_host(tracker, packet, frame, number);
    return true;
}

/* The first segment of a side, one that opens or one that resets. False: nothing done. */
SELDOM bool take_rare_segment(struct tracker *tracker, struct fast_packet *packet,
                              const struct frame *frame, uint64_t number)
{
    const struct glance *seen = &packet->seen;
    if (tracker->options.show_openings || concerns_others(tracker, packet->flow, seen))
        return false;
    const struct segment segment = segment_of(packet, frame, number);
    if (!packet->flow) {
        add_flow(tracker, packet);
        tcp_flow_begins(tracker, packet->flow, &segment);
        packet->flow->bits |= FLOW_UNWATCHED;
    }
    enum side side;
    tcp_flow_segment(tracker, packet->flow, &segment, &side);
    if (!(seen->tcp_flags & TCP_RST))
        take_host(tracker, packet, flow_rest(packet->flow), frame, number);
    return true;
}

/* Who holds a packet back needs no more of it; flow and hosts learn of it as of any other. */
static inline void learn_held(struct tracker *tracker, struct fast_packet *packet,
                              const struct segment *segment, const struct frame *frame)
{
    enum side side = flow_side(packet->flow, packet->from_high);
    struct flow_rest *rest = flow_rest(packet->flow);
    if (is_usual(rest, &packet->seen, side))
        take_usual(packet->flow, rest, &packet->seen, side, segment->time_ns);
    else
        tcp_flow_segment(tracker, packet->flow, segment, &side);
    take_host(tracker, packet, rest, frame, segment->frame);
}

/* The SYN of a product's connection that may be held back. False: it may not, nothing is done. */
SELDOM bool take_first_held(struct tracker *tracker, struct fast_packet *packet,
                            const struct frame *frame, uint64_t number)
{
    const struct segment segment = segment_of(packet, frame, number);
    if (!held_may_begin(tracker, &segment, frame))
        return false;
    /* For that, another connection may have been handed on. */
    packet->slot = flow_table_slot(tracker->flows, &packet->key, packet->hash);
    add_flow(tracker, packet);
    open_flow(tracker, packet, frame, number);
    held_begins(tracker, packet, &segment, frame);
    take_first_host(tracker, packet, frame, number);
    return true;
}

/* A packet of a product's connection: held back if that one is, and goes on as it should. */
SELDOM bool take_held(struct tracker *tracker, struct fast_packet *packet,
                      const struct frame *frame, uint64_t number)
{
    struct held *held = held_of(tracker, packet->flow);
    if (!held)
        return false;
    const struct segment segment = segment_of(packet, frame, number);
    if (!held_goes_on(tracker, held, packet, &segment, frame)) {
        held_let_go(tracker, packet->flow);
        return false;
    }
    learn_held(tracker, packet, &segment, frame);
    held_close(tracker, held);
    return true;
}

/* What is not usual. False: nothing done. */
SELDOM bool take_unusual(struct tracker *tracker, struct fast_packet *packet,
                         const struct frame *frame, uint64_t number)
{
    struct flow *flow = packet->flow;
    if (flow)
        flow->bits |= FLOW_TOUCHED;
    if (flow && !(flow->bits & FLOW_UNWATCHED))
        return take_held(tracker, packet, frame, number);
    if (packet->seen.proto != PROTO_TCP)
        return false;
    return (!flow && (take_opening(tracker, packet, frame, number) ||
                      take_first_held(tracker, packet, frame, number))) ||
           take_rare_segment(tracker, packet, frame, number);
}

/* False: nothing done. */
ALWAYS bool take(struct tracker *tracker, struct fast_packet *packet, bool still,
                 const struct frame *frame, uint64_t number)
{
    if (!packet->keyed)
        return false;
    struct flow *flow = packet->flow = find_flow(tracker, packet, still);
    if (!flow || !(flow->bits & FLOW_UNWATCHED))
        return take_unusual(tracker, packet, frame, number);
    enum side side = flow_side(flow, packet->from_high);
    struct flow_rest *rest = flow_rest(flow);
    if (!is_usual(rest, &packet->seen, side))
        return take_unusual(tracker, packet, frame, number);
    take_usual(flow, rest, &packet->seen, side, frame->time_ns);
    take_host(tracker, packet, rest, frame, number);
    return true;
}

void fast_path_batch(struct tracker *tracker, const struct frame *frames, int count,
                     uint64_t frame_base, fast_path_slowly *slowly, void *context)
{
    struct fast_packet packets[FAST_PATH_BATCH];
    struct fast_packet *v4[FAST_PATH_BATCH], *v6[FAST_PATH_BATCH], *more[FAST_PATH_BATCH];
    int v4_count = 0, v6_count = 0, more_count = 0;
    const struct flow_table flows = *tracker->flows; /* nothing is added before take() */
    for (int i = 0; i < count; i++) {
        unsigned version = look(tracker, &frames[i], &packets[i]);
        if (version == 4)
            v4[v4_count++] = &packets[i];
        else if (version == 6)
            v6[v6_count++] = &packets[i];
    }
    for (int i = 0; i < v6_count; i++)
        fetch_addresses(tracker->addresses, v6[i]);
    for (int i = 0; i < v4_count; i++)
        fetch(&flows, v4[i]);
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
        if (!take(tracker, &packets[i], flows.moves == tracker->flows->moves, &frames[i],
                  frame_base + frames[i].number))
            slowly(context, &frames[i], &packets[i]);
}

void fast_path_packet(const struct fast_packet *looked_at, const struct frame *frame,
                      struct packet *packet)
{
    if (looked_at->common)
        packet_from_glance(&looked_at->seen, frame->data, frame->caplen, packet);
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
