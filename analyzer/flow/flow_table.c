#include "analyzer/flow/flow_table.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    INDEX_FIRST = 1 << 12, /* slots */
    CLOCK_LOOKS = 8,       /* entries of which one is evicted ... */
    CLOCK_LOOKS_MAX = 64,  /* ... and while all of them are products' */
    FLOWS_MANY = 1 << 17,  /* 8 MiB: not all of them in the cache */
    WORTH_OF_PRODUCT = 8,
};

struct flow_table *flow_table_new(size_t cap)
{
    struct flow_table *table = memory_zeroed(1, sizeof *table);
    table->cap = cap < 1 ? 1 : cap < UINT32_MAX ? cap : UINT32_MAX - 1;
    table->together = FLOWS_TOGETHER;
    hash_index_open(&table->index, INDEX_FIRST);
    table->seed[0] = hash_seed();
    table->seed[1] = hash_seed();
    return table;
}

void flow_table_give_back(struct flow_table *table)
{
    for (size_t i = 0; i < table->slab_count; i++)
        memory_table_free(table->slabs[i], FLOW_SLAB, FLOW_TOGETHER_BYTES);
    table->slab_count = 0;
    table->given_back += table->count;
    table->count = table->room = 0;
}

void flow_table_free(struct flow_table *table)
{
    if (!table)
        return;
    flow_table_give_back(table);
    next_slab_drop(&table->next);
    free(table->slabs);
    hash_index_close(&table->index);
    free(table);
}

/* Removes an entry from the index, closing the gap (Knuth 6.4, algorithm R) so that no tombstones
 * slow later probes. */
static void unindex(struct flow_table *table, size_t number)
{
    const struct flow *flow = flow_table_entry(table, number);
    const struct flow_key key = flow_key_of(flow);
    const struct hash_index *index = &table->index;
    struct hash_slot *slots = index->slots;
    size_t gap = hash_index_home(index, flow_table_hash(table, &key));
    while (slots[gap].entry != number + 1)
        gap = hash_index_next(index, gap);
    for (size_t next = gap;;) {
        next = hash_index_next(index, next);
        if (!slots[next].entry)
            break;
        size_t home = hash_index_home(index, slots[next].hash);
        if (((next - home) & index->mask) >= ((next - gap) & index->mask)) {
            slots[gap] = slots[next];
            gap = next;
        }
    }
    slots[gap] = (struct hash_slot){0};
}

/* How much is lost with an entry: product flows most, then what answered, then what is recent. */
static int entry_worth(const struct flow *flow)
{
    int worth = (flow->bits & FLOW_TOUCHED) != 0;
    if (flow->attempt)
        worth += WORTH_OF_PRODUCT;
    if (flow->bits & (FLOW_SYNACK | FLOW_FROM_RESPONDER))
        worth += 2;
    if (!(flow->bits & (FLOW_FIN | FLOW_RESET | FLOW_REFUSED)))
        worth += 1;
    return worth;
}

/* The entry of least worth among the next few, and what it is worth if nothing touches it again. */
static struct flow_victim least_of_next(struct flow_table *table)
{
    struct flow_victim victim = {0};
    int least = INT32_MAX;
    for (int i = 0; i < CLOCK_LOOKS || (least >= WORTH_OF_PRODUCT && i < CLOCK_LOOKS_MAX); i++) {
        struct flow *flow = flow_table_entry(table, table->hand);
        int worth = entry_worth(flow);
        flow->bits &= (uint16_t)~FLOW_TOUCHED;
        if (worth < least) {
            least = worth;
            victim = (struct flow_victim){table->hand, entry_worth(flow)};
        }
        table->hand = (table->hand + 1) % table->count;
    }
    return victim;
}

/* Of a large table several at once: when one of them is evicted, its slot in the index has come. */
static void choose_victims(struct flow_table *table)
{
    size_t wanted = table->count / FLOWS_MANY + 1;
    table->victims_gone = 0;
    table->victim_count = wanted < FLOW_VICTIMS ? (unsigned)wanted : FLOW_VICTIMS;
    for (unsigned i = 0; i < table->victim_count; i++) {
        table->victims[i] = least_of_next(table);
        const struct flow *flow = flow_table_entry(table, table->victims[i].number);
        const struct flow_key key = flow_key_of(flow);
        hash_index_fetch(&table->index, flow_table_hash(table, &key));
    }
}

/* The next one, unless it is worth more by now. */
static size_t next_victim(struct flow_table *table)
{
    for (;;) {
        if (table->victims_gone == table->victim_count)
            choose_victims(table);
        struct flow_victim next = table->victims[table->victims_gone++];
        if (entry_worth(flow_table_entry(table, next.number)) <= next.worth)
            return next.number;
    }
}

static size_t evict_one(struct flow_table *table)
{
    size_t victim = next_victim(table);
    if (table->on_evict)
        table->on_evict(flow_table_entry(table, victim), table->evict_context);
    unindex(table, victim);
    table->evicted++;
    return victim;
}

static void add_slab(struct flow_table *table)
{
    table->slabs = memory_resize(table->slabs, table->slab_count + 1, sizeof *table->slabs);
    size_t most = (table->cap + FLOW_SLAB - 1) / FLOW_SLAB;
    table->slabs[table->slab_count] =
        next_slab_take(&table->next, table->slab_count, most, FLOW_SLAB_BYTES, FLOW_RESTS_AT);
    table->slab_count++;
}

/* An entry's number, where room has to be made for it. */
static size_t make_room(struct flow_table *table)
{
    if (table->count == table->cap)
        return evict_one(table);
    if (table->count == hash_index_room(&table->index))
        hash_index_grow(&table->index, table->cap);
    if (table->count == table->slab_count * FLOW_SLAB)
        add_slab(table);
    size_t entries = table->slab_count * FLOW_SLAB, slots = hash_index_room(&table->index);
    size_t room = entries < slots ? entries : slots;
    table->room = room < table->cap ? room : table->cap;
    return table->count++;
}

static inline struct flow *fill(struct flow_table *table, size_t number, const struct flow_key *key,
                                struct hash_slot *slot, uint32_t hash)
{
    struct flow *flow = flow_table_entry(table, number);
    bool apart = number >= table->together;
    *slot = (struct hash_slot){hash, (uint32_t)number + 1};
    *flow = (struct flow){
        .address = {key->address[0], key->address[1]},
        .port = {key->port[0], key->port[1]},
        .kind = (uint8_t)(key->kind | apart * (FLOW_APART | FLOW_BARE)),
        .bits = FLOW_TOUCHED,
    };
    if (!apart)
        *flow_rest_place(flow) = (struct flow_rest){0};
    return flow;
}

static __attribute__((noinline)) struct flow *
add_beyond_room(struct flow_table *table, const struct flow_key *key, uint32_t hash)
{
    size_t number = make_room(table);
    table->moves++;
    return fill(table, number, key, flow_table_slot(table, key, hash), hash);
}

struct flow *flow_table_add_at(struct flow_table *table, const struct flow_key *key, uint32_t hash,
                               struct hash_slot *slot)
{
    if (table->count == table->room)
        return add_beyond_room(table, key, hash);
    return fill(table, table->count++, key, slot, hash);
}

const struct flow *flow_table_next(const struct flow_table *table, size_t *position)
{
    return *position < table->count ? flow_table_entry(table, (*position)++) : NULL;
}

void flow_table_on_evict(struct flow_table *table, void (*on_evict)(struct flow *, void *),
                         void *context)
{
    table->on_evict = on_evict;
    table->evict_context = context;
}

size_t flow_table_count(const struct flow_table *table)
{
    return table->count + table->given_back;
}

uint64_t flow_table_evicted(const struct flow_table *table)
{
    return table->evicted;
}
