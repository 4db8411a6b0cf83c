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

/* The old slots stand in the order of their hashes, more or less, so both are walked through. */
void hash_index_grow(struct hash_index *index)
{
    struct hash_index old = *index;
    hash_index_open(index, (old.mask + 1) * 2);
    for (size_t i = 0; i <= old.mask; i++) {
        if (!old.slots[i].entry)
            continue;
        size_t slot = hash_index_home(index, old.slots[i].hash);
        while (index->slots[slot].entry)
            slot = hash_index_next(index, slot);
        index->slots[slot] = old.slots[i];
    }
    hash_index_close(&old);
}
