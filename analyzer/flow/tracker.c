/* The entry of the flow stage: hands each packet to the tracker of its transport, and keeps what is
 * known of hosts. */
#include "analyzer/flow/tracker.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/flow/held.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "analyzer/speech/stream.h"
#include "analyzer/words.h"

enum {
    HOSTS_MAX = 1 << 20,
    ATTEMPTS_MAX = 1 << 17, /* product records; 0.2 GB when all are used */
    ATTEMPTS_EASY = 1 << 15,
    FLOWS_PER_ATTEMPT = 32,
    FINISHED_MAX = 1 << 20, /* 48 MB */
    HELD_MAX = 1 << 18,     /* 50 MB when all are used, and 64 MB of packets */
    HELD_FLOWS = 32,        /* one in so many of the flow table's */
};
_Static_assert(HOSTS_MAX < (int)HOST_REFUSED, "hosts have numbers that a flow can keep");
_Static_assert(ATTEMPTS_MAX < (int)HELD_BASE,
               "an attempt's number is not one of what is held back");
_Static_assert((int)HELD_BASE + HELD_MAX < 1 << FLOW_ATTEMPT_BITS, "and a flow can keep both");

static bool is_udp_service(const void *profiles, uint16_t port)
{
    return profiles_service(profiles, PROTO_UDP, port) != NULL;
}

/* Of many flows, few are of products. */
static size_t attempts_for(size_t flows)
{
    size_t share = flows / FLOWS_PER_ATTEMPT;
    size_t cap = share > ATTEMPTS_EASY ? share : flows < ATTEMPTS_EASY ? flows : ATTEMPTS_EASY;
    return cap < 1 ? 1 : cap < ATTEMPTS_MAX ? cap : ATTEMPTS_MAX;
}

struct tracker *tracker_new(const struct tracker_options *options)
{
    struct tracker *tracker = memory_zeroed(1, sizeof *tracker);
    size_t flows = options->max_flows;
    tracker->options = *options;
    tracker->watched_tcp = profiles_ports(options->profiles, PROTO_TCP);
    tracker->watched_udp = profiles_ports(options->profiles, PROTO_UDP);
    tracker->flows = flow_table_new(flows);
    tracker->probes = probes_new(is_udp_service, options->profiles);
    tracker->addresses = address_pool_new(flows + flows / 4);
    tracker->hosts = host_table_new(flows < HOSTS_MAX / 2 ? flows * 2 : HOSTS_MAX);
    tracker->finished = finished_new(flows < FINISHED_MAX ? flows : FINISHED_MAX);
    tracker->attempt_cap = attempts_for(flows);
    return tracker;
}

void tracker_free(struct tracker *tracker)
{
    if (!tracker)
        return;
    attempts_free(tracker);
    held_free(tracker->held);
    finished_free(tracker->finished);
    probes_free(tracker->probes);
    names_free(&tracker->names);
    tunnels_free(&tracker->tunnels);
    tunnels_free(&tracker->esp);
    ftp_expected_free(tracker);
    stream_pool_free(tracker->streams);
    host_table_free(tracker->hosts);
    flow_table_free(tracker->flows);
    address_pool_free(tracker->addresses);
    free(tracker);
}

bool tracker_key(struct tracker *tracker, uint8_t proto, uint8_t ip_version,
                 const struct ip_address *source, uint16_t source_port,
                 const struct ip_address *destination, uint16_t destination_port, bool add,
                 struct flow_key *key, bool *from_high)
{
    uint32_t from, to;
    bool v6 = ip_version == 6;
    if (!address_pool_number(tracker->addresses, v6, source, add, &from) ||
        !address_pool_number(tracker->addresses, v6, destination, add, &to))
        return false;
    *key = flow_key_make(proto, v6, from, source_port, to, destination_port, from_high);
    return true;
}

struct flow *tracker_event_flow(struct tracker *tracker, uint8_t proto, struct event *event,
                                bool *added)
{
    const struct packet *packet = event->packet;
    *added = false;
    if (event->flow)
        return event->flow;
    if (!event->key) {
        bool may =
            tracker_may_number(tracker, proto, packet->source_port, packet->destination_port);
        if (!tracker_key(tracker, proto, packet->ip.version, &packet->ip.source,
                         packet->source_port, &packet->ip.destination, packet->destination_port,
                         may, &event->own_key, &event->from_high)) {
            tracker->addresses->refused += !may;
            return NULL;
        }
        event->key = &event->own_key;
        event->hash = flow_table_hash(tracker->flows, event->key);
    }
    event->flow = flow_table_add_hashed(tracker->flows, event->key, event->hash, added);
    if (*added &&
        tracker_is_unwatched(tracker, proto, packet->source_port, packet->destination_port))
        event->flow->bits |= FLOW_UNWATCHED;
    return event->flow;
}

/* The same in every capture of the packet, with or without offload: the bytes looked at are few. */
static uint32_t content_hash(const struct packet *packet)
{
    enum { HASHED = 64 };
    uint32_t length = packet->payload_captured < HASHED ? packet->payload_captured : HASHED;
    uint64_t hash = packet->kind == PACKET_UDP ? packet->payload_length : 0;
    if (!packet->payload ||
        length < (packet->payload_length < HASHED ? packet->payload_length : HASHED))
        return 0; /* cut by the snap length: would differ from a whole capture's */
    if (length == 0)
        return 0;
    for (uint32_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, packet->payload + i, length - i < 8 ? length - i : 8);
        hash = hash_mix(hash ^ word, 0x9e3779b97f4a7c15u ^ length);
    }
    return (uint32_t)(hash >> 32) | 1;
}

const struct mark *mark_of_event(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    struct mark mark = {
        .time_ns = event->time_ns,
        .frame = event->frame,
        .length = packet->payload_length & 0xffffff,
        .ip_id = packet->ip.id,
        .if_index = packet->if_index,
        .hop_limit = packet->ip.hop_limit,
        .direction = packet->direction & 3,
        .has_mac = packet->has_mac,
    };
    if (packet->has_mac) {
        memcpy(mark.mac, packet->source_mac, sizeof mark.mac);
        memcpy(mark.mac_to, packet->destination_mac, sizeof mark.mac_to);
    }
    if (packet->kind == PACKET_TCP) {
        mark.sequence = packet->tcp.sequence;
        mark.acknowledgment = packet->tcp.acknowledgment;
        mark.window = packet->tcp.window;
        mark.flags = packet->tcp.flags;
        mark.has_timestamp = packet->tcp.has_timestamp;
        mark.timestamp = packet->tcp.timestamp_value;
        mark.timestamp_echo = packet->tcp.timestamp_echo;
    }
    if (tracker->options.compared)
        mark.content = content_hash(packet);
    return mark_keep(&tracker->marks, &mark);
}

/* Echo is a control ("the host answers ping"), kept as a flow of its own: identifier and 0. */
static void echo_track(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    uint8_t type = packet->icmp.type;
    bool v6 = packet->ip.version == 6;
    bool request = v6 ? type == 128 : type == 8; /* RFC 4443 4.1, RFC 792 */
    bool reply = v6 ? type == 129 : type == 0;
    if (!request && !reply)
        return;
    struct flow_key key;
    bool from_high, added;
    uint16_t id = packet->icmp.id;
    if (!tracker_key(tracker, 1, packet->ip.version, &packet->ip.source, request ? id : 0,
                     &packet->ip.destination, request ? 0 : id, true, &key, &from_high))
        return;
    struct flow *flow = flow_table_add(tracker->flows, &key, &added);
    if (added) {
        flow->first_ns = event->time_ns;
        flow->first_frame = (uint32_t)event->frame;
        if (from_high == request)
            flow->bits |= FLOW_INITIATOR_IS_HIGH;
        if (is_probe_packet(packet))
            flow->bits |= FLOW_PROBE;
    }
    struct flow_rest *rest = flow_rest(flow);
    if (!rest->hop_limit[request ? INITIATOR : RESPONDER])
        rest->hop_limit[request ? INITIATOR : RESPONDER] = packet->ip.hop_limit;
    rest->last_ns = event->time_ns;
    flow->bits |= request ? FLOW_FROM_INITIATOR : FLOW_FROM_RESPONDER;
    if (request)
        flow_asked(flow);
    else if (!rest->answer_frame)
        rest->answer_frame = (uint32_t)event->frame;
}

/* ARP and ND inside a tunnel tell of another link than the captured one. */
static struct host *resolved_host(struct tracker *tracker, const struct event *event,
                                  const struct ip_address *address)
{
    if (event->packet->tunnels || ip_is_unspecified(address))
        return NULL;
    return host_table_add(tracker->hosts, address);
}

static void resolution_asked(struct tracker *tracker, const struct event *event,
                             const struct ip_address *asker, const struct ip_address *target)
{
    struct host *host = resolved_host(tracker, event, target);
    if (!host)
        return;
    struct host_link *link = host_table_link(tracker->hosts, host);
    link->asked++;
    link->asked_unanswered++;
    link->asked_last_ns = event->time_ns;
    link->asked_by = *asker;
    link->asked_out += event->packet->direction == LINK_OUT;
    frame_list_add(&link->asked_frames, event->frame);
}

/* `address` spoke on the link, and said that `mac` is its own. */
static void resolution_spoke(struct tracker *tracker, const struct event *event,
                             const struct ip_address *address, const uint8_t mac[6])
{
    struct host *host = resolved_host(tracker, event, address);
    if (!host)
        return;
    struct host_link *link = host_table_link(tracker->hosts, host);
    link->resolved++;
    link->asked_unanswered = 0;
    link->asked_frames = (struct frame_list){0};
    link->out += event->packet->direction == LINK_OUT;
    if (mac) {
        memcpy(link->mac, mac, sizeof link->mac);
        link->has_mac = true;
    }
}

/* Requests go to everybody, answers to the asker alone: only who hears the answers as well can say
 * that there was none. */
static void resolution_answered(struct tracker *tracker, const struct event *event,
                                const struct ip_address *asker)
{
    struct host *host = resolved_host(tracker, event, asker);
    if (host)
        host_table_link(tracker->hosts, host)->answers++;
}

static void arp_track(struct tracker *tracker, const struct event *event)
{
    const struct arp_header *arp = &event->packet->arp;
    /* A request also proves that its sender is there; a gratuitous one asks for itself. */
    if (!ip_is_unspecified(&arp->sender))
        resolution_spoke(tracker, event, &arp->sender, arp->sender_mac);
    if (arp->operation == 1 && !ip_equal(&arp->sender, &arp->target))
        resolution_asked(tracker, event, &arp->sender, &arp->target);
    else if (arp->operation == 2)
        resolution_answered(tracker, event, &arp->target);
}

/* RFC 4861 4.3, 4.4. */
static void neighbour_track(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    if (packet->ip.version != 6)
        return;
    const uint8_t *mac = packet->has_mac ? packet->source_mac : NULL;
    if (packet->icmp.type == 135 && !ip_is_unspecified(&packet->ip.source))
        resolution_asked(tracker, event, &packet->ip.source, &packet->icmp.target);
    else if (packet->icmp.type == 136) {
        resolution_spoke(tracker, event, &packet->icmp.target, mac);
        if (!ip_is_multicast(&packet->ip.destination))
            resolution_answered(tracker, event, &packet->ip.destination);
    }
}

static bool is_error(const struct packet *packet)
{
    return packet->kind == PACKET_ICMP && packet->icmp.class_ != ICMP_INFORMATION;
}

/* An echo reply (type 0) from a public address: the box that holds the address for a server behind
 * it (RFC 2663) answers ping itself. */
static bool may_be_a_nat(const struct packet *packet)
{
    return packet->kind == PACKET_ICMP && packet->icmp.type == 0 && !packet->icmp.has_quote &&
           ip_is_v4(&packet->ip.source) && !ip_is_private(&packet->ip.source);
}

/* A packet that the host its source address stands for certainly sent itself. */
static bool is_genuine(const struct packet *packet)
{
    return !is_error(packet) && !may_be_a_nat(packet) &&
           !(packet->kind == PACKET_TCP && (packet->tcp.flags & TCP_RST));
}

static void note_offload(struct host *host, const struct packet *packet)
{
    host->oversized |= packet->kind == PACKET_TCP && packet->ip.total_length > ETHERNET_MTU;
    if (host->checksums_left) {
        host->checksums_left--;
        if (packet_checksum_wrong(packet))
            host->checksums_wrong++;
        else
            host->checksums_right++;
    }
}

bool tracker_in_crowd(const struct tracker *tracker, const struct flow *flow)
{
    /* A SYN that was held back and is only counted has no number any more. */
    bool given_up = !flow->attempt && (flow->bits & FLOW_SYN) && !flow_is_answered(flow);
    return (given_up && tracker->hosts->count >= HOSTS_EASY) ||
           tracker_ignores(tracker, flow, INITIATOR);
}

/* The flow keeps in mind who sends in which direction, but not who sends to a group: such packets
 * tell no distance, and the fast path must not take them for ones that do. */
static struct host *sender_of(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    struct host *host =
        event->flow ? host_table_numbered(tracker->hosts, flow_host(event->flow, event->from_high))
                    : NULL;
    if (host)
        return host;
    bool has_ports = packet->kind == PACKET_TCP || packet->kind == PACKET_UDP;
    if (!event->flow && has_ports)
        return host_table_find(tracker->hosts, &packet->ip.source); /* it is not followed */
    if (event->flow &&
        tracker_ignores(tracker, event->flow, flow_side(event->flow, event->from_high)))
        return NULL;
    host = host_table_add(tracker->hosts, &packet->ip.source);
    if (event->flow && !ip_is_multicast(&packet->ip.destination))
        flow_set_host(event->flow, event->from_high, host ? host->number : HOST_REFUSED);
    return host;
}

/* How a conversation's packet came; 0: each such one is to be looked at. */
static uint8_t way_of(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    if (!event->flow || !packet->has_mac || packet->direction != LINK_UNKNOWN || packet->if_index)
        return 0;
    return ways_add(&tracker->ways, packet->source_mac, packet->ip.total_length);
}

/* The host knows all that such packets tell: the flow keeps in mind which these are. */
static void remember_way(struct flow *flow, enum side side, uint8_t way, uint8_t hop_limit)
{
    struct flow_rest *rest = flow_rest(flow);
    bool same_mac = !((rest->way[side] ^ way) & ~WAY_OVERSIZED);
    if (rest->hop_limit[side] == hop_limit)
        rest->way[side] = same_mac ? rest->way[side] | way : way;
}

void tracker_host(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    if (!is_genuine(packet) || ip_is_unspecified(&packet->ip.source))
        return;
    struct flow *flow = event->flow;
    uint8_t way = way_of(tracker, event);
    enum side side = flow ? flow_side(flow, event->from_high) : INITIATOR;
    if (way && !flow->bare &&
        flow_knows_sender(flow_rest_place(flow), side, &tracker->ways, packet->ip.hop_limit,
                          packet->source_mac, packet->ip.total_length)) {
        host_table_pulse(tracker->hosts, flow_host(flow, event->from_high), event->frame,
                         event->time_ns);
        return;
    }
    struct host *host = sender_of(tracker, event);
    if (host) {
        host_saw_packet(host, packet, event->frame);
        note_offload(host, packet);
        host_table_pulse(tracker->hosts, host->number, event->frame, event->time_ns);
    }
    if (way && flow_host(flow, event->from_high) && (!host || host_is_learnt(host)))
        remember_way(flow, side, way, packet->ip.hop_limit);
}

bool tracker_host_again(struct tracker *tracker, struct flow *flow, bool from_high,
                        const struct ip_address ends[2], const uint8_t mac[6],
                        const struct glance *seen)
{
    enum side side = flow_side(flow, from_high);
    if (tracker_ignores(tracker, flow, side) || ip_is_multicast(&ends[1]))
        return false;
    struct host *host = host_table_numbered(tracker->hosts, flow_host(flow, from_high));
    if (!host)
        host = host_table_find(tracker->hosts, &ends[0]);
    bool oversized = seen->proto == PROTO_TCP && seen->total_length > ETHERNET_MTU;
    if (!host || !host_is_learnt(host) || host->hop_limit != seen->hop_limit || !host->has_mac ||
        memcmp(host->mac, mac, sizeof host->mac) != 0 || (oversized && !host->oversized))
        return false;
    flow_set_host(flow, from_high, host->number);
    uint8_t way = ways_add(&tracker->ways, host->mac, seen->total_length);
    if (way)
        remember_way(flow, side, way, seen->hop_limit);
    return true;
}

static struct fragment_slot *fragment_slot(struct tracker *tracker, const struct ip_header *ip)
{
    uint64_t hash = hash_two(ip->id, ip->source.halves[1] ^ ip->source.halves[0],
                             ip->destination.halves[1] ^ ip->destination.halves[0]);
    return &tracker->fragments[hash % FRAGMENT_SLOTS];
}

/* Later fragments have no ports (RFC 791 3.2, RFC 8200 4.5): the first one told the flow. */
static void fragment_track(struct tracker *tracker, const struct event *event)
{
    const struct ip_header *ip = &event->packet->ip;
    const struct fragment_slot *slot = fragment_slot(tracker, ip);
    struct flow *flow = NULL;
    if (slot->id == ip->id && slot->protocol == ip->protocol &&
        ip_equal(&slot->source, &ip->source) && ip_equal(&slot->destination, &ip->destination))
        flow = flow_table_find(tracker->flows, &slot->key);
    if (flow)
        flow_rest(flow)->last_ns = event->time_ns;
    else
        tracker->counters.fragments_unmatched++;
}

static void remember_fragment(struct tracker *tracker, const struct packet *packet)
{
    struct fragment_slot *slot = fragment_slot(tracker, &packet->ip);
    bool from_high;
    *slot = (struct fragment_slot){.source = packet->ip.source,
                                   .destination = packet->ip.destination,
                                   .id = packet->ip.id,
                                   .protocol = packet->ip.protocol};
    tracker_key(tracker, packet->kind == PACKET_TCP ? PROTO_TCP : PROTO_UDP, packet->ip.version,
                &packet->ip.source, packet->source_port, &packet->ip.destination,
                packet->destination_port, true, &slot->key, &from_high);
}

static void note_interface(struct tracker *tracker, const struct packet *packet)
{
    if (!packet->if_index || packet->if_index >= 64)
        return;
    bool loopback = packet->kind != PACKET_ARP && packet->kind != PACKET_OTHER &&
                    ip_is_loopback(&packet->ip.source);
    if (!loopback)
        tracker->counters.interfaces |= UINT64_C(1) << packet->if_index;
}

struct attempt *tracker_packet(struct tracker *tracker, const struct packet *packet, uint64_t frame,
                               int64_t time_ns, enum side *side, bool *fresh)
{
    struct event event = {.packet = packet, .frame = frame, .time_ns = time_ns};
    return tracker_event(tracker, &event, side, fresh);
}

struct attempt *tracker_event(struct tracker *tracker, struct event *event, enum side *side,
                              bool *fresh)
{
    const struct packet *packet = event->packet;
    struct attempt *attempt = NULL;
    *side = INITIATOR;
    *fresh = true;
    if (event->replayed)
        return tcp_track(tracker, event, side, fresh);
    note_interface(tracker, packet);
    tracker->counters.kinds |= UINT32_C(1) << packet->kind;
    if (packet->tunnels)
        tunnels_packet(&tracker->tunnels, packet, event->frame, event->time_ns);
    switch (packet->kind) {
    case PACKET_TCP:
        attempt = tcp_track(tracker, event, side, fresh);
        break;
    case PACKET_UDP:
        if (tracker_tells_names(PROTO_UDP, packet->source_port, packet->destination_port))
            names_packet(&tracker->names, packet, event->frame, event->time_ns);
        attempt = udp_track(tracker, event, side, fresh);
        break;
    case PACKET_ICMP:
        if (is_error(packet)) {
            attempt = icmp_track(tracker, event);
        } else {
            echo_track(tracker, event);
            neighbour_track(tracker, event);
            routers_packet(&tracker->routers, packet);
        }
        break;
    case PACKET_ARP:
        arp_track(tracker, event);
        return NULL;
    case PACKET_FRAGMENT:
        fragment_track(tracker, event);
        break;
    case PACKET_IP:
        if (packet->tunnels & TUNNEL_ESP)
            tunnels_esp(&tracker->esp, packet, event->frame, event->time_ns);
        break;
    case PACKET_OTHER:
        return NULL;
    }
    probes_packet(tracker->probes, packet, event->frame);
    if (packet->ip.more_fragments && (packet->kind == PACKET_TCP || packet->kind == PACKET_UDP))
        remember_fragment(tracker, packet);
    if (*fresh)
        tracker_host(tracker, event);
    return attempt;
}

const struct tracker_counters *tracker_counters(const struct tracker *tracker)
{
    return &tracker->counters;
}

uint64_t tracker_addresses_refused(const struct tracker *tracker)
{
    return address_pool_refused(tracker->addresses);
}

struct flow_table *tracker_flows(const struct tracker *tracker)
{
    return tracker->flows;
}

const struct names *tracker_names(const struct tracker *tracker)
{
    return &tracker->names;
}

const struct routers *tracker_routers(const struct tracker *tracker)
{
    return &tracker->routers;
}

const struct tunnels *tracker_tunnels(const struct tracker *tracker)
{
    return &tracker->tunnels;
}

struct host_table *tracker_hosts(const struct tracker *tracker)
{
    return tracker->hosts;
}

const struct probes *tracker_probes(const struct tracker *tracker)
{
    return tracker->probes;
}

const struct address_pool *tracker_addresses(const struct tracker *tracker)
{
    return tracker->addresses;
}

void tracker_flow_ends(const struct tracker *tracker, const struct flow *flow,
                       struct ip_address address[2], uint16_t port[2])
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        int end = flow_end(flow, side);
        address[side] = address_pool_address(tracker->addresses, flow->v6, flow->address[end]);
        port[side] = flow->port[end];
    }
}

const struct finished_list *tracker_finished(const struct tracker *tracker)
{
    return tracker->finished;
}

void tracker_finished_ends(const struct tracker *tracker, const struct finished *finished,
                           struct ip_address address[2], uint16_t port[2])
{
    const struct flow_key *key = &finished->key;
    for (int end = 0; end < 2; end++) {
        enum side side = (end == 1) == finished->initiator_is_high ? INITIATOR : RESPONDER;
        address[side] = address_pool_address(tracker->addresses, key->v6, key->address[end]);
        port[side] = key->port[end];
    }
}

static void flow_evicted(struct flow *flow, void *context)
{
    held_evict(context, flow);
}

void tracker_hold_back(struct tracker *tracker, fast_path_slowly *replay, void *context)
{
    size_t flows = tracker->options.max_flows;
    size_t cap = flows / HELD_FLOWS < HELD_MAX ? flows / HELD_FLOWS : HELD_MAX;
    if (tracker->held || cap == 0)
        return;
    tracker->held = held_new(cap, replay, context);
    flow_table_on_evict(tracker->flows, flow_evicted, tracker);
}

void tracker_let_go(struct tracker *tracker)
{
    tracker->counters.silent_forgotten += held_let_all_go(tracker);
}

void tracker_end(struct tracker *tracker)
{
    next_slab_drop(&tracker->flows->next);
    hash_index_close(&tracker->flows->index); /* what was held has its flow */
    tracker_let_go(tracker);
    held_free(tracker->held);
    tracker->held = NULL;
    hash_index_close(&tracker->addresses->index);
}

void tracker_on_evict(struct tracker *tracker, void (*evict)(const struct attempt *, void *),
                      void *context)
{
    tracker->on_evict = evict;
    tracker->evict_context = context;
}

void tracker_on_settle(struct tracker *tracker,
                       bool (*is_dispensable)(const struct attempt *, void *), void *context)
{
    tracker->is_dispensable = is_dispensable;
    tracker->settle_context = context;
}
