#include "analyzer/correlation/imprint.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum kind {
    BY_NUMBERS = 1,
    BY_NUMBER_AND_PORT,
    BY_NUMBER_AND_TIMESTAMP,
    BY_CONTENT_AND_NUMBER,
    BY_CONTENT_AND_END
};

struct collection {
    uint64_t *hashes;
    size_t count, capacity;
};

static void collect(struct collection *all, enum kind kind, uint64_t a, uint64_t b)
{
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : IMPRINT_MAX;
        all->hashes = memory_resize(all->hashes, all->capacity, sizeof *all->hashes);
    }
    all->hashes[all->count++] = hash_two(kind, a, b);
}

static void collect_flows(const struct tracker *tracker, struct collection *all)
{
    size_t position = 0;
    for (const struct flow *flow; (flow = flow_table_next(tracker_flows(tracker), &position));) {
        if (flow->proto != PROTO_TCP || !(flow->bits & FLOW_SYN))
            continue;
        for (int end = 0; end < 2; end++) /* a NAT or a forward may change one of them */
            collect(all, BY_NUMBER_AND_PORT, flow->isn, flow->port[end]);
        uint32_t answer_isn = flow_rest_seen(flow).answer_isn;
        if (answer_isn)
            collect(all, BY_NUMBERS, flow->isn, answer_isn);
    }
}

/* The same hello alone is everybody's: an address goes with it, as one end keeps its own over most
 * stretches of a path, or the number of its packet, which a NAT leaves alone. */
static void collect_datagrams(const struct attempt *attempt, struct collection *all)
{
    for (int side = 0; side < 2; side++) {
        const struct mark *first = attempt->side[side].first_data;
        uint64_t said = (uint64_t)side << 32 | first->content;
        if (!first->content)
            continue;
        if (first->ip_id)
            collect(all, BY_CONTENT_AND_NUMBER, said, first->ip_id);
        for (int end = 0; end < 2; end++)
            collect(all, BY_CONTENT_AND_END, said,
                    hash_two((uint64_t)end, attempt->address[end].halves[0],
                             attempt->address[end].halves[1]));
    }
}

static void collect_attempts(const struct tracker *tracker, struct collection *all)
{
    size_t position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        if (attempt->proto == PROTO_UDP)
            collect_datagrams(attempt, all);
        else if (attempt->syn->frame && attempt->syn->timestamp)
            collect(all, BY_NUMBER_AND_TIMESTAMP, attempt->syn->sequence, attempt->syn->timestamp);
    }
}

static int ascending(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

void imprint_make(const struct tracker *tracker, struct imprint *imprint)
{
    struct collection all = {0};
    collect_flows(tracker, &all);
    collect_attempts(tracker, &all);
    if (all.count)
        qsort(all.hashes, all.count, sizeof *all.hashes, ascending);
    imprint->count = 0;
    for (size_t i = 0; i < all.count && imprint->count < IMPRINT_MAX; i++)
        if (i == 0 || all.hashes[i] != all.hashes[i - 1])
            imprint->hashes[imprint->count++] = all.hashes[i];
    free(all.hashes);
}

bool imprint_shares(const struct imprint *a, const struct imprint *b)
{
    size_t i = 0, j = 0;
    while (i < a->count && j < b->count) {
        if (a->hashes[i] == b->hashes[j])
            return true;
        if (a->hashes[i] < b->hashes[j])
            i++;
        else
            j++;
    }
    return false;
}
