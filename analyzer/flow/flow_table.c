#include "analyzer/flow/flow_table.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

/* An index slot: where the entry is, and 32 bits of its hash, so that most probes end without
 * touching the entry. */
struct slot {
    uint32_t tag;
    uint32_t entry; /* + 1; 0: free */
};

enum {
    SLAB_FLOWS = 1 << 14,  /* entries per slab: 1 MiB, so small captures stay small */
    INDEX_FIRST = 1 << 12, /* slots */
    CLOCK_LOOKS = 8,       /* entries compared before one is evicted ... */
    CLOCK_LOOKS_MAX = 64,  /* ... and while all of them are products' */
    WORTH_OF_PRODUCT = 8,
};

struct flow_table {
    struct flow **slabs;
    size_t slab_count;
    size_t count, cap;
    struct slot *index;
    size_t mask; /* slots - 1 */
    size_t hand;
    uint64_t seed, evicted;
};

static struct flow *entry_at(const struct flow_table *table, size_t number)
{
    return &table->slabs[number / SLAB_FLOWS][number % SLAB_FLOWS];
}

struct flow_table *flow_table_new(size_t cap)
{
    struct flow_table *table = memory_zeroed(1, sizeof *table);
    table->cap = cap < 1 ? 1 : cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    table->index = memory_zeroed(INDEX_FIRST, sizeof *table->index);
    table->mask = INDEX_FIRST - 1;
    table->seed = hash_seed();
    return table;
}

void flow_table_free(struct flow_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->slab_count; i++)
        free(table->slabs[i]);
    free(table->slabs);
    free(table->index);
    free(table);
}

struct flow_key flow_key_make(uint8_t proto, bool v6, uint32_t first_address, uint16_t first_port,
                              uint32_t second_address, uint16_t second_port, bool *swapped)
{
    *swapped = first_address > second_address ||
               (first_address == second_address && first_port > second_port);
    struct flow_key key = {.proto = proto, .v6 = v6};
    key.address[*swapped] = first_address;
    key.port[*swapped] = first_port;
    key.address[!*swapped] = second_address;
    key.port[!*swapped] = second_port;
    return key;
}

static uint64_t key_hash(const struct flow_table *table, const uint32_t address[2],
                         const uint16_t port[2], uint8_t proto, bool v6)
{
    uint64_t ends = (uint64_t)address[0] << 32 | address[1];
    uint64_t rest = (uint64_t)port[0] << 32 | (uint64_t)port[1] << 16 | (uint64_t)proto << 1 | v6;
    return hash_two(table->seed, ends, rest);
}

static bool entry_matches(const struct flow *flow, const struct flow_key *key)
{
    return flow->address[0] == key->address[0] && flow->address[1] == key->address[1] &&
           flow->port[0] == key->port[0] && flow->port[1] == key->port[1] &&
           flow->proto == key->proto && ((flow->bits & FLOW_V6) != 0) == key->v6;
}

/* The slot of the key, or the free slot where it would go. */
static size_t find_slot(const struct flow_table *table, const struct flow_key *key, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t slot = hash & table->mask;
    while (table->index[slot].entry) {
        if (table->index[slot].tag == tag &&
            entry_matches(entry_at(table, table->index[slot].entry - 1), key))
            break;
        slot = (slot + 1) & table->mask;
    }
    return slot;
}

struct flow *flow_table_find(struct flow_table *table, const struct flow_key *key)
{
    uint64_t hash = key_hash(table, key->address, key->port, key->proto, key->v6);
    size_t slot = find_slot(table, key, hash);
    if (!table->index[slot].entry)
        return NULL;
    struct flow *flow = entry_at(table, table->index[slot].entry - 1);
    flow->touched = 1;
    return flow;
}

static uint64_t flow_hash(const struct flow_table *table, const struct flow *flow)
{
    return key_hash(table, flow->address, flow->port, flow->proto, (flow->bits & FLOW_V6) != 0);
}

static void grow_index(struct flow_table *table)
{
    size_t slots = (table->mask + 1) * 2;
    free(table->index);
    table->index = memory_zeroed(slots, sizeof *table->index);
    table->mask = slots - 1;
    for (size_t i = 0; i < table->count; i++) {
        uint64_t hash = flow_hash(table, entry_at(table, i));
        size_t slot = hash & table->mask;
        while (table->index[slot].entry)
            slot = (slot + 1) & table->mask;
        table->index[slot] = (struct slot){(uint32_t)(hash >> 32), (uint32_t)i + 1};
    }
}

/* Removes an entry from the index, closing the gap (Knuth 6.4, algorithm R) so that no tombstones
 * slow later probes. */
static void unindex(struct flow_table *table, size_t number)
{
    const struct flow *flow = entry_at(table, number);
    size_t gap = flow_hash(table, flow) & table->mask;
    while (table->index[gap].entry != number + 1)
        gap = (gap + 1) & table->mask;
    for (size_t next = gap;;) {
        next = (next + 1) & table->mask;
        if (!table->index[next].entry)
            break;
        size_t home = flow_hash(table, entry_at(table, table->index[next].entry - 1)) & table->mask;
        if (((next - home) & table->mask) >= ((next - gap) & table->mask)) {
            table->index[gap] = table->index[next];
            gap = next;
        }
    }
    table->index[gap] = (struct slot){0};
}

/* How much is lost with an entry: product flows most, then what answered, then what is recent. */
static int entry_worth(const struct flow *flow)
{
    int worth = flow->touched;
    if (flow->attempt)
        worth += WORTH_OF_PRODUCT;
    if (flow->bits & (FLOW_SYNACK | FLOW_FROM_RESPONDER))
        worth += 2;
    if (!(flow->bits & (FLOW_FIN | FLOW_RESET | FLOW_REFUSED)))
        worth += 1;
    return worth;
}

static size_t evict_one(struct flow_table *table)
{
    size_t victim = table->hand;
    int least = INT32_MAX;
    for (int i = 0; i < CLOCK_LOOKS || (least >= WORTH_OF_PRODUCT && i < CLOCK_LOOKS_MAX); i++) {
        struct flow *flow = entry_at(table, table->hand);
        int worth = entry_worth(flow);
        flow->touched = 0;
        if (worth < least) {
            least = worth;
            victim = table->hand;
        }
        table->hand = (table->hand + 1) % table->count;
    }
    unindex(table, victim);
    table->evicted++;
    return victim;
}

static size_t new_entry(struct flow_table *table)
{
    if (table->count == table->cap)
        return evict_one(table);
    if (table->count == table->slab_count * SLAB_FLOWS) {
        table->slabs = memory_resize(table->slabs, table->slab_count + 1, sizeof *table->slabs);
        table->slabs[table->slab_count++] = memory_zeroed(SLAB_FLOWS, sizeof(struct flow));
    }
    return table->count++;
}

struct flow *flow_table_add(struct flow_table *table, const struct flow_key *key, bool *added)
{
    uint64_t hash = key_hash(table, key->address, key->port, key->proto, key->v6);
    size_t slot = find_slot(table, key, hash);
    *added = !table->index[slot].entry;
    if (!*added) {
        struct flow *flow = entry_at(table, table->index[slot].entry - 1);
        flow->touched = 1;
        return flow;
    }
    /* Before the entry is counted, so that rebuilding the index never meets one without a key. */
    if ((table->count + 1) * 4 > (table->mask + 1) * 3)
        grow_index(table);
    size_t number = new_entry(table);
    struct flow *flow = entry_at(table, number);
    *flow = (struct flow){
        .address = {key->address[0], key->address[1]},
        .port = {key->port[0], key->port[1]},
        .proto = key->proto,
        .bits = (uint16_t)(FLOW_USED | (key->v6 ? FLOW_V6 : 0)),
        .touched = 1,
    };
    slot = find_slot(table, key, hash); /* growing or evicting may have moved it */
    table->index[slot] = (struct slot){(uint32_t)(hash >> 32), (uint32_t)number + 1};
    return flow;
}

const struct flow *flow_table_next(const struct flow_table *table, size_t *position)
{
    return *position < table->count ? entry_at(table, (*position)++) : NULL;
}

size_t flow_table_count(const struct flow_table *table)
{
    return table->count;
}

uint64_t flow_table_evicted(const struct flow_table *table)
{
    return table->evicted;
}
