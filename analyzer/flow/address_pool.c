#include "analyzer/flow/address_pool.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum { POOL_SLOTS_FIRST = 1024 };

struct address_pool *address_pool_new(size_t cap)
{
    struct address_pool *pool = memory_zeroed(1, sizeof *pool);
    pool->cap = cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    hash_index_open(&pool->index, POOL_SLOTS_FIRST);
    pool->seed[0] = hash_seed();
    pool->seed[1] = hash_seed();
    return pool;
}

void address_pool_free(struct address_pool *pool)
{
    if (!pool)
        return;
    free(pool->addresses);
    hash_index_close(&pool->index);
    free(pool);
}

/* Doubles; the array moves with its pages, not by copying them. */
static void grow(struct address_pool *pool)
{
    pool->capacity = pool->capacity ? pool->capacity * 2 : POOL_SLOTS_FIRST / 2;
    pool->addresses = memory_resize(pool->addresses, pool->capacity, sizeof *pool->addresses);
}

bool address_pool_number(struct address_pool *pool, bool v6, const struct ip_address *address,
                         bool add, uint32_t *number)
{
    if (v6)
        return address_pool_number_hashed(pool, address, address_pool_hash(pool, address), add,
                                          number);
    *number = address->words[3];
    return true;
}

bool address_pool_number_hashed(struct address_pool *pool, const struct ip_address *address,
                                uint32_t hash, bool add, uint32_t *number)
{
    struct hash_slot *slot = address_pool_slot(pool, address, hash);
    if (slot->entry) {
        *number = slot->entry - 1;
        return true;
    }
    if (!add)
        return false;
    if (pool->count == pool->cap) {
        pool->refused++;
        return false;
    }
    if (pool->count == pool->capacity)
        grow(pool);
    pool->addresses[pool->count] = *address;
    *slot = (struct hash_slot){hash, (uint32_t)++pool->count};
    if (pool->count >= hash_index_room(&pool->index))
        hash_index_grow(&pool->index, pool->cap);
    *number = (uint32_t)(pool->count - 1);
    return true;
}

uint64_t address_pool_refused(const struct address_pool *pool)
{
    return pool->refused;
}
