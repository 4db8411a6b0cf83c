/* A set of hashes, a few bits for each, that never misses a member and seldom takes in a stranger:
 * of millions of flows nearly all are about other addresses than the failures are, and are passed
 * over with one look into a table that is small enough for the cache (Bloom, 1970, with one hash).
 */
#ifndef FWSNIFF_ATTRIBUTION_CONCERN_H
#define FWSNIFF_ATTRIBUTION_CONCERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "analyzer/memory.h"

struct concern {
    uint64_t *words;
    size_t mask; /* bits - 1 */
};

static inline void concern_open(struct concern *concern, size_t members)
{
    enum { BITS_PER_MEMBER = 16, BITS_MIN = 1024 };
    size_t bits = BITS_MIN;
    while (bits < members * BITS_PER_MEMBER)
        bits *= 2;
    concern->words = memory_zeroed(bits / 64, sizeof *concern->words);
    concern->mask = bits - 1;
}

static inline void concern_close(struct concern *concern)
{
    free(concern->words);
}

static inline void concern_add(struct concern *concern, uint64_t hash)
{
    concern->words[(hash & concern->mask) / 64] |= UINT64_C(1) << (hash & 63);
}

static inline bool concerned(const struct concern *concern, uint64_t hash)
{
    return concern->words[(hash & concern->mask) / 64] >> (hash & 63) & 1;
}

#endif
