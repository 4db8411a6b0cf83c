#include "analyzer/correlation/passage.h"

#include <math.h>

#include "analyzer/words.h"

enum {
    UPSTREAM,
    DOWNSTREAM,
    MARGIN_NS = 500000000, /* under way, queued, or buffered by the capture */
    REPEATS_MIN = 2,       /* packets that are missing, before those of a running exchange count */
};
/* That so many packets were all missed by the capture and not by the network: no more likely. */
#define CHANCE_MAX 0.01

/* The capture was running, also by when the packet would have come by: clocks known from packets of
 * both directions are in doubt by half a round trip. */
static bool covers(const struct coverage *cover, int64_t time_ns)
{
    return time_ns - cover->doubt_ns >= cover->first_ns &&
           time_ns + 2 * cover->doubt_ns <= cover->last_ns;
}

static bool chance_explains(const struct coverage *cover, uint32_t missing)
{
    return pow(cover->miss_share, missing) > CHANCE_MAX;
}

static int64_t margin_ns(const struct coverage *cover)
{
    return MARGIN_NS + 2 * cover->doubt_ns;
}

static void request_frames(const struct attempt *attempt, struct frame_list *frames)
{
    if (attempt->syn->frame)
        frame_list_join_notes(frames, &attempt->syn_frames);
    else if (frame_notes_any(&attempt->side[INITIATOR].repeat_frames))
        frame_list_join_notes(frames, &attempt->side[INITIATOR].repeat_frames);
    else
        frame_list_add(frames, attempt->side[INITIATOR].first->frame);
}

static bool replied(const struct attempt *attempt)
{
    const struct mark *first = attempt->side[RESPONDER].first;
    return attempt->synack->frame || (first->frame && !(first->flags & TCP_RST));
}

static void reply_frames(const struct attempt *attempt, struct frame_list *frames)
{
    if (attempt->synack->frame)
        frame_list_join_notes(frames, &attempt->synack_frames);
    else
        frame_list_add(frames, attempt->side[RESPONDER].first->frame);
}

static bool icmp_refuses(const struct attempt *attempt)
{
    return attempt->icmp->count && attempt->icmp->quoted_side == INITIATOR &&
           !attempt_client_gone(attempt);
}

/* The first packet by which the initiator is refused, in the responder's name or by ICMP. */
static const struct mark *refusal_of(const struct attempt *attempt)
{
    if (attempt->refused->frame)
        return attempt->refused;
    if (attempt->side[RESPONDER].rst->frame)
        return attempt->side[RESPONDER].rst;
    return icmp_refuses(attempt) ? attempt->icmp->first : NULL;
}

const struct mark *passage_refusal(const struct attempt *attempt, bool as_initiator)
{
    const struct mark *forged = attempt->side[INITIATOR].rst;
    return as_initiator ? refusal_of(attempt) : forged->frame ? forged : NULL;
}

/* The attempt is upstream only. */
static void compare_absent(const struct attempt *upstream, const struct coverage cover[2],
                           struct time_shift shift, struct passing *passing)
{
    const struct coverage *below = &cover[DOWNSTREAM];
    const struct mark *refusal = refusal_of(upstream);
    uint32_t missing = 0;
    for (uint32_t i = 0; i < upstream->asked_count; i++)
        missing += covers(below, upstream->asked_ns[i] + shift.to_downstream_ns);
    if (!missing || !below->sees[INITIATOR] || chance_explains(below, missing))
        return;
    passing->request = PASSAGE_LOST;
    request_frames(upstream, &passing->request_frames[UPSTREAM]);
    if (refusal) {
        passing->refusal = PASSAGE_MADE;
        frame_list_add(&passing->refusal_frames[UPSTREAM], refusal->frame);
    }
}

/* Bytes since the start of the connection: comparable where a box rewrites sequence numbers. */
static uint32_t relative(const struct attempt *attempt, enum side side, uint32_t sequence,
                         bool by_start)
{
    if (!by_start)
        return sequence;
    return sequence - (side == INITIATOR ? attempt->syn->sequence : attempt->synack->sequence);
}

static bool started(const struct attempt *attempt, enum side side)
{
    return side == INITIATOR ? attempt->syn->frame != 0 : attempt->synack->frame != 0;
}

/* Bytes, or a datagram, that the near capture has and the far one never got to. */
static bool goes_beyond(const struct attempt *near, const struct attempt *far, enum side side,
                        int64_t open_ns, const struct coverage *cover)
{
    const struct side_record *sent = &near->side[side], *came = &far->side[side];
    const struct mark *open = sent->first_unanswered, *last = came->last;
    bool by_start = started(near, side) && started(far, side);
    if (near->proto == PROTO_TCP)
        return sent->has_sequence && came->has_sequence &&
               sequence_after(relative(near, side, sent->next_sequence, by_start),
                              relative(far, side, came->next_sequence, by_start));
    return open->content && last->content && open->content != last->content &&
           last->time_ns + cover->doubt_ns < open_ns;
}

/* How many of the near capture's repeats fall into the time in which the far one, though running,
 * has nothing more of this side. */
static uint32_t repeats_missing(const struct side_record *sent, const struct side_record *came,
                                int64_t shift_ns, const struct coverage *cover)
{
    int64_t open_ns = sent->first_unanswered->time_ns + shift_ns;
    int64_t last_ns = sent->last->time_ns + shift_ns;
    int64_t until_ns = last_ns < cover->last_ns ? last_ns : cover->last_ns;
    int64_t since_ns = came->last->frame ? came->last->time_ns : cover->first_ns;
    if (!sent->repeats || last_ns <= open_ns || until_ns <= since_ns)
        return 0;
    double interval_ns = (double)(last_ns - open_ns) / sent->repeats;
    /* Backing off, the last interval is longer than the mean of them (RFC 6298 5.5). */
    double quiet_ns = (double)(until_ns - since_ns) - (double)margin_ns(cover) - interval_ns;
    return quiet_ns > 0 ? (uint32_t)(quiet_ns / interval_ns) : 0;
}

/* What `side` sent in a connection that had come about, from the capture near to the sender to the
 * far one. */
static enum passage compare_range(const struct attempt *near, const struct attempt *far,
                                  enum side side, const struct coverage *cover, int64_t shift_ns,
                                  struct frame_list *near_frames, struct frame_list *far_frames)
{
    const struct side_record *sent = &near->side[side], *came = &far->side[side];
    const struct mark *open = sent->first_unanswered;
    bool refused = near->side[!side].rst->frame != 0;
    if (!sent->last->frame || !open->frame || !(sent->repeats || refused))
        return PASSAGE_UNKNOWN;
    int64_t open_ns = open->time_ns + shift_ns;
    bool beyond = goes_beyond(near, far, side, open_ns, cover);
    frame_list_add(near_frames, open->frame);
    frame_list_join_notes(near_frames, &sent->repeat_frames);
    frame_list_add(far_frames, came->last->frame);
    uint32_t missing = repeats_missing(sent, came, shift_ns, cover);
    if (beyond && covers(cover, open_ns) && missing == 0)
        missing = 1;
    bool lost = beyond ? missing > 0 : missing >= REPEATS_MIN;
    if (lost)
        return cover->sees[side] && !chance_explains(cover, missing) ? PASSAGE_LOST
                                                                     : PASSAGE_UNKNOWN;
    bool came_later = came->last->frame && came->last->time_ns + cover->doubt_ns >= open_ns;
    return came_later && !beyond ? PASSAGE_BOTH : PASSAGE_UNKNOWN;
}

/* How many of the last datagrams the far capture may lack because it had ended: those since the
 * last answer that passed both, and the one that this answers. UINT32_MAX: any. */
static uint32_t sent_too_late(const struct attempt *near, const struct attempt *far, enum side side,
                              const struct coverage *cover, int64_t shift_ns)
{
    const struct mark *answer = near->side[!side].last, *passed = far->side[!side].last;
    int64_t last_ns = near->side[side].last->time_ns + shift_ns;
    if (far->last_ns - cover->doubt_ns > last_ns || covers(cover, last_ns))
        return 0;
    bool both = answer->frame && passed->frame &&
                passed->time_ns + 2 * cover->doubt_ns >= answer->time_ns + shift_ns;
    return both ? near->side[side].repeats + 1 : UINT32_MAX;
}

/* A UDP exchange that is held down goes on: some of its datagrams come and some do not. Those that
 * the far capture lacks are as many as most of what had to be sent again. */
static bool some_are_lost(const struct attempt *near, const struct attempt *far, enum side side,
                          const struct coverage *cover, int64_t shift_ns)
{
    const struct side_record *sent = &near->side[side], *came = &far->side[side];
    bool from_the_start = (sent->first->content && sent->first->content == came->first->content) ||
                          covers(cover, sent->first->time_ns + shift_ns);
    if (near->proto != PROTO_UDP || !near->pace || !cover->sees[side] || !from_the_start)
        return false;
    uint32_t lacks =
        sent->data_packets > came->data_packets ? sent->data_packets - came->data_packets : 0;
    uint32_t late = sent_too_late(near, far, side, cover, shift_ns);
    uint32_t missing = lacks > late ? lacks - late : 0;
    uint32_t sent_again = side == INITIATOR ? near->pace->requests_lost : near->pace->replies_lost;
    return missing >= REPEATS_MIN && sent_again && missing * 2 >= sent_again &&
           !chance_explains(cover, missing);
}

/* What `side` sends again and again passes the near capture and then the far one, where the other
 * side does not acknowledge it, nor says anything to the newest of it. */
static bool crosses_in_vain(const struct attempt *near, const struct attempt *far, enum side side,
                            enum passage passage, const struct coverage *cover, int64_t shift_ns)
{
    const struct side_record *sent = &near->side[side], *other = &far->side[!side];
    if (near->proto != PROTO_TCP || passage != PASSAGE_BOTH || attempt_failing_side(near) != side ||
        near->side[!side].rst->frame || sent->repeats < REPEATS_MIN)
        return false;
    bool by_start = started(near, side) && started(far, side);
    uint32_t open = relative(near, side, sent->first_unanswered->sequence, by_start);
    bool confirmed = other->has_acknowledged &&
                     sequence_after(relative(far, side, other->acknowledged, by_start), open);
    int64_t newest_ns = sent->last->time_ns + shift_ns;
    return !confirmed && other->last->time_ns + margin_ns(cover) < newest_ns;
}

static void compare_request(const struct attempt *upstream, const struct attempt *downstream,
                            const struct coverage cover[2], struct time_shift shift,
                            struct passing *passing)
{
    struct frame_list up = {0}, down = {0};
    if (some_are_lost(upstream, downstream, INITIATOR, &cover[DOWNSTREAM],
                      shift.to_downstream_ns)) {
        passing->request = PASSAGE_LOST;
        passing->request_frames[UPSTREAM] = upstream->pace->repeat_frames;
        return;
    }
    if (replied(upstream) || replied(downstream)) {
        enum passage passage = compare_range(upstream, downstream, INITIATOR, &cover[DOWNSTREAM],
                                             shift.to_downstream_ns, &up, &down);
        passing->crossed[INITIATOR] = crosses_in_vain(upstream, downstream, INITIATOR, passage,
                                                      &cover[DOWNSTREAM], shift.to_downstream_ns);
        if (passage != PASSAGE_UNKNOWN) {
            passing->request = passage;
            passing->request_frames[UPSTREAM] = up;
            passing->request_frames[DOWNSTREAM] = down;
            return;
        }
    }
    passing->request = PASSAGE_BOTH;
    request_frames(upstream, &passing->request_frames[UPSTREAM]);
    request_frames(downstream, &passing->request_frames[DOWNSTREAM]);
}

static void compare_reply(const struct attempt *upstream, const struct attempt *downstream,
                          const struct coverage cover[2], struct time_shift shift,
                          struct passing *passing)
{
    const struct coverage *above = &cover[UPSTREAM];
    bool came = replied(upstream), left = replied(downstream);
    struct frame_list up = {0}, down = {0};
    if (left && !came) {
        const struct mark *first =
            downstream->synack->frame ? downstream->synack : downstream->side[RESPONDER].first;
        uint32_t missing = downstream->synack->frame ? downstream->synack_count
                                                     : downstream->side[RESPONDER].data_packets;
        /* Once the attempt itself was seen, both ways of it are expected where others show both. */
        if (above->sees[RESPONDER] && covers(above, first->time_ns - shift.to_downstream_ns) &&
            !chance_explains(above, missing))
            passing->reply = PASSAGE_LOST;
    } else if (some_are_lost(downstream, upstream, RESPONDER, above, -shift.to_downstream_ns)) {
        passing->reply = PASSAGE_LOST;
        down = downstream->pace->repeat_frames;
    } else if (left && came) {
        enum passage passage = compare_range(downstream, upstream, RESPONDER, above,
                                             -shift.to_downstream_ns, &down, &up);
        passing->crossed[RESPONDER] = crosses_in_vain(downstream, upstream, RESPONDER, passage,
                                                      above, -shift.to_downstream_ns);
        passing->reply = passage == PASSAGE_UNKNOWN ? PASSAGE_BOTH : passage;
    } else if (came) {
        passing->reply = cover[DOWNSTREAM].sees[RESPONDER] ? PASSAGE_MADE : PASSAGE_UNKNOWN;
    }
    if (passing->reply == PASSAGE_UNKNOWN)
        return;
    passing->reply_frames[UPSTREAM] = up;
    passing->reply_frames[DOWNSTREAM] = down;
    if (!up.count)
        reply_frames(upstream, &passing->reply_frames[UPSTREAM]);
    if (!down.count)
        reply_frames(downstream, &passing->reply_frames[DOWNSTREAM]);
}

static void compare_refusal(const struct attempt *upstream, const struct attempt *downstream,
                            const struct coverage cover[2], struct time_shift shift,
                            struct passing *passing)
{
    const struct coverage *above = &cover[UPSTREAM], *below = &cover[DOWNSTREAM];
    const struct mark *came = refusal_of(upstream), *left = refusal_of(downstream);
    if (came && left)
        passing->refusal = PASSAGE_BOTH;
    else if (came && below->sees[RESPONDER] &&
             covers(below, came->time_ns + shift.to_downstream_ns) && !chance_explains(below, 1))
        passing->refusal = PASSAGE_MADE;
    else if (left && above->sees[RESPONDER] &&
             covers(above, left->time_ns - shift.to_downstream_ns) && !chance_explains(above, 1))
        passing->refusal = PASSAGE_LOST;
    if (came)
        frame_list_add(&passing->refusal_frames[UPSTREAM], came->frame);
    if (left)
        frame_list_add(&passing->refusal_frames[DOWNSTREAM], left->frame);
}

/* A box that tears a connection down tells both ends, each in the other's name. */
static void compare_forged(const struct attempt *upstream, const struct attempt *downstream,
                           const struct coverage cover[2], struct time_shift shift,
                           struct passing *passing)
{
    const struct mark *sent = upstream->side[INITIATOR].rst;
    const struct mark *came = downstream->side[INITIATOR].rst;
    if (passing->refusal != PASSAGE_UNKNOWN || !came->frame || sent->frame ||
        !cover[UPSTREAM].sees[INITIATOR] ||
        !covers(&cover[UPSTREAM], came->time_ns - shift.to_downstream_ns) ||
        chance_explains(&cover[UPSTREAM], 1))
        return;
    passing->refusal = PASSAGE_MADE;
    frame_list_add(&passing->refusal_frames[DOWNSTREAM], came->frame);
}

void passage_compare(const struct attempt *upstream, const struct attempt *downstream,
                     const struct coverage cover[2], struct time_shift shift,
                     struct passing *passing)
{
    *passing = (struct passing){0};
    if (!downstream) {
        compare_absent(upstream, cover, shift, passing);
        return;
    }
    compare_request(upstream, downstream, cover, shift, passing);
    compare_reply(upstream, downstream, cover, shift, passing);
    compare_refusal(upstream, downstream, cover, shift, passing);
    compare_forged(upstream, downstream, cover, shift, passing);
}
