/* IPv6, RFC 8200 3
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------+---------------+---------------------------------------+
 *   |Version| Traffic Class |           Flow Label                  |
 *   +-------+---------------+-------+---------------+---------------+
 *   |         Payload Length        |  Next Header  |   Hop Limit   |
 *   +-------------------------------+---------------+---------------+
 *   |                    Source Address (16 bytes)                  |
 *   +---------------------------------------------------------------+
 *   |                 Destination Address (16 bytes)                |
 *   +---------------------------------------------------------------+ */
#include "dissectors/dissect.h"

enum { IP6_HEADER = 40, IP6_EXTENSIONS_MAX = 16, IP6_NO_NEXT_HEADER = 59 };

static inline bool ip6_is(const uint8_t *h)
{
    return h[0] >> 4 == 6;
}

static inline void ip6_read(const uint8_t *h, struct ip_header *ip)
{
    memcpy(ip->source.bytes, h + 8, 16);
    memcpy(ip->destination.bytes, h + 24, 16);
    ip->version = 6;
    ip->hop_limit = h[7];
    ip->protocol = h[6];
    ip->dont_fragment = true;
    ip->more_fragments = false;
    ip->fragment_offset = 0;
    ip->id = 0;
    ip->total_length = IP6_HEADER + bytes_u16(h + 4);
}

bool dissect_ip6(struct dissection *d)
{
    const uint8_t *h = cursor_take(&d->at, IP6_HEADER);
    if (!h || !ip6_is(h))
        return false;
    struct packet *packet = d->packet;
    size_t payload = bytes_u16(h + 4);
    if (payload == 0 && h[6] != IP6_NO_NEXT_HEADER) /* RFC 2675 jumbogram, segmentation offload */
        payload = dissect_wire(d);
    dissect_limit(d, payload);
    ip6_read(h, &packet->ip);
    packet->ip.total_length = (uint32_t)(IP6_HEADER + payload);
    packet->ip_bytes = h;
    packet->ip_captured = (uint32_t)(d->at.end - h);
    return dissect_transport(d);
}

/* How the extension headers are laid out, RFC 8200 4 and
 * https://www.iana.org/assignments/ipv6-parameters */
enum extension {
    EXTENSION_NONE,
    EXTENSION_EIGHTS,   /* | next header | length in 8 bytes, less the first 8 | ... */
    EXTENSION_FRAGMENT, /* RFC 8200 4.5 */
    EXTENSION_AH,       /* RFC 4302 2: | next header | length in 4 bytes, less 2 | ... */
};

static const uint8_t extensions[256] = {
    [0] = EXTENSION_EIGHTS,    /* hop-by-hop options */
    [43] = EXTENSION_EIGHTS,   /* routing */
    [44] = EXTENSION_FRAGMENT, /**/
    [51] = EXTENSION_AH,       /**/
    [60] = EXTENSION_EIGHTS,   /* destination options */
    [135] = EXTENSION_EIGHTS,  /* mobility, RFC 6275 6.1 */
    [139] = EXTENSION_EIGHTS,  /* HIP, RFC 7401 5.1 */
    [140] = EXTENSION_EIGHTS,  /* shim6, RFC 5533 5.1 */
};

/* RFC 8200 4.5
 *   |  next header  |   reserved    |     fragment offset     |Res|M|
 *   |                        identification                         | */
static void read_fragment(struct cursor *c, struct ip_header *ip)
{
    const uint8_t *h = cursor_take(c, 8);
    if (!h)
        return;
    ip->protocol = h[0];
    ip->fragment_offset = bytes_u16(h + 2) & 0xfff8;
    ip->more_fragments = h[3] & 1;
    ip->id = bytes_u32(h + 4);
}

static void skip_sized(struct cursor *c, struct ip_header *ip, unsigned unit, unsigned plus)
{
    const uint8_t *h = cursor_take(c, 2);
    if (!h)
        return;
    ip->protocol = h[0];
    cursor_skip(c, (h[1] + plus) * unit - 2);
}

bool ip_extensions(struct cursor *c, struct ip_header *ip, bool *authenticated)
{
    *authenticated = false;
    for (unsigned i = 0; i < IP6_EXTENSIONS_MAX && cursor_ok(c); i++) {
        switch ((enum extension)extensions[ip->protocol]) {
        case EXTENSION_NONE:
            return true;
        case EXTENSION_EIGHTS:
            skip_sized(c, ip, 8, 1);
            break;
        case EXTENSION_FRAGMENT:
            read_fragment(c, ip);
            if (ip->fragment_offset != 0) /* what follows is not the next header's beginning */
                return cursor_ok(c);
            break;
        case EXTENSION_AH:
            *authenticated = true;
            skip_sized(c, ip, 4, 2);
            break;
        }
    }
    return cursor_ok(c) && extensions[ip->protocol] == EXTENSION_NONE;
}

bool ip6_quoted(struct cursor *c, struct ip_header *ip)
{
    const uint8_t *h = cursor_take(c, IP6_HEADER);
    if (!h || !ip6_is(h))
        return false;
    ip6_read(h, ip);
    bool authenticated;
    if (!ip_extensions(c, ip, &authenticated))
        c->at = c->end; /* the addresses stand, the transport was not quoted */
    return true;
}
