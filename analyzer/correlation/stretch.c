#include "analyzer/correlation/stretch.h"

/* "Only with an unusual network": as in vantage.c. */
#define RARE 0.02
/* Two captures at one place are possible, and of little use. */
#define SAME_PLACE 0.3

/* Places along the way in steps; boxes lie between them: the client's gateway from 2 to 3, the edge
 * from 6 to 7, the path from 3 to 6. A capture on both sides of a box has both steps. */
struct place {
    int in, out; /* step of its side towards the client, towards the server; 0: not known */
};

static const struct place places[VANTAGES] = {
    [VANTAGE_CLIENT] = {1, 1},     [VANTAGE_EGRESS_LAN] = {2, 2}, [VANTAGE_EGRESS_WAN] = {3, 3},
    [VANTAGE_EGRESS_ANY] = {2, 3}, [VANTAGE_ISP] = {4, 5},        [VANTAGE_EDGE_WAN] = {6, 6},
    [VANTAGE_EDGE_LAN] = {7, 7},   [VANTAGE_EDGE_ANY] = {6, 7},   [VANTAGE_SERVER] = {8, 8},
};
static const struct {
    int before, behind;
    unsigned bit;
} boxes[] = {{2, 3, BETWEEN_EGRESS}, {3, 6, BETWEEN_PATH}, {6, 7, BETWEEN_EDGE}};

/* Whether a stretch of path from one step to another has a part of the box in it. The path is no
 * single box: any part of it counts. */
static bool has_box(int from, int to, int before, int behind)
{
    return from < behind && to > before;
}

unsigned stretch_between(enum vantage upstream, enum vantage downstream,
                         const struct stretch_evidence *evidence)
{
    const struct place *up = &places[upstream], *down = &places[downstream];
    if (evidence->hops == 0)
        return 0;
    if (!up->in || !down->in)
        return BETWEEN_EGRESS | BETWEEN_PATH | BETWEEN_EDGE;
    int from = evidence->forwarded_upstream ? up->out : up->in;
    unsigned between = 0;
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        if (has_box(from, down->in, boxes[i].before, boxes[i].behind))
            between |= boxes[i].bit;
    return between;
}

bool stretch_order(enum vantage a, enum vantage b, int *order)
{
    *order = places[a].in + places[a].out - places[b].in - places[b].out;
    return places[a].in && places[b].in;
}

static int routers_least(unsigned between)
{
    return ((between & BETWEEN_EGRESS) != 0) + ((between & BETWEEN_EDGE) != 0);
}

/* How well two places fit what is known of the two captures together. */
static double fit(enum vantage upstream, enum vantage downstream,
                  const struct stretch_evidence *evidence)
{
    int order;
    if (!stretch_order(upstream, downstream, &order))
        return 1;
    double likelihood = order > 0 ? RARE : order == 0 ? SAME_PLACE : 1;
    if (evidence->hops == 0)
        return likelihood; /* one link, whatever its ends are called */
    unsigned between = stretch_between(upstream, downstream, evidence);
    int least = routers_least(between);
    if (evidence->hops > 0 && evidence->hops < least)
        likelihood *= RARE;
    if (evidence->hops > least && !(between & BETWEEN_PATH))
        likelihood *= RARE; /* a router more than there is room for */
    /* A NAT in the middle of the path is a provider's (RFC 6598), and changes the client only. */
    if (evidence->client_changed && !(between & BETWEEN_EGRESS))
        likelihood *= between & BETWEEN_PATH ? 0.1 : RARE;
    if (evidence->server_changed && !(between & BETWEEN_EDGE))
        likelihood *= RARE;
    return likelihood;
}

void stretch_weigh(const struct vantage_belief *upstream, const struct vantage_belief *downstream,
                   const struct stretch_evidence *evidence, struct stretch *stretch)
{
    double sum = 0;
    for (int up = 0; up < VANTAGES; up++)
        for (int down = 0; down < VANTAGES; down++) {
            double weight = upstream->probability[up] * downstream->probability[down] *
                            fit((enum vantage)up, (enum vantage)down, evidence);
            stretch->together[up][down] = weight;
            sum += weight;
        }
    for (int up = 0; up < VANTAGES; up++)
        for (int down = 0; down < VANTAGES; down++)
            stretch->together[up][down] =
                sum > 0 ? stretch->together[up][down] / sum
                        : upstream->probability[up] * downstream->probability[down];
}
