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

#include "dissectors/address.h"

struct address_pool;

struct address_pool *address_pool_new(size_t cap);
void address_pool_free(struct address_pool *pool);

/* The number of an address of an IP packet of that version: IPv4-mapped addresses are seen in IPv6
 * headers too, and have a number of the pool there. With `add`, a new IPv6 address is entered.
 * False: unknown, or full. */
bool address_pool_number(struct address_pool *pool, bool v6, const struct ip_address *address,
                         bool add, uint32_t *number);

/* The address of a number handed out before. */
struct ip_address address_pool_address(const struct address_pool *pool, bool v6, uint32_t number);

/* IPv6 addresses turned away because the pool was full. */
uint64_t address_pool_refused(const struct address_pool *pool);

#endif
