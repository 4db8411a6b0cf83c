/* Which names were looked up, by whom, and what they were told: context for failures, never one of
 * its own. A fixed number of look-ups is kept; the oldest of a row give way, and are counted. */
#ifndef FWSNIFF_FLOW_NAMES_H
#define FWSNIFF_FLOW_NAMES_H

#include <stdint.h>

#include "dissectors/dns.h"
#include "dissectors/packet.h"

enum { NAMES_ROWS = 1024, NAMES_PER_ROW = 4 };

struct lookup {
    struct ip_address client; /* zeros: free */
    char name[DNS_NAME_MAX];
    int64_t asked_ns, last_ns;
    uint64_t asked_frame, answer_frame; /* 0: not seen */
    uint32_t asked;                     /* questions since the last answer */
    uint8_t code;                       /* of the answer */
    uint8_t address_count;              /* of the last answer that had any; A and AAAA each ask */
    struct ip_address address[DNS_ADDRESSES_MAX];
    struct ip_address told_by; /* whoever answered that */
};

struct names {
    struct lookup (*rows)[NAMES_PER_ROW]; /* made when first needed */
    uint64_t seed;
    uint64_t forgotten;
};

/* A UDP packet from or to port 53. */
void names_packet(struct names *names, const struct packet *packet, uint64_t frame,
                  int64_t time_ns);

/* The latest look-up of `client` that told `address`; NULL: none. */
const struct lookup *names_of_address(const struct names *names, const struct ip_address *client,
                                      const struct ip_address *address);
/* The latest look-up of `client` (or of anybody in that network) that told no address. */
const struct lookup *names_unresolved(const struct names *names, const struct ip_network *clients);

void names_free(struct names *names);

#endif
