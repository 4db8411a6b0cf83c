#include "analyzer/correlation/witness.h"

enum { LOOKS_MAX = 128, NEXT_ROUTER_HOPS = 1 };
#define HOST_CONFIDENCE_MIN 0.8

static bool has_kind(const struct correlation_view *view, enum packet_kind kind)
{
    return tracker_counters(view->tracker)->kinds >> kind & 1;
}

/* What no filter for one port lets through. */
static bool records_everything(const struct correlation_view *view)
{
    return has_kind(view, PACKET_ARP) || has_kind(view, PACKET_ICMP) ||
           has_kind(view, PACKET_OTHER);
}

static bool would_record(const struct couple *couple, const struct failure *failure,
                         const struct match *match)
{
    return records_everything(couple->view[!couple->own]) ||
           (match->proto == failure->proto &&
            match->port[couple->own][RESPONDER] == failure->server_port);
}

/* Packets towards the server are in the other capture. */
static bool shows_requests(const struct couple *couple, const struct match *match)
{
    return match->hop_limit[!couple->own][INITIATOR] != 0;
}

static enum witness of_server(const struct couple *couple, const struct failure *failure,
                              struct match *found)
{
    enum witness best = WITNESS_NONE;
    size_t position = SIZE_MAX;
    unsigned looked = 0;
    for (const struct match *match;
         looked++ < LOOKS_MAX && (match = pairing_next(couple->pairing, couple->own, RESPONDER,
                                                       &failure->server, &position));) {
        if (!shows_requests(couple, match) || !would_record(couple, failure, match))
            continue;
        bool pair = ip_equal(&match->address[couple->own][INITIATOR], &failure->client);
        if (!pair && best != WITNESS_NONE)
            continue;
        *found = *match;
        best = pair ? WITNESS_PAIR : WITNESS_SERVER;
        if (pair)
            break;
    }
    return best;
}

/* A router further on, this client's packets come by, wherever they go. */
static enum witness of_client(const struct couple *couple, const struct failure *failure,
                              struct match *found)
{
    size_t position = SIZE_MAX;
    unsigned looked = 0;
    for (const struct match *match;
         looked++ < LOOKS_MAX && (match = pairing_next(couple->pairing, couple->own, INITIATOR,
                                                       &failure->client, &position));) {
        int before = match->hop_limit[couple->own][INITIATOR];
        int behind = match->hop_limit[!couple->own][INITIATOR];
        if (!behind || before < behind || before - behind > NEXT_ROUTER_HOPS ||
            match_nearer_initiator(match) != couple->own || !would_record(couple, failure, match))
            continue;
        *found = *match;
        return WITNESS_CLIENT;
    }
    return WITNESS_NONE;
}

static bool is_same_host(const struct site *site, const struct ip_address *outside,
                         const struct ip_address *inside)
{
    for (size_t i = 0; i < site->nat_count; i++)
        if (ip_equal(&site->nat[i].public_side, outside) &&
            ip_equal(&site->nat[i].private_side, inside))
            return true;
    return ip_equal(outside, inside);
}

enum witness witness_find(const struct couple *couple, const struct failure *failure,
                          struct match *match)
{
    const struct correlation_view *other = couple->view[!couple->own];
    enum witness witness = of_server(couple, failure, match);
    if (witness == WITNESS_NONE)
        witness = of_client(couple, failure, match);
    if (witness != WITNESS_NONE)
        return witness;
    *match = (struct match){0};
    if (other->vantage->site->told != VANTAGE_UNKNOWN)
        return WITNESS_TOLD;
    const struct vantage_estimate *estimate = other->estimate;
    if (estimate->kind == VANTAGE_SERVER && estimate->has_host &&
        estimate->confidence >= HOST_CONFIDENCE_MIN && records_everything(other) &&
        is_same_host(other->vantage->site, &failure->server, &estimate->host))
        return WITNESS_HOST;
    return WITNESS_NONE;
}

bool witness_sees(const struct couple *couple, int index, const struct ip_address *client,
                  const struct ip_address *server, enum side side)
{
    const struct vantage_estimate *estimate = couple->view[index]->estimate;
    bool on_host = estimate->kind == VANTAGE_CLIENT || estimate->kind == VANTAGE_SERVER;
    if (on_host && estimate->confidence >= HOST_CONFIDENCE_MIN)
        return true; /* a host sends and receives on its own interface */
    const struct ip_address *ends[2] = {client, server};
    for (int end = 0; end < 2; end++) {
        size_t position = SIZE_MAX;
        unsigned looked = 0;
        for (const struct match *match;
             looked++ < LOOKS_MAX &&
             (match = pairing_next(couple->pairing, index, (enum side)end, ends[end], &position));)
            if (match->hop_limit[index][side])
                return true;
    }
    return false;
}
