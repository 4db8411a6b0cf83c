/* What carries packets inside packets. */
#include "dissectors/dissect.h"

/* RFC 2003; RFC 2473 for IPv4 in IPv6 */
bool dissect_ip4_in_ip(struct dissection *d)
{
    return dissect_inner(d, TUNNEL_IPIP, dissect_ip4);
}

/* RFC 4213 3.5; RFC 2473 for IPv6 in IPv6 */
bool dissect_ip6_in_ip(struct dissection *d)
{
    return dissect_inner(d, TUNNEL_IPIP, dissect_ip6);
}

/* RFC 4303 2
 *   | SPI (4) | sequence (4) | encrypted ... */
bool dissect_esp(struct dissection *d)
{
    dissect_note_tunnel(d->packet, TUNNEL_ESP);
    return true;
}

/* ERSPAN, draft-foschiano-erspan-03 4; both of a mirrored frame
 * type II, 8 bytes:   | ver 1 | VLAN 12 | COS 3 | En 2 | T | session 10 | reserved 12 | index 20 |
 * type III, 12 bytes: | ver 2 | VLAN 12 | COS 3 | BSO 2 | T | session 10 | timestamp 32 |
 *                     | SGT 16 | P | frame type 5 | hardware 6 | D | Gra 2 | O |
 *                     and 8 more bytes where O is set */
static bool erspan2(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 8);
    return h && h[0] >> 4 == 1 && dissect_hand_on(d, dissect_ethernet);
}

static bool erspan3(struct dissection *d)
{
    enum { FRAME_ETHERNET = 0, FRAME_IP = 2 };
    const uint8_t *h = cursor_take(&d->at, 12);
    if (!h || h[0] >> 4 != 2)
        return false;
    if (h[11] & 1)
        cursor_skip(&d->at, 8);
    switch (h[10] >> 2 & 0x1f) {
    case FRAME_ETHERNET:
        return dissect_hand_on(d, dissect_ethernet);
    case FRAME_IP:
        return dissect_hand_on(d, dissect_ip);
    }
    return false;
}

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000, /* RFC 1701, given up by RFC 2784 */
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGMENT = 0x0080, /* RFC 2637 4.1 (PPTP), version 1 */
    GRE_VERSION = 0x0007,
};

/* ERSPAN type I has no header of its own, and GRE without a sequence number. */
static dissector *gre_payload(uint16_t protocol, uint16_t flags)
{
    enum { PROTOCOL_PPP = 0x880b, PROTOCOL_ERSPAN = 0x88be, PROTOCOL_ERSPAN3 = 0x22eb };
    switch (protocol) {
    case PROTOCOL_PPP:
        return dissect_ppp;
    case PROTOCOL_ERSPAN:
        return flags & GRE_SEQUENCE ? erspan2 : dissect_ethernet;
    case PROTOCOL_ERSPAN3:
        return erspan3;
    }
    return NULL;
}

/* RFC 2784 2.1, RFC 2890 2, RFC 2637 4.1
 *   |C|R|K|S|s|recur|A| flags | ver |        protocol type          |
 *   |     checksum (where C)        |          reserved             |
 *   |                        key (where K)                          |
 *   |                      sequence (where S)                       |
 *   |                 acknowledgment (where A, version 1)           | */
static bool gre_header(struct dissection *d)
{
    struct cursor *c = &d->at;
    uint16_t flags = cursor_u16(c), protocol = cursor_u16(c);
    static const uint16_t optional[] = {GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE};
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        if (flags & optional[i])
            cursor_skip(c, 4);
    uint16_t version = flags & GRE_VERSION;
    if (version == 1 && flags & GRE_ACKNOWLEDGMENT)
        cursor_skip(c, 4);
    if (!cursor_ok(c) || version > 1 || flags & GRE_ROUTING)
        return false;
    dissector *next = gre_payload(protocol, flags);
    return next ? dissect_hand_on(d, next) : dissect_ethertype(d, protocol);
}

bool dissect_gre(struct dissection *d)
{
    return dissect_inner(d, TUNNEL_GRE, gre_header);
}

/* RFC 2516 4, a session's data: version 1, type 1, code 0
 *   | 1 | 1 | code | session (2) | length (2) | PPP protocol ... */
static bool pppoe_session(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, 6);
    if (!h || h[0] != 0x11 || h[1] != 0)
        return false;
    size_t length = bytes_u16(h + 4);
    if (length < dissect_wire(d))
        dissect_limit(d, length);
    return dissect_hand_on(d, dissect_ppp);
}

bool dissect_pppoe(struct dissection *d)
{
    return dissect_inner(d, TUNNEL_PPPOE, pppoe_session);
}

/* RFC 4385 3: the control word in front of a pseudowire's frame, first nibble 0 */
static bool control_word(struct dissection *d)
{
    cursor_skip(&d->at, 4);
    return dissect_hand_on(d, dissect_ethernet);
}

/* An Ethernet address may begin with 4 or 6 as well. IP proves itself by its header's checksum, or
 * by a length that fits exactly. */
static bool surely_ip(const struct dissection *d)
{
    enum { IP4_MIN = 20, IP6_HEADER = 40 };
    struct cursor peek = d->at;
    const uint8_t *h = cursor_take(&peek, IP4_MIN);
    if (!h)
        return false;
    if (h[0] >> 4 == 6)
        return dissect_wire(d) == IP6_HEADER + (size_t)bytes_u16(h + 4);
    size_t header = (h[0] & 0x0fu) * 4;
    return h[0] >> 4 == 4 && header >= IP4_MIN && cursor_left(&d->at) >= header &&
           checksum_add(0, h, header) == 0xffff;
}

/* RFC 3032 2.1; nothing tells what follows the bottom (S) of the stack
 *   | label 20 | traffic class 3 | S 1 | TTL 8 |  repeated
 * RFC 4928 3: routers look at the first nibble, and so must we. */
bool dissect_mpls(struct dissection *d)
{
    struct cursor *c = &d->at;
    const uint8_t *label;
    do {
        label = cursor_take(c, 4);
    } while (label && !(label[2] & 1) && ++d->layers < DISSECT_LAYERS_MAX);
    struct cursor peek = *c;
    uint8_t first = cursor_u8(&peek);
    if (!label || !(label[2] & 1) || !cursor_ok(&peek))
        return false;

    static dissector *const by_nibble[16] = {
        [0] = control_word,
        [4] = dissect_ip4,
        [6] = dissect_ip6,
    };
    dissector *guess = by_nibble[first >> 4];
    bool sure = guess == control_word || surely_ip(d);
    return (sure && dissect_inner(d, TUNNEL_MPLS, guess)) ||
           dissect_inner(d, TUNNEL_MPLS, dissect_ethernet) ||
           (!sure && dissect_inner(d, TUNNEL_MPLS, guess));
}

/* RFC 4023 3 */
bool dissect_mpls_in_ip(struct dissection *d)
{
    return dissect_mpls(d);
}

/* RFC 7348 5; Linux also sets the group policy bits (draft-smith-vxlan-group-policy)
 *   |G R R R I R R R|  reserved, or with G: flags and group (24)    |
 *   |           network identifier (24)             |   reserved    |
 * Another program on this port is unlikely to leave the reserved bits 0. */
static bool vxlan(struct dissection *d)
{
    enum { HAS_IDENTIFIER = 0x08, HAS_GROUP = 0x80 };
    const uint8_t *h = cursor_take(&d->at, 8);
    if (!h || (h[0] & ~HAS_GROUP) != HAS_IDENTIFIER || h[7] != 0)
        return false;
    if (!(h[0] & HAS_GROUP) && bytes_u32(h) != (uint32_t)HAS_IDENTIFIER << 24)
        return false;
    return dissect_hand_on(d, dissect_ethernet);
}

/* RFC 8926 3.4
 *   |Ver|  length 6 |O|C|  reserved |          protocol type        |
 *   |           network identifier (24)             |   reserved    |
 *   |                     options, length * 4                       | */
static bool geneve(struct dissection *d)
{
    struct cursor *c = &d->at;
    const uint8_t *h = cursor_take(c, 8);
    if (!h || h[0] >> 6 != 0 || h[1] & 0x3f || h[7] != 0)
        return false;
    cursor_skip(c, (h[0] & 0x3fu) * 4);
    return cursor_ok(c) && dissect_ethertype(d, bytes_u16(h + 2));
}

/* 3GPP TS 29.281 5.1; only G-PDU, which carries a user's IP packet
 *   | version 1 | PT 1 | 0 | E | S | PN | type 255 | length (2) | tunnel endpoint (4) |
 *   | sequence (2) | N-PDU (1) | next extension (1) |     where any of E, S, PN
 *   extension (5.2): | length in 4 bytes | ... | next extension | */
static bool gtpu(struct dissection *d)
{
    enum { VERSION_1_GTP = 0x30, ANY_OPTIONAL = 0x07, HAS_EXTENSION = 0x04, G_PDU = 255 };
    struct cursor *c = &d->at;
    const uint8_t *h = cursor_take(c, 8);
    if (!h || (h[0] & 0xf8) != VERSION_1_GTP || h[1] != G_PDU)
        return false;
    if (h[0] & ANY_OPTIONAL) {
        const uint8_t *optional = cursor_take(c, 4);
        uint8_t next = optional && h[0] & HAS_EXTENSION ? optional[3] : 0;
        for (unsigned i = 0; next != 0 && i < DISSECT_LAYERS_MAX; i++) {
            unsigned length = cursor_u8(c) * 4u;
            const uint8_t *rest = length ? cursor_take(c, length - 1) : NULL;
            if (!rest)
                return false;
            next = rest[length - 2];
        }
    }
    return cursor_ok(c) && dissect_hand_on(d, dissect_ip);
}

bool dissect_udp_tunnel(struct dissection *d)
{
    static const struct {
        uint16_t port;
        enum tunnel tunnel;
        dissector *run;
    } ports[] = {
        {2152, TUNNEL_GTPU, gtpu},     {4789, TUNNEL_VXLAN, vxlan},
        {6081, TUNNEL_GENEVE, geneve}, {6635, TUNNEL_MPLS, dissect_mpls}, /* RFC 7510 */
        {8472, TUNNEL_VXLAN, vxlan}, /* Linux, before IANA had chosen */
    };
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (ports[i].port == d->packet->destination_port)
            return dissect_inner(d, ports[i].tunnel, ports[i].run);
    return false;
}
