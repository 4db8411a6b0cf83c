/* The tunnels whose inside can be read (VXLAN, GRE, IP in IP, ...): which two ends, and what came
 * from each. A fixed number of them; what comes when the table is full is not followed, and
 * counted. Another table of this kind holds the pairs of ends that IKE goes between, and what ESP,
 * which cannot be read, runs beside it. ESP within UDP has a record for each exchange. */
#ifndef FWSNIFF_FLOW_TUNNELS_H
#define FWSNIFF_FLOW_TUNNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/flow/attempt.h"
#include "dissectors/packet.h"

enum { TUNNELS_MAX = 256 };

struct tunnel_record {
    struct ip_address end[2];
    uint64_t packets[2]; /* sent by each end */
    uint64_t first_frame[2], last_frame[2];
    int64_t first_ns[2], last_ns[2];
    uint32_t length_max[2];     /* bytes of the largest IP packet */
    struct ip_address asked[2]; /* the first inside that each end sent something to ... */
    bool asked_others[2];       /* ... and whether there were more */
    /* Of ESP, whose packets have numbers: the last one of each end; and how many left the capturing
     * box that came in, one hop later. */
    uint64_t last_number[2];
    uint8_t last_hops[2];
    uint64_t forwarded[2];
};

struct tunnels {
    struct tunnel_record *all; /* made when first needed */
    uint32_t count;
    uint64_t seed;
    uint64_t refused; /* packets of tunnels that found no room */
};

void tunnels_packet(struct tunnels *tunnels, const struct packet *packet, uint64_t frame,
                    int64_t time_ns);
/* The record of two ends, made when there is none; it stays where it is. NULL: no room. */
struct tunnel_record *tunnels_between(struct tunnels *tunnels, const struct ip_address *one,
                                      const struct ip_address *other);
/* One packet of ESP of the end `which`. `header`: its first ESP_NUMBER bytes; NULL: not captured.
 */
void tunnel_esp(struct tunnel_record *record, int which, const uint8_t *header,
                const struct packet *packet, uint64_t frame, int64_t time_ns);
/* The same, where its ends have a record. */
void tunnels_esp(struct tunnels *tunnels, const struct packet *packet, uint64_t frame,
                 int64_t time_ns);
/* The tunnel between two ends, either way round; `*which` is the index of `one`. NULL: not known.
 */
const struct tunnel_record *tunnels_find(const struct tunnels *tunnels,
                                         const struct ip_address *one,
                                         const struct ip_address *other, int *which);
void tunnels_free(struct tunnels *tunnels);

/* What an exchange of IKE agreed on: within its own datagrams, else beside it. NULL: not known. */
static inline const struct tunnel_record *attempt_esp(const struct attempt *attempt)
{
    return attempt->esp_in_udp ? attempt->esp_in_udp : attempt->esp;
}

#endif
