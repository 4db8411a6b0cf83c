/* The flow stage: packets in, knowledge about conversations, product attempts and hosts out.
 *
 * One tracker holds the state of one capture. Nothing is file-scope; the clock is the packets'. */
#ifndef FWSNIFF_FLOW_TRACKER_H
#define FWSNIFF_FLOW_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/attribution/profile.h"
#include "analyzer/flow/address_pool.h"
#include "analyzer/flow/attempt.h"
#include "analyzer/flow/finished.h"
#include "analyzer/flow/flow_table.h"
#include "analyzer/flow/host.h"
#include "analyzer/flow/probes.h"
#include "analyzer/flow/routers.h"
#include "dissectors/packet.h"

struct tracker_options {
    size_t max_flows;                /* cap of the flow table; attempts and hosts follow from it */
    const struct profiles *profiles; /* outlives the tracker */
    int64_t syn_copy_gap_ns;         /* SYNs of one ISN closer than this are copies of one frame */
    bool compared; /* with other captures: every attempt keeps its record, as far as they fit, and
                      marks tell their packets' content */
    bool
        show_openings; /* what opens or resets is wanted by who feeds the tracker: it goes slowly */
    size_t first_whole; /* attempts that get their record at once (held.h) */
};

/* Counted over everything, products or not. */
struct tracker_counters {
    uint64_t tcp_syn;                                 /* frames with SYN and without ACK */
    uint64_t syn_attempts, syn_answered, syn_refused; /* distinct 5-tuple and ISN */
    uint64_t icmp_unreachable;                        /* frames */
    uint64_t icmp_unmatched;                          /* errors that quote no flow of the capture */
    uint64_t fragments_unmatched;
    uint64_t attempts_evicted;  /* product records given up because of the cap ... */
    uint64_t evicted_succeeded; /* ... of these, connections that had worked */
    uint64_t silent_forgotten;  /* single SYNs of a flood to products, of which nothing is kept */
    uint32_t kinds;             /* bit per enum packet_kind that was seen at all */
    uint64_t interfaces;        /* cooked v2: bit per interface index (below 64) that had traffic
                                   other than loopback's */
};

struct tracker;
struct names;
struct tunnels;

struct tracker *tracker_new(const struct tracker_options *options);
void tracker_free(struct tracker *tracker);

/* Takes in one packet. Returns the product attempt it belongs to, or NULL. `*side` is who sent it
 * and `*fresh` false when it is a copy of a frame seen before. */
struct attempt *tracker_packet(struct tracker *tracker, const struct packet *packet, uint64_t frame,
                               int64_t time_ns, enum side *side, bool *fresh);

/* No packet comes any more: gives back what finds flows and addresses, and what is held. */
void tracker_end(struct tracker *tracker);

const struct tracker_counters *tracker_counters(const struct tracker *tracker);
/* IPv6 addresses that found no room; their packets are not followed. */
uint64_t tracker_addresses_refused(const struct tracker *tracker);
struct flow_table *tracker_flows(const struct tracker *tracker);
/* Of the flows. */
const struct address_pool *tracker_addresses(const struct tracker *tracker);
const struct names *tracker_names(const struct tracker *tracker);
const struct tunnels *tracker_tunnels(const struct tracker *tracker);
const struct routers *tracker_routers(const struct tracker *tracker);
struct host_table *tracker_hosts(const struct tracker *tracker);
const struct probes *tracker_probes(const struct tracker *tracker);

/* A flood's senders are many and nothing is asked of them: once the host table holds more than any
 * network has, who was never answered and speaks to no product, or asked one once, is not looked up
 * there. */
bool tracker_in_crowd(const struct tracker *tracker, const struct flow *flow);

/* The addresses of a flow by side. */
void tracker_flow_ends(const struct tracker *tracker, const struct flow *flow,
                       struct ip_address address[2], uint16_t port[2]);

/* Walks all attempts, in the order in which they began (but for evicted ones): start with *position
 * = 0. NULL: end. */
struct attempt *tracker_next_attempt(const struct tracker *tracker, size_t *position);
/* Numbers given so far: 1 to this. */
size_t tracker_attempt_numbers(const struct tracker *tracker);
/* NULL: evicted meanwhile. */
struct attempt *tracker_attempt(const struct tracker *tracker, uint32_t number);

/* Product connections that worked, ended and were given up since. */
const struct finished_list *tracker_finished(const struct tracker *tracker);
void tracker_finished_ends(const struct tracker *tracker, const struct finished *finished,
                           struct ip_address address[2], uint16_t port[2]);

/* Called before a record is given up for a new one, so that its owner can count it. */
void tracker_on_evict(struct tracker *tracker, void (*evict)(const struct attempt *, void *),
                      void *context);

/* Asked of a connection that looks as if it went well before only a `finished` record is kept of
 * it: false keeps it whole. Without this, all are given up. */
void tracker_on_settle(struct tracker *tracker,
                       bool (*is_dispensable)(const struct attempt *, void *), void *context);

#endif
