/* Headers that never were on a wire: the capturing system wrote them. */
#include "dissectors/dissect.h"

/* packet type of Linux's sockaddr_ll, packet(7), in both cooked headers */
static enum link_direction cooked_direction(uint16_t packet_type)
{
    static const uint8_t directions[] = {
        [0] = LINK_IN,         /* to us */
        [1] = LINK_IN,         /* broadcast */
        [2] = LINK_IN,         /* multicast */
        [3] = LINK_OTHER_HOST, /* seen in promiscuous mode */
        [4] = LINK_OUT,        /* sent by us */
    };
    if (packet_type >= sizeof directions)
        return LINK_UNKNOWN;
    return (enum link_direction)directions[packet_type];
}

static void cooked_source(struct packet *packet, const uint8_t *address, unsigned length)
{
    if (length != sizeof packet->source_mac)
        return;
    memcpy(packet->source_mac, address, sizeof packet->source_mac);
    memset(packet->destination_mac, 0, sizeof packet->destination_mac);
    packet->has_mac = true;
}

/* The protocol is an EtherType, unless the hardware (ARPHRD_ of Linux) gives it its own sense. */
static bool cooked_protocol(struct dissection *d, uint16_t hardware, uint16_t protocol)
{
    enum { ARPHRD_NONE = 65534, ARPHRD_IP_GRE = 778, ARPHRD_IPIP = 768, ARPHRD_SIT = 776 };
    enum { ARPHRD_FRAD = 770, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };
    enum { LINUX_PPP = 0x0007, LINUX_LLC = 0x0004 };
    switch (hardware) {
    case ARPHRD_NONE: /* tun, wg */
    case ARPHRD_IP_GRE:
    case ARPHRD_IPIP:
    case ARPHRD_SIT:
        d->packet->tunnel_device = true;
        break;
    case ARPHRD_FRAD:
        return dissect_hand_on(d, dissect_frame_relay);
    case ARPHRD_RADIOTAP:
        return dissect_hand_on(d, dissect_radiotap);
    case ARPHRD_NETLINK:
        return false;
    }
    switch (protocol) {
    case LINUX_LLC:
        return dissect_hand_on(d, dissect_llc);
    case LINUX_PPP:
        return dissect_hand_on(d, dissect_ppp);
    }
    return dissect_ethertype(d, protocol);
}

/* LINKTYPE_LINUX_SLL
 *   | packet type (2) | ARPHRD_ (2) | address length (2) | address (8) | protocol (2) | ... */
bool dissect_cooked(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 16);
    if (!h)
        return false;
    d->packet->direction = cooked_direction(bytes_u16(h));
    cooked_source(d->packet, h + 6, bytes_u16(h + 4));
    return cooked_protocol(d, bytes_u16(h + 2), bytes_u16(h + 14));
}

/* LINKTYPE_LINUX_SLL2
 *   | protocol (2) | 0 (2) | interface (4) | ARPHRD_ (2) | packet type (1) | address length (1) |
 *   | address (8) | ... */
bool dissect_cooked2(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 20);
    if (!h)
        return false;
    d->packet->if_index = bytes_u32(h + 4);
    d->packet->direction = cooked_direction(h[10]);
    cooked_source(d->packet, h + 12, h[11]);
    return cooked_protocol(d, bytes_u16(h + 8), bytes_u16(h));
}

/* LINKTYPE_PKTAP, little-endian (Apple's machines); bsd/net/pktap.h of XNU
 *   | header length (4) | next: 1 a packet (4) | DLT_ (4) | interface name (24) | flags (4) | ...
 * The fields used here end at 40; the header is 108 bytes or more. */
bool dissect_pktap(struct dissection *d)
{
    enum { NEXT_PACKET = 1, HEADER_MIN = 108, HEADER_MAX = 1024, FLAG_IN = 1, FLAG_OUT = 2 };
    struct cursor *c = &d->at;
    uint32_t length = cursor_u32_le(c), next = cursor_u32_le(c), link_type = cursor_u32_le(c);
    cursor_skip(c, 24);
    uint32_t flags = cursor_u32_le(c);
    if (!cursor_ok(c) || length < HEADER_MIN || length > HEADER_MAX || next != NEXT_PACKET)
        return false;
    cursor_skip(c, length - 40);
    if (flags & (FLAG_IN | FLAG_OUT))
        d->packet->direction = flags & FLAG_IN ? LINK_IN : LINK_OUT;
    return dissect_link_type(d, link_type);
}

/* LINKTYPE_PPI, little-endian
 *   | version 0 | flags | header length (2) | DLT_ (4) | fields, up to the length | ... */
bool dissect_ppi(struct dissection *d)
{
    struct cursor *c = &d->at;
    cursor_skip(c, 2);
    uint16_t length = cursor_u16_le(c);
    uint32_t link_type = cursor_u32_le(c);
    if (!cursor_ok(c) || length < 8)
        return false;
    cursor_skip(c, length - 8u);
    return dissect_link_type(d, link_type);
}

/* LINKTYPE_IPNET (Solaris); IP follows
 *   | version | family | hook (2) | length (4) | interface (4) | group interface (4) |
 *   | source zone (4) | destination zone (4) | ... */
bool dissect_ipnet(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 24);
    if (!h)
        return false;
    d->packet->if_index = bytes_u32(h + 8);
    return dissect_hand_on(d, dissect_ip);
}

/* LINKTYPE_NFLOG: TLVs in the byte order of the capturing host (taken as little-endian), padded to
 * 4; type 9 is the packet.
 *   | family | version 0 | resource (2) | { length (2), type (2), value, padding } ... */
bool dissect_nflog(struct dissection *d)
{
    enum { TLV_PACKET = 9, TLV_HEADER = 4, TLVS_MAX = 32 };
    struct cursor *c = &d->at;
    const uint8_t *h = cursor_take(c, 4);
    if (!h || h[1] != 0)
        return false;
    for (unsigned i = 0; i < TLVS_MAX && cursor_ok(c); i++) {
        uint16_t length = cursor_u16_le(c), type = cursor_u16_le(c);
        if (length < TLV_HEADER)
            return false;
        if ((type & 0x7fff) == TLV_PACKET) {
            dissect_limit(d, (size_t)length - TLV_HEADER);
            return dissect_hand_on(d, dissect_ip);
        }
        cursor_skip(c, ((length + 3u) & ~3u) - TLV_HEADER);
    }
    return false;
}

/* LINKTYPE_PFLOG: what OpenBSD's and FreeBSD's pf logged; net/if_pflog.h. IP follows the header,
 * which is padded to 4.
 *   | header length (1) | family | action | reason | ... | direction at 60 | ... */
bool dissect_pflog(struct dissection *d)
{
    enum { DIRECTION_AT = 60, IN = 1, OUT = 2 };
    struct cursor *c = &d->at, start = *c;
    uint8_t length = cursor_u8(&start);
    const uint8_t *h = cursor_take(c, (length + 3u) & ~3u);
    if (!h || length <= DIRECTION_AT)
        return false;
    if (h[DIRECTION_AT] == IN || h[DIRECTION_AT] == OUT)
        d->packet->direction = h[DIRECTION_AT] == IN ? LINK_IN : LINK_OUT;
    return dissect_hand_on(d, dissect_ip);
}

/* LINKTYPE_ENC: what OpenBSD decrypted, on its way through IPsec
 *   | family (4) | SPI (4) | flags (4) | IP */
bool dissect_enc(struct dissection *d)
{
    return cursor_take(&d->at, 12) && dissect_hand_on(d, dissect_ip);
}
