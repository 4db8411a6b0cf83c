#include "analyzer/attribution/failures.h"

#include <stdlib.h>

#include "analyzer/attribution/races.h"
#include "analyzer/flow/ftp.h"
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

static uint64_t group_hash(uint8_t proto, const struct ip_address *client,
                           const struct ip_address *server, uint16_t port, enum symptom symptom)
{
    uint64_t hash = hash_two(proto, client->halves[0], client->halves[1]);
    hash = hash_two(hash, server->halves[0], server->halves[1]);
    return hash_two(hash, port, (uint64_t)symptom);
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
        size_t slot = group_hash(failure->proto, &failure->client, &failure->server,
                                 failure->server_port, failure->symptom) &
                      table->mask;
        while (table->slots[slot])
            slot = (slot + 1) & table->mask;
        table->slots[slot] = (uint32_t)i + 1;
    }
}

/* The slot of a group, or the free one where it would go. */
static uint32_t *find_group(const struct group_table *table, const struct attempt *attempt,
                            enum symptom symptom)
{
    size_t slot = group_hash(attempt->proto, &attempt->address[INITIATOR],
                             &attempt->address[RESPONDER], attempt->port[RESPONDER], symptom) &
                  table->mask;
    while (table->slots[slot] &&
           !in_group(&table->failures->all[table->slots[slot] - 1], attempt, symptom))
        slot = (slot + 1) & table->mask;
    return &table->slots[slot];
}

static struct failure *group_of(struct group_table *table, const struct attempt *attempt,
                                enum symptom symptom)
{
    struct failures *failures = table->failures;
    if (failures->count == table->capacity)
        grow_groups(table);
    uint32_t *slot = find_group(table, attempt, symptom);
    if (*slot)
        return &failures->all[*slot - 1];
    struct failure *failure = &failures->all[failures->count++];
    *slot = (uint32_t)failures->count;
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
        if (attempt->side[i].first->frame && attempt->side[i].first->time_ns < first)
            first = attempt->side[i].first->time_ns;
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

static void join(struct failure *failure, const struct failure *more)
{
    failure->attempts += more->attempts;
    for (uint32_t i = 0; i < more->sample_count && failure->sample_count < FAILURE_SAMPLE; i++)
        failure->sample[failure->sample_count++] = more->sample[i];
    if (more->first_ns < failure->first_ns)
        failure->first_ns = more->first_ns;
    if (more->last_ns > failure->last_ns)
        failure->last_ns = more->last_ns;
    if (more->failed_ns < failure->failed_ns)
        failure->failed_ns = more->failed_ns;
    frame_list_join(&failure->frames, &more->frames);
}

/* Single attempts that were never answered. Beside ones that were repeated in vain they failed the
 * same way; alone, several of them over a while are a client that gives up before its first retry.
 */
static void promote_silent(struct group_table *table, const struct thresholds *thresholds)
{
    struct failures *failures = table->failures;
    for (size_t i = 0; i < failures->count; i++) {
        struct failure *failure = &failures->all[i];
        if (failure->symptom != SYMPTOM_NONE)
            continue;
        failure->symptom =
            failure->proto == PROTO_UDP ? SYMPTOM_UDP_NO_RESPONSE : SYMPTOM_SYN_TIMEOUT;
        uint32_t same = *find_group(table, failure->sample[0], failure->symptom);
        double lasted_s = (double)(failure->last_ns - failure->first_ns) / 1e9;
        bool enough =
            failure->attempts >= SILENT_ATTEMPTS_MIN && lasted_s >= thresholds->syn_wait_s;
        if (same)
            join(&failures->all[same - 1], failure);
        if (same || enough)
            failures->failed += failure->attempts;
        failure->suppressed = same || !enough;
    }
}

/* Nobody asks for them again, and of a flood there are many. */
static void drop_suppressed(struct failures *failures)
{
    size_t kept = 0;
    for (size_t i = 0; i < failures->count; i++)
        if (!failures->all[i].suppressed)
            failures->all[kept++] = failures->all[i];
    failures->count = kept;
    failures->all = memory_resize(failures->all, kept ? kept : 1, sizeof *failures->all);
}

static bool never_opened(enum symptom symptom)
{
    return symptom == SYMPTOM_SYN_TIMEOUT || symptom == SYMPTOM_SYN_RESET ||
           symptom == SYMPTOM_ICMP_UNREACHABLE || symptom == SYMPTOM_SYNACK_UNANSWERED;
}

/* A data connection of FTP that cannot be opened is a failure of its control connection's client
 * and server, whichever of the two opens it. */
static void add_failed(struct group_table *table, const struct tracker *tracker,
                       const struct attempt *attempt, const struct detection *detection)
{
    const struct attempt *control = tracker_attempt(tracker, attempt->control);
    if (!control || !control->ftp || !never_opened(detection->symptom)) {
        add_attempt(group_of(table, attempt, detection->symptom), attempt, detection->failed_ns,
                    &detection->frames);
        return;
    }
    struct frame_list frames = detection->frames;
    frame_list_add(&frames, control->ftp->agreed.frame);
    add_attempt(group_of(table, control, SYMPTOM_FTP_DATA_FAILED),
                attempt->backwards ? control : attempt, detection->failed_ns, &frames);
}

void failures_gather(const struct tracker *tracker, const struct profiles *profiles,
                     const struct detect_context *context, struct failures *failures)
{
    struct group_table table = {.failures = failures, .profiles = profiles};
    *failures = (struct failures){0};
    grow_groups(&table);
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
            add_failed(&table, tracker, attempt, &detection);
        } else if (detection.outcome == OUTCOME_SILENT) {
            struct frame_list frames = {0};
            frame_list_add(&frames, attempt->side[INITIATOR].first->frame);
            add_attempt(group_of(&table, attempt, SYMPTOM_NONE), attempt, begun_ns(attempt),
                        &frames);
        }
    }
    promote_silent(&table, context->thresholds);
    drop_suppressed(failures);
    free(table.slots);
}

/* --- what is no failure --- */

/* A scanner asks a target once or twice and does not come back; a client whose way out is closed
 * altogether fails on as many hosts, but waits for each. */
static bool insists(const struct failure *failure)
{
    enum { ASKED_MIN = 3 };
    uint32_t asked = failure->attempts;
    for (uint32_t i = 0; i < failure->sample_count; i++)
        if (failure->sample[i]->syn_count > asked)
            asked = failure->sample[i]->syn_count;
    return asked >= ASKED_MIN;
}

static bool is_scan(const struct failure *failure, const struct controls *controls,
                    const struct thresholds *thresholds)
{
    struct client_habit habit = controls_habit(controls, failure);
    double tried = (double)habit.failed_targets + habit.answered;
    if (habit.failed_targets < thresholds->scan_targets_min ||
        habit.answered > thresholds->scan_answered_max_ratio * tried)
        return false;
    if (habit.failed_ports >= SCAN_PORTS_MIN)
        return true;
    return habit.failed_hosts >= thresholds->scan_targets_min && !insists(failure);
}

static bool may_race(const struct failure *failure)
{
    return failure->symptom == SYMPTOM_SYN_TIMEOUT || failure->symptom == SYMPTOM_SYN_RESET ||
           failure->symptom == SYMPTOM_ICMP_UNREACHABLE;
}

static bool lost_race(const struct failure *failure, const struct races *races)
{
    for (uint32_t i = 0; i < failure->sample_count; i++)
        if (!races_lost(races, failure->sample[i]))
            return false;
    return failure->sample_count > 0 && may_race(failure);
}

void failures_race(struct failures *failures, const struct tracker *tracker,
                   const struct profiles *profiles, const struct thresholds *thresholds)
{
    struct races *races = races_gather(tracker, profiles, failures, thresholds->eyeballs_window_s);
    for (size_t i = 0; i < failures->count; i++)
        failures->all[i].lost_race = lost_race(&failures->all[i], races);
    races_free(races);
}

/* SYN-ACKs that strangers never confirm and never ask for again: forged sources. */
static bool is_flood_part(const struct failure *failure)
{
    return failure->symptom == SYMPTOM_SYNACK_UNANSWERED && failure->sample_count &&
           !failure->sample[0]->syns_after_synack && failure->sample[0]->syn_count == 1 &&
           failure->attempts == 1;
}

/* Two services of which one is enough were tried together and both failed: one failure, told of the
 * service that the profile names first. */
struct pairs {
    const struct failures *failures;
    uint32_t *slots; /* index + 1 */
    size_t mask;
};

static bool is_pair(const struct failure *a, const struct failure *b)
{
    return a->service->profile == b->service->profile && ip_equal(&a->client, &b->client) &&
           ip_equal(&a->server, &b->server);
}

/* The place of the first failure of a pair, or the free one where it would go. */
static uint32_t *pair_slot(const struct pairs *pairs, const struct failure *failure)
{
    uint64_t hash = hash_two(1, failure->client.halves[0], failure->client.halves[1]);
    hash = hash_two(hash, failure->server.halves[0], failure->server.halves[1]);
    size_t slot = hash & pairs->mask;
    while (pairs->slots[slot] && !is_pair(&pairs->failures->all[pairs->slots[slot] - 1], failure))
        slot = (slot + 1) & pairs->mask;
    return &pairs->slots[slot];
}

static bool may_pair(const struct failure *failure)
{
    return !failure->suppressed && failure->service->alternative && may_race(failure);
}

static bool at_one_time(const struct failure *a, const struct failure *b, double window_s)
{
    int64_t window_ns = (int64_t)(window_s * 1e9);
    return a->first_ns <= b->last_ns + window_ns && b->first_ns <= a->last_ns + window_ns;
}

static void suppress(struct failures *failures, struct failure *failure, uint32_t *count)
{
    failure->suppressed = true;
    failures->failed -= failure->attempts < failures->failed ? failure->attempts : failures->failed;
    (*count)++;
}

static void join_alternatives(struct failures *failures, const struct thresholds *thresholds,
                              struct suppressions *suppressions)
{
    struct pairs pairs = {.failures = failures, .mask = 63};
    while (pairs.mask < failures->count * 2)
        pairs.mask = pairs.mask * 2 + 1;
    pairs.slots = memory_zeroed(pairs.mask + 1, sizeof *pairs.slots);
    for (size_t i = 0; i < failures->count; i++) {
        if (!may_pair(&failures->all[i]))
            continue;
        uint32_t *slot = pair_slot(&pairs, &failures->all[i]);
        if (!*slot || failures->all[i].service < failures->all[*slot - 1].service)
            *slot = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < failures->count; i++) {
        struct failure *second = &failures->all[i];
        if (!may_pair(second))
            continue;
        struct failure *first = &failures->all[*pair_slot(&pairs, second) - 1];
        if (first->service == second->service || first->suppressed ||
            !at_one_time(first, second, thresholds->eyeballs_window_s))
            continue;
        first->alternative_failed = second->service;
        frame_list_join(&first->alternative_frames, &second->frames);
        suppress(failures, second, &suppressions->races);
    }
    free(pairs.slots);
}

void failures_suppress(struct failures *failures, const struct controls *controls,
                       const struct thresholds *thresholds, struct suppressions *suppressions)
{
    const struct control_summary *summary = controls_summary(controls);
    bool one_directional =
        summary->conversations >= 3 && summary->one_sided * 2 > summary->conversations;
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
        else if (failure->lost_race)
            suppress(failures, failure, &suppressions->races);
    }
    join_alternatives(failures, thresholds, suppressions);
    drop_suppressed(failures);
}
