#include "analyzer/attribution/diagnosis.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/facts_establish.h"
#include "analyzer/attribution/failures.h"
#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

/* A vantage less likely than this is left out of the weighing: it could not change a verdict by
 * more than rounding. */
#define VANTAGE_SHARE_MIN 0.03

enum { VARIABLES_MAX = 24, DURATION_TEXT = 32, NUMBER_TEXT = 16 };

/* Everything "{name}" in a sentence may be, with room for what has to be made up. */
struct sentence_values {
    struct variable variables[VARIABLES_MAX];
    size_t count;
    char client[IP_ADDRESS_TEXT], server[IP_ADDRESS_TEXT];
    char port[NUMBER_TEXT], client_port[NUMBER_TEXT], attempts[NUMBER_TEXT];
    char duration[DURATION_TEXT];
};

static void set_value(struct sentence_values *values, const char *name, const char *text)
{
    values->variables[values->count++] = (struct variable){name, text ? text : ""};
}

static const char *label_of(const struct service *service, enum failure_point place)
{
    static const char *const seed_names[FAILURE_POINTS] = {
        [LOCAL_FIREWALL] = "FP1", [EDGE_FIREWALL] = "FP2", [EGRESS_POLICY] = "FP3"};
    const char *label = service->profile->labels[place];
    return label ? label : seed_names[place];
}

static int client_port_of(const struct failure *failure)
{
    return failure->attempts == 1 && failure->sample_count ? failure->sample[0]->port[INITIATOR]
                                                           : -1;
}

static void fill_values(const struct failure *failure, struct sentence_values *values)
{
    const struct service *service = failure->service;
    int client_port = client_port_of(failure);
    int64_t lasted_ns =
        failure->last_ns > failure->first_ns ? failure->last_ns - failure->first_ns : 0;
    *values = (struct sentence_values){0};
    snprintf(values->port, sizeof values->port, "%u", failure->server_port);
    snprintf(values->attempts, sizeof values->attempts, "%u", failure->attempts);
    snprintf(values->duration, sizeof values->duration, "%.0f s", (double)lasted_ns / 1e9);
    if (client_port >= 0)
        snprintf(values->client_port, sizeof values->client_port, "%d", client_port);
    else
        snprintf(values->client_port, sizeof values->client_port, "several");
    set_value(values, "client", ip_text(&failure->client, values->client));
    set_value(values, "server", ip_text(&failure->server, values->server));
    set_value(values, "port", values->port);
    set_value(values, "client_port", values->client_port);
    set_value(values, "attempts", values->attempts);
    set_value(values, "duration", values->duration);
    bool v4 = ip_is_v4(&failure->server);
    set_value(values, "ip", v4 ? "ip" : "ip6");
    set_value(values, "family", v4 ? "ipv4" : "ipv6");
    set_value(values, "iptables", v4 ? "iptables" : "ip6tables");
    set_value(values, "proto", proto_word(failure->proto));
    set_value(values, "service", service->name);
    set_value(values, "product", service->profile->title);
    set_value(values, "profile", service->profile->name);
    set_value(values, "role_initiator",
              service->initiator_role ? service->initiator_role : "client");
    set_value(values, "role_responder",
              service->responder_role ? service->responder_role : "server");
    set_value(values, "label_local", label_of(service, LOCAL_FIREWALL));
    set_value(values, "label_edge", label_of(service, EDGE_FIREWALL));
    set_value(values, "label_egress", label_of(service, EGRESS_POLICY));
}

/* --- the verdict, weighed over where the capture may have been taken --- */

static void failure_belief(const struct vantage_context *context, const struct failure *failure,
                           struct vantage_belief *belief)
{
    struct vantage_belief sum = {0};
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        struct vantage_belief one;
        vantage_of_attempt(context, failure->sample[i], &one);
        for (int v = 0; v < VANTAGES; v++)
            sum.probability[v] += one.probability[v] / failure->sample_count;
    }
    if (!failure->sample_count)
        sum.probability[context->site->told] = 1;
    *belief = sum;
}

static enum vantage likeliest(const struct vantage_belief *belief)
{
    enum vantage best = VANTAGE_UNKNOWN;
    for (int v = 0; v < VANTAGES; v++)
        if (belief->probability[v] > belief->probability[best])
            best = (enum vantage)v;
    return best;
}

static void set_vantage(struct fact *facts, enum vantage vantage, double confidence)
{
    facts[FACT_VANTAGE].known = true;
    facts[FACT_VANTAGE].word = vantage_words[vantage];
    facts[FACT_VANTAGE_CONFIDENCE].known = true;
    facts[FACT_VANTAGE_CONFIDENCE].number = confidence;
}

/* P(place) = sum over vantages of P(vantage) P(place | facts, vantage). */
static void weigh_over_vantages(const struct rules *rules, struct fact *facts,
                                const struct variable *variables,
                                const struct vantage_belief *belief,
                                double probability[FAILURE_POINTS])
{
    double share_sum = 0;
    for (int place = 0; place < FAILURE_POINTS; place++)
        probability[place] = 0;
    for (int v = 0; v < VANTAGES; v++) {
        double share = belief->probability[v], here[FAILURE_POINTS];
        if (share < VANTAGE_SHARE_MIN)
            continue;
        set_vantage(facts, (enum vantage)v, share);
        rules_weigh(rules, facts, variables, here);
        for (int place = 0; place < FAILURE_POINTS; place++)
            probability[place] += share * here[place];
        share_sum += share;
    }
    for (int place = 0; place < FAILURE_POINTS; place++)
        probability[place] /= share_sum;
}

static void judge(const struct diagnosis_request *request, const struct vantage_context *context,
                  const struct failure *failure, struct fact *facts, struct verdict *verdict)
{
    struct sentence_values values;
    struct vantage_belief belief;
    double probability[FAILURE_POINTS];
    fill_values(failure, &values);
    failure_belief(context, failure, &belief);
    weigh_over_vantages(request->rules, facts, values.variables, &belief, probability);
    enum vantage best = likeliest(&belief);
    set_vantage(facts, best, belief.probability[best]);
    rules_judge(request->rules, facts, values.variables, probability, verdict);
}

/* --- from failure to finding --- */

/* The address by which the outside knows a host, where --nat tells it. */
static struct ip_address public_face(const struct site *site, const struct ip_address *address)
{
    for (size_t i = 0; i < site->nat_count; i++)
        if (ip_equal(&site->nat[i].private_side, address))
            return site->nat[i].public_side;
    return *address;
}

/* Stable over runs: what failed between whom, and nothing of when or where it was captured. With
 * --nat it is also the same on both sides of the NAT, so that captures of both tell it once. */
static void finding_id(const struct site *site, const struct failure *failure, char id[9])
{
    uint64_t hash = 0x66777331; /* "fws1" */
    struct ip_address client = public_face(site, &failure->client);
    struct ip_address server = public_face(site, &failure->server);
    for (const char *c = failure->service->profile->name; *c; c++)
        hash = hash_mix(hash ^ (uint8_t)*c, 0x9e3779b97f4a7c15u);
    hash = hash_two(hash, client.halves[0], client.halves[1]);
    hash = hash_two(hash, server.halves[0], server.halves[1]);
    hash = hash_two(hash, (uint64_t)failure->proto << 16 | failure->server_port,
                    (uint64_t)failure->symptom);
    snprintf(id, 9, "%08x", (uint32_t)hash);
}

static struct spoken spoken_on(const struct diagnosis_request *request,
                               const struct failure *failure)
{
    struct spoken spoken = {0};
    for (uint32_t i = 0; i < failure->sample_count && !spoken.protocol && request->spoken; i++)
        request->spoken(failure->sample[i], &spoken);
    return spoken;
}

static struct finding *make_finding(const struct diagnosis_request *request,
                                    const struct vantage_context *context,
                                    const struct controls *controls, const struct failure *failure)
{
    struct finding *finding = memory_zeroed(1, sizeof *finding);
    struct fact facts[FACT_COUNT];
    finding->service = failure->service;
    finding->spoken = spoken_on(request, failure);
    finding->client = failure->client;
    finding->server = failure->server;
    finding->client_port = client_port_of(failure);
    finding->server_port = failure->server_port;
    finding->symptom = failure->symptom;
    finding->first_ns = failure->first_ns;
    finding->last_ns = failure->last_ns;
    finding->attempts = failure->attempts;
    finding->capture = request->capture;
    finding_id(request->site, failure, finding->id);
    const struct fact_context fact_context = {
        .vantage = context,
        .controls = controls,
        .thresholds = request->thresholds,
        .spoken = finding->spoken.protocol,
        .capture_dropped = request->capture_dropped,
        .now_ns = request->now_ns,
    };
    facts_establish(&fact_context, failure, facts);
    judge(request, context, failure, facts, &finding->verdict);
    return finding;
}

/* --- expected peers that never appeared --- */

static bool is_expected(const struct expectation *peer, const struct ip_address address[2])
{
    return ip_network_contains(&peer->client, &address[INITIATOR]) &&
           (!peer->has_server || ip_equal(&peer->server, &address[RESPONDER]));
}

static bool finished_appeared(const struct tracker *tracker, const struct expectation *peer)
{
    size_t position = 0;
    for (const struct finished *finished;
         (finished = finished_next(tracker_finished(tracker), &position));) {
        struct ip_address address[2];
        uint16_t port[2];
        tracker_finished_ends(tracker, finished, address, port);
        if (is_expected(peer, address))
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
    return finished_appeared(request->tracker, peer);
}

static const char *what_was_seen(const struct tracker *tracker, const struct expectation *peer)
{
    const char *seen = "nothing";
    const struct host_table *hosts = tracker_hosts(tracker);
    for (size_t i = 0; i < host_table_count(hosts); i++) {
        const struct host *host = host_table_at(hosts, i);
        if (!host->packets)
            continue;
        if (ip_network_contains(&peer->client, &host->address))
            return "client-elsewhere";
        if (host->measured && hops_travelled(host->hop_limit) > 0)
            seen = "other-outside";
    }
    return seen;
}

static struct finding *make_absence(const struct diagnosis_request *request,
                                    const struct vantage_context *context,
                                    const struct vantage_estimate *vantage,
                                    const struct controls *controls, const struct expectation *peer,
                                    const struct service *service)
{
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
    finding->capture = request->capture;
    finding_id(request->site, &failure, finding->id);
    const struct fact_context fact_context = {.vantage = context,
                                              .controls = controls,
                                              .thresholds = request->thresholds,
                                              .capture_dropped = request->capture_dropped,
                                              .now_ns = request->now_ns};
    facts_establish(&fact_context, &failure, facts);
    facts[FACT_EXPECTED_ONLY].known = true;
    facts[FACT_EXPECTED_ONLY].word = what_was_seen(request->tracker, peer);
    struct sentence_values values;
    fill_values(&failure, &values);
    set_vantage(facts, vantage->kind, vantage->confidence);
    rules_judge(request->rules, facts, values.variables, NULL, &finding->verdict);
    return finding;
}

static void add_finding(struct diagnosis *diagnosis, struct finding *finding)
{
    size_t count = diagnosis->count;
    if ((count & (count - 1)) == 0) /* doubles at powers of two */
        diagnosis->findings =
            memory_resize(diagnosis->findings, count ? count * 2 : 1, sizeof *diagnosis->findings);
    diagnosis->findings[diagnosis->count++] = finding;
}

static void add_absences(const struct diagnosis_request *request,
                         const struct vantage_context *context, const struct controls *controls,
                         struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < request->expected_count; i++) {
        const struct expectation *peer = &request->expected[i];
        const struct service *service;
        if (!appeared(request, peer, &service))
            add_finding(diagnosis, make_absence(request, context, &diagnosis->vantage, controls,
                                                peer, service));
    }
}

int finding_order(const void *left, const void *right)
{
    const struct finding *a = *(struct finding *const *)left, *b = *(struct finding *const *)right;
    if (a->attempts != b->attempts)
        return a->attempts > b->attempts ? -1 : 1;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* Seen from the hosts: on a box that does not forward, the frames of an address all come in or all
 * go out. */
static void look_for_forwarding(const struct tracker *tracker, bool *cooked, bool *forwarded)
{
    const struct host_table *hosts = tracker_hosts(tracker);
    *cooked = false;
    for (size_t i = 0; i < host_table_count(hosts); i++) {
        const struct host *host = host_table_at(hosts, i);
        *cooked |= host->frames_in + host->frames_out > 0;
        *forwarded |= host->frames_in && host->frames_out && !ip_is_loopback(&host->address);
    }
}

static bool any_forwarded(const struct tracker *tracker)
{
    size_t position = 0;
    for (const struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));)
        if (attempt_is_forwarded(attempt))
            return true;
    return false;
}

void diagnose(const struct diagnosis_request *request, struct diagnosis *diagnosis)
{
    const struct detect_context detect_context = {request->thresholds, request->now_ns};
    struct failures failures;
    struct suppressions left_out;
    *diagnosis = (struct diagnosis){0};
    failures_gather(request->tracker, request->profiles, &detect_context, &failures);
    struct controls *controls =
        controls_gather(request->tracker, failures.all, failures.count, request->now_ns);
    failures_suppress(&failures, request->tracker, request->profiles, controls, request->thresholds,
                      &left_out);

    struct vantage_context context = {
        .tracker = request->tracker,
        .site = request->site,
        .flows = {controls_summary(controls)->flows[0], controls_summary(controls)->flows[1]},
        .any_forwarded = any_forwarded(request->tracker),
    };
    look_for_forwarding(request->tracker, &context.cooked, &context.any_forwarded);
    vantage_of_capture(&context, &diagnosis->vantage);
    for (size_t i = 0; i < failures.count; i++)
        if (!failures.all[i].suppressed)
            add_finding(diagnosis, make_finding(request, &context, controls, &failures.all[i]));
    add_absences(request, &context, controls, diagnosis);
    if (diagnosis->count)
        qsort(diagnosis->findings, diagnosis->count, sizeof *diagnosis->findings, finding_order);

    uint64_t finished = finished_total(tracker_finished(request->tracker));
    diagnosis->attempts = failures.attempts + finished;
    diagnosis->succeeded = failures.succeeded + finished;
    diagnosis->failed = failures.failed;
    diagnosis->scans = left_out.scans;
    diagnosis->races = left_out.races;
    diagnosis->floods = left_out.floods;
    diagnosis->one_directional = left_out.one_directional > 0;
    controls_free(controls);
    free(failures.all);
}

void diagnosis_release(struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++) {
        verdict_release(&diagnosis->findings[i]->verdict);
        free(diagnosis->findings[i]);
    }
    free(diagnosis->findings);
    *diagnosis = (struct diagnosis){0};
}
