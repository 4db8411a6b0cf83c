/* Traceroute-like probes in the capture: where those of the failing port end against how far others
 * come. A router checks the hop limit before its filter (RFC 1812 5.3.1; Linux ip_forward()), so
 * the box that drops is the last that answers or, where it keeps silent, the next. */
#include "analyzer/attribution/facts_internal.h"
#include "analyzer/words.h"

enum {
    BEYOND_MIN = 3, /* how far others must come for "the first router" to say anything */
    SHORT_PATH = 2, /* with one router between, the first is the last */
};

/* What the probes of one kind show. */
struct reach {
    bool probed;
    int router; /* the farthest that answered */
    int server; /* hop limit with which the server itself was reached; 0: it was not */
    struct frame_list frames;
};

static void look(const struct probe_trace *trace, struct reach *reach)
{
    for (int hop = 1; hop <= PROBE_HOP_LIMIT_MAX; hop++) {
        const struct hop_probe *probe = &trace->hop[hop];
        if (!probe->frame)
            continue;
        reach->probed = true;
        frame_list_add(&reach->frames, probe->frame);
        if (!probe->answer_frame)
            continue;
        frame_list_add(&reach->frames, probe->answer_frame);
        if (!probe->by_server && hop > reach->router)
            reach->router = hop;
        if (probe->by_server && (!reach->server || hop < reach->server))
            reach->server = hop;
    }
}

static int distance_of(const struct fact_context *context, const struct failure *failure,
                       const struct reach *others)
{
    if (others->server)
        return others->server;
    int hops =
        failure->sample_count ? vantage_hops(context->vantage, failure->sample[0], RESPONDER) : -1;
    return hops >= 0 ? hops + 1 : 0;
}

static const char *end_word(const struct reach *own, int others, int distance)
{
    if (own->server)
        return "reached";
    if (own->router <= 1 && others >= BEYOND_MIN)
        return "first-router";
    if (distance > SHORT_PATH && own->router >= distance - 1)
        return "last-router";
    if (others >= own->router + 2)
        return "midway";
    return NULL;
}

void probe_facts(const struct fact_context *context, const struct failure *failure,
                 struct fact *facts)
{
    struct reach own = {0}, others = {0};
    size_t position = 0;
    const struct probes *probes = tracker_probes(context->vantage->tracker);
    for (const struct probe_trace *trace; (trace = probes_next(probes, &position));) {
        if (!ip_equal(&trace->client, &failure->client) ||
            !ip_equal(&trace->server, &failure->server))
            continue;
        bool same = trace->proto == failure->proto && trace->port == failure->server_port;
        look(trace, same ? &own : &others);
    }
    if (!own.probed)
        return;
    set_number(facts, FACT_PROBE_HOPS, own.router)->frames = own.frames;
    int distance = distance_of(context, failure, &others);
    int farthest = others.router > others.server ? others.router : others.server;
    if (distance > farthest)
        farthest = distance;
    struct frame_list frames = own.frames;
    frame_list_join(&frames, &others.frames);
    if (farthest)
        set_number(facts, FACT_PROBE_OTHER_HOPS, farthest)->frames = others.frames;
    if (farthest > own.router)
        set_number(facts, FACT_PROBE_BEYOND, farthest - own.router)->frames = frames;
    const char *word = end_word(&own, farthest, distance);
    if (word)
        set_word(facts, FACT_PROBE_ENDS, word)->frames = frames;
}
