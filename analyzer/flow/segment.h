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
    unsigned flags; /* enum tcp_flag. A word: GCC 12 puts a byte by on the stack as such and reads
                       it as a word, which waits until what was written has reached the cache */
    uint8_t hop_limit;
    bool from_high; /* its source is end[1] of the key */
    bool tunnelled;
    bool probe; /* is_probe_packet() */
};

static inline bool tcp_opens(unsigned flags)
{
    return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

#endif
