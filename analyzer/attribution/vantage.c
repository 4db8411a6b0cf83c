#include "analyzer/attribution/vantage.h"

#include <math.h>
#include <stdio.h>

#include "analyzer/flow/names.h"
#include "analyzer/flow/routers.h"

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
/* Hosts of offices have private IPv4 addresses nearly everywhere, and those of clouds as well (1:1
 * NAT); some rented servers and campus networks have public ones. With IPv6 public is the rule. */
static const double public_to_public[VANTAGES]       = PLACES(0.15, 0.15, 1, 1, 1, 0.15, 0.15);
static const double public_to_public_v6[VANTAGES]    = PLACES(1, 1, 1, 1, 1, 1, 1);
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
 * edge that refuses in its name does so on its outer side, but most of them drop. */
static const double refusal_from_afar[VANTAGES]      = PLACES(1, 1, 1, 1, 1, 0.3, RARE);
static const double refusal_at_hand[VANTAGES]        = PLACES(0.3, 0.3, 0.1, 0.1, 0.5, 0.7, 1);
/* It quotes the packet one hop on: a router refused it while forwarding (kernel source: ip_forward). */
static const double refusal_forwarding[VANTAGES]     = PLACES(1, 1, 1, 1, 1, 0.1, RARE);
/* ARP and neighbour discovery. An address that is resolved on the link and whose packets have
 * nevertheless passed a router is a NAT's outer address (or a router's that answers for others,
 * RFC 1027). Frames to and from a router's MAC address are not for, or from, a host of this link. */
static const double server_is_nat[VANTAGES]          = PLACES(RARE, RARE, RARE, 0.1, 1, 0.1, RARE);
static const double client_is_nat[VANTAGES]          = PLACES(RARE, 0.1, 1, 0.1, RARE, RARE, RARE);
static const double server_on_link[VANTAGES]         = PLACES(RARE, 0.1, 0.1, 0.1, 1, 1, 1);
static const double client_on_link[VANTAGES]         = PLACES(1, 1, 1, 0.1, 0.1, 0.1, RARE);
static const double to_router[VANTAGES]              = PLACES(1, 1, 1, 1, 0.3, 0.05, RARE);
static const double from_router[VANTAGES]            = PLACES(RARE, 0.05, 0.3, 1, 1, 1, 1);
/* The card that answers for an end's address is a router's (routers.h): so the address is a NAT's outer
 * one, or an end's that forwards as well, as hosts of containers do. */
static const double server_is_router[VANTAGES]       = PLACES(1, 1, 1, 1, 1, 0.1, 0.1);
static const double client_is_router[VANTAGES]       = PLACES(0.1, 0.1, 1, 1, 1, 1, 1);
/* The client's own look-up of the server's name, answered by somebody else, comes by: not where only the
 * server's packets come; unless the name server stands there as well. */
static const double look_up_passes[VANTAGES]         = PLACES(1, 1, 1, 1, 0.2, 0.1, RARE);
/* The capturing box answers ARP for an end's address: it is that end, or its NAT; or it answers for
 * others only, and is neither. */
static const double box_is_no_end[VANTAGES]          = PLACES(RARE, 1, 1, 1, 1, 1, RARE);
static const double box_is_client[VANTAGES]          = PLACES(1, RARE, 1, RARE, RARE, RARE, RARE);
static const double box_is_server[VANTAGES]          = PLACES(RARE, RARE, RARE, RARE, 1, RARE, 1);
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
/* Seen inside a tunnel of the kind that joins networks: between the gateways, most likely. The end
 * that takes it out of the tunnel sees it come in so. */
static const double wrapped[VANTAGES]                = PLACES(0.1, 0.1, 1, 1, 1, 0.1, 0.1);
static const double comes_in_wrapped[VANTAGES]       = PLACES(RARE, RARE, RARE, 1, 1, 0.1, 0.1);
/* Segments longer than any link carries: not yet cut by their sender's network card (TSO), or already
 * put together by the receiver's (GRO), which Linux routers do as well; no mirror port shows them. */
static const double client_oversized[VANTAGES]       = PLACES(1, 0.3, 0.3, 0.2, 0.3, 0.3, 0.6);
static const double server_oversized[VANTAGES]       = PLACES(0.6, 0.3, 0.3, 0.2, 0.3, 0.3, 1);
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
    TUNNELS_OF_SITES = TUNNEL_IPIP | TUNNEL_GRE | TUNNEL_VXLAN | TUNNEL_GENEVE,
};

static const struct host *host_of(const struct vantage_context *context,
                                  const struct attempt *attempt, enum side side)
{
    return host_table_find(tracker_hosts(context->tracker), &attempt->address[side]);
}

int vantage_hops(const struct vantage_context *context, const struct attempt *attempt,
                 enum side side)
{
    const struct mark *first = attempt->side[side].first;
    if (first->frame && !(first->flags & TCP_RST) && first->hop_limit > PROBE_HOP_LIMIT_MAX)
        return hops_travelled(first->hop_limit);
    const struct host *host = host_of(context, attempt, side);
    return host && host->measured ? hops_travelled(host->hop_limit) : -1;
}

bool vantage_answered_next_door(const struct vantage_context *context,
                                const struct attempt *attempt)
{
    return !attempt_is_forwarded(attempt) && attempt->side[RESPONDER].first->frame &&
           ip_is_private(&attempt->address[INITIATOR]) &&
           !ip_is_private(&attempt->address[RESPONDER]) &&
           vantage_hops(context, attempt, INITIATOR) == 0 &&
           vantage_hops(context, attempt, RESPONDER) == 0;
}

/* The first packet's frame goes to (or comes from) a router: no host of this link has that end's
 * address. */
static bool beyond_router(const struct vantage_context *context, const struct attempt *attempt,
                          enum side side)
{
    static const uint8_t none[6];
    const struct mark *first = attempt->side[INITIATOR].first;
    const uint8_t *mac = side == RESPONDER ? first->mac_to : first->mac;
    return first->has_mac && !attempt->tunnels && memcmp(mac, none, sizeof none) != 0 &&
           !host_on_link(host_of(context, attempt, side)) &&
           neighbours_is_router(&context->neighbours, mac, &attempt->address[side]);
}

/* Private addresses of one /24 are one link unless something says otherwise: where only a refusal
 * came back, whose TTL proves nothing of the host, nothing does. */
static bool share_a_subnet(const struct attempt *attempt)
{
    enum { PREFIX = 96 + 24 }; /* of an IPv4-mapped address */
    const struct ip_network network = {.address = attempt->address[RESPONDER], .prefix = PREFIX};
    return ip_is_v4(&attempt->address[INITIATOR]) && ip_is_v4(&attempt->address[RESPONDER]) &&
           ip_is_private(&attempt->address[RESPONDER]) &&
           ip_network_contains(&network, &attempt->address[INITIATOR]);
}

/* Routers of clouds leave the TTL alone; that there is one shows by its MAC address. A capture on
 * "any" has the ARP of all links: there only one end that asks for the other counts. */
bool vantage_same_link(const struct vantage_context *context, const struct attempt *attempt)
{
    if (attempt_is_forwarded(attempt) || vantage_hops(context, attempt, INITIATOR) != 0 ||
        vantage_answered_next_door(context, attempt))
        return false;
    if (beyond_router(context, attempt, INITIATOR) || beyond_router(context, attempt, RESPONDER))
        return false;
    int hops = vantage_hops(context, attempt, RESPONDER);
    if (hops >= 0)
        return hops == 0;
    if (attempt->bits & ATTEMPT_TUNNEL_DEVICE)
        return true; /* a link without ARP */
    const struct host *client = host_of(context, attempt, INITIATOR);
    const struct host *server = host_of(context, attempt, RESPONDER);
    if (!context->cooked)
        return host_on_link(server) || share_a_subnet(attempt);
    return (server && ip_equal(&host_link(server)->asked_by, &attempt->address[INITIATOR])) ||
           (client && ip_equal(&host_link(client)->asked_by, &attempt->address[RESPONDER]));
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
           other_us > one_us && other_us >= one_us * MUCH_LONGER_TIMES;
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

static const double *scope_likelihood(bool client_private, bool server_private, bool v4)
{
    if (client_private)
        return server_private ? private_to_private : private_to_public;
    if (server_private)
        return public_to_private;
    return v4 ? public_to_public : public_to_public_v6;
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
    if (attempt->refused->frame)
        return attempt->refused->hop_limit;
    if (attempt->icmp->count && ip_equal(&attempt->icmp->sender, &attempt->address[RESPONDER]))
        return attempt->icmp->first->hop_limit;
    return 0;
}

/* What the link says of one end; on captures of "any" there is no one link. */
struct link_view {
    bool here, is_nat, beyond, is_router;
};

static struct link_view link_view(const struct vantage_context *context,
                                  const struct attempt *attempt, enum side side)
{
    const struct host *host = host_of(context, attempt, side);
    bool here = host_on_link(host) && !context->cooked && !attempt->tunnels;
    bool is_nat = here && host->measured && hops_travelled(host->hop_limit_max) > 0;
    return (struct link_view){
        .here = here && !is_nat,
        .is_nat = is_nat,
        .beyond = beyond_router(context, attempt, side),
        .is_router = host_link(host)->has_mac && !attempt->tunnels &&
                     routers_has(tracker_routers(context->tracker), host_link(host)->mac),
    };
}

/* The refusal in the server's name comes from the next device, which had taken one off the TTL. */
static bool refused_while_forwarding(const struct attempt *attempt)
{
    const struct icmp_record *icmp = attempt->icmp;
    return icmp->count && icmp->quoted_as_sent == icmp->quoted_hop_limit + 1 &&
           ip_equal(&icmp->sender, &attempt->address[RESPONDER]) &&
           hops_travelled(icmp->first->hop_limit) == 0;
}

/* What rows of the table below ask of more than once. */
struct ends_view {
    const struct host *client, *server;
    bool client_private, server_private;
    bool one_link;
    int to_client, to_server; /* hops; -1: not known */
    bool client_quick, server_quick;
    bool cooked, client_in, server_out; /* frames' directions are told, and all the same */
    uint8_t refusal;                    /* refusal_hop_limit() */
    bool from_afar;
    struct link_view client_link, server_link;
    bool is_client, is_server; /* the capturing box answers ARP for its address */
    bool is_wrapped, comes_in;
    bool plain;
    const struct lookup *look_up;
};

static struct ends_view view_ends(const struct vantage_context *context,
                                  const struct attempt *attempt)
{
    const struct host *client = host_of(context, attempt, INITIATOR);
    const struct host *server = host_of(context, attempt, RESPONDER);
    uint32_t client_us = client ? client->confirm_min_us : HOST_NO_TIME;
    uint32_t server_us = server ? server->answer_min_us : HOST_NO_TIME;
    bool cooked = client && (client->came_in || client->left);
    uint8_t refusal = refusal_hop_limit(attempt);
    return (struct ends_view){
        .client = client,
        .server = server,
        .client_private = ip_is_private(&attempt->address[INITIATOR]),
        .server_private = ip_is_private(&attempt->address[RESPONDER]),
        .one_link = vantage_same_link(context, attempt),
        .to_client = vantage_hops(context, attempt, INITIATOR),
        .to_server = vantage_answered_next_door(context, attempt)
                         ? -1 /* that is not the server's distance */
                         : vantage_hops(context, attempt, RESPONDER),
        .client_quick = much_quicker(client_us, server_us),
        .server_quick = much_quicker(server_us, client_us),
        .cooked = cooked,
        .client_in = cooked && !client->left,
        .server_out = server && server->left && !server->came_in,
        .refusal = refusal,
        .from_afar = refusal && hops_travelled(refusal) > 0,
        .client_link = link_view(context, attempt, INITIATOR),
        .server_link = link_view(context, attempt, RESPONDER),
        .is_client = host_link(client)->out,
        .is_server = host_link(server)->out,
        .is_wrapped = (attempt->tunnels & TUNNELS_OF_SITES) != 0,
        .comes_in = attempt->side[INITIATOR].first->direction == LINK_IN,
        /* A host at the end of a tunnel has another address and another interface outside of it. */
        .plain = !(attempt->bits & ATTEMPT_TUNNEL_DEVICE),
        .look_up = names_of_address(tracker_names(context->tracker), &attempt->address[INITIATOR],
                                    &attempt->address[RESPONDER]),
    };
}

enum { OBSERVATIONS = 33 };

static void observe(const struct vantage_context *context, const struct attempt *attempt,
                    struct observation seen[OBSERVATIONS])
{
    const struct ends_view ends = view_ends(context, attempt), *e = &ends;
    const struct observation all[OBSERVATIONS] = {
        {!e->is_wrapped, /* inside a tunnel, addresses are private on the whole way */
         scope_likelihood(e->client_private, e->server_private,
                          ip_is_v4(&attempt->address[RESPONDER])),
         scope_text(e->client_private, e->server_private)},
        {e->one_link && !e->client_quick && !e->server_quick, on_one_link,
         "no router between client and server: both on the captured link"},
        {e->one_link && e->client_quick, client_answers_at_once,
         "the client confirms at once, the server takes longer; no router between them"},
        {e->one_link && e->server_quick, server_answers_at_once,
         "the server answers at once, the client takes longer; no router between them"},
        {e->to_client >= 0 && !e->one_link,
         client_hops[hop_class(e->to_client < 0 ? 0 : e->to_client)],
         client_hops_text[hop_class(e->to_client < 0 ? 0 : e->to_client)]},
        {e->to_server >= 0 && !e->one_link,
         server_hops[hop_class(e->to_server < 0 ? 0 : e->to_server)],
         server_hops_text[hop_class(e->to_server < 0 ? 0 : e->to_server)]},
        {e->plain && in_some_flows(context, e->client), not_all_clients,
         "conversations without the client are seen: not its own host"},
        {e->plain && in_some_flows(context, e->server), not_all_servers,
         "conversations without the server are seen: not its own host"},
        {in_all_flows(context, e->client) && !in_all_flows(context, e->server), all_clients,
         "every conversation is the client's"},
        {in_all_flows(context, e->server) && !in_all_flows(context, e->client), all_servers,
         "every conversation is the server's"},
        {e->cooked && !e->client->came_in, client_outgoing, "the client's frames are all outgoing"},
        {e->client_in && !e->server_out, client_incoming, "the client's frames are all incoming"},
        {e->client_in && e->server_out, server_outgoing,
         "the server's frames are outgoing, the client's incoming"},
        {one_sided_checksums(e->client, e->server), client_offloads,
         "only the client's checksums are not filled in yet (offload)"},
        {one_sided_checksums(e->server, e->client), server_offloads,
         "only the server's checksums are not filled in yet (offload)"},
        {e->is_wrapped, e->comes_in ? comes_in_wrapped : wrapped,
         e->comes_in ? "the requests come into this box inside a tunnel"
                     : "the requests are inside a tunnel: between the gateways"},
        {e->client && e->client->oversized, client_oversized,
         "the client's segments are longer than a link carries (offload)"},
        {e->server && e->server->oversized, server_oversized,
         "the server's segments are longer than a link carries (offload)"},
        {e->refusal && !e->one_link, e->from_afar ? refusal_from_afar : refusal_at_hand,
         e->from_afar ? "the refusal in the server's name passed routers: not sent by this host"
                      : "the refusal in the server's name passed no router"},
        {refused_while_forwarding(attempt) && !e->one_link, refusal_forwarding,
         "the refusal in the server's name was made while forwarding: by a router"},
        {e->plain && __builtin_popcountll(tracker_counters(context->tracker)->interfaces) > 1,
         several_interfaces, "more than one interface has traffic: most likely a router"},
        {e->server_link.is_nat && !e->one_link, server_is_nat,
         "the server's address is on this link, yet its packets have passed a router: a NAT holds "
         "it"},
        {e->client_link.is_nat && !e->one_link, client_is_nat,
         "the client's address is on this link, yet its packets have passed a router: a NAT holds "
         "it"},
        {e->server_link.here && !e->one_link, server_on_link,
         "the server's address is on this link (ARP)"},
        {e->client_link.here && !e->one_link, client_on_link,
         "the client's address is on this link (ARP)"},
        {e->server_link.beyond, to_router, "the requests go to the MAC address of a router"},
        {e->client_link.beyond, from_router, "the requests come from the MAC address of a router"},
        {e->is_client && !e->is_server, box_is_client,
         "this box answers ARP for the client's address"},
        {e->is_server && !e->is_client, box_is_server,
         "this box answers ARP for the server's address"},
        {e->plain && context->neighbours.own && !e->is_client && !e->is_server, box_is_no_end,
         "this box answers ARP for addresses of its own, and for neither end's: a router"},
        {e->look_up && !e->one_link &&
             !ip_equal(&e->look_up->told_by, &attempt->address[RESPONDER]),
         look_up_passes, "the client's look-up of the server's name comes by here"},
        {e->server_link.is_router && !e->one_link, server_is_router,
         "the card that answers for the server's address is a router's (IPv6: all-routers group)"},
        {e->client_link.is_router && !e->one_link, client_is_router,
         "the card that answers for the client's address is a router's (IPv6: all-routers group)"},
    };
    memcpy(seen, all, sizeof all);
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

/* What --nat says of an address: it is used on this side of the translation, or on the other. */
enum face { FACE_UNKNOWN, FACE_INSIDE, FACE_OUTSIDE };

static enum face face_of(const struct site *site, const struct ip_address *address)
{
    for (size_t i = 0; i < site->nat_count; i++) {
        if (ip_equal(&site->nat[i].private_side, address))
            return FACE_INSIDE;
        if (ip_equal(&site->nat[i].public_side, address))
            return FACE_OUTSIDE;
    }
    return FACE_UNKNOWN;
}

enum { TOLD_OBSERVATIONS = 6 };

/* --local-net and --nat. */
static void observe_told(const struct site *site, const struct attempt *attempt,
                         struct observation seen[TOLD_OBSERVATIONS])
{
    static const double client_side[VANTAGES] = PLACES(1, 1, 0.3, RARE, RARE, RARE, RARE);
    static const double server_side[VANTAGES] = PLACES(RARE, RARE, RARE, RARE, 0.3, 1, 1);
    static const double inside_client[VANTAGES] = PLACES(1, 1, RARE, RARE, RARE, RARE, RARE);
    static const double outside_client[VANTAGES] = PLACES(RARE, RARE, 1, 1, 1, 1, 1);
    static const double inside_server[VANTAGES] = PLACES(RARE, RARE, RARE, RARE, RARE, 1, 1);
    static const double outside_server[VANTAGES] = PLACES(1, 1, 1, 1, 1, RARE, RARE);
    bool client = in_local_net(site, &attempt->address[INITIATOR]);
    bool server = in_local_net(site, &attempt->address[RESPONDER]);
    enum face client_face = face_of(site, &attempt->address[INITIATOR]);
    enum face server_face = face_of(site, &attempt->address[RESPONDER]);
    const struct observation all[TOLD_OBSERVATIONS] = {
        {client && !server, client_side, "the client is in the network told by --local-net"},
        {server && !client, server_side, "the server is in the network told by --local-net"},
        {client_face == FACE_INSIDE, inside_client,
         "the client has its private address of --nat here"},
        {client_face == FACE_OUTSIDE, outside_client,
         "the client has its public address of --nat here"},
        {server_face == FACE_INSIDE, inside_server,
         "the server has its private address of --nat here"},
        {server_face == FACE_OUTSIDE, outside_server,
         "the server has its public address of --nat here"},
    };
    memcpy(seen, all, sizeof all);
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
    struct observation told[TOLD_OBSERVATIONS];
    observe_told(context->site, attempt, told);
    for (int i = 0; i < TOLD_OBSERVATIONS; i++)
        if (told[i].made)
            apply(weight, told[i].likelihood);
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

/* Whether an observation is one to expect at this vantage; at a gateway, on either of its sides. */
static bool speaks_for(const struct observation *seen, enum vantage vantage)
{
    const double *likelihood = seen->likelihood;
    double here = vantage == VANTAGE_EGRESS_ANY
                      ? fmax(likelihood[VANTAGE_EGRESS_LAN], likelihood[VANTAGE_EGRESS_WAN])
                  : vantage == VANTAGE_EDGE_ANY
                      ? fmax(likelihood[VANTAGE_EDGE_LAN], likelihood[VANTAGE_EDGE_WAN])
                      : likelihood[vantage];
    return seen->made && here >= 0.4;
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
    struct observation told[TOLD_OBSERVATIONS], seen[OBSERVATIONS];
    observe_told(context->site, attempt, told);
    for (int i = 0; i < TOLD_OBSERVATIONS; i++)
        if (speaks_for(&told[i], estimate->kind))
            because(estimate, told[i].because);
    observe(context, attempt, seen);
    for (int i = 0; i < OBSERVATIONS; i++)
        if (speaks_for(&seen[i], estimate->kind))
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
