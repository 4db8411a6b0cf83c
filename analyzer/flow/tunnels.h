/* The tunnels whose inside can be read (VXLAN, GRE, IP in IP, ...): which two ends, and what came
 * from each. A fixed number of them; what comes when the table is full is not followed, and
 * counted.
 */
#ifndef FWSNIFF_FLOW_TUNNELS_H
#define FWSNIFF_FLOW_TUNNELS_H

#include <stdint.h>

#include "dissectors/packet.h"

enum { TUNNELS_MAX = 256 };

struct tunnel_record {
    struct ip_address end[2];
    uint64_t packets[2]; /* sent by each end */
    uint64_t first_frame[2];
};

struct tunnels {
    struct tunnel_record *all; /* made when first needed */
    uint32_t count;
    uint64_t seed;
    uint64_t refused; /* packets of tunnels that found no room */
};

void tunnels_packet(struct tunnels *tunnels, const struct packet *packet, uint64_t frame);
/* The tunnel between two ends, either way round; `*which` is the index of `one`. NULL: not known.
 */
const struct tunnel_record *tunnels_find(const struct tunnels *tunnels,
                                         const struct ip_address *one,
                                         const struct ip_address *other, int *which);
void tunnels_free(struct tunnels *tunnels);

#endif
