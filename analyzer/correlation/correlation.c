#include "analyzer/correlation/correlation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/correlation/chains.h"
#include "analyzer/correlation/witness.h"
#include "analyzer/flow/ftp.h"
#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

enum {
    WALK_MAX = 2 * CORRELATION_CAPTURES_MAX, /* steps along the path */
    ARP_ASKED_MIN = 2,
    ASKS_ON_NS = 500000000, /* under the first retry of a SYN (RFC 6298: 1 s) */
    ASKED_MAX = 64,         /* more is a scan of the subnet */
    NOTE_TEXT = 256,
    TOLD_DOUBT_NS = 200000000, /* of two clocks with no packet in common, both set by NTP */
};
/* A router goes on asking so long after the last packet. */
#define ARP_GRACE_NS INT64_C(5000000000)
/* Clocks set by NTP are nearer than this. */
#define CLOCK_NOTE_MIN_S 1.0
#define NO_FAILURE       SIZE_MAX

struct failure_table {
    struct chains chains; /* number - 1: index of the failure */
};

/* Where one failure of one capture stands to another capture. */
struct relation {
    bool linked;      /* the other holds some of its attempts */
    bool compared;    /* linked, or with a witness */
    bool worked;      /* the other shows that the attempts looked at went well */
    int way;          /* 1: the other is nearer to the responder, -1: to the initiator */
    int hops;         /* routers between; -1: not known */
    size_t failure;   /* of the other; NO_FAILURE: none */
    uint32_t capture; /* the other's */
    enum witness witness;
    struct match match; /* what shows the order; by the pairing's indexes */
    bool has_match;
    struct frame_list witness_frames;
    struct passing passing;              /* upstream and downstream as `way` says */
    const struct attempt *other_attempt; /* the first linked one */
};

/* Hosts that a capture shows to be asked for in vain. */
struct asked {
    const struct host *host[ASKED_MAX];
    size_t count;
};

struct correlation {
    const struct correlation_view *view;
    size_t count, given;
    struct pairing pairing[CORRELATION_CAPTURES_MAX][CORRELATION_CAPTURES_MAX]; /* a < b */
    struct failure_table table[CORRELATION_CAPTURES_MAX];
    struct asked asked[CORRELATION_CAPTURES_MAX];
    struct joint **joint[CORRELATION_CAPTURES_MAX]; /* by failure; NULL: nothing to say */
    uint64_t twice_attempts, twice_succeeded, twice_failed;
};

static struct couple couple_of(const struct correlation *all, uint32_t own, uint32_t other)
{
    uint32_t low = own < other ? own : other, high = own < other ? other : own;
    return (struct couple){.pairing = &all->pairing[low][high],
                           .view = {&all->view[low], &all->view[high]},
                           .own = own < other ? 0 : 1};
}

/* --- failures by what makes them one --- */

static uint64_t failure_key(const struct ip_address *client, const struct ip_address *server,
                            uint16_t port, uint8_t proto, enum symptom symptom)
{
    uint64_t hash = hash_two(proto, client->halves[0], client->halves[1]);
    hash = hash_two(hash, server->halves[0], server->halves[1]);
    return hash_two(hash, port, (uint64_t)symptom);
}

static void index_failures(struct correlation *all, size_t capture)
{
    const struct correlation_view *view = &all->view[capture];
    chains_make(&all->table[capture].chains, view->failure_count);
    for (size_t i = 0; i < view->failure_count; i++) {
        const struct failure *failure = &view->failures[i];
        chains_add(&all->table[capture].chains,
                   failure_key(&failure->client, &failure->server, failure->server_port,
                               failure->proto, failure->symptom));
    }
}

/* What fails on a data connection of FTP is told of its control connection. */
static const struct attempt *teller_of(const struct correlation_view *view,
                                       const struct attempt *attempt)
{
    const struct attempt *control = tracker_attempt(view->tracker, attempt->control);
    return control ? control : attempt;
}

static size_t find_failure(const struct correlation *all, uint32_t capture,
                           const struct attempt *attempt, enum symptom symptom)
{
    const struct chains *chains = &all->table[capture].chains;
    uint64_t key = failure_key(&attempt->address[INITIATOR], &attempt->address[RESPONDER],
                               attempt->port[RESPONDER], attempt->proto, symptom);
    for (uint32_t at = chains_first(chains, key); at; at = chains_next(chains, at)) {
        const struct failure *failure = &all->view[capture].failures[at - 1];
        if (!failure->suppressed && failure->symptom == symptom &&
            ip_equal(&failure->client, &attempt->address[INITIATOR]) &&
            ip_equal(&failure->server, &attempt->address[RESPONDER]))
            return at - 1;
    }
    return NO_FAILURE;
}

/* The failure that an attempt of a capture belongs to; NO_FAILURE: none, or one left out. */
static size_t failure_of(const struct correlation *all, uint32_t capture,
                         const struct attempt *attempt, enum outcome *outcome)
{
    const struct correlation_view *view = &all->view[capture];
    struct detection detection;
    detect(attempt, &view->detect, &detection);
    *outcome = detection.outcome;
    if (detection.outcome == OUTCOME_SILENT)
        detection.symptom =
            attempt->proto == PROTO_UDP ? SYMPTOM_UDP_NO_RESPONSE : SYMPTOM_SYN_TIMEOUT;
    else if (detection.outcome != OUTCOME_FAILED)
        return NO_FAILURE;
    if (attempt->control)
        detection.symptom = SYMPTOM_FTP_DATA_FAILED;
    return find_failure(all, capture, teller_of(view, attempt), detection.symptom);
}

/* --- one failure against one other capture --- */

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

/* An attempt as far as a match tells of it: for a capture in which the conversation is not one of a
 * watched product (a NAT changed its port), or that holds only others like it. */
static void stand_in(const struct match *match, int index, struct attempt *attempt)
{
    *attempt = (struct attempt){.proto = match->proto};
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        bool seen = match->hop_limit[index][side] != 0;
        attempt->address[side] = match->address[index][side];
        attempt->port[side] = match->port[index][side];
        attempt->side[side].first = (struct mark){
            .frame = seen ? match->frame[index][side] : 0,
            .time_ns = match->first_ns[index],
            .hop_limit = match->hop_limit[index][side],
        };
        attempt->side[side].last = attempt->side[side].first;
        attempt->side[side].last.time_ns = match->last_ns[index];
    }
    if (match->bits[index] & FLOW_SYN)
        attempt->syn = attempt->side[INITIATOR].first;
    if (match->bits[index] & FLOW_SYNACK)
        attempt->synack = attempt->side[RESPONDER].first;
    if (match->bits[index] & FLOW_REFUSED) {
        attempt->refused = attempt->side[INITIATOR].first;
        attempt->refused.time_ns = match->last_ns[index];
    }
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
                                        struct attempt *room)
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
    return room;
}

/* Here the initiator goes on asking after it got through there: what looks the same cannot be. */
static bool asks_on(const struct couple *couple, const struct attempt *own,
                    const struct attempt *other)
{
    const struct mark *last = own->syn_last.frame ? &own->syn_last : &own->side[INITIATOR].last;
    const struct mark *through =
        other->confirmed.frame ? &other->confirmed : &other->side[RESPONDER].last;
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
    struct attempt room;
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
    relation->other_attempt = other == &room ? NULL : other;
    relation->witness = WITNESS_FLOW;
    frame_list_add(&relation->witness_frames, other->side[INITIATOR].first.frame);
    frame_list_add(&relation->witness_frames, other->side[RESPONDER].first.frame);
}

/* Every attempt looked at, in the other capture: how many are there, which failure it is, and
 * whether they went well. */
static void find_linked(const struct correlation *all, const struct couple *couple,
                        const struct failure *failure, struct relation *relation)
{
    uint32_t worked = 0, linked = 0;
    int ways = 0;
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        struct attempt room;
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
            relation->other_attempt = other == &room ? NULL : other;
        }
        size_t found =
            other == &room ? NO_FAILURE : failure_of(all, relation->capture, other, &outcome);
        if (relation->failure == NO_FAILURE)
            relation->failure = found;
        worked += outcome == OUTCOME_SUCCEEDED && !asks_on(couple, own, other);
        frame_list_add(&relation->witness_frames, other->side[INITIATOR].first.frame);
        frame_list_add(&relation->witness_frames, other->side[RESPONDER].first.frame);
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

/* The ends as capture `index` of the pairing names them. */
static void ends_at(const struct couple *couple, const struct relation *relation,
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
    int upstream = relation->way > 0 ? couple->own : !couple->own;
    const struct coverage cover[2] = {coverage_of(couple, relation, failure, upstream),
                                      coverage_of(couple, relation, failure, !upstream)};
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        struct attempt room;
        const struct attempt *own = failure->sample[i];
        const struct attempt *other = partner_of(couple, own, &room);
        struct passing passing;
        if (!other && relation->way < 0)
            continue; /* it came from elsewhere than the other capture's place */
        const struct attempt *up = relation->way > 0 ? own : other;
        const struct attempt *down = relation->way > 0 ? other : own;
        /* Each as it is on the side of the stretch between the two. */
        if (up && up != &room)
            up = side_of(couple->view[upstream], up, true);
        if (down && down != &room)
            down = side_of(couple->view[!upstream], down, false);
        passage_compare(up, down, cover, shift_of(couple, own, relation->way), &passing);
        vote(&request, passing.request, passing.request_frames);
        vote(&reply, passing.reply, passing.reply_frames);
        vote(&refusal, passing.refusal, passing.refusal_frames);
    }
    relation->passing.request = settle(&request, relation->passing.request_frames);
    relation->passing.reply = settle(&reply, relation->passing.reply_frames);
    relation->passing.refusal = settle(&refusal, relation->passing.refusal_frames);
}

static void relate(const struct correlation *all, uint32_t own, size_t number, uint32_t other,
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

/* --- who tells it --- */

struct place {
    uint32_t capture;
    size_t failure;
};

/* Whether the failing packets are those of the responder, and go by both captures: then they are
 * lost further towards the initiator. */
static bool fails_on_the_way_back(const struct failure *failure, const struct relation *relation)
{
    if (relation->passing.reply != PASSAGE_BOTH)
        return false;
    if (failure->symptom == SYMPTOM_SYNACK_UNANSWERED || failure->symptom == SYMPTOM_SYN_TIMEOUT ||
        failure->symptom == SYMPTOM_UDP_NO_RESPONSE)
        return true; /* the latter two: it came to the box that captures, and not out of it */
    const struct attempt *attempt = failure->sample_count ? failure->sample[0] : NULL;
    return attempt && (attempt->bits & ATTEMPT_ESTABLISHED) &&
           attempt->side[RESPONDER].repeats > attempt->side[INITIATOR].repeats;
}

/* The client's data connection of FTP does not even come as far as the capture further up. */
static bool never_came(const struct failure *failure)
{
    const struct attempt *attempt = failure->sample_count ? failure->sample[0] : NULL;
    return failure->symptom == SYMPTOM_FTP_DATA_FAILED && attempt && attempt->ftp &&
           attempt->ftp->mode == FTP_MODE_PASSIVE && attempt->ftp->port &&
           ip_equal(&attempt->ftp->announced, &attempt->address[RESPONDER]);
}

/* One step towards the initiator, or towards where the packets were last seen. */
static bool step(const struct correlation *all, struct place *place, int way)
{
    const struct failure *failure = &all->view[place->capture].failures[place->failure];
    for (uint32_t other = 0; other < all->count; other++) {
        struct relation relation;
        if (other == place->capture)
            continue;
        relate(all, place->capture, place->failure, other, &relation);
        if (!relation.linked || relation.failure == NO_FAILURE || relation.way != way)
            continue;
        if (way > 0 &&
            (never_came(failure) || relation.passing.request != PASSAGE_BOTH ||
             relation.passing.refusal == PASSAGE_MADE || fails_on_the_way_back(failure, &relation)))
            continue;
        *place = (struct place){other, relation.failure};
        return true;
    }
    return false;
}

static struct place walk(const struct correlation *all, struct place place, int way)
{
    for (int steps = 0; steps < WALK_MAX && step(all, &place, way); steps++)
        ;
    return place;
}

/* Captures that see the same and cannot be put in order: the first one tells it. */
static bool told_by_an_equal(const struct correlation *all, struct place place)
{
    for (uint32_t other = 0; other < place.capture; other++) {
        struct relation relation;
        relate(all, place.capture, place.failure, other, &relation);
        if (relation.linked && relation.failure != NO_FAILURE && relation.way == 0)
            return true;
    }
    return false;
}

/* --- the stretch that is reported --- */

static bool is_better(const struct relation *one, const struct relation *than, bool nearest)
{
    if (!than->compared || one->hops < 0 || than->hops < 0)
        return !than->compared;
    return nearest ? one->hops < than->hops : one->hops > than->hops;
}

/* What speaks most, first: where the request was lost; where the refusal was made; where the reply
 * was lost; how far it came. */
static int rank_of(const struct relation *relation)
{
    const struct passing *passing = &relation->passing;
    if (!relation->compared)
        return 0;
    if (relation->way > 0 && passing->request == PASSAGE_LOST)
        return 5;
    if (passing->refusal == PASSAGE_MADE || passing->reply == PASSAGE_MADE)
        return 4;
    if (passing->reply == PASSAGE_LOST || passing->refusal == PASSAGE_LOST)
        return 3;
    if (passing->request == PASSAGE_BOTH)
        return relation->way < 0 ? 2 : 1;
    return relation->way < 0 && passing->request == PASSAGE_LOST ? 2 : 0;
}

static bool choose_stretch(const struct correlation *all, struct place place,
                           struct relation *chosen)
{
    int best = 0;
    *chosen = (struct relation){0};
    for (uint32_t other = 0; other < all->count; other++) {
        struct relation relation;
        if (other == place.capture)
            continue;
        relate(all, place.capture, place.failure, other, &relation);
        int rank = rank_of(&relation);
        if (rank > best || (rank && rank == best && is_better(&relation, chosen, rank > 2))) {
            best = rank;
            *chosen = relation;
        }
    }
    return best > 0;
}

static void average_belief(const struct vantage_context *context,
                           const struct attempt *const *attempts, uint32_t count,
                           struct vantage_belief *belief)
{
    *belief = (struct vantage_belief){0};
    for (uint32_t i = 0; i < count; i++) {
        struct vantage_belief one;
        const struct attempt *control = tracker_attempt(context->tracker, attempts[i]->control);
        vantage_of_attempt(context, control ? control : attempts[i], &one);
        for (int v = 0; v < VANTAGES; v++)
            belief->probability[v] += one.probability[v] / count;
    }
}

static void other_belief(const struct couple *couple, const struct relation *relation,
                         struct vantage_belief *belief)
{
    const struct correlation_view *view = couple->view[!couple->own];
    struct attempt like;
    const struct attempt *attempt = relation->other_attempt;
    if (!attempt && relation->has_match) {
        stand_in(&relation->match, !couple->own, &like);
        attempt = &like;
    }
    if (attempt) {
        average_belief(view->vantage, &attempt, 1, belief);
        return;
    }
    *belief = (struct vantage_belief){0};
    enum vantage told = view->vantage->site->told;
    belief->probability[told ? told : view->estimate->kind] = 1;
}

static void own_belief(const struct correlation_view *view, const struct failure *failure,
                       struct vantage_belief *belief)
{
    average_belief(view->vantage, failure->sample, failure->sample_count, belief);
}

static void take_ends(const struct couple *couple, const struct relation *relation,
                      struct joint *joint)
{
    const struct match *match = &relation->match;
    int up = relation->way > 0 ? couple->own : !couple->own;
    joint->above = (struct joint_ends){
        {match->address[up][INITIATOR], match->address[up][RESPONDER]}, match->port[up][RESPONDER]};
    joint->below =
        (struct joint_ends){{match->address[!up][INITIATOR], match->address[!up][RESPONDER]},
                            match->port[!up][RESPONDER]};
}

/* Where among the routers of the stretch the refusal was made: counted from the capture that has
 * it. A router's own packets begin with 64, 128 or 255 hops to go. */
static enum refuser find_refuser(const struct failure *failure, const struct relation *relation)
{
    const struct passing *passing = &relation->passing;
    bool above = passing->refusal_frames[0].count || !passing->refusal_frames[1].count;
    const struct attempt *holder =
        above == (relation->way > 0) ? failure->sample[0] : relation->other_attempt;
    const struct mark *refusal = holder ? passage_refusal(holder, above) : NULL;
    if (passing->refusal == PASSAGE_BOTH || passing->refusal == PASSAGE_LOST || !refusal ||
        relation->hops < 1)
        return REFUSER_UNKNOWN;
    int router = hops_travelled(refusal->hop_limit) + 1;
    if (router > relation->hops)
        return REFUSER_UNKNOWN;
    if (relation->hops == 1)
        return REFUSER_ONLY;
    bool nearest = router == 1, farthest = router == relation->hops;
    return nearest || farthest ? (nearest == above ? REFUSER_FIRST : REFUSER_LAST) : REFUSER_MIDDLE;
}

static void gather_evidence(const struct couple *couple, const struct failure *failure,
                            const struct relation *relation, struct joint *joint)
{
    joint->refuser = find_refuser(failure, relation);
    const struct match *match = &relation->match;
    joint->evidence.hops = relation->hops;
    if (!relation->has_match)
        return;
    /* What happened to the ends of a witness happens to this failure's too, if it is theirs. */
    joint->evidence.client_changed =
        !ip_equal(&match->address[0][INITIATOR], &match->address[1][INITIATOR]);
    joint->evidence.server_changed =
        !ip_equal(&match->address[0][RESPONDER], &match->address[1][RESPONDER]);
    joint->port_changed =
        relation->linked && match->port[0][RESPONDER] != match->port[1][RESPONDER];
    joint->evidence.server_changed |= joint->port_changed;
    const struct attempt *up = relation->way > 0 ? failure->sample[0] : relation->other_attempt;
    joint->evidence.forwarded_upstream = up && attempt_is_forwarded(up);
    take_ends(couple, relation, joint);
}

static void gather_asked(struct correlation *all, uint32_t capture)
{
    struct asked *asked = &all->asked[capture];
    const struct host_table *hosts = tracker_hosts(all->view[capture].tracker);
    for (size_t i = 0; i < host_table_count(hosts) && asked->count < ASKED_MAX; i++) {
        const struct host *host = host_table_at(hosts, i);
        if (host_link(host)->asked_unanswered >= ARP_ASKED_MIN)
            asked->host[asked->count++] = host;
    }
}

/* Downstream a router asks for the MAC of the server again and again, at the time of the attempts,
 * and nobody answers. */
static void look_for_arp(const struct correlation *all, const struct couple *couple,
                         const struct relation *relation, const struct failure *failure,
                         struct joint *joint)
{
    int down = relation->way > 0 ? !couple->own : couple->own;
    const struct asked *asked = &all->asked[joint->downstream];
    struct ip_address ends[2];
    int64_t from_ns = failure->first_ns, to_ns = failure->last_ns;
    if (down != couple->own) {
        from_ns = pairing_time_at_other(couple->pairing, couple->own, from_ns);
        to_ns = pairing_time_at_other(couple->pairing, couple->own, to_ns);
    }
    ends_at(couple, relation, failure, down, ends);
    bool exact = relation->has_match && relation->witness != WITNESS_CLIENT;
    for (size_t i = 0; i < asked->count; i++) {
        const struct host *host = asked->host[i];
        const struct host_link *link = host_link(host);
        if (link->asked_last_ns < from_ns || link->asked_last_ns > to_ns + ARP_GRACE_NS)
            continue;
        if (exact && !ip_equal(&host->address, &ends[RESPONDER]))
            continue;
        joint->arp_unanswered = true;
        frame_list_join(&joint->arp_frames, &link->asked_frames);
    }
}

static void compare_stretch(const struct correlation *all, struct place place, struct joint *joint)
{
    struct relation relation;
    if (!choose_stretch(all, place, &relation))
        return;
    struct couple couple = couple_of(all, place.capture, relation.capture);
    const struct failure *failure = &all->view[place.capture].failures[place.failure];
    struct vantage_belief own, other;
    bool down = relation.way > 0;
    joint->compared = true;
    joint->upstream = down ? place.capture : relation.capture;
    joint->downstream = down ? relation.capture : place.capture;
    joint->witness = relation.witness;
    joint->witness_frames = relation.witness_frames;
    joint->passing = relation.passing;
    if (relation.failure != NO_FAILURE)
        joint->other = &all->view[relation.capture].failures[relation.failure];
    gather_evidence(&couple, failure, &relation, joint);
    if (relation.passing.request == PASSAGE_LOST)
        look_for_arp(all, &couple, &relation, failure, joint);
    own_belief(&all->view[place.capture], failure, &own);
    other_belief(&couple, &relation, &other);
    stretch_weigh(down ? &own : &other, down ? &other : &own, &joint->evidence, &joint->stretch);
}

/* --- putting it together --- */

static struct joint *joint_at(struct correlation *all, struct place place)
{
    struct joint **joint = &all->joint[place.capture][place.failure];
    if (!*joint)
        *joint = memory_zeroed(1, sizeof **joint);
    return *joint;
}

static void name_after(const struct failure *failure, struct joint *joint)
{
    const struct attempt *first = failure->sample_count ? failure->sample[0] : NULL;
    joint->client = failure->client;
    joint->server = failure->server;
    joint->client_port = first ? first->port[INITIATOR] : 0;
    joint->server_port = failure->server_port;
    joint->first_ns = failure->first_ns;
    joint->last_ns = failure->last_ns;
    joint->attempts = failure->attempts;
}

static bool is_handshake(enum symptom symptom)
{
    return symptom == SYMPTOM_SYN_TIMEOUT || symptom == SYMPTOM_SYNACK_UNANSWERED ||
           symptom == SYMPTOM_UDP_NO_RESPONSE;
}

/* What another capture shows of it: that it worked, that it is the same. */
static void survey(const struct correlation *all, struct place place, bool *refuted,
                   uint32_t *captures, bool *compared)
{
    const struct failure *failure = &all->view[place.capture].failures[place.failure];
    *refuted = *compared = false;
    *captures = 1;
    for (uint32_t other = 0; other < all->count; other++) {
        struct relation relation;
        if (other == place.capture)
            continue;
        relate(all, place.capture, place.failure, other, &relation);
        *captures += relation.linked;
        *compared |= relation.compared;
        *refuted |= relation.worked && is_handshake(failure->symptom);
    }
}

static size_t total_before(const struct correlation *all, struct place place)
{
    size_t total = place.failure;
    for (uint32_t capture = 0; capture < place.capture; capture++)
        total += all->view[capture].failure_count;
    return total;
}

/* Each failure is told by one capture: the last that had its packets. The failure of several
 * clients that a NAT makes one is told where they are still apart. */
static void decide_tellers(struct correlation *all)
{
    size_t total = total_before(all, (struct place){(uint32_t)all->count, 0}), at = 0;
    struct place *root = memory_zeroed(total + 1, sizeof *root);
    struct place *base = memory_zeroed(total + 1, sizeof *base);
    uint32_t *claims = memory_zeroed(total + 1, sizeof *claims);
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++, at++) {
            struct place place = {capture, i};
            if (all->view[capture].failures[i].suppressed)
                continue;
            root[at] = walk(all, place, -1);
            if (root[at].capture != capture || root[at].failure != i)
                continue;
            base[at] = walk(all, place, 1);
            claims[total_before(all, base[at])]++;
        }
    at = 0;
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++, at++) {
            struct place place = {capture, i};
            bool is_root = root[at].capture == capture && root[at].failure == i;
            if (all->view[capture].failures[i].suppressed)
                continue;
            if (!is_root || told_by_an_equal(all, place)) {
                joint_at(all, place)->told_elsewhere = true;
                continue;
            }
            struct place teller = claims[total_before(all, base[at])] > 1 ? place : base[at];
            if (teller.capture == capture && teller.failure == i)
                continue;
            name_after(&all->view[capture].failures[i], joint_at(all, teller));
            joint_at(all, place)->told_elsewhere = true;
        }
    /* Whoever tells for a root was marked as no root itself. */
    at = 0;
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++, at++)
            if (all->joint[capture][i] && all->joint[capture][i]->attempts)
                all->joint[capture][i]->told_elsewhere = false;
    free(root);
    free(base);
    free(claims);
}

static void complete(struct correlation *all, struct place place)
{
    const struct failure *failure = &all->view[place.capture].failures[place.failure];
    struct joint *joint = all->joint[place.capture][place.failure];
    if (failure->suppressed || (joint && joint->told_elsewhere))
        return;
    bool refuted, compared;
    uint32_t captures;
    survey(all, place, &refuted, &captures, &compared);
    if (!joint && captures < 2 && !compared)
        return;
    joint = joint_at(all, place);
    joint->refuted = refuted;
    joint->captures = captures;
    if (!joint->attempts)
        name_after(failure, joint);
    compare_stretch(all, place, joint);
}

static bool counted_before(const struct correlation *all, uint32_t capture,
                           const struct attempt *attempt)
{
    for (uint32_t before = 0; before < capture; before++) {
        const struct correlation_view *view = &all->view[before];
        const struct attempt *same =
            pairing_partner(&all->pairing[before][capture], view->tracker, 1, attempt);
        struct detection detection;
        if (!same || (same->bits & ATTEMPT_IS_INNER))
            continue;
        detect(same, &view->detect, &detection);
        if (detection.outcome != OUTCOME_NOTHING)
            return true;
    }
    return false;
}

static void count_twice(struct correlation *all, uint32_t capture)
{
    const struct correlation_view *view = &all->view[capture];
    size_t position = 0;
    for (const struct attempt *attempt;
         (attempt = tracker_next_attempt(view->tracker, &position));) {
        struct detection detection;
        if ((attempt->bits & ATTEMPT_IS_INNER) || !counted_before(all, capture, attempt))
            continue;
        detect(attempt, &view->detect, &detection);
        all->twice_attempts += detection.outcome != OUTCOME_NOTHING;
        all->twice_succeeded += detection.outcome == OUTCOME_SUCCEEDED;
        all->twice_failed += detection.outcome == OUTCOME_FAILED;
    }
}

/* From 1970 to as far as a classic capture's 32 bits of seconds reach. Times beyond are no clock's,
 * and sums of them would overflow. */
static bool has_sane_times(const struct correlation_view *view)
{
    return view->packets && view->earliest_ns >= 0 && view->last_ns <= INT64_C(4294967296000000000);
}

struct correlation *correlate(const struct correlation_view *views, size_t count)
{
    struct correlation *all = memory_zeroed(1, sizeof *all);
    all->view = views;
    all->given = count;
    all->count = count < CORRELATION_CAPTURES_MAX ? count : CORRELATION_CAPTURES_MAX;
    for (uint32_t a = 0; a < all->count; a++) {
        index_failures(all, a);
        all->joint[a] = memory_zeroed(views[a].failure_count + 1, sizeof *all->joint[a]);
        for (uint32_t b = a + 1; b < all->count; b++)
            if (has_sane_times(&views[a]) && has_sane_times(&views[b]))
                pairing_make(views[a].tracker, views[b].tracker, &all->pairing[a][b]);
    }
    for (uint32_t capture = 0; capture < all->count; capture++) {
        count_twice(all, capture);
        gather_asked(all, capture);
    }
    decide_tellers(all);
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++)
            complete(all, (struct place){capture, i});
    return all;
}

void correlation_free(struct correlation *correlation)
{
    if (!correlation)
        return;
    for (uint32_t a = 0; a < correlation->count; a++) {
        chains_release(&correlation->table[a].chains);
        for (size_t i = 0; i < correlation->view[a].failure_count; i++)
            free(correlation->joint[a][i]);
        free(correlation->joint[a]);
        for (uint32_t b = a + 1; b < correlation->count; b++)
            pairing_release(&correlation->pairing[a][b]);
    }
    free(correlation);
}

const struct joint *correlation_joint(const struct correlation *correlation, uint32_t capture,
                                      size_t failure)
{
    if (!correlation || capture >= correlation->count)
        return NULL;
    return correlation->joint[capture][failure];
}

void correlation_twice(const struct correlation *correlation, uint64_t *attempts,
                       uint64_t *succeeded, uint64_t *failed)
{
    *attempts = correlation->twice_attempts;
    *succeeded = correlation->twice_succeeded;
    *failed = correlation->twice_failed;
}

const struct pairing *correlation_pairing(const struct correlation *correlation, uint32_t a,
                                          uint32_t b)
{
    return a < b && b < correlation->count ? &correlation->pairing[a][b] : NULL;
}

static void note_pairing(const struct correlation *all, uint32_t a, uint32_t b,
                         void (*warn)(void *, const char *), void *context)
{
    const struct pairing *pairing = &all->pairing[a][b];
    char text[NOTE_TEXT];
    char first = (char)('a' + a % 26), second = (char)('a' + b % 26);
    if (!all->view[a].packets || !all->view[b].packets)
        return;
    if (!pairing->match_count && !pairing->linked) {
        snprintf(text, sizeof text,
                 "captures %c and %c have no connection in common: each is judged alone, unless "
                 "--vantage FILE@WHERE tells where they were taken",
                 first, second);
        warn(context, text);
    }
    double apart_s = pairing->clock.offset_ns / 1e9;
    if (pairing->clock.known && fabs(apart_s) >= CLOCK_NOTE_MIN_S) {
        snprintf(text, sizeof text, "the clock of capture %c is %.3f s %s that of capture %c",
                 second, fabs(apart_s), apart_s > 0 ? "ahead of" : "behind", first);
        warn(context, text);
    }
    if (pairing->left_out) {
        snprintf(text, sizeof text,
                 "captures %c and %c: %" PRIu64
                 " conversations were left out of the comparison, there are too "
                 "many",
                 first, second, pairing->left_out);
        warn(context, text);
    }
}

void correlation_notes(const struct correlation *correlation,
                       void (*warn)(void *context, const char *text), void *context)
{
    if (correlation->given > correlation->count)
        warn(context, "only the first 8 captures are held against each other");
    for (uint32_t a = 0; a < correlation->count; a++)
        for (uint32_t b = a + 1; b < correlation->count; b++)
            note_pairing(correlation, a, b, warn, context);
}
