/* The ways in which packets come to the capture: from which MAC, and whether longer than a network
 * carries. A host learns all there is to learn from a packet (host.h) but where the way or the hop
 * limit are new to its conversation, so a conversation keeps both in mind, the way in one byte.
 *
 * A MAC's number is its slot: two or three MACs send on most links, some dozens on a mirror port.
 */
#ifndef FWSNIFF_FLOW_WAYS_H
#define FWSNIFF_FLOW_WAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    ETHERNET_MTU = 1500,
    WAYS_SLOTS = 128,
    WAYS_MACS_MAX = 96,
    WAY_OVERSIZED = 0x80, /* captured before segmentation */
};

/* Zeroed: none. */
struct ways {
    uint64_t slots[WAYS_SLOTS]; /* the first is never used: 0 is no way */
    unsigned count;
};

/* Another number than 0, which is a free slot's. */
static inline uint64_t ways_word(const uint8_t mac[6])
{
    uint32_t head;
    uint16_t tail;
    memcpy(&head, mac, 4);
    memcpy(&tail, mac + 4, 2);
    return (uint64_t)tail << 33 | (uint64_t)head << 1 | 1;
}

/* The slot of a MAC, or the free one where it would go. */
static inline unsigned ways_slot(const struct ways *ways, uint64_t word)
{
    unsigned at = (unsigned)((word * 0x9e3779b97f4a7c15u) >> 57);
    while (ways->slots[at] != word && (ways->slots[at] || at == 0))
        at = (at + 1) % WAYS_SLOTS;
    return at;
}

static inline uint8_t ways_of(unsigned slot, uint32_t total_length)
{
    if (total_length > ETHERNET_MTU)
        slot |= WAY_OVERSIZED;
    return (uint8_t)slot;
}

/* A new MAC gets a slot, while there are some: else 0. */
static inline uint8_t ways_add(struct ways *ways, const uint8_t mac[6], uint32_t total_length)
{
    uint64_t word = ways_word(mac);
    unsigned slot = ways_slot(ways, word);
    if (!ways->slots[slot]) {
        if (ways->count == WAYS_MACS_MAX)
            return 0;
        ways->slots[slot] = word;
        ways->count++;
    }
    return ways_of(slot, total_length);
}

/* Whether a packet comes in the way that is known (0: none is), or that of longer ones. */
static inline bool ways_known(const struct ways *ways, uint8_t known, const uint8_t mac[6],
                              uint32_t total_length)
{
    return ways->slots[known % WAYS_SLOTS] == ways_word(mac) &&
           (total_length <= ETHERNET_MTU || (known & WAY_OVERSIZED));
}

#endif
