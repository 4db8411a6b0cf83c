/* Link layers that are spoken on a wire. Headers that a capturing system made up: cooked.c. */
#include "dissectors/dissect.h"

static bool pppoe_discovery(struct dissection *d)
{
    (void)d; /* RFC 2516 5: talk between the two ends, no packet of a user */
    return false;
}

/* https://www.iana.org/assignments/ieee-802-numbers; the most frequent first. */
static const struct {
    uint16_t type;
    dissector *run;
} ethertypes[] = {
    {0x0800, dissect_ip4},     {0x86dd, dissect_ip6},      {0x0806, dissect_arp},
    {0x8100, dissect_vlan},    {0x88a8, dissect_vlan},     {0x9100, dissect_vlan},
    {0x8847, dissect_mpls},    {0x8848, dissect_mpls},     {0x8864, dissect_pppoe},
    {0x8863, pppoe_discovery}, {0x6558, dissect_ethernet}, /* transparent ethernet bridging */
};

bool dissect_ethertype(struct dissection *d, uint16_t type)
{
    for (size_t i = 0; i < sizeof ethertypes / sizeof *ethertypes; i++)
        if (ethertypes[i].type == type)
            return dissect_hand_on(d, ethertypes[i].run);
    return false;
}

/* IEEE 802.3 3.2.6: up to 1500 it is the length of an LLC frame, from 1536 on a type. */
static bool length_or_type(struct dissection *d, uint16_t value)
{
    enum { LENGTH_MAX = 1500, TYPE_MIN = 1536 };
    if (value >= TYPE_MIN)
        return dissect_ethertype(d, value);
    if (value > LENGTH_MAX)
        return false;
    if (value < dissect_wire(d)) /* the rest is padding; a length that is too long means nothing */
        dissect_limit(d, value);
    return dissect_hand_on(d, dissect_llc);
}

/* IEEE 802.3 3.1.1
 *   |  destination (6)  |  source (6)  | type or length (2) | ... */
bool dissect_ethernet(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 14);
    if (!h)
        return false;
    struct packet *packet = d->packet;
    memcpy(packet->destination_mac, h, 6);
    memcpy(packet->source_mac, h + 6, 6);
    packet->has_mac = true;
    return length_or_type(d, bytes_u16(h + 12));
}

/* IEEE 802.1Q 9.6, behind the EtherType that announced it
 *   | PCP 3 | DEI 1 | VID 12 | type or length (2) | ... */
bool dissect_vlan(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 4);
    if (!h)
        return false;
    if (d->packet->vlan == 0)
        d->packet->vlan = bytes_u16(h) & 0x0fff;
    return length_or_type(d, bytes_u16(h + 2));
}

/* IEEE 802.2 3.2, with SNAP of IEEE 802-2014 9.2 (RFC 1042)
 *   | DSAP | SSAP | control |                            06 06 03: IP
 *   |  aa  |  aa  |   03    | OUI (3) | protocol (2) |   OUI 0: an EtherType */
bool dissect_llc(struct dissection *d)
{
    enum { UNNUMBERED_INFORMATION = 0x03, SAP_IP = 0x06, SAP_SNAP = 0xaa };
    const uint8_t *h = cursor_take(&d->at, 3);
    if (!h || h[2] != UNNUMBERED_INFORMATION)
        return false;
    if (h[0] == SAP_IP && h[1] == SAP_IP)
        return dissect_hand_on(d, dissect_ip4);
    if (h[0] != SAP_SNAP || h[1] != SAP_SNAP)
        return false;

    const uint8_t *snap = cursor_take(&d->at, 5);
    if (!snap)
        return false;
    uint32_t oui = bytes_u32(snap) >> 8;
    uint16_t protocol = bytes_u16(snap + 3);
    switch (oui) {
    case 0x000000: /* encapsulated Ethernet */
    case 0x0000f8: /* IEEE 802.1H bridge tunnel */
        return dissect_ethertype(d, protocol);
    case 0x0080c2: /* RFC 2684 5.2: bridged Ethernet, behind 2 bytes of padding; 7: without FCS */
        if (protocol != 1 && protocol != 7)
            return false;
        cursor_skip(&d->at, 2);
        return dissect_hand_on(d, dissect_ethernet);
    }
    return false;
}

/* BSD loopback and LINKTYPE_LOOP: an address family (4), in the byte order of the capturing host or
 * in network order. Families are small numbers, so the order shows. */
bool dissect_null(struct dissection *d)
{
    uint32_t family = cursor_u32(&d->at);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2: /* AF_INET everywhere */
        return dissect_hand_on(d, dissect_ip4);
    case 10: /* AF_INET6 of Linux */
    case 23: /* Windows */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        return dissect_hand_on(d, dissect_ip6);
    }
    return false;
}

/* RFC 1661 2: the protocol; one byte where it was compressed (6.5), then it is odd. */
static bool ppp_protocol(struct dissection *d)
{
    uint16_t protocol = cursor_u8(&d->at);
    if (!(protocol & 1))
        protocol = (uint16_t)(protocol << 8 | cursor_u8(&d->at));
    if (!cursor_ok(&d->at))
        return false;
    switch (protocol) {
    case 0x0021:
        return dissect_hand_on(d, dissect_ip4);
    case 0x0057:
        return dissect_hand_on(d, dissect_ip6);
    case 0x0281:
    case 0x0283:
        return dissect_hand_on(d, dissect_mpls);
    }
    return false;
}

/* RFC 1662 3.1
 *   | address ff | control 03 | protocol (1 or 2) | ...    the first two may be left out (RFC 1661)
 */
bool dissect_ppp(struct dissection *d)
{
    struct cursor *c = &d->at;
    if (cursor_left(c) >= 2 && bytes_u16(c->at) == 0xff03)
        cursor_skip(c, 2);
    return ppp_protocol(d);
}

/* LINKTYPE_PPP_HDLC: PPP, or Cisco HDLC, which its address tells. */
bool dissect_ppp_serial(struct dissection *d)
{
    struct cursor peek = d->at;
    uint8_t address = cursor_u8(&peek);
    bool cisco = address == 0x0f || address == 0x8f;
    return dissect_hand_on(d, cisco ? dissect_chdlc : dissect_ppp);
}

/* LINKTYPE_PPP_PPPD: the direction stands in the address byte's place. */
bool dissect_ppp_pppd(struct dissection *d)
{
    struct cursor *c = &d->at;
    uint8_t sent = cursor_u8(c);
    if (sent <= 1)
        d->packet->direction = sent ? LINK_OUT : LINK_IN;
    if (cursor_left(c) >= 1 && *c->at == 0x03)
        cursor_skip(c, 1);
    return ppp_protocol(d);
}

static bool direction_byte(struct dissection *d)
{
    const uint8_t *sent = cursor_take(&d->at, 1);
    if (sent)
        d->packet->direction = *sent ? LINK_OUT : LINK_IN;
    return sent;
}

bool dissect_ppp_direction(struct dissection *d)
{
    return direction_byte(d) && dissect_hand_on(d, dissect_ppp);
}

bool dissect_chdlc_direction(struct dissection *d)
{
    return direction_byte(d) && dissect_hand_on(d, dissect_chdlc);
}

/* RFC 1547 4.3.1
 *   | address 0f, 8f | control 0 | EtherType (2) | ... */
bool dissect_chdlc(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 4);
    return h && dissect_ethertype(d, bytes_u16(h + 2));
}

/* RFC 2427 3: Q.922 address of 2 bytes (its last bit: the end), control, perhaps a pad, NLPID
 *   | Q.922 (2) | control 03 | [pad 00] | NLPID | ...     or Cisco's: | Q.922 (2) | EtherType (2) |
 */
bool dissect_frame_relay(struct dissection *d)
{
    enum { NLPID_SNAP = 0x80, NLPID_IP6 = 0x8e, NLPID_IP4 = 0xcc, NLPID_PPP = 0xcf };
    struct cursor *c = &d->at;
    const uint8_t *h = cursor_take(c, 4);
    if (!h || !(h[1] & 1))
        return false;
    if (h[2] != 0x03)
        return dissect_ethertype(d, bytes_u16(h + 2));
    uint8_t nlpid = h[3] == 0 ? cursor_u8(c) : h[3];
    switch (nlpid) {
    case NLPID_IP4:
        return dissect_hand_on(d, dissect_ip4);
    case NLPID_IP6:
        return dissect_hand_on(d, dissect_ip6);
    case NLPID_PPP:
        return dissect_hand_on(d, dissect_ppp);
    case NLPID_SNAP: {
        const uint8_t *snap = cursor_take(c, 5);
        return snap && bytes_u32(snap) >> 8 == 0 && dissect_ethertype(d, bytes_u16(snap + 3));
    }
    }
    return false;
}

/* LINKTYPE_SLIP
 *   | direction: 0 in, 1 out | 15 bytes of RFC 1144's compressed header, 4x: not compressed | IP */
bool dissect_slip(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 16);
    if (!h)
        return false;
    if (h[0] <= 1)
        d->packet->direction = h[0] ? LINK_OUT : LINK_IN;
    return dissect_hand_on(d, dissect_ip);
}
