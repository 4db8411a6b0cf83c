/* Which packets of one attempt were seen on both sides of a stretch of the path, and which on one
 * side only.
 *
 * "Upstream" is the capture nearer to the initiator, "downstream" the one nearer to the responder.
 * TCP is compared by byte range: offload cuts and merges segments, and what one capture has as
 * three the other may have as one. */
#ifndef FWSNIFF_CORRELATION_PASSAGE_H
#define FWSNIFF_CORRELATION_PASSAGE_H

#include "analyzer/flow/attempt.h"

enum passage {
    PASSAGE_UNKNOWN, /* nothing of the kind was sent, or it cannot be said */
    PASSAGE_BOTH,    /* seen on both sides */
    PASSAGE_LOST,    /* seen on its sender's side only, though the other side would show it */
    PASSAGE_MADE,    /* seen only on the side away from its sender: made between the two */
};

/* What one of the two captures can be relied on for, all by its own clock. */
struct coverage {
    bool sees[2];              /* packets of this side (enum side) would be in it */
    int64_t first_ns, last_ns; /* it recorded from, to */
    int64_t doubt_ns;          /* of the clocks between the two captures */
    double miss_share;         /* of the packets that it loses while capturing */
};

struct passing {
    enum passage request; /* what the initiator sent: SYN, datagrams, data */
    enum passage reply;   /* what the responder sent: SYN-ACK, datagrams, data */
    enum passage refusal; /* a RST, or an ICMP error about the initiator's packets */
    bool crossed[2];      /* of a connection that had come about: what this side (enum side) sends
                             again and again went by both, and no answer to it by either */
    /* What shows each, upstream [0] and downstream [1]. */
    struct frame_list request_frames[2], reply_frames[2], refusal_frames[2];
};

/* Times at `upstream` plus this are times at `downstream`. */
struct time_shift {
    int64_t to_downstream_ns;
};

/* The packet that tears the attempt down: in the responder's name or by ICMP as the initiator sees
 * it, else in the initiator's name as the responder does. NULL: none. */
const struct mark *passage_refusal(const struct attempt *attempt, bool as_initiator);

/* `downstream` NULL: the attempt is not in that capture. */
void passage_compare(const struct attempt *upstream, const struct attempt *downstream,
                     const struct coverage cover[2], struct time_shift shift,
                     struct passing *passing);

#endif
