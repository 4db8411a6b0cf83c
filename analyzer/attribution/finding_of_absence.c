/* Peers that the user expects and that never appeared. */
#include "analyzer/attribution/examination.h"
#include "analyzer/attribution/ledger.h"
#include "analyzer/attribution/sentence_values.h"
#include "analyzer/attribution/weighing.h"
#include "analyzer/memory.h"
#include "analyzer/words.h"

static bool is_expected(const struct expectation *peer, const struct ip_address address[2])
{
    return ip_network_contains(&peer->client, &address[INITIATOR]) &&
           (!peer->has_server || ip_equal(&peer->server, &address[RESPONDER]));
}

static bool finished_appeared(const struct tracker *tracker, const struct expectation *peer)
{
    size_t position = 0;
    for (struct finished finished;
         finished_next(tracker_finished(tracker), &position, &finished);) {
        struct ip_address address[2];
        uint16_t port[2];
        tracker_finished_ends(tracker, &finished, address, port);
        if (is_expected(peer, address))
            return true;
    }
    return false;
}

/* Connections of which no record was kept (a flood's, or for want of room) still have their flow.
 */
static bool flow_appeared(const struct diagnosis_request *request, const struct expectation *peer)
{
    size_t position = 0;
    for (const struct flow *flow;
         (flow = flow_table_next(tracker_flows(request->tracker), &position));) {
        struct ip_address address[2];
        uint16_t port[2];
        if (flow->proto != PROTO_TCP && flow->proto != PROTO_UDP)
            continue;
        tracker_flow_ends(request->tracker, flow, address, port);
        if ((flow->bits & FLOW_FROM_INITIATOR) && is_expected(peer, address) &&
            profiles_service(request->profiles, flow->proto, port[RESPONDER]))
            return true;
    }
    return false;
}

/* Whether the peer was seen on any watched service; and the service it would have used, as far as
 * that can be told: the one that others tried most, else the first that is watched. */
static bool appeared(const struct diagnosis_request *request, const struct expectation *peer,
                     const struct service **expected)
{
    uint32_t tried[SERVICES_MAX] = {0};
    uint8_t most = 0;
    size_t position = 0;
    for (const struct attempt *attempt;
         (attempt = tracker_next_attempt(request->tracker, &position));) {
        if (is_expected(peer, attempt->address))
            return true;
        if (peer->has_server && !ip_equal(&peer->server, &attempt->address[RESPONDER]))
            continue;
        if (++tried[attempt->service] > tried[most])
            most = attempt->service;
    }
    *expected = profiles_service_at(request->profiles, most);
    return finished_appeared(request->tracker, peer) || flow_appeared(request, peer);
}

static const char *what_was_seen(const struct tracker *tracker, const struct expectation *peer)
{
    const char *seen = "nothing";
    const struct host_table *hosts = tracker_hosts(tracker);
    for (size_t i = 0; i < host_table_count(hosts); i++) {
        const struct host *host = host_table_at(hosts, i);
        if (!host->first_frame)
            continue;
        if (ip_network_contains(&peer->client, &host->address))
            return "client-elsewhere";
        if (host->measured && hops_travelled(host->hop_limit) > 0)
            seen = "other-outside";
    }
    return seen;
}

static struct finding *make_absence(const struct examination *examination,
                                    const struct expectation *peer, const struct service *service)
{
    const struct diagnosis_request *request = &examination->request;
    const struct vantage_estimate *vantage = &examination->vantage;
    struct failure failure = {
        .service = service,
        .symptom = SYMPTOM_NO_TRAFFIC,
        .proto = service->proto,
        .server_port = service->ports[0],
        .client = peer->client.address,
        .server = peer->has_server ? peer->server : vantage->host,
        .first_ns = INT64_MIN,
        .last_ns = INT64_MIN,
        .failed_ns = INT64_MIN,
    };
    struct finding *finding = memory_zeroed(1, sizeof *finding);
    struct fact facts[FACT_COUNT];
    finding->service = failure.service;
    finding->client = failure.client;
    finding->server = failure.server;
    finding->client_port = -1;
    finding->server_port = failure.server_port;
    finding->symptom = failure.symptom;
    finding->first_ns = finding->last_ns = INT64_MIN;
    finding->history = (struct history){.first_ns = 1};
    finding->capture = request->capture;
    finding_identify(request, &failure, finding->id);
    const struct fact_context fact_context = {.vantage = &examination->context,
                                              .controls = examination->controls,
                                              .thresholds = request->thresholds,
                                              .capture_dropped = request->capture_dropped,
                                              .now_ns = request->now_ns};
    facts_establish(&fact_context, &failure, facts);
    fact_of_unresolved(request->tracker, &peer->client, facts);
    facts[FACT_EXPECTED_ONLY].known = true;
    facts[FACT_EXPECTED_ONLY].word = what_was_seen(request->tracker, peer);
    struct sentence_values values;
    profile_labels(service->profile, facts[FACT_PATH].word, finding->labels);
    sentence_values_fill(request, &failure, finding, &values);
    const struct readings readings = {.at[0] = {vantage->kind, 0, 1, vantage->confidence},
                                      .count = 1};
    weighing_set(facts, &readings, &readings.at[0]);
    rules_judge(request->rules, facts, values.variables, NULL, &finding->verdict);
    if (request->explain)
        finding->ledger = ledger_new(request->rules, facts, values.variables, &readings);
    return finding;
}

/* Whoever appears in one of several captures did come; it is another name that the others know. */
static bool appeared_elsewhere(const struct examination *const *all, size_t count, uint32_t own,
                               const struct expectation *peer)
{
    const struct service *service;
    for (size_t i = 0; i < count; i++)
        if (i != own && appeared(&all[i]->request, peer, &service))
            return true;
    return false;
}

struct finding *finding_of_absence(const struct examination *examination,
                                   const struct expectation *peer,
                                   const struct examination *const *all, size_t count)
{
    const struct diagnosis_request *request = &examination->request;
    const struct service *service;
    if (appeared(request, peer, &service) || appeared_elsewhere(all, count, request->capture, peer))
        return NULL;
    return make_absence(examination, peer, service);
}
