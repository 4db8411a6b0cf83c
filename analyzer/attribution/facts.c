/* One function for each family of facts. Each looks at the failure's sample of attempts and at what
 * the capture says elsewhere, and states what it finds with the frames that show it. What a fact
 * means is not its business: that stands in rules/attribution/. */
#include "analyzer/attribution/facts.h"

#include <math.h>

#include "analyzer/attribution/facts_internal.h"
#include "analyzer/words.h"

enum {
    TRANSFER_BYTES = 64 * 1024, /* more than any exchange of greetings */
    ONE_SIDED_FLOWS_MIN = 3,
    STEADY_PACKETS_MIN = 2,     /* of one hop limit, before one hop of difference counts */
    GONE_ASKED_MIN = 3, /* RFC 826 has no retries; Linux asks three times (arp(7)) */
    TOO_SOON_RTT_MIN_US = 2000, /* below this, timers and scheduling blur the comparison */
};

static bool is_midstream(enum symptom symptom)
{
    return symptom == SYMPTOM_RESET_MIDSTREAM || symptom == SYMPTOM_STALL_MIDSTREAM ||
           symptom == SYMPTOM_UDP_STALL;
}

/* --- the failure itself and the ground it happened on --- */

static void symptom_facts(const struct failure *failure, struct fact *facts)
{
    set_word(facts, FACT_SYMPTOM, symptom_words[failure->symptom])->frames = failure->frames;
    set_word(facts, FACT_PROTO, proto_word(failure->proto));
    set_number(facts, FACT_ATTEMPTS, failure->attempts)->frames = failure->frames;
    uint32_t syn_retries = 0, synack_retries = 0;
    bool repeats = false, midstream = false;
    struct frame_list syns = {0}, synacks = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        syn_retries += attempt->syn_count ? attempt->syn_count - 1 : 0;
        synack_retries += attempt->synack_count ? attempt->synack_count - 1 : 0;
        repeats |= attempt->syns_after_synack > 0;
        midstream |= (attempt->bits & ATTEMPT_MIDSTREAM) != 0;
        frame_list_join(&syns, &attempt->syn_frames);
        frame_list_join(&synacks, &attempt->synack_frames);
    }
    set_number(facts, FACT_SYN_RETRIES, syn_retries)->frames = syns;
    if (synacks.count) {
        set_number(facts, FACT_SYNACK_RETRIES, synack_retries)->frames = synacks;
        struct fact *fact = set_flag(facts, FACT_CLIENT_REPEATS_SYN, repeats);
        fact->frames = syns;
        frame_list_join(&fact->frames, &synacks);
    }
    set_flag(facts, FACT_MIDSTREAM_START, midstream);
}

static const char *path_word(const struct fact_context *context, const struct failure *failure)
{
    const struct attempt *attempt = first_attempt(failure);
    if (attempt && attempt->tunnels)
        return "tunnel";
    bool both_private = ip_is_private(&failure->client) && ip_is_private(&failure->server);
    if (attempt && both_private && (attempt->bits & ATTEMPT_TUNNEL_DEVICE) &&
        !attempt->side[RESPONDER].first.frame)
        return "tunnel"; /* what lies behind its far end does not show */
    if (attempt && vantage_same_link(context->vantage, attempt))
        return "same-link";
    if (!both_private)
        return "internet";
    return attempt && (attempt->bits & ATTEMPT_TUNNEL_DEVICE) ? "tunnel" : "private";
}

/* Frames that show the failing packets leaving the box as well: copies of them, or their twins
 * behind a NAT. In a connection that worked before, only those sent since count. */
static void forwarded_frames(const struct fact_context *context, const struct failure *failure,
                             const struct attempt *attempt, struct frame_list *frames)
{
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    if (failure->symptom == SYMPTOM_SYNACK_UNANSWERED) {
        if (attempt->forwarded_sides >> RESPONDER & 1)
            frame_list_join(frames, &attempt->forwarded_frames);
        else if (twin)
            frame_list_add(frames, twin->synack.frame);
        return;
    }
    enum side side =
        attempt->side[RESPONDER].repeats > attempt->side[INITIATOR].repeats ? RESPONDER : INITIATOR;
    const struct mark *failing = is_midstream(failure->symptom)
                                     ? &attempt->side[side].first_unanswered
                                     : &attempt->side[INITIATOR].first;
    for (uint32_t i = 0; i < attempt->forwarded_frames.count; i++)
        if (attempt->forwarded_frames.at[i] > failing->frame)
            frame_list_add(frames, attempt->forwarded_frames.at[i]);
    if (!twin)
        return;
    const struct mark *leaving =
        is_midstream(failure->symptom) ? &twin->side[side].last_data : &twin->side[side].first;
    if (leaving->frame > failing->frame)
        frame_list_add(frames, leaving->frame);
}

/* Behind a NAT the two sides of one connection are known by its first packet: of one that is older
 * than the capture, the other side may be there and go unrecognised. */
static bool other_side_unknown(const struct failure *failure)
{
    const struct attempt *attempt = first_attempt(failure);
    return attempt && (attempt->bits & ATTEMPT_MIDSTREAM) && !attempt->forwarded;
}

/* The far side of the NAT has the answer, the near side has not. */
static void swallowed_fact(const struct fact_context *context, const struct failure *failure,
                           struct fact *facts)
{
    struct frame_list frames = {0};
    const struct attempt *attempt;
    bool any_twin = false;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
        any_twin |= twin != NULL;
        if (twin && !attempt->side[RESPONDER].first.frame)
            frame_list_add(&frames, twin->side[RESPONDER].first.frame);
    }
    if (any_twin)
        set_flag(facts, FACT_REPLY_SWALLOWED, frames.count > 0)->frames = frames;
}

static void tunnel_end_fact(const struct fact_context *context, const struct failure *failure,
                            struct fact *facts)
{
    bool crossed = false, wrapped = false;
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        wrapped |= attempt->tunnels != 0;
        crossed |= (attempt->bits & ATTEMPT_UNWRAPPED) != 0;
    }
    if (wrapped && context->vantage->cooked)
        set_word(facts, FACT_TUNNEL_END, crossed ? "crossed" : "kept")->frames = failure->frames;
}

static void path_facts(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts)
{
    set_word(facts, FACT_PATH, path_word(context, failure));
    set_number(facts, FACT_IP_VERSION, ip_is_v4(&failure->server) ? 4 : 6);
    set_flag(facts, FACT_SERVER_PUBLIC, !ip_is_private(&failure->server));
    set_flag(facts, FACT_CLIENT_PUBLIC, !ip_is_private(&failure->client));
    static const uint16_t usual[] = {22, 25, 53, 80, 110, 143, 443, 465, 587, 993, 995};
    bool unusual = true;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        unusual &= usual[i] != failure->server_port;
    set_flag(facts, FACT_PORT_UNUSUAL, unusual);

    struct frame_list frames = {0}, circling = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        if (attempt_loops(attempt))
            frame_list_join(&circling, &attempt->forwarded_frames);
        else
            forwarded_frames(context, failure, attempt, &frames);
    }
    tunnel_end_fact(context, failure, facts);
    bool both_sides = context->vantage->any_forwarded || context->vantage->cooked;
    if (frames.count || (both_sides && !other_side_unknown(failure)))
        set_flag(facts, FACT_FORWARDED, frames.count > 0)->frames = frames;
    set_flag(facts, FACT_LOOP, circling.count > 0)->frames = circling;
}

/* Whether an answer to the requests for this address would have come to the capture: the capturing
 * box or the client asks itself, or other answers to who asks are seen. */
static bool answers_are_heard(const struct fact_context *context, const struct failure *failure,
                              const struct host_link *asked)
{
    const struct host *asker =
        host_table_find(tracker_hosts(context->vantage->tracker), &asked->asked_by);
    return asked->asked_out || ip_equal(&asked->asked_by, &failure->client) ||
           (asker && (host_link(asker)->answers || asker->packets));
}

static void server_facts(const struct fact_context *context, const struct failure *failure,
                         struct fact *facts)
{
    const struct host *server =
        host_table_find(tracker_hosts(context->vantage->tracker), &failure->server);
    bool seen = server && server->packets;
    struct fact *fact = set_flag(facts, FACT_SERVER_SEEN, seen);
    if (seen)
        frame_list_add(&fact->frames, server->first_frame);
    bool alive = seen && server->last_ns >= failure->failed_ns;
    fact = set_flag(facts, FACT_SERVER_ALIVE, alive);
    if (alive)
        frame_list_add(&fact->frames, server->last_frame);
    if (!host_on_link(server))
        return;
    const struct host_link *link = host_link(server);
    bool never_there = !link->resolved && !seen;
    bool gone = link->asked_unanswered >= GONE_ASKED_MIN && link->asked_last_ns > server->last_ns;
    bool unanswered = link->asked_unanswered && (never_there || gone);
    if (unanswered && !answers_are_heard(context, failure, link))
        return;
    fact = set_word(facts, FACT_ARP_SERVER, unanswered ? "unanswered" : "answered");
    fact->frames = link->asked_frames;
}

/* --- who sent the refusal --- */

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
    const struct mark *there = refusal == &attempt->icmp.first ? &twin->icmp.first
                               : refusal == &attempt->refused  ? &twin->refused
                               : refusal == &attempt->side[RESPONDER].rst
                                   ? &twin->side[RESPONDER].rst
                                   : &twin->side[INITIATOR].rst;
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
    const struct icmp_record *icmp = &attempt->icmp;
    if (!icmp->quoted_as_sent || icmp->quoted_as_sent < icmp->quoted_hop_limit)
        return;
    int passed = icmp->quoted_as_sent - icmp->quoted_hop_limit;
    set_number(facts, FACT_ICMP_QUOTED_HOPS, passed)->frames = icmp->frames;
    int to_server = vantage_hops(context->vantage, attempt, RESPONDER);
    if (to_server >= 0)
        set_word(facts, FACT_ICMP_QUOTED_DISTANCE,
                 passed >= to_server ? "at-server" : "before-server")
            ->frames = icmp->frames;
}

/* Where there and back is the same way, a packet refused by whom it reached has passed as many
 * routers as the error has. A router that refuses it in its forwarding path has taken off one more
 * by then. Any other difference says that the ways differ. */
static void refused_while_fact(const struct fact_context *context, const struct attempt *attempt,
                               struct fact *facts)
{
    const struct attempt *seen = arriving(context, attempt, &attempt->icmp.first).attempt;
    const struct icmp_record *icmp = &seen->icmp;
    if (!icmp->quoted_as_sent || icmp->quoted_as_sent < icmp->quoted_hop_limit)
        return;
    int beyond =
        icmp->quoted_as_sent - icmp->quoted_hop_limit - hops_travelled(icmp->first.hop_limit);
    /* The capturing box took one off itself, where the error comes from its other side. */
    if (attempt->forwarded && !attempt_loops(attempt) && icmp->first.direction == LINK_IN)
        beyond--;
    if (beyond == 0 || beyond == 1)
        set_word(facts, FACT_ICMP_REFUSED_WHILE, beyond ? "forwarding" : "arriving")->frames =
            icmp->frames;
}

static void icmp_waited_fact(const struct failure *failure, struct fact *facts)
{
    double longest_ms = -1;
    struct frame_list frames = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct mark *first = &attempt->side[INITIATOR].first;
        if (!attempt->icmp.count || !first->frame)
            continue;
        double ms = (double)(attempt->icmp.first.time_ns - first->time_ns) / 1e6;
        if (ms <= longest_ms)
            continue;
        longest_ms = ms;
        frames = (struct frame_list){0};
        frame_list_add(&frames, first->frame);
        frame_list_add(&frames, attempt->icmp.first.frame);
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
        const struct icmp_record *icmp = &attempt->icmp;
        if (!icmp->count)
            continue;
        const struct host *server =
            host_table_find(tracker_hosts(context->vantage->tracker), &failure->server);
        const char *sender = ip_equal(&icmp->sender, &failure->server)   ? "server"
                             : ip_equal(&icmp->sender, &failure->client) ? "client"
                                                                         : "other";
        set_word(facts, FACT_ICMP_REASON, icmp_reason(icmp, ip_is_v4(&icmp->sender)))->frames =
            icmp->frames;
        set_word(facts, FACT_ICMP_SENDER, sender)->frames = icmp->frames;
        set_number(facts, FACT_ICMP_HOPS, hops_travelled(icmp->first.hop_limit))->frames =
            icmp->frames;
        const struct sighting seen = arriving(context, attempt, &icmp->first);
        const char *ttl = against_baseline(context, host_at(context, seen.attempt, RESPONDER),
                                           seen.mark->hop_limit);
        if (ttl)
            set_word(facts, FACT_ICMP_TTL, ttl)->frames = icmp->frames;
        const char *mac = mac_word(server, &icmp->first);
        if (mac)
            set_word(facts, FACT_ICMP_MAC, mac)->frames = icmp->frames;
        set_word(facts, FACT_ICMP_NAT, icmp->translated ? "translated" : "as-sent")->frames =
            icmp->frames;
        icmp_distance(context, attempt, facts);
        refused_while_fact(context, attempt, facts);
        return;
    }
}

static const struct mark *reset_of(const struct attempt *attempt, enum side *side)
{
    *side = RESPONDER;
    if (attempt->refused.frame)
        return &attempt->refused;
    for (int i = RESPONDER; i >= INITIATOR; i--) {
        *side = (enum side)i;
        if (attempt->side[i].rst.frame)
            return &attempt->side[i].rst;
    }
    return NULL;
}

static double reset_delay_ms(const struct attempt *attempt, const struct mark *rst, enum side side)
{
    const struct mark *before = attempt->refused.frame ? &attempt->syn : &attempt->side[!side].last;
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

/* The baseline of a RST is what its side sent in the same connection, else the address elsewhere;
 * for a single hop of difference, all that the address sent. */
static const char *reset_ttl(const struct fact_context *context, const struct attempt *attempt,
                             const struct mark *rst, enum side side, const struct host *host)
{
    const struct mark *own = &attempt->side[side].last;
    if (!own->frame)
        return against_baseline(context, host, rst->hop_limit);
    int apart = (int)rst->hop_limit - (int)own->hop_limit;
    if (fabs((double)apart) <= context->thresholds->ttl_tolerance_hops) {
        const char *word = against_baseline(context, host, rst->hop_limit);
        bool sharp = word && (strcmp(word, "one-nearer") == 0 || strcmp(word, "exact") == 0);
        return sharp ? word : "same";
    }
    return hops_travelled(rst->hop_limit) <= hops_travelled(own->hop_limit) ? "nearer" : "farther";
}

/* RFC 7323 3.2: a RST of the connection's own end carries the timestamps it has agreed on. Who only
 * looks on could copy them; hardly anybody does. Many ends leave them out, so that says nothing. */
static void own_stack_fact(const struct attempt *attempt, const struct mark *rst, enum side side,
                           struct fact *facts)
{
    const struct mark *own = &attempt->side[side].last, *other = &attempt->side[!side].last;
    if (!rst->has_timestamp || !own->has_timestamp || !own->frame)
        return;
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
    bool both = attempt->side[INITIATOR].rst.frame && attempt->side[RESPONDER].rst.frame;
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    both |= twin && !attempt->refused.frame && twin->side[!side].rst.frame;
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
    const struct mark *own = &seen.attempt->side[side].last;
    if (own->frame)
        set_number(facts, FACT_RST_HOPS_FEWER,
                   hops_travelled(own->hop_limit) - hops_travelled(seen.mark->hop_limit))
            ->frames = frames;
    const char *mac = mac_word(host, rst);
    if (mac)
        set_word(facts, FACT_RST_MAC, mac)->frames = frames;
    const struct mark *trigger =
        attempt->refused.frame ? &attempt->syn : &attempt->side[!side].last;
    bool copied = trigger->frame && trigger->time_ns <= rst->time_ns &&
                  ((rst->ip_id && (rst->ip_id == trigger->ip_id ||
                                   rst->ip_id == attempt->side[side].last.ip_id)) ||
                   (rst->window && rst->window == trigger->window));
    set_flag(facts, FACT_RST_COPIED, copied)->frames = frames;
    same_id_fact(failure, facts);
    own_stack_fact(attempt, rst, side, facts);
    if (!attempt->refused.frame)
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
    const struct mark *refusal = rst ? rst : attempt ? &attempt->icmp.first : NULL;
    if (!refusal || !refusal->frame || refusal->direction == LINK_UNKNOWN)
        return;
    if (other_side_unknown(failure))
        return;
    /* Both ends may be reset at once, so the other side's RST is no sign that this one was passed
     * on. */
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    bool passed_on = twin && (rst ? twin->refused.frame || twin->side[side].rst.frame
                                  : twin->icmp.count > 0);
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
        double ms = rst                   ? reset_delay_ms(attempt, rst, side)
                    : attempt->icmp.count ? (double)attempt->icmp.answered_after_ns / 1e6
                                          : -1;
        if (ms < 0 || (shortest_ms >= 0 && ms >= shortest_ms))
            continue;
        shortest_ms = ms;
        frames = (struct frame_list){0};
        frame_list_add(&frames, rst ? rst->frame : attempt->icmp.first.frame);
    }
    if (shortest_ms >= 0)
        set_number(facts, FACT_ANSWER_DELAY_MS, shortest_ms)->frames = frames;
}

/* --- controls --- */

static const struct {
    enum fact_id fact;
    enum control control;
} control_facts[] = {
    {FACT_CONTROL_OTHER_CLIENTS, CONTROL_OTHER_CLIENTS},
    {FACT_CONTROL_OTHER_PORTS, CONTROL_OTHER_PORTS},
    {FACT_CONTROL_SAME_PORT, CONTROL_SAME_PORT},
    {FACT_CONTROL_WEB, CONTROL_WEB},
    {FACT_CONTROL_ELSEWHERE, CONTROL_ELSEWHERE},
    {FACT_CONTROL_SERVER_PORTS, CONTROL_SERVER_PORTS},
    {FACT_CONTROL_PING, CONTROL_PING},
};

static void join_slot(struct frame_list *frames, const struct control_slot *slot)
{
    for (int i = 0; i < CONTROL_FRAMES; i++)
        frame_list_add(frames, slot->frames[i]);
}

static bool join_others(const struct control_slot slots[CONTROL_SLOTS], enum control control,
                        const struct failure *failure, struct frame_list *frames)
{
    bool any = false;
    for (int i = 0; i < CONTROL_SLOTS; i++) {
        if (!slots[i].count || !controls_is_other(control, failure, slots[i].who))
            continue;
        any = true;
        join_slot(frames, &slots[i]);
    }
    return any;
}

static void control_fact(const struct fact_context *context, const struct failure *failure,
                         enum fact_id id, enum control control, struct fact *facts)
{
    const struct control_tally tally = controls_tally(context->controls, control, failure);
    struct frame_list frames = {0};
    bool answered = join_others(tally.answered, control, failure, &frames);
    bool failed = !answered && join_others(tally.failed, control, failure, &frames);
    set_word(facts, id, answered ? "answered" : failed ? "failed" : "none")->frames = frames;
}

/* The same client on the same service, before the first failure and after the last. */
static void same_service_facts(const struct fact_context *context, const struct failure *failure,
                               struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_SAME_SERVICE, failure);
    const struct control_slot *answered = &tally.answered[0];
    bool before = answered->count && answered->first_ns < failure->first_ns;
    bool after = answered->count && answered->last_ns > failure->last_ns;
    struct fact *fact = set_word(facts, FACT_CONTROL_BEFORE, before ? "answered" : "none");
    if (before)
        join_slot(&fact->frames, answered);
    fact = set_word(facts, FACT_CONTROL_AFTER, after ? "answered" : "none");
    if (after)
        join_slot(&fact->frames, answered);
}

static void concurrent_fact(const struct fact_context *context, const struct failure *failure,
                            struct fact *facts)
{
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_OTHER_CLIENTS, failure);
    struct frame_list frames = {0};
    bool concurrent = false;
    for (int i = 0; i < CONTROL_SLOTS; i++) {
        const struct control_slot *slot = &tally.answered[i];
        if (!slot->count || slot->last_ns < failure->first_ns ||
            slot->first_ns > failure->last_ns ||
            !controls_is_other(CONTROL_OTHER_CLIENTS, failure, slot->who))
            continue;
        concurrent = true;
        join_slot(&frames, slot);
    }
    set_flag(facts, FACT_CONTROL_CONCURRENT, concurrent)->frames = frames;
}

static void direction_fact(const struct fact_context *context, const struct failure *failure,
                           struct fact *facts)
{
    if (!failure->service->profile->never_initiated_by_responder)
        return;
    const struct control_tally tally =
        controls_tally(context->controls, CONTROL_CLIENT_SERVES, failure);
    const struct control_slot *served = &tally.answered[0];
    struct fact *fact = set_word(facts, FACT_DIRECTION, served->count ? "reversed" : "expected");
    join_slot(&fact->frames, served);
}

static void all_control_facts(const struct fact_context *context, const struct failure *failure,
                              struct fact *facts)
{
    if (!failure->sample_count)
        return; /* an expected peer that never appeared: controls were not gathered for it */
    for (size_t i = 0; i < sizeof control_facts / sizeof *control_facts; i++)
        control_fact(context, failure, control_facts[i].fact, control_facts[i].control, facts);
    same_service_facts(context, failure, facts);
    concurrent_fact(context, failure, facts);
    direction_fact(context, failure, facts);
}

/* --- connections that died --- */

static bool is_unanswered(const struct attempt *attempt, enum side side)
{
    return attempt->side[side].first_unanswered.frame && attempt->side[side].repeats;
}

static const char *phase_word(const struct fact_context *context, const struct attempt *attempt)
{
    const struct side_record *client = &attempt->side[INITIATOR];
    const struct side_record *server = &attempt->side[RESPONDER];
    double idle_s = 0;
    for (int i = 0; i < 2; i++)
        if (attempt->side[i].first_unanswered.frame)
            idle_s = fmax(idle_s, (double)attempt->side[i].idle_before_ns / 1e9);
    if (!client->data_packets && !server->data_packets)
        return "handshake";
    if (idle_s >= context->thresholds->idle_min_s)
        return "idle";
    if (client->bytes + server->bytes >= TRANSFER_BYTES)
        return "transfer";
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
            if (!side->first_unanswered.frame)
                continue;
            longest_s = fmax(longest_s, (double)side->idle_before_ns / 1e9);
            frame_list_add(&frames, side->first_unanswered.frame);
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
    int64_t since_ns = stalled->first_unanswered.time_ns;
    if (other->last_data.frame && other->last_data.time_ns > since_ns)
        return "data";
    return other->last.frame && other->last.time_ns > since_ns ? "acks" : "silent";
}

/* Serial number arithmetic, RFC 1982. */
static bool was_acknowledged(const struct side_record *sender, const struct side_record *receiver)
{
    uint32_t end = sender->last_data.sequence + sender->last_data.length;
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
    const struct mark *beyond = &sender->beyond_missing;
    if (!sender->missing || !receiver->has_acknowledged ||
        !sequence_after(beyond->sequence, receiver->acknowledged))
        return;
    struct frame_list frames = {0};
    frame_list_add(&frames, beyond->frame);
    frame_list_add(&frames, receiver->last.frame);
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
        if (!stalled->last_data.frame || other->data_packets || !was_acknowledged(stalled, other))
            return;
        set_flag(facts, FACT_STALL_ACKED, true);
        frame_list_add(&facts[FACT_STALL_ACKED].frames, stalled->last_data.frame);
        /* Who waits for a reply gives up some day, and says so. */
        bool cut_off = attempt->proto == PROTO_TCP && stalled->bytes >= TRANSFER_BYTES &&
                       !stalled->fin.frame && !stalled->rst.frame;
        set_flag(facts, FACT_STALL_CUT_OFF, cut_off)->frames = facts[FACT_STALL_ACKED].frames;
        set_word(facts, FACT_STALL_FROM, "initiator")->frames = facts[FACT_STALL_ACKED].frames;
        return;
    }
    struct frame_list frames = stalled->repeat_frames;
    frame_list_add(&frames, stalled->first_unanswered.frame);
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
        gave_up[i] = side->fin.frame || side->rst.frame;
        frame_list_add(&frames, side->fin.frame ? side->fin.frame : side->rst.frame);
    }
    if (gave_up[INITIATOR] || gave_up[RESPONDER])
        set_word(facts, FACT_STALL_GAVE_UP,
                 gave_up[0] && gave_up[1] ? "both"
                 : gave_up[INITIATOR]     ? "initiator"
                                          : "responder")
            ->frames = frames;
}

static void midstream_facts(const struct fact_context *context, const struct failure *failure,
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

/* Replies that leave another way than the requests came (several interfaces or gateways). */
static void return_path_fact(const struct failure *failure, struct fact *facts)
{
    static const uint8_t no_mac[6];
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct mark *asked = &attempt->syn, *answered = &attempt->synack;
        /* What a router forwards always leaves by another interface. */
        bool passes_by = asked->direction != LINK_UNKNOWN && answered->direction != LINK_OUT;
        if (!asked->frame || !answered->frame || passes_by)
            continue;
        const char *word = "same";
        if (asked->if_index != answered->if_index)
            word = "other-interface";
        else if (asked->has_mac && memcmp(answered->mac_to, no_mac, sizeof no_mac) != 0 &&
                 memcmp(asked->mac, answered->mac_to, sizeof asked->mac) != 0)
            word = "other-mac";
        struct fact *fact = set_word(facts, FACT_RETURN_PATH, word);
        frame_list_add(&fact->frames, asked->frame);
        frame_list_add(&fact->frames, answered->frame);
        return;
    }
}

/* --- the capture --- */

static void capture_facts(const struct fact_context *context, const struct failure *failure,
                          struct fact *facts)
{
    const struct control_summary *summary = controls_summary(context->controls);
    set_flag(facts, FACT_ONE_DIRECTIONAL,
             summary->conversations >= ONE_SIDED_FLOWS_MIN &&
                 summary->one_sided * 2 > summary->conversations);
    set_flag(facts, FACT_CAPTURE_DROPS, context->capture_dropped > 0);
    if (!context->spoken || !failure->service->speaks_count)
        return;
    bool expected = false;
    for (size_t i = 0; i < failure->service->speaks_count; i++)
        expected |= strcmp(failure->service->speaks[i], context->spoken) == 0;
    set_word(facts, FACT_SPEAKS, expected ? "expected" : "foreign")->frames = failure->frames;
}

static void alternative_fact(const struct failure *failure, struct fact *facts)
{
    if (failure->alternative_failed)
        set_word(facts, FACT_ALTERNATIVE, "failed")->frames = failure->alternative_frames;
}

void facts_establish(const struct fact_context *context, const struct failure *failure,
                     struct fact facts[FACT_COUNT])
{
    memset(facts, 0, FACT_COUNT * sizeof *facts);
    symptom_facts(failure, facts);
    path_facts(context, failure, facts);
    swallowed_fact(context, failure, facts);
    server_facts(context, failure, facts);
    icmp_facts(context, failure, facts);
    icmp_waited_fact(failure, facts);
    reset_facts(context, failure, facts);
    made_here_fact(context, failure, facts);
    delay_fact(failure, facts);
    all_control_facts(context, failure, facts);
    midstream_facts(context, failure, facts);
    return_path_fact(failure, facts);
    capture_facts(context, failure, facts);
    probe_facts(context, failure, facts);
    time_facts(context, failure, facts);
    alternative_fact(failure, facts);
    facts_of_ftp(context, failure, facts);
    facts_of_tunnel(context, failure, facts);
    facts_of_names(context, failure, facts);
    facts_of_udp(context, failure, facts);
    facts_of_roles(context, failure, facts);
    speech_facts(context, failure, facts);
}
