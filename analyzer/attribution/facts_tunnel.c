/* Tunnels: whether the one that the failing packets go through is up, and what it is made of. */
#include "analyzer/attribution/facts_internal.h"
#include "analyzer/flow/tunnels.h"

/* From which end the client's packets go in. */
static void far_end_fact(const struct fact_context *context, const struct attempt *attempt,
                         struct fact *facts)
{
    const struct tunnels *tunnels = tracker_tunnels(context->vantage->tracker);
    const struct ip_address *near = &attempt->tunnel_end[INITIATOR];
    const struct ip_address *far = &attempt->tunnel_end[RESPONDER];
    int which;
    const struct tunnel_record *tunnel = tunnels_find(tunnels, near, far, &which);
    if (!tunnel)
        return;
    struct fact *fact = set_flag(facts, FACT_TUNNEL_ANSWERED, tunnel->packets[!which] > 0);
    frame_list_add(&fact->frames, tunnel->first_frame[which]);
    frame_list_add(&fact->frames, tunnel->first_frame[!which]);
    set_number(facts, FACT_TUNNEL_ASKED, tunnel->asked_others[which] ? 2 : 1);
}

/* A VPN over TCP that was up at that time, beside packets that a tunnel device carried. */
static void over_tcp_fact(const struct fact_context *context, const struct failure *failure,
                          struct fact *facts)
{
    size_t position = 0;
    for (const struct attempt *attempt;
         (attempt = tracker_next_attempt(context->vantage->tracker, &position));) {
        if (attempt->proto != PROTO_TCP || !(attempt->bits & ATTEMPT_CARRIES) ||
            !(attempt->bits & ATTEMPT_ESTABLISHED) || !attempt->side[RESPONDER].data_packets ||
            attempt->last_ns < failure->first_ns ||
            attempt->side[INITIATOR].first.time_ns > failure->last_ns)
            continue;
        struct fact *fact = set_flag(facts, FACT_TUNNEL_OVER_TCP, true);
        frame_list_add(&fact->frames, attempt->side[INITIATOR].first_data.frame);
        frame_list_add(&fact->frames, attempt->side[RESPONDER].first_data.frame);
        return;
    }
}

/* Of the ESP beside a working IKE only one direction is here. */
static void esp_fact(const struct attempt *attempt, struct fact *facts)
{
    const struct tunnel_record *esp = attempt->esp;
    if (!esp || !esp->packets[0] == !esp->packets[1])
        return;
    int end = esp->packets[0] ? 0 : 1;
    bool initiator = ip_equal(&esp->end[end], &attempt->address[INITIATOR]);
    struct frame_list frames = {0};
    frame_list_add(&frames, esp->first_frame[end]);
    frame_list_add(&frames, esp->last_frame[end]);
    if (facts[FACT_FORWARDED].known) /* that is IKE's: this box forwards; and ESP? */
        set_flag(facts, FACT_FORWARDED, esp->forwarded[end] > 0)->frames = frames;
    set_flag(facts, FACT_TUNNEL_ESP_ONE_WAY, true)->frames = frames;
    set_word(facts, FACT_STALL_FROM, initiator ? "initiator" : "responder")->frames = frames;
}

void facts_of_tunnel(const struct fact_context *context, const struct failure *failure,
                     struct fact *facts)
{
    const struct attempt *attempt = failure->sample_count ? failure->sample[0] : NULL;
    if (attempt && attempt->tunnels)
        far_end_fact(context, attempt, facts);
    if (attempt && (attempt->bits & ATTEMPT_TUNNEL_DEVICE))
        over_tcp_fact(context, failure, facts);
    if (attempt && failure->symptom == SYMPTOM_UDP_STALL)
        esp_fact(attempt, facts);
}
