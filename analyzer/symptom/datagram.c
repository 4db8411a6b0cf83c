/* UDP has no handshake: what fails is a request that is repeated without an answer. */
#include "analyzer/flow/tunnels.h"
#include "analyzer/symptom/detectors.h"

/* What wants an answer and has none. Of a tunnel that is only what asks to be let in: what it
 * carries may run in one direction. */
static double unanswered(const struct attempt *attempt, const struct side_record *side)
{
    return attempt->bits & ATTEMPT_CARRIES ? side->asks : side->repeats;
}

bool detect_udp_no_response(const struct attempt *attempt, const struct detect_context *context,
                            struct detection *detection)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    if (!client->first->frame || attempt->side[RESPONDER].first->frame ||
        (attempt->bits & ATTEMPT_MIDSTREAM))
        return false;
    if (unanswered(attempt, client) < context->thresholds->udp_requests_min ||
        seconds_between(client->first->time_ns, context->now_ns) < context->thresholds->udp_wait_s)
        return false;
    detection->failed_ns = client->first->time_ns;
    detection->frames = frame_notes_list(&client->repeat_frames);
    return true;
}

/* Spoke before, and now one side repeats itself into silence. */
bool detect_udp_stall(const struct attempt *attempt, const struct detect_context *context,
                      struct detection *detection)
{
    if (!(attempt->bits & ATTEMPT_ESTABLISHED) || attempt_client_gone(attempt))
        return false;
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        const struct side_record *sender = &attempt->side[side];
        const struct thresholds *limit = context->thresholds;
        if (!sender->first_unanswered->frame ||
            unanswered(attempt, sender) < limit->udp_stall_requests_min ||
            seconds_between(sender->first_unanswered->time_ns, sender->last->time_ns) <
                limit->udp_stall_wait_s)
            continue;
        detection->failed_ns = sender->first_unanswered->time_ns;
        frame_list_add(&detection->frames, attempt->side[!side].last->frame);
        frame_list_join_notes(&detection->frames, &sender->repeat_frames);
        return true;
    }
    return false;
}

/* It ran well, and since some moment it creeps: each second far below the best one, and in many of
 * them something has to be asked again. A program that has less to say asks nothing again, and
 * chance losses let some seconds run at full speed. The contract has no word of its own for it. */
bool detect_udp_throttled(const struct attempt *attempt, const struct detect_context *context,
                          struct detection *detection)
{
    const struct thresholds *limit = context->thresholds;
    if (!(attempt->bits & ATTEMPT_ESTABLISHED) || (attempt->bits & ATTEMPT_CARRIES) ||
        attempt->side[RESPONDER].data_packets < limit->throttle_packets_min)
        return false;
    const struct pace_slow slow = pace_slow(attempt->pace, limit->throttle_share_max);
    if (slow.seconds < limit->throttle_seconds_min ||
        slow.with_repeats < limit->throttle_repeats_min * slow.seconds)
        return false;
    detection->failed_ns = slow.since_ns;
    detection->frames = attempt->pace->repeat_frames;
    return true;
}

/* IKE was answered, and of the ESP that it agreed on one end sends what looks like tries: few,
 * small, over some time. Nothing of the other end's is here, so nothing that wants an answer has
 * one. A program that only ever sends would send more, or larger packets. */
bool detect_esp_unanswered(const struct attempt *attempt, const struct detect_context *context,
                           struct detection *detection)
{
    const struct tunnel_record *esp = attempt_esp(attempt);
    const struct thresholds *limit = context->thresholds;
    if (!esp || !(attempt->bits & ATTEMPT_ESTABLISHED))
        return false;
    for (int end = 0; end < 2; end++) {
        double tried_s = seconds_between(esp->first_ns[end], esp->last_ns[end]);
        double packets = (double)esp->packets[end];
        if (esp->packets[!end] || esp->length_max[end] > limit->esp_length_max ||
            packets < limit->esp_packets_min || tried_s < limit->esp_wait_s ||
            packets > limit->esp_rate_max * tried_s)
            continue;
        detection->failed_ns = esp->first_ns[end];
        frame_list_add(&detection->frames, attempt->side[RESPONDER].first->frame);
        frame_list_add(&detection->frames, esp->first_frame[end]);
        frame_list_add(&detection->frames, esp->last_frame[end]);
        return true;
    }
    return false;
}
