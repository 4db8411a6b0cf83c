/* The common frame, read in one go: Ethernet, perhaps one VLAN tag, IPv4 or IPv6 without options,
 * fragments or extension headers, then TCP or UDP. Nearly every packet of nearly every capture is
 * one, and most of them change next to nothing, so what the flow stage asks of them is read here in
 * a tenth of the time that packet_dissect() takes. packet_dissect() is the naive twin: whatever is
 * in any way unusual is left to it, and a test compares the two (test_fast_path.c). */
#ifndef FWSNIFF_DISSECTORS_GLANCE_H
#define FWSNIFF_DISSECTORS_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "dissectors/cursor.h"
#include "dissectors/packet.h"

struct glance {
    const uint8_t *ip;        /* first byte of the IP header */
    const uint8_t *transport; /* and of the TCP or UDP header */
    uint32_t payload_length;  /* on the wire */
    uint32_t total_length;    /* of the IP packet, on the wire */
    uint16_t source_port, destination_port;
    uint8_t version; /* 4 or 6 */
    uint8_t proto;   /* 6 TCP, 17 UDP */
    uint8_t hop_limit;
    uint8_t tcp_flags; /* enum tcp_flag; UDP: 0 */
};

enum {
    GLANCE_LINK_TYPE = 1,  /* Ethernet */
    GLANCE_SOURCE_MAC = 6, /* where it stands in the frame */
    GLANCE_ETHERNET = 14,  /* header bytes, as the next four */
    GLANCE_VLAN = 4,
    GLANCE_IP4 = 20,
    GLANCE_IP6 = 40,
    GLANCE_TCP = 20,
    GLANCE_UDP = 8,
    GLANCE_MIN = GLANCE_ETHERNET + GLANCE_VLAN + GLANCE_IP4 + GLANCE_UDP, /* captured */
    GLANCE_PROTO_TCP = 6,
    GLANCE_PROTO_UDP = 17,
    GLANCE_TYPE_IP4 = 0x0800, /* EtherTypes */
    GLANCE_TYPE_IP6 = 0x86dd,
    GLANCE_TYPE_VLAN = 0x8100,
};

/* Each stands in the loop over all packets. */
#define GLANCE static inline __attribute__((always_inline))

/* Bytes of a frame as far as they were captured, and on the wire. */
struct glance_extent {
    uint32_t captured, wire;
};

/* RFC 9293 3.1. The header is captured whole. */
GLANCE bool glance_tcp(const uint8_t *h, struct glance_extent left, struct glance *seen)
{
    if (left.captured < GLANCE_TCP)
        return false;
    uint32_t header = (uint32_t)(h[12] >> 4) * 4;
    seen->tcp_flags = h[13];
    seen->payload_length = left.wire - header;
    return header >= GLANCE_TCP && header <= left.wire;
}

/* What dissect_udp_tunnel() would look into. */
static inline bool glance_may_be_tunnel(uint16_t port)
{
    return port == 2152 || port == 4789 || port == 6081 || port == 6635 || port == 8472;
}

/* RFC 768 */
GLANCE bool glance_udp(const uint8_t *h, struct glance_extent left, struct glance *seen)
{
    if (left.captured < GLANCE_UDP)
        return false;
    uint32_t length = bytes_u16(h + 4);
    seen->tcp_flags = 0;
    seen->payload_length = length - GLANCE_UDP;
    return length >= GLANCE_UDP && length <= left.wire && !glance_may_be_tunnel(bytes_u16(h + 2));
}

GLANCE bool glance_transport(const uint8_t *h, struct glance_extent left, struct glance *seen)
{
    bool common = seen->proto == GLANCE_PROTO_TCP   ? glance_tcp(h, left, seen)
                  : seen->proto == GLANCE_PROTO_UDP ? glance_udp(h, left, seen)
                                                    : false;
    if (!common)
        return false;
    seen->transport = h;
    seen->source_port = bytes_u16(h);
    seen->destination_port = bytes_u16(h + 2);
    return true;
}

/* RFC 791 3.1: 20 bytes, no fragment, and no longer than the frame. */
GLANCE bool glance_ip4(const uint8_t *h, struct glance_extent left, struct glance *seen)
{
    enum { VERSION_4_WORDS_5 = 0x45, MORE_OR_OFFSET = 0x3fff };
    uint32_t total = bytes_u16(h + 2);
    if (h[0] != VERSION_4_WORDS_5 || bytes_u16(h + 6) & MORE_OR_OFFSET ||
        total < GLANCE_IP4 + GLANCE_UDP || total > left.wire)
        return false;
    uint32_t captured = left.captured < total ? left.captured : total;
    seen->ip = h;
    seen->version = 4;
    seen->hop_limit = h[8];
    seen->proto = h[9];
    seen->total_length = total;
    return glance_transport(
        h + GLANCE_IP4, (struct glance_extent){captured - GLANCE_IP4, total - GLANCE_IP4}, seen);
}

/* RFC 8200 3 */
GLANCE bool glance_ip6(const uint8_t *h, struct glance_extent left, struct glance *seen)
{
    if (left.captured < GLANCE_IP6)
        return false;
    uint32_t payload = bytes_u16(h + 4);
    if (h[0] >> 4 != 6 || payload == 0 || payload > left.wire - GLANCE_IP6)
        return false;
    uint32_t captured = left.captured - GLANCE_IP6 < payload ? left.captured - GLANCE_IP6 : payload;
    seen->ip = h;
    seen->version = 6;
    seen->proto = h[6];
    seen->hop_limit = h[7];
    seen->total_length = GLANCE_IP6 + payload;
    return glance_transport(h + GLANCE_IP6, (struct glance_extent){captured, payload}, seen);
}

/* The IP version; 0: it is no common frame, and `seen` holds nothing. Reads nothing outside
 * bytes[0..captured). */
GLANCE unsigned packet_glance(uint16_t link_type, const uint8_t *bytes, uint32_t captured,
                              uint32_t length, struct glance *seen)
{
    if (link_type != GLANCE_LINK_TYPE || captured < GLANCE_MIN || length < captured)
        return 0;
    uint32_t header = GLANCE_ETHERNET;
    uint16_t type = bytes_u16(bytes + 12);
    if (type == GLANCE_TYPE_VLAN) {
        header += GLANCE_VLAN;
        type = bytes_u16(bytes + 16);
    }
    struct glance_extent left = {captured - header, length - header};
    if (type == GLANCE_TYPE_IP4)
        return glance_ip4(bytes + header, left, seen) ? 4 : 0;
    return type == GLANCE_TYPE_IP6 && glance_ip6(bytes + header, left, seen) ? 6 : 0;
}

/* All of the packet, as packet_dissect() would give it, of the frame's bytes. */
void packet_from_glance(const struct glance *seen, const uint8_t *bytes, uint32_t captured,
                        struct packet *packet);

#endif
