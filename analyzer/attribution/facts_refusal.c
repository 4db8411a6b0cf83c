/* Who sent the RST or the ICMP error: its distance, its time, its card, what it repeats. */
#include <math.h>

#include "analyzer/attribution/facts_internal.h"

enum {
    STEADY_PACKETS_MIN = 2,     /* of one hop limit, before one hop of difference counts */
    TOO_SOON_RTT_MIN_US = 2000, /* below this, timers and scheduling blur the comparison */
};

static const char *icmp_reason(const struct icmp_record *icmp, bool v4)
{
    static const char *const v4_codes[16] = {"net",  "host",  "protocol", "port",  "other", "net",
                                             "net",  "host",  "host",     "admin", "admin", "net",
                                             "host", "admin", "other",    "other"}; /* RFC 1812 */
    static const char *const v6_codes[8] = {"net",  "admin", "net",   "host",
                                            "port", "admin", "admin", "other"}; /* RFC 4443 3.1 */
    if (icmp->class_ == ICMP_TIME_EXCEEDED)
        return icmp->code == 0 ? "ttl" : "other";
    if (icmp->class_ != ICMP_UNREACHABLE)
        return "other";
    if (v4)
        return icmp->code < 16 ? v4_codes[icmp->code] : "other";
    return icmp->code < 8 ? v6_codes[icmp->code] : "other";
}

/* Word for a hop limit against what the address's own packets show. NULL: no baseline. */
static const char *against_baseline(const struct fact_context *context, const struct host *host,
                                    uint8_t hop_limit)
{
    if (!host || !host->measured)
        return NULL;
    int hops = hops_travelled(hop_limit), usual = hops_travelled(host->hop_limit);
    /* The device one hop before a host is what a port forward leads through, so a single hop
     * counts where the host's own packets show no variation that would explain it. */
    bool steady =
        host->measured >= STEADY_PACKETS_MIN && host->hop_limit_min == host->hop_limit_max;
    if (hops == usual - 1 && steady)
        return "one-nearer";
    if (hop_limit == host->hop_limit && steady)
        return "exact";
    if (fabs((double)hops - usual) <= context->thresholds->ttl_tolerance_hops)
        return "same";
    return hops < usual ? "nearer" : "farther";
}

static const char *mac_word(const struct host *host, const struct mark *mark)
{
    if (!host || !host->has_mac || host->several_macs || !mark->has_mac)
        return NULL;
    return memcmp(host->mac, mark->mac, sizeof host->mac) == 0 ? "same" : "different";
}

struct sighting {
    const struct mark *mark;
    const struct attempt *attempt; /* where it was seen: this one, or its twin */
};

/* A gateway that captures on "any" shows a refusal twice, the second time one hop later and, behind
 * a NAT, in the twin. Distances are those at which it came in. */
static struct sighting arriving(const struct fact_context *context, const struct attempt *attempt,
                                const struct mark *refusal)
{
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    const struct sighting here = {refusal, attempt};
    if (!twin || refusal->direction != LINK_OUT)
        return here;
    const struct mark *there = refusal == attempt->icmp->first ? twin->icmp->first
                               : refusal == attempt->refused   ? twin->refused
                               : refusal == attempt->side[RESPONDER].rst
                                   ? twin->side[RESPONDER].rst
                                   : twin->side[INITIATOR].rst;
    return there->frame && there->direction == LINK_IN ? (struct sighting){there, twin} : here;
}

static const struct host *host_at(const struct fact_context *context, const struct attempt *attempt,
                                  enum side side)
{
    return host_table_find(tracker_hosts(context->vantage->tracker), &attempt->address[side]);
}

static void icmp_distance(const struct fact_context *context, const struct attempt *attempt,
                          struct fact *facts)
{
    const struct icmp_record *icmp = attempt->icmp;
    if (!icmp->quoted_as_sent || icmp->quoted_as_sent < icmp->quoted_hop_limit)
        return;
    int passed = icmp->quoted_as_sent - icmp->quoted_hop_limit;
    set_number(facts, FACT_ICMP_QUOTED_HOPS, passed)->frames = frame_notes_list(&icmp->frames);
    int to_server = vantage_hops(context->vantage, attempt, RESPONDER);
    if (to_server >= 0)
        set_word(facts, FACT_ICMP_QUOTED_DISTANCE,
                 passed >= to_server ? "at-server" : "before-server")
            ->frames = frame_notes_list(&icmp->frames);
}

/* Where there and back is the same way, a packet refused by whom it reached has passed as many
 * routers as the error has. A router that refuses it in its forwarding path has taken off one more
 * by then. Any other difference says that the ways differ. */
static void refused_while_fact(const struct fact_context *context, const struct attempt *attempt,
                               struct fact *facts)
{
    const struct attempt *seen = arriving(context, attempt, attempt->icmp->first).attempt;
    const struct icmp_record *icmp = seen->icmp;
    if (!icmp->quoted_as_sent || icmp->quoted_as_sent < icmp->quoted_hop_limit)
        return;
    int beyond =
        icmp->quoted_as_sent - icmp->quoted_hop_limit - hops_travelled(icmp->first->hop_limit);
    /* The capturing box took one off itself, where the error comes from its other side. */
    if (attempt->forwarded && !attempt_loops(attempt) && icmp->first->direction == LINK_IN)
        beyond--;
    if (beyond == 0 || beyond == 1)
        set_word(facts, FACT_ICMP_REFUSED_WHILE, beyond ? "forwarding" : "arriving")->frames =
            frame_notes_list(&icmp->frames);
}

static void icmp_waited_fact(const struct failure *failure, struct fact *facts)
{
    double longest_ms = -1;
    struct frame_list frames = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct mark *first = attempt->side[INITIATOR].first;
        if (!attempt->icmp->count || !first->frame)
            continue;
        double ms = (double)(attempt->icmp->first->time_ns - first->time_ns) / 1e6;
        if (ms <= longest_ms)
            continue;
        longest_ms = ms;
        frames = (struct frame_list){0};
        frame_list_add(&frames, first->frame);
        frame_list_add(&frames, attempt->icmp->first->frame);
    }
    if (longest_ms >= 0)
        set_number(facts, FACT_ICMP_WAITED_MS, round(longest_ms))->frames = frames;
}

static void icmp_facts(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts)
{
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct icmp_record *icmp = attempt->icmp;
        if (!icmp->count)
            continue;
        const struct host *server =
            host_table_find(tracker_hosts(context->vantage->tracker), &failure->server);
        const char *sender = ip_equal(&icmp->sender, &failure->server)   ? "server"
                             : ip_equal(&icmp->sender, &failure->client) ? "client"
                                                                         : "other";
        set_word(facts, FACT_ICMP_REASON, icmp_reason(icmp, ip_is_v4(&icmp->sender)))->frames =
            frame_notes_list(&icmp->frames);
        set_word(facts, FACT_ICMP_SENDER, sender)->frames = frame_notes_list(&icmp->frames);
        set_number(facts, FACT_ICMP_HOPS, hops_travelled(icmp->first->hop_limit))->frames =
            frame_notes_list(&icmp->frames);
        const struct sighting seen = arriving(context, attempt, icmp->first);
        const char *ttl = against_baseline(context, host_at(context, seen.attempt, RESPONDER),
                                           seen.mark->hop_limit);
        if (ttl)
            set_word(facts, FACT_ICMP_TTL, ttl)->frames = frame_notes_list(&icmp->frames);
        const char *mac = mac_word(server, icmp->first);
        if (mac)
            set_word(facts, FACT_ICMP_MAC, mac)->frames = frame_notes_list(&icmp->frames);
        set_word(facts, FACT_ICMP_NAT, icmp->translated ? "translated" : "as-sent")->frames =
            frame_notes_list(&icmp->frames);
        icmp_distance(context, attempt, facts);
        refused_while_fact(context, attempt, facts);
        return;
    }
}

static const struct mark *reset_of(const struct attempt *attempt, enum side *side)
{
    *side = RESPONDER;
    if (attempt->refused->frame)
        return attempt->refused;
    for (int i = RESPONDER; i >= INITIATOR; i--) {
        *side = (enum side)i;
        if (attempt->side[i].rst->frame)
            return attempt->side[i].rst;
    }
    return NULL;
}

static double reset_delay_ms(const struct attempt *attempt, const struct mark *rst, enum side side)
{
    const struct mark *before = attempt->refused->frame ? attempt->syn : attempt->side[!side].last;
    /* Windows repeats its SYN after a RST: the first pair is the one to measure. */
    return before->frame && before->time_ns <= rst->time_ns
               ? (double)(rst->time_ns - before->time_ns) / 1e6
               : -1;
}

static void reset_timing(const struct fact_context *context, const struct host *host,
                         double delay_ms, struct frame_list frames, struct fact *facts)
{
    if (!host || host->answer_min_us == HOST_NO_TIME || host->answer_min_us < TOO_SOON_RTT_MIN_US)
        return;
    bool soon = delay_ms * 1000 < context->thresholds->rst_too_soon_ratio * host->answer_min_us;
    set_word(facts, FACT_RST_TIMING, soon ? "too-soon" : "as-usual")->frames = frames;
}

/* The baseline of a RST is what its side sent in the same connection, else the address elsewhere.
 * A single hop counts where all that the address sent is alike, be it one packet: balancers keep a
 * connection to one path (RFC 2992). */
static const char *reset_ttl(const struct fact_context *context, const struct attempt *attempt,
                             const struct mark *rst, enum side side, const struct host *host)
{
    const struct mark *own = attempt->side[side].last;
    if (!own->frame)
        return against_baseline(context, host, rst->hop_limit);
    int apart = (int)rst->hop_limit - (int)own->hop_limit;
    if (fabs((double)apart) <= context->thresholds->ttl_tolerance_hops) {
        const char *word = against_baseline(context, host, rst->hop_limit);
        bool sharp = word && (strcmp(word, "one-nearer") == 0 || strcmp(word, "exact") == 0);
        bool varies = host && host->hop_limit_min != host->hop_limit_max;
        return sharp ? word : apart == 1 && !varies ? "one-nearer" : "same";
    }
    return hops_travelled(rst->hop_limit) <= hops_travelled(own->hop_limit) ? "nearer" : "farther";
}

/* RFC 7323 3.2: a RST of the connection's own end carries the timestamps it has agreed on. Who only
 * looks on could copy them; hardly anybody does. An end that knows of no such connection, or not
 * any more, has none, and some others leave them out; they are missed where both sides had them. */
static void own_stack_fact(const struct attempt *attempt, const struct mark *rst, enum side side,
                           struct fact *facts)
{
    const struct mark *own = attempt->side[side].last, *other = attempt->side[!side].last;
    if (!own->has_timestamp || !own->frame)
        return;
    if (!rst->has_timestamp) {
        if (!other->has_timestamp)
            return;
        struct fact *fact = set_flag(facts, FACT_RST_UNSTAMPED, true);
        frame_list_add(&fact->frames, rst->frame);
        frame_list_add(&fact->frames, own->frame);
        return;
    }
    bool goes_on =
        !sequence_after(own->timestamp, rst->timestamp) &&
        (!other->has_timestamp || !sequence_after(rst->timestamp_echo, other->timestamp));
    struct fact *fact = set_flag(facts, FACT_RST_STACK, goes_on);
    frame_list_add(&fact->frames, rst->frame);
    frame_list_add(&fact->frames, own->frame);
}

/* A system counts its IP-ID on, or sends 0 (RFC 6864 4.1): the same number in RSTs of several
 * connections is a device's own. */
static void same_id_fact(const struct failure *failure, struct fact *facts)
{
    uint32_t alike = 0, id = 0;
    struct frame_list frames = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        enum side side;
        const struct mark *rst = reset_of(attempt, &side);
        if (!rst || !rst->ip_id || (id && rst->ip_id != id))
            continue;
        id = rst->ip_id;
        alike++;
        frame_list_add(&frames, rst->frame);
    }
    if (alike)
        set_number(facts, FACT_RST_SAME_ID, alike)->frames = frames;
}

/* Linux: over IPv4 the stack's answer for a closed port is summed up in software
 * (tcp_v4_send_reset()), and what a rule rejects with is left for the card to sum up
 * (nf_send_reset()); over IPv6 it is the other way round. Where it was captured on the sender, it
 * shows. Other systems leave both to the card and count their IP-ID on, or are BSD. */
static void checksum_fact(const struct attempt *attempt, const struct host *host,
                          struct fact *facts)
{
    const struct mark *rst = attempt->refused;
    if (!rst->frame || rst->ip_id)
        return;
    bool others_unfinished = host && host->checksums_wrong;
    const char *word = attempt->refused_checksum == CHECKSUM_UNFINISHED ? "unfinished"
                       : attempt->refused_checksum == CHECKSUM_RIGHT && others_unfinished
                           ? "complete"
                           : NULL;
    if (word)
        frame_list_add(&set_word(facts, FACT_RST_CHECKSUM, word)->frames, rst->frame);
}

/* Linux gives the packets of its own stack a flow label (net.ipv6.auto_flowlabels), and none to
 * what a rule rejects with. It stays as it is all the way (RFC 6437 3). */
static void flow_label_fact(const struct attempt *attempt, struct fact *facts)
{
    const struct mark *rst = attempt->refused;
    if (!rst->frame || ip_is_v4(&attempt->address[RESPONDER]))
        return;
    const char *word = attempt->refused_label ? "set" : "none";
    frame_list_add(&set_word(facts, FACT_RST_FLOW_LABEL, word)->frames, rst->frame);
}

/* Linux answers for a closed port in the class of service that was asked in, and rejects by a rule
 * in none; pf rejects in one of its own. */
static void service_class_fact(const struct attempt *attempt, struct fact *facts)
{
    enum { PF_REJECTS_IN = 0x10 }; /* IPTOS_LOWDELAY, over IPv4 */
    uint8_t asked = attempt->syn_class, refused = attempt->refused_class;
    const char *word = NULL;
    if (!attempt->refused->frame || asked == PF_REJECTS_IN)
        return;
    if (refused == PF_REJECTS_IN && ip_is_v4(&attempt->address[RESPONDER]))
        word = "low-delay";
    else if (asked && (refused == asked || !refused))
        word = refused ? "as-asked" : "none";
    if (!word)
        return;
    struct fact *fact = set_word(facts, FACT_RST_CLASS, word);
    frame_list_add(&fact->frames, attempt->syn->frame);
    frame_list_add(&fact->frames, attempt->refused->frame);
}

static void reset_facts(const struct fact_context *context, const struct failure *failure,
                        struct fact *facts)
{
    const struct attempt *attempt = first_attempt(failure);
    enum side side;
    const struct mark *rst = attempt ? reset_of(attempt, &side) : NULL;
    if (!rst)
        return;
    struct frame_list frames = {0};
    frame_list_add(&frames, rst->frame);
    const struct host *host = host_at(context, attempt, side);
    bool both = attempt->side[INITIATOR].rst->frame && attempt->side[RESPONDER].rst->frame;
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    both |= twin && !attempt->refused->frame && twin->side[!side].rst->frame;
    set_word(facts, FACT_RST_FROM,
             both                ? "both"
             : side == RESPONDER ? "responder"
                                 : "initiator")
        ->frames = frames;
    set_number(facts, FACT_RST_HOPS, hops_travelled(rst->hop_limit))->frames = frames;
    const struct sighting seen = arriving(context, attempt, rst);
    const char *ttl =
        reset_ttl(context, seen.attempt, seen.mark, side, host_at(context, seen.attempt, side));
    if (ttl)
        set_word(facts, FACT_RST_TTL, ttl)->frames = frames;
    const struct mark *own = seen.attempt->side[side].last;
    if (own->frame)
        set_number(facts, FACT_RST_HOPS_FEWER,
                   hops_travelled(own->hop_limit) - hops_travelled(seen.mark->hop_limit))
            ->frames = frames;
    const char *mac = mac_word(host, rst);
    if (mac)
        set_word(facts, FACT_RST_MAC, mac)->frames = frames;
    const struct mark *trigger = attempt->refused->frame ? attempt->syn : attempt->side[!side].last;
    bool copied = trigger->frame && trigger->time_ns <= rst->time_ns &&
                  ((rst->ip_id && (rst->ip_id == trigger->ip_id ||
                                   rst->ip_id == attempt->side[side].last->ip_id)) ||
                   (rst->window && rst->window == trigger->window));
    set_flag(facts, FACT_RST_COPIED, copied)->frames = frames;
    same_id_fact(failure, facts);
    checksum_fact(attempt, host, facts);
    flow_label_fact(attempt, facts);
    service_class_fact(attempt, facts);
    own_stack_fact(attempt, rst, side, facts);
    if (!attempt->refused->frame)
        set_flag(facts, FACT_RST_OUTRUN, (attempt->went_on_after_rst & 1u << side) != 0)->frames =
            frames;
    double delay_ms = reset_delay_ms(attempt, rst, side);
    if (delay_ms >= 0)
        reset_timing(context, host, delay_ms, frames, facts);
}

/* On a gateway the refusal that was passed on is seen coming in as well: in the same conversation,
 * or in its twin on the other side of the NAT. */
static void made_here_fact(const struct fact_context *context, const struct failure *failure,
                           struct fact *facts)
{
    const struct attempt *attempt = first_attempt(failure);
    enum side side;
    const struct mark *rst = attempt ? reset_of(attempt, &side) : NULL;
    const struct mark *refusal = rst ? rst : attempt ? attempt->icmp->first : NULL;
    if (!refusal || !refusal->frame || refusal->direction == LINK_UNKNOWN)
        return;
    if (other_side_unknown(failure))
        return;
    /* Both ends may be reset at once, so the other side's RST is no sign that this one was passed
     * on. */
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    bool passed_on =
        twin && (rst ? twin->refused->frame || twin->side[side].rst->frame : twin->icmp->count > 0);
    struct fact *fact =
        set_flag(facts, FACT_REFUSAL_MADE_HERE, refusal->direction == LINK_OUT && !passed_on);
    frame_list_add(&fact->frames, refusal->frame);
}

static void delay_fact(const struct failure *failure, struct fact *facts)
{
    double shortest_ms = -1;
    struct frame_list frames = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        enum side side;
        const struct mark *rst = reset_of(attempt, &side);
        double ms = rst                    ? reset_delay_ms(attempt, rst, side)
                    : attempt->icmp->count ? (double)attempt->icmp->answered_after_ns / 1e6
                                           : -1;
        if (ms < 0 || (shortest_ms >= 0 && ms >= shortest_ms))
            continue;
        shortest_ms = ms;
        frames = (struct frame_list){0};
        frame_list_add(&frames, rst ? rst->frame : attempt->icmp->first->frame);
    }
    if (shortest_ms >= 0)
        set_number(facts, FACT_ANSWER_DELAY_MS, shortest_ms)->frames = frames;
}

void facts_of_refusal(const struct fact_context *context, const struct failure *failure,
                      struct fact *facts)
{
    icmp_facts(context, failure, facts);
    icmp_waited_fact(failure, facts);
    reset_facts(context, failure, facts);
    made_here_fact(context, failure, facts);
    delay_fact(failure, facts);
}
