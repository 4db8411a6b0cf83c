/* What the tables of the flow stage have in common: an index of small slots over slabs of entries.
 * A slot holds 32 bits of its entry's hash, so that most probes end without touching an entry,
 * which is likely not in the cache, and the index grows without touching any. Linear probing. */
#ifndef FWSNIFF_FLOW_HASH_INDEX_H
#define FWSNIFF_FLOW_HASH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

struct hash_slot {
    uint32_t hash;
    uint32_t entry; /* number + 1; 0: free */
};

struct hash_index {
    struct hash_slot *slots;
    size_t mask; /* slots - 1 */
};

/* `slots`: a power of two, 256 or more. */
void hash_index_open(struct hash_index *index, size_t slots);
void hash_index_close(struct hash_index *index); /* also one that is closed */
enum { HASH_INDEX_LARGE = 1 << 20 };             /* slots: 8 MiB */

/* How many entries so many slots take in. Where they are few, room costs less than searching on. */
static inline size_t hash_index_holds(size_t slots)
{
    return slots < HASH_INDEX_LARGE ? slots / 2 : slots / 4 * 3;
}

/* How many entries it takes in before it is to grow. */
static inline size_t hash_index_room(const struct hash_index *index)
{
    return hash_index_holds(index->mask + 1);
}

/* Twice the slots; of a large one four times as many, if the `most` entries there can ever be
 * want them. */
void hash_index_grow(struct hash_index *index, size_t most);

static inline size_t hash_index_home(const struct hash_index *index, uint32_t hash)
{
    return hash & index->mask;
}

static inline size_t hash_index_next(const struct hash_index *index, size_t slot)
{
    return (slot + 1) & index->mask;
}

/* The slot of the first entry with that hash, which is nearly always the one looked for; or the
 * free one that says that there is none. */
static inline struct hash_slot *hash_index_first(const struct hash_index *index, uint32_t hash)
{
    size_t at = hash_index_home(index, hash);
    while (index->slots[at].hash != hash && index->slots[at].entry)
        at = hash_index_next(index, at);
    return &index->slots[at];
}

/* Of a full index a search may well go on into the next cache line. (Behind the last slot that is
 * somebody else's: nothing is read there, so the address is no pointer to a slot.) */
static inline void hash_index_fetch(const struct hash_index *index, uint32_t hash)
{
    enum { FURTHER = 5 * sizeof(struct hash_slot) };
    const struct hash_slot *home = &index->slots[hash_index_home(index, hash)];
    memory_fetch(home);
    memory_fetch((const void *)((uintptr_t)home + FURTHER));
}

#endif
