/* Every conversation of the capture in one cache line each, or less: enough to be control evidence
 * ("others were answered on this port at that time"). Conversations of watched products have a
 * richer record beside it, see attempt.h.
 *
 * The table is an index of small slots over slabs of entries. It has a cap; when it is full, the
 * clock hand looks at a few entries and evicts the one of least worth (closed before open, never
 * answered strangers first, those of products last). Evictions are counted. */
#ifndef FWSNIFF_FLOW_FLOW_TABLE_H
#define FWSNIFF_FLOW_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "analyzer/flow/hash_index.h"
#include "analyzer/flow/ways.h"
#include "analyzer/next_slab.h"

/* Ends of a conversation; as an index and as what an "initiator" bit says. */
enum side { INITIATOR, RESPONDER };

enum flow_bit {
    FLOW_INITIATOR_IS_HIGH = 1 << 0, /* the initiator is end[1] of the key */
    FLOW_TOUCHED = 1 << 1,           /* since the clock hand last came by */
    FLOW_SYN = 1 << 2,
    FLOW_SYNACK = 1 << 3,      /* the responder accepted */
    FLOW_ESTABLISHED = 1 << 4, /* the initiator acknowledged, or data shows it did */
    FLOW_REFUSED = 1 << 5,     /* RST in reply to the SYN */
    FLOW_RESET = 1 << 6,       /* RST later on */
    FLOW_FIN = 1 << 7,
    FLOW_ICMP_ERROR = 1 << 8,     /* an ICMP error quotes it */
    FLOW_FROM_INITIATOR = 1 << 9, /* packets seen */
    FLOW_FROM_RESPONDER = FLOW_FROM_INITIATOR << 1,
    FLOW_MIDSTREAM = 1 << 11, /* began before the capture */
    FLOW_TUNNELLED = 1 << 12,
    FLOW_TO_GROUP = 1 << 13, /* multicast or broadcast: nobody in particular is asked */
    FLOW_PROBE = 1 << 14, /* begun by a traceroute probe: that the server is silent says nothing */
    FLOW_UNWATCHED = 1 << 15, /* neither port is a product's, or its attempt went well and is over:
                                 there will be no attempt, unless a SYN begins another */
};

/* In `kind`, as the compilers we use lay out the bit-fields that it stands for. */
enum { FLOW_V6 = 0x80, FLOW_KIND = FLOW_V6 | 0x1f, FLOW_APART = 0x20, FLOW_BARE = 0x40 };

/* The two ends, the lower one first. Built with flow_key_make. */
struct flow_key {
    uint32_t address[2]; /* address_pool numbers */
    uint16_t port[2];    /* ICMP echo: identifier and 0 */
    union {
        struct {
            uint8_t proto : 5; /* PROTO_TCP, PROTO_UDP, or 1 for echo of either version */
            uint8_t : 2;
            uint8_t v6 : 1;
        };
        uint8_t kind; /* all of that at once */
    };
};

enum { FLOW_ATTEMPT_BITS = 22, FLOW_HOST_BITS = 21, FLOW_HOST_MASK = (1 << FLOW_HOST_BITS) - 1 };

/* What a conversation's first SYN tells: of a flood there is no more. */
struct flow {
    uint32_t address[2]; /* this and the next four: its key */
    uint16_t port[2];
    union {
        struct {
            uint8_t proto : 5;
            uint8_t apart : 1; /* its rest does not stand behind it ... */
            uint8_t bare : 1;  /* ... and was not written yet: see flow_rest_seen() */
            uint8_t v6 : 1;
        };
        uint8_t kind; /* FLOW_KIND of it are the key's */
    };
    union {
        uint8_t syn_count;     /* of the latest attempt, duplicates left out; UINT8_MAX: or more */
        uint8_t syn_hop_limit; /* while it is bare */
    };
    uint16_t bits;        /* enum flow_bit */
    int64_t first_ns;     /* first packet of the latest attempt */
    uint32_t isn;         /* of the latest SYN */
    uint32_t first_frame; /* of the latest attempt */
    /* Three numbers in eight bytes, each with as many bits as its table's cap needs. */
    uint64_t attempt : FLOW_ATTEMPT_BITS; /* number of the product's record; 0: no product's */
    uint64_t hosts : 2 * FLOW_HOST_BITS;  /* flow_host(): the lower half is address[0]'s */
};

/* What comes with further packets: flow_rest(). */
struct flow_rest {
    int64_t last_ns;       /* last packet */
    uint32_t answer_frame; /* first packet of the responder; 0: none */
    uint32_t answered_after_us;
    uint32_t answer_isn;  /* TCP: sequence number of the SYN-ACK; 0: none */
    uint8_t hop_limit[2]; /* of the first packet of each side (enum side), RST left out; 0: none */
    uint8_t way[2]; /* of packets with that hop limit that each side's host has learnt all from
                       (ways.h); 0: not yet */
};

/* The first flows of a table stand together with their rests, a cache line each. What comes after
 * them is a flood most likely: of a slab of these, all flows stand before all rests, which cost
 * nothing as long as none is written. */
enum {
    FLOW_SLAB = 1 << 15,                         /* entries */
    FLOWS_TOGETHER = NEXT_SLAB_MANY * FLOW_SLAB, /* a slab that is made ahead begins with flows */
    FLOW_TOGETHER_BYTES = sizeof(struct flow) + sizeof(struct flow_rest),
    FLOW_SLAB_BYTES = FLOW_SLAB * FLOW_TOGETHER_BYTES,
    FLOW_RESTS_AT = FLOW_SLAB * sizeof(struct flow), /* where they stand apart */
};
_Static_assert(FLOW_TOGETHER_BYTES == 64, "a control flow costs one cache line");
_Static_assert(FLOW_SLAB_BYTES == 1 << 21,
               "a slab begins at a multiple of its size: memory_slab()");

/* An entry that is to be evicted, while it is worth no more. */
struct flow_victim {
    size_t number;
    int worth;
};

enum { FLOW_VICTIMS = 8 }; /* that are chosen at once */

/* Open to the fast path, which looks flows up inline (below). */
struct flow_table {
    uint8_t **slabs;
    struct next_slab next;
    size_t slab_count;
    size_t count, cap;
    size_t together;   /* so many stand together with their rests: FLOWS_TOGETHER, but in tests */
    size_t room;       /* so many fit before a slab, the index or the cap is to be looked at */
    uint64_t moves;    /* how often slots may have moved */
    size_t given_back; /* flows that are counted and not there any more */
    struct hash_index index;
    size_t hand; /* the clock's */
    struct flow_victim victims[FLOW_VICTIMS];
    unsigned victim_count, victims_gone;
    uint64_t seed[2], evicted;
    void (*on_evict)(struct flow *, void *);
    void *evict_context;
};

/* Room for `cap` flows at most; memory grows with use. */
struct flow_table *flow_table_new(size_t cap);
void flow_table_free(struct flow_table *table);

static inline uint64_t flow_key_end(uint32_t address, uint16_t port)
{
    return (uint64_t)address << 16 | port;
}

/* Orders two ends. `*swapped`: the first end given became end[1]. Which of them comes first is a
 * coin toss for the processor to predict, so here there is no branch for it. */
static inline struct flow_key flow_key_make(uint8_t proto, bool v6, uint32_t first_address,
                                            uint16_t first_port, uint32_t second_address,
                                            uint16_t second_port, bool *swapped)
{
    uint64_t first = flow_key_end(first_address, first_port);
    uint64_t second = flow_key_end(second_address, second_port);
    uint64_t low = first < second ? first : second;
    uint64_t high = low ^ first ^ second;
    *swapped = first > second;
    return (struct flow_key){
        .address = {(uint32_t)(low >> 16), (uint32_t)(high >> 16)},
        .port = {(uint16_t)low, (uint16_t)high},
        .kind = (uint8_t)(proto | v6 * FLOW_V6),
    };
}

/* --- looking up, inline: the fast path does it for every packet --- */

static inline uint32_t flow_table_hash(const struct flow_table *table, const struct flow_key *key)
{
    uint64_t low = flow_key_end(key->address[0], key->port[0]);
    uint64_t high = flow_key_end(key->address[1], key->port[1]);
    uint64_t kind = (uint64_t)key->kind << 48;
    return hash_upper(hash_mix(low ^ table->seed[0], (high | kind) ^ table->seed[1]));
}

static inline struct flow *flow_table_entry(const struct flow_table *table, size_t number)
{
    uint8_t *slab = table->slabs[number / FLOW_SLAB];
    size_t at = number % FLOW_SLAB;
    if (__builtin_expect(number < table->together, true))
        return (struct flow *)(void *)(slab + at * FLOW_TOGETHER_BYTES);
    return (struct flow *)(void *)slab + at;
}

/* From a flow of a slab to the next, in bytes. */
static inline size_t flow_stride(const struct flow *flow)
{
    return flow->apart ? sizeof *flow : FLOW_TOGETHER_BYTES;
}

static inline const struct flow *flow_behind(const struct flow *flow, size_t bytes)
{
    return (const struct flow *)(const void *)((const uint8_t *)flow + bytes);
}

/* Where its rest stands, written or not. */
static inline struct flow_rest *flow_rest_place(const struct flow *flow)
{
    if (__builtin_expect(!flow->apart, true))
        return (struct flow_rest *)(uintptr_t)(flow + 1);
    uintptr_t in_slab = (uintptr_t)flow % FLOW_SLAB_BYTES;
    uint8_t *rests = (uint8_t *)(uintptr_t)flow - in_slab + FLOW_RESTS_AT;
    return (struct flow_rest *)(void *)rests + in_slab / sizeof *flow;
}

/* To be read. */
static inline struct flow_rest flow_rest_seen(const struct flow *flow)
{
    if (flow->bare)
        return (struct flow_rest){.last_ns = flow->first_ns,
                                  .hop_limit = {[INITIATOR] = flow->syn_hop_limit}};
    return *flow_rest_place(flow);
}

static inline uint8_t flow_syn_count(const struct flow *flow)
{
    return flow->bare ? (flow->bits & FLOW_SYN) != 0 : flow->syn_count;
}

/* To be written, as `syn_count` is from now on. */
static inline struct flow_rest *flow_rest(struct flow *flow)
{
    struct flow_rest *rest = flow_rest_place(flow);
    if (__builtin_expect(flow->apart, false) && flow->bare) {
        *rest = flow_rest_seen(flow);
        flow->syn_count = flow_syn_count(flow);
        flow->bare = false;
    }
    return rest;
}

/* A SYN on a flow that was just added. */
static inline void flow_opens(struct flow *flow, int64_t time_ns, uint8_t hop_limit)
{
    flow->bits |= FLOW_SYN | FLOW_FROM_INITIATOR;
    flow->first_ns = time_ns;
    if (flow->bare) {
        flow->syn_hop_limit = hop_limit;
        return;
    }
    struct flow_rest *rest = flow_rest_place(flow);
    rest->last_ns = time_ns;
    rest->hop_limit[INITIATOR] = hop_limit;
    flow->syn_count = 1;
}

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
    return memcmp(a->address, b->address, sizeof a->address) == 0 &&
           memcmp(a->port, b->port, sizeof a->port) == 0 && a->kind == b->kind;
}

static inline bool flow_has_key(const struct flow *flow, const struct flow_key *key)
{
    return memcmp(flow->address, key->address, sizeof key->address) == 0 &&
           memcmp(flow->port, key->port, sizeof key->port) == 0 &&
           ((flow->kind ^ key->kind) & FLOW_KIND) == 0;
}

/* The slot of the key, or the free slot where it would go, until an entry comes or goes. */
static inline struct hash_slot *flow_table_slot(const struct flow_table *table,
                                                const struct flow_key *key, uint32_t hash)
{
    const struct hash_index *index = &table->index;
    size_t at = hash_index_home(index, hash);
    for (struct hash_slot *slot;; at = hash_index_next(index, at)) {
        slot = &index->slots[at];
        if (!slot->entry ||
            (slot->hash == hash && flow_has_key(flow_table_entry(table, slot->entry - 1), key)))
            return slot;
    }
}

/* NULL: not there. Pointers stay valid until the next flow_table_add(). */
static inline struct flow *flow_table_find(struct flow_table *table, const struct flow_key *key)
{
    uint32_t entry = flow_table_slot(table, key, flow_table_hash(table, key))->entry;
    if (!entry)
        return NULL;
    struct flow *flow = flow_table_entry(table, entry - 1);
    flow->bits |= FLOW_TOUCHED;
    return flow;
}

/* Adds a key that is not there, whose slot is free; the entry is zeroed but for it. */
struct flow *flow_table_add_at(struct flow_table *table, const struct flow_key *key, uint32_t hash,
                               struct hash_slot *slot);

/* Finds or adds; `*added`: it is new. */
static inline struct flow *flow_table_add_hashed(struct flow_table *table,
                                                 const struct flow_key *key, uint32_t hash,
                                                 bool *added)
{
    struct hash_slot *slot = flow_table_slot(table, key, hash);
    *added = !slot->entry;
    if (*added)
        return flow_table_add_at(table, key, hash, slot);
    struct flow *flow = flow_table_entry(table, slot->entry - 1);
    flow->bits |= FLOW_TOUCHED;
    return flow;
}

static inline struct flow *flow_table_add(struct flow_table *table, const struct flow_key *key,
                                          bool *added)
{
    return flow_table_add_hashed(table, key, flow_table_hash(table, key), added);
}

/* How many entries stand one behind the other from this one on, which begins a slab; 0: the end. */
static inline size_t flow_table_run(const struct flow_table *table, size_t number)
{
    size_t left = table->count - number;
    return left < FLOW_SLAB ? left : FLOW_SLAB;
}

static inline struct flow_key flow_key_of(const struct flow *flow)
{
    return (struct flow_key){.address = {flow->address[0], flow->address[1]},
                             .port = {flow->port[0], flow->port[1]},
                             .proto = flow->proto,
                             .v6 = flow->v6};
}

/* Walks all flows: start with *position = 0; NULL at the end. */
const struct flow *flow_table_next(const struct flow_table *table, size_t *position);

/* No flow is needed any more; they remain counted. */
void flow_table_give_back(struct flow_table *table);
/* Called before an entry is given up for a new one; it must not add any. */
void flow_table_on_evict(struct flow_table *table, void (*on_evict)(struct flow *, void *),
                         void *context);

size_t flow_table_count(const struct flow_table *table);
uint64_t flow_table_evicted(const struct flow_table *table);

/* The side that sent a packet whose source is end[1] (`from_high`). */
static inline enum side flow_side(const struct flow *flow, bool from_high)
{
    return (flow->bits ^ from_high) & FLOW_INITIATOR_IS_HIGH ? RESPONDER : INITIATOR;
}

/* Index into address[] and port[] of a side. */
static inline int flow_end(const struct flow *flow, enum side side)
{
    return ((flow->bits & FLOW_INITIATOR_IS_HIGH) != 0) == (side == INITIATOR);
}

/* Of address[end]: index in the host table + 1; 0: not looked up yet. */
static inline uint32_t flow_host(const struct flow *flow, int end)
{
    return (uint32_t)(flow->hosts >> FLOW_HOST_BITS * end) & FLOW_HOST_MASK;
}

static inline void flow_set_host(struct flow *flow, int end, uint32_t number)
{
    uint64_t other = flow->hosts & (uint64_t)FLOW_HOST_MASK << FLOW_HOST_BITS * !end;
    flow->hosts = (other | (uint64_t)(number & FLOW_HOST_MASK) << FLOW_HOST_BITS * end) &
                  ((UINT64_C(1) << 2 * FLOW_HOST_BITS) - 1);
}

static inline void flow_set_attempt(struct flow *flow, uint32_t number)
{
    flow->attempt = number & ((1u << FLOW_ATTEMPT_BITS) - 1);
}

/* Whether a packet of a side tells nothing new of its host. */
static inline bool flow_knows_sender(const struct flow_rest *rest, enum side side,
                                     const struct ways *ways, uint8_t hop_limit,
                                     const uint8_t mac[6], uint32_t total_length)
{
    return rest->hop_limit[side] == hop_limit &&
           ways_known(ways, rest->way[side], mac, total_length);
}

static inline bool flow_is_answered(const struct flow *flow)
{
    return !flow->bare && flow_rest_place(flow)->answer_frame;
}

static inline void flow_asked(struct flow *flow)
{
    (void)flow_rest(flow); /* no longer bare */
    flow->syn_count = (uint8_t)(flow->syn_count + (flow->syn_count < UINT8_MAX));
}

#endif
