/* Where a capture was taken, inferred from the packets.
 *
 * The answer is a probability for each vantage, per conversation: a capture on the server's own
 * host is `server` for connections to it and `client` for those it opens itself. The capture's own
 * vantage is what most of its product conversations say. Every verdict is weighed over this
 * distribution, so that doubt about the place of the capture becomes doubt in the verdict. */
#ifndef FWSNIFF_ATTRIBUTION_VANTAGE_H
#define FWSNIFF_ATTRIBUTION_VANTAGE_H

#include "analyzer/attribution/neighbours.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/options.h"
#include "analyzer/report/report.h"
#include "dissectors/address.h"

enum { SITE_NETWORKS_MAX = 64, LOCAL_ADDRESSES_MAX = 64 };

/* What the user and the interface say of the site. */
struct site {
    enum vantage told;                              /* --vantage; VANTAGE_UNKNOWN: not told */
    struct ip_network local_net[SITE_NETWORKS_MAX]; /* --local-net: the capture's side */
    size_t local_net_count;
    const struct nat_mapping *nat; /* --nat: one host under two addresses */
    size_t nat_count;
    struct ip_address local[LOCAL_ADDRESSES_MAX]; /* live: addresses of the capturing host */
    size_t local_count;
};

struct vantage_belief {
    double probability[VANTAGES];
};

struct vantage_context {
    const struct tracker *tracker;
    const struct site *site;
    uint32_t flows[2];  /* IPv4 and IPv6 conversations that tell whose capture it is, for
                           "takes part in all of them": as host.flows counts them */
    bool any_forwarded; /* some frames of the capture are seen entering and leaving */
    bool cooked;        /* frames carry a direction: captured on "any" */
    struct neighbours neighbours;
};

/* What one attempt says of where it was captured; sums to 1. */
void vantage_of_attempt(const struct vantage_context *context, const struct attempt *attempt,
                        struct vantage_belief *belief);

/* The capture's vantage from all its attempts, with the reasons in words. */
void vantage_of_capture(const struct vantage_context *context, struct vantage_estimate *estimate);

/* Whether both ends are on the link that was captured, with no router between. */
bool vantage_same_link(const struct vantage_context *context, const struct attempt *attempt);

/* Whether what answers in the server's name sits on the client's own link: no router was passed,
 * and a private and a public address share no link. */
bool vantage_answered_next_door(const struct vantage_context *context,
                                const struct attempt *attempt);

/* Routers between an end and the capture; -1: not known. For the responder, packets of its address
 * in other conversations count too. */
int vantage_hops(const struct vantage_context *context, const struct attempt *attempt,
                 enum side side);

#endif
