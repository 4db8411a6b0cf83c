/* Frames of any link type. The first two bytes choose it, the third how much was cut off. */
#include <stddef.h>
#include <stdint.h>

#include "dissectors/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink; /* so that no read is optimised away */

/* Reads all that the packet points to. */
static void touch(const struct packet *packet)
{
    unsigned sum = 0;
    if (packet->kind < PACKET_IP)
        return;
    for (uint32_t i = 0; i < packet->ip_captured; i++)
        sum += packet->ip_bytes[i];
    for (uint32_t i = 0; i < packet->transport_captured; i++)
        sum += packet->transport[i];
    for (uint32_t i = 0; i < packet->payload_captured; i++)
        sum += packet->payload[i];
    sink = sum + packet_checksum_wrong(packet);
}

static void check(const struct packet *packet, const uint8_t *frame, size_t captured)
{
    if (packet->kind < PACKET_IP)
        return;
    if (packet->ip_bytes < frame || packet->ip_captured > captured ||
        packet->ip_captured > packet->ip.total_length)
        __builtin_trap();
    if (packet->payload_captured > packet->payload_length ||
        packet->payload_captured > packet->transport_captured ||
        (packet->payload == NULL) != (packet->payload_captured == 0))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    uint16_t link_type = (uint16_t)(data[0] << 8 | data[1]);
    uint32_t missing = data[2], captured = (uint32_t)(size - 3);
    struct packet packet;
    packet_dissect(link_type, data + 3, captured, captured + missing, &packet);
    check(&packet, data + 3, captured);
    touch(&packet);
    return 0;
}
