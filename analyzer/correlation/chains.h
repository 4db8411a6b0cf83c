/* Numbers 1, 2, 3, ... by a 64-bit key, several to a key, in the order they were added. */
#ifndef FWSNIFF_CORRELATION_CHAINS_H
#define FWSNIFF_CORRELATION_CHAINS_H

#include <stddef.h>
#include <stdint.h>

struct chains {
    uint64_t seed;
    size_t mask, count, room;
    uint64_t *keys;        /* by number - 1 */
    uint32_t *next;        /* by number - 1; 0: the last */
    uint32_t *head, *tail; /* by bucket */
};

void chains_make(struct chains *chains, size_t room);
void chains_release(struct chains *chains);

/* Adds the next number. There must be room. */
void chains_add(struct chains *chains, uint64_t key);

/* The first number with this key, and the one after `number`; 0: none. */
uint32_t chains_first(const struct chains *chains, uint64_t key);
uint32_t chains_next(const struct chains *chains, uint32_t number);

#endif
