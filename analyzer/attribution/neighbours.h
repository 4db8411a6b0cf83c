/* Who is on the captured link, as ARP and neighbour discovery tell it (RFC 826, RFC 4861). An
 * address that is resolved here is on this link; a packet whose MAC address belongs to another
 * address than its own has come from, or goes to, a router. */
#ifndef FWSNIFF_ATTRIBUTION_NEIGHBOURS_H
#define FWSNIFF_ATTRIBUTION_NEIGHBOURS_H

#include "analyzer/flow/host.h"
#include "analyzer/flow/tracker.h"

enum { NEIGHBOURS_MAX = 1024, NEIGHBOURS_ASKED_MAX = 256 };

struct neighbours {
    const struct host *known[NEIGHBOURS_MAX]; /* those with a MAC address; belong to the tracker */
    size_t count;                             /* further ones are left out */
    const struct host *asked[NEIGHBOURS_ASKED_MAX]; /* for, without an answer since */
    size_t asked_count;
    bool own; /* some address answers from the capturing box itself (cooked captures) */
};

void neighbours_gather(const struct tracker *tracker, struct neighbours *neighbours);

/* Whose MAC address this is; NULL: not known. */
const struct host *neighbours_with(const struct neighbours *neighbours, const uint8_t mac[6]);

/* Whether this MAC address is known to belong to another address than `address`, and not to it. */
bool neighbours_is_router(const struct neighbours *neighbours, const uint8_t mac[6],
                          const struct ip_address *address);

#endif
