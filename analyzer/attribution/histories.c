#include "analyzer/attribution/histories.h"

#include <stdlib.h>

#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum { FAILED_SYNS_MIN = 2 }; /* one SYN without an answer may be the capture's end */

/* A service by its address and port, as the capture names it. */
struct entry {
    bool used;
    struct ip_address server;
    uint16_t port;
    uint8_t proto;
    struct service_history history;
};

struct histories {
    struct entry *entries; /* open addressing, at most half full */
    size_t mask;
};

static struct entry *entry_of(const struct histories *histories, const struct ip_address *server,
                              uint16_t port, uint8_t proto)
{
    size_t at = hash_two((uint64_t)proto << 16 | port, server->halves[0], server->halves[1]) &
                histories->mask;
    for (;; at = (at + 1) & histories->mask) {
        struct entry *entry = &histories->entries[at];
        if (!entry->used ||
            (entry->port == port && entry->proto == proto && ip_equal(&entry->server, server)))
            return entry;
    }
}

static void want(struct histories *histories, const struct failure *failure)
{
    struct entry *entry =
        entry_of(histories, &failure->server, failure->server_port, failure->proto);
    entry->used = true;
    entry->server = failure->server;
    entry->port = failure->server_port;
    entry->proto = failure->proto;
}

static void note_survived(struct service_history *history, int64_t idle_ns, uint64_t frame)
{
    if (idle_ns > history->longest_survived_ns) {
        history->longest_survived_ns = idle_ns;
        history->survived_frame = frame;
    }
}

static void note_silence(struct service_history *history, const struct attempt *attempt,
                         double idle_min_s)
{
    note_survived(history, attempt->idle_survived_ns, attempt->idle_survived_frame);
    const struct side_record *died = NULL;
    for (int i = 0; i < 2; i++) {
        const struct side_record *side = &attempt->side[i];
        /* UDP: one datagram without an answer is no death. */
        bool waits = side->first_unanswered->frame && side->repeats > (attempt->proto == PROTO_UDP);
        bool reset = side->first_unanswered->frame && attempt->side[!i].rst->frame;
        if ((waits || reset) && (double)side->idle_before_ns / 1e9 >= idle_min_s &&
            (!died || side->idle_before_ns > died->idle_before_ns))
            died = side;
    }
    if (!died || !(attempt->bits & ATTEMPT_ESTABLISHED))
        return;
    if (!history->died++ || died->idle_before_ns < history->shortest_died_ns)
        history->shortest_died_ns = died->idle_before_ns;
    frame_list_add(&history->died_frames, died->first_unanswered->frame);
}

static void note_answered(struct service_history *history, const struct ip_address *client,
                          uint64_t frame, int64_t time_ns)
{
    history->several_answered |=
        history->answered_first && !ip_equal(&history->answered_client, client);
    if (!history->answered_first || time_ns < history->answered_first_ns) {
        history->answered_first = frame;
        history->answered_first_ns = time_ns;
        history->answered_client = *client;
    }
    if (!history->answered_last || time_ns > history->answered_last_ns) {
        history->answered_last = frame;
        history->answered_last_ns = time_ns;
    }
}

static void note_fate(struct service_history *history, const struct attempt *attempt)
{
    const struct ip_address *client = &attempt->address[INITIATOR];
    const struct mark *syn = attempt->syn;
    if (!syn->frame)
        return;
    if (attempt->synack->frame) {
        note_answered(history, client, syn->frame, syn->time_ns);
    } else if (attempt->refused->frame || attempt->icmp->count ||
               attempt->syn_count >= FAILED_SYNS_MIN) {
        history->several_failed |=
            history->failed_first && !ip_equal(&history->failed_client, client);
        if (!history->failed_first || syn->time_ns < history->failed_first_ns) {
            history->failed_first = syn->frame;
            history->failed_first_ns = syn->time_ns;
            history->failed_client = *client;
        }
        if (syn->time_ns > history->failed_last_ns)
            history->failed_last_ns = syn->time_ns;
    }
}

static void note_spoke(struct service_history *history, int64_t time_ns)
{
    if (time_ns > history->spoke_last_ns)
        history->spoke_last_ns = time_ns;
}

static void note_mute(struct service_history *history, const struct attempt *attempt)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct side_record *server = &attempt->side[RESPONDER];
    if (server->data_packets) {
        note_spoke(history, server->last_data->time_ns);
        return;
    }
    bool asked = attempt->synack->frame && client->data_packets && server->has_acknowledged &&
                 !sequence_after(client->next_sequence, server->acknowledged);
    if (!asked || server->rst_count || server->fin->frame)
        return;
    if (!history->mute++ || client->first_data->time_ns < history->mute_first_ns)
        history->mute_first_ns = client->first_data->time_ns;
    frame_list_add(&history->mute_frames, client->first_data->frame);
    frame_list_add(&history->mute_frames, server->last->frame);
}

static bool is_probe(const struct attempt *attempt)
{
    const struct mark *first = attempt->side[INITIATOR].first;
    return first->frame && first->hop_limit <= PROBE_HOP_LIMIT_MAX;
}

/* Of the connections that went well and left no more. */
static void note_finished(const struct histories *histories, const struct tracker *tracker,
                          const struct finished *finished)
{
    struct ip_address address[2];
    uint16_t port[2];
    tracker_finished_ends(tracker, finished, address, port);
    struct entry *entry =
        entry_of(histories, &address[RESPONDER], port[RESPONDER], finished->key.proto);
    if (!entry->used || finished->hop_limit <= PROBE_HOP_LIMIT_MAX)
        return;
    note_survived(&entry->history, finished->idle_survived_ns, finished->idle_survived_frame);
    note_answered(&entry->history, &address[INITIATOR], finished->first_frame, finished->begun_ns);
    note_spoke(&entry->history, finished->begun_ns);
}

struct histories *histories_gather(const struct tracker *tracker, const struct failure *failures,
                                   size_t failure_count, double idle_min_s)
{
    struct histories *histories = memory_zeroed(1, sizeof *histories);
    size_t slots = 64;
    while (slots < failure_count * 2)
        slots *= 2;
    histories->mask = slots - 1;
    histories->entries = memory_zeroed(slots, sizeof *histories->entries);
    for (size_t i = 0; i < failure_count; i++)
        want(histories, &failures[i]);
    size_t position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));) {
        struct entry *entry = entry_of(histories, &attempt->address[RESPONDER],
                                       attempt->port[RESPONDER], attempt->proto);
        if (!entry->used || (attempt->bits & ATTEMPT_IS_INNER) || is_probe(attempt))
            continue;
        note_silence(&entry->history, attempt, idle_min_s);
        note_fate(&entry->history, attempt);
        if (attempt->proto == PROTO_TCP)
            note_mute(&entry->history, attempt);
    }
    position = 0;
    for (struct finished finished; finished_next(tracker_finished(tracker), &position, &finished);)
        note_finished(histories, tracker, &finished);
    return histories;
}

void histories_free(struct histories *histories)
{
    if (!histories)
        return;
    free(histories->entries);
    free(histories);
}

const struct service_history *histories_of(const struct histories *histories,
                                           const struct failure *failure)
{
    const struct entry *entry =
        entry_of(histories, &failure->server, failure->server_port, failure->proto);
    return entry->used ? &entry->history : NULL;
}
