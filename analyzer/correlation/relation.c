/* One failure of one capture against one other capture: whether that holds its attempts, or a
 * witness, which way it lies, and which packets are in both. */
#include <stdlib.h>

#include "analyzer/correlation/correlation_internal.h"
#include "analyzer/flow/marks.h"

enum {
    ASKS_ON_NS = 500000000,    /* under the first retry of a SYN (RFC 6298: 1 s) */
    TOLD_DOUBT_NS = 200000000, /* of two clocks with no packet in common, both set by NTP */
};

static void match_between(const struct couple *couple, const struct attempt *own,
                          const struct attempt *other, struct match *match)
{
    if (couple->own == 0)
        match_of_attempts(own, other, match);
    else
        match_of_attempts(other, own, match);
}

static int way_of(const struct couple *couple, const struct match *match)
{
    int nearer = match_nearer_initiator(match);
    return nearer < 0 ? 0 : nearer == couple->own ? 1 : -1;
}

static int hops_between(const struct match *match)
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++)
        if (match->hop_limit[0][side] && match->hop_limit[1][side])
            return abs(match->hop_limit[0][side] - match->hop_limit[1][side]);
    return -1;
}

/* With nothing else to go by: where each capture as a whole seems to have been taken. */
static int way_by_vantage(const struct couple *couple)
{
    int order;
    const struct vantage_estimate *own = couple->view[couple->own]->estimate;
    const struct vantage_estimate *other = couple->view[!couple->own]->estimate;
    if (!stretch_order(own->kind, other->kind, &order) || order == 0)
        return 0;
    return order < 0 ? 1 : -1;
}

void stand_in(const struct match *match, int index, struct stand_in *room)
{
    struct attempt *attempt = &room->attempt;
    attempt_clear(attempt);
    attempt->proto = match->proto;
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        bool seen = match->hop_limit[index][side] != 0;
        attempt->address[side] = match->address[index][side];
        attempt->port[side] = match->port[index][side];
        room->first[side] = (struct mark){
            .frame = seen ? match->frame[index][side] : 0,
            .time_ns = match->first_ns[index],
            .hop_limit = match->hop_limit[index][side],
        };
        room->last[side] = room->first[side];
        room->last[side].time_ns = match->last_ns[index];
        attempt->side[side].first = &room->first[side];
        attempt->side[side].last = &room->last[side];
    }
    if (match->bits[index] & FLOW_SYN)
        attempt->syn = attempt->side[INITIATOR].first;
    if (match->bits[index] & FLOW_SYNACK)
        attempt->synack = attempt->side[RESPONDER].first;
    if (match->bits[index] & FLOW_REFUSED)
        attempt->refused = attempt->side[INITIATOR].last;
    if (match->bits[index] & FLOW_RESET)
        attempt->side[RESPONDER].rst = attempt->side[INITIATOR].last;
    attempt->last_ns = match->last_ns[index];
}

/* A capture on both sides of a NAT has an attempt twice, as it comes in and as it goes out. */
static const struct attempt *side_of(const struct correlation_view *view,
                                     const struct attempt *attempt, bool going_out)
{
    bool is_out = (attempt->bits & ATTEMPT_IS_INNER) != 0;
    const struct attempt *twin = tracker_attempt(view->tracker, attempt->twin);
    return twin && is_out != going_out ? twin : attempt;
}

/* The same attempt in the other capture (as it comes in), or what stands for it there; NULL: it has
 * none. */
static const struct attempt *partner_of(const struct couple *couple, const struct attempt *own,
                                        struct stand_in *room)
{
    const struct correlation_view *view = couple->view[couple->own];
    const struct correlation_view *other = couple->view[!couple->own];
    for (int going_out = 0; going_out < 2; going_out++) {
        const struct attempt *partner = pairing_partner(couple->pairing, other->tracker,
                                                        couple->own, side_of(view, own, going_out));
        if (partner)
            return side_of(other, partner, false);
    }
    const struct match *match = pairing_conversation(couple->pairing, couple->own, own);
    if (!match)
        return NULL;
    stand_in(match, !couple->own, room);
    return &room->attempt;
}

/* Here the initiator goes on asking after it got through there: what looks the same cannot be. */
static bool asks_on(const struct couple *couple, const struct attempt *own,
                    const struct attempt *other)
{
    const struct mark *last = own->syn_last->frame ? own->syn_last : own->side[INITIATOR].last;
    const struct mark *through =
        other->confirmed->frame ? other->confirmed : other->side[RESPONDER].last;
    int64_t last_ns = pairing_time_at_other(couple->pairing, couple->own, last->time_ns);
    return own->proto == PROTO_TCP && last_ns > through->time_ns + ASKS_ON_NS;
}

/* The control connection of a data connection of FTP that the other capture lacks shows where the
 * two captures stand to each other, and what the other one says of that failure. */
static void find_control(const struct correlation *all, const struct couple *couple,
                         const struct failure *failure, struct relation *relation)
{
    if (failure->symptom != SYMPTOM_FTP_DATA_FAILED || !failure->sample_count)
        return;
    struct stand_in room;
    const struct attempt *own = teller_of(couple->view[couple->own], failure->sample[0]);
    const struct attempt *other = partner_of(couple, own, &room);
    if (!other)
        return;
    if (relation->failure == NO_FAILURE)
        relation->failure = find_failure(all, relation->capture, other, SYMPTOM_FTP_DATA_FAILED);
    if (relation->linked)
        return;
    match_between(couple, own, other, &relation->match);
    relation->linked = relation->has_match = true;
    relation->way = way_of(couple, &relation->match);
    relation->hops = hops_between(&relation->match);
    relation->other_attempt = other == &room.attempt ? NULL : other;
    relation->witness = WITNESS_FLOW;
    frame_list_add(&relation->witness_frames, other->side[INITIATOR].first->frame);
    frame_list_add(&relation->witness_frames, other->side[RESPONDER].first->frame);
}

/* Every attempt looked at, in the other capture: how many are there, which failure it is, and
 * whether they went well. */
static void find_linked(const struct correlation *all, const struct couple *couple,
                        const struct failure *failure, struct relation *relation)
{
    uint32_t worked = 0, linked = 0;
    int ways = 0;
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        struct stand_in room;
        const struct attempt *own = failure->sample[i];
        const struct attempt *other = partner_of(couple, own, &room);
        enum outcome outcome = OUTCOME_NOTHING;
        struct match match;
        if (!other)
            continue;
        match_between(couple, own, other, &match);
        ways += way_of(couple, &match);
        if (linked++ == 0) {
            relation->match = match;
            relation->has_match = true;
            relation->other_attempt = other == &room.attempt ? NULL : other;
        }
        size_t found = other == &room.attempt ? NO_FAILURE
                                              : failure_of(all, relation->capture, other, &outcome);
        if (relation->failure == NO_FAILURE)
            relation->failure = found;
        worked += outcome == OUTCOME_SUCCEEDED && !asks_on(couple, own, other);
        frame_list_add(&relation->witness_frames, other->side[INITIATOR].first->frame);
        frame_list_add(&relation->witness_frames, other->side[RESPONDER].first->frame);
    }
    relation->linked = linked > 0;
    relation->worked = linked && worked == failure->sample_count;
    relation->way = (ways > 0) - (ways < 0);
    if (linked) {
        relation->witness = WITNESS_FLOW;
        relation->hops = hops_between(&relation->match);
    }
}

static void find_witness(const struct couple *couple, const struct failure *failure,
                         struct relation *relation)
{
    struct match match;
    relation->witness = witness_find(couple, failure, &match);
    if (relation->witness == WITNESS_NONE)
        return;
    if (relation->witness == WITNESS_HOST || relation->witness == WITNESS_TOLD)
        return;
    relation->match = match;
    relation->has_match = true;
    relation->way = way_of(couple, &match);
    relation->hops = hops_between(&match);
    frame_list_add(&relation->witness_frames, match.frame[!couple->own][INITIATOR]);
    frame_list_add(&relation->witness_frames, match.frame[!couple->own][RESPONDER]);
}

static double miss_share(const struct correlation_view *view)
{
    double all = (double)view->packets + (double)view->dropped;
    return all > 0 ? (double)view->dropped / all : 0;
}

void ends_at(const struct couple *couple, const struct relation *relation,
             const struct failure *failure, int index, struct ip_address ends[2])
{
    ends[INITIATOR] = failure->client;
    ends[RESPONDER] = failure->server;
    if (!relation->has_match || index == couple->own)
        return;
    if (relation->witness != WITNESS_SERVER)
        ends[INITIATOR] = relation->match.address[index][INITIATOR];
    if (relation->witness != WITNESS_CLIENT)
        ends[RESPONDER] = relation->match.address[index][RESPONDER];
}

static struct coverage coverage_of(const struct couple *couple, const struct relation *relation,
                                   const struct failure *failure, int index)
{
    const struct correlation_view *view = couple->view[index];
    const struct clock *clock = &couple->pairing->clock;
    struct coverage cover = {
        .first_ns = view->first_ns,
        .last_ns = view->last_ns,
        .doubt_ns = clock->known ? (int64_t)clock->doubt_ns : TOLD_DOUBT_NS,
        .miss_share = miss_share(view),
    };
    struct ip_address ends[2];
    ends_at(couple, relation, failure, index, ends);
    bool told = relation->witness == WITNESS_TOLD || relation->witness == WITNESS_HOST;
    for (enum side side = INITIATOR; side <= RESPONDER; side++)
        cover.sees[side] =
            told || witness_sees(couple, index, &ends[INITIATOR], &ends[RESPONDER], side);
    if (view->one_directional)
        for (enum side side = INITIATOR; side <= RESPONDER; side++)
            cover.sees[side] =
                cover.sees[side] && relation->has_match && relation->match.hop_limit[index][side];
    return cover;
}

enum { VOTES = PASSAGE_MADE + 1 };

/* What most attempts say; where as many passed as were lost, nothing is said of it. */
static enum passage elect(const uint32_t votes[VOTES])
{
    enum passage best = PASSAGE_UNKNOWN;
    for (int passage = PASSAGE_BOTH; passage < VOTES; passage++)
        if (votes[passage] && (best == PASSAGE_UNKNOWN || votes[passage] > votes[best]))
            best = (enum passage)passage;
    return best;
}

struct ballot {
    uint32_t votes[VOTES];
    struct frame_list frames[VOTES][2];
};

static void vote(struct ballot *ballot, enum passage passage, const struct frame_list frames[2])
{
    ballot->votes[passage]++;
    for (int end = 0; end < 2; end++)
        frame_list_join(&ballot->frames[passage][end], &frames[end]);
}

static enum passage settle(const struct ballot *ballot, struct frame_list frames[2])
{
    enum passage passage = elect(ballot->votes);
    memcpy(frames, ballot->frames[passage], sizeof ballot->frames[passage]);
    return passage;
}

static struct time_shift shift_of(const struct couple *couple, const struct attempt *own, int way)
{
    int64_t there = pairing_time_at_other(couple->pairing, couple->own, own->last_ns);
    int64_t to_other = there - own->last_ns;
    return (struct time_shift){way > 0 ? to_other : -to_other};
}

static void compare_attempts(const struct couple *couple, const struct failure *failure,
                             struct relation *relation)
{
    struct ballot request = {0}, reply = {0}, refusal = {0};
    uint32_t compared = 0, crossed[2] = {0};
    int upstream = relation->way > 0 ? couple->own : !couple->own;
    const struct coverage cover[2] = {coverage_of(couple, relation, failure, upstream),
                                      coverage_of(couple, relation, failure, !upstream)};
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        struct stand_in room;
        const struct attempt *own = failure->sample[i];
        const struct attempt *other = partner_of(couple, own, &room);
        struct passing passing;
        if (!other && relation->way < 0)
            continue; /* it came from elsewhere than the other capture's place */
        const struct attempt *up = relation->way > 0 ? own : other;
        const struct attempt *down = relation->way > 0 ? other : own;
        /* Each as it is on the side of the stretch between the two. */
        if (up && up != &room.attempt)
            up = side_of(couple->view[upstream], up, true);
        if (down && down != &room.attempt)
            down = side_of(couple->view[!upstream], down, false);
        passage_compare(up, down, cover, shift_of(couple, own, relation->way), &passing);
        compared++;
        for (enum side side = INITIATOR; side <= RESPONDER; side++)
            crossed[side] += passing.crossed[side];
        vote(&request, passing.request, passing.request_frames);
        vote(&reply, passing.reply, passing.reply_frames);
        vote(&refusal, passing.refusal, passing.refusal_frames);
    }
    relation->passing.request = settle(&request, relation->passing.request_frames);
    relation->passing.reply = settle(&reply, relation->passing.reply_frames);
    relation->passing.refusal = settle(&refusal, relation->passing.refusal_frames);
    for (enum side side = INITIATOR; side <= RESPONDER; side++)
        relation->passing.crossed[side] = crossed[side] * 2 > compared;
}

void relate(const struct correlation *all, uint32_t own, size_t number, uint32_t other,
            struct relation *relation)
{
    struct couple couple = couple_of(all, own, other);
    const struct failure *failure = &all->view[own].failures[number];
    *relation = (struct relation){.hops = -1, .failure = NO_FAILURE, .capture = other};
    if (!couple.pairing->comparable)
        return;
    find_linked(all, &couple, failure, relation);
    find_control(all, &couple, failure, relation);
    if (!relation->linked)
        find_witness(&couple, failure, relation);
    if (relation->witness == WITNESS_NONE || !failure->sample_count)
        return;
    if (!relation->way)
        relation->way = way_by_vantage(&couple);
    relation->compared = relation->way != 0;
    if (relation->compared)
        compare_attempts(&couple, failure, relation);
}
