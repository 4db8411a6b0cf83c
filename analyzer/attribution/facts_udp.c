/* UDP exchanges: answers from elsewhere, and the pace of a transfer. */
#include <math.h>

#include "analyzer/attribution/facts_internal.h"

static void elsewhere_fact(const struct fact_context *context, const struct failure *failure,
                           struct fact *facts)
{
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        const struct attempt *asked = failure->sample[i];
        const struct attempt *answers =
            tracker_attempt(context->vantage->tracker, asked->answered_by);
        if (!answers || ip_equal(&answers->address[RESPONDER], &asked->address[RESPONDER]))
            continue;
        struct fact *fact = set_word(facts, FACT_RETURN_PATH, "other-address");
        frame_list_add(&fact->frames, asked->side[INITIATOR].first->frame);
        frame_list_add(&fact->frames, answers->side[RESPONDER].first->frame);
        return;
    }
}

/* Asked again in spite of an answer that passed here: the answer was lost beyond, on its way to the
 * client. Asked again without one: the request was, on its way to the server. */
static void lost_fact(const struct pace *pace, struct fact *facts)
{
    uint32_t requests = pace->requests_lost, replies = pace->replies_lost;
    if (requests + replies == 0)
        return;
    const char *word = requests > replies * 4   ? "requests"
                       : replies > requests * 4 ? "replies"
                                                : "both";
    set_word(facts, FACT_UDP_LOST, word)->frames = pace->repeat_frames;
}

static bool any_missing(const struct attempt *before, const struct attempt *after, enum side side)
{
    return before->side[side].data_packets > after->side[side].data_packets + 1;
}

/* A limit drops some of many, so that a box that has it is known by what comes in and does not go
 * out; and what stays unanswered is what has to be sent again. */
static void throttled_facts(const struct fact_context *context, const struct attempt *attempt,
                            struct fact *facts)
{
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    const char *lost = facts[FACT_UDP_LOST].known ? facts[FACT_UDP_LOST].word : "both";
    struct frame_list frames = attempt->pace->repeat_frames;
    facts[FACT_STALL_FROM] = facts[FACT_STALL_OTHER_SIDE] = (struct fact){0};
    facts[FACT_STALL_ACKED] = facts[FACT_STALL_GAVE_UP] = (struct fact){0};
    if (strcmp(lost, "both") != 0)
        set_word(facts, FACT_STALL_FROM, strcmp(lost, "requests") == 0 ? "initiator" : "responder")
            ->frames = frames;
    facts[FACT_FORWARDED] = (struct fact){0};
    if (!twin)
        return;
    bool kept = any_missing(attempt, twin, INITIATOR) || any_missing(twin, attempt, RESPONDER);
    frame_list_join(&frames, &twin->pace->repeat_frames);
    set_flag(facts, FACT_FORWARDED, !kept)->frames = frames;
}

static void pace_facts(const struct fact_context *context, const struct attempt *attempt,
                       struct fact *facts)
{
    const struct thresholds *limit = context->thresholds;
    const struct pace_slow slow = pace_slow(attempt->pace, limit->throttle_share_max);
    bool throttled = slow.seconds >= limit->throttle_seconds_min && slow.now_per_s > 0;
    set_number(facts, FACT_RATE_BEST, round(slow.best_per_s / 100) / 10);
    set_number(facts, FACT_RATE_LATE, round(slow.now_per_s / 100) / 10);
    set_flag(facts, FACT_UDP_THROTTLED, throttled)->frames = attempt->pace->repeat_frames;
    if (throttled)
        throttled_facts(context, attempt, facts);
}

void facts_of_udp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts)
{
    if (failure->proto != PROTO_UDP || !failure->sample_count)
        return;
    elsewhere_fact(context, failure, facts);
    lost_fact(failure->sample[0]->pace, facts);
    /* What a tunnel carries has its pace from within. */
    if (failure->symptom == SYMPTOM_UDP_STALL && !(failure->sample[0]->bits & ATTEMPT_CARRIES))
        pace_facts(context, failure->sample[0], facts);
}
