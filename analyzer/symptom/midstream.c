/* Connections that were there and died: reset-midstream, stall-midstream. */
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speech.h"
#include "analyzer/symptom/detectors.h"

enum {
    HOPS_OF_ONE_SENDER = 1,
    BOTH_RESET_WINDOW_NS = 500000000,
    SERVER_HELLO_MIN = 5 + 4 + 38, /* RFC 8446 4.1.3, 5.1: with its headers, without a session */
};

static bool closing_before(const struct attempt *attempt, int64_t time_ns)
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        const struct mark *fin = attempt->side[side].fin;
        if (fin->frame && fin->time_ns <= time_ns)
            return true;
    }
    return false;
}

/* The RST came from another distance than everything else this side sent. */
static bool from_elsewhere(const struct side_record *side)
{
    if (!side->last->frame)
        return false;
    int apart = (int)side->rst->hop_limit - (int)side->last->hop_limit;
    return apart > HOPS_OF_ONE_SENDER || apart < -HOPS_OF_ONE_SENDER;
}

static bool both_were_reset(const struct attempt *attempt)
{
    const struct mark *one = attempt->side[INITIATOR].rst, *other = attempt->side[RESPONDER].rst;
    int64_t apart = one->time_ns - other->time_ns;
    return one->frame && other->frame && apart < BOTH_RESET_WINDOW_NS &&
           apart > -BOTH_RESET_WINDOW_NS && one->acknowledgment && other->acknowledgment;
}

/* TLS was asked for, and what came back is too little for any ServerHello. */
static bool hello_open(const struct attempt *attempt)
{
    struct spoken spoken;
    const struct side_record *server = &attempt->side[RESPONDER];
    if (server->bytes + server->missing >= SERVER_HELLO_MIN)
        return false;
    speech_heard(attempt, &spoken);
    return spoken.heard_tls && spoken.heard_tls->talk.side[INITIATOR].said[TLS_CLIENT_HELLO].seen;
}

static bool request_open(const struct attempt *attempt)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct side_record *server = &attempt->side[RESPONDER];
    if (hello_open(attempt))
        return true;
    if (client->first_unanswered->frame && client->next_sequence != server->acknowledged)
        return true;
    return client->last_data->frame && client->last_data->time_ns >= server->last_data->time_ns;
}

/* A server that resets while a request of the client is open, a reset that answers data after a
 * silence, or one that its alleged sender did not send. A client that aborts what it was being
 * sent, and any RST once closing began, is how connections end. */
static bool reset_is_failure(const struct attempt *attempt, enum side side,
                             const struct detect_context *context)
{
    const struct side_record *sender = &attempt->side[side];
    const struct side_record *other = &attempt->side[!side];
    if (closing_before(attempt, sender->rst->time_ns))
        return false;
    if (from_elsewhere(sender) || both_were_reset(attempt))
        return true;
    if (side == RESPONDER)
        return request_open(attempt);
    return other->first_unanswered->frame && other->last_data->frame &&
           seconds_between(0, other->idle_before_ns) >= context->thresholds->idle_min_s;
}

/* Many an FTP program ends its data connections with a RST. */
bool detect_reset_midstream(const struct attempt *attempt, const struct detect_context *context,
                            struct detection *detection)
{
    if (!(attempt->bits & ATTEMPT_ESTABLISHED) || (attempt->bits & ATTEMPT_RST_SURVIVED) ||
        attempt->control)
        return false;
    for (int i = RESPONDER; i >= INITIATOR; i--) {
        enum side side = (enum side)i;
        const struct side_record *sender = &attempt->side[side];
        if (!sender->rst->frame || !reset_is_failure(attempt, side, context))
            continue;
        detection->failed_ns = sender->rst->time_ns;
        frame_list_add(&detection->frames, sender->rst->frame);
        frame_list_add(&detection->frames, attempt->side[!side].rst->frame);
        frame_list_add(&detection->frames, attempt->side[!side].first_unanswered->frame);
        return true;
    }
    return false;
}

/* Data, or keep-alives after a silence, sent again and again with no acknowledgment. An unanswered
 * FIN comes after everything was exchanged, and where the other side was never captured at all its
 * silence says nothing. */
static bool stalled(const struct attempt *attempt, enum side side,
                    const struct detect_context *context)
{
    const struct thresholds *limit = context->thresholds;
    const struct side_record *sender = &attempt->side[side];
    const struct side_record *other = &attempt->side[!side];
    if (!sender->first_unanswered->frame || sender->repeats < limit->stall_retransmissions_min)
        return false;
    bool only_fin = sender->fin->frame && sender->unanswered_length_max == 0;
    if (only_fin || !other->first->frame || other->rst->frame)
        return false;
    return seconds_between(sender->first_unanswered->time_ns, context->now_ns) >=
           limit->stall_wait_s;
}

/* The request was acknowledged and no byte ever came back, until the client gave up. */
static bool never_replied(const struct attempt *attempt, const struct detect_context *context)
{
    const struct thresholds *limit = context->thresholds;
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct side_record *server = &attempt->side[RESPONDER];
    const struct mark *end = client->fin->frame ? client->fin : client->rst;
    bool server_ended =
        server->rst->frame ||
        (server->fin->frame && (!end->frame || server->fin->time_ns < end->time_ns));
    if (!attempt->syn->frame || !client->first_data->frame || server->data_packets ||
        !server->first->frame || server_ended)
        return false;
    double gave_up_s = end->frame ? seconds_between(client->last_data->time_ns, end->time_ns) : 0;
    double waited_s = seconds_between(client->last_data->time_ns, context->now_ns);
    return gave_up_s >= limit->stall_wait_s ||
           (!end->frame && waited_s >= limit->stall_silent_reply_s);
}

bool detect_stall_midstream(const struct attempt *attempt, const struct detect_context *context,
                            struct detection *detection)
{
    if (!(attempt->bits & ATTEMPT_ESTABLISHED))
        return false;
    bool found = false;
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        const struct side_record *sender = &attempt->side[side];
        if (!stalled(attempt, side, context))
            continue;
        if (!found || sender->first_unanswered->time_ns < detection->failed_ns)
            detection->failed_ns = sender->first_unanswered->time_ns;
        frame_list_add(&detection->frames, sender->first_unanswered->frame);
        frame_list_join_notes(&detection->frames, &sender->repeat_frames);
        found = true;
    }
    if (found)
        return true;
    if (!never_replied(attempt, context))
        return false;
    const struct side_record *client = &attempt->side[INITIATOR];
    detection->failed_ns = client->last_data->time_ns;
    frame_list_add(&detection->frames, client->first_data->frame);
    frame_list_add(&detection->frames, client->last_data->frame);
    frame_list_add(&detection->frames,
                   client->fin->frame ? client->fin->frame : client->rst->frame);
    return true;
}
