/* The stretch of path between two captures that a finding reports, and what is known of it. */
#include <stdlib.h>

#include "analyzer/correlation/correlation_internal.h"

enum { ARP_ASKED_MIN = 2 };
/* A router goes on asking so long after the last packet. */
#define ARP_GRACE_NS INT64_C(5000000000)

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
    struct stand_in like;
    const struct attempt *attempt = relation->other_attempt;
    if (!attempt && relation->has_match) {
        stand_in(&relation->match, !couple->own, &like);
        attempt = &like.attempt;
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

void gather_asked(struct correlation *all, uint32_t capture)
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

/* It may still show more of the hosts than this one. */
static void look_for_equal(const struct correlation *all, struct place place, struct joint *joint)
{
    for (uint32_t other = 0; other < all->count && !joint->equal; other++) {
        struct relation relation;
        if (other == place.capture)
            continue;
        relate(all, place.capture, place.failure, other, &relation);
        if (!relation.linked || relation.failure == NO_FAILURE || relation.way != 0)
            continue;
        joint->equal = &all->view[other].failures[relation.failure];
        joint->equal_capture = other;
    }
}

void compare_stretch(const struct correlation *all, struct place place, struct joint *joint)
{
    struct relation relation;
    look_for_equal(all, place, joint);
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
