/* TCP: one control flow for every conversation, and for those of products the attempt's record.
 *
 * The state kept is what tells failures apart, not a full state machine: a capture may begin late,
 * end early, miss a direction or hold frames twice, so nothing is concluded from what is absent
 * here; the detectors do that, knowing how long the capture went on. */
#include "analyzer/flow/ftp.h"
#include "analyzer/flow/held.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/words.h"

static bool has(const struct packet *packet, uint8_t flags)
{
    return (packet->tcp.flags & flags) == flags;
}

static bool is_syn(const struct packet *packet)
{
    return tcp_opens(packet->tcp.flags);
}

static bool is_synack(const struct packet *packet)
{
    return has(packet, TCP_SYN | TCP_ACK);
}

static struct segment segment_of(const struct event *event)
{
    const struct packet *packet = event->packet;
    return (struct segment){
        .frame = event->frame,
        .time_ns = event->time_ns,
        .sequence = packet->tcp.sequence,
        .acknowledgment = packet->tcp.acknowledgment,
        .payload_length = packet->payload_length,
        .source_port = packet->source_port,
        .destination_port = packet->destination_port,
        .window = packet->tcp.window,
        .flags = packet->tcp.flags,
        .hop_limit = packet->ip.hop_limit,
        .from_high = event->from_high,
        .tunnelled = packet->tunnels != 0,
        .probe = is_probe_packet(packet),
    };
}

/* Who began a conversation that the capture joins late: a SYN-ACK and a watched port tell, else the
 * lower port is taken for the service. */
static bool sender_is_initiator(const struct tracker *tracker, const struct segment *segment)
{
    if (segment->flags & TCP_SYN)
        return tcp_opens(segment->flags);
    const struct profiles *profiles = tracker->options.profiles;
    bool to = profiles_service(profiles, PROTO_TCP, segment->destination_port) != NULL;
    bool from = profiles_service(profiles, PROTO_TCP, segment->source_port) != NULL;
    if (to != from)
        return to;
    return segment->destination_port <= segment->source_port;
}

void tcp_flow_begins(const struct tracker *tracker, struct flow *flow,
                     const struct segment *segment)
{
    bool high = sender_is_initiator(tracker, segment) == segment->from_high;
    flow->bits |=
        (uint16_t)(high * FLOW_INITIATOR_IS_HIGH | !tcp_opens(segment->flags) * FLOW_MIDSTREAM |
                   segment->tunnelled * FLOW_TUNNELLED);
    flow->first_ns = segment->time_ns;
    flow->first_frame = (uint32_t)segment->frame;
}

/* A SYN that begins something new on a 5-tuple used before: forget the old, keep the key. */
static void restart_flow(const struct tracker *tracker, struct flow *flow,
                         const struct segment *segment, bool from_high)
{
    uint16_t kept = flow->bits & (FLOW_TOUCHED | FLOW_TUNNELLED);
    flow->bits = (uint16_t)(kept | (from_high ? FLOW_INITIATOR_IS_HIGH : 0));
    if (tracker_is_unwatched(tracker, PROTO_TCP, segment->source_port, segment->destination_port))
        flow->bits |= FLOW_UNWATCHED;
    flow->first_ns = segment->time_ns;
    flow->first_frame = (uint32_t)segment->frame;
    *flow_rest(flow) = (struct flow_rest){.last_ns = segment->time_ns};
    flow->syn_count = 0;
}

static bool flow_has_syn(const struct flow *flow, uint32_t isn)
{
    return (flow->bits & FLOW_SYN) && flow->isn == isn;
}

/* True where the SYN opens an attempt: a first one, or other than the SYN known. */
static bool flow_syn(struct tracker *tracker, struct flow *flow, const struct segment *segment,
                     enum side *side)
{
    tracker->counters.tcp_syn++;
    if (*side == INITIATOR && flow_has_syn(flow, segment->sequence)) {
        if (segment->time_ns - flow_rest(flow)->last_ns >= tracker->options.syn_copy_gap_ns)
            flow_asked(flow);
        return false;
    }
    if (*side == RESPONDER || (flow->bits & (FLOW_SYN | FLOW_MIDSTREAM)))
        restart_flow(tracker, flow, segment,
                     ((flow->bits & FLOW_INITIATOR_IS_HIGH) != 0) == (*side == INITIATOR));
    *side = INITIATOR;
    flow->isn = segment->sequence;
    flow->syn_count = 1;
    flow->bits |= FLOW_SYN;
    if (segment->probe)
        flow->bits |= FLOW_PROBE;
    tracker->counters.syn_attempts++;
    return true;
}

static void flow_answered(struct flow *flow, const struct segment *segment)
{
    struct flow_rest *rest = flow_rest(flow);
    if (rest->answer_frame)
        return;
    int64_t after_us = (segment->time_ns - flow->first_ns) / 1000;
    rest->answer_frame = (uint32_t)segment->frame;
    rest->answered_after_us = after_us < 0            ? 0
                              : after_us < UINT32_MAX ? (uint32_t)after_us
                                                      : UINT32_MAX;
}

/* Everything the control flow remembers of a packet that is not a SYN. */
static void flow_other(struct tracker *tracker, struct flow *flow, const struct segment *segment,
                       enum side side)
{
    unsigned flags = segment->flags;
    bool answers_syn = side == RESPONDER && (flow->bits & FLOW_SYN) && (flags & TCP_ACK) &&
                       segment->acknowledgment == flow->isn + 1;
    if (flags & TCP_RST) {
        bool pending = (flow->bits & FLOW_SYN) && !(flow->bits & (FLOW_SYNACK | FLOW_ESTABLISHED));
        if (pending && answers_syn && !(flow->bits & FLOW_REFUSED)) {
            tracker->counters.syn_refused++;
            flow->bits |= FLOW_REFUSED;
        } else if (!pending) {
            flow->bits |= FLOW_RESET;
        }
        return;
    }
    if (side == RESPONDER)
        flow_answered(flow, segment);
    if (flags & TCP_SYN) {
        if (answers_syn && !(flow->bits & (FLOW_SYNACK | FLOW_REFUSED)))
            tracker->counters.syn_answered++;
        flow->bits |= FLOW_SYNACK;
        if (answers_syn && !flow_rest(flow)->answer_isn)
            flow_rest(flow)->answer_isn = segment->sequence;
    } else if (side == INITIATOR || segment->payload_length) {
        flow->bits |= FLOW_ESTABLISHED;
    }
    if (flags & TCP_FIN)
        flow->bits |= FLOW_FIN;
}

bool tcp_flow_segment(struct tracker *tracker, struct flow *flow, const struct segment *segment,
                      enum side *side)
{
    bool opens = false;
    struct flow_rest *rest = flow_rest(flow);
    *side = flow_side(flow, segment->from_high);
    if (tcp_opens(segment->flags))
        opens = flow_syn(tracker, flow, segment, side);
    else
        flow_other(tracker, flow, segment, *side);
    flow->bits |= *side == INITIATOR ? FLOW_FROM_INITIATOR : FLOW_FROM_RESPONDER;
    rest->last_ns = segment->time_ns;
    if (!rest->hop_limit[*side] && !(segment->flags & TCP_RST))
        rest->hop_limit[*side] = segment->hop_limit;
    return opens;
}

/* --- the record of a product's attempt --- */

static void attempt_syn(struct tracker *tracker, struct attempt *attempt, const struct mark *mark)
{
    if (!mark_there(attempt->syn)) {
        mark_name(&tracker->marks, &attempt->syn, mark);
        attempt->side[INITIATOR].has_sequence = true;
        attempt->side[INITIATOR].next_sequence = mark->sequence + 1;
    }
    mark_name(&tracker->marks, &attempt->syn_last, mark);
    attempt_asked(attempt, mark->time_ns);
    attempt->syn_count++;
    frame_notes_add(&attempt->syn_frames, mark->frame);
    if (mark_there(attempt->synack))
        attempt->syns_after_synack++;
}

/* It may acknowledge data of the SYN as well (RFC 7413, Fast Open). */
static bool acknowledges_syn(const struct attempt *attempt, uint32_t acknowledgment)
{
    uint32_t beyond = acknowledgment - (attempt->syn->sequence + 1);
    return !mark_there(attempt->syn) || beyond <= attempt->syn->length;
}

static void attempt_synack(struct tracker *tracker, struct attempt *attempt,
                           const struct mark *mark)
{
    struct side_record *responder = &attempt->side[RESPONDER];
    if (!mark_there(attempt->synack)) {
        mark_name(&tracker->marks, &attempt->synack, mark);
        responder->has_sequence = true;
        responder->next_sequence = mark->sequence + 1;
        /* Before it, a server may have acknowledged the old connection of these ports. */
        responder->has_acknowledged = false;
        struct host *server = host_table_add(tracker->hosts, &attempt->address[RESPONDER]);
        if (server && attempt->syn_count == 1) {
            int64_t us = (mark->time_ns - attempt->syn->time_ns) / 1000;
            if (us >= 0 && us < server->answer_min_us)
                server->answer_min_us = (uint32_t)us;
        }
    }
    mark_name(&tracker->marks, &attempt->synack_last, mark);
    attempt->synack_count++;
    frame_notes_add(&attempt->synack_frames, mark->frame);
}

static void attempt_confirmed(struct tracker *tracker, struct attempt *attempt,
                              const struct mark *mark)
{
    mark_name(&tracker->marks, &attempt->confirmed, mark);
    attempt->bits |= ATTEMPT_ESTABLISHED;
    if (!mark_there(attempt->synack)) {
        if (mark_there(attempt->syn))
            attempt->bits |= ATTEMPT_ONE_SIDED;
        return;
    }
    struct host *client = host_table_add(tracker->hosts, &attempt->address[INITIATOR]);
    int64_t us = (mark->time_ns - attempt->synack_last->time_ns) / 1000;
    if (client && attempt->synack_count == 1 && us >= 0 && us < client->confirm_min_us)
        client->confirm_min_us = (uint32_t)us;
}

static void forget_unanswered(struct side_record *side)
{
    side->repeats = 0;
    frame_notes_clear(&side->repeat_frames);
    side->unanswered_length_min = side->unanswered_length_max = 0;
}

static bool outstanding(const struct side_record *sender, const struct side_record *receiver)
{
    return sender->has_sequence && (!receiver->has_acknowledged ||
                                    sequence_after(sender->next_sequence, receiver->acknowledged));
}

static void went_on_after_rst(struct attempt *attempt, enum side side)
{
    attempt->went_on_after_rst = (uint8_t)(attempt->went_on_after_rst | 1u << side);
}

/* The newest data, sent once, has just been acknowledged: a round trip, and at most some delay of
 * the acknowledgment more (RFC 9293 3.8.6.3). */
static void note_round_trip(struct tracker *tracker, struct attempt *attempt, uint32_t number,
                            int64_t now_ns)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct mark *newest = client->last_data;
    if (!mark_there(newest) || client->repeats || newest->sequence + newest->length != number)
        return;
    struct host *server = host_table_add(tracker->hosts, &attempt->address[RESPONDER]);
    int64_t us = (now_ns - newest->time_ns) / 1000;
    if (server && us >= 0 && us < server->answer_min_us)
        server->answer_min_us = (uint32_t)us;
}

/* `receiver` acknowledged what `sender` had sent. */
static void acknowledge(struct tracker *tracker, struct attempt *attempt, enum side receiver_side,
                        uint32_t number, int64_t now_ns)
{
    struct side_record *receiver = &attempt->side[receiver_side];
    struct side_record *sender = &attempt->side[!receiver_side];
    bool progress = !receiver->has_acknowledged || sequence_after(number, receiver->acknowledged);
    if (progress) {
        receiver->acknowledged = number;
        if (receiver_side == RESPONDER)
            note_round_trip(tracker, attempt, number, now_ns);
        receiver->has_acknowledged = true;
        if (mark_there(attempt->side[INITIATOR].rst) || mark_there(attempt->side[RESPONDER].rst))
            went_on_after_rst(attempt, receiver_side);
    }
    /* Where the acknowledgment before this one was swallowed, this one tells the sender nothing. */
    if (!progress && (outstanding(sender, receiver) || attempt_swallows(attempt, receiver_side)))
        return;
    attempt_survived(attempt, sender);
    forget_unanswered(sender);
    const struct mark *newest = sender->last_data;
    if (mark_there(newest) &&
        sequence_after(newest->sequence + newest->length, receiver->acknowledged)) {
        mark_name(&tracker->marks, &sender->first_unanswered, newest); /* sent while data moved */
        sender->idle_before_ns = 0;
    } else {
        mark_name(&tracker->marks, &sender->first_unanswered, &no_mark);
    }
}

/* A closed window (RFC 9293 3.8.6.1): the receiver is there and asks to wait. What probes it stays
 * unacknowledged and is no failure. */
static void window_closed(struct tracker *tracker, struct attempt *attempt, enum side receiver_side)
{
    struct side_record *sender = &attempt->side[!receiver_side];
    forget_unanswered(sender);
    mark_name(&tracker->marks, &sender->first_unanswered, &no_mark);
}

static void note_repeat(struct tracker *tracker, struct side_record *side, const struct mark *mark,
                        int64_t idle_ns)
{
    if (!mark_there(side->first_unanswered)) {
        mark_name(&tracker->marks, &side->first_unanswered, mark);
        side->idle_before_ns = idle_ns;
    }
    if (side->repeats == 0 || mark->length < side->unanswered_length_min)
        side->unanswered_length_min = mark->length;
    if (mark->length > side->unanswered_length_max)
        side->unanswered_length_max = mark->length;
    side->repeats++;
    frame_notes_add(&side->repeat_frames, mark->frame);
}

/* A packet that begins beyond all that was seen of its side: what lies between was sent before it,
 * and lost before the capture (or by it). What comes late fills the gap. */
static void note_missing(struct tracker *tracker, struct side_record *record,
                         const struct mark *mark)
{
    if (!sequence_after(mark->sequence, record->next_sequence)) {
        if (mark->length && record->missing)
            record->missing -= mark->length < record->missing ? mark->length : record->missing;
        return;
    }
    if (!record->missing)
        mark_name(&tracker->marks, &record->beyond_missing, mark);
    record->missing = mark->sequence - record->next_sequence;
}

/* New data, a retransmission, or a keep-alive probe (RFC 9293 3.8.4: one below the next). */
static void attempt_data(struct tracker *tracker, struct attempt *attempt, enum side side,
                         const struct mark *mark)
{
    struct side_record *record = &attempt->side[side];
    const struct side_record *other = &attempt->side[!side];
    int64_t idle_ns = mark->time_ns - attempt->last_ns;
    uint32_t end = mark->sequence + mark->length + ((mark->flags & TCP_FIN) ? 1 : 0);
    if (!record->has_sequence) {
        record->has_sequence = true;
        record->next_sequence = mark->sequence;
    }
    note_missing(tracker, record, mark);
    if (sequence_after(end, record->next_sequence)) {
        if (!outstanding(record, other) || !mark_there(record->first_unanswered)) {
            mark_name(&tracker->marks, &record->first_unanswered, mark);
            record->idle_before_ns = idle_ns;
        }
        record->next_sequence = end;
        record->bytes += mark->length;
        if (mark->length >= FULL_SIZE_MIN && !record->has_full_size) {
            record->has_full_size = true;
            record->full_size_sequence = mark->sequence;
        }
        if (mark_there(record->rst))
            went_on_after_rst(attempt, side);
        if (mark->length) {
            record->data_packets++;
            mark_name(&tracker->marks, &record->last_data, mark);
            if (!mark_there(record->first_data))
                mark_name(&tracker->marks, &record->first_data, mark);
        }
    } else if (end != mark->sequence) {
        if (other->has_acknowledged && !sequence_after(end, other->acknowledged) &&
            mark->length > 1 && !attempt_swallows(attempt, !side))
            return; /* sent again needlessly: it had arrived, and the sender was told */
        note_repeat(tracker, record, mark, idle_ns);
    } else if (mark->sequence == record->next_sequence - 1 && !(mark->flags & TCP_SYN)) {
        note_repeat(tracker, record, mark, idle_ns);
    }
}

static void attempt_rst(struct tracker *tracker, struct attempt *attempt, enum side side,
                        const struct packet *packet, const struct mark *mark)
{
    struct side_record *record = &attempt->side[side];
    if (record->rst_count++ == 0)
        mark_name(&tracker->marks, &record->rst, mark);
    bool answers_syn = mark_there(attempt->syn) && !mark_there(attempt->synack) &&
                       side == RESPONDER && !(attempt->bits & ATTEMPT_ESTABLISHED);
    if (answers_syn) {
        if (!mark_there(attempt->refused)) {
            mark_name(&tracker->marks, &attempt->refused, mark);
            attempt->refused_checksum = (uint8_t)packet_checksum_state(packet);
            attempt->refused_label = packet_flow_label(packet);
            attempt->refused_class = packet_service_class(packet);
        }
        frame_notes_add(&attempt->refused_frames, mark->frame);
    }
}

static void attempt_packet(struct tracker *tracker, struct attempt *attempt, enum side side,
                           const struct packet *packet, const struct mark *mark)
{
    struct side_record *record = &attempt->side[side];
    if (is_synack(packet) && !acknowledges_syn(attempt, packet->tcp.acknowledgment))
        return; /* of an older connection */
    if (!mark_there(record->first))
        mark_name(&tracker->marks, &record->first, mark);
    if (has(packet, TCP_RST)) {
        attempt_rst(tracker, attempt, side, packet, mark);
    } else if (is_syn(packet)) {
        if (!mark_there(attempt->syn))
            attempt->syn_class = packet_service_class(packet);
        attempt_syn(tracker, attempt, mark);
    } else if (is_synack(packet)) {
        attempt_synack(tracker, attempt, mark);
    } else {
        if (side == INITIATOR && !mark_there(attempt->confirmed))
            attempt_confirmed(tracker, attempt, mark);
        if (side == RESPONDER && packet->payload_length)
            attempt->bits |= ATTEMPT_ESTABLISHED;
        attempt_data(tracker, attempt, side, mark);
        if (has(packet, TCP_FIN) && !mark_there(record->fin))
            mark_name(&tracker->marks, &record->fin, mark);
    }
    if (has(packet, TCP_ACK) && !has(packet, TCP_RST)) {
        acknowledge(tracker, attempt, side, packet->tcp.acknowledgment, mark->time_ns);
        if (packet->tcp.window == 0 && !has(packet, TCP_FIN))
            window_closed(tracker, attempt, side);
    }
    if (!has(packet, TCP_RST))
        mark_name(&tracker->marks, &record->last, mark);
    if (attempt->went_on_after_rst == 3)
        attempt->bits |= ATTEMPT_RST_SURVIVED;
    if (mark->time_ns > attempt->last_ns) /* merged captures go back in time */
        attempt->last_ns = mark->time_ns;
    attempt->last_frame = mark->frame;
}

/* Of a packet that is new to it. True where the SYN opens an attempt. */
static bool flow_learns(struct tracker *tracker, struct flow *flow, const struct event *event,
                        bool added, enum side *side)
{
    const struct segment segment = segment_of(event);
    if (added)
        tcp_flow_begins(tracker, flow, &segment);
    return tcp_flow_segment(tracker, flow, &segment, side);
}

struct attempt *tcp_track(struct tracker *tracker, struct event *event, enum side *side,
                          bool *fresh)
{
    const struct packet *packet = event->packet;
    bool added;
    struct flow *flow = tracker_event_flow(tracker, PROTO_TCP, event, &added);
    if (!flow) {
        tracker->counters.tcp_syn += is_syn(packet);
        return NULL;
    }
    held_let_go(tracker, flow);
    struct attempt *attempt = attempt_of_flow(tracker, flow);
    bool opens = event->replayed ? !attempt : flow_learns(tracker, flow, event, added, side);
    if (event->replayed)
        *side = flow_side(flow, event->from_high);
    if (attempt && opens) {
        attempt->bits |= ATTEMPT_SUPERSEDED;
        attempt = NULL;
        flow->attempt = 0;
    }
    bool first = !attempt;
    if (first)
        attempt = attempt_new(tracker, flow, event->key, event, *side, !is_syn(packet));
    if (!attempt)
        return NULL;
    *fresh = !attempt_is_copy(attempt, *side, event, tracker->options.syn_copy_gap_ns);
    if (*fresh) {
        const struct mark *mark = mark_of_event(tracker, event);
        attempt_packet(tracker, attempt, *side, packet, mark);
        if (packet->payload_captured && !(attempt->bits & ATTEMPT_NOT_FTP))
            ftp_packet(tracker, attempt, *side, packet, mark);
        mark_drop(&tracker->marks, mark);
    }
    if (first && opens)
        attempt_find_twin(tracker, attempt);
    if (has(packet, TCP_FIN))
        attempt_settle(tracker, attempt);
    return attempt;
}
