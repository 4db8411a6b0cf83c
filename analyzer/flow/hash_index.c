#include "analyzer/flow/hash_index.h"

#include "analyzer/memory.h"

void hash_index_open(struct hash_index *index, size_t slots)
{
    index->slots = memory_table(slots, sizeof *index->slots);
    index->mask = slots - 1;
}

void hash_index_close(struct hash_index *index)
{
    memory_table_free(index->slots, index->mask + 1, sizeof *index->slots);
    *index = (struct hash_index){0};
}

enum { RUN = 256 }; /* slots */

/* The slots of a run that are taken. Which are is a toss for the processor to predict, so here is
 * no branch for it. */
static size_t gather(const struct hash_slot *run, struct hash_slot taken[RUN])
{
    size_t count = 0;
    for (size_t i = 0; i < RUN; i++) {
        taken[count] = run[i];
        count += run[i].entry != 0;
    }
    return count;
}

static void put(const struct hash_index *index, struct hash_slot taken)
{
    size_t slot = hash_index_home(index, taken.hash);
    while (index->slots[slot].entry)
        slot = hash_index_next(index, slot);
    index->slots[slot] = taken;
}

/* A large one that doubles would soon do it again, and to clear its slots takes the kernel longer
 * than to fill them. */
static size_t next_size(size_t slots, size_t most)
{
    bool soon = slots >= HASH_INDEX_LARGE && hash_index_holds(slots * 2) < most;
    return slots * (soon ? 4 : 2);
}

/* The old slots stand in the order of their hashes, more or less, so both are walked through. */
void hash_index_grow(struct hash_index *index, size_t most)
{
    struct hash_index old = *index;
    hash_index_open(index, next_size(old.mask + 1, most));
    for (size_t run = 0; run <= old.mask; run += RUN) {
        struct hash_slot taken[RUN];
        size_t count = gather(&old.slots[run], taken);
        for (size_t i = 0; i < count; i++)
            put(index, taken[i]);
    }
    hash_index_close(&old);
}
