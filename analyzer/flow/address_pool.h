/* Addresses as 32-bit numbers, so that a flow entry of either IP version has one size.
 *
 * An IPv4 address is its own number. An IPv6 address gets the next free one and keeps it; the
 * caller remembers which version a number belongs to. The pool has a cap: what comes after it gets
 * no number and is counted. */
#ifndef FWSNIFF_FLOW_ADDRESS_POOL_H
#define FWSNIFF_FLOW_ADDRESS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/flow/hash_index.h"
#include "dissectors/address.h"

/* Open addressing over a growing array of addresses; nothing is ever removed. Open to the fast
 * path, which looks addresses up inline. */
struct address_pool {
    struct ip_address *addresses;
    size_t count, capacity, cap;
    struct hash_index index;
    uint64_t seed[2], refused;
};

struct address_pool *address_pool_new(size_t cap);
void address_pool_free(struct address_pool *pool);

/* The number of an address of an IP packet of that version: IPv4-mapped addresses are seen in IPv6
 * headers too, and have a number of the pool there. With `add`, a new IPv6 address is entered.
 * False: unknown, or full. */
bool address_pool_number(struct address_pool *pool, bool v6, const struct ip_address *address,
                         bool add, uint32_t *number);
/* Of an IPv6 address whose address_pool_hash() is known. */
bool address_pool_number_hashed(struct address_pool *pool, const struct ip_address *address,
                                uint32_t hash, bool add, uint32_t *number);

static inline uint32_t address_pool_hash(const struct address_pool *pool,
                                         const struct ip_address *address)
{
    return hash_upper(
        hash_mix(address->halves[0] ^ pool->seed[0], address->halves[1] ^ pool->seed[1]));
}

/* The slot of an address, or the free one where it would go. */
static inline struct hash_slot *address_pool_slot(const struct address_pool *pool,
                                                  const struct ip_address *address, uint32_t hash)
{
    const struct hash_index *index = &pool->index;
    size_t at = hash_index_home(index, hash);
    for (struct hash_slot *slot;; at = hash_index_next(index, at)) {
        slot = &index->slots[at];
        if (!slot->entry ||
            (slot->hash == hash && ip_equal(&pool->addresses[slot->entry - 1], address)))
            return slot;
    }
}

/* Asks for the address itself, once the slot has come. */
static inline void address_pool_fetch(const struct address_pool *pool, uint32_t hash)
{
    uint32_t entry = hash_index_first(&pool->index, hash)->entry;
    if (entry)
        memory_fetch(&pool->addresses[entry - 1]);
}

static inline bool address_pool_has_room(const struct address_pool *pool, size_t count)
{
    return pool->count + count <= pool->cap;
}

/* Half of the numbers are kept for those that products' packets come from and go to. */
static inline bool address_pool_is_crowded(const struct address_pool *pool)
{
    return pool->count >= pool->cap / 2;
}

/* The address of a number handed out before. */
static inline struct ip_address address_pool_address(const struct address_pool *pool, bool v6,
                                                     uint32_t number)
{
    if (v6)
        return pool->addresses[number];
    uint8_t bytes[4];
    memcpy(bytes, &number, sizeof bytes);
    return ip_from_v4(bytes);
}

/* IPv6 addresses turned away because the pool was full. */
uint64_t address_pool_refused(const struct address_pool *pool);

#endif
