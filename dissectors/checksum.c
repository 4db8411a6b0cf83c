/* The Internet checksum, RFC 1071, over TCP and UDP with the pseudo header of RFC 9293 3.1 and
 * RFC 8200 8.1. */
#include "dissectors/dissect.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* RFC 1071 2 (B): the sum does not depend on the byte order, so it is made of the machine's own
 * words, 8 bytes at a time, and turned at the end. */
static uint64_t sum_words(const uint8_t *bytes, size_t length)
{
    uint64_t low = 0, high = 0;
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        low += word & 0xffffffff;
        high += word >> 32;
    }
    uint64_t last = 0;
    memcpy(&last, bytes, length);
    return low + high + (last & 0xffffffff) + (last >> 32);
}

static uint32_t fold(uint64_t wide)
{
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return (uint32_t)wide;
}

uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t length)
{
    uint32_t part = fold(sum_words(bytes, length));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    part = __builtin_bswap16((uint16_t)part);
#endif
    return fold((uint64_t)sum + part);
}

/* RFC 8200 8.1: a routing header hides the destination that the sum was made with, a home address
 * option the source. */
static bool has_extensions(const struct packet *packet)
{
    return packet->ip.version == 6 && packet->ip_bytes[6] != packet->ip.protocol;
}

/* The transport's length on the wire; 0 where there is no sum to check. */
static uint32_t summed_length(const struct packet *packet)
{
    enum { UDP_HEADER = 8 };
    const uint8_t *h = packet->transport;
    if (packet->kind == PACKET_TCP && packet->transport_captured >= 20)
        return packet->payload_length + (h[12] >> 4) * 4u;
    if (packet->kind == PACKET_UDP && bytes_u16(h + 6) != 0)
        return packet->payload_length + UDP_HEADER;
    return 0;
}

enum checksum_state packet_checksum_state(const struct packet *packet)
{
    if (packet->kind != PACKET_TCP && packet->kind != PACKET_UDP)
        return CHECKSUM_UNTOLD;
    if (packet->ip.more_fragments || has_extensions(packet))
        return CHECKSUM_UNTOLD;
    uint32_t length = summed_length(packet);
    if (length == 0 || packet->transport_captured < length)
        return CHECKSUM_UNTOLD;

    uint8_t protocol = packet->kind == PACKET_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
    uint8_t rest[6] = {(uint8_t)(length >> 24),
                       (uint8_t)(length >> 16),
                       (uint8_t)(length >> 8),
                       (uint8_t)length,
                       0,
                       protocol};
    /* both addresses of IPv4 are mapped with ::ffff, which the pseudo header does not have */
    size_t skip = packet->ip.version == 4 ? 12 : 0;
    uint32_t sum = checksum_add(0, packet->ip.source.bytes + skip, 16 - skip);
    sum = checksum_add(sum, packet->ip.destination.bytes + skip, 16 - skip);
    sum = checksum_add(sum, rest, sizeof rest);
    if (checksum_add(sum, packet->transport, length) == 0xffff)
        return CHECKSUM_RIGHT;
    uint16_t stored = bytes_u16(packet->transport + (packet->kind == PACKET_TCP ? 16 : 6));
    return stored == sum ? CHECKSUM_UNFINISHED : CHECKSUM_WRONG;
}

bool packet_checksum_wrong(const struct packet *packet)
{
    return packet_checksum_state(packet) >= CHECKSUM_UNFINISHED;
}
