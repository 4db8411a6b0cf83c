#include "analyzer/correlation/match.h"

#include <stdlib.h>

#include "analyzer/correlation/chains.h"
#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    CANDIDATES_MAX = 64,   /* of one number; more are a scanner that sends it to everybody */
    SAMPLES_MAX = 1 << 15, /* of the clock */
    AGREE_NS = 1000000000, /* a match is of the same time by the clocks within this */
    CLUSTER_NS = 50000000, /* unsure matches that lie this close confirm each other */
    CONTENT_MIN = 16,      /* bytes of payload that identify a connection */
    SEQUENCE_BUCKET_BITS = 20,
    ENDS = 4,            /* two addresses and two ports */
    SAME_ENDS_SURE = 3,  /* of these: beside the sequence number no chance any more */
    ORDER_MIN_NS = 1000, /* times that differ by less are the same */
};

/* Points that a comparison gives; see compare_tcp(), compare_udp(). */
enum { POINTS_NUMBER = 8, POINTS_STRONG = 6, POINTS_WEAK = 3, POINTS_ADDRESS = 1 };
enum {
    POINTS_SURE = 11,    /* one number and more than the ports */
    POINTS_UNTIMED = 10, /* one number and both ports, with no clock to hold it against */
    POINTS_TIMED = 8,    /* one number, at the same time by the clocks */
};

struct workspace {
    const struct tracker *tracker[2];
    struct pairing *pairing;
    size_t match_cap;
    struct clock_sample *samples;
    size_t sample_count, sample_seen;
};

/* --- which way packets go --- */

/* Hop limits fall on the way; where no router lies between, the answer takes longer to come back
 * the nearer one is to whoever asked. */
int match_nearer_initiator(const struct match *match)
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        int first = match->hop_limit[0][side], second = match->hop_limit[1][side];
        if (first && second && first != second)
            return (first > second) == (side == INITIATOR) ? 0 : 1;
    }
    int64_t longer_ns = match->answered_ns[0] - match->answered_ns[1];
    if (match->answered_ns[0] < 0 || match->answered_ns[1] < 0 ||
        (longer_ns < ORDER_MIN_NS && longer_ns > -ORDER_MIN_NS))
        return -1;
    return longer_ns > 0 ? 0 : 1;
}

static uint8_t hop_limit_of(const struct side_record *side)
{
    return side->first->frame && !(side->first->flags & TCP_RST) ? side->first->hop_limit : 0;
}

/* From the first packet of the initiator to the first of the responder; -1: not both there. */
static int64_t answered_after(const struct attempt *attempt)
{
    const struct mark *asked = attempt->side[INITIATOR].first;
    const struct mark *answered = attempt->side[RESPONDER].first;
    if (attempt->proto == PROTO_TCP) {
        asked = attempt->syn_last;
        answered = attempt->synack;
    }
    return asked->frame && answered->frame && answered->time_ns >= asked->time_ns
               ? answered->time_ns - asked->time_ns
               : -1;
}

void match_of_attempts(const struct attempt *a, const struct attempt *b, struct match *match)
{
    const struct attempt *of[2] = {a, b};
    *match = (struct match){.proto = a->proto, .sure = true};
    for (int capture = 0; capture < 2; capture++) {
        for (enum side side = INITIATOR; side <= RESPONDER; side++) {
            const struct side_record *record = &of[capture]->side[side];
            match->address[capture][side] = of[capture]->address[side];
            match->port[capture][side] = of[capture]->port[side];
            match->hop_limit[capture][side] = hop_limit_of(record);
            match->frame[capture][side] = record->first->frame;
        }
        const struct mark *first = of[capture]->side[INITIATOR].first;
        match->first_ns[capture] = first->frame ? first->time_ns : of[capture]->last_ns;
        match->last_ns[capture] = of[capture]->last_ns;
        match->answered_ns[capture] = answered_after(of[capture]);
    }
}

/* --- the clock's samples --- */

/* Every second, fourth, eighth ... is kept once there are many, so that they stay spread out. */
static void add_sample(struct workspace *work, int64_t a_ns, int64_t b_ns, int way)
{
    if (work->sample_count == SAMPLES_MAX) {
        for (size_t i = 0; i < SAMPLES_MAX / 2; i++)
            work->samples[i] = work->samples[i * 2];
        work->sample_count /= 2;
    }
    work->samples[work->sample_count++] =
        (struct clock_sample){.at_ns = a_ns, .apart_ns = b_ns - a_ns, .way = (int8_t)way};
}

static int way_of(const struct match *match, enum side sender)
{
    int nearer = match_nearer_initiator(match);
    if (nearer < 0)
        return 0;
    return (nearer == 0) == (sender == INITIATOR) ? 1 : -1;
}

bool match_same_packet(uint8_t proto, const struct mark *a, const struct mark *b)
{
    if (!a->frame || !b->frame || a->length != b->length || a->sequence != b->sequence ||
        a->acknowledgment != b->acknowledgment || a->flags != b->flags)
        return false;
    if (a->content && b->content && a->content != b->content)
        return false;
    if (proto == PROTO_TCP && a->timestamp && b->timestamp && a->timestamp != b->timestamp)
        return false;
    if (a->ip_id && b->ip_id)
        return a->ip_id == b->ip_id;
    return proto == PROTO_TCP ? a->timestamp != 0 : a->content != 0;
}

static void sample_marks(struct workspace *work, const struct match *match, uint8_t proto,
                         enum side sender, const struct mark *a, const struct mark *b)
{
    if (match_same_packet(proto, a, b))
        add_sample(work, a->time_ns, b->time_ns, way_of(match, sender));
}

static void sample_attempts(struct workspace *work, const struct attempt *a,
                            const struct attempt *b, const struct match *match)
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        const struct side_record *one = &a->side[side], *other = &b->side[side];
        sample_marks(work, match, a->proto, side, one->first, other->first);
        sample_marks(work, match, a->proto, side, one->first_data, other->first_data);
        sample_marks(work, match, a->proto, side, one->last_data, other->last_data);
        sample_marks(work, match, a->proto, side, one->last, other->last);
    }
    sample_marks(work, match, a->proto, INITIATOR, a->syn_last, b->syn_last);
}

/* --- conversations of any product, by their initial sequence numbers --- */

static void describe_flow(const struct tracker *tracker, const struct flow *flow, int capture,
                          struct match *match)
{
    tracker_flow_ends(tracker, flow, match->address[capture], match->port[capture]);
    const struct flow_rest rest = flow_rest_seen(flow);
    memcpy(match->hop_limit[capture], rest.hop_limit, sizeof rest.hop_limit);
    match->first_ns[capture] = flow->first_ns;
    match->last_ns[capture] = rest.last_ns;
    match->frame[capture][INITIATOR] = flow->first_frame;
    match->frame[capture][RESPONDER] = rest.answer_frame;
    bool timed = flow_syn_count(flow) == 1 && rest.answer_frame && rest.answered_after_us;
    match->bits[capture] = flow->bits;
    match->answered_ns[capture] = timed ? (int64_t)rest.answered_after_us * 1000 : -1;
}

static unsigned same_ends(const struct match *match)
{
    unsigned same = 0;
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        same += ip_equal(&match->address[0][side], &match->address[1][side]);
        same += match->port[0][side] == match->port[1][side];
    }
    return same;
}

static void add_match(struct workspace *work, const struct match *match)
{
    struct pairing *pairing = work->pairing;
    if (pairing->match_count == MATCHES_MAX) {
        pairing->left_out++;
        return;
    }
    if (pairing->match_count == work->match_cap) {
        work->match_cap = work->match_cap ? work->match_cap * 2 : 64;
        pairing->matches =
            memory_resize(pairing->matches, work->match_cap, sizeof *pairing->matches);
    }
    pairing->matches[pairing->match_count++] = *match;
}

static bool is_comparable(const struct flow *flow)
{
    return (flow->proto == PROTO_TCP && (flow->bits & FLOW_SYN)) || flow->proto == 1;
}

static uint64_t flow_number(const struct flow *flow)
{
    if (flow->proto == PROTO_TCP)
        return (uint64_t)PROTO_TCP << 32 | flow->isn;
    return UINT64_C(1) << 32 | (uint32_t)(flow->port[0] | flow->port[1]); /* echo: identifier */
}

/* The best of the candidates of capture 1 for a conversation of capture 0. */
static bool find_flow_match(const struct workspace *work, const struct chains *chains,
                            const struct flow *const *flows, const struct flow *flow,
                            struct match *best)
{
    unsigned best_same = 0, looked = 0;
    bool ambiguous = false, found = false;
    uint32_t at = chains_first(chains, flow_number(flow));
    const uint32_t answer = flow_rest_seen(flow).answer_isn;
    for (; at && looked++ < CANDIDATES_MAX; at = chains_next(chains, at)) {
        const struct flow *other = flows[at - 1];
        if (flow_number(other) != flow_number(flow))
            continue;
        const uint32_t other_answer = flow_rest_seen(other).answer_isn;
        if (answer && other_answer && answer != other_answer)
            continue;
        struct match match = {.proto = flow->proto};
        describe_flow(work->tracker[0], flow, 0, &match);
        describe_flow(work->tracker[1], other, 1, &match);
        unsigned same = same_ends(&match);
        bool answered = answer && answer == other_answer;
        match.sure = answered || (flow->proto == PROTO_TCP && same >= SAME_ENDS_SURE);
        same += answered ? ENDS : 0;
        if (same < 1 || (flow->proto == 1 && same < 3))
            continue;
        ambiguous = found && same == best_same;
        if (!found || same > best_same) {
            *best = match;
            best_same = same;
            found = true;
        }
    }
    return found && !ambiguous;
}

static void match_flows(struct workspace *work)
{
    struct flow_table *table[2] = {tracker_flows(work->tracker[0]),
                                   tracker_flows(work->tracker[1])};
    size_t room =
        flow_table_count(table[1]) < MATCH_FLOWS_MAX ? flow_table_count(table[1]) : MATCH_FLOWS_MAX;
    const struct flow **flows = memory_zeroed(room + 1, sizeof *flows);
    struct chains chains;
    chains_make(&chains, room);
    size_t position = 0, count = 0;
    for (const struct flow *flow; (flow = flow_table_next(table[1], &position));) {
        if (!is_comparable(flow))
            continue;
        if (count == room) {
            work->pairing->left_out++;
            continue;
        }
        flows[count++] = flow;
        chains_add(&chains, flow_number(flow));
    }
    position = 0;
    size_t looked = 0;
    for (const struct flow *flow; (flow = flow_table_next(table[0], &position));) {
        struct match match;
        if (!is_comparable(flow))
            continue;
        if (looked++ >= MATCH_FLOWS_MAX)
            work->pairing->left_out++;
        else if (find_flow_match(work, &chains, flows, flow, &match))
            add_match(work, &match);
    }
    chains_release(&chains);
    free(flows);
}

/* The SYN and its answer; a SYN sent again is left out, as it may be another one at the other
 * capture. */
static void sample_flow_match(struct workspace *work, const struct match *match)
{
    if (match->proto != PROTO_TCP || match->answered_ns[0] < 0 || match->answered_ns[1] < 0)
        return;
    add_sample(work, match->first_ns[0], match->first_ns[1], way_of(match, INITIATOR));
    add_sample(work, match->first_ns[0] + match->answered_ns[0],
               match->first_ns[1] + match->answered_ns[1], way_of(match, RESPONDER));
}

/* --- attempts of watched products --- */

enum { KEYS_MAX = 12 };

static uint64_t key_of(unsigned kind, uint64_t a, uint64_t b)
{
    return hash_two(kind, a, b);
}

enum key_kind { KEY_ISN = 1, KEY_ANSWER, KEY_TIMESTAMP, KEY_CONTENT, KEY_ENDS, KEY_RANGE };

static uint64_t ends_hash(const struct ip_address address[2], const uint16_t port[2], uint8_t proto)
{
    uint64_t hash = KEY_ENDS;
    for (int side = 0; side < 2; side++) {
        hash = hash_two(hash, address[side].halves[0], address[side].halves[1]);
        hash = hash_two(hash, port[side], proto);
    }
    return hash;
}

/* What an attempt may be found by. `wide`: also the neighbours of the ranges it lies in. */
static size_t keys_of(const struct attempt *attempt, bool wide, uint64_t keys[KEYS_MAX])
{
    size_t count = 0;
    const struct side_record *asker = &attempt->side[INITIATOR];
    if (attempt->syn->frame) {
        keys[count++] = key_of(KEY_ISN, attempt->syn->sequence, 0);
        if (attempt->syn->timestamp)
            keys[count++] = key_of(KEY_TIMESTAMP, attempt->syn->timestamp, 0);
    }
    if (attempt->synack->frame)
        keys[count++] = key_of(KEY_ANSWER, attempt->synack->sequence, 0);
    if (asker->first_data->content &&
        (attempt->proto == PROTO_UDP || asker->first_data->length >= CONTENT_MIN))
        keys[count++] = key_of(KEY_CONTENT, attempt->proto, asker->first_data->content);
    if (attempt->proto == PROTO_UDP && asker->last_data->content != asker->first_data->content)
        keys[count++] = key_of(KEY_CONTENT, attempt->proto, asker->last_data->content);
    keys[count++] = ends_hash(attempt->address, attempt->port, attempt->proto);
    for (int side = 0; attempt->proto == PROTO_TCP && side < 2; side++) {
        const struct side_record *record = &attempt->side[side];
        uint32_t bucket = record->last->sequence >> SEQUENCE_BUCKET_BITS;
        if (!record->last->frame || (attempt->syn->frame && !wide))
            continue;
        for (uint32_t near = 0; near < (wide ? 3u : 1u); near++)
            keys[count++] = key_of(KEY_RANGE, (uint64_t)side, bucket + near - (wide ? 1u : 0u));
    }
    return count;
}

static bool ranges_overlap(const struct side_record *a, const struct side_record *b)
{
    return a->first->frame && b->first->frame && a->has_sequence && b->has_sequence &&
           !sequence_after(a->first->sequence, b->next_sequence) &&
           !sequence_after(b->first->sequence, a->next_sequence);
}

static int points_tcp(const struct attempt *a, const struct attempt *b)
{
    int points = 0;
    bool stamped = a->syn->timestamp && a->syn->timestamp == b->syn->timestamp;
    bool both_syns = a->syn->frame && b->syn->frame;
    bool both_answers = a->synack->frame && b->synack->frame;
    const struct mark *data = a->side[INITIATOR].first_data;
    const struct mark *other_data = b->side[INITIATOR].first_data;
    bool spoke = data->content && data->content == other_data->content &&
                 data->length == other_data->length && data->length >= CONTENT_MIN;
    if (both_syns && a->syn->sequence == b->syn->sequence)
        points += POINTS_NUMBER;
    else if (both_syns && !stamped && !spoke) /* a box that rewrites them leaves those alone */
        return 0;
    if (both_answers && a->synack->sequence == b->synack->sequence)
        points += POINTS_NUMBER;
    points += stamped ? POINTS_STRONG : 0;
    points += spoke ? POINTS_STRONG : 0;
    if (!both_syns && !both_answers)
        for (int side = 0; side < 2; side++)
            points += ranges_overlap(&a->side[side], &b->side[side]) ? POINTS_STRONG : 0;
    if (both_syns && a->syn->ip_id && a->syn->ip_id == b->syn->ip_id)
        points += POINTS_WEAK;
    return points;
}

static int points_udp(const struct attempt *a, const struct attempt *b)
{
    int points = 0;
    for (int side = 0; side < 2; side++) {
        const struct side_record *one = &a->side[side], *other = &b->side[side];
        bool first =
            one->first_data->content && one->first_data->content == other->first_data->content;
        bool last = one->last_data->content && one->last_data->content == other->last_data->content;
        points += first || last ? POINTS_STRONG : 0;
        if (one->first->ip_id && one->first->ip_id == other->first->ip_id)
            points += POINTS_WEAK;
    }
    return points;
}

/* How well the two agree to be one; 0: they are not. */
static int points_of(const struct attempt *a, const struct attempt *b)
{
    if (a->proto != b->proto)
        return 0;
    int points = a->proto == PROTO_TCP ? points_tcp(a, b) : points_udp(a, b);
    if (!points)
        return 0;
    for (int side = 0; side < 2; side++) {
        points += ip_equal(&a->address[side], &b->address[side]) ? POINTS_ADDRESS : 0;
        points += a->port[side] == b->port[side] ? POINTS_ADDRESS : 0;
    }
    return points;
}

/* How long before or after the one the other was seen, by the clock of b; 0: while it lasted. */
static int64_t gap_ns(const struct clock *clock, const struct attempt *a, const struct attempt *b)
{
    const struct mark *first_a = a->side[INITIATOR].first, *first_b = b->side[INITIATOR].first;
    int64_t begun_a = clock_at_b(clock, first_a->frame ? first_a->time_ns : a->last_ns);
    int64_t ended_a = clock_at_b(clock, a->last_ns);
    int64_t begun_b = first_b->frame ? first_b->time_ns : b->last_ns;
    if (begun_b > ended_a)
        return begun_b - ended_a;
    return begun_a > b->last_ns ? begun_a - b->last_ns : 0;
}

static int64_t begin_gap_ns(const struct clock *clock, const struct attempt *a,
                            const struct attempt *b)
{
    int64_t apart =
        clock_at_b(clock, a->side[INITIATOR].first->time_ns) - b->side[INITIATOR].first->time_ns;
    return apart < 0 ? -apart : apart;
}

static const struct attempt *best_candidate(const struct workspace *work,
                                            const struct chains *chains, const uint32_t *numbers,
                                            const struct attempt *attempt, int points_min)
{
    const struct pairing *pairing = work->pairing;
    const struct attempt *best = NULL;
    int best_points = 0;
    int64_t best_gap = 0;
    uint64_t keys[KEYS_MAX];
    size_t key_count = keys_of(attempt, true, keys);
    for (size_t k = 0; k < key_count; k++) {
        unsigned looked = 0;
        uint32_t at = chains_first(chains, keys[k]);
        for (; at && looked++ < CANDIDATES_MAX; at = chains_next(chains, at)) {
            const struct attempt *other = tracker_attempt(work->tracker[1], numbers[at - 1]);
            if (pairing->link[1][other->number - 1] || other == best)
                continue;
            int points = points_of(attempt, other);
            if (points < points_min ||
                (pairing->clock.known && gap_ns(&pairing->clock, attempt, other) > AGREE_NS))
                continue;
            int64_t gap = begin_gap_ns(&pairing->clock, attempt, other);
            if (best && (points < best_points || (points == best_points && gap >= best_gap)))
                continue;
            best = other;
            best_points = points;
            best_gap = gap;
        }
    }
    return best;
}

static void link_attempts(struct workspace *work, const struct chains *chains,
                          const uint32_t *numbers, int points_min)
{
    struct pairing *pairing = work->pairing;
    size_t position = 0;
    for (const struct attempt *a; (a = tracker_next_attempt(work->tracker[0], &position));) {
        if (pairing->link[0][a->number - 1])
            continue;
        const struct attempt *b = best_candidate(work, chains, numbers, a, points_min);
        if (!b)
            continue;
        pairing->link[0][a->number - 1] = b->number;
        pairing->link[1][b->number - 1] = a->number;
        pairing->linked++;
        struct match match;
        match_of_attempts(a, b, &match);
        sample_attempts(work, a, b, &match);
        if (a->proto == PROTO_UDP || !a->syn->frame || !b->syn->frame)
            add_match(work, &match);
    }
}

/* --- the whole --- */

static void estimate(struct workspace *work)
{
    clock_estimate(work->samples, work->sample_count, &work->pairing->clock);
}

static int64_t apart_by_clock(const struct clock *clock, const struct match *match)
{
    int64_t apart = clock_at_b(clock, match->first_ns[0]) - match->first_ns[1];
    return apart < 0 ? -apart : apart;
}

/* Matches by one number alone stay where the clocks agree. With no clock known, they make one if
 * they agree with each other. */
static void drop_unsure(struct workspace *work)
{
    struct pairing *pairing = work->pairing;
    if (!pairing->clock.known) {
        size_t before = work->sample_count;
        for (size_t i = 0; i < pairing->match_count; i++)
            add_sample(work, pairing->matches[i].first_ns[0], pairing->matches[i].first_ns[1],
                       way_of(&pairing->matches[i], INITIATOR));
        struct clock clock;
        clock_estimate(work->samples, work->sample_count, &clock);
        work->sample_count = before;
        size_t near = 0;
        for (size_t i = 0; clock.known && i < pairing->match_count; i++)
            near += apart_by_clock(&clock, &pairing->matches[i]) <= CLUSTER_NS;
        if (near < 2 || near * 2 < pairing->match_count)
            clock.known = false;
        pairing->clock = clock;
    }
    size_t kept = 0;
    for (size_t i = 0; i < pairing->match_count; i++) {
        struct match *match = &pairing->matches[i];
        bool agrees = pairing->clock.known && apart_by_clock(&pairing->clock, match) <= AGREE_NS;
        if (match->sure || agrees)
            pairing->matches[kept++] = *match;
    }
    pairing->match_count = kept;
}

static uint64_t address_hash(const struct ip_address *address)
{
    return hash_two(0x61646472, address->halves[0], address->halves[1]);
}

static int compare_index(const void *left, const void *right)
{
    const struct match_index *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash > b->hash ? 1 : -1;
    return (a->match > b->match) - (a->match < b->match);
}

static void make_index(struct pairing *pairing)
{
    for (int capture = 0; capture < 2; capture++)
        for (int kind = 0; kind <= INDEX_ENDS; kind++) {
            struct match_index *index = memory_zeroed(pairing->match_count + 1, sizeof *index);
            for (size_t i = 0; i < pairing->match_count; i++) {
                const struct match *match = &pairing->matches[i];
                index[i] = (struct match_index){
                    kind == INDEX_ENDS
                        ? ends_hash(match->address[capture], match->port[capture], match->proto)
                        : address_hash(&match->address[capture][kind]),
                    (uint32_t)i};
            }
            qsort(index, pairing->match_count, sizeof *index, compare_index);
            pairing->index[capture][kind] = index;
        }
}

static void match_attempts(struct workspace *work)
{
    struct pairing *pairing = work->pairing;
    struct chains chains;
    size_t room = pairing->link_count[1] * KEYS_MAX;
    uint32_t *numbers = memory_zeroed(room + 1, sizeof *numbers);
    size_t count = 0, position = 0;
    chains_make(&chains, room);
    for (const struct attempt *b; (b = tracker_next_attempt(work->tracker[1], &position));) {
        uint64_t keys[KEYS_MAX];
        size_t key_count = keys_of(b, false, keys);
        for (size_t k = 0; k < key_count; k++) {
            numbers[count++] = b->number;
            chains_add(&chains, keys[k]);
        }
    }
    /* The sure ones first: they set the clock that the others are held against. */
    link_attempts(work, &chains, numbers, POINTS_SURE);
    estimate(work);
    link_attempts(work, &chains, numbers, pairing->clock.known ? POINTS_TIMED : POINTS_UNTIMED);
    chains_release(&chains);
    free(numbers);
}

void pairing_make(const struct tracker *a, const struct tracker *b, struct pairing *pairing)
{
    struct workspace work = {.tracker = {a, b}, .pairing = pairing};
    *pairing = (struct pairing){.comparable = true};
    for (int capture = 0; capture < 2; capture++) {
        pairing->link_count[capture] = tracker_attempt_numbers(work.tracker[capture]);
        pairing->link[capture] =
            memory_zeroed(pairing->link_count[capture] + 1, sizeof *pairing->link[capture]);
    }
    work.samples = memory_zeroed(SAMPLES_MAX, sizeof *work.samples);
    match_flows(&work);
    for (size_t i = 0; i < pairing->match_count; i++)
        if (pairing->matches[i].sure)
            sample_flow_match(&work, &pairing->matches[i]);
    estimate(&work);
    match_attempts(&work);
    estimate(&work);
    drop_unsure(&work);
    free(work.samples);
    make_index(pairing);
}

void pairing_release(struct pairing *pairing)
{
    free(pairing->matches);
    for (int capture = 0; capture < 2; capture++) {
        free(pairing->link[capture]);
        for (int kind = 0; kind <= INDEX_ENDS; kind++)
            free(pairing->index[capture][kind]);
    }
    *pairing = (struct pairing){0};
}

const struct attempt *pairing_partner(const struct pairing *pairing, const struct tracker *other,
                                      int capture, const struct attempt *attempt)
{
    if (attempt->number > pairing->link_count[capture])
        return NULL;
    return tracker_attempt(other, pairing->link[capture][attempt->number - 1]);
}

/* The first entry of this hash or a greater one. */
static size_t first_with(const struct match_index *index, size_t count, uint64_t hash)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct match *pairing_conversation(const struct pairing *pairing, int capture,
                                         const struct attempt *attempt)
{
    const struct match_index *index = pairing->index[capture][INDEX_ENDS];
    uint64_t hash = ends_hash(attempt->address, attempt->port, attempt->proto);
    int64_t begun_ns = attempt->side[INITIATOR].first->time_ns;
    size_t at = first_with(index, pairing->match_count, hash);
    for (unsigned looked = 0;
         looked < CANDIDATES_MAX && at < pairing->match_count && index[at].hash == hash;
         looked++, at++) {
        const struct match *match = &pairing->matches[index[at].match];
        int64_t apart_ns = match->first_ns[capture] - begun_ns;
        if (apart_ns < ORDER_MIN_NS && apart_ns > -ORDER_MIN_NS)
            return match;
    }
    return NULL;
}

const struct match *pairing_next(const struct pairing *pairing, int capture, enum side side,
                                 const struct ip_address *address, size_t *position)
{
    const struct match_index *index = pairing->index[capture][side];
    uint64_t hash = address_hash(address);
    if (*position == SIZE_MAX)
        *position = first_with(index, pairing->match_count, hash);
    while (*position < pairing->match_count && index[*position].hash == hash) {
        const struct match *match = &pairing->matches[index[(*position)++].match];
        if (ip_equal(&match->address[capture][side], address))
            return match;
    }
    return NULL;
}

int64_t pairing_time_at_other(const struct pairing *pairing, int capture, int64_t time_ns)
{
    return capture == 0 ? clock_at_b(&pairing->clock, time_ns)
                        : clock_at_a(&pairing->clock, time_ns);
}
