/* The common frame, read in one go: Ethernet, perhaps one VLAN tag, IPv4 or IPv6 without options,
 * fragments or extension headers, then TCP or UDP. Nearly every packet of nearly every capture is
 * one, and most of them change next to nothing, so what the flow stage asks of them is read here in
 * a tenth of the time that packet_dissect() takes. packet_dissect() is the naive twin: whatever is
 * in any way unusual is left to it, and a test compares the two (test_dissect_glance.c). */
#ifndef FWSNIFF_DISSECTORS_GLANCE_H
#define FWSNIFF_DISSECTORS_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "dissectors/packet.h"

struct glance {
    const uint8_t *ip;        /* first byte of the IP header */
    const uint8_t *transport; /* and of the TCP or UDP header */
    const uint8_t *macs;      /* destination, source */
    uint32_t payload_length;  /* on the wire */
    uint32_t total_length;    /* of the IP packet, on the wire */
    uint32_t ip_captured;     /* of these, captured */
    uint16_t source_port, destination_port;
    uint8_t version; /* 4 or 6 */
    uint8_t proto;   /* 6 TCP, 17 UDP */
    uint8_t hop_limit;
    uint8_t tcp_flags; /* enum tcp_flag; UDP: 0 */
};

/* False: no common frame; `seen` holds nothing. Reads nothing outside bytes[0..captured). */
bool packet_glance(uint16_t link_type, const uint8_t *bytes, uint32_t captured, uint32_t length,
                   struct glance *seen);

/* All of the packet, as packet_dissect() would give it. */
void packet_from_glance(const struct glance *seen, struct packet *packet);

#endif
