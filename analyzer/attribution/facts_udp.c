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
        struct fact *fact = fact_set_word(facts, FACT_RETURN_PATH, "other-address");
        frame_list_add(&fact->frames, asked->side[INITIATOR].first.frame);
        frame_list_add(&fact->frames, answers->side[RESPONDER].first.frame);
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
    fact_set_word(facts, FACT_UDP_LOST, word)->frames = pace->repeat_frames;
}

static void pace_facts(const struct fact_context *context, const struct attempt *attempt,
                       struct fact *facts)
{
    const struct thresholds *limit = context->thresholds;
    const struct pace_slow slow = pace_slow(&attempt->pace, limit->throttle_share_max);
    bool throttled = slow.seconds >= limit->throttle_seconds_min && slow.now_per_s > 0;
    fact_set_number(facts, FACT_RATE_BEST, round(slow.best_per_s / 100) / 10);
    fact_set_number(facts, FACT_RATE_LATE, round(slow.now_per_s / 100) / 10);
    fact_set_flag(facts, FACT_UDP_THROTTLED, throttled)->frames = attempt->pace.repeat_frames;
}

void facts_of_udp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts)
{
    if (failure->proto != PROTO_UDP || !failure->sample_count)
        return;
    elsewhere_fact(context, failure, facts);
    lost_fact(&failure->sample[0]->pace, facts);
    if (failure->symptom == SYMPTOM_UDP_STALL)
        pace_facts(context, failure->sample[0], facts);
}
