#include "analyzer/attribution/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/concern.h"
#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

/* --- one attempt packet by packet --- */

static struct exchange_step *step_of_frame(struct exchange *exchange, uint64_t frame)
{
    for (uint32_t i = 0; i < exchange->step_count; i++)
        if (exchange->steps[i].frame == frame)
            return &exchange->steps[i];
    return NULL;
}

/* Keeps the steps in the order of their frames. Where there is no room the later ones are dropped:
 * the callers give what matters most first. */
static struct exchange_step *add_step(struct exchange *exchange, const struct mark *mark,
                                      enum side sender)
{
    if (!mark->frame)
        return NULL;
    struct exchange_step *known = step_of_frame(exchange, mark->frame);
    if (known)
        return known;
    if (exchange->step_count == EXCHANGE_STEPS_MAX)
        return NULL;
    uint32_t at = exchange->step_count++;
    for (; at > 0 && exchange->steps[at - 1].frame > mark->frame; at--)
        exchange->steps[at] = exchange->steps[at - 1];
    exchange->steps[at] = (struct exchange_step){
        .time_ns = mark->time_ns,
        .frame = mark->frame,
        .sender = sender == INITIATOR ? STEP_OF_CLIENT : STEP_OF_SERVER,
        .flags = mark->flags,
        .hop_limit = mark->hop_limit,
        .sequence = mark->sequence,
        .length = mark->length,
    };
    return &exchange->steps[at];
}

/* Adds first and last of a packet that was repeated; what lies between goes with the first. */
static void add_repeated(struct exchange *exchange, const struct mark *first,
                         const struct mark *last, const struct frame_notes *notes, enum side sender,
                         bool lost)
{
    if (last) {
        struct exchange_step *step = add_step(exchange, last, sender);
        if (step)
            step->lost = lost;
    }
    struct exchange_step *step = add_step(exchange, first, sender);
    if (!step)
        return;
    step->lost = lost;
    const struct frame_list frames = frame_notes_list(notes);
    for (uint32_t i = 0; i < frames.count; i++)
        if (!step_of_frame(exchange, frame_list_at(&frames, i)))
            frame_list_add(&step->again, frame_list_at(&frames, i));
    /* Those that found no room in the list; the last of them is a step of its own. */
    if (frames.total > frames.count)
        step->again.total += frames.total - frames.count - (last && last->frame != first->frame);
}

static void add_icmp(struct exchange *exchange, const struct icmp_record *icmp)
{
    struct exchange_step *step = icmp->count ? add_step(exchange, icmp->first, RESPONDER) : NULL;
    if (!step)
        return;
    step->sender = STEP_OF_OTHER;
    step->is_icmp = true;
    step->flags = 0;
    step->icmp_type = icmp->type;
    step->icmp_code = icmp->code;
    step->icmp_sender = icmp->sender;
}

/* The packets of the handshake, and which stay without an answer: the SYN where nothing came back,
 * the SYN-ACK where the client never went on. */
static void add_handshake(struct exchange *exchange, const struct attempt *attempt)
{
    bool answered = attempt->synack->frame || attempt->refused->frame || attempt->icmp->count ||
                    (attempt->bits & ATTEMPT_ESTABLISHED);
    add_repeated(exchange, attempt->syn, attempt->syn_last, &attempt->syn_frames, INITIATOR,
                 !answered);
    add_repeated(exchange, attempt->synack, attempt->synack_last, &attempt->synack_frames,
                 RESPONDER, !attempt->confirmed->frame && !attempt->side[INITIATOR].rst->frame);
    add_step(exchange, attempt->refused, RESPONDER);
    add_step(exchange, attempt->confirmed, INITIATOR);
}

static void add_unanswered(struct exchange *exchange, const struct attempt *attempt, enum side side)
{
    const struct side_record *record = &attempt->side[side];
    bool silent =
        record->repeats > 0 || (attempt->proto == PROTO_UDP && !attempt->side[!side].first->frame);
    if (!silent)
        return;
    const struct mark *first = record->first_unanswered, *last = record->last;
    bool repeats = last->frame > first->frame && last->length == first->length &&
                   (last->length || attempt->proto == PROTO_UDP);
    add_repeated(exchange, first, repeats ? last : NULL, &record->repeat_frames, side, true);
}

/* What a side sent from its first unanswered packet on stays unanswered too. */
static void mark_unanswered(struct exchange *exchange, const struct attempt *attempt,
                            enum side side)
{
    uint64_t first = attempt->side[side].first_unanswered->frame;
    enum step_sender sender = side == INITIATOR ? STEP_OF_CLIENT : STEP_OF_SERVER;
    for (uint32_t i = 0; i < exchange->step_count; i++) {
        struct exchange_step *step = &exchange->steps[i];
        if (step->sender == sender && step->frame > first && step->length &&
            attempt->side[side].repeats)
            step->lost = true;
    }
}

/* Frames that got steps of their own after they had been listed as repeats. */
static void drop_known_repeats(struct exchange *exchange)
{
    for (uint32_t i = 0; i < exchange->step_count; i++) {
        struct frame_list all = exchange->steps[i].again;
        exchange->steps[i].again = (struct frame_list){.total = all.total - all.count};
        for (uint32_t f = 0; f < all.count; f++)
            if (!step_of_frame(exchange, frame_list_at(&all, f)))
                frame_list_add(&exchange->steps[i].again, frame_list_at(&all, f));
    }
}

static void describe(const struct attempt *attempt, struct exchange *exchange)
{
    struct exchange_step room[EXCHANGE_STEPS_MAX] = {0};
    *exchange = (struct exchange){.client_port = attempt->port[INITIATOR], .steps = room};
    add_handshake(exchange, attempt);
    add_icmp(exchange, attempt->icmp);
    for (int side = 0; side < 2; side++)
        add_step(exchange, attempt->side[side].rst, (enum side)side);
    for (int side = 0; side < 2; side++)
        add_unanswered(exchange, attempt, (enum side)side);
    for (int side = 0; side < 2; side++) {
        const struct side_record *record = &attempt->side[side];
        add_step(exchange, record->first, (enum side)side);
        add_step(exchange, record->first_data, (enum side)side);
        add_step(exchange, record->last_data, (enum side)side);
        add_step(exchange, record->fin, (enum side)side);
        add_step(exchange, record->last, (enum side)side);
    }
    for (int side = 0; side < 2; side++)
        mark_unanswered(exchange, attempt, (enum side)side);
    drop_known_repeats(exchange);
    exchange->steps = memory_zeroed(exchange->step_count ? exchange->step_count : 1, sizeof *room);
    for (uint32_t i = 0; i < exchange->step_count; i++)
        exchange->steps[i] = room[i];
}

static void make_room(struct finding *finding, uint32_t more)
{
    if (more)
        finding->exchanges = memory_resize(finding->exchanges, finding->exchange_count + more,
                                           sizeof *finding->exchanges);
}

void exchanges_of_failure(const struct failure *failure, uint32_t capture, struct finding *finding)
{
    uint32_t sample = failure->sample_count;
    uint32_t count = sample < EXCHANGES_MAX ? sample : EXCHANGES_MAX;
    make_room(finding, count);
    for (uint32_t i = 0; i < count; i++) {
        struct exchange *exchange = &finding->exchanges[finding->exchange_count++];
        bool last_place = i + 1 == EXCHANGES_MAX;
        describe(failure->sample[last_place ? sample - 1 : i], exchange);
        exchange->capture = capture;
    }
}

void exchanges_adopt(struct finding *finding, struct finding *from)
{
    make_room(finding, from->exchange_count);
    for (uint32_t i = 0; i < from->exchange_count; i++)
        finding->exchanges[finding->exchange_count++] = from->exchanges[i];
    free(from->exchanges);
    from->exchanges = NULL;
    from->exchange_count = 0;
}

void exchanges_release(struct finding *finding)
{
    for (uint32_t i = 0; i < finding->exchange_count; i++)
        free(finding->exchanges[i].steps);
    free(finding->exchanges);
    finding->exchanges = NULL;
    finding->exchange_count = 0;
}

/* --- attempts over time --- */

static int64_t begun_ns(const struct attempt *attempt)
{
    const struct mark *first[2] = {attempt->side[0].first, attempt->side[1].first};
    if (!first[0]->frame || (first[1]->frame && first[1]->time_ns < first[0]->time_ns))
        first[0] = first[1];
    return first[0]->frame ? first[0]->time_ns : attempt->last_ns;
}

struct key {
    struct ip_address client, server;
    uint8_t proto;
    uint16_t port;
};

static int compare_keys(const struct key *a, const struct key *b)
{
    int order = ip_compare(&a->client, &b->client);
    order = order ? order : ip_compare(&a->server, &b->server);
    order = order ? order : (int)a->port - (int)b->port;
    return order ? order : (int)a->proto - (int)b->proto;
}

static struct key key_of_finding(const struct finding *finding)
{
    return (struct key){finding->client, finding->server, finding->service->proto,
                        finding->server_port};
}

static int by_key(const void *left, const void *right)
{
    struct key a = key_of_finding(*(struct finding *const *)left);
    struct key b = key_of_finding(*(struct finding *const *)right);
    return compare_keys(&a, &b);
}

static struct key key_of_attempt(const struct attempt *attempt)
{
    return (struct key){attempt->address[INITIATOR], attempt->address[RESPONDER], attempt->proto,
                        attempt->port[RESPONDER]};
}

static bool is_about(const struct finding *finding, const struct key *key)
{
    struct key here = key_of_finding(finding);
    return compare_keys(&here, key) == 0;
}

static uint64_t hash_of_key(const struct key *key)
{
    uint64_t hash = hash_two(key->port, key->client.halves[0], key->client.halves[1]);
    return hash_two(hash, key->server.halves[0], key->server.halves[1]);
}

struct sorted {
    struct finding **all; /* by_key */
    size_t count;
    struct concern keys; /* of all: most attempts are about others */
};

static struct sorted sort_findings(struct finding *const *findings, size_t count)
{
    struct sorted sorted = {memory_zeroed(count, sizeof(struct finding *)), count, {0}};
    memcpy(sorted.all, findings, count * sizeof(struct finding *));
    qsort(sorted.all, count, sizeof(struct finding *), by_key);
    concern_open(&sorted.keys, count);
    for (size_t i = 0; i < count; i++) {
        struct key key = key_of_finding(findings[i]);
        concern_add(&sorted.keys, hash_of_key(&key));
    }
    return sorted;
}

/* The first of the findings about this client on this service, or `count`. */
static size_t find_first(const struct sorted *sorted, const struct key *key)
{
    size_t low = 0, high = concerned(&sorted->keys, hash_of_key(key)) ? sorted->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct key here = key_of_finding(sorted->all[middle]);
        if (compare_keys(&here, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sorted->count && is_about(sorted->all[low], key) ? low : sorted->count;
}

static bool time_span(const struct tracker *tracker, int64_t *first_ns, int64_t *last_ns)
{
    size_t position = 0;
    *first_ns = INT64_MAX;
    *last_ns = INT64_MIN;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        int64_t begun = begun_ns(attempt);
        *first_ns = begun < *first_ns ? begun : *first_ns;
        *last_ns = begun > *last_ns ? begun : *last_ns;
    }
    const struct finished_list *finished = tracker_finished(tracker);
    if (finished_count(finished)) {
        *first_ns = finished->first_ns < *first_ns ? finished->first_ns : *first_ns;
        *last_ns = finished->last_ns > *last_ns ? finished->last_ns : *last_ns;
    }
    return *first_ns <= *last_ns;
}

static size_t bin_of(const struct history *history, int64_t time_ns)
{
    double whole = (double)history->last_ns - (double)history->first_ns;
    double part = (double)time_ns - (double)history->first_ns;
    double bin = whole > 0 ? part / whole * HISTORY_BINS : 0;
    return bin < 0 ? 0 : bin < HISTORY_BINS ? (size_t)bin : HISTORY_BINS - 1;
}

/* One client fails on one service in as many ways as there are symptoms, no more. */
static void fill_bins(const struct sorted *sorted, size_t first, const struct key *key,
                      int64_t begun, bool failed)
{
    for (size_t at = first; at < sorted->count && is_about(sorted->all[at], key); at++) {
        struct history *history = &sorted->all[at]->history;
        size_t bin = bin_of(history, begun);
        if (failed)
            history->failed[bin]++;
        else
            history->succeeded[bin]++;
    }
}

void histories_fill(const struct tracker *tracker, const struct detect_context *context,
                    struct finding *const *findings, size_t count)
{
    struct history empty = {.first_ns = 1};
    if (!count || !time_span(tracker, &empty.first_ns, &empty.last_ns))
        return;
    struct sorted sorted = sort_findings(findings, count);
    for (size_t i = 0; i < count; i++)
        findings[i]->history = empty;
    size_t position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        struct detection detection;
        struct key key = key_of_attempt(attempt);
        size_t at = attempt->bits & ATTEMPT_IS_INNER ? count : find_first(&sorted, &key);
        if (at == count)
            continue;
        detect(attempt, context, &detection);
        bool failed = detection.outcome == OUTCOME_FAILED || detection.outcome == OUTCOME_SILENT;
        if (!failed && detection.outcome != OUTCOME_SUCCEEDED)
            continue;
        fill_bins(&sorted, at, &key, begun_ns(attempt), failed);
    }
    position = 0;
    for (struct finished finished;
         finished_next(tracker_finished(tracker), &position, &finished);) {
        struct ip_address address[2];
        uint16_t port[2];
        tracker_finished_ends(tracker, &finished, address, port);
        const struct key key = {address[INITIATOR], address[RESPONDER], finished.key.proto,
                                port[RESPONDER]};
        fill_bins(&sorted, find_first(&sorted, &key), &key, finished.begun_ns, false);
    }
    concern_close(&sorted.keys);
    free(sorted.all);
}
