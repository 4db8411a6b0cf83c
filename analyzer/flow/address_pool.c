#include "analyzer/flow/address_pool.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

/* Open addressing over a growing array of addresses; nothing is ever removed. */
struct address_pool {
    struct ip_address *addresses;
    size_t count, capacity, cap;
    uint32_t *slots; /* index + 1; 0: free */
    size_t slot_mask;
    uint64_t seed, refused;
};

enum { POOL_SLOTS_FIRST = 1024 };

static size_t home_slot(const struct address_pool *pool, const struct ip_address *address)
{
    return hash_two(pool->seed, address->halves[0], address->halves[1]) & pool->slot_mask;
}

struct address_pool *address_pool_new(size_t cap)
{
    struct address_pool *pool = memory_zeroed(1, sizeof *pool);
    pool->cap = cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    pool->slot_mask = POOL_SLOTS_FIRST - 1;
    pool->slots = memory_zeroed(POOL_SLOTS_FIRST, sizeof *pool->slots);
    pool->seed = hash_seed();
    return pool;
}

void address_pool_free(struct address_pool *pool)
{
    if (!pool)
        return;
    free(pool->addresses);
    free(pool->slots);
    free(pool);
}

static size_t find_slot(const struct address_pool *pool, const struct ip_address *address)
{
    size_t slot = home_slot(pool, address);
    while (pool->slots[slot] && !ip_equal(&pool->addresses[pool->slots[slot] - 1], address))
        slot = (slot + 1) & pool->slot_mask;
    return slot;
}

static void grow(struct address_pool *pool)
{
    pool->capacity = pool->capacity ? pool->capacity * 2 : POOL_SLOTS_FIRST / 2;
    pool->addresses = memory_resize(pool->addresses, pool->capacity, sizeof *pool->addresses);
    free(pool->slots);
    pool->slot_mask = pool->capacity * 2 - 1;
    pool->slots = memory_zeroed(pool->slot_mask + 1, sizeof *pool->slots);
    for (size_t i = 0; i < pool->count; i++)
        pool->slots[find_slot(pool, &pool->addresses[i])] = (uint32_t)(i + 1);
}

bool address_pool_number(struct address_pool *pool, bool v6, const struct ip_address *address,
                         bool add, uint32_t *number)
{
    if (!v6) {
        *number = address->words[3];
        return true;
    }
    size_t slot = find_slot(pool, address);
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
        slot = find_slot(pool, address);
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
