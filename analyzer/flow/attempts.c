/* The records of product attempts: making them, giving them up, telling copies from packets. */
#include <stdlib.h>

#include "analyzer/flow/ftp.h"
#include "analyzer/flow/hash.h"
#include "analyzer/flow/held.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    EVICT_LOOKS = 32,
    LATEST = sizeof((struct tracker *)0)->latest / sizeof(uint32_t),
    SETTLED_MAX =
        2 * LATEST,    /* records of what went well that are kept whole, for late packets ... */
    KEPT_WHOLE = 1024, /* ... and always the first: vantages and what is usual are told by them */
    TWIN_LOOKS = 64,
    COPY_WINDOW_ID_NS = 1000000000, /* same non-zero IP-ID: a copy, however late */
    COPY_WINDOW_NS = 5000000,       /* nothing but the content to go by: a mirror port's delay */
    TWIN_WINDOW_NS = 200000000,
};

struct attempt *tracker_attempt(const struct tracker *tracker, uint32_t number)
{
    return number && number <= tracker->attempt_count ? attempt_at(tracker, number) : NULL;
}

struct attempt *attempt_of_flow(const struct tracker *tracker, const struct flow *flow)
{
    return tracker_attempt(tracker, flow->attempt);
}

struct attempt *tracker_next_attempt(const struct tracker *tracker, size_t *position)
{
    uint32_t number =
        *position ? attempt_at(tracker, (uint32_t)*position)->begun_link[1] : tracker->begun_end[0];
    if (!number)
        return NULL;
    *position = number;
    return attempt_at(tracker, number);
}

size_t tracker_attempt_numbers(const struct tracker *tracker)
{
    return tracker->attempt_count;
}

/* --- the order in which they began: a record that is used again has gone to the end --- */

static void link_begun(struct tracker *tracker, uint32_t before, uint32_t after)
{
    *(before ? &attempt_at(tracker, before)->begun_link[1] : &tracker->begun_end[0]) = after;
    *(after ? &attempt_at(tracker, after)->begun_link[0] : &tracker->begun_end[1]) = before;
}

static void begins_last(struct tracker *tracker, struct attempt *attempt)
{
    attempt->begun_link[1] = 0;
    link_begun(tracker, tracker->begun_end[1], attempt->number);
    tracker->begun_end[1] = attempt->number;
}

static uint64_t first_frame(const struct attempt *attempt)
{
    uint64_t one = attempt->side[INITIATOR].first->frame,
             two = attempt->side[RESPONDER].first->frame;
    return !one || (two && two < one) ? two : one;
}

static int by_first_frame(const void *left, const void *right)
{
    uint64_t a = first_frame(*(struct attempt *const *)left);
    uint64_t b = first_frame(*(struct attempt *const *)right);
    return (a > b) - (a < b);
}

void attempts_sort(struct tracker *tracker)
{
    size_t count = tracker->attempt_count;
    struct attempt **sorted = memory_zeroed(count + 1, sizeof(struct attempt *));
    for (size_t i = 0; i < count; i++)
        sorted[i] = attempt_at(tracker, (uint32_t)i + 1);
    qsort(sorted, count, sizeof *sorted, by_first_frame);
    tracker->begun_end[0] = tracker->begun_end[1] = 0;
    for (size_t i = 0; i < count; i++) {
        sorted[i]->begun_link[0] = 0;
        begins_last(tracker, sorted[i]);
    }
    free(sorted);
}

static bool worked_and_ended(const struct attempt *attempt)
{
    return (attempt->bits & ATTEMPT_ESTABLISHED) && mark_there(attempt->side[INITIATOR].fin) &&
           mark_there(attempt->side[RESPONDER].fin);
}

/* Connections that worked and ended go first, then the one silent for longest. */
static struct attempt *pick_victim(struct tracker *tracker)
{
    struct attempt *oldest = NULL;
    for (int i = 0; i < EVICT_LOOKS; i++) {
        struct attempt *attempt = attempt_at(tracker, (uint32_t)tracker->attempt_hand + 1);
        tracker->attempt_hand = (tracker->attempt_hand + 1) % tracker->attempt_count;
        if (worked_and_ended(attempt))
            return attempt;
        if (!oldest || attempt->last_ns < oldest->last_ns)
            oldest = attempt;
    }
    return oldest;
}

/* --- what went well and is over, oldest first --- */

static void link_settled(struct tracker *tracker, uint32_t older, uint32_t newer)
{
    *(older ? &attempt_at(tracker, older)->settled_link[1] : &tracker->settled_end[0]) = newer;
    *(newer ? &attempt_at(tracker, newer)->settled_link[0] : &tracker->settled_end[1]) = older;
}

static void unsettle(struct tracker *tracker, struct attempt *attempt)
{
    if (!(attempt->bits & ATTEMPT_SETTLED))
        return;
    link_settled(tracker, attempt->settled_link[0], attempt->settled_link[1]);
    attempt->bits &= (uint16_t)~ATTEMPT_SETTLED;
    tracker->settled_count--;
}

void attempt_settle(struct tracker *tracker, struct attempt *attempt)
{
    if ((attempt->bits & ATTEMPT_SETTLED) || attempt->number <= KEPT_WHOLE ||
        tracker->options.compared || !attempt_went_well(attempt))
        return;
    attempt->bits |= ATTEMPT_SETTLED;
    attempt->settled_link[1] = 0;
    link_settled(tracker, tracker->settled_end[1], attempt->number);
    tracker->settled_end[1] = attempt->number;
    tracker->settled_count++;
}

static bool is_dispensable(const struct tracker *tracker, const struct attempt *attempt)
{
    return !tracker->is_dispensable || tracker->is_dispensable(attempt, tracker->settle_context);
}

static bool has_flow(const struct attempt *attempt)
{
    return attempt->flow->attempt == attempt->number;
}

static void forget_frames(struct attempt *attempt)
{
    frame_notes_clear(&attempt->syn_frames);
    frame_notes_clear(&attempt->synack_frames);
    frame_notes_clear(&attempt->refused_frames);
    frame_notes_clear(&attempt->forwarded_frames);
    for (enum side side = INITIATOR; side <= RESPONDER; side++)
        frame_notes_clear(&attempt->side[side].repeat_frames);
}

static void make_blank(struct tracker *tracker, struct attempt *attempt)
{
    uint32_t number = attempt->number;
    forget_frames(attempt);
    attempt_drop_marks(&tracker->marks, attempt);
    attempt_clear(attempt);
    attempt->number = number;
}

/* The oldest, once there are many: a record to use again, of which what matters is kept. NULL:
 * none, or no room to keep it. Late packets of it are no new attempt. */
static struct attempt *reuse_settled(struct tracker *tracker)
{
    while (tracker->settled_count > SETTLED_MAX && !finished_full(tracker->finished)) {
        struct attempt *attempt = attempt_at(tracker, tracker->settled_end[0]);
        unsettle(tracker, attempt);
        if (!attempt_went_well(attempt) || !is_dispensable(tracker, attempt))
            continue; /* something came of it since, or was said on it */
        if (tracker->on_evict)
            tracker->on_evict(attempt, tracker->evict_context);
        if (has_flow(attempt)) {
            attempt->flow->attempt = 0;
            attempt->flow->bits |= FLOW_UNWATCHED;
        }
        finished_add(tracker->finished, attempt);
        link_begun(tracker, attempt->begun_link[0], attempt->begun_link[1]);
        make_blank(tracker, attempt);
        begins_last(tracker, attempt);
        return attempt;
    }
    return NULL;
}

static struct attempt *evict(struct tracker *tracker)
{
    struct attempt *attempt = pick_victim(tracker);
    unsettle(tracker, attempt);
    if (tracker->on_evict)
        tracker->on_evict(attempt, tracker->evict_context);
    tracker->counters.attempts_evicted++;
    if (worked_and_ended(attempt))
        tracker->counters.evicted_succeeded++;
    if (has_flow(attempt))
        attempt->flow->attempt = 0;
    struct attempt *twin = tracker_attempt(tracker, attempt->twin);
    if (twin) {
        twin->twin = 0;
        twin->bits &= (uint16_t)~ATTEMPT_IS_INNER; /* now it stands for both */
    }
    return attempt;
}

static struct attempt *blank_record(struct tracker *tracker)
{
    struct attempt *reused = reuse_settled(tracker);
    if (reused)
        return reused;
    if (tracker->attempt_count == tracker->attempt_cap) {
        struct attempt *attempt = evict(tracker);
        ftp_forget(attempt);
        free(attempt->pace);
        free(attempt->esp_in_udp);
        const uint32_t link[2] = {attempt->begun_link[0], attempt->begun_link[1]};
        make_blank(tracker, attempt);
        memcpy(attempt->begun_link, link, sizeof link);
        return attempt;
    }
    size_t count = tracker->attempt_count;
    if (count % ATTEMPT_SLAB == 0) {
        size_t slabs = count / ATTEMPT_SLAB + 1;
        tracker->attempt_slabs =
            memory_resize(tracker->attempt_slabs, slabs, sizeof *tracker->attempt_slabs);
        tracker->attempt_slabs[slabs - 1] = memory_zeroed(ATTEMPT_SLAB, sizeof(struct attempt));
    }
    uint32_t number = (uint32_t)++tracker->attempt_count;
    struct attempt *attempt = attempt_at(tracker, number);
    attempt_clear(attempt);
    attempt->number = number;
    begins_last(tracker, attempt);
    return attempt;
}

uint64_t attempt_payload_hash(const struct packet *packet)
{
    enum { HASHED = 64 };
    uint32_t length = packet->payload_captured < HASHED ? packet->payload_captured : HASHED;
    uint64_t hash = packet->payload_length;
    for (uint32_t i = 0; i < length; i++)
        hash = hash_mix(hash ^ packet->payload[i], 0x9e3779b97f4a7c15u);
    return hash | 1;
}

/* What the first packets of two twins have in common for certain: a NAT leaves the initial sequence
 * number and the payload alone. */
static uint32_t nat_mark(const struct packet *packet, uint64_t hash)
{
    return packet->kind == PACKET_TCP ? packet->tcp.sequence : (uint32_t)hash;
}

/* Of the newest TWIN_LOOKS marks, those with the same hash as this one: mostly there is none, and
 * the ring need not be searched. */
static uint8_t *alike(struct tracker *tracker, uint32_t mark)
{
    enum { HASH_BITS = 10 };
    _Static_assert(sizeof tracker->latest_alike == 1 << HASH_BITS, "one for each hash");
    return &tracker->latest_alike[mark * UINT32_C(0x9e3779b1) >> (32 - HASH_BITS)];
}

void attempts_note_latest(struct tracker *tracker, uint32_t mark, uint32_t number)
{
    uint32_t at = tracker->latest_at++;
    if (at >= TWIN_LOOKS)
        --*alike(tracker, tracker->latest_mark[(at - TWIN_LOOKS) % LATEST]);
    ++*alike(tracker, mark);
    tracker->latest_mark[at % LATEST] = mark;
    tracker->latest[at % LATEST] = number;
}

uint32_t attempts_latest_with(struct tracker *tracker, uint32_t mark)
{
    if (!*alike(tracker, mark))
        return 0;
    for (uint32_t i = 1; i < TWIN_LOOKS && i <= tracker->latest_at; i++)
        if (tracker->latest_mark[(tracker->latest_at - i) % LATEST] == mark)
            return tracker->latest[(tracker->latest_at - i) % LATEST];
    return 0;
}

/* A port forward of the capturing box may lead to a port that is no product's: what leaves it with
 * the initial sequence number of a product's SYN that has just come in, one router later. */
static const struct service *service_forwarded(struct tracker *tracker, const struct event *event)
{
    const struct packet *packet = event->packet;
    if (packet->kind != PACKET_TCP || packet->direction != LINK_OUT)
        return NULL;
    const struct attempt *outer =
        tracker_attempt(tracker, attempts_latest_with(tracker, packet->tcp.sequence));
    if (!outer || !mark_there(outer->syn) || outer->twin ||
        outer->syn->sequence != packet->tcp.sequence ||
        outer->port[INITIATOR] != packet->source_port ||
        !ip_equal(&outer->address[INITIATOR], &packet->ip.source) ||
        outer->syn->hop_limit != packet->ip.hop_limit + 1 ||
        event->time_ns - outer->syn->time_ns > TWIN_WINDOW_NS)
        return NULL;
    return profiles_service_at(tracker->options.profiles, outer->service);
}

struct attempt *attempt_new(struct tracker *tracker, struct flow *flow, const struct flow_key *key,
                            const struct event *event, enum side sender, bool midstream)
{
    const struct packet *packet = event->packet;
    uint16_t port = sender == INITIATOR ? packet->destination_port : packet->source_port;
    bool may_be_ftp_data = !midstream && key->proto == PROTO_TCP;
    if ((flow->bits & FLOW_UNWATCHED) && !may_be_ftp_data)
        return NULL;
    const struct service *service = profiles_service(tracker->options.profiles, key->proto, port);
    if (service && (flow->bits & FLOW_UNWATCHED))
        return NULL; /* it went well and is over */
    struct attempt *control = NULL;
    if (!service && may_be_ftp_data && (control = ftp_control_of(tracker, packet, event->time_ns)))
        service = profiles_service_at(tracker->options.profiles, control->service);
    if (!service && !midstream)
        service = service_forwarded(tracker, event);
    if (!service)
        return NULL;
    uint32_t control_number = control ? control->number : 0;
    struct attempt *attempt = blank_record(tracker);
    attempt->bits = midstream ? ATTEMPT_MIDSTREAM : 0;
    attempt->service = profiles_service_index(tracker->options.profiles, service);
    attempt->proto = key->proto;
    attempt->key = *key;
    attempt->flow = flow;
    attempt->tunnels = packet->tunnels;
    if (packet->tunnels) {
        attempt->tunnel_end[sender] = packet->tunnel_source;
        attempt->tunnel_end[!sender] = packet->tunnel_destination;
    }
    if (packet->tunnel_device)
        attempt->bits |= ATTEMPT_TUNNEL_DEVICE;
    if (service->tunnel)
        attempt->bits |= ATTEMPT_CARRIES;
    attempt->address[sender] = packet->ip.source;
    attempt->address[!sender] = packet->ip.destination;
    attempt->port[sender] = packet->source_port;
    attempt->port[!sender] = packet->destination_port;
    attempt->initiator_is_high = (flow->bits & FLOW_INITIATOR_IS_HIGH) != 0;
    attempt->last_ns = event->time_ns;
    if (packet->kind == PACKET_UDP)
        attempt->payload_hash = attempt_payload_hash(packet);
    control = tracker_attempt(tracker, control_number);
    if (control && control != attempt && control->ftp) { /* unless it just made room */
        attempt->control = control_number;
        attempt->backwards = control->ftp->mode == FTP_MODE_ACTIVE;
        ftp_data_seen(tracker, control, attempt);
    }
    flow_set_attempt(flow, attempt->number);
    flow->bits &= (uint16_t)~FLOW_UNWATCHED;
    attempts_note_latest(tracker, nat_mark(packet, attempt->payload_hash), attempt->number);
    return attempt;
}

static bool same_content(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->sequence == b->sequence && a->acknowledgment == b->acknowledgment &&
           a->length == b->length && a->flags_side == b->flags_side;
}

static int64_t copy_window(const struct fingerprint *now, const struct fingerprint *before,
                           bool is_syn, int64_t syn_copy_gap_ns)
{
    if (is_syn)
        return syn_copy_gap_ns;
    if (now->ip_id && now->ip_id == before->ip_id)
        return COPY_WINDOW_ID_NS;
    if (now->ip_id != before->ip_id)
        return -1;
    return COPY_WINDOW_NS;
}

static struct fingerprint fingerprint_of(enum side side, const struct event *event)
{
    const struct packet *packet = event->packet;
    bool tcp = packet->kind == PACKET_TCP;
    return (struct fingerprint){
        .time_ns = event->time_ns,
        .sequence = tcp ? packet->tcp.sequence : 0,
        .acknowledgment = tcp ? packet->tcp.acknowledgment : 0,
        .ip_id = packet->ip.id,
        .length = packet->payload_length,
        .flags_side = (uint16_t)((tcp ? packet->tcp.flags : 0) | (unsigned)side << 8),
        .hop_limit = packet->ip.hop_limit,
        .tunnelled = packet->tunnels != 0,
        .direction = packet->direction & 3,
        .if_index = packet->if_index,
    };
}

/* The box puts the packet into a tunnel and sends it on. */
static void note_wrapped(struct attempt *attempt, enum side side, const struct packet *packet)
{
    if (attempt->tunnels || (attempt->bits & ATTEMPT_WRAPPED))
        return;
    attempt->bits |= ATTEMPT_WRAPPED;
    attempt->tunnel_end[side] = packet->tunnel_source;
    attempt->tunnel_end[!side] = packet->tunnel_destination;
}

bool attempt_is_copy(struct attempt *attempt, enum side side, const struct event *event,
                     int64_t syn_copy_gap_ns)
{
    struct fingerprint now = fingerprint_of(side, event);
    bool is_syn = (now.flags_side & TCP_SYN) != 0;
    for (unsigned i = 0; i < RECENT_PACKETS; i++) {
        struct fingerprint *before = &attempt->recent[i];
        if (!before->time_ns || !same_content(&now, before))
            continue;
        /* UDP has nothing but its IP-ID: the same request again is a repeat, not a copy. */
        if (event->packet->kind == PACKET_UDP && !now.ip_id && now.hop_limit == before->hop_limit &&
            now.if_index == before->if_index)
            continue;
        int64_t age = now.time_ns - before->time_ns;
        if (age > copy_window(&now, before, is_syn, syn_copy_gap_ns))
            continue;
        attempt->copies++;
        if (before->tunnelled && !now.tunnelled) {
            *before = now; /* the tunnel ends here; that is not yet leaving the box */
            attempt->bits |= ATTEMPT_UNWRAPPED;
            return true;
        }
        if (!before->tunnelled && now.tunnelled)
            note_wrapped(attempt, side, event->packet);
        if (before->hop_limit > now.hop_limit &&
            before->hop_limit - now.hop_limit > attempt->copy_hops)
            attempt->copy_hops = (uint8_t)(before->hop_limit - now.hop_limit);
        /* Coming in twice is an interface and the bridge it belongs to. */
        bool only_in = now.direction == LINK_IN && before->direction == LINK_IN;
        if (!only_in && (now.hop_limit != before->hop_limit || now.if_index != before->if_index)) {
            attempt->forwarded++;
            attempt->forwarded_last[side] = event->frame;
            frame_notes_add(&attempt->forwarded_frames, event->frame);
        }
        return true;
    }
    attempt->recent[attempt->recent_at++ % RECENT_PACKETS] = now;
    return false;
}

/* The one packet is the other, one router later. Scanners send one sequence number and one payload
 * to many targets, so what a NAT leaves alone is not enough to know a twin by. */
static bool was_forwarded(const struct mark *before, const struct mark *after)
{
    int64_t apart = after->time_ns - before->time_ns;
    return apart >= 0 && apart <= TWIN_WINDOW_NS && after->hop_limit + 1 == before->hop_limit &&
           (after->ip_id == before->ip_id || !after->ip_id || !before->ip_id);
}

static bool is_twin(const struct attempt *outer, const struct attempt *inner)
{
    if (outer == inner || outer->proto != inner->proto ||
        !was_forwarded(outer->side[INITIATOR].first, inner->side[INITIATOR].first))
        return false;
    if (outer->proto == PROTO_TCP) /* a NAT leaves the initial sequence number alone */
        return mark_there(outer->syn) && outer->syn->sequence == inner->syn->sequence;
    return outer->payload_hash == inner->payload_hash &&
           (ip_equal(&outer->address[INITIATOR], &inner->address[INITIATOR]) ||
            ip_equal(&outer->address[RESPONDER], &inner->address[RESPONDER]));
}

void attempt_find_twin(struct tracker *tracker, struct attempt *attempt)
{
    uint32_t mark = tracker->latest_mark[(tracker->latest_at - 1) % LATEST]; /* its own */
    if (*alike(tracker, mark) == 1)
        return;
    for (uint32_t i = 2; i <= TWIN_LOOKS && i <= tracker->latest_at; i++) {
        uint32_t at = (tracker->latest_at - i) % LATEST;
        if (tracker->latest_mark[at] != mark)
            continue; /* without a look at the record, which is not in the cache */
        uint32_t number = held_let_go_number(tracker, tracker->latest[at]);
        struct attempt *outer = tracker_attempt(tracker, number);
        if (outer && !outer->twin && is_twin(outer, attempt)) {
            outer->twin = attempt->number;
            attempt->twin = outer->number;
            attempt->bits |= ATTEMPT_IS_INNER;
            return;
        }
    }
}

void attempt_answered_elsewhere(struct tracker *tracker, const struct attempt *answers)
{
    for (uint32_t i = 1; i <= LATEST && i <= tracker->latest_at; i++) {
        uint32_t number = tracker->latest[(tracker->latest_at - i) % LATEST];
        struct attempt *asked = tracker_attempt(tracker, number);
        if (asked && asked != answers && asked->proto == PROTO_UDP &&
            asked->service == answers->service && !asked->answered_by &&
            !mark_there(asked->side[RESPONDER].first) && mark_there(asked->side[INITIATOR].first) &&
            asked->port[INITIATOR] == answers->port[INITIATOR] &&
            ip_equal(&asked->address[INITIATOR], &answers->address[INITIATOR])) {
            asked->answered_by = answers->number;
            return;
        }
    }
}

void attempts_free(struct tracker *tracker)
{
    for (uint32_t number = 1; number <= tracker->attempt_count; number++) {
        ftp_forget(attempt_at(tracker, number));
        free(attempt_at(tracker, number)->pace);
        free(attempt_at(tracker, number)->esp_in_udp);
        forget_frames(attempt_at(tracker, number));
        attempt_drop_icmp(&tracker->marks, attempt_at(tracker, number));
    }
    for (size_t i = 0; i * ATTEMPT_SLAB < tracker->attempt_count; i++)
        free(tracker->attempt_slabs[i]);
    free(tracker->attempt_slabs);
    marks_free(&tracker->marks);
}
