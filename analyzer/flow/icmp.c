/* ICMP errors, joined to the conversation they quote (RFC 792, RFC 4443 2.4). */
#include "analyzer/flow/held.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

enum {
    LATEST = sizeof((struct tracker *)0)->latest / sizeof(uint32_t),
    QUOTED_WINDOW_S = 10, /* an error later than this is about something else */
};

/* The conversation whose packet is quoted, as the quote's own addresses name it. */
static struct flow *quoted_flow(struct tracker *tracker, const struct icmp_quote *quote,
                                bool *from_high)
{
    struct flow_key key;
    uint8_t proto = quote->ip.protocol;
    if (!quote->has_ports || (proto != PROTO_TCP && proto != PROTO_UDP))
        return NULL;
    if (!tracker_key(tracker, proto, quote->ip.version, &quote->ip.source, quote->source_port,
                     &quote->ip.destination, quote->destination_port, false, &key, from_high))
        return NULL;
    return flow_table_find(tracker->flows, &key);
}

static bool quotes_translated(const struct attempt *attempt, const struct icmp_quote *quote)
{
    if (!quote->has_ports || attempt->proto != quote->ip.protocol)
        return false;
    if (attempt->proto == PROTO_TCP)
        return quote->has_sequence && attempt->syn->frame &&
               attempt->syn->sequence == quote->sequence;
    return attempt->port[RESPONDER] == quote->destination_port &&
           (ip_equal(&attempt->address[RESPONDER], &quote->ip.destination) ||
            (attempt->port[INITIATOR] == quote->source_port &&
             ip_equal(&attempt->address[INITIATOR], &quote->ip.source)));
}

/* The capture's snap length cut the quote before the ports. The error goes to whoever sent the
 * packet; where it also comes from whom the packet was for, the attempt between the two is meant.
 */
static bool quotes_too_little(const struct attempt *attempt, const struct packet *packet)
{
    return !packet->icmp.quote.has_ports && !attempt->side[RESPONDER].first->frame &&
           ip_equal(&attempt->address[INITIATOR], &packet->ip.destination) &&
           ip_equal(&attempt->address[RESPONDER], &packet->ip.source);
}

/* Connections that are held back and that the quote may be of, by what a NAT leaves alone. */
static void let_go_quoted(struct tracker *tracker, const struct icmp_quote *quote)
{
    uint32_t quoted[LATEST];
    size_t count = 0;
    for (uint32_t i = 0; i < LATEST && i < tracker->latest_at; i++)
        if (tracker->latest[i] > HELD_BASE &&
            (!quote->has_ports ||
             (quote->has_sequence && tracker->latest_mark[i] == quote->sequence)))
            quoted[count++] = tracker->latest[i];
    for (size_t i = 0; i < count; i++)
        held_let_go_number(tracker, quoted[i]);
}

/* A quote may show the packet as it was on the other side of a NAT. The initial sequence number is
 * the same on both sides; for UDP one of the addresses is. */
static struct attempt *search_latest(const struct tracker *tracker, const struct event *event)
{
    for (uint32_t i = 1; i <= LATEST && i <= tracker->latest_at; i++) {
        struct attempt *attempt =
            tracker_attempt(tracker, tracker->latest[(tracker->latest_at - i) % LATEST]);
        if (!attempt || event->time_ns - attempt->last_ns > QUOTED_WINDOW_S * INT64_C(1000000000))
            continue;
        if (quotes_translated(attempt, &event->packet->icmp.quote) ||
            quotes_too_little(attempt, event->packet))
            return attempt;
    }
    return NULL;
}

static void note_error(struct tracker *tracker, struct attempt *attempt, enum side quoted_side,
                       bool translated, const struct event *event)
{
    const struct icmp_header *icmp = &event->packet->icmp;
    if (icmp->class_ == ICMP_TOO_BIG) {
        attempt->too_big_seen = true; /* path MTU discovery at work (RFC 1191), not a failure */
        return;
    }
    if (icmp->class_ == ICMP_REDIRECTED)
        return;
    /* A closed socket refuses a late reply: not what the attempt failed by, if another error is. */
    if (attempt->icmp->count && attempt->icmp->quoted_side == RESPONDER && quoted_side == INITIATOR)
        attempt_drop_icmp(&tracker->marks, attempt);
    if (!attempt->icmp->count)
        attempt->icmp = memory_zeroed(1, sizeof *attempt->icmp);
    struct icmp_record *record = (struct icmp_record *)attempt->icmp;
    frame_notes_add(&record->frames, event->frame);
    if (record->count++)
        return;
    record->quoted_side = (uint8_t)quoted_side;
    const struct mark *quoted = attempt->side[quoted_side].last;
    record->first = mark_of_event(tracker, event);
    record->sender = event->packet->ip.source;
    record->type = icmp->type;
    record->code = icmp->code;
    record->class_ = icmp->class_;
    record->quoted_hop_limit = icmp->quote.ip.hop_limit;
    record->quoted_as_sent = quoted->frame && icmp->quote.ip.hop_limit ? quoted->hop_limit : 0;
    record->translated = translated;
    record->answered_after_ns = quoted->frame ? event->time_ns - quoted->time_ns : -1;
}

struct attempt *icmp_track(struct tracker *tracker, const struct event *event)
{
    const struct icmp_header *icmp = &event->packet->icmp;
    tracker->counters.icmp_unreachable += icmp->class_ == ICMP_UNREACHABLE;
    bool from_high;
    struct flow *flow = icmp->has_quote ? quoted_flow(tracker, &icmp->quote, &from_high) : NULL;
    struct attempt *attempt = NULL;
    enum side side = INITIATOR;
    if (flow) {
        flow->bits |= FLOW_ICMP_ERROR;
        side = flow_side(flow, from_high);
        held_let_go(tracker, flow);
        attempt = attempt_of_flow(tracker, flow);
        if (!attempt)
            return NULL;
    } else {
        let_go_quoted(tracker, &icmp->quote);
        attempt = search_latest(tracker, event);
        if (!attempt) {
            tracker->counters.icmp_unmatched++;
            return NULL;
        }
    }
    note_error(tracker, attempt, side, !flow && icmp->quote.has_ports, event);
    return attempt;
}
