/* A fast hash for table keys. Captures are hostile input, so every table mixes in a seed of its
 * own: an attacker who cannot know it cannot aim at one bucket. */
#ifndef FWSNIFF_FLOW_HASH_H
#define FWSNIFF_FLOW_HASH_H

#include <stdint.h>

/* 64x64 -> 128 bit multiply, folded (wyhash's mixing step). */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_two(uint64_t seed, uint64_t a, uint64_t b)
{
    return hash_mix(hash_mix(a ^ seed, 0x9e3779b97f4a7c15u) ^ b, 0xe7037ed1a0b428dbu ^ seed);
}

/* What an index looks at (hash_index.h). Where a seed makes one factor end in zeros, so does the
 * product of all keys alike; of one more product's upper half every bit below has its part. */
static inline uint32_t hash_upper(uint64_t hash)
{
    return (uint32_t)(hash * 0x9e3779b97f4a7c15u >> 32);
}

/* Different in every process (getrandom(2)). Nothing that is reported depends on it. */
uint64_t hash_seed(void);

#endif
