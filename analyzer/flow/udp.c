/* UDP: who asked first, whether the other side ever spoke, and what each side has sent since the
 * other last did. */
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"
#include "dissectors/vpn.h"

/* The first datagram comes from the initiator, unless it comes from a watched port to one that is
 * not: then the capture began late and this is an answer. */
static bool sender_is_initiator(const struct tracker *tracker, const struct packet *packet)
{
    const struct profiles *profiles = tracker->options.profiles;
    return !profiles_service(profiles, PROTO_UDP, packet->source_port) ||
           profiles_service(profiles, PROTO_UDP, packet->destination_port);
}

/* The group bit of the MAC address (IEEE 802) also tells the broadcast of a subnet. */
static bool to_group(const struct packet *packet)
{
    return ip_is_multicast(&packet->ip.destination) ||
           (packet->has_mac && (packet->destination_mac[0] & 1));
}

static void note_answer_time(struct tracker *tracker, const struct attempt *attempt,
                             const struct event *event)
{
    const struct side_record *asker = &attempt->side[INITIATOR];
    struct host *server = host_table_add(tracker->hosts, &attempt->address[RESPONDER]);
    int64_t us = (event->time_ns - asker->last->time_ns) / 1000;
    if (server && asker->repeats <= 1 && us >= 0 && us < server->answer_min_us)
        server->answer_min_us = (uint32_t)us;
}

static void attempt_datagram(struct tracker *tracker, struct attempt *attempt, enum side side,
                             const struct event *event)
{
    struct side_record *record = &attempt->side[side];
    struct side_record *other = &attempt->side[!side];
    const struct mark *mark = mark_of_event(tracker, event);
    if (side == RESPONDER && mark_there(other->last))
        note_answer_time(tracker, attempt, event);
    if (side == INITIATOR && !mark_there(other->first))
        attempt_asked(attempt, mark->time_ns);
    if (!mark_there(record->first)) {
        mark_name(&tracker->marks, &record->first, mark);
        mark_name(&tracker->marks, &record->first_data, mark);
    }
    if (record->repeats == 0) {
        mark_name(&tracker->marks, &record->first_unanswered, mark);
        record->idle_before_ns = mark->time_ns - attempt->last_ns;
        record->unanswered_length_min = mark->length;
    }
    record->repeats++;
    if ((attempt->bits & ATTEMPT_CARRIES) &&
        vpn_asks(event->packet->payload, event->packet->payload_captured, mark->length))
        record->asks++;
    frame_notes_add(&record->repeat_frames, event->frame);
    if (mark->length < record->unanswered_length_min)
        record->unanswered_length_min = mark->length;
    if (mark->length > record->unanswered_length_max)
        record->unanswered_length_max = mark->length;
    if (!attempt->pace)
        attempt->pace = memory_zeroed(1, sizeof *attempt->pace);
    pace_datagram(attempt->pace, side == INITIATOR, attempt_payload_hash(event->packet),
                  mark->length, event->frame, event->time_ns);
    record->bytes += mark->length;
    record->data_packets++;
    mark_name(&tracker->marks, &record->last, mark);
    mark_name(&tracker->marks, &record->last_data, mark);
    mark_drop(&tracker->marks, mark);

    attempt_survived(attempt, other);
    other->repeats = other->asks = 0;
    frame_notes_clear(&other->repeat_frames);
    mark_name(&tracker->marks, &other->first_unanswered, &no_mark);
    other->unanswered_length_max = 0;
    if (mark_there(attempt->side[INITIATOR].first) && mark_there(attempt->side[RESPONDER].first))
        attempt->bits |= ATTEMPT_ESTABLISHED;
    if (event->time_ns > attempt->last_ns) /* merged captures go back in time */
        attempt->last_ns = event->time_ns;
    attempt->last_frame = event->frame;
}

/* After so long a silence what comes is another try. RFC 4787 4.3: a mapping must live for two
 * minutes, and five are recommended. An exchange that was answered gets the longer time, since a
 * request that dies after a pause is a failure of the old one; one that never was has nothing to
 * keep. */
enum { IDLE_UNANSWERED_S = 120, IDLE_ANSWERED_S = 300 };

static bool begins_anew(const struct attempt *attempt, enum side side, const struct event *event)
{
    bool answered = mark_there(attempt->side[RESPONDER].first);
    int64_t idle_s = (event->time_ns - attempt->last_ns) / 1000000000;
    return side == INITIATOR && idle_s >= (answered ? IDLE_ANSWERED_S : IDLE_UNANSWERED_S);
}

static void restart_flow(struct flow *flow, const struct event *event)
{
    flow->bits &= FLOW_TOUCHED | FLOW_TUNNELLED | FLOW_INITIATOR_IS_HIGH;
    flow->first_ns = event->time_ns;
    flow->first_frame = (uint32_t)event->frame;
    flow_rest(flow)->answer_frame = flow_rest(flow)->answered_after_us = 0;
    flow->syn_count = 0;
    flow->attempt = 0;
}

enum { IKE = 500, IKE_BEHIND_NAT = 4500 }; /* RFC 7296 2.23 */

static bool speaks_ike(const struct attempt *attempt)
{
    uint16_t port = attempt->port[RESPONDER];
    return (attempt->bits & ATTEMPT_CARRIES) && (port == IKE || port == IKE_BEHIND_NAT);
}

/* ESP within the datagrams of IKE, RFC 3948. Copies count as well: they tell what was forwarded. */
static void note_esp(struct attempt *attempt, enum side side, const struct event *event)
{
    const struct packet *packet = event->packet;
    if (attempt->port[RESPONDER] != IKE_BEHIND_NAT ||
        !vpn_is_esp(packet->payload, packet->payload_captured, packet->payload_length))
        return;
    if (!attempt->esp_in_udp) {
        attempt->esp_in_udp = memory_zeroed(1, sizeof *attempt->esp_in_udp);
        memcpy(attempt->esp_in_udp->end, attempt->address, sizeof attempt->address);
    }
    tunnel_esp(attempt->esp_in_udp, (int)side, packet->payload, packet, event->frame,
               event->time_ns);
}

struct attempt *udp_track(struct tracker *tracker, struct event *event, enum side *side,
                          bool *fresh)
{
    const struct packet *packet = event->packet;
    bool added;
    struct flow *flow = tracker_event_flow(tracker, PROTO_UDP, event, &added);
    if (!flow)
        return NULL;
    if (added) {
        if (sender_is_initiator(tracker, packet) == event->from_high)
            flow->bits |= FLOW_INITIATOR_IS_HIGH;
        if (packet->tunnels)
            flow->bits |= FLOW_TUNNELLED;
        if (is_probe_packet(packet))
            flow->bits |= FLOW_PROBE;
        if (to_group(packet))
            flow->bits |= FLOW_TO_GROUP;
        flow->first_ns = event->time_ns;
        flow->first_frame = (uint32_t)event->frame;
    }
    struct flow_rest *rest = flow_rest(flow);
    *side = flow_side(flow, event->from_high);
    struct attempt *attempt = attempt_of_flow(tracker, flow);
    if (attempt && begins_anew(attempt, *side, event)) {
        attempt->bits |= ATTEMPT_SUPERSEDED;
        attempt = NULL;
        restart_flow(flow, event);
    }
    flow->bits |= *side == INITIATOR ? FLOW_FROM_INITIATOR : FLOW_FROM_RESPONDER;
    rest->last_ns = event->time_ns;
    if (is_probe_packet(packet))
        flow->bits &= (uint16_t)~FLOW_UNWATCHED; /* what comes back may be its answer */
    if (!rest->hop_limit[*side])
        rest->hop_limit[*side] = packet->ip.hop_limit;
    if (*side == RESPONDER && !rest->answer_frame)
        rest->answer_frame = (uint32_t)event->frame;
    if (*side == INITIATOR)
        flow_asked(flow);

    bool first = !attempt;
    if (first && !(flow->bits & FLOW_TO_GROUP))
        attempt = attempt_new(tracker, flow, event->key, event, *side, *side == RESPONDER);
    if (!attempt)
        return NULL;
    if (first && speaks_ike(attempt))
        attempt->esp = tunnels_between(&tracker->esp, &attempt->address[INITIATOR],
                                       &attempt->address[RESPONDER]);
    if (attempt->bits & ATTEMPT_CARRIES)
        note_esp(attempt, *side, event);
    *fresh = !attempt_is_copy(attempt, *side, event, 0);
    if (*fresh)
        attempt_datagram(tracker, attempt, *side, event);
    if (first && *side == RESPONDER)
        attempt_answered_elsewhere(tracker, attempt);
    if (first)
        attempt_find_twin(tracker, attempt);
    return attempt;
}
