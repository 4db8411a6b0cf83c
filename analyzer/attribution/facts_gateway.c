/* What routers give away that are neither end: the capturing one, which has both of its sides in
 * the capture, and the one that the client sends to. */
#include "analyzer/attribution/facts_internal.h"

enum {
    GATEWAY_ASKED_MIN = 3, /* Linux asks three times, and three times everybody (arp(7)) */
    INSIDE_ASKED_MIN = 2,
};

/* A router gives up on an address within a few seconds (RFC 4861 7.2.2, Linux), then asks anew. */
#define ASKS_ON_NS INT64_C(5000000000)
/* A host that answers does so at once. */
#define ANSWERS_WITHIN_NS INT64_C(1000000000)

/* The request came in, did not go out, and the box asks for somebody that no packet needs but this
 * one. Of several such addresses it is not known which is meant. */
static void inside_fact(const struct fact_context *context, const struct failure *failure,
                        struct fact *facts)
{
    const struct neighbours *neighbours = &context->vantage->neighbours;
    const struct attempt *attempt = first_attempt(failure);
    const struct host *asked = NULL;
    bool kept = facts[FACT_FORWARDED].known && facts[FACT_FORWARDED].number == 0;
    if (!context->vantage->cooked || !kept)
        return;
    for (size_t i = 0; i < neighbours->asked_count; i++) {
        const struct host *host = neighbours->asked[i];
        const struct host_link *link = host_link(host);
        if (!link->asked_out || link->asked_unanswered < INSIDE_ASKED_MIN ||
            link->asked_last_ns < failure->first_ns ||
            link->asked_last_ns > failure->last_ns + ASKS_ON_NS || !link->asked_frames.count ||
            frame_list_at(&link->asked_frames, 0) < attempt->side[INITIATOR].first->frame ||
            ip_equal(&host->address, &failure->client))
            continue;
        if (asked)
            return;
        asked = host;
    }
    if (asked)
        set_word(facts, FACT_ARP_INSIDE, "unanswered")->frames = host_link(asked)->asked_frames;
}

/* The client hears what it is told, was told this router's MAC before, and asks for it in vain. */
static void gateway_fact(const struct fact_context *context, const struct failure *failure,
                         struct fact *facts)
{
    const struct attempt *attempt = first_attempt(failure);
    const struct mark *first = attempt->side[INITIATOR].first;
    const struct host_table *hosts = tracker_hosts(context->vantage->tracker);
    const struct host *client = host_table_find(hosts, &failure->client);
    const struct host *router =
        first->has_mac ? neighbours_with(&context->vantage->neighbours, first->mac_to) : NULL;
    const struct host_link *link = host_link(router);
    if (!router || ip_equal(&router->address, &failure->server) || !host_link(client)->answers ||
        link->asked_unanswered < GATEWAY_ASKED_MIN ||
        !ip_equal(&link->asked_by, &failure->client) || link->asked_last_ns < failure->failed_ns ||
        host_pulse(hosts, router).last_ns > link->asked_last_ns)
        return;
    set_word(facts, FACT_ARP_GATEWAY, "unanswered")->frames = link->asked_frames;
}

/* A host asks for whom it is about to send to. That this is neither the client nor the router that
 * has just brought its packet says which way its answer goes. */
static void server_asks_fact(const struct fact_context *context, const struct failure *failure,
                             const struct attempt *attempt, struct fact *facts)
{
    const struct neighbours *neighbours = &context->vantage->neighbours;
    const struct attempt *twin = tracker_attempt(context->vantage->tracker, attempt->twin);
    const struct attempt *here = twin ? twin : attempt;
    const struct mark *first = here->side[INITIATOR].first;
    const struct host *router = first->has_mac ? neighbours_with(neighbours, first->mac) : NULL;
    if (!router || attempt->side[RESPONDER].first->frame || here->side[RESPONDER].first->frame)
        return;
    for (size_t i = 0; i < neighbours->asked_count; i++) {
        const struct host *asked = neighbours->asked[i];
        const struct host_link *link = host_link(asked);
        int64_t after_ns = link->asked_last_ns - first->time_ns;
        if (!ip_equal(&link->asked_by, &here->address[RESPONDER]) || asked == router ||
            ip_equal(&asked->address, &failure->client) || after_ns < 0 ||
            after_ns > ANSWERS_WITHIN_NS)
            continue;
        struct fact *fact = set_word(facts, FACT_ARP_SERVER_ASKS, "another-router");
        fact->frames = link->asked_frames;
        frame_list_add(&fact->frames, first->frame);
        return;
    }
}

/* The two sides of a NAT in the capturing box. */
static void forward_facts(const struct fact_context *context, const struct attempt *attempt,
                          struct fact *facts)
{
    const struct attempt *sent_on = tracker_attempt(context->vantage->tracker, attempt->twin);
    struct frame_list frames = {0};
    if (!sent_on || (attempt->bits & ATTEMPT_IS_INNER))
        return;
    frame_list_add(&frames, attempt->side[INITIATOR].first->frame);
    frame_list_add(&frames, sent_on->side[INITIATOR].first->frame);
    set_flag(facts, FACT_FORWARD_PORT_CHANGED, attempt->port[RESPONDER] != sent_on->port[RESPONDER])
        ->frames = frames;
    bool to_private = ip_is_private(&attempt->address[INITIATOR]) &&
                      !ip_is_private(&sent_on->address[INITIATOR]) &&
                      ip_is_private(&sent_on->address[RESPONDER]) && !sent_on->tunnels;
    set_flag(facts, FACT_SENT_OUT_PRIVATE, to_private)->frames = frames;
}

void facts_of_gateways(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts)
{
    const struct attempt *attempt = first_attempt(failure);
    if (!attempt || failure->symptom == SYMPTOM_FTP_DATA_FAILED)
        return;
    forward_facts(context, attempt, facts);
    if (is_midstream(failure->symptom))
        return;
    inside_fact(context, failure, facts);
    gateway_fact(context, failure, facts);
    server_asks_fact(context, failure, attempt, facts);
}
