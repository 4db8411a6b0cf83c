#include "dissectors/glance.h"

#include "dissectors/cursor.h"

enum {
    LINKTYPE_ETHERNET = 1,
    ETHERNET_HEADER = 14,
    VLAN_TAG = 4,
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
};

/* Bytes of a frame as far as they were captured, and on the wire. */
struct extent {
    uint32_t captured, wire;
};

/* RFC 9293 3.1. The header is captured whole. */
static inline bool glance_tcp(const uint8_t *h, struct extent left, struct glance *seen)
{
    if (left.captured < TCP_HEADER)
        return false;
    uint32_t header = (uint32_t)(h[12] >> 4) * 4;
    seen->tcp_flags = h[13];
    seen->payload_length = left.wire - header;
    return header >= TCP_HEADER && header <= left.wire;
}

/* What dissect_udp_tunnel() would look into. */
static inline bool may_be_tunnel(uint16_t port)
{
    return port == 2152 || port == 4789 || port == 6081 || port == 6635 || port == 8472;
}

/* RFC 768 */
static inline bool glance_udp(const uint8_t *h, struct extent left, struct glance *seen)
{
    if (left.captured < UDP_HEADER)
        return false;
    uint32_t length = bytes_u16(h + 4);
    seen->tcp_flags = 0;
    seen->payload_length = length - UDP_HEADER;
    return length >= UDP_HEADER && length <= left.wire && !may_be_tunnel(bytes_u16(h + 2));
}

static inline bool glance_transport(const uint8_t *h, struct extent left, struct glance *seen)
{
    bool common = seen->proto == PROTOCOL_TCP   ? glance_tcp(h, left, seen)
                  : seen->proto == PROTOCOL_UDP ? glance_udp(h, left, seen)
                                                : false;
    if (!common)
        return false;
    seen->transport = h;
    seen->source_port = bytes_u16(h);
    seen->destination_port = bytes_u16(h + 2);
    return true;
}

/* RFC 791 3.1: 20 bytes, no fragment, and no longer than the frame. */
static inline bool glance_ip4(const uint8_t *h, struct extent left, struct glance *seen)
{
    enum { VERSION_4_WORDS_5 = 0x45, MORE_OR_OFFSET = 0x3fff };
    if (left.captured < IP4_HEADER)
        return false;
    uint32_t total = bytes_u16(h + 2);
    if (h[0] != VERSION_4_WORDS_5 || bytes_u16(h + 6) & MORE_OR_OFFSET || total < IP4_HEADER ||
        total > left.wire)
        return false;
    uint32_t captured = left.captured < total ? left.captured : total;
    seen->ip = h;
    seen->version = 4;
    seen->hop_limit = h[8];
    seen->proto = h[9];
    seen->total_length = total;
    return glance_transport(
        h + IP4_HEADER, (struct extent){captured - IP4_HEADER, total - IP4_HEADER}, seen);
}

/* RFC 8200 3 */
static inline bool glance_ip6(const uint8_t *h, struct extent left, struct glance *seen)
{
    if (left.captured < IP6_HEADER)
        return false;
    uint32_t payload = bytes_u16(h + 4);
    if (h[0] >> 4 != 6 || payload == 0 || payload > left.wire - IP6_HEADER)
        return false;
    uint32_t captured = left.captured - IP6_HEADER;
    seen->ip = h;
    seen->version = 6;
    seen->proto = h[6];
    seen->hop_limit = h[7];
    seen->total_length = IP6_HEADER + payload;
    return glance_transport(
        h + IP6_HEADER, (struct extent){captured < payload ? captured : payload, payload}, seen);
}

bool packet_glance(uint16_t link_type, const uint8_t *bytes, uint32_t captured, uint32_t length,
                   struct glance *seen)
{
    enum { TYPE_IP4 = 0x0800, TYPE_IP6 = 0x86dd, TYPE_VLAN = 0x8100 };
    if (link_type != LINKTYPE_ETHERNET || captured < ETHERNET_HEADER + VLAN_TAG ||
        length < captured)
        return false;
    uint32_t header = ETHERNET_HEADER;
    uint16_t type = bytes_u16(bytes + 12);
    if (type == TYPE_VLAN) {
        header += VLAN_TAG;
        type = bytes_u16(bytes + 16);
    }
    struct extent left = {captured - header, length - header};
    seen->macs = bytes;
    if (type == TYPE_IP4)
        return glance_ip4(bytes + header, left, seen);
    return type == TYPE_IP6 && glance_ip6(bytes + header, left, seen);
}
