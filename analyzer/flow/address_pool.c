#include "analyzer/flow/address_pool.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum { POOL_SLOTS_FIRST = 1024 };

struct address_pool *address_pool_new(size_t cap)
{
    struct address_pool *pool = memory_zeroed(1, sizeof *pool);
    pool->cap = cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    pool->slot_mask = POOL_SLOTS_FIRST - 1;
    pool->slots = memory_table(POOL_SLOTS_FIRST, sizeof *pool->slots);
    pool->seed = hash_seed();
    return pool;
}

void address_pool_free(struct address_pool *pool)
{
    if (!pool)
        return;
    free(pool->addresses);
    memory_table_free(pool->slots, pool->slot_mask + 1, sizeof *pool->slots);
    free(pool);
}

static void grow(struct address_pool *pool)
{
    pool->capacity = pool->capacity ? pool->capacity * 2 : POOL_SLOTS_FIRST / 2;
    pool->addresses = memory_resize(pool->addresses, pool->capacity, sizeof *pool->addresses);
    memory_table_free(pool->slots, pool->slot_mask + 1, sizeof *pool->slots);
    pool->slot_mask = pool->capacity * 2 - 1;
    pool->slots = memory_table(pool->slot_mask + 1, sizeof *pool->slots);
    for (size_t i = 0; i < pool->count; i++)
        pool->slots[address_pool_slot(pool, &pool->addresses[i])] = (uint32_t)(i + 1);
}

bool address_pool_number(struct address_pool *pool, bool v6, const struct ip_address *address,
                         bool add, uint32_t *number)
{
    if (!v6) {
        *number = address->words[3];
        return true;
    }
    size_t slot = address_pool_slot(pool, address);
    if (pool->slots[slot]) {
        *number = pool->slots[slot] - 1;
        return true;
    }
    if (!add)
        return false;
    if (pool->count == pool->cap) {
        pool->refused++;
        return false;
    }
    if (pool->count == pool->capacity) {
        grow(pool);
        slot = address_pool_slot(pool, address);
    }
    pool->addresses[pool->count] = *address;
    pool->slots[slot] = (uint32_t)++pool->count;
    *number = (uint32_t)(pool->count - 1);
    return true;
}

struct ip_address address_pool_address(const struct address_pool *pool, bool v6, uint32_t number)
{
    if (v6)
        return pool->addresses[number];
    uint8_t bytes[4];
    memcpy(bytes, &number, sizeof bytes);
    return ip_from_v4(bytes);
}

uint64_t address_pool_refused(const struct address_pool *pool)
{
    return pool->refused;
}
