/* A TCP packet, as far as flows are about it. */
#ifndef FWSNIFF_FLOW_SEGMENT_H
#define FWSNIFF_FLOW_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dissectors/packet.h"

struct segment {
    uint64_t frame;
    int64_t time_ns;
    uint32_t sequence, acknowledgment, payload_length;
    uint16_t source_port, destination_port, window;
    uint8_t flags, hop_limit;
    bool from_high; /* its source is end[1] of the key */
    bool tunnelled;
    bool probe; /* is_probe_packet() */
};

static inline bool tcp_opens(uint8_t flags)
{
    return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

#endif
