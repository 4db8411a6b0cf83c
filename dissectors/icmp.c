/* ICMP (RFC 792) and ICMPv6 (RFC 4443), and the packets that their errors quote
 *   |     type      |     code      |           checksum            |
 *   |          of the type: identifier and sequence, MTU, ...       |
 *   |          of the type: the quoted packet, addresses, ...         */
#include "dissectors/dissect.h"

enum { ICMP_FIRST = 4, ICMP_HEADER = 8 };

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* What a type's further bytes hold. */
struct icmp_type {
    uint8_t class_; /* enum icmp_class */
    bool echo;
    bool target;          /* an address stands at ICMP_HEADER (ND) */
    uint8_t length_at;    /* RFC 4884 4: where the quote's length stands; 0: the type has none */
    uint8_t length_bytes; /* its unit */
};

/* RFC 792, RFC 4884 4.1 to 4.3: the length in 32-bit words at byte 5 */
static const struct icmp_type icmp4_types[256] = {
    [0] = {.echo = true},
    [3] = {.class_ = ICMP_UNREACHABLE, .length_at = 5, .length_bytes = 4},
    [5] = {.class_ = ICMP_REDIRECTED},
    [8] = {.echo = true},
    [11] = {.class_ = ICMP_TIME_EXCEEDED, .length_at = 5, .length_bytes = 4},
    [12] = {.class_ = ICMP_PARAMETER, .length_at = 5, .length_bytes = 4},
};

/* RFC 4443 3 and 4, RFC 4861 4, RFC 4884 4.4 and 4.5: the length in 64-bit words at byte 4 */
static const struct icmp_type icmp6_types[256] = {
    [1] = {.class_ = ICMP_UNREACHABLE, .length_at = 4, .length_bytes = 8},
    [2] = {.class_ = ICMP_TOO_BIG},
    [3] = {.class_ = ICMP_TIME_EXCEEDED, .length_at = 4, .length_bytes = 8},
    [4] = {.class_ = ICMP_PARAMETER},
    [128] = {.echo = true},
    [129] = {.echo = true},
    [135] = {.target = true},
    [136] = {.target = true},
    [137] = {.class_ = ICMP_REDIRECTED, .target = true},
};

static void read_quoted_transport(struct cursor *c, struct icmp_quote *quote)
{
    bool tcp = quote->ip.protocol == PROTOCOL_TCP, udp = quote->ip.protocol == PROTOCOL_UDP;
    if (quote->ip.fragment_offset != 0 || !(tcp || udp) || cursor_left(c) < 4)
        return;
    quote->has_ports = true;
    quote->source_port = cursor_u16(c);
    quote->destination_port = cursor_u16(c);
    if (udp) {
        quote->udp_length = cursor_u16(c);
    } else {
        quote->sequence = cursor_u32(c);
        quote->has_sequence = cursor_ok(c);
    }
}

/* The quote runs to the end of the message, or to where RFC 4884's length puts the extensions; that
 * one pads with zeros, so the quoted packet's own length counts too. */
static void read_quote(struct cursor c, struct icmp_header *icmp)
{
    struct icmp_quote *quote = &icmp->quote;
    size_t quoted = cursor_left(&c);
    if (quoted == 0)
        return;
    bool v6 = c.at[0] >> 4 == 6;
    icmp->has_quote = v6 ? ip6_quoted(&c, &quote->ip) : ip4_quoted(&c, &quote->ip);
    if (!icmp->has_quote)
        return;
    if (quoted > quote->ip.total_length)
        quoted = quote->ip.total_length;
    quote->bytes = (uint16_t)(quoted > UINT16_MAX ? UINT16_MAX : quoted);
    read_quoted_transport(&c, quote);
}

static void read_target(struct cursor c, struct icmp_header *icmp)
{
    const uint8_t *address = cursor_take(&c, sizeof icmp->target.bytes);
    if (address)
        memcpy(icmp->target.bytes, address, sizeof icmp->target.bytes);
}

/* RFC 4861 4.5 and 4.6.3: behind the two addresses, options; number 4 quotes the packet
 *   | option | length in 8 bytes | reserved (6) | packet ... */
static void read_redirect6(struct cursor c, struct icmp_header *icmp)
{
    enum { ADDRESSES = 32, OPTION_REDIRECTED = 4, OPTIONS_MAX = 8 };
    cursor_skip(&c, ADDRESSES);
    for (unsigned i = 0; i < OPTIONS_MAX && cursor_left(&c) >= 8; i++) {
        uint8_t option = cursor_u8(&c);
        size_t length = cursor_u8(&c) * 8u;
        if (length == 0)
            return;
        if (option == OPTION_REDIRECTED) {
            cursor_limit(&c, length - 2);
            cursor_skip(&c, 6);
            read_quote(c, icmp);
            return;
        }
        cursor_skip(&c, length - 2);
    }
}

static bool dissect_icmp(struct dissection *d, const struct icmp_type types[256])
{
    struct cursor *c = &d->at;
    const uint8_t *first = cursor_take(c, ICMP_FIRST);
    if (!first)
        return false;

    const struct icmp_type *type = &types[first[0]];
    struct icmp_header *icmp = &d->packet->icmp;
    d->packet->kind = PACKET_ICMP;
    *icmp = (struct icmp_header){
        .type = first[0], .code = first[1], .class_ = (enum icmp_class)type->class_};
    const uint8_t *h = cursor_take(c, ICMP_HEADER - ICMP_FIRST) ? first : NULL;
    if (!h)
        return true;

    if (type->echo) {
        icmp->id = bytes_u16(h + 4);
        icmp->sequence = bytes_u16(h + 6);
    }
    if (type->target)
        read_target(*c, icmp);
    if (type->length_at != 0) {
        size_t length = (size_t)h[type->length_at] * type->length_bytes;
        if (length != 0)
            cursor_limit(c, length);
    }
    if (type->class_ != ICMP_INFORMATION && !type->target)
        read_quote(*c, icmp);
    return true;
}

bool dissect_icmp4(struct dissection *d)
{
    enum { UNREACHABLE = 3, FRAGMENTATION_NEEDED = 4, REDIRECT = 5 };
    struct packet *packet = d->packet;
    const uint8_t *h = d->at.at;
    if (packet->ip.version != 4 || !dissect_icmp(d, icmp4_types))
        return false;
    struct icmp_header *icmp = &packet->icmp;
    bool whole = packet->transport_captured >= ICMP_HEADER;
    if (icmp->type == UNREACHABLE && icmp->code == FRAGMENTATION_NEEDED) {
        icmp->class_ = ICMP_TOO_BIG;
        icmp->mtu = whole ? bytes_u16(h + 6) : 0; /* RFC 1191 4 */
    }
    if (icmp->type == REDIRECT && whole)
        icmp->target = ip_from_v4(h + 4);
    return true;
}

bool dissect_icmp6(struct dissection *d)
{
    struct packet *packet = d->packet;
    const uint8_t *h = d->at.at;
    if (packet->ip.version != 6 || !dissect_icmp(d, icmp6_types))
        return false;
    struct icmp_header *icmp = &packet->icmp;
    if (icmp->class_ == ICMP_TOO_BIG && packet->transport_captured >= ICMP_HEADER)
        icmp->mtu = bytes_u32(h + 4); /* RFC 4443 3.2 */
    if (icmp->class_ == ICMP_REDIRECTED)
        read_redirect6(d->at, icmp);
    return true;
}
