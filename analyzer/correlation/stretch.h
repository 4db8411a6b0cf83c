/* What lies between two captures: the client's gateway, the path between the networks, the edge of
 * the server's network. Weighed over where each capture may have been taken, given what is only
 * known of the two together: which one the packets pass first, how many routers lie between, and
 * whether a NAT between them changed an address. */
#ifndef FWSNIFF_CORRELATION_STRETCH_H
#define FWSNIFF_CORRELATION_STRETCH_H

#include "analyzer/attribution/vantage.h"

struct stretch_evidence {
    int hops;                            /* routers between the two; -1: not known */
    bool client_changed, server_changed; /* another address (or responder's port) downstream */
    bool forwarded_upstream;             /* a capture on both sides of a box shows the packets
                                            leaving it */
};

struct stretch {
    double together[VANTAGES][VANTAGES]; /* upstream, downstream; sums to 1 */
};

void stretch_weigh(const struct vantage_belief *upstream, const struct vantage_belief *downstream,
                   const struct stretch_evidence *evidence, struct stretch *stretch);

/* Boxes that may lie between two captures. */
enum { BETWEEN_EGRESS = 1 << 0, BETWEEN_PATH = 1 << 1, BETWEEN_EDGE = 1 << 2, BETWEEN_SETS = 8 };

/* Those between captures at these places, as bits; none on one link (0 hops). */
unsigned stretch_between(enum vantage upstream, enum vantage downstream,
                         const struct stretch_evidence *evidence);

/* Where packets pass first, for captures that share no packet: negative, zero or positive as a is
 * nearer to the initiator. False where one of them says nothing of it. */
bool stretch_order(enum vantage a, enum vantage b, int *order);

#endif
