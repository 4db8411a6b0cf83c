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

#include "analyzer/attribution/fact.h"
#include "dissectors/packet.h"

enum { HOST_NO_TIME = UINT32_MAX };

struct host {
    struct ip_address address;
    int64_t first_ns, last_ns; /* own packets, RST and ICMP errors left out */
    uint64_t first_frame, last_frame;
    uint32_t packets;
    uint32_t measured; /* of these, packets whose hop limit tells the distance: not */
    uint8_t hop_limit; /* sent to a group, no traceroute probes; the latest one's */
    uint8_t hop_limit_min, hop_limit_max; /* of those; 0: none */
    bool has_mac, several_macs;
    uint8_t mac[6];                               /* source MAC of its latest packet */
    uint32_t if_index;                            /* cooked v2 */
    uint32_t frames_in, frames_out, frames_other; /* by a cooked header's direction */
    uint32_t answer_min_us;  /* as responder: shortest request to answer; HOST_NO_TIME */
    uint32_t confirm_min_us; /* as initiator: shortest SYN-ACK to ACK; HOST_NO_TIME */
    uint32_t checksums_wrong, checksums_right; /* of the packets looked at */
    uint32_t flows;     /* conversations it takes part in; set by controls_gather() */
    uint32_t oversized; /* TCP segments longer than the MTU a peer's MSS allows */
    /* ARP and ND: requests for this address since it last answered, and the answers. */
    uint32_t asked, asked_unanswered, resolved;
    int64_t asked_last_ns;
    struct frame_list asked_frames; /* unanswered ones */
    struct ip_address asked_by;     /* whoever asked last; unspecified: nobody, or not told */
    bool has_link_mac;              /* what it answered, or asked with */
    uint8_t link_mac[6];
    uint32_t link_out;  /* ARP or ND of its own that leaves the capturing box (cooked) */
    uint32_t asked_out; /* requests for it that leave the capturing box (cooked) */
    uint32_t answers;   /* ARP or ND answers to it: the capture hears what it is told */
};

/* Operating systems start at 64 or more; a packet this low is a traceroute probe or for the link
 * only, made to be answered by somebody on the way. (traceroute and mtping -t go to 30 hops.) */
enum { PROBE_HOP_LIMIT_MAX = 30 };

struct host_table;

/* A cap of `cap` hosts; what comes after has no entry and is counted. */
struct host_table *host_table_new(size_t cap);
void host_table_free(struct host_table *table);

/* NULL: unknown. Pointers stay valid for the table's life. */
struct host *host_table_find(const struct host_table *table, const struct ip_address *address);
/* Finds or adds; NULL when the table is full. */
struct host *host_table_add(struct host_table *table, const struct ip_address *address);

size_t host_table_count(const struct host_table *table);
struct host *host_table_at(const struct host_table *table, size_t index);
uint64_t host_table_refused(const struct host_table *table);

/* Whether somebody on the captured link takes the address for one of this link. */
static inline bool host_on_link(const struct host *host)
{
    return host && (host->asked || host->resolved);
}

/* Counts a packet that `host` itself sent. */
void host_saw_packet(struct host *host, const struct packet *packet, uint64_t frame,
                     int64_t time_ns);

/* Routers passed since the sender, assuming the nearest common initial value at or above (64, 128,
 * 255; 32 is long gone). RFC 1700 and the systems' defaults. */
int hops_travelled(uint8_t hop_limit);

#endif
