#include "analyzer/flow/probes.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum { SLOTS = 2 * PROBE_TRACES_MAX, ECHO = 1 };

struct probes {
    bool (*is_service)(const void *context, uint16_t udp_port);
    const void *context;
    uint64_t seed;
    size_t count;
    uint64_t refused;
    struct probe_trace *slots; /* made with the first probe; open addressing, never more than half
                                  full */
};

struct probes *probes_new(bool (*is_service)(const void *context, uint16_t udp_port),
                          const void *context)
{
    struct probes *probes = memory_zeroed(1, sizeof *probes);
    probes->is_service = is_service;
    probes->context = context;
    probes->seed = hash_seed();
    return probes;
}

void probes_free(struct probes *probes)
{
    if (!probes)
        return;
    free(probes->slots);
    free(probes);
}

static bool is_echo(const struct packet *packet, bool request)
{
    bool v6 = packet->ip.version == 6; /* RFC 4443 4.1, RFC 792 */
    uint8_t type = request ? (v6 ? 128 : 8) : (v6 ? 129 : 0);
    return packet->kind == PACKET_ICMP && packet->icmp.type == type;
}

bool is_probe_packet(const struct packet *packet)
{
    bool asks = (packet->kind == PACKET_TCP &&
                 (packet->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) ||
                packet->kind == PACKET_UDP || is_echo(packet, true);
    return asks && packet->ip.hop_limit && packet->ip.hop_limit <= PROBE_HOP_LIMIT_MAX &&
           !ip_is_multicast(&packet->ip.destination) &&
           !(packet->has_mac && (packet->destination_mac[0] & 1));
}

/* The slot of a trace, or the free one where it would be. */
static struct probe_trace *slot_of(const struct probes *probes, const struct ip_address *client,
                                   const struct ip_address *server, uint8_t proto, uint16_t port)
{
    uint64_t hash = hash_two(probes->seed ^ (uint64_t)proto << 16 ^ port,
                             client->halves[0] ^ server->halves[0] * 3,
                             client->halves[1] ^ server->halves[1] * 3);
    for (size_t at = hash % SLOTS;; at = (at + 1) % SLOTS) {
        struct probe_trace *trace = &probes->slots[at];
        if (!trace->used || (trace->proto == proto && trace->port == port &&
                             ip_equal(&trace->client, client) && ip_equal(&trace->server, server)))
            return trace;
    }
}

/* UDP probes of a port that is not watched go to a port of their own each: one trace. */
static uint16_t port_of(const struct probes *probes, uint8_t proto, uint16_t port)
{
    if (proto == ECHO)
        return 0;
    return proto == PROTO_UDP && !probes->is_service(probes->context, port) ? 0 : port;
}

static uint32_t token_of(const struct packet *packet)
{
    if (packet->kind == PACKET_TCP)
        return packet->tcp.sequence;
    if (packet->kind == PACKET_UDP)
        return (uint32_t)packet->source_port << 16 | packet->destination_port;
    return (uint32_t)packet->icmp.id << 16 | packet->icmp.sequence;
}

static void note_probe(struct probes *probes, const struct packet *packet, uint64_t frame)
{
    uint8_t proto = packet->kind == PACKET_TCP   ? PROTO_TCP
                    : packet->kind == PACKET_UDP ? PROTO_UDP
                                                 : ECHO;
    uint16_t port = port_of(probes, proto, packet->destination_port);
    uint32_t token = token_of(packet);
    if (!probes->slots)
        probes->slots = memory_zeroed(SLOTS, sizeof *probes->slots);
    struct probe_trace *trace =
        slot_of(probes, &packet->ip.source, &packet->ip.destination, proto, port);
    if (!trace->used && probes->count == PROBE_TRACES_MAX) {
        probes->refused++;
        return;
    }
    if (!trace->used) {
        *trace = (struct probe_trace){.client = packet->ip.source,
                                      .server = packet->ip.destination,
                                      .proto = proto,
                                      .port = port,
                                      .used = true};
        probes->count++;
    }
    uint8_t hop = packet->ip.hop_limit;
    const struct hop_probe *before =
        hop < PROBE_HOP_LIMIT_MAX ? &trace->hop[hop + 1] : NULL; /* this box forwards it */
    if (before && before->frame && before->token == token && before->ip_id == packet->ip.id)
        return;
    if (!trace->hop[hop].answer_frame)
        trace->hop[hop] =
            (struct hop_probe){.frame = frame, .token = token, .ip_id = packet->ip.id};
    trace->latest = hop;
}

/* --- answers --- */

/* The probe an answer is for: the one it names, else the latest that waits for one. */
static struct hop_probe *answered_probe(struct probe_trace *trace, bool named, uint32_t token,
                                        uint32_t ip_id)
{
    for (int hop = 1; hop <= PROBE_HOP_LIMIT_MAX; hop++) {
        struct hop_probe *probe = &trace->hop[hop];
        if (probe->frame && ((named && probe->token == token) || (ip_id && probe->ip_id == ip_id)))
            return probe;
    }
    return named || trace->hop[trace->latest].answer_frame ? NULL : &trace->hop[trace->latest];
}

static void note_answer(struct probe_trace *trace, bool named, uint32_t token, uint32_t ip_id,
                        bool by_server, uint64_t frame)
{
    struct hop_probe *probe = trace->used ? answered_probe(trace, named, token, ip_id) : NULL;
    if (!probe || probe->answer_frame)
        return;
    probe->answer_frame = frame;
    probe->by_server = by_server;
}

static void note_error(struct probes *probes, const struct packet *packet, uint64_t frame)
{
    const struct icmp_quote *quote = &packet->icmp.quote;
    uint8_t proto = quote->ip.protocol;
    bool echo = proto != PROTO_TCP && proto != PROTO_UDP; /* ICMP, ICMPv6 */
    bool by_server = ip_equal(&packet->ip.source, &quote->ip.destination);
    if (!packet->icmp.has_quote || (!echo && !quote->has_ports) ||
        (packet->icmp.class_ != ICMP_TIME_EXCEEDED && !by_server))
        return;
    uint16_t port = echo ? 0 : port_of(probes, proto, quote->destination_port);
    struct probe_trace *trace =
        slot_of(probes, &quote->ip.source, &quote->ip.destination, echo ? ECHO : proto, port);
    bool named = proto == PROTO_UDP || (proto == PROTO_TCP && quote->has_sequence);
    uint32_t token = proto == PROTO_TCP
                         ? quote->sequence
                         : (uint32_t)quote->source_port << 16 | quote->destination_port;
    note_answer(trace, named, token, quote->ip.id,
                by_server && packet->icmp.class_ != ICMP_TIME_EXCEEDED, frame);
}

/* SYN-ACK and RST acknowledge the probe's sequence number (RFC 9293 3.10.7). */
static void note_reply(struct probes *probes, const struct packet *packet, uint64_t frame)
{
    bool tcp = packet->kind == PACKET_TCP;
    if (tcp && !((packet->tcp.flags & TCP_ACK) && (packet->tcp.flags & (TCP_SYN | TCP_RST))))
        return;
    uint8_t proto = tcp ? PROTO_TCP : packet->kind == PACKET_UDP ? PROTO_UDP : ECHO;
    struct probe_trace *trace = slot_of(probes, &packet->ip.destination, &packet->ip.source, proto,
                                        port_of(probes, proto, packet->source_port));
    uint32_t token = tcp ? packet->tcp.acknowledgment - 1
                     : packet->kind == PACKET_UDP
                         ? (uint32_t)packet->destination_port << 16 | packet->source_port
                         : token_of(packet);
    note_answer(trace, true, token, 0, true, frame);
}

void probes_packet(struct probes *probes, const struct packet *packet, uint64_t frame)
{
    if (is_probe_packet(packet)) {
        note_probe(probes, packet, frame);
        return;
    }
    if (!probes->count)
        return;
    if (packet->kind == PACKET_ICMP && packet->icmp.class_ != ICMP_INFORMATION)
        note_error(probes, packet, frame);
    else if (packet->kind == PACKET_TCP || packet->kind == PACKET_UDP || is_echo(packet, false))
        note_reply(probes, packet, frame);
}

const struct probe_trace *probes_next(const struct probes *probes, size_t *position)
{
    while (probes->slots && *position < SLOTS) {
        const struct probe_trace *trace = &probes->slots[(*position)++];
        if (trace->used)
            return trace;
    }
    return NULL;
}

bool probes_any(const struct probes *probes)
{
    return probes->count;
}

uint64_t probes_refused(const struct probes *probes)
{
    return probes->refused;
}
