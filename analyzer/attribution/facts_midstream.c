/* Connections that worked and died: how far they had come, whose packets stay unanswered. */
#include <math.h>

#include "analyzer/attribution/facts_internal.h"
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speech.h"

enum { TRANSFER_BYTES = 64 * 1024 /* more than any exchange of greetings */ };

static bool is_unanswered(const struct attempt *attempt, enum side side)
{
    return attempt->side[side].first_unanswered->frame && attempt->side[side].repeats;
}

/* The server answered what came before TLS (FTP's AUTH, a proxy's CONNECT), and not TLS itself. */
static bool hello_is_last(const struct attempt *attempt)
{
    struct spoken spoken;
    speech_heard(attempt, &spoken);
    const struct said *hello =
        spoken.heard_tls ? &spoken.heard_tls->talk.side[INITIATOR].said[TLS_CLIENT_HELLO] : NULL;
    return hello && hello->seen && attempt->side[RESPONDER].last_data->time_ns < hello->time_ns;
}

static const char *phase_word(const struct fact_context *context, const struct attempt *attempt)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct side_record *server = &attempt->side[RESPONDER];
    double idle_s = 0;
    for (int i = 0; i < 2; i++)
        if (attempt->side[i].first_unanswered->frame)
            idle_s = fmax(idle_s, (double)attempt->side[i].idle_before_ns / 1e9);
    if (!client->data_packets && !server->data_packets)
        return "handshake";
    if (idle_s >= context->thresholds->idle_min_s)
        return "idle";
    if (client->bytes + server->bytes >= TRANSFER_BYTES)
        return "transfer";
    if (hello_is_last(attempt))
        return "first-payload";
    return server->data_packets && !(attempt->bits & ATTEMPT_MIDSTREAM) ? "request"
           : attempt->bits & ATTEMPT_MIDSTREAM                          ? "request"
                                                                        : "first-payload";
}

static void idle_facts(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts)
{
    uint32_t repeated = 0;
    double idle_s = -1;
    struct frame_list frames = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        double longest_s = -1;
        for (int i = 0; i < 2; i++) {
            const struct side_record *side = &attempt->side[i];
            if (!side->first_unanswered->frame)
                continue;
            longest_s = fmax(longest_s, (double)side->idle_before_ns / 1e9);
            frame_list_add(&frames, side->first_unanswered->frame);
        }
        repeated += longest_s >= context->thresholds->idle_min_s;
        if (idle_s < 0)
            idle_s = longest_s;
    }
    if (idle_s < 0)
        return;
    set_number(facts, FACT_IDLE_BEFORE_S, round(idle_s * 10) / 10)->frames = frames;
    set_number(facts, FACT_IDLE_REPEATED, repeated)->frames = frames;
}

static const char *other_side_word(const struct side_record *stalled,
                                   const struct side_record *other)
{
    int64_t since_ns = stalled->first_unanswered->time_ns;
    if (other->last_data->frame && other->last_data->time_ns > since_ns)
        return "data";
    return other->last->frame && other->last->time_ns > since_ns ? "acks" : "silent";
}

/* Serial number arithmetic, RFC 1982. */
static bool was_acknowledged(const struct side_record *sender, const struct side_record *receiver)
{
    uint32_t end = sender->last_data->sequence + sender->last_data->length;
    return receiver->has_acknowledged && (int32_t)(end - receiver->acknowledged) <= 0;
}

/* No full-size segment was ever acknowledged, while what was smaller came through: the handshake at
 * least, and often the request. */
static bool only_full_size_lost(const struct attempt *attempt, const struct side_record *stalled,
                                const struct side_record *other)
{
    return stalled->has_full_size && stalled->unanswered_length_min >= FULL_SIZE_MIN &&
           !sequence_after(other->acknowledged, stalled->full_size_sequence) &&
           !attempt->too_big_seen;
}

/* Behind a hole that eats the big segments, the small packets after them still arrive and show by
 * their sequence numbers what is missing. */
static void missing_fact(const struct side_record *sender, const struct side_record *receiver,
                         struct fact *facts)
{
    const struct mark *beyond = sender->beyond_missing;
    if (!sender->missing || !receiver->has_acknowledged ||
        !sequence_after(beyond->sequence, receiver->acknowledged))
        return;
    struct frame_list frames = {0};
    frame_list_add(&frames, beyond->frame);
    frame_list_add(&frames, receiver->last->frame);
    set_number(facts, FACT_STALL_MISSING, sender->missing)->frames = frames;
    if (sender->missing >= FULL_SIZE_MIN && !sender->has_full_size)
        set_flag(facts, FACT_STALL_FULL_SIZE, true)->frames = frames;
}

static void stall_side_facts(const struct attempt *attempt, struct fact *facts)
{
    bool client = is_unanswered(attempt, INITIATOR), server = is_unanswered(attempt, RESPONDER);
    enum side side = server && !client ? RESPONDER : INITIATOR;
    const struct side_record *stalled = &attempt->side[side], *other = &attempt->side[!side];
    if (!client && !server) {
        /* Everything was acknowledged: the reply is what is missing. */
        missing_fact(other, stalled, facts);
        if (!stalled->last_data->frame || other->data_packets || !was_acknowledged(stalled, other))
            return;
        set_flag(facts, FACT_STALL_ACKED, true);
        frame_list_add(&facts[FACT_STALL_ACKED].frames, stalled->last_data->frame);
        /* Who waits for a reply gives up some day, and says so. */
        bool cut_off = attempt->proto == PROTO_TCP && stalled->bytes >= TRANSFER_BYTES &&
                       !stalled->fin->frame && !stalled->rst->frame;
        set_flag(facts, FACT_STALL_CUT_OFF, cut_off)->frames = facts[FACT_STALL_ACKED].frames;
        set_word(facts, FACT_STALL_FROM, "initiator")->frames = facts[FACT_STALL_ACKED].frames;
        return;
    }
    struct frame_list frames = frame_notes_list(&stalled->repeat_frames);
    frame_list_add(&frames, stalled->first_unanswered->frame);
    set_flag(facts, FACT_STALL_ACKED, false)->frames = frames;
    set_word(facts, FACT_STALL_FROM,
             client && server ? "both"
             : client         ? "initiator"
                              : "responder")
        ->frames = frames;
    set_word(facts, FACT_STALL_OTHER_SIDE, other_side_word(stalled, other))->frames = frames;
    if (attempt->proto == PROTO_TCP)
        set_flag(facts, FACT_STALL_FULL_SIZE, only_full_size_lost(attempt, stalled, other))
            ->frames = frames;
    missing_fact(other, stalled, facts);
}

static void gave_up_fact(const struct attempt *attempt, struct fact *facts)
{
    bool gave_up[2];
    struct frame_list frames = {0};
    for (int i = 0; i < 2; i++) {
        const struct side_record *side = &attempt->side[i];
        gave_up[i] = side->fin->frame || side->rst->frame;
        frame_list_add(&frames, side->fin->frame ? side->fin->frame : side->rst->frame);
    }
    if (gave_up[INITIATOR] || gave_up[RESPONDER])
        set_word(facts, FACT_STALL_GAVE_UP,
                 gave_up[0] && gave_up[1] ? "both"
                 : gave_up[INITIATOR]     ? "initiator"
                                          : "responder")
            ->frames = frames;
}

void facts_of_midstream(const struct fact_context *context, const struct failure *failure,
                        struct fact *facts)
{
    const struct attempt *attempt = first_attempt(failure);
    if (!attempt || !is_midstream(failure->symptom))
        return;
    set_word(facts, FACT_DIED_AFTER, phase_word(context, attempt))->frames = failure->frames;
    idle_facts(context, failure, facts);
    stall_side_facts(attempt, facts);
    gave_up_fact(attempt, facts);
    double bytes = 0;
    const struct attempt *each;
    EACH_ATTEMPT(each, failure)
    bytes += (double)(each->side[INITIATOR].bytes + each->side[RESPONDER].bytes);
    set_number(facts, FACT_BYTES_MOVED, round(bytes / failure->sample_count));
}
