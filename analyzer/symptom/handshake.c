/* Handshakes that do not come about: syn-timeout, synack-unanswered, syn-reset. RFC 9293 3.5. */
#include "analyzer/symptom/detectors.h"

/* RFC 6298 2.1: the first retry comes after a second. What is quicker is no retry. */
#define RETRIES_SPAN_MIN_S 1.0

/* A SYN repeated and never answered. That the initiator repeats it is what proves that nothing
 * came back to it either; so this holds also in a capture of one direction. */
bool detect_syn_timeout(const struct attempt *attempt, const struct detect_context *context,
                        struct detection *detection)
{
    const struct thresholds *limit = context->thresholds;
    if (!attempt->syn->frame || attempt->synack->frame || attempt->refused->frame ||
        attempt->side[RESPONDER].first->frame || (attempt->bits & ATTEMPT_ESTABLISHED))
        return false;
    double retries = attempt->syn_count - 1;
    double waited_s = seconds_between(attempt->syn->time_ns, context->now_ns);
    /* In a loop it will not arrive, however often it is repeated. */
    bool sure = attempt_loops(attempt) ||
                (retries >= limit->syn_retries_sure && waited_s >= RETRIES_SPAN_MIN_S);
    if (!sure && (retries < 1 || waited_s < limit->syn_wait_s))
        return false;
    detection->failed_ns = attempt->syn->time_ns;
    detection->frames = frame_notes_list(&attempt->syn_frames);
    return true;
}

/* The responder accepted and said so again, and the initiator never confirmed. A RST by the
 * initiator is a half-open scan or a change of mind, and no failure of the path. */
bool detect_synack_unanswered(const struct attempt *attempt, const struct detect_context *context,
                              struct detection *detection)
{
    const struct thresholds *limit = context->thresholds;
    if (!attempt->syn->frame || !attempt->synack->frame || attempt->confirmed->frame ||
        attempt->side[INITIATOR].rst->frame || attempt->side[RESPONDER].rst->frame ||
        (attempt->bits & ATTEMPT_ESTABLISHED))
        return false;
    double waited_s = seconds_between(attempt->synack->time_ns, context->now_ns);
    double repeated = attempt->synack_count - 1 + attempt->syns_after_synack;
    if (repeated < limit->synack_retries_min || waited_s < limit->synack_wait_s)
        return false;
    detection->failed_ns = attempt->synack->time_ns;
    detection->frames = frame_notes_list(&attempt->synack_frames);
    frame_list_join_notes(&detection->frames, &attempt->syn_frames);
    return true;
}

bool detect_syn_reset(const struct attempt *attempt, const struct detect_context *context,
                      struct detection *detection)
{
    (void)context;
    if (!attempt->refused->frame || attempt->synack->frame || (attempt->bits & ATTEMPT_ESTABLISHED))
        return false;
    detection->failed_ns = attempt->refused->time_ns;
    detection->frames = frame_notes_list(&attempt->refused_frames);
    frame_list_add(&detection->frames, attempt->syn->frame);
    return true;
}
