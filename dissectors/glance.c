#include "dissectors/glance.h"

#include "dissectors/cursor.h"
#include "dissectors/dissect.h"

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
    TYPE_IP4 = 0x0800,
    TYPE_IP6 = 0x86dd,
    TYPE_VLAN = 0x8100,
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
    seen->ip_captured = captured;
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
    uint32_t captured =
        left.captured - IP6_HEADER < payload ? left.captured - IP6_HEADER : payload;
    seen->ip = h;
    seen->version = 6;
    seen->proto = h[6];
    seen->hop_limit = h[7];
    seen->total_length = IP6_HEADER + payload;
    seen->ip_captured = IP6_HEADER + captured;
    return glance_transport(h + IP6_HEADER, (struct extent){captured, payload}, seen);
}

bool packet_glance(uint16_t link_type, const uint8_t *bytes, uint32_t captured, uint32_t length,
                   struct glance *seen)
{
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

/* --- the whole packet --- */

static void fill_ip(const struct glance *seen, struct ip_header *ip)
{
    enum { DONT_FRAGMENT = 0x40 };
    const uint8_t *h = seen->ip;
    bool v4 = seen->version == 4;
    if (v4) {
        ip->source = ip_from_v4(h + 12);
        ip->destination = ip_from_v4(h + 16);
    } else {
        memcpy(ip->source.bytes, h + 8, 16);
        memcpy(ip->destination.bytes, h + 24, 16);
    }
    ip->version = seen->version;
    ip->hop_limit = seen->hop_limit;
    ip->protocol = seen->proto;
    ip->dont_fragment = !v4 || (h[6] & DONT_FRAGMENT);
    ip->more_fragments = false;
    ip->fragment_offset = 0;
    ip->id = v4 ? bytes_u16(h + 4) : 0;
    ip->total_length = seen->total_length;
}

static uint32_t fill_tcp(const struct glance *seen, uint32_t captured, struct packet *packet)
{
    const uint8_t *h = seen->transport;
    uint32_t header = (uint32_t)(h[12] >> 4) * 4;
    packet->kind = PACKET_TCP;
    packet->tcp = (struct tcp_header){
        .sequence = bytes_u32(h + 4),
        .acknowledgment = bytes_u32(h + 8),
        .window = bytes_u16(h + 14),
        .flags = seen->tcp_flags,
        .window_scale = 0xff,
    };
    uint32_t options = (header < captured ? header : captured) - TCP_HEADER;
    dissect_tcp_options(h + TCP_HEADER, options, &packet->tcp);
    return header;
}

void packet_from_glance(const struct glance *seen, struct packet *packet)
{
    uint32_t before = (uint32_t)(seen->transport - seen->ip);
    uint32_t captured = seen->ip_captured - before, header = UDP_HEADER;
    packet->has_mac = true;
    memcpy(packet->source_mac, seen->macs + 6, 6);
    memcpy(packet->destination_mac, seen->macs, 6);
    packet->direction = LINK_UNKNOWN;
    packet->if_index = 0;
    packet->vlan = bytes_u16(seen->macs + 12) == TYPE_VLAN ? bytes_u16(seen->macs + 14) & 0xfff : 0;
    packet->tunnels = 0;
    fill_ip(seen, &packet->ip);
    packet->ip_bytes = seen->ip;
    packet->ip_captured = seen->ip_captured;
    packet->source_port = seen->source_port;
    packet->destination_port = seen->destination_port;
    packet->transport = seen->transport;
    packet->transport_captured = captured;
    if (seen->proto == PROTOCOL_TCP)
        header = fill_tcp(seen, captured, packet);
    else
        packet->kind = PACKET_UDP;
    uint32_t left = captured > header ? captured - header : 0;
    packet->payload_length = seen->payload_length;
    packet->payload_captured = left < seen->payload_length ? left : seen->payload_length;
    packet->payload = packet->payload_captured ? seen->transport + header : NULL;
}
