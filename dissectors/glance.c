#include "dissectors/glance.h"

#include "dissectors/cursor.h"
#include "dissectors/dissect.h"

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
    uint32_t options = (header < captured ? header : captured) - GLANCE_TCP;
    dissect_tcp_options(h + GLANCE_TCP, options, &packet->tcp);
    return header;
}

void packet_from_glance(const struct glance *seen, const uint8_t *bytes, uint32_t captured,
                        struct packet *packet)
{
    uint32_t ip_captured = captured - (uint32_t)(seen->ip - bytes);
    if (ip_captured > seen->total_length)
        ip_captured = seen->total_length;
    uint32_t transport_captured = ip_captured - (uint32_t)(seen->transport - seen->ip);
    packet->has_mac = true;
    memcpy(packet->source_mac, bytes + GLANCE_SOURCE_MAC, 6);
    memcpy(packet->destination_mac, bytes, 6);
    packet->direction = LINK_UNKNOWN;
    packet->if_index = 0;
    packet->tunnel_device = false;
    packet->vlan = bytes_u16(bytes + 12) == GLANCE_TYPE_VLAN ? bytes_u16(bytes + 14) & 0xfff : 0;
    packet->tunnels = 0;
    fill_ip(seen, &packet->ip);
    packet->ip_bytes = seen->ip;
    packet->ip_captured = ip_captured;
    packet->source_port = seen->source_port;
    packet->destination_port = seen->destination_port;
    packet->transport = seen->transport;
    packet->transport_captured = transport_captured;
    uint32_t header = GLANCE_UDP;
    if (seen->proto == GLANCE_PROTO_TCP)
        header = fill_tcp(seen, transport_captured, packet);
    else
        packet->kind = PACKET_UDP;
    uint32_t left = transport_captured > header ? transport_captured - header : 0;
    packet->payload_length = seen->payload_length;
    packet->payload_captured = left < seen->payload_length ? left : seen->payload_length;
    packet->payload = packet->payload_captured ? seen->transport + header : NULL;
}
