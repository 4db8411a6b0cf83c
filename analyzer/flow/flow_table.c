#include "analyzer/flow/flow_table.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    INDEX_FIRST = 1 << 12, /* slots */
    CLOCK_LOOKS = 8,       /* entries compared before one is evicted ... */
    CLOCK_LOOKS_MAX = 64,  /* ... and while all of them are products' */
    WORTH_OF_PRODUCT = 8,
};

struct flow_table *flow_table_new(size_t cap)
{
    struct flow_table *table = memory_zeroed(1, sizeof *table);
    table->cap = cap < 1 ? 1 : cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    table->index = memory_table(INDEX_FIRST, sizeof *table->index);
    table->mask = INDEX_FIRST - 1;
    table->seed = hash_seed();
    return table;
}

void flow_table_free(struct flow_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->slab_count; i++)
        memory_table_free(table->slabs[i], FLOW_SLAB, sizeof(struct flow));
    free(table->slabs);
    memory_table_free(table->index, table->mask + 1, sizeof *table->index);
    free(table);
}

/* From the old index alone: the slots come in the order of their hashes, so both are walked through
 * and no entry is touched. */
static void grow_index(struct flow_table *table)
{
    struct flow_slot *old = table->index;
    size_t slots = table->mask + 1;
    table->index = memory_table(slots * 2, sizeof *table->index);
    table->mask = slots * 2 - 1;
    for (size_t i = 0; i < slots; i++) {
        if (!old[i].entry)
            continue;
        size_t slot = old[i].hash & table->mask;
        while (table->index[slot].entry)
            slot = (slot + 1) & table->mask;
        table->index[slot] = old[i];
    }
    memory_table_free(old, slots, sizeof *old);
}

/* Removes an entry from the index, closing the gap (Knuth 6.4, algorithm R) so that no tombstones
 * slow later probes. */
static void unindex(struct flow_table *table, size_t number)
{
    const struct flow *flow = flow_table_entry(table, number);
    const struct flow_key key = {{flow->address[0], flow->address[1]},
                                 {flow->port[0], flow->port[1]},
                                 flow->proto,
                                 (flow->bits & FLOW_V6) != 0};
    size_t gap = flow_table_hash(table, &key) & table->mask;
    while (table->index[gap].entry != number + 1)
        gap = (gap + 1) & table->mask;
    for (size_t next = gap;;) {
        next = (next + 1) & table->mask;
        if (!table->index[next].entry)
            break;
        size_t home = table->index[next].hash & table->mask;
        if (((next - home) & table->mask) >= ((next - gap) & table->mask)) {
            table->index[gap] = table->index[next];
            gap = next;
        }
    }
    table->index[gap] = (struct flow_slot){0};
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
        struct flow *flow = flow_table_entry(table, table->hand);
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
    if (table->count == table->slab_count * FLOW_SLAB) {
        table->slabs = memory_resize(table->slabs, table->slab_count + 1, sizeof *table->slabs);
        table->slabs[table->slab_count++] = memory_table(FLOW_SLAB, sizeof(struct flow));
    }
    return table->count++;
}

struct flow *flow_table_add(struct flow_table *table, const struct flow_key *key, bool *added)
{
    uint32_t hash = flow_table_hash(table, key);
    size_t slot = flow_table_slot(table, key, hash);
    *added = !table->index[slot].entry;
    if (!*added) {
        struct flow *flow = flow_table_entry(table, table->index[slot].entry - 1);
        flow->touched = 1;
        return flow;
    }
    /* Before the entry is counted, so that rebuilding the index never meets one without a key. */
    if ((table->count + 1) * 4 > (table->mask + 1) * 3)
        grow_index(table);
    size_t number = new_entry(table);
    struct flow *flow = flow_table_entry(table, number);
    *flow = (struct flow){
        .address = {key->address[0], key->address[1]},
        .port = {key->port[0], key->port[1]},
        .proto = key->proto,
        .bits = (uint16_t)(FLOW_USED | (key->v6 ? FLOW_V6 : 0)),
        .touched = 1,
    };
    slot = flow_table_slot(table, key, hash); /* growing or evicting may have moved it */
    table->index[slot] = (struct flow_slot){hash, (uint32_t)number + 1};
    return flow;
}

const struct flow *flow_table_next(const struct flow_table *table, size_t *position)
{
    return *position < table->count ? flow_table_entry(table, (*position)++) : NULL;
}

size_t flow_table_count(const struct flow_table *table)
{
    return table->count;
}

uint64_t flow_table_evicted(const struct flow_table *table)
{
    return table->evicted;
}
