/* One function for each family of facts; larger families have files of their own (facts_*.c). Each
 * looks at the failure's sample of attempts and at what the capture says elsewhere, and states what
 * it finds with the frames that show it. What a fact means is not its business: that stands in
 * rules/attribution/. */
#include "analyzer/attribution/facts.h"

#include "analyzer/attribution/facts_internal.h"
#include "analyzer/words.h"

enum {
    ONE_SIDED_FLOWS_MIN = 3,
    GONE_ASKED_MIN = 3, /* RFC 826 has no retries; Linux asks three times (arp(7)) */
};

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
        frame_list_join_notes(&syns, &attempt->syn_frames);
        frame_list_join_notes(&synacks, &attempt->synack_frames);
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
    if (attempt && attempt_in_tunnel(attempt))
        return "tunnel";
    bool both_private = ip_is_private(&failure->client) && ip_is_private(&failure->server);
    if (attempt && both_private && (attempt->bits & ATTEMPT_TUNNEL_DEVICE) &&
        !attempt->side[RESPONDER].first->frame)
        return "tunnel"; /* what lies behind its far end does not show */
    if (attempt && vantage_same_link(context->vantage, attempt))
        return "same-link";
    if (!both_private)
        return "internet";
    return attempt && (attempt->bits & ATTEMPT_TUNNEL_DEVICE) ? "tunnel" : "private";
}

/* Since when a side's packets fail: of a connection that worked, since the first one that was sent
 * again. What was under way before that may have left the box, and its acknowledgment been lost. */
static uint64_t failing_since(const struct failure *failure, const struct attempt *attempt,
                              enum side side)
{
    if (!is_midstream(failure->symptom))
        return attempt->side[INITIATOR].first->frame;
    const struct frame_list repeats = frame_notes_list(&attempt->side[side].repeat_frames);
    return repeats.count ? frame_list_at(&repeats, 0) : attempt->side[side].first_unanswered->frame;
}

/* The newest packet with data, also one that was sent again though it had arrived. */
static uint64_t last_with_data(const struct side_record *side)
{
    const struct frame_list repeats = frame_notes_list(&side->repeat_frames);
    const struct mark *last = side->last->length ? side->last : side->last_data;
    uint64_t repeat = repeats.count ? frame_list_at(&repeats, repeats.count - 1) : 0;
    return last->frame > repeat ? last->frame : repeat;
}

/* Frames that show the failing packets leaving the box as well: copies of them, or their twins
 * behind a NAT. In a connection that worked before, only those sent since count. */
static void forwarded_frames(const struct fact_context *context, const struct failure *failure,
                             const struct attempt *attempt, struct frame_list *frames)
{
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    if (failure->symptom == SYMPTOM_SYNACK_UNANSWERED) {
        if (attempt->forwarded_last[RESPONDER])
            frame_list_join_notes(frames, &attempt->forwarded_frames);
        else if (twin)
            frame_list_add(frames, twin->synack->frame);
        return;
    }
    enum side side = attempt_failing_side(attempt);
    uint64_t since = failing_since(failure, attempt, side);
    if (attempt->forwarded_last[side] > since) {
        const struct frame_list forwarded = frame_notes_list(&attempt->forwarded_frames);
        for (uint32_t i = 0; i < forwarded.count; i++)
            if (frame_list_at(&forwarded, i) > since)
                frame_list_add(frames, frame_list_at(&forwarded, i));
        frame_list_add(frames, attempt->forwarded_last[side]);
    }
    if (!twin)
        return;
    uint64_t leaving = is_midstream(failure->symptom) ? last_with_data(&twin->side[side])
                                                      : twin->side[side].first->frame;
    if (leaving > since)
        frame_list_add(frames, leaving);
}

/* What a box passes on it passes on at once: a capture that ends within this may have its copy
 * still to come. */
enum { LEAVES_WITHIN_NS = 500000000 };

static uint64_t did_not_leave(const struct fact_context *context, const struct mark *came)
{
    return context->now_ns - came->time_ns > LEAVES_WITHIN_NS ? came->frame : 0;
}

/* The acknowledgment that came into the box and did not leave it towards the client: that the
 * client still sends what it acknowledges shows that the capture has not just missed it. The record
 * is of the client's side of a NAT, its twin of the server's. */
static uint64_t swallowed_midstream(const struct fact_context *context,
                                    const struct attempt *attempt, const struct attempt *twin)
{
    const struct mark *newest = attempt->side[INITIATOR].last;
    const struct side_record *near = &attempt->side[RESPONDER];
    const struct side_record *far = twin ? &twin->side[RESPONDER] : near;
    if (attempt->proto != PROTO_TCP || !newest->length || !far->has_acknowledged ||
        !sequence_after(far->acknowledged, newest->sequence))
        return 0;
    bool told = twin ? !sequence_after(far->acknowledged, near->acknowledged)
                     : !attempt_swallows(attempt, RESPONDER);
    return told ? 0 : did_not_leave(context, far->last);
}

/* The far side of the box has the answer, the near side has not. */
static void swallowed_fact(const struct fact_context *context, const struct failure *failure,
                           struct fact *facts)
{
    struct frame_list frames = {0};
    const struct attempt *attempt;
    bool both_sides = false;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
        both_sides |= twin != NULL;
        if (is_midstream(failure->symptom))
            frame_list_add(&frames, swallowed_midstream(context, attempt, twin));
        else if (twin && !attempt->side[RESPONDER].first->frame)
            frame_list_add(&frames, did_not_leave(context, twin->side[RESPONDER].first));
    }
    if (both_sides || frames.count)
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
    uint16_t port = failure->server_port;
    set_flag(facts, FACT_PORT_PROVIDER_BLOCKED,
             port == 25 || (port >= 135 && port <= 139) || port == 445);

    struct frame_list frames = {0}, circling = {0};
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        if (attempt_loops(attempt))
            frame_list_join_notes(&circling, &attempt->forwarded_frames);
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
           (asker && (host_link(asker)->answers || asker->first_frame));
}

static void server_facts(const struct fact_context *context, const struct failure *failure,
                         struct fact *facts)
{
    const struct host_table *hosts = tracker_hosts(context->vantage->tracker);
    const struct host *server = host_table_find(hosts, &failure->server);
    bool seen = server && server->first_frame;
    struct fact *fact = set_flag(facts, FACT_SERVER_SEEN, seen);
    if (seen)
        frame_list_add(&fact->frames, server->first_frame);
    bool alive = seen && host_pulse(hosts, server).last_ns >= failure->failed_ns;
    fact = set_flag(facts, FACT_SERVER_ALIVE, alive);
    if (alive)
        frame_list_add(&fact->frames, host_pulse(hosts, server).last_frame);
    const struct attempt *attempt = first_attempt(failure);
    const struct attempt *twin =
        attempt ? tracker_attempt(context->vantage->tracker, attempt->twin) : NULL;
    if (host_link(server)->out && twin) { /* the box's own address: who is behind it? */
        server = host_table_find(hosts, &twin->address[RESPONDER]);
        seen = server && server->first_frame;
    }
    if (!server || !host_on_link(server) || host_link(server)->out)
        return;
    const struct host_link *link = host_link(server);
    bool never_there = !link->resolved && !seen;
    bool gone = link->asked_unanswered >= GONE_ASKED_MIN &&
                link->asked_last_ns > host_pulse(hosts, server).last_ns;
    bool unanswered = link->asked_unanswered && (never_there || gone);
    if (unanswered && !answers_are_heard(context, failure, link))
        return;
    fact = set_word(facts, FACT_ARP_SERVER, unanswered ? "unanswered" : "answered");
    fact->frames = link->asked_frames;
}

/* Replies that leave another way than the requests came (several interfaces or gateways). */
static void return_path_fact(const struct failure *failure, struct fact *facts)
{
    static const uint8_t no_mac[6];
    const struct attempt *attempt;
    EACH_ATTEMPT(attempt, failure)
    {
        const struct mark *asked = attempt->syn, *answered = attempt->synack;
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

/* Where another program than the product answers, both sides have reason to reset, and that it is
 * the answering host's own RST does not clear who led the client there. */
static void forget_resets(struct fact *facts)
{
    static const enum fact_id about_resets[] = {
        FACT_RST_FROM,       FACT_RST_TTL,    FACT_RST_HOPS,          FACT_RST_TIMING,
        FACT_RST_STACK,      FACT_RST_OUTRUN, FACT_RST_HOPS_FEWER,    FACT_RST_SAME_ID,
        FACT_RST_MAC,        FACT_RST_COPIED, FACT_REFUSAL_MADE_HERE, FACT_RST_CHECKSUM,
        FACT_RST_FLOW_LABEL,
    };
    const struct fact *answer = &facts[FACT_CONTENT_ANSWER];
    if (!answer->known || strcmp(answer->word, "other") != 0)
        return;
    for (size_t i = 0; i < sizeof about_resets / sizeof *about_resets; i++)
        facts[about_resets[i]] = (struct fact){0};
}

void facts_establish(const struct fact_context *context, const struct failure *failure,
                     struct fact facts[FACT_COUNT])
{
    memset(facts, 0, FACT_COUNT * sizeof *facts);
    symptom_facts(failure, facts);
    path_facts(context, failure, facts);
    swallowed_fact(context, failure, facts);
    server_facts(context, failure, facts);
    facts_of_refusal(context, failure, facts);
    facts_of_controls(context, failure, facts);
    facts_of_midstream(context, failure, facts);
    return_path_fact(failure, facts);
    capture_facts(context, failure, facts);
    probe_facts(context, failure, facts);
    time_facts(context, failure, facts);
    alternative_fact(failure, facts);
    facts_of_gateways(context, failure, facts);
    facts_of_ftp(context, failure, facts);
    facts_of_tunnel(context, failure, facts);
    facts_of_names(context, failure, facts);
    facts_of_udp(context, failure, facts);
    facts_of_roles(context, failure, facts);
    speech_facts(context, failure, facts);
    forget_resets(facts);
}
