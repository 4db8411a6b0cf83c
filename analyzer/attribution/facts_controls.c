/* What else worked and what else failed: the same client, server, port, at this time and at others.
 */
#include "analyzer/attribution/facts_internal.h"

static const struct {
    enum fact_id fact;
    enum control control;
} control_facts[] = {
    {FACT_CONTROL_OTHER_CLIENTS, CONTROL_OTHER_CLIENTS},
    {FACT_CONTROL_OTHER_PORTS, CONTROL_OTHER_PORTS},
    {FACT_CONTROL_SAME_PORT, CONTROL_SAME_PORT},
    {FACT_CONTROL_WEB, CONTROL_WEB},
    {FACT_CONTROL_ELSEWHERE, CONTROL_ELSEWHERE},
    {FACT_CONTROL_SERVER_PORTS, CONTROL_SERVER_PORTS},
    {FACT_CONTROL_PING, CONTROL_PING},
};

static void join_slot(struct frame_list *frames, const struct control_slot *slot)
{
    for (int i = 0; i < CONTROL_FRAMES; i++)
        frame_list_add(frames, slot->frames[i]);
}

static bool join_others(const struct control_slot slots[CONTROL_SLOTS], enum control control,
                        const struct failure *failure, struct frame_list *frames)
{
    bool any = false;
    for (int i = 0; i < CONTROL_SLOTS; i++) {
        if (!slots[i].count || !controls_is_other(control, failure, slots[i].who))
            continue;
        any = true;
        join_slot(frames, &slots[i]);
    }
    return any;
}

static void control_fact(const struct fact_context *context, const struct failure *failure,
                         enum fact_id id, enum control control, struct fact *facts)
{
    const struct control_tally tally = controls_tally(context->controls, control, failure);
    struct frame_list frames = {0};
    bool answered = join_others(tally.answered, control, failure, &frames);
    bool failed = !answered && join_others(tally.failed, control, failure, &frames);
    set_word(facts, id, answered ? "answered" : failed ? "failed" : "none")->frames = frames;
}

/* The same client on the same service, before the first failure and after the last. */
static void same_service_facts(const struct fact_context *context, const struct failure *failure,
                               struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_SAME_SERVICE, failure);
    const struct control_slot *answered = &tally.answered[0];
    bool before = answered->count && answered->first_ns < failure->first_ns;
    bool after = answered->count && answered->last_ns > failure->last_ns;
    struct fact *fact = set_word(facts, FACT_CONTROL_BEFORE, before ? "answered" : "none");
    if (before)
        join_slot(&fact->frames, answered);
    fact = set_word(facts, FACT_CONTROL_AFTER, after ? "answered" : "none");
    if (after)
        join_slot(&fact->frames, answered);
}

/* That the server answers on other ports shows on its side of whatever loses the answers, too; that
 * the client goes on with them shows that they come through. */
static void taken_up_fact(const struct fact_context *context, const struct failure *failure,
                          struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_OTHER_PORTS, failure);
    struct frame_list frames = {0};
    for (int i = 0; i < CONTROL_SLOTS; i++)
        if (tally.answered[i].taken_up &&
            controls_is_other(CONTROL_OTHER_PORTS, failure, tally.answered[i].who))
            join_slot(&frames, &tally.answered[i]);
    if (frames.count)
        set_flag(facts, FACT_CONTROL_TAKEN_UP, true)->frames = frames;
}

/* The others that are served come through no router to the capture, the failing client does. */
static void nearby_fact(const struct fact_context *context, const struct failure *failure,
                        struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_OTHER_CLIENTS, failure);
    const struct mark *first = first_attempt(failure)->side[INITIATOR].first;
    struct frame_list frames = {0};
    bool nearby = first->frame && hops_travelled(first->hop_limit) > 0;
    for (int i = 0; i < CONTROL_SLOTS; i++) {
        const struct control_slot *slot = &tally.answered[i];
        if (!slot->count || !controls_is_other(CONTROL_OTHER_CLIENTS, failure, slot->who))
            continue;
        nearby &= slot->hops_max == 0;
        join_slot(&frames, slot);
    }
    if (frames.count)
        set_flag(facts, FACT_CONTROL_NEARBY, nearby)->frames = frames;
}

static void concurrent_fact(const struct fact_context *context, const struct failure *failure,
                            struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_OTHER_CLIENTS, failure);
    struct frame_list frames = {0};
    bool concurrent = false;
    for (int i = 0; i < CONTROL_SLOTS; i++) {
        const struct control_slot *slot = &tally.answered[i];
        if (!slot->count || slot->last_ns < failure->first_ns ||
            slot->first_ns > failure->last_ns ||
            !controls_is_other(CONTROL_OTHER_CLIENTS, failure, slot->who))
            continue;
        concurrent = true;
        join_slot(&frames, slot);
    }
    set_flag(facts, FACT_CONTROL_CONCURRENT, concurrent)->frames = frames;
}

static void direction_fact(const struct fact_context *context, const struct failure *failure,
                           struct fact *facts)
{
    if (!failure->service->profile->never_initiated_by_responder)
        return;
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_CLIENT_SERVES, failure);
    const struct control_slot *served = &tally.answered[0];
    struct fact *fact = set_word(facts, FACT_DIRECTION, served->count ? "reversed" : "expected");
    join_slot(&fact->frames, served);
}

void facts_of_controls(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts)
{
    if (!failure->sample_count)
        return; /* an expected peer that never appeared: controls were not gathered for it */
    for (size_t i = 0; i < sizeof control_facts / sizeof *control_facts; i++)
        control_fact(context, failure, control_facts[i].fact, control_facts[i].control, facts);
    same_service_facts(context, failure, facts);
    taken_up_fact(context, failure, facts);
    concurrent_fact(context, failure, facts);
    nearby_fact(context, failure, facts);
    direction_fact(context, failure, facts);
}
