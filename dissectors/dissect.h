/* What the dissectors share, private to this folder. A dissector reads one header from the cursor,
 * writes what it states into the packet, and hands the rest on. It returns whether the bytes were
 * what they were taken for: where it says false, the caller may try something else.
 *
 * Before a header is believed, nothing of the packet changes, except inside dissect_inner(), which
 * puts the packet back. */
#ifndef FWSNIFF_DISSECTORS_DISSECT_H
#define FWSNIFF_DISSECTORS_DISSECT_H

#include "dissectors/cursor.h"
#include "dissectors/packet.h"

struct dissection {
    struct cursor at; /* the rest of the frame, as far as it was captured */
    size_t missing;   /* bytes that came after at.end on the wire, but were not captured */
    struct packet *packet;
    unsigned layers; /* headers tried so far; never put back, so that retries are bounded too */
};

typedef bool dissector(struct dissection *d);

/* Bytes from here on the wire, captured or not. */
static inline size_t dissect_wire(const struct dissection *d)
{
    return cursor_left(&d->at) + d->missing;
}

/* A header says that `length` bytes follow on the wire. What is captured beyond is padding. A
 * header that claims more than the frame held is believed: such captures were cut by a tool. */
static inline void dissect_limit(struct dissection *d, size_t length)
{
    size_t left = cursor_left(&d->at);
    cursor_limit(&d->at, length);
    d->missing = length > left ? length - left : 0;
}

static inline bool dissect_hand_on(struct dissection *d, dissector *next)
{
    return next && ++d->layers <= DISSECT_LAYERS_MAX && next(d);
}

/* What stands inside a tunnel header, which has been read. Where `inner` cannot be read, packet and
 * cursor are put back and false is returned: the packet stays what the tunnel's outside made it. */
bool dissect_inner(struct dissection *d, enum tunnel tunnel, dissector *inner);
/* Adds the bit, and the outermost IP addresses. */
void dissect_note_tunnel(struct packet *packet, enum tunnel tunnel);

/* packet.c: LINKTYPE_ and DLT_ values. */
bool dissect_link_type(struct dissection *d, uint32_t link_type);

/* link.c */
bool dissect_ethertype(struct dissection *d, uint16_t type);
dissector dissect_ethernet, dissect_llc, dissect_vlan;
dissector dissect_null, dissect_ppp, dissect_ppp_serial, dissect_ppp_direction, dissect_ppp_pppd;
dissector dissect_chdlc, dissect_chdlc_direction, dissect_frame_relay, dissect_slip;

/* cooked.c: headers that a capturing system made up */
dissector dissect_cooked, dissect_cooked2, dissect_pktap, dissect_ppi, dissect_ipnet, dissect_nflog;
dissector dissect_pflog, dissect_enc;

/* wifi.c */
dissector dissect_wifi, dissect_radiotap, dissect_prism, dissect_avs;

/* ip4.c, ip6.c */
dissector dissect_ip, dissect_ip4, dissect_ip6; /* dissect_ip: either, by the version */
/* The header an ICMP error quotes; the cursor is left behind it. False where there is none. */
bool ip4_quoted(struct cursor *c, struct ip_header *ip);
bool ip6_quoted(struct cursor *c, struct ip_header *ip);
/* RFC 8200 4: passes the extension headers and AH (RFC 4302), up to the transport or to the first
 * byte of a later fragment. False where they are cut or too many. */
bool ip_extensions(struct cursor *c, struct ip_header *ip, bool *authenticated);

/* transport.c */
dissector dissect_transport; /* by ip.protocol; always true */
/* Fills in what the options say; `tcp` is zeroed but for window_scale, which is 0xff. */
void dissect_tcp_options(const uint8_t *bytes, size_t length, struct tcp_header *tcp);

/* tunnel.c */
dissector dissect_ip4_in_ip, dissect_ip6_in_ip, dissect_esp, dissect_gre;
dissector dissect_pppoe, dissect_mpls, dissect_mpls_in_ip;
/* What the UDP packet carries, by destination port. False: the packet stays plain UDP. */
bool dissect_udp_tunnel(struct dissection *d);

/* icmp.c, arp.c */
dissector dissect_icmp4, dissect_icmp6, dissect_arp;

/* RFC 1071, folded, not complemented; `sum` carries over from one part to the next. */
uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t length);

#endif
