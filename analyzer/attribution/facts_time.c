/* What time tells: silences that connections die of, cuts that come again at the same point, and a
 * service that changes for everybody at once. */
#include <math.h>

#include "analyzer/attribution/facts_internal.h"
#include "analyzer/attribution/histories.h"
#include "analyzer/words.h"

enum {
    SHARP_DEATHS_MIN = 2,
    CUT_BYTES_MIN = 16 * 1024, /* less is a conversation, not a transfer */
    CUT_SECONDS_MIN = 5,
};
/* Above the round trip of any path in use and a pause of the server. */
#define MUTE_MIN_NS INT64_C(3000000000)
/* Within a twentieth, two cuts are at the same point. */
#define CUT_ALIKE 0.05

static double seconds(int64_t ns)
{
    return round((double)ns / 1e8) / 10;
}

static void timer_facts(const struct service_history *history, struct fact *facts)
{
    if (!history->died)
        return;
    set_number(facts, FACT_TIMER_DIED, history->died)->frames = history->died_frames;
    set_number(facts, FACT_TIMER_DIED_S, seconds(history->shortest_died_ns))->frames =
        history->died_frames;
    struct frame_list frames = {0};
    frame_list_add(&frames, history->survived_frame);
    set_number(facts, FACT_TIMER_SURVIVED_S, seconds(history->longest_survived_ns))->frames =
        frames;
    bool sharp = history->died >= SHARP_DEATHS_MIN &&
                 history->longest_survived_ns < history->shortest_died_ns;
    frame_list_join(&frames, &history->died_frames);
    set_flag(facts, FACT_TIMER_SHARP, sharp)->frames = frames;
}

/* --- cuts at the same point --- */

static double bytes_of(const struct attempt *attempt)
{
    return (double)(attempt->side[INITIATOR].bytes + attempt->side[RESPONDER].bytes);
}

/* From the first packet to the first that stays unanswered, or to the RST. */
static double age_of(const struct attempt *attempt)
{
    const struct mark *first = attempt->side[INITIATOR].first;
    int64_t end_ns = attempt->last_ns;
    for (int i = 0; i < 2; i++) {
        const struct side_record *side = &attempt->side[i];
        if (side->first_unanswered->frame && side->first_unanswered->time_ns < end_ns)
            end_ns = side->first_unanswered->time_ns;
    }
    return first->frame && !(attempt->bits & ATTEMPT_MIDSTREAM)
               ? (double)(end_ns - first->time_ns) / 1e9
               : -1;
}

static void alike_fact(const struct failure *failure, double (*measure)(const struct attempt *),
                       double least, enum fact_id count_id, enum fact_id value_id,
                       struct fact *facts)
{
    double value = -1;
    uint32_t alike = 0;
    struct frame_list frames = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        double one = measure(attempt);
        if (one < least)
            continue;
        if (value < 0)
            value = one;
        if (fabs(one - value) > CUT_ALIKE * value)
            continue;
        alike++;
        frame_list_add(&frames, attempt->last_frame);
    }
    if (value < 0)
        return;
    set_number(facts, count_id, alike)->frames = frames;
    set_number(facts, value_id, value < 1000 ? round(value * 10) / 10 : round(value))->frames =
        frames;
}

static bool was_cut(enum symptom symptom)
{
    return symptom == SYMPTOM_RESET_MIDSTREAM || symptom == SYMPTOM_STALL_MIDSTREAM ||
           symptom == SYMPTOM_UDP_STALL;
}

/* --- changes for everybody --- */

static void between_fact(const struct fact_context *context, const struct failure *failure,
                         struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_SAME_SERVICE, failure);
    const struct control_slot *slot = &tally.answered[0];
    /* Only the first and the last of what was answered are kept. */
    bool between =
        slot->count && ((slot->first_ns > failure->first_ns && slot->first_ns < failure->last_ns) ||
                        (slot->last_ns > failure->first_ns && slot->last_ns < failure->last_ns));
    struct fact *fact = set_word(facts, FACT_CONTROL_BETWEEN, between ? "answered" : "none");
    for (int i = 0; between && i < CONTROL_FRAMES; i++)
        frame_list_add(&fact->frames, slot->frames[i]);
}

/* A single client cannot tell a service that went down from a rule against itself. */
static void turn_fact(const struct service_history *history, struct fact *facts)
{
    struct frame_list frames = {0};
    if (!history->answered_first || !history->failed_first)
        return;
    const char *turn = NULL;
    if (history->answered_last_ns < history->failed_first_ns && history->several_failed)
        turn = "went-down";
    else if (history->failed_last_ns < history->answered_first_ns && history->several_answered)
        turn = "came-up";
    if (!turn)
        return;
    frame_list_add(&frames, history->failed_first);
    frame_list_add(&frames, *turn == 'w' ? history->answered_last : history->answered_first);
    set_word(facts, FACT_SERVICE_TURN, turn)->frames = frames;
}

/* The service takes connections and says nothing on any of them, for longer than an answer takes.
 */
static void mute_fact(const struct service_history *history, const struct failure *failure,
                      struct fact *facts)
{
    bool hung = history->mute && history->spoke_last_ns < history->mute_first_ns &&
                failure->last_ns - history->mute_first_ns >= MUTE_MIN_NS;
    if (hung && failure->symptom == SYMPTOM_SYN_TIMEOUT)
        set_number(facts, FACT_SERVICE_MUTE, history->mute)->frames = history->mute_frames;
}

void time_facts(const struct fact_context *context, const struct failure *failure,
                struct fact *facts)
{
    if (!failure->sample_count)
        return; /* an expected peer that never appeared */
    const struct service_history *history = histories_of(context->histories, failure);
    if (history) {
        timer_facts(history, facts);
        turn_fact(history, facts);
        mute_fact(history, failure, facts);
    }
    between_fact(context, failure, facts);
    if (!was_cut(failure->symptom))
        return;
    alike_fact(failure, bytes_of, CUT_BYTES_MIN, FACT_CUT_BYTES_ALIKE, FACT_CUT_BYTES, facts);
    alike_fact(failure, age_of, CUT_SECONDS_MIN, FACT_CUT_SECONDS_ALIKE, FACT_CUT_SECONDS, facts);
}
