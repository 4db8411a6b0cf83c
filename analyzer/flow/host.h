/* What the capture shows of each address: how far away it is, whose MAC brings its packets, how
 * quickly it answers. These are the baselines against which a RST or an ICMP error is held, and
 * most of what tells where the capture was taken.
 *
 * Only packets that an address certainly sent itself count for the baseline: RST and ICMP errors
 * are what is to be judged, so they are left out. */
#ifndef FWSNIFF_FLOW_HOST_H
#define FWSNIFF_FLOW_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "analyzer/attribution/fact.h"
#include "analyzer/flow/flow_table.h"
#include "analyzer/flow/hash_index.h"
#include "analyzer/flow/ways.h"
#include "dissectors/packet.h"

enum { HOST_NO_TIME = UINT32_MAX };

/* In the place of a host's number: it found no room in the table, and never will. */
enum { HOST_REFUSED = (1 << FLOW_HOST_BITS) - 1 };

/* What ARP and ND tell of an address. Most addresses are beyond a router and have none. */
struct host_link {
    /* Requests for this address since it last answered, and the answers. */
    uint32_t asked, asked_unanswered, resolved;
    int64_t asked_last_ns;
    struct frame_list asked_frames; /* unanswered ones */
    struct ip_address asked_by;     /* whoever asked last; unspecified: nobody, or not told */
    bool has_mac;                   /* what it answered, or asked with */
    uint8_t mac[6];
    uint32_t out;       /* ARP or ND of its own that leaves the capturing box (cooked) */
    uint32_t asked_out; /* requests for it that leave the capturing box (cooked) */
    uint32_t answers;   /* ARP or ND answers to it: the capture hears what it is told */
};

/* When a host last sent something, RST and ICMP errors left out: apart from the rest, since every
 * packet changes it. */
struct host_pulse {
    int64_t last_ns;
    uint64_t last_frame;
};

/* Counted and measured are the packets that told it something: the first ones, and of each
 * conversation those that come in a new way or with a new hop limit (ways.h). */
struct host {
    struct ip_address address;
    struct host_link *link;  /* host_link(); NULL: nothing; the table's */
    uint32_t number;         /* its index in the table + 1 */
    uint32_t first_frame;    /* of its own packets, RST and ICMP errors left out; 0: none */
    uint32_t answer_min_us;  /* as responder: shortest request to answer; HOST_NO_TIME */
    uint32_t confirm_min_us; /* as initiator: shortest SYN-ACK to ACK; HOST_NO_TIME */
    uint32_t flows;          /* conversations it takes part in; set by controls_gather() */
    uint8_t measured;        /* packets whose hop limit tells the distance: not sent to a group, no
                                traceroute probes; HOST_MEASURED_MAX: or more */
    uint8_t hop_limit;       /* of those, the latest one's */
    uint8_t hop_limit_min, hop_limit_max;     /* of those; 0: none */
    uint8_t checksums_wrong, checksums_right; /* of the packets looked at ... */
    uint8_t checksums_left;                   /* ... and how many more will be */
    bool has_mac, several_macs;
    uint8_t mac[6];     /* source MAC of the latest one */
    bool oversized;     /* TCP longer than a network carries: captured before segmentation */
    bool came_in, left; /* by a cooked header's direction */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct host) == 64, "one cache line");

/* Checksums tell the capturing host (offload), which is among the first that a capture shows. */
enum { CHECKSUMS_PER_HOST = 16, CHECKSUM_HOSTS = 4096 };

enum { HOST_MEASURED_MAX = 2 }; /* so many of one hop limit are a habit (facts_refusal.c) */

/* Operating systems start at 64 or more; a packet this low is a traceroute probe or for the link
 * only, made to be answered by somebody on the way. (traceroute and mtping -t go to 30 hops.) */
enum { PROBE_HOP_LIMIT_MAX = 30 };

enum { HOST_SLAB = 1 << 15 }; /* 2 MiB */

/* Open to the fast path, which goes from a host's index to its entry inline. */
struct host_table {
    struct host **slabs;
    struct host_pulse *pulses; /* by number */
    size_t count, cap, pulse_room;
    struct hash_index index;
    struct host_link **links; /* slabs */
    size_t link_count;
    uint64_t seed, refused;
};

/* A cap of `cap` hosts; what comes after has no entry and is counted. */
struct host_table *host_table_new(size_t cap);
void host_table_free(struct host_table *table);

static inline uint32_t host_table_hash(const struct host_table *table,
                                       const struct ip_address *address)
{
    return hash_upper(hash_two(table->seed, address->halves[0], address->halves[1]));
}

/* NULL: unknown. Pointers stay valid for the table's life. */
struct host *host_table_find(const struct host_table *table, const struct ip_address *address);
/* Finds or adds; NULL when the table is full. */
struct host *host_table_add(struct host_table *table, const struct ip_address *address);

/* Zeroed where it never sent anything, or there is no host. */
static inline struct host_pulse host_pulse(const struct host_table *table, const struct host *host)
{
    return host ? table->pulses[host->number] : (struct host_pulse){0};
}

/* The host with this number, if any, has sent something. */
static inline void host_table_pulse(struct host_table *table, uint32_t number, uint64_t frame,
                                    int64_t time_ns)
{
    if (number < table->pulse_room)
        table->pulses[number] = (struct host_pulse){time_ns, frame};
}

/* To write what ARP or ND tell of it. */
struct host_link *host_table_link(struct host_table *table, struct host *host);

static inline struct host *host_table_at(const struct host_table *table, size_t index)
{
    return &table->slabs[index / HOST_SLAB][index % HOST_SLAB];
}
/* By the number that a flow keeps; NULL: 0, or HOST_REFUSED. */
static inline struct host *host_table_numbered(const struct host_table *table, uint32_t number)
{
    return number && number != HOST_REFUSED ? host_table_at(table, number - 1) : NULL;
}

size_t host_table_count(const struct host_table *table);
uint64_t host_table_refused(const struct host_table *table);

/* To read it; all zeros where there is nothing, or no host. */
static inline const struct host_link *host_link(const struct host *host)
{
    static const struct host_link nothing;
    return host && host->link ? host->link : &nothing;
}

/* Whether somebody on the captured link takes the address for one of this link. */
static inline bool host_on_link(const struct host *host)
{
    const struct host_link *link = host_link(host);
    return link->asked || link->resolved;
}

/* Learns what a packet tells that `host` itself sent. */
void host_saw_packet(struct host *host, const struct packet *packet, uint64_t frame);

/* Whether only what is new can still teach it anything. */
static inline bool host_is_learnt(const struct host *host)
{
    return host->measured == HOST_MEASURED_MAX && !host->checksums_left;
}

/* Routers passed since the sender, assuming the nearest common initial value at or above (64, 128,
 * 255; 32 is long gone). RFC 1700 and the systems' defaults. */
int hops_travelled(uint8_t hop_limit);

#endif
