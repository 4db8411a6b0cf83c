#include "analyzer/attribution/races.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/concern.h"
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
    struct concern keys; /* that a failure will be looked up by */
    const struct profiles *profiles;
    int64_t window_ns;
    struct heat *heats; /* open addressing, at most half full */
    size_t mask, count;
};

/* What a race knows of a runner, whether its record is still whole or not. */
struct runner {
    struct ip_address client, server;
    uint16_t port;
    uint8_t proto, service;
    uint64_t mac; /* the client's, as a number; 0: not known */
    bool on_link; /* behind a router all clients share its MAC address */
    int64_t begun_ns, last_ns;
};

static int64_t begun_ns(const struct attempt *attempt)
{
    const struct mark *first = attempt->side[INITIATOR].first;
    return first->frame ? first->time_ns : attempt->last_ns;
}

static bool worked(const struct attempt *attempt)
{
    return (attempt->bits & ATTEMPT_ESTABLISHED) &&
           (attempt->proto != PROTO_TCP || attempt->synack->frame || attempt->side[1].data_packets);
}

/* The MAC address is what tells that addresses of both families are one host's. */
static uint64_t mac_number(bool has_mac, const uint8_t mac[6])
{
    uint64_t number = 0;
    if (has_mac)
        memcpy(&number, mac, 6);
    return number;
}

static struct runner runner_of(const struct attempt *attempt)
{
    const struct mark *first = attempt->side[INITIATOR].first;
    return (struct runner){
        .client = attempt->address[INITIATOR],
        .server = attempt->address[RESPONDER],
        .port = attempt->port[RESPONDER],
        .proto = attempt->proto,
        .service = attempt->service,
        .mac = mac_number(first->has_mac, first->mac),
        .on_link = first->frame && hops_travelled(first->hop_limit) == 0,
        .begun_ns = begun_ns(attempt),
        .last_ns = attempt->last_ns,
    };
}

static struct runner runner_of_finished(const struct tracker *tracker,
                                        const struct finished *finished)
{
    struct ip_address address[2];
    uint16_t port[2];
    tracker_finished_ends(tracker, finished, address, port);
    return (struct runner){
        .client = address[INITIATOR],
        .server = address[RESPONDER],
        .port = port[RESPONDER],
        .proto = finished->key.proto,
        .service = finished->service,
        .mac = mac_number(finished->has_mac, finished->mac),
        .on_link = hops_travelled(finished->hop_limit) == 0,
        .begun_ns = finished->begun_ns,
        .last_ns = finished->last_ns,
    };
}

static uint64_t family_key(const struct runner *runner, bool v4)
{
    uint64_t service = (uint64_t)runner->proto << 16 | runner->port;
    return hash_two(v4 ? 4 : 6, runner->mac, service << 1 | runner->on_link);
}

static uint64_t service_key(const struct runner *runner, uint8_t service)
{
    return hash_two(hash_two(service, runner->client.halves[0], runner->client.halves[1]),
                    runner->server.halves[0], runner->server.halves[1]);
}

static uint64_t heat_key(uint64_t key, int64_t step)
{
    return hash_two(key, (uint64_t)step, 0x726163) | 1;
}

static struct heat *slot_of_heat(const struct races *races, uint64_t wanted)
{
    size_t slot = (wanted >> 1) & races->mask;
    while (races->heats[slot].key && races->heats[slot].key != wanted)
        slot = (slot + 1) & races->mask;
    return &races->heats[slot];
}

/* The heat of a key and a step, or the free place where it would go. */
static struct heat *find_heat(const struct races *races, uint64_t key, int64_t step)
{
    return slot_of_heat(races, heat_key(key, step));
}

static void grow_heats(struct races *races)
{
    struct heat *old = races->heats;
    size_t slots = races->mask + 1;
    races->mask = slots * 2 - 1;
    races->heats = memory_zeroed(slots * 2, sizeof *races->heats);
    for (size_t i = 0; i < slots; i++)
        if (old[i].key)
            *slot_of_heat(races, old[i].key) = old[i];
    free(old);
}

static struct heat *new_heat(struct races *races, uint64_t key, int64_t step)
{
    if (++races->count * 2 > races->mask)
        grow_heats(races);
    return find_heat(races, key, step);
}

static void widen(struct races *races, uint64_t key, int64_t step, int64_t first_ns,
                  int64_t last_ns)
{
    struct heat *heat = find_heat(races, key, step);
    if (!heat->key) {
        heat = new_heat(races, key, step);
        *heat = (struct heat){heat_key(key, step), first_ns, last_ns};
    }
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
static bool won_during(const struct races *races, uint64_t key, const struct runner *loser)
{
    const struct heat *heat = find_heat(races, key, WHOLE_TIME);
    return heat->key && heat->first_ns <= loser->last_ns + races->window_ns &&
           heat->last_ns >= loser->begun_ns - races->window_ns;
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

/* Who worked, as far as a failure may ask for it. */
static void take_winner(struct races *races, const struct runner *runner)
{
    uint64_t service = service_key(runner, runner->service);
    uint64_t family = family_key(runner, ip_is_v4(&runner->server));
    if (concerned(&races->keys, service))
        widen(races, service, WHOLE_TIME, runner->begun_ns, runner->last_ns);
    if (runner->mac && concerned(&races->keys, family))
        enter(races, family, runner->begun_ns);
}

static void take_winners(struct races *races, const struct tracker *tracker)
{
    size_t position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        const struct runner runner = runner_of(attempt);
        if (worked(attempt))
            take_winner(races, &runner);
    }
    position = 0;
    for (struct finished finished;
         finished_next(tracker_finished(tracker), &position, &finished);) {
        const struct runner runner = runner_of_finished(tracker, &finished);
        take_winner(races, &runner);
    }
}

static void ask_for(struct races *races, const struct attempt *attempt)
{
    const struct runner runner = runner_of(attempt);
    concern_add(&races->keys, family_key(&runner, !ip_is_v4(&runner.server)));
    const struct service *service = profiles_service_at(races->profiles, attempt->service);
    const struct profile *profile = service->profile;
    for (size_t i = 0; service->alternative && i < profile->service_count; i++)
        concern_add(
            &races->keys,
            service_key(&runner, profiles_service_index(races->profiles, &profile->services[i])));
}

struct races *races_gather(const struct tracker *tracker, const struct profiles *profiles,
                           const struct failures *failures, double window_s)
{
    enum { KEYS_PER_FAILURE = 4, HEATS_FIRST = 64 };
    struct races *races = memory_zeroed(1, sizeof *races);
    races->profiles = profiles;
    races->heats = memory_zeroed(HEATS_FIRST, sizeof *races->heats);
    races->mask = HEATS_FIRST - 1;
    races->window_ns = window_s > 0 ? (int64_t)(window_s * 1e9) : 1;
    concern_open(&races->keys, failures->count * KEYS_PER_FAILURE);
    for (size_t i = 0; i < failures->count; i++)
        for (uint32_t sample = 0; sample < failures->all[i].sample_count; sample++)
            ask_for(races, failures->all[i].sample[sample]);
    take_winners(races, tracker);
    return races;
}

void races_free(struct races *races)
{
    if (!races)
        return;
    concern_close(&races->keys);
    free(races->heats);
    free(races);
}

static bool lost_to_family(const struct races *races, const struct attempt *attempt)
{
    const struct runner runner = runner_of(attempt);
    /* From afar all clients have the router's MAC address. Then only a SYN that was never repeated
     * looks given up for another. */
    if (!runner.mac || (!runner.on_link && attempt->syn_count > 1))
        return false;
    return won_near(races, family_key(&runner, !ip_is_v4(&runner.server)), runner.begun_ns);
}

static bool lost_to_alternative(const struct races *races, const struct attempt *attempt)
{
    const struct service *service = profiles_service_at(races->profiles, attempt->service);
    const struct profile *profile = service->profile;
    const struct runner runner = runner_of(attempt);
    for (size_t i = 0; service->alternative && i < profile->service_count; i++) {
        const struct service *other = &profile->services[i];
        if (strcmp(other->name, service->alternative) == 0 &&
            won_during(races, service_key(&runner, profiles_service_index(races->profiles, other)),
                       &runner))
            return true;
    }
    return false;
}

bool races_lost(const struct races *races, const struct attempt *attempt)
{
    return lost_to_family(races, attempt) || lost_to_alternative(races, attempt);
}
