/* The rich record of one connection attempt of a watched product, from its first packet to its end.
 *
 * The trackers (tcp.c, udp.c, icmp.c) keep it; detectors and facts read it. It holds what happened,
 * with frame numbers and times, and no judgement. Retransmissions are folded in; copies of one
 * packet that the capture recorded twice (a forwarding box, a mirror port) are left out and
 * counted.
 */
#ifndef FWSNIFF_FLOW_ATTEMPT_H
#define FWSNIFF_FLOW_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/attribution/fact.h"
#include "analyzer/flow/flow_table.h"
#include "analyzer/flow/frame_notes.h"
#include "analyzer/flow/pace.h"
#include "dissectors/packet.h"

/* One packet worth remembering. Kept by marks.h, once for all the names that it has. */
struct mark {
    int64_t time_ns;
    uint64_t frame;
    uint32_t sequence, acknowledgment;
    uint32_t length : 24;   /* payload bytes; no frame is longer than 256 KiB */
    uint32_t direction : 2; /* enum link_direction */
    uint32_t has_mac : 1;
    uint32_t has_timestamp : 1; /* TCP, RFC 7323 */
    uint32_t names : 4;         /* that stand for it: at most those of one side, and the maker's */
    uint32_t ip_id;
    uint32_t if_index;
    uint32_t content; /* of the first payload bytes, a hash; 0: none captured */
    uint32_t timestamp, timestamp_echo;
    uint16_t window;
    uint8_t hop_limit;
    uint8_t flags;
    uint8_t mac[6];    /* source */
    uint8_t mac_to[6]; /* destination; zero where the link header has none */
};

_Static_assert(sizeof(struct mark) == 64, "an attempt has five of them, and more");

/* What a name stands for where there was no such packet: frame 0. */
extern const struct mark no_mark;

/* Without a look at the mark itself, which of a long connection has left the cache. */
static inline bool mark_there(const struct mark *mark)
{
    return mark != &no_mark;
}

/* Serial number arithmetic, RFC 1982: a after b. */
static inline bool sequence_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* A payload that only fits packets near the common MTUs: 1280 (RFC 8200 5) less headers. */
enum { FULL_SIZE_MIN = 1200 };

/* What one side sent. */
struct side_record {
    const struct mark *first, *last; /* any packet; duplicates left out */
    const struct mark *first_data;   /* first with payload */
    const struct mark *last_data;    /* last with new payload */
    const struct mark *fin, *rst;    /* first of each */
    uint64_t bytes;                  /* new payload */
    uint32_t rst_count;
    uint32_t data_packets;
    uint32_t next_sequence; /* TCP: highest sequence seen + its length */
    uint32_t acknowledged;  /* TCP: highest acknowledgment it sent */
    bool has_sequence, has_acknowledged, has_full_size;
    /* What it sends again and again without progress: TCP segments (or keep-alive probes) that stay
     * unacknowledged, UDP datagrams since the other side last spoke. */
    uint32_t repeats;
    uint32_t asks; /* UDP, of a tunnel: those of them that want an answer (vpn_asks) */
    const struct mark
        *first_unanswered; /* TCP: the oldest outstanding data; UDP: first since reply */
    struct frame_notes repeat_frames;
    uint32_t unanswered_length_min; /* payload of the repeated packets: smallest, largest */
    uint32_t unanswered_length_max;
    /* Sequence number of its first full-size segment: once that is acknowledged, full-size packets
     * are known to pass. */
    uint32_t full_size_sequence;
    /* TCP: payload that its later packets show to have been sent and that the capture never saw. */
    uint32_t missing;
    const struct mark *beyond_missing; /* the first of those packets */
    int64_t idle_before_ns;            /* silence of the whole connection before first_unanswered */
};

struct icmp_record {
    const struct mark *first;
    struct ip_address sender;
    uint32_t count;
    enum icmp_class class_;
    uint8_t type, code;
    uint8_t quoted_hop_limit;
    uint8_t quoted_as_sent;    /* hop limit of the quoted packet when the capture saw it; 0: n/a */
    uint8_t quoted_side;       /* whose packet it refuses (enum side) */
    bool translated;           /* the quote shows other addresses than the flow has here */
    int64_t answered_after_ns; /* since the packet it quotes; negative: not known */
    struct frame_notes frames;
};

/* What stands for it where there was none. */
extern const struct icmp_record no_icmp;

enum attempt_bit {
    ATTEMPT_MIDSTREAM = 1 << 0, /* no SYN seen: began before the capture */
    ATTEMPT_ONE_SIDED = 1 << 1, /* handshake completed though its SYN-ACK was not captured */
    ATTEMPT_ESTABLISHED = 1 << 2,
    ATTEMPT_RST_SURVIVED = 1 << 3,   /* the exchange went on after a RST */
    ATTEMPT_SUPERSEDED = 1 << 4,     /* the same ports were used again for a new attempt */
    ATTEMPT_IS_INNER = 1 << 5,       /* the far side of a NAT of the capturing box: see `twin` */
    ATTEMPT_UNWRAPPED = 1 << 6,      /* a copy without the tunnel: the tunnel ends in this box */
    ATTEMPT_SETTLED = 1 << 7,        /* it went well and is over, and waits to be given up */
    ATTEMPT_WRAPPED = 1 << 8,        /* a copy in a tunnel (`tunnel_end`): it begins in this box */
    ATTEMPT_HEARD = 1 << 11,         /* what is said in it is known: speech.h listens no more */
    ATTEMPT_NOT_FTP = 1 << 12,       /* its first bytes were looked at: no FTP control connection */
    ATTEMPT_CARRIES = 1 << 13,       /* its service is a tunnel: see service.tunnel */
    ATTEMPT_TUNNEL_DEVICE = 1 << 14, /* captured on the inner side of a tunnel's end */
};

enum { RECENT_PACKETS = 4, ASKED_TIMES = 6 };

struct speech;
struct ftp_session;
struct tunnel_record;

/* What tells a packet from a copy of it. */
struct fingerprint {
    int64_t time_ns;
    uint32_t sequence, acknowledgment, ip_id, if_index;
    uint32_t length;
    uint16_t flags_side;
    uint8_t hop_limit;
    uint8_t direction : 7; /* enum link_direction */
    uint8_t tunnelled : 1;
};
_Static_assert(sizeof(struct fingerprint) == 32, "an attempt has several");

struct attempt {
    uint32_t number; /* 1-based; stays the same while the record lives */
    uint8_t service; /* profiles_service_index */
    uint8_t proto;
    uint16_t bits;                   /* enum attempt_bit */
    uint16_t tunnels;                /* enum tunnel bits of its first packet */
    struct ip_address tunnel_end[2]; /* where they are: by enum side of the packet that tells */
    struct flow_key key;
    struct flow *flow; /* while that has its number; entries are used again, and never move */
    struct ip_address address[2]; /* by enum side */
    uint16_t port[2];
    bool initiator_is_high; /* the initiator is end[1] of the key */

    const struct mark *syn, *syn_last; /* of the initiator */
    struct frame_notes syn_frames;
    const struct mark *synack, *synack_last;
    struct frame_notes synack_frames;
    uint32_t syn_count, synack_count; /* copies left out */
    /* When the initiator asked: its SYNs, or datagrams nothing was answered to. The first ones. */
    int64_t asked_ns[ASKED_TIMES];
    uint32_t asked_count;
    uint32_t syns_after_synack;
    const struct mark *confirmed; /* the initiator's first packet after the handshake */

    struct side_record side[2];     /* by enum side */
    const struct icmp_record *icmp; /* first ICMP error that quotes it; one that quotes the
                                       initiator goes before one that quotes the responder; owned */
    const struct mark *refused;     /* RST in reply to the SYN */
    uint8_t refused_checksum;       /* enum checksum_state */
    uint8_t refused_class;          /* packet_service_class() */
    uint8_t syn_class;              /* ... of the first SYN */
    uint32_t refused_label;         /* its flow label, over IPv6 */
    struct frame_notes refused_frames;

    int64_t idle_survived_ns;     /* longest silence after which a packet was still answered */
    uint64_t idle_survived_frame; /* that packet's; 0: none was */

    int64_t last_ns; /* last packet of either side */
    uint64_t last_frame;
    uint32_t copies;                     /* frames that were copies */
    uint32_t forwarded;                  /* copies one hop later or on another interface */
    struct frame_notes forwarded_frames; /* the first ones */
    uint64_t forwarded_last[2];          /* the newest one of each side's packets; 0: none */
    uint8_t copy_hops;         /* routers passed between the first and the last copy of a packet */
    uint8_t went_on_after_rst; /* bit per side that made progress after a RST */
    bool too_big_seen;         /* ICMP "fragmentation needed" or "packet too big" came for it */
    uint32_t twin;             /* number of the record on the other side of a NAT; 0: none */
    uint64_t payload_hash;     /* UDP: of the first datagram, to find its twin */
    struct speech *speech;     /* what is spoken on it; belongs to the speech stage */
    struct ftp_session *ftp;   /* FTP control connection; NULL: none */
    struct pace *pace;         /* UDP; owned */
    const struct tunnel_record *esp;  /* IKE: the ESP beside it; NULL: no room, or no IKE */
    struct tunnel_record *esp_in_udp; /* the ESP within its own datagrams, ends by enum side; owned;
                                         NULL: none */
    uint32_t answered_by; /* UDP: number of the attempt that looks like its answers, from
                             another address than was asked; 0: none */
    uint32_t control;     /* FTP data connection: number of its control connection; else 0 */
    bool backwards;       /* ... which runs the other way round (active mode) */
    uint32_t recent_at;
    struct fingerprint recent[RECENT_PACKETS];
    uint32_t settled_link[2]; /* numbers of the older and newer settled one; 0: none */
    uint32_t begun_link[2];   /* of those that began before and after it; 0: none */
};

/* Both sides opened, said something and closed, and nothing on the way was odd; nor is it one that
 * others are told by (FTP's connections, tunnels). What was said is for the detectors. */
static inline bool attempt_went_well(const struct attempt *attempt)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct side_record *server = &attempt->side[RESPONDER];
    return attempt->syn->frame && attempt->syn->frame == client->first->frame &&
           attempt->synack->frame && client->fin->frame && server->fin->frame &&
           client->data_packets && server->data_packets && !client->rst_count &&
           !server->rst_count && !client->repeats && !server->repeats && !attempt->icmp->count &&
           !attempt->twin && !attempt->copies && !attempt->ftp && !attempt->control &&
           !(attempt->bits & ATTEMPT_CARRIES);
}

/* Its packets go through a tunnel that the capture shows: they come in it, or go on in it. */
static inline bool attempt_in_tunnel(const struct attempt *attempt)
{
    return attempt->tunnels || (attempt->bits & ATTEMPT_WRAPPED);
}

static inline void attempt_asked(struct attempt *attempt, int64_t time_ns)
{
    if (attempt->asked_count < ASKED_TIMES)
        attempt->asked_ns[attempt->asked_count++] = time_ns;
}

/* One packet that comes by again and again, each time some hops later, goes round in a circle. A
 * box that forwards shows it twice, one hop apart. */
enum { LOOP_HOPS_MIN = 3 };

static inline bool attempt_loops(const struct attempt *attempt)
{
    return attempt->copy_hops >= LOOP_HOPS_MIN;
}

/* The packet that the side had waiting is answered: what was silent before it did no harm. */
static inline void attempt_survived(struct attempt *attempt, const struct side_record *side)
{
    if (!side->first_unanswered->frame || side->idle_before_ns <= attempt->idle_survived_ns)
        return;
    attempt->idle_survived_ns = side->idle_before_ns;
    attempt->idle_survived_frame = side->first_unanswered->frame;
}

/* Whose packets get lost: of who sends again what the other leaves unanswered. Of UDP that is told
 * by what was asked again, with an answer or without: of an exchange that creeps, who spoke last
 * tells no more than at which packet the capture ended. */
static inline enum side attempt_failing_side(const struct attempt *attempt)
{
    if (attempt->pace && pace_losses(attempt->pace) >= PACE_LOSSES_MIN)
        return attempt->pace->replies_lost > attempt->pace->requests_lost ? RESPONDER : INITIATOR;
    return attempt->side[RESPONDER].repeats > attempt->side[INITIATOR].repeats ? RESPONDER
                                                                               : INITIATOR;
}

/* The client itself refuses what the server still sends: it has closed its socket and gone. */
static inline bool attempt_client_gone(const struct attempt *attempt)
{
    return attempt->icmp->count && attempt->side[RESPONDER].first->frame &&
           ip_equal(&attempt->icmp->sender, &attempt->address[INITIATOR]);
}

/* The newest packet of a side came into a box that passed others of it on, and did not leave it. */
static inline bool attempt_swallows(const struct attempt *attempt, enum side side)
{
    return attempt->forwarded_last[side] &&
           attempt->side[side].last->frame > attempt->forwarded_last[side];
}

/* Some of its packets are seen entering and leaving the capturing box, on this side of a NAT or on
 * both. */
static inline bool attempt_is_forwarded(const struct attempt *attempt)
{
    return attempt->twin || (attempt->forwarded && !attempt_loops(attempt));
}

#endif
