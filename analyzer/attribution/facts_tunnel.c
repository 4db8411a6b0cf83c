/* Tunnels: whether the one that the failing packets go through is up, and what it is made of. */
#include "analyzer/attribution/facts_internal.h"
#include "analyzer/attribution/ssl_vpn.h"
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

static bool is_vpn_over_tcp(const struct fact_context *context, const struct attempt *attempt)
{
    const char *known_by;
    if (attempt->proto != PROTO_TCP || !(attempt->bits & ATTEMPT_ESTABLISHED) ||
        !attempt->side[RESPONDER].data_packets)
        return false;
    return (attempt->bits & ATTEMPT_CARRIES) || ssl_vpn_of(attempt, context->signs, &known_by);
}

/* A VPN over TCP that was up at that time, beside packets that a tunnel device carried. */
static void over_tcp_fact(const struct fact_context *context, const struct failure *failure,
                          struct fact *facts)
{
    size_t position = 0;
    for (const struct attempt *attempt;
         (attempt = tracker_next_attempt(context->vantage->tracker, &position));) {
        if (attempt->last_ns < failure->first_ns ||
            attempt->side[INITIATOR].first->time_ns > failure->last_ns ||
            !is_vpn_over_tcp(context, attempt))
            continue;
        struct fact *fact = set_flag(facts, FACT_TUNNEL_OVER_TCP, true);
        frame_list_add(&fact->frames, attempt->side[INITIATOR].first_data->frame);
        frame_list_add(&fact->frames, attempt->side[RESPONDER].first_data->frame);
        return;
    }
}

static int end_of(const struct tunnel_record *esp, const struct attempt *attempt, enum side side)
{
    return ip_equal(&esp->end[side], &attempt->address[side]) ? (int)side : (int)!side;
}

/* The capturing box passed on what one side sent: under the same addresses, or, where it is a NAT,
 * as the exchange on its other side. */
static bool esp_is_forwarded(const struct tracker *tracker, const struct attempt *attempt,
                             enum side side)
{
    const struct tunnel_record *esp = attempt_esp(attempt);
    const struct attempt *twin = tracker_attempt(tracker, attempt->twin);
    const struct tunnel_record *behind = twin ? attempt_esp(twin) : NULL;
    return esp->forwarded[end_of(esp, attempt, side)] ||
           (behind && behind != esp && behind->packets[end_of(behind, twin, side)]);
}

/* Of the ESP that a working IKE agreed on only one direction is here. */
static void esp_fact(const struct fact_context *context, const struct attempt *attempt,
                     struct fact *facts)
{
    const struct tunnel_record *esp = attempt_esp(attempt);
    if (!esp || !esp->packets[0] == !esp->packets[1])
        return;
    enum side side = esp->packets[end_of(esp, attempt, INITIATOR)] ? INITIATOR : RESPONDER;
    int end = end_of(esp, attempt, side);
    struct frame_list frames = {0};
    frame_list_add(&frames, esp->first_frame[end]);
    frame_list_add(&frames, esp->last_frame[end]);
    if (facts[FACT_FORWARDED].known) /* that is IKE's: this box forwards; and ESP? */
        set_flag(facts, FACT_FORWARDED, esp_is_forwarded(context->vantage->tracker, attempt, side))
            ->frames = frames;
    set_flag(facts, FACT_TUNNEL_ESP_ONE_WAY, true)->frames = frames;
    set_flag(facts, FACT_TUNNEL_ESP_IN_UDP, attempt->esp_in_udp != NULL)->frames = frames;
    set_word(facts, FACT_STALL_FROM, side == INITIATOR ? "initiator" : "responder")->frames =
        frames;
}

void facts_of_tunnel(const struct fact_context *context, const struct failure *failure,
                     struct fact *facts)
{
    const struct attempt *attempt = failure->sample_count ? failure->sample[0] : NULL;
    if (failure->vpn)
        set_word(facts, FACT_TUNNEL_SSL_VPN, failure->vpn_known_by)->frames = failure->vpn_frames;
    if (attempt && attempt_in_tunnel(attempt))
        far_end_fact(context, attempt, facts);
    if (attempt && (attempt->bits & ATTEMPT_TUNNEL_DEVICE))
        over_tcp_fact(context, failure, facts);
    if (attempt && failure->symptom == SYMPTOM_UDP_STALL)
        esp_fact(context, attempt, facts);
}
