#include "analyzer/attribution/vantage.h"

#include <math.h>
#include <stdio.h>

/* Likelihoods of what is observed at each vantage, as tables. They are wide on purpose: 1 is "just
 * what one sees there", `RARE` "only with an unusual network". Sources: the arithmetic of NAT
 * (RFC 3022: private addresses are left behind at the edge), initial TTLs, and where a router
 * decrements them. */
#define RARE 0.02

#define PLACES(client, egress_lan, egress_wan, isp, edge_wan, edge_lan, server)                    \
    {                                                                                              \
        [VANTAGE_CLIENT] = (client), [VANTAGE_EGRESS_LAN] = (egress_lan),                          \
        [VANTAGE_EGRESS_WAN] = (egress_wan), [VANTAGE_ISP] = (isp),                                \
        [VANTAGE_EDGE_WAN] = (edge_wan), [VANTAGE_EDGE_LAN] = (edge_lan),                          \
        [VANTAGE_SERVER] = (server),                                                               \
    }

/* clang-format off */
/* Captures are taken on hosts more often than on routers, and hardly ever at a provider. */
static const double prior[VANTAGES]                  = PLACES(1.0, 0.5, 0.25, 0.1, 0.3, 0.5, 1.0);
static const double private_to_public[VANTAGES]      = PLACES(1, 1, RARE, RARE, RARE, RARE, RARE);
static const double public_to_private[VANTAGES]      = PLACES(RARE, RARE, RARE, RARE, RARE, 1, 1);
static const double private_to_private[VANTAGES]     = PLACES(1, 0.6, 0.25, 0.25, 0.3, 0.6, 1);
static const double public_to_public[VANTAGES]       = PLACES(0.35, 0.3, 1, 1, 1, 0.3, 0.35);
/* Routers between the initiator and the capture. */
static const double client_hops[3][VANTAGES] = {
    /* 0 */ PLACES(1, 1, RARE, RARE, RARE, RARE, RARE),
    /* 1 */ PLACES(RARE, 0.15, 1, 0.3, 0.4, 0.3, 0.4),
    /* more */ PLACES(RARE / 2, 0.1, 0.3, 1, 1, 1, 1),
};
/* Routers between the responder and the capture. */
static const double server_hops[3][VANTAGES] = {
    /* 0 */ PLACES(RARE, RARE, RARE, RARE, RARE, 1, 1),
    /* 1 */ PLACES(0.4, 0.3, 0.4, 0.3, 1, 0.15, RARE),
    /* more */ PLACES(1, 1, 1, 1, 0.3, 0.1, RARE / 2),
};
/* A refusal in the server's name has come some way, or none. A server sends its own without any; an
 * edge that refuses in its name does so on its outer side. */
static const double refusal_from_afar[VANTAGES]      = PLACES(1, 1, 1, 1, 1, 0.3, RARE);
static const double refusal_at_hand[VANTAGES]        = PLACES(0.3, 0.3, 0.1, 0.1, 1, 0.7, 1);
/* Both at hop 0: one link. Which end's host it is, if any, other things must tell. */
static const double on_one_link[VANTAGES]            = PLACES(1, 0.1, RARE, RARE, RARE, 0.1, 1);
/* An end that does not take part in some of the conversations is not the capturing host. */
static const double not_all_clients[VANTAGES]        = PLACES(RARE, 1, 1, 1, 1, 1, 1);
static const double not_all_servers[VANTAGES]        = PLACES(1, 1, 1, 1, 1, 1, RARE);
static const double all_clients[VANTAGES]            = PLACES(1, 0.4, 1, 1, 1, 1, 1);
static const double all_servers[VANTAGES]            = PLACES(1, 1, 1, 1, 1, 0.4, 1);
/* Cooked header: the end's frames are all outgoing, or all incoming. */
static const double client_outgoing[VANTAGES]        = PLACES(1, 0.1, 0.1, RARE, RARE, RARE, RARE);
static const double server_outgoing[VANTAGES]        = PLACES(RARE, RARE, RARE, RARE, 0.1, 0.1, 1);
/* Traffic on more than one interface: a router, or a host with several. */
static const double several_interfaces[VANTAGES]     = PLACES(0.25, 1, 1, 1, 1, 1, 0.25);
static const double client_incoming[VANTAGES]        = PLACES(RARE, 0.5, 0.5, 0.5, 0.5, 0.5, 1);
/* Checksums wrong on one end's packets only: not yet filled in by its own network card. */
static const double client_offloads[VANTAGES]        = PLACES(1, 0.1, 0.1, RARE, RARE, 0.1, 0.1);
static const double server_offloads[VANTAGES]        = PLACES(0.1, 0.1, RARE, RARE, 0.1, 0.1, 1);
/* One end answers within the time a host needs, the other takes much longer. */
static const double client_answers_at_once[VANTAGES] = PLACES(1, 0.5, 0.2, 0.1, 0.1, 0.1, 0.1);
static const double server_answers_at_once[VANTAGES] = PLACES(0.1, 0.1, 0.1, 0.1, 0.3, 0.5, 1);
/* clang-format on */

enum {
    AT_ONCE_US = 150, /* from a SYN to the SYN-ACK inside one host, with room for a slow one */
    MUCH_LONGER_TIMES = 4,
    CHECKSUMS_MIN = 3,
    FLOWS_MIN = 3, /* conversations with different others, to speak of "all of them" */
    SAMPLE_ATTEMPTS = 256,
};

static const struct host *host_of(const struct vantage_context *context,
                                  const struct attempt *attempt, enum side side)
{
    return host_table_find(tracker_hosts(context->tracker), &attempt->address[side]);
}

int vantage_hops(const struct vantage_context *context, const struct attempt *attempt,
                 enum side side)
{
    const struct mark *first = &attempt->side[side].first;
    if (first->frame && !(first->flags & TCP_RST) && first->hop_limit > PROBE_HOP_LIMIT_MAX)
        return hops_travelled(first->hop_limit);
    const struct host *host = host_of(context, attempt, side);
    return host && host->measured ? hops_travelled(host->hop_limit) : -1;
}

bool vantage_answered_next_door(const struct vantage_context *context,
                                const struct attempt *attempt)
{
    return !attempt_is_forwarded(attempt) && attempt->side[RESPONDER].first.frame &&
           ip_is_private(&attempt->address[INITIATOR]) &&
           !ip_is_private(&attempt->address[RESPONDER]) &&
           vantage_hops(context, attempt, INITIATOR) == 0 &&
           vantage_hops(context, attempt, RESPONDER) == 0;
}

bool vantage_same_link(const struct vantage_context *context, const struct attempt *attempt)
{
    if (attempt_is_forwarded(attempt) || vantage_hops(context, attempt, INITIATOR) != 0 ||
        vantage_answered_next_door(context, attempt))
        return false;
    int hops = vantage_hops(context, attempt, RESPONDER);
    if (hops >= 0)
        return hops == 0;
    if (attempt->bits & ATTEMPT_TUNNEL_DEVICE)
        return true; /* a link without ARP */
    const struct host *server = host_of(context, attempt, RESPONDER);
    return server && (server->asked || server->resolved);
}

/* One observation: whether it was made, what it says of each vantage, and how to say it. */
struct observation {
    bool made;
    const double *likelihood;
    const char *because;
};

static bool one_sided_checksums(const struct host *wrong, const struct host *right)
{
    return wrong && right && wrong->checksums_wrong >= CHECKSUMS_MIN && !wrong->checksums_right &&
           right->checksums_right >= CHECKSUMS_MIN && !right->checksums_wrong;
}

static bool much_quicker(uint32_t one_us, uint32_t other_us)
{
    return one_us != HOST_NO_TIME && other_us != HOST_NO_TIME && one_us <= AT_ONCE_US &&
           other_us >= one_us * MUCH_LONGER_TIMES;
}

static bool in_all_flows(const struct vantage_context *context, const struct host *host)
{
    uint32_t flows = host ? context->flows[!ip_is_v4(&host->address)] : 0;
    return host && host->flows == flows && flows >= FLOWS_MIN;
}

static bool in_some_flows(const struct vantage_context *context, const struct host *host)
{
    return host && host->flows < context->flows[!ip_is_v4(&host->address)];
}

static const double *scope_likelihood(bool client_private, bool server_private)
{
    if (client_private)
        return server_private ? private_to_private : private_to_public;
    return server_private ? public_to_private : public_to_public;
}

static const char *scope_text(bool client_private, bool server_private)
{
    if (client_private && server_private)
        return "both addresses are private";
    if (client_private)
        return "the client's address is private and the server's public: before the client's NAT";
    return server_private
               ? "the client's address is public and the server's private: behind the server's NAT"
               : "both addresses are public";
}

static const char *const client_hops_text[3] = {
    "the client's packets passed no router yet (TTL as sent)",
    "the client's packets passed one router",
    "the client's packets passed several routers",
};
static const char *const server_hops_text[3] = {
    "the server's packets passed no router (TTL as sent)",
    "the server's packets passed one router",
    "the server's packets passed several routers",
};

static int hop_class(int hops)
{
    return hops > 1 ? 2 : hops;
}

/* Hop limit of a RST or ICMP error that carries the server's address; 0: none. It is no baseline,
 * but whoever sent it, the capturing host did not send it from afar. */
static uint8_t refusal_hop_limit(const struct attempt *attempt)
{
    if (attempt->refused.frame)
        return attempt->refused.hop_limit;
    if (attempt->icmp.count && ip_equal(&attempt->icmp.sender, &attempt->address[RESPONDER]))
        return attempt->icmp.first.hop_limit;
    return 0;
}

enum { OBSERVATIONS = 14 };

static void observe(const struct vantage_context *context, const struct attempt *attempt,
                    struct observation seen[OBSERVATIONS])
{
    const struct host *client = host_of(context, attempt, INITIATOR);
    const struct host *server = host_of(context, attempt, RESPONDER);
    bool client_private = ip_is_private(&attempt->address[INITIATOR]);
    bool server_private = ip_is_private(&attempt->address[RESPONDER]);
    int to_client = vantage_hops(context, attempt, INITIATOR);
    int to_server = vantage_answered_next_door(context, attempt)
                        ? -1 /* that is not the server's distance */
                        : vantage_hops(context, attempt, RESPONDER);
    bool one_link = vantage_same_link(context, attempt);
    uint32_t client_us = client ? client->confirm_min_us : HOST_NO_TIME;
    uint32_t server_us = server ? server->answer_min_us : HOST_NO_TIME;
    bool cooked = client && client->frames_in + client->frames_out > 0;
    uint8_t refusal = refusal_hop_limit(attempt);
    bool from_afar = refusal && hops_travelled(refusal) > 0;
    /* A host at the end of a tunnel has another address and another interface outside of it. */
    bool plain = !(attempt->bits & ATTEMPT_TUNNEL_DEVICE);

    const struct observation all[OBSERVATIONS] = {
        {true, scope_likelihood(client_private, server_private),
         scope_text(client_private, server_private)},
        {one_link, on_one_link, "no router between client and server: both on the captured link"},
        {to_client >= 0 && !one_link, client_hops[hop_class(to_client < 0 ? 0 : to_client)],
         client_hops_text[hop_class(to_client < 0 ? 0 : to_client)]},
        {to_server >= 0 && !one_link, server_hops[hop_class(to_server < 0 ? 0 : to_server)],
         server_hops_text[hop_class(to_server < 0 ? 0 : to_server)]},
        {plain && in_some_flows(context, client), not_all_clients,
         "conversations without the client are seen: not its own host"},
        {plain && in_some_flows(context, server), not_all_servers,
         "conversations without the server are seen: not its own host"},
        {in_all_flows(context, client) && !in_all_flows(context, server), all_clients,
         "every conversation is the client's"},
        {in_all_flows(context, server) && !in_all_flows(context, client), all_servers,
         "every conversation is the server's"},
        {cooked && !client->frames_in, client_outgoing, "the client's frames are all outgoing"},
        {cooked && !client->frames_out, client_incoming, "the client's frames are all incoming"},
        {one_sided_checksums(client, server), client_offloads,
         "only the client's checksums are not filled in yet (offload)"},
        {one_sided_checksums(server, client), server_offloads,
         "only the server's checksums are not filled in yet (offload)"},
        {refusal && !one_link, from_afar ? refusal_from_afar : refusal_at_hand,
         from_afar ? "the refusal in the server's name passed routers: not sent by this host"
                   : "the refusal in the server's name passed no router"},
        {plain && __builtin_popcountll(tracker_counters(context->tracker)->interfaces) > 1,
         several_interfaces, "more than one interface has traffic: most likely a router"},
    };
    memcpy(seen, all, sizeof all);
    /* Where the link is one, the quicker end is the capturing host. */
    if (much_quicker(client_us, server_us))
        seen[1] = one_link ? (struct observation){true, client_answers_at_once,
                                                  "the client confirms at once, the server takes "
                                                  "longer; no router between them"}
                           : seen[1];
    else if (much_quicker(server_us, client_us) && one_link)
        seen[1] = (struct observation){true, server_answers_at_once,
                                       "the server answers at once, the client takes longer; no "
                                       "router between them"};
    if (server && server->frames_out && !server->frames_in && cooked && !client->frames_out)
        seen[9] = (struct observation){true, server_outgoing,
                                       "the server's frames are outgoing, the client's incoming"};
}

static void certain(struct vantage_belief *belief, enum vantage vantage, double probability)
{
    for (int v = 0; v < VANTAGES; v++)
        belief->probability[v] = 0;
    belief->probability[vantage] = probability;
    belief->probability[VANTAGE_UNKNOWN] += 1 - probability;
}

static bool is_local(const struct site *site, const struct ip_address *address)
{
    for (size_t i = 0; i < site->local_count; i++)
        if (ip_equal(&site->local[i], address))
            return true;
    return false;
}

static bool in_local_net(const struct site *site, const struct ip_address *address)
{
    for (size_t i = 0; i < site->local_net_count; i++)
        if (ip_network_contains(&site->local_net[i], address))
            return true;
    return false;
}

/* What is known and need not be inferred: the user's word, and the interface's own addresses. */
static bool is_told(const struct vantage_context *context, const struct attempt *attempt,
                    struct vantage_belief *belief)
{
    const struct site *site = context->site;
    if (site->told != VANTAGE_UNKNOWN) {
        certain(belief, site->told, 1);
        return true;
    }
    bool client = is_local(site, &attempt->address[INITIATOR]);
    bool server = is_local(site, &attempt->address[RESPONDER]);
    if (client == server)
        return false;
    certain(belief, client ? VANTAGE_CLIENT : VANTAGE_SERVER, 1);
    return true;
}

/* Which box sees a packet enter and leave: the one at the initiator's side, or the responder's.
 * A NAT gives it away; without one the nearer end does. */
static void gateway_belief(const struct vantage_context *context, const struct attempt *attempt,
                           struct vantage_belief *belief)
{
    const struct attempt *inner = tracker_attempt(context->tracker, attempt->twin);
    double egress = 0.5;
    int to_client = vantage_hops(context, attempt, INITIATOR);
    if (inner) {
        bool source = !ip_equal(&inner->address[INITIATOR], &attempt->address[INITIATOR]);
        bool destination = !ip_equal(&inner->address[RESPONDER], &attempt->address[RESPONDER]);
        egress = source == destination ? 0.5 : source ? 0.95 : 0.05;
    } else if (to_client >= 0) {
        egress = to_client == 0 ? 0.9 : 0.1;
    }
    certain(belief, VANTAGE_EGRESS_ANY, egress);
    belief->probability[VANTAGE_EDGE_ANY] = 1 - egress;
    belief->probability[VANTAGE_UNKNOWN] = 0;
}

static void apply(double weight[VANTAGES], const double likelihood[VANTAGES])
{
    for (int v = 0; v < VANTAGES; v++)
        weight[v] *= likelihood[v];
}

/* A capture on "any" of a gateway has both of its sides, also where nothing was let through. */
static void gateways_see_both_sides(double weight[VANTAGES])
{
    weight[VANTAGE_EGRESS_ANY] = weight[VANTAGE_EGRESS_LAN] + weight[VANTAGE_EGRESS_WAN];
    weight[VANTAGE_EDGE_ANY] = weight[VANTAGE_EDGE_WAN] + weight[VANTAGE_EDGE_LAN];
    weight[VANTAGE_EGRESS_LAN] = weight[VANTAGE_EGRESS_WAN] = 0;
    weight[VANTAGE_EDGE_WAN] = weight[VANTAGE_EDGE_LAN] = 0;
}

static void apply_local_net(const struct vantage_context *context, const struct attempt *attempt,
                            double weight[VANTAGES])
{
    static const double client_side[VANTAGES] = PLACES(1, 1, 0.3, RARE, RARE, RARE, RARE);
    static const double server_side[VANTAGES] = PLACES(RARE, RARE, RARE, RARE, 0.3, 1, 1);
    bool client = in_local_net(context->site, &attempt->address[INITIATOR]);
    bool server = in_local_net(context->site, &attempt->address[RESPONDER]);
    if (client && !server)
        apply(weight, client_side);
    if (server && !client)
        apply(weight, server_side);
}

void vantage_of_attempt(const struct vantage_context *context, const struct attempt *attempt,
                        struct vantage_belief *belief)
{
    if (is_told(context, attempt, belief))
        return;
    if (attempt_is_forwarded(attempt) || context->any_forwarded) {
        gateway_belief(context, attempt, belief);
        return;
    }
    struct observation seen[OBSERVATIONS];
    observe(context, attempt, seen);
    double weight[VANTAGES];
    memcpy(weight, prior, sizeof weight);
    for (int i = 0; i < OBSERVATIONS; i++)
        if (seen[i].made)
            apply(weight, seen[i].likelihood);
    apply_local_net(context, attempt, weight);
    if (context->cooked)
        gateways_see_both_sides(weight);
    double sum = 0;
    for (int v = 0; v < VANTAGES; v++)
        sum += weight[v];
    for (int v = 0; v < VANTAGES; v++)
        belief->probability[v] = weight[v] / sum;
}

static void because(struct vantage_estimate *estimate, const char *text)
{
    if (estimate->because_count == VANTAGE_REASONS_MAX)
        return;
    for (size_t i = 0; i < estimate->because_count; i++)
        if (strcmp(estimate->because[i], text) == 0)
            return;
    snprintf(estimate->because[estimate->because_count++], VANTAGE_REASON_TEXT, "%s", text);
}

/* The reasons of one attempt that stands for the others: those that speak for the vantage found. */
static void give_reasons(const struct vantage_context *context, const struct attempt *attempt,
                         struct vantage_estimate *estimate)
{
    if (context->site->told != VANTAGE_UNKNOWN) {
        because(estimate, "told by --vantage");
        return;
    }
    if (is_local(context->site, &attempt->address[INITIATOR]) ||
        is_local(context->site, &attempt->address[RESPONDER])) {
        because(estimate, "the capturing interface has this address");
        return;
    }
    if (attempt_is_forwarded(attempt) || context->any_forwarded) {
        because(estimate, "packets are seen entering and leaving the capturing box");
        return;
    }
    struct observation seen[OBSERVATIONS];
    observe(context, attempt, seen);
    for (int i = 0; i < OBSERVATIONS; i++)
        if (seen[i].made && seen[i].likelihood[estimate->kind] >= 0.4)
            because(estimate, seen[i].because);
}

void vantage_of_capture(const struct vantage_context *context, struct vantage_estimate *estimate)
{
    double sum[VANTAGES] = {0}, best_share = 0;
    const struct attempt *typical = NULL;
    size_t position = 0, count = 0;
    *estimate = (struct vantage_estimate){.kind = context->site->told,
                                          .confidence = context->site->told ? 1 : 0};
    for (const struct attempt *attempt;
         count < SAMPLE_ATTEMPTS &&
         (attempt = tracker_next_attempt(context->tracker, &position));) {
        struct vantage_belief belief;
        if (attempt->bits & ATTEMPT_IS_INNER)
            continue;
        vantage_of_attempt(context, attempt, &belief);
        for (int v = 0; v < VANTAGES; v++)
            sum[v] += belief.probability[v];
        count++;
    }
    if (!count)
        return;
    for (int v = 0; v < VANTAGES; v++)
        if (sum[v] > sum[estimate->kind] || v == 0)
            estimate->kind = (enum vantage)v;
    estimate->confidence = sum[estimate->kind] / (double)count;
    position = 0;
    count = 0;
    for (const struct attempt *attempt;
         count++ < SAMPLE_ATTEMPTS &&
         (attempt = tracker_next_attempt(context->tracker, &position));) {
        struct vantage_belief belief;
        vantage_of_attempt(context, attempt, &belief);
        if (!typical || belief.probability[estimate->kind] > best_share) {
            typical = attempt;
            best_share = belief.probability[estimate->kind];
        }
    }
    give_reasons(context, typical, estimate);
    estimate->has_host = estimate->kind == VANTAGE_CLIENT || estimate->kind == VANTAGE_SERVER;
    if (estimate->has_host)
        estimate->host = typical->address[estimate->kind == VANTAGE_CLIENT ? INITIATOR : RESPONDER];
}
