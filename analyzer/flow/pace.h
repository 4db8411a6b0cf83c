/* How fast a UDP exchange runs and what of it has to be sent again, second by second: what a rate
 * limit on the way is known by. */
#ifndef FWSNIFF_FLOW_PACE_H
#define FWSNIFF_FLOW_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/attribution/fact.h"

enum { PACE_SECONDS = 16, PACE_RECENT = 8 };

struct pace {
    int64_t begun_ns;
    int64_t second; /* the newest one, since begun_ns; its place is second % PACE_SECONDS */
    uint32_t bytes[PACE_SECONDS];   /* of both sides */
    uint16_t repeats[PACE_SECONDS]; /* datagrams that had been sent before */
    uint32_t best_bytes;            /* of any second */
    int64_t best_second;
    /* Requests sent lately, to know them again. */
    struct {
        uint64_t hash;
        int64_t time_ns;
        bool answered; /* a reply passed since */
    } recent[PACE_RECENT];
    uint8_t recent_at;
    uint32_t requests_lost, replies_lost; /* repeats without, and in spite of, a reply seen here */
    struct frame_list repeat_frames;
};

enum { PACE_LOSSES_MIN = 3 }; /* fewer are a bad line's, or what was under way at the end */

static inline uint32_t pace_losses(const struct pace *pace)
{
    return pace->requests_lost + pace->replies_lost;
}

/* Takes in one datagram. `hash` is that of its payload. */
void pace_datagram(struct pace *pace, bool from_initiator, uint64_t hash, uint32_t length,
                   uint64_t frame, int64_t time_ns);

/* The seconds looked at are those before the newest, which is not over yet. */
struct pace_slow {
    double best_per_s, now_per_s; /* bytes */
    uint32_t seconds;             /* that it has been slow for */
    uint32_t with_repeats;        /* of these, seconds in which something was sent again */
    int64_t since_ns;
};

/* How long, up to now, every second has stayed below `share` of the best one before it. */
struct pace_slow pace_slow(const struct pace *pace, double share);

#endif
