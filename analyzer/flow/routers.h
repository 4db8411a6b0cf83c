/* Which network cards of the captured link are routers': IPv6 makes them tell. Every system that
 * forwards sends router advertisements, or at least listens to the group of all routers (RFC 4291
 * 2.8), which it reports to the link when it comes up and whenever it is asked (RFC 3810). */
#ifndef FWSNIFF_FLOW_ROUTERS_H
#define FWSNIFF_FLOW_ROUTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "dissectors/packet.h"

enum { ROUTERS_MAX = 64 };

struct routers {
    uint8_t mac[ROUTERS_MAX][6];
    uint32_t count;
    uint64_t refused; /* what told of further ones */
};

/* One packet of ICMP. */
void routers_packet(struct routers *routers, const struct packet *packet);
bool routers_has(const struct routers *routers, const uint8_t mac[6]);

#endif
