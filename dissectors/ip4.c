/* IPv4, RFC 791 3.1
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------+-------+---------------+-------------------------------+
 *   |Version|  IHL  |Type of Service|          Total Length         |
 *   +-------+-------+---------------+-----+-------------------------+
 *   |         Identification        |Flags|      Fragment Offset    |
 *   +---------------+---------------+-----+-------------------------+
 *   |  Time to Live |    Protocol   |         Header Checksum       |
 *   +---------------+---------------+-------------------------------+
 *   |                       Source Address                          |
 *   +---------------------------------------------------------------+
 *   |                    Destination Address                        |
 *   +---------------------------------------------------------------+
 *   |                    Options, IHL * 4 - 20 bytes                |
 *   +---------------------------------------------------------------+ */
#include "dissectors/dissect.h"

enum { IP4_HEADER = 20, IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFFSET = 0x1fff };

/* 0 where it is no IPv4 header. */
static inline unsigned ip4_header_length(const uint8_t *h)
{
    unsigned length = (h[0] & 0x0fu) * 4;
    return h[0] >> 4 == 4 && length >= IP4_HEADER ? length : 0;
}

static inline void ip4_read(const uint8_t *h, struct ip_header *ip)
{
    uint16_t fragment = bytes_u16(h + 6);
    ip->source = ip_from_v4(h + 12);
    ip->destination = ip_from_v4(h + 16);
    ip->version = 4;
    ip->hop_limit = h[8];
    ip->protocol = h[9];
    ip->dont_fragment = fragment & IP4_DF;
    ip->more_fragments = fragment & IP4_MF;
    ip->fragment_offset = (uint16_t)((fragment & IP4_OFFSET) * 8);
    ip->id = bytes_u16(h + 4);
    ip->total_length = bytes_u16(h + 2);
}

bool dissect_ip4(struct dissection *d)
{
    size_t wire = dissect_wire(d);
    const uint8_t *h = cursor_take(&d->at, IP4_HEADER);
    if (!h)
        return false;
    unsigned header = ip4_header_length(h);
    size_t total = bytes_u16(h + 2);
    if (total == 0) /* segmentation offload: Linux captures such packets before they are cut */
        total = wire;
    if (header == 0 || total < header)
        return false;

    struct packet *packet = d->packet;
    dissect_limit(d, total - IP4_HEADER);
    ip4_read(h, &packet->ip);
    packet->ip.total_length = (uint32_t)total;
    packet->ip_bytes = h;
    packet->ip_captured = (uint32_t)(d->at.end - h);
    cursor_skip(&d->at, header - IP4_HEADER);
    return dissect_transport(d);
}

/* An error may quote the header as its maker had already altered it, so lengths are not checked. */
bool ip4_quoted(struct cursor *c, struct ip_header *ip)
{
    const uint8_t *h = cursor_take(c, IP4_HEADER);
    unsigned header = h ? ip4_header_length(h) : 0;
    if (header == 0)
        return false;
    ip4_read(h, ip);
    cursor_skip(c, header - IP4_HEADER);
    return true;
}

bool dissect_ip(struct dissection *d)
{
    struct cursor peek = d->at;
    uint8_t version = cursor_u8(&peek) >> 4;
    return dissect_hand_on(d, version == 6 ? dissect_ip6 : dissect_ip4);
}
