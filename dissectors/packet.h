/* What the dissectors found in one frame: the innermost IP packet that could be read, with the
 * link and tunnel headers around it. Everything is copied or points into the frame's own bytes,
 * so a packet is valid as long as its frame.
 *
 * Dissectors state what stands in the bytes and never judge. A field whose bytes were not captured
 * (snap length, truncation) is zero and its `has_` or `kind` says so. */
#ifndef FWSNIFF_DISSECTORS_PACKET_H
#define FWSNIFF_DISSECTORS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dissectors/address.h"

/* Which way a frame went, as a cooked header (or PKTAP) tells it. */
enum link_direction { LINK_UNKNOWN, LINK_IN, LINK_OUT, LINK_OTHER_HOST };

enum packet_kind {
    PACKET_OTHER, /* nothing that fwsniff follows (LLDP, STP, unknown link type, cut early) */
    PACKET_ARP,
    PACKET_IP,       /* IP, but its transport is neither of the below, or could not be read */
    PACKET_TCP,      /* captured at least up to the window, 16 bytes; else it stays PACKET_IP */
    PACKET_UDP,      /* captured at least its 8 bytes */
    PACKET_ICMP,     /* ICMP or ICMPv6, captured at least its first 4 bytes */
    PACKET_FRAGMENT, /* a fragment that is not the first: `ip.id` ties it to the first */
};

/* Tunnel headers met on the way in, as a bit set in packet.tunnels. */
enum tunnel {
    TUNNEL_IPIP = 1 << 0,   /* RFC 2003, and 6in4 (RFC 4213), 4in6, 6in6 (RFC 2473) */
    TUNNEL_GRE = 1 << 1,    /* RFC 2784, 2890 */
    TUNNEL_VXLAN = 1 << 2,  /* RFC 7348, UDP 4789 and 8472 */
    TUNNEL_GENEVE = 1 << 3, /* RFC 8926, UDP 6081 */
    TUNNEL_GTPU = 1 << 4,   /* 3GPP TS 29.281, UDP 2152 */
    TUNNEL_ESP = 1 << 5,    /* RFC 4303: recognised, not looked into */
    TUNNEL_AH = 1 << 6,     /* RFC 4302: looked through */
    TUNNEL_PPPOE = 1 << 7,  /* RFC 2516 */
    TUNNEL_MPLS = 1 << 8,   /* RFC 3032, RFC 7510 (UDP 6635) */
};

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

struct ip_header {
    struct ip_address source, destination;
    uint8_t version;    /* 4 or 6 */
    uint8_t hop_limit;  /* TTL or hop limit as captured */
    uint8_t protocol;   /* of the transport, after extension headers */
    bool dont_fragment; /* true for IPv6 */
    bool more_fragments;
    uint16_t fragment_offset; /* bytes */
    uint32_t id;              /* IPv4 identification, IPv6 fragment identification; else 0 */
    uint32_t total_length; /* bytes, from the header; from the frame where that says 0 (offload) */
};

struct tcp_header {
    uint32_t sequence, acknowledgment;
    uint16_t window;
    uint16_t mss;         /* option 2; 0: absent */
    uint8_t flags;        /* enum tcp_flag */
    uint8_t window_scale; /* option 3; 0xff: absent */
    bool sack_permitted;
    bool has_timestamp; /* option 8, RFC 7323 */
    uint32_t timestamp_value, timestamp_echo;
};

/* The packet that an ICMP error quotes (RFC 792, 1812 4.3.2.3, 4443 2.4; length field RFC 4884). */
struct icmp_quote {
    struct ip_header ip; /* hop_limit: what was left when the error was made */
    bool has_ports;
    uint16_t source_port, destination_port;
    bool has_sequence; /* TCP: the sequence number, which is always in the first 8 bytes */
    uint32_t sequence;
    uint16_t udp_length;
    uint16_t bytes; /* of the quoted packet captured */
};

enum icmp_class {
    ICMP_INFORMATION,   /* echo, router discovery, ND, ...: not about another packet */
    ICMP_UNREACHABLE,   /* v4 type 3 (code 4 excepted), v6 type 1 */
    ICMP_TOO_BIG,       /* v4 3/4, v6 type 2: `mtu` */
    ICMP_TIME_EXCEEDED, /* v4 type 11, v6 type 3 */
    ICMP_PARAMETER,     /* v4 type 12, v6 type 4 */
    ICMP_REDIRECTED,    /* v4 type 5, v6 137 */
};

struct icmp_header {
    uint8_t type, code;
    enum icmp_class class_;
    bool has_quote;        /* errors only */
    uint16_t id, sequence; /* echo */
    uint32_t mtu;          /* ICMP_TOO_BIG; 0: not told */
    struct icmp_quote quote;
    /* ND neighbour solicitation and advertisement: who is asked for; a redirect: the better hop. */
    struct ip_address target;
};

struct arp_header {
    uint16_t operation; /* 1 request, 2 reply */
    uint8_t sender_mac[6];
    struct ip_address sender, target;
};

struct packet {
    enum packet_kind kind;

    /* Of the innermost Ethernet or 802.11 header. A cooked header has the source only. Inside a
     * tunnel without Ethernet (IP in IP) they are those of the tunnel's ends. */
    bool has_mac;
    uint8_t source_mac[6], destination_mac[6];
    enum link_direction direction;
    uint32_t if_index;  /* cooked v2; 0: not told */
    bool tunnel_device; /* recorded on a device without link layer, as tunnels have them */
    uint16_t vlan;      /* outermost VLAN identifier; 0: none */

    uint16_t tunnels; /* enum tunnel bits */
    /* Outermost IP header; valid where `tunnels` is not 0, zeros where there is none (PPPoE). */
    struct ip_address tunnel_source, tunnel_destination;

    struct ip_header ip;     /* innermost; valid from PACKET_IP on, like all fields below */
    const uint8_t *ip_bytes; /* its first byte */
    uint32_t ip_captured;    /* bytes at ip_bytes, no more than ip.total_length */

    uint16_t source_port, destination_port; /* TCP, UDP; else 0 */
    const uint8_t *payload;                 /* of TCP or UDP; NULL where none was captured */
    uint32_t payload_captured;              /* bytes at payload */
    uint32_t payload_length;                /* bytes on the wire, by the IP header */
    /* Checksum offload leaves a wrong sum on frames captured by their own sender. Computed only
     * on demand, see packet_checksum_wrong(). */
    const uint8_t *transport; /* first byte of the transport header; NULL where none captured */
    uint32_t transport_captured;

    union {
        struct tcp_header tcp;
        struct icmp_header icmp;
        struct arp_header arp;
    };
};

/* Dissects one frame of a link type (LINKTYPE_ values). Never fails: what cannot be read is
 * PACKET_OTHER, or the outermost kind that could. `packet` need not be initialised. Bounded work:
 * at most DISSECT_LAYERS_MAX headers are tried. Reads nothing outside bytes[0..captured). */
enum { DISSECT_LAYERS_MAX = 16 };
void packet_dissect(uint16_t link_type, const uint8_t *bytes, uint32_t captured, uint32_t length,
                    struct packet *packet);

/* RFC 8200 3 and 6; 0: none, or IPv4. */
static inline uint32_t packet_flow_label(const struct packet *packet)
{
    const uint8_t *head = packet->ip_bytes;
    if (packet->ip.version != 6)
        return 0;
    return (head[1] & 0x0fu) << 16 | (uint32_t)head[2] << 8 | head[3];
}

/* RFC 2474: the class of service, in the upper six bits of its byte (ECN's two are left out). */
static inline uint8_t packet_service_class(const struct packet *packet)
{
    const uint8_t *head = packet->ip_bytes;
    int octet = packet->ip.version == 6 ? head[0] << 4 | head[1] >> 4 : head[1];
    return (uint8_t)(octet & 0xfc);
}

/* The TCP or UDP checksum, RFC 1071. Untold: absent (UDP 0), cut, a fragment, IPv6 extension
 * headers. Unfinished: only the pseudo header is summed up in it, as left for the network card to
 * finish. */
enum checksum_state { CHECKSUM_UNTOLD, CHECKSUM_RIGHT, CHECKSUM_UNFINISHED, CHECKSUM_WRONG };
enum checksum_state packet_checksum_state(const struct packet *packet);
bool packet_checksum_wrong(const struct packet *packet); /* unfinished or otherwise */

#endif
