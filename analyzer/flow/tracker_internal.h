/* What the files of the flow stage share. Not for other stages. */
#ifndef FWSNIFF_FLOW_TRACKER_INTERNAL_H
#define FWSNIFF_FLOW_TRACKER_INTERNAL_H

#include "analyzer/flow/address_pool.h"
#include "analyzer/flow/ftp_expected.h"
#include "analyzer/flow/marks.h"
#include "analyzer/flow/names.h"
#include "analyzer/flow/routers.h"
#include "analyzer/flow/segment.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/flow/tunnels.h"
#include "analyzer/flow/ways.h"
#include "analyzer/words.h"
#include "dissectors/glance.h"

/* A packet with where it stands in the capture. */
struct event {
    const struct packet *packet;
    uint64_t frame;
    int64_t time_ns;
    const struct flow_key *key; /* set by the fast path; NULL: tracker_event_flow() makes it */
    struct flow_key own_key;
    uint32_t hash;     /* of the key */
    bool from_high;    /* the packet's source is end[1] of the key */
    struct flow *flow; /* set by tracker_event_flow(), or by who found it before; NULL: none */
    bool replayed;     /* only the attempt's record is still to learn of it (held.h) */
};

struct fragment_slot {
    struct ip_address source, destination;
    uint32_t id;
    uint8_t protocol;
    struct flow_key key;
};

enum { FRAGMENT_SLOTS = 256 };

struct tracker {
    struct tracker_options options;
    const uint8_t *watched_tcp, *watched_udp; /* profiles_ports() */
    struct tracker_counters counters;
    struct address_pool *addresses;
    struct flow_table *flows;
    struct host_table *hosts;
    struct ways ways;
    struct probes *probes;
    struct attempt **attempt_slabs; /* by number - 1 */
    size_t attempt_count, attempt_cap, attempt_hand;
    struct marks marks;
    struct finished_list *finished;
    struct held_table *held; /* NULL: nothing is held back */
    uint32_t settled_end[2]; /* numbers of the oldest and newest settled attempt; 0: none */
    size_t settled_count;
    uint32_t begun_end[2]; /* numbers of the attempts that began first and last; 0: none */
    bool (*is_dispensable)(const struct attempt *, void *);
    void *settle_context;
    uint32_t latest[256];      /* ring of the newest attempts' numbers, for twins and quotes */
    uint32_t latest_mark[256]; /* beside it, what a NAT leaves alone of their first packet */
    uint32_t latest_at;
    uint8_t latest_alike[1024]; /* how many of the newest of these marks have a hash */
    struct fragment_slot fragments[FRAGMENT_SLOTS];
    struct tunnels tunnels;
    struct tunnels esp; /* between the ends of IKE */
    struct names names;
    struct routers routers;
    struct ftp_expected_table *ftp_expected; /* this and the streams: made when first needed */
    struct stream_pool *streams;             /* of FTP control connections */
    void (*on_evict)(const struct attempt *, void *);
    void *evict_context;
};

/* tracker.c */
bool tracker_key(struct tracker *tracker, uint8_t proto, uint8_t ip_version,
                 const struct ip_address *source, uint16_t source_port,
                 const struct ip_address *destination, uint16_t destination_port, bool add,
                 struct flow_key *key, bool *from_high);
/* To be let go of with mark_drop(). */
const struct mark *mark_of_event(struct tracker *tracker, const struct event *event);

/* The whole way of a packet. */
struct attempt *tracker_event(struct tracker *tracker, struct event *event, enum side *side,
                              bool *fresh);
/* The flow of a TCP or UDP packet, made when new. NULL where the tables cannot take it. */
struct flow *tracker_event_flow(struct tracker *tracker, uint8_t proto, struct event *event,
                                bool *added);

enum { DNS_PORT = 53 };

static inline bool tracker_tells_names(uint8_t proto, uint16_t one_port, uint16_t other_port)
{
    return proto == PROTO_UDP && (one_port == DNS_PORT || other_port == DNS_PORT);
}

/* Neither end of a conversation is a product's, nor does it tell names. */
static inline bool tracker_is_unwatched(const struct tracker *tracker, uint8_t proto,
                                        uint16_t one_port, uint16_t other_port)
{
    const uint8_t *watched = proto == PROTO_TCP ? tracker->watched_tcp : tracker->watched_udp;
    return !watched[one_port] && !watched[other_port] &&
           !tracker_tells_names(proto, one_port, other_port);
}

/* Whether new IPv6 addresses of a conversation get numbers; else it is not followed. */
static inline bool tracker_may_number(const struct tracker *tracker, uint8_t proto,
                                      uint16_t one_port, uint16_t other_port)
{
    return !address_pool_is_crowded(tracker->addresses) ||
           !tracker_is_unwatched(tracker, proto, one_port, other_port);
}

/* What the packet tells of the host that sent it. */
void tracker_host(struct tracker *tracker, const struct event *event);

/* The same for the usual packet of a conversation that comes from where its host's last one came,
 * and has nothing new to tell but to its flow. `ends` are its source and destination. False: it may
 * have, nothing is done. */
bool tracker_host_again(struct tracker *tracker, struct flow *flow, bool from_high,
                        const struct ip_address ends[2], const uint8_t mac[6],
                        const struct glance *seen);

/* A flow's attempt number above this stands for a connection that is held back (held.h). */
enum { HELD_BASE = 1 << 20 };

enum { HOSTS_EASY = 1 << 16 }; /* up to here whoever sends anything gets an entry */

/* tracker_in_crowd() of a flow's side: the packets that opened a flow are not looked up. */
static inline bool tracker_ignores(const struct tracker *tracker, const struct flow *flow,
                                   enum side side)
{
    return tracker->hosts->count >= HOSTS_EASY && side == INITIATOR && !flow_is_answered(flow) &&
           ((flow->bits & FLOW_UNWATCHED) || (flow->attempt > HELD_BASE && tracker->held));
}

/* attempts.c */
enum {
    ATTEMPT_SLAB = 256, /* records */
};

/* By its number, which is not 0. */
static inline struct attempt *attempt_at(const struct tracker *tracker, uint32_t number)
{
    return &tracker->attempt_slabs[(number - 1) / ATTEMPT_SLAB][(number - 1) % ATTEMPT_SLAB];
}

/* The record of a new attempt, hung on its flow; NULL where no service is watched on the port that
 * `sender` speaks to or from. */
struct attempt *attempt_new(struct tracker *tracker, struct flow *flow, const struct flow_key *key,
                            const struct event *event, enum side sender, bool midstream);
struct attempt *attempt_of_flow(const struct tracker *tracker, const struct flow *flow);
/* Of a UDP datagram's payload. */
uint64_t attempt_payload_hash(const struct packet *packet);
/* Answers that nobody asked for: where a client waits for some from another address, it is told. */
void attempt_answered_elsewhere(struct tracker *tracker, const struct attempt *answers);
/* True, and counted, where the packet is a copy of one seen a moment ago. */
bool attempt_is_copy(struct attempt *attempt, enum side side, const struct event *event,
                     int64_t syn_copy_gap_ns);
/* The record of the same attempt on the other side of a NAT of this box. */
void attempt_find_twin(struct tracker *tracker, struct attempt *attempt);
/* Notes that the attempt is over where it is and all went well. */
void attempt_settle(struct tracker *tracker, struct attempt *attempt);
void attempts_free(struct tracker *tracker);
/* Of those that began last, one whose first packet has this mark that a NAT leaves alone; 0: none.
 */
uint32_t attempts_latest_with(struct tracker *tracker, uint32_t mark);
void attempts_note_latest(struct tracker *tracker, uint32_t mark, uint32_t number);
/* Puts them into the order in which they began, again. */
void attempts_sort(struct tracker *tracker);

/* tcp.c: a flow just added, and then each packet. `*side`: who sent it. True where the SYN opens an
 * attempt: a first one, or other than the SYN known. */
void tcp_flow_begins(const struct tracker *tracker, struct flow *flow,
                     const struct segment *segment);
bool tcp_flow_segment(struct tracker *tracker, struct flow *flow, const struct segment *segment,
                      enum side *side);

/* tcp.c, udp.c, icmp.c: each takes in one packet. */
struct attempt *tcp_track(struct tracker *tracker, struct event *event, enum side *side,
                          bool *fresh);
struct attempt *udp_track(struct tracker *tracker, struct event *event, enum side *side,
                          bool *fresh);
struct attempt *icmp_track(struct tracker *tracker, const struct event *event);

#endif
