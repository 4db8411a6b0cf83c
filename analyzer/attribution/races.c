#include "analyzer/attribution/races.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

/* The step of winners of whom the whole time is kept, from the first packet to the last. */
#define WHOLE_TIME INT64_MIN

/* The winners of one key that began within one step of time: who they were does not matter, and
 * with the steps as long as the window, the first and the last are enough to know whether any is
 * near enough. */
struct heat {
    uint64_t key; /* 0: free */
    int64_t first_ns, last_ns;
};

struct races {
    const struct profiles *profiles;
    int64_t window_ns;
    struct heat *heats;
    size_t mask;
};

static int64_t begun_ns(const struct attempt *attempt)
{
    const struct mark *first = &attempt->side[INITIATOR].first;
    return first->frame ? first->time_ns : attempt->last_ns;
}

static bool worked(const struct attempt *attempt)
{
    return (attempt->bits & ATTEMPT_ESTABLISHED) &&
           (attempt->proto != PROTO_TCP || attempt->synack.frame || attempt->side[1].data_packets);
}

/* The client's MAC address as a number: what tells that addresses of both families are one host's.
 * 0: not known. Behind a router all clients share its address, so it says so only on the link. */
static uint64_t client_mac(const struct attempt *attempt)
{
    const struct mark *first = &attempt->side[INITIATOR].first;
    uint64_t number = 0;
    if (first->has_mac)
        memcpy(&number, first->mac, sizeof first->mac);
    return number;
}

static bool on_link(const struct attempt *attempt)
{
    const struct mark *first = &attempt->side[INITIATOR].first;
    return first->frame && hops_travelled(first->hop_limit) == 0;
}

static uint64_t family_key(const struct attempt *attempt, bool v4)
{
    uint64_t service = (uint64_t)attempt->proto << 16 | attempt->port[RESPONDER];
    return hash_two(v4 ? 4 : 6, client_mac(attempt), service << 1 | on_link(attempt));
}

static uint64_t service_key(const struct attempt *attempt, uint8_t service)
{
    const struct ip_address *client = &attempt->address[INITIATOR];
    const struct ip_address *server = &attempt->address[RESPONDER];
    return hash_two(hash_two(service, client->halves[0], client->halves[1]), server->halves[0],
                    server->halves[1]);
}

static uint64_t heat_key(uint64_t key, int64_t step)
{
    return hash_two(key, (uint64_t)step, 0x726163) | 1;
}

/* The heat of a key and a step, or the free place where it would go. */
static struct heat *find_heat(const struct races *races, uint64_t key, int64_t step)
{
    uint64_t wanted = heat_key(key, step);
    size_t slot = (wanted >> 1) & races->mask;
    while (races->heats[slot].key && races->heats[slot].key != wanted)
        slot = (slot + 1) & races->mask;
    return &races->heats[slot];
}

static void widen(struct races *races, uint64_t key, int64_t step, int64_t first_ns,
                  int64_t last_ns)
{
    struct heat *heat = find_heat(races, key, step);
    if (!heat->key)
        *heat = (struct heat){heat_key(key, step), first_ns, last_ns};
    if (first_ns < heat->first_ns)
        heat->first_ns = first_ns;
    if (last_ns > heat->last_ns)
        heat->last_ns = last_ns;
}

static void enter(struct races *races, uint64_t key, int64_t time_ns)
{
    widen(races, key, time_ns / races->window_ns, time_ns, time_ns);
}

/* Somebody used that service while the attempt lasted, or began at once after it: a client may try
 * the ports one after the other, and keep the session that it has. */
static bool won_during(const struct races *races, uint64_t key, const struct attempt *attempt)
{
    const struct heat *heat = find_heat(races, key, WHOLE_TIME);
    return heat->key && heat->first_ns <= attempt->last_ns + races->window_ns &&
           heat->last_ns >= begun_ns(attempt) - races->window_ns;
}

static bool won_near(const struct races *races, uint64_t key, int64_t time_ns)
{
    int64_t step = time_ns / races->window_ns;
    const struct heat *before = find_heat(races, key, step - 1);
    const struct heat *after = find_heat(races, key, step + 1);
    return find_heat(races, key, step)->key ||
           (before->key && time_ns - before->last_ns <= races->window_ns) ||
           (after->key && after->first_ns - time_ns <= races->window_ns);
}

struct races *races_gather(const struct tracker *tracker, const struct profiles *profiles,
                           double window_s)
{
    struct races *races = memory_zeroed(1, sizeof *races);
    size_t position = 0, winners = 0, slots = 64;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));)
        winners += worked(attempt);
    while (slots < winners * 4) /* two keys each, at most half full */
        slots *= 2;
    races->profiles = profiles;
    races->window_ns = window_s > 0 ? (int64_t)(window_s * 1e9) : 1;
    races->heats = memory_zeroed(slots, sizeof *races->heats);
    races->mask = slots - 1;
    position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        if (!worked(attempt))
            continue;
        widen(races, service_key(attempt, attempt->service), WHOLE_TIME, begun_ns(attempt),
              attempt->last_ns);
        if (client_mac(attempt))
            enter(races, family_key(attempt, ip_is_v4(&attempt->address[RESPONDER])),
                  begun_ns(attempt));
    }
    return races;
}

void races_free(struct races *races)
{
    if (!races)
        return;
    free(races->heats);
    free(races);
}

static bool lost_to_family(const struct races *races, const struct attempt *attempt)
{
    /* From afar all clients have the router's MAC address. Then only a SYN that was never repeated
     * looks given up for another. */
    if (!client_mac(attempt) || (!on_link(attempt) && attempt->syn_count > 1))
        return false;
    bool v4 = ip_is_v4(&attempt->address[RESPONDER]);
    return won_near(races, family_key(attempt, !v4), begun_ns(attempt));
}

static bool lost_to_alternative(const struct races *races, const struct attempt *attempt)
{
    const struct service *service = profiles_service_at(races->profiles, attempt->service);
    const struct profile *profile = service->profile;
    for (size_t i = 0; service->alternative && i < profile->service_count; i++) {
        const struct service *other = &profile->services[i];
        if (strcmp(other->name, service->alternative) == 0 &&
            won_during(races, service_key(attempt, profiles_service_index(races->profiles, other)),
                       attempt))
            return true;
    }
    return false;
}

bool races_lost(const struct races *races, const struct attempt *attempt)
{
    return lost_to_family(races, attempt) || lost_to_alternative(races, attempt);
}
