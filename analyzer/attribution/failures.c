#include "analyzer/attribution/failures.h"

#include <math.h>
#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum {
    SILENT_ATTEMPTS_MIN = 3, /* single unanswered SYNs that together are as good as a retry */
    FLOOD_CLIENTS_MIN = 20,  /* strangers who never confirm a SYN-ACK and never ask again */
    SCAN_PORTS_MIN = 8,
};

/* Failures by key, open addressing; SYMPTOM_NONE is the key of single silent attempts. */
struct group_table {
    struct failures *failures;
    size_t capacity;
    uint32_t *slots; /* index + 1 */
    size_t mask;
    const struct profiles *profiles;
};

static uint64_t group_hash(const struct attempt *attempt, enum symptom symptom)
{
    const struct ip_address *client = &attempt->address[INITIATOR];
    const struct ip_address *server = &attempt->address[RESPONDER];
    uint64_t hash = hash_two(attempt->proto, client->halves[0], client->halves[1]);
    hash = hash_two(hash, server->halves[0], server->halves[1]);
    return hash_two(hash, attempt->port[RESPONDER], (uint64_t)symptom);
}

static bool in_group(const struct failure *failure, const struct attempt *attempt,
                     enum symptom symptom)
{
    return failure->symptom == symptom && failure->proto == attempt->proto &&
           failure->server_port == attempt->port[RESPONDER] &&
           ip_equal(&failure->client, &attempt->address[INITIATOR]) &&
           ip_equal(&failure->server, &attempt->address[RESPONDER]);
}

static void grow_groups(struct group_table *table)
{
    struct failures *failures = table->failures;
    table->capacity = table->capacity ? table->capacity * 2 : 64;
    failures->all = memory_resize(failures->all, table->capacity, sizeof *failures->all);
    free(table->slots);
    table->mask = table->capacity * 2 - 1;
    table->slots = memory_zeroed(table->mask + 1, sizeof *table->slots);
    for (size_t i = 0; i < failures->count; i++) {
        const struct failure *failure = &failures->all[i];
        size_t slot = group_hash(failure->sample[0], failure->symptom) & table->mask;
        while (table->slots[slot])
            slot = (slot + 1) & table->mask;
        table->slots[slot] = (uint32_t)i + 1;
    }
}

static struct failure *group_of(struct group_table *table, const struct attempt *attempt,
                                enum symptom symptom)
{
    struct failures *failures = table->failures;
    if (failures->count == table->capacity)
        grow_groups(table);
    size_t slot = group_hash(attempt, symptom) & table->mask;
    while (table->slots[slot]) {
        struct failure *failure = &failures->all[table->slots[slot] - 1];
        if (in_group(failure, attempt, symptom))
            return failure;
        slot = (slot + 1) & table->mask;
    }
    struct failure *failure = &failures->all[failures->count++];
    table->slots[slot] = (uint32_t)failures->count;
    *failure = (struct failure){
        .service = profiles_service_at(table->profiles, attempt->service),
        .symptom = symptom,
        .proto = attempt->proto,
        .server_port = attempt->port[RESPONDER],
        .client = attempt->address[INITIATOR],
        .server = attempt->address[RESPONDER],
        .first_ns = INT64_MAX,
        .last_ns = INT64_MIN,
        .failed_ns = INT64_MAX,
    };
    return failure;
}

static int64_t begun_ns(const struct attempt *attempt)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < 2; i++)
        if (attempt->side[i].first.frame && attempt->side[i].first.time_ns < first)
            first = attempt->side[i].first.time_ns;
    return first == INT64_MAX ? attempt->last_ns : first;
}

static void add_attempt(struct failure *failure, const struct attempt *attempt, int64_t failed_ns,
                        const struct frame_list *frames)
{
    int64_t first_ns = begun_ns(attempt);
    failure->attempts++;
    if (failure->sample_count < FAILURE_SAMPLE)
        failure->sample[failure->sample_count++] = attempt;
    if (first_ns < failure->first_ns)
        failure->first_ns = first_ns;
    if (attempt->last_ns > failure->last_ns)
        failure->last_ns = attempt->last_ns;
    if (failed_ns < failure->failed_ns)
        failure->failed_ns = failed_ns;
    frame_list_join(&failure->frames, frames);
}

/* Several single SYNs over a while, each of a new port and none ever answered, are a client that
 * gives up before its first retry. */
static void promote_silent(struct failures *failures, const struct thresholds *thresholds)
{
    for (size_t i = 0; i < failures->count; i++) {
        struct failure *failure = &failures->all[i];
        if (failure->symptom != SYMPTOM_NONE)
            continue;
        double lasted_s = (double)(failure->last_ns - failure->first_ns) / 1e9;
        bool enough = failure->attempts >= SILENT_ATTEMPTS_MIN &&
                      lasted_s >= thresholds->syn_wait_s;
        failure->symptom =
            failure->proto == PROTO_UDP ? SYMPTOM_UDP_NO_RESPONSE : SYMPTOM_SYN_TIMEOUT;
        failure->suppressed = !enough;
        if (enough)
            failures->failed += failure->attempts;
    }
}

void failures_gather(const struct tracker *tracker, const struct profiles *profiles,
                     const struct detect_context *context, struct failures *failures)
{
    struct group_table table = {.failures = failures, .profiles = profiles};
    *failures = (struct failures){0};
    size_t position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        struct detection detection;
        if (attempt->bits & ATTEMPT_IS_INNER)
            continue;
        detect(attempt, context, &detection);
        if (detection.outcome == OUTCOME_NOTHING)
            continue;
        failures->attempts++;
        failures->succeeded += detection.outcome == OUTCOME_SUCCEEDED;
        if (detection.outcome == OUTCOME_FAILED) {
            failures->failed++;
            add_attempt(group_of(&table, attempt, detection.symptom), attempt,
                        detection.failed_ns, &detection.frames);
        } else if (detection.outcome == OUTCOME_SILENT) {
            struct frame_list frames = {0};
            frame_list_add(&frames, attempt->side[INITIATOR].first.frame);
            add_attempt(group_of(&table, attempt, SYMPTOM_NONE), attempt, begun_ns(attempt),
                        &frames);
        }
    }
    free(table.slots);
    promote_silent(failures, context->thresholds);
}

/* --- what is no failure --- */

static bool is_scan(const struct failure *failure, const struct controls *controls,
                    const struct thresholds *thresholds)
{
    struct client_habit habit = controls_habit(controls, failure);
    double tried = (double)habit.failed_targets + habit.answered;
    if (habit.failed_targets < thresholds->scan_targets_min ||
        habit.answered > thresholds->scan_answered_max_ratio * tried)
        return false;
    return habit.failed_ports >= SCAN_PORTS_MIN ||
           habit.failed_hosts >= thresholds->scan_targets_min;
}

static bool worked(const struct attempt *attempt)
{
    return (attempt->bits & ATTEMPT_ESTABLISHED) &&
           (attempt->proto != PROTO_TCP || attempt->synack.frame || attempt->side[1].data_packets);
}

/* The service that does as well as this one, if its profile names one. */
static bool serves_as_well(const struct service *service, const struct service *other)
{
    return service == other ||
           (service->profile == other->profile && service->alternative &&
            strcmp(service->alternative, other->name) == 0);
}

/* Another address of the same host tried at the same time: same source MAC, or the capture's own
 * only client. Address families (RFC 8305) cannot be told to belong together otherwise. */
static bool same_client_host(const struct tracker *tracker, const struct attempt *one,
                             const struct attempt *other)
{
    if (ip_equal(&one->address[INITIATOR], &other->address[INITIATOR]))
        return true;
    const struct host *a = host_table_find(tracker_hosts(tracker), &one->address[INITIATOR]);
    const struct host *b = host_table_find(tracker_hosts(tracker), &other->address[INITIATOR]);
    return a && b && a->has_mac && b->has_mac && memcmp(a->mac, b->mac, sizeof a->mac) == 0;
}

static bool won_by(const struct failure *failure, const struct attempt *other,
                   const struct tracker *tracker, const struct profiles *profiles, double window_s)
{
    const struct attempt *lost = failure->sample[0];
    if (other == lost || other->proto != lost->proto || !worked(other))
        return false;
    bool other_family = ip_is_v4(&lost->address[RESPONDER]) != ip_is_v4(&other->address[RESPONDER]);
    const struct service *service = profiles_service_at(profiles, other->service);
    bool alternative = service != failure->service && serves_as_well(failure->service, service) &&
                       ip_equal(&lost->address[RESPONDER], &other->address[RESPONDER]);
    if (!alternative && !(other_family && other->port[RESPONDER] == lost->port[RESPONDER]))
        return false;
    double apart_s = fabs((double)(begun_ns(other) - begun_ns(lost)) / 1e9);
    return apart_s <= window_s && same_client_host(tracker, lost, other);
}

static bool lost_race(const struct failure *failure, const struct tracker *tracker,
                      const struct profiles *profiles, double window_s)
{
    size_t position = 0;
    for (const struct attempt *other; (other = tracker_next_attempt(tracker, &position));)
        if (won_by(failure, other, tracker, profiles, window_s))
            return true;
    return false;
}

/* Races are possible only for these; everything else need not look at every attempt. */
static bool may_race(const struct failure *failure, bool both_families)
{
    return failure->sample_count && (both_families || failure->service->alternative) &&
           (failure->symptom == SYMPTOM_SYN_TIMEOUT || failure->symptom == SYMPTOM_SYN_RESET ||
            failure->symptom == SYMPTOM_ICMP_UNREACHABLE);
}

static bool both_families_seen(const struct tracker *tracker)
{
    bool v4 = false, v6 = false;
    size_t position = 0;
    for (const struct attempt *attempt;
         !(v4 && v6) && (attempt = tracker_next_attempt(tracker, &position));) {
        v4 |= ip_is_v4(&attempt->address[RESPONDER]);
        v6 |= !ip_is_v4(&attempt->address[RESPONDER]);
    }
    return v4 && v6;
}

/* SYN-ACKs that strangers never confirm and never ask for again: forged sources. */
static bool is_flood_part(const struct failure *failure)
{
    return failure->symptom == SYMPTOM_SYNACK_UNANSWERED && failure->sample_count &&
           !failure->sample[0]->syns_after_synack && failure->sample[0]->syn_count == 1 &&
           failure->attempts == 1;
}

static void suppress(struct failures *failures, struct failure *failure, uint32_t *count)
{
    failure->suppressed = true;
    failures->failed -= failure->attempts < failures->failed ? failure->attempts : failures->failed;
    (*count)++;
}

void failures_suppress(struct failures *failures, const struct tracker *tracker,
                       const struct profiles *profiles, const struct controls *controls,
                       const struct thresholds *thresholds, struct suppressions *suppressions)
{
    const struct control_summary *summary = controls_summary(controls);
    bool one_directional = summary->conversations >= 3 &&
                           summary->one_sided * 2 > summary->conversations;
    bool both_families = both_families_seen(tracker);
    size_t flood_parts = 0;
    *suppressions = (struct suppressions){0};
    for (size_t i = 0; i < failures->count; i++)
        flood_parts += is_flood_part(&failures->all[i]);
    for (size_t i = 0; i < failures->count; i++) {
        struct failure *failure = &failures->all[i];
        if (failure->suppressed)
            continue;
        if (flood_parts >= FLOOD_CLIENTS_MIN && is_flood_part(failure))
            suppress(failures, failure, &suppressions->floods);
        else if (is_scan(failure, controls, thresholds))
            suppress(failures, failure, &suppressions->scans);
        else if (one_directional && failure->symptom == SYMPTOM_UDP_NO_RESPONSE)
            suppress(failures, failure, &suppressions->one_directional);
        else if (may_race(failure, both_families) &&
                 lost_race(failure, tracker, profiles, thresholds->eyeballs_window_s))
            suppress(failures, failure, &suppressions->races);
    }
}
