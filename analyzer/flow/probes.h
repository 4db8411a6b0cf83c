/* Traceroute-like probes: packets sent with a small hop limit so that the routers on the way answer
 * them (RFC 792 time exceeded; traceroute(8), tcptraceroute, mtping -t). For each client, server
 * and kind of probe, the farthest router that answered: where the probes of the failing port end
 * while others go on, something on the way treats that port differently.
 *
 * A hop is counted from the capture: the router that finds the hop limit exhausted is as many
 * routers away as the probe's hop limit was when it passed here. */
#ifndef FWSNIFF_FLOW_PROBES_H
#define FWSNIFF_FLOW_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/flow/host.h"
#include "dissectors/packet.h"

enum { PROBE_TRACES_MAX = 256 }; /* what comes after is counted and not followed */

struct hop_probe {
    uint64_t frame, answer_frame; /* 0: not sent; not answered */
    uint32_t token;               /* what tells it from the others of the trace */
    uint32_t ip_id;
    bool by_server; /* the server itself answered, not a router */
};

/* All probes of one client to one server that look alike to a packet filter. */
struct probe_trace {
    struct ip_address client, server;
    uint8_t proto; /* 1: echo, of either version */
    uint16_t port; /* the server's; 0: echo, or UDP ports that grow with the hop limit */
    bool used;
    struct hop_probe hop[PROBE_HOP_LIMIT_MAX + 1]; /* by hop limit as captured */
    uint8_t latest;
};

struct probes;

/* `is_service` says whether a UDP port is one that is watched: only then does it tell traces apart.
 */
struct probes *probes_new(bool (*is_service)(const void *context, uint16_t udp_port),
                          const void *context);
void probes_free(struct probes *probes);

/* Takes in any packet; most are neither a probe nor an answer to one. */
void probes_packet(struct probes *probes, const struct packet *packet, uint64_t frame);

/* Walks the traces: start with *position = 0; NULL at the end. */
const struct probe_trace *probes_next(const struct probes *probes, size_t *position);
/* Whether there was one at all. */
bool probes_any(const struct probes *probes);
uint64_t probes_refused(const struct probes *probes);

/* Whether a packet was sent to be answered by somebody on the way. */
bool is_probe_packet(const struct packet *packet);

#endif
