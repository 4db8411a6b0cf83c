/* What the clock of one capture shows when that of another shows a time, from packets that both
 * recorded.
 *
 * A packet that goes from a to b is seen at b after it was seen at a, one that comes back the other
 * way round: packets of both directions bound the offset from both sides (the causality that NTP's
 * clock filter rests on, RFC 5905 8). Where only one direction was matched the offset is that of
 * the quickest packets, which is off by their travel time. */
#ifndef FWSNIFF_CORRELATION_CLOCK_H
#define FWSNIFF_CORRELATION_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One packet seen in both captures. */
struct clock_sample {
    int64_t at_ns;    /* by the clock of a */
    int64_t apart_ns; /* time at b less time at a */
    int8_t way;       /* 1: from a to b; -1: from b to a; 0: not known */
};

struct clock {
    bool known;
    bool both_ways;       /* bounded by packets of both directions */
    size_t samples;       /* that agree */
    int64_t reference_ns; /* by the clock of a; where the offset is exact */
    double offset_ns;     /* time at b less time at a */
    double drift;         /* seconds per second by which b's clock runs faster */
    double doubt_ns;      /* the offset may be off by this */
};

/* Takes the median of the samples that agree; some may be wrong. Reorders them. */
void clock_estimate(struct clock_sample *samples, size_t count, struct clock *clock);

/* The time at b for a time at a, and back. With no clock known: the same time. */
int64_t clock_at_b(const struct clock *clock, int64_t a_ns);
int64_t clock_at_a(const struct clock *clock, int64_t b_ns);

#endif
