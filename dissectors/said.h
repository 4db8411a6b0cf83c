/* One message found in a stream. A parser says where it begins; whoever knows the packets looks up
 * the frame that brought its first byte. */
#ifndef FWSNIFF_DISSECTORS_SAID_H
#define FWSNIFF_DISSECTORS_SAID_H

#include <stdbool.h>
#include <stdint.h>

struct said {
    int64_t time_ns;
    uint64_t frame : 40; /* 0: not looked up */
    uint64_t at : 23;    /* offset of its first byte in its direction's stream */
    uint64_t seen : 1;
};

/* One direction's message of this kind begins at `at`; the first of its kind stays. `fresh` gets
 * its bit: its frame is to be looked up. */
static inline void said_at(struct said *said, uint32_t *fresh, unsigned kind, uint32_t at)
{
    if (said[kind].seen)
        return;
    said[kind] = (struct said){.seen = true, .at = at & 0x7fffff};
    *fresh |= UINT32_C(1) << kind;
}

#endif
