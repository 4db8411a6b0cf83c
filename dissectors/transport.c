/* From the IP header on: fragments, the protocol's dissector, TCP and UDP. */
#include "dissectors/dissect.h"

/* https://www.iana.org/assignments/protocol-numbers */
enum { PROTOCOL_AH = 51 };

static dissector dissect_tcp, dissect_udp;

static dissector *const protocols[256] = {
    [1] = dissect_icmp4, [4] = dissect_ip4_in_ip,  [6] = dissect_tcp,
    [17] = dissect_udp,  [41] = dissect_ip6_in_ip, [47] = dissect_gre,
    [50] = dissect_esp,  [58] = dissect_icmp6,     [137] = dissect_mpls_in_ip,
};

bool dissect_transport(struct dissection *d)
{
    struct packet *packet = d->packet;
    struct ip_header *ip = &packet->ip;

    packet->kind = PACKET_IP;
    packet->source_port = packet->destination_port = 0;
    packet->payload = packet->transport = NULL;
    packet->payload_captured = packet->payload_length = packet->transport_captured = 0;

    if (ip->version == 6 || ip->protocol == PROTOCOL_AH) {
        bool authenticated, whole = ip_extensions(&d->at, ip, &authenticated);
        if (authenticated)
            dissect_note_tunnel(packet, TUNNEL_AH);
        if (!whole)
            return true;
    }
    if (ip->fragment_offset != 0) {
        packet->kind = PACKET_FRAGMENT;
        return true;
    }
    if (cursor_left(&d->at) != 0) {
        packet->transport = d->at.at;
        packet->transport_captured = (uint32_t)cursor_left(&d->at);
        (void)dissect_hand_on(d, protocols[ip->protocol]);
    }
    return true;
}

/* All that is left, `length` bytes of it on the wire. */
static inline void set_payload(struct dissection *d, size_t length)
{
    size_t captured = cursor_left(&d->at);
    struct packet *packet = d->packet;
    packet->payload_length = (uint32_t)length;
    packet->payload_captured = (uint32_t)captured;
    packet->payload = captured ? d->at.at : NULL;
}

/* TCP options, https://www.iana.org/assignments/tcp-parameters */
enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,            /* RFC 9293 3.7.1 */
    OPTION_WINDOW_SCALE = 3,   /* RFC 7323 2.2 */
    OPTION_SACK_PERMITTED = 4, /* RFC 2018 2 */
    OPTION_TIMESTAMP = 8,      /* RFC 7323 3.2 */
};

/* An option of a known kind but another length is passed over. */
static void tcp_option(struct tcp_header *tcp, uint8_t kind, const uint8_t *value, size_t length)
{
    if (kind == OPTION_MSS && length == 2)
        tcp->mss = bytes_u16(value);
    else if (kind == OPTION_WINDOW_SCALE && length == 1)
        tcp->window_scale = value[0];
    else if (kind == OPTION_SACK_PERMITTED && length == 0)
        tcp->sack_permitted = true;
    else if (kind == OPTION_TIMESTAMP && length == 8) {
        tcp->has_timestamp = true;
        tcp->timestamp_value = bytes_u32(value);
        tcp->timestamp_echo = bytes_u32(value + 4);
    }
}

/* RFC 9293 3.1: | kind | length, of all three | value ... |; the first two kinds are alone. What
 * follows an option of an impossible length is not looked at. */
static void tcp_options(struct cursor c, struct tcp_header *tcp)
{
    while (cursor_left(&c) != 0) {
        uint8_t kind = cursor_u8(&c);
        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NOP)
            continue;
        uint8_t length = cursor_u8(&c);
        if (length < 2)
            return;
        const uint8_t *value = cursor_take(&c, length - 2u);
        if (!value)
            return;
        tcp_option(tcp, kind, value, length - 2u);
    }
}

/* What nearly every segment of an open connection has: RFC 7323 appendix A. */
static inline bool only_timestamp(const struct cursor *c)
{
    return cursor_left(c) == 12 && bytes_u32(c->at) == 0x0101080a;
}

void dissect_tcp_options(const uint8_t *bytes, size_t length, struct tcp_header *tcp)
{
    struct cursor options = cursor_over(bytes, length);
    if (only_timestamp(&options))
        tcp_option(tcp, OPTION_TIMESTAMP, bytes + 4, 8);
    else
        tcp_options(options, tcp);
}

/* RFC 9293 3.1
 *   |          source port          |        destination port       |
 *   |                        sequence number                        |
 *   |                     acknowledgment number                     |
 *   | offset|  res  |C E U A P R S F|            window             |
 *   |            checksum           |         urgent pointer        |
 *   |                     options, offset * 4 - 20                  | */
static bool dissect_tcp(struct dissection *d)
{
    enum { UP_TO_WINDOW = 16, TCP_HEADER = 20 };
    struct cursor *c = &d->at;
    size_t wire = dissect_wire(d);
    const uint8_t *h = cursor_take(c, UP_TO_WINDOW);
    if (!h)
        return false;

    struct packet *packet = d->packet;
    struct tcp_header *tcp = &packet->tcp;
    packet->kind = PACKET_TCP;
    packet->source_port = bytes_u16(h);
    packet->destination_port = bytes_u16(h + 2);
    *tcp = (struct tcp_header){
        .sequence = bytes_u32(h + 4),
        .acknowledgment = bytes_u32(h + 8),
        .window = bytes_u16(h + 14),
        .flags = h[13],
        .window_scale = 0xff,
    };

    size_t header = (size_t)(h[12] >> 4) * 4;
    if (header < TCP_HEADER || header > wire)
        return true;
    packet->payload_length = (uint32_t)(wire - header);
    cursor_skip(c, TCP_HEADER - UP_TO_WINDOW);
    struct cursor options = *c;
    cursor_limit(&options, header - TCP_HEADER);
    dissect_tcp_options(options.at, cursor_left(&options), tcp);
    cursor_skip(c, header - TCP_HEADER);
    set_payload(d, wire - header);
    return true;
}

/* RFC 768
 *   |          source port          |        destination port       |
 *   |             length            |           checksum            | */
static bool dissect_udp(struct dissection *d)
{
    enum { UDP_HEADER = 8 };
    size_t wire = dissect_wire(d);
    const uint8_t *h = cursor_take(&d->at, UDP_HEADER);
    if (!h)
        return false;

    struct packet *packet = d->packet;
    packet->kind = PACKET_UDP;
    packet->source_port = bytes_u16(h);
    packet->destination_port = bytes_u16(h + 2);

    size_t length = bytes_u16(h + 4);
    if (length == 0) /* RFC 2675 4: a jumbogram; else segmentation offload */
        length = wire;
    if (length < UDP_HEADER)
        return true;
    if (length > wire) /* the first of several fragments, or a lie */
        length = wire;
    dissect_limit(d, length - UDP_HEADER);
    set_payload(d, length - UDP_HEADER);
    (void)dissect_udp_tunnel(d);
    return true;
}
