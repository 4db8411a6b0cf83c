#include "analyzer/correlation/chains.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

/* Keys come from captures: the seed keeps strangers from aiming at one bucket. */
static size_t bucket_of(const struct chains *chains, uint64_t key)
{
    return hash_mix(key ^ chains->seed, 0x9e3779b97f4a7c15u) & chains->mask;
}

void chains_make(struct chains *chains, size_t room)
{
    size_t buckets = 64;
    while (buckets < room)
        buckets *= 2;
    *chains = (struct chains){.seed = hash_seed(), .mask = buckets - 1, .room = room};
    chains->keys = memory_zeroed(room + 1, sizeof *chains->keys);
    chains->next = memory_zeroed(room + 1, sizeof *chains->next);
    chains->head = memory_zeroed(buckets, sizeof *chains->head);
    chains->tail = memory_zeroed(buckets, sizeof *chains->tail);
}

void chains_release(struct chains *chains)
{
    free(chains->keys);
    free(chains->next);
    free(chains->head);
    free(chains->tail);
    *chains = (struct chains){0};
}

void chains_add(struct chains *chains, uint64_t key)
{
    if (chains->count == chains->room)
        return;
    size_t bucket = bucket_of(chains, key);
    chains->keys[chains->count++] = key;
    uint32_t number = (uint32_t)chains->count;
    if (chains->tail[bucket])
        chains->next[chains->tail[bucket] - 1] = number;
    else
        chains->head[bucket] = number;
    chains->tail[bucket] = number;
}

static uint32_t same_key(const struct chains *chains, uint32_t number, uint64_t key)
{
    while (number && chains->keys[number - 1] != key)
        number = chains->next[number - 1];
    return number;
}

uint32_t chains_first(const struct chains *chains, uint64_t key)
{
    return same_key(chains, chains->head[bucket_of(chains, key)], key);
}

uint32_t chains_next(const struct chains *chains, uint32_t number)
{
    return same_key(chains, chains->next[number - 1], chains->keys[number - 1]);
}
