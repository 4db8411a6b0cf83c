#include "analyzer/attribution/diagnosis.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyzer/attribution/exchange.h"
#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/facts_captures.h"
#include "analyzer/attribution/facts_establish.h"
#include "analyzer/attribution/failures.h"
#include "analyzer/attribution/histories.h"
#include "analyzer/attribution/ledger.h"
#include "analyzer/attribution/weighing.h"
#include "analyzer/flow/hash.h"
#include "analyzer/flow/names.h"
#include "analyzer/memory.h"
#include "analyzer/speech/heard.h"

enum {
    VARIABLES_MAX = 40,
    DURATION_TEXT = 32,
    NUMBER_TEXT = 16,
    ROUTE_TEXT = 256,
    ONE_SIDED_FLOWS_MIN = 3
};

struct examination {
    struct diagnosis_request request;
    struct failures failures;
    struct controls *controls;
    struct histories *histories;
    struct relays relays;
    struct vantage_context context;
    struct vantage_estimate vantage;
    struct suppressions left_out;
};

/* Everything "{name}" in a sentence may be, with room for what has to be made up. */
struct sentence_values {
    struct variable variables[VARIABLES_MAX];
    size_t count;
    char client[IP_ADDRESS_TEXT], server[IP_ADDRESS_TEXT];
    char port[NUMBER_TEXT], client_port[NUMBER_TEXT], attempts[NUMBER_TEXT];
    char duration[DURATION_TEXT];
    char upstream[2], downstream[2]; /* captures, as the report names them */
    char route[ROUTE_TEXT];
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

/* Strangers' words: the writers escape them. */
static void speech_values(const struct signs *signs, const struct spoken *spoken,
                          struct sentence_values *values)
{
    const char *issuer = spoken->tls.issuer;
    const struct heard_http *http = spoken->heard_http;
    const char *owner = issuer && signs ? signs_of_issuer(signs, issuer) : NULL;
    set_value(values, "server_name",
              spoken->tls.server_name ? spoken->tls.server_name : "no server by name");
    set_value(values, "issuer", issuer ? issuer : "not visible");
    set_value(values, "inspection", owner ? owner : "an inspecting device");
    set_value(values, "page_owner", http && http->page ? http->page->name : "nobody known");
    set_value(values, "http_host",
              http && http->talk.host[0] ? http->talk.host : "no host by name");
    set_value(values, "http_location", http ? http->talk.location : "");
}

/* The name by which the client looked the server up; for a peer that never appeared the one that it
 * looked up in vain. */
static const struct lookup *lookup_of(const struct tracker *tracker, const struct failure *failure)
{
    const struct names *names = tracker_names(tracker);
    const struct ip_network client = {.address = failure->client, .prefix = 128};
    return failure->symptom == SYMPTOM_NO_TRAFFIC
               ? names_unresolved(names, &client)
               : names_of_address(names, &failure->client, &failure->server);
}

static void fill_values(const struct diagnosis_request *request, const struct failure *failure,
                        const struct spoken *spoken, struct sentence_values *values)
{
    const struct lookup *lookup = request->strip ? NULL : lookup_of(request->tracker, failure);
    struct ip_address client = pseudonym_ip(request->pseudonyms, &failure->client);
    struct ip_address server = pseudonym_ip(request->pseudonyms, &failure->server);
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
    set_value(values, "client", ip_text(&client, values->client));
    set_value(values, "server", ip_text(&server, values->server));
    set_value(values, ip_is_v4(&client) ? "client_v4" : "client_v6", values->client);
    set_value(values, ip_is_v4(&server) ? "server_v4" : "server_v6", values->server);
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
    set_value(values, "dns_name", lookup ? lookup->name : "of the server");
    speech_values(request->signs, spoken, values);
    set_value(values, "label_local", label_of(service, LOCAL_FIREWALL));
    set_value(values, "label_edge", label_of(service, EDGE_FIREWALL));
    set_value(values, "label_egress", label_of(service, EGRESS_POLICY));
}

static const char *end_text(const struct pseudonyms *pseudonyms, const struct ip_address *end,
                            char text[IP_ADDRESS_TEXT])
{
    struct ip_address shown = pseudonym_ip(pseudonyms, end);
    return ip_text(&shown, text);
}

/* How a NAT between the captures changed the ends. */
static const char *route_text(const struct pseudonyms *pseudonyms, const struct joint *joint,
                              char route[ROUTE_TEXT])
{
    const struct joint_ends *above = &joint->above, *below = &joint->below;
    char text[4][IP_ADDRESS_TEXT];
    if (!joint->evidence.client_changed && !joint->evidence.server_changed)
        return "";
    snprintf(route, ROUTE_TEXT, "%s > %s port %u becomes %s > %s port %u",
             end_text(pseudonyms, &above->address[INITIATOR], text[0]),
             end_text(pseudonyms, &above->address[RESPONDER], text[1]), above->server_port,
             end_text(pseudonyms, &below->address[INITIATOR], text[2]),
             end_text(pseudonyms, &below->address[RESPONDER], text[3]), below->server_port);
    return route;
}

static void fill_capture_values(const struct pseudonyms *pseudonyms, const struct joint *joint,
                                struct sentence_values *values)
{
    if (!joint || !joint->compared)
        return;
    values->upstream[0] = (char)('a' + joint->upstream % 26);
    values->downstream[0] = (char)('a' + joint->downstream % 26);
    set_value(values, "upstream", values->upstream);
    set_value(values, "downstream", values->downstream);
    set_value(values, "route", route_text(pseudonyms, joint, values->route));
}

/* --- the verdict, weighed over where the capture may have been taken --- */

static void failure_belief(const struct vantage_context *context, const struct failure *failure,
                           struct vantage_belief *belief)
{
    struct vantage_belief sum = {0};
    for (uint32_t i = 0; i < failure->sample_count; i++) {
        struct vantage_belief one;
        /* A data connection of FTP is seen where its control connection is. */
        const struct attempt *control =
            tracker_attempt(context->tracker, failure->sample[i]->control);
        vantage_of_attempt(context, control ? control : failure->sample[i], &one);
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

/* Where this capture was taken, and what lies between it and the other one, go together. */
static void readings_of_joint(const struct joint *joint, uint32_t own, struct readings *readings,
                              struct vantage_belief *belief)
{
    double shares[VANTAGES][BETWEEN_SETS] = {0};
    *belief = (struct vantage_belief){0};
    for (int up = 0; up < VANTAGES; up++)
        for (int down = 0; down < VANTAGES; down++) {
            int here = joint->upstream == own ? up : down;
            double share = joint->stretch.together[up][down];
            shares[here][stretch_between((enum vantage)up, (enum vantage)down, &joint->evidence)] +=
                share;
            belief->probability[here] += share;
        }
    readings_of_shares(shares, joint, readings);
}

static void judge(const struct diagnosis_request *request, const struct vantage_context *context,
                  const struct failure *failure, const struct joint *joint,
                  const struct spoken *spoken, struct fact *facts, struct finding *finding)
{
    struct sentence_values values;
    struct vantage_belief belief;
    struct readings readings;
    double probability[FAILURE_POINTS];
    fill_values(request, failure, spoken, &values);
    fill_capture_values(request->pseudonyms, joint, &values);
    if (joint && joint->compared) {
        readings_of_joint(joint, request->capture, &readings, &belief);
    } else {
        failure_belief(context, failure, &belief);
        readings_of_belief(&belief, &readings);
    }
    weigh_readings(request->rules, facts, values.variables, &readings, probability);
    weighing_set(facts, &readings, readings_likeliest(&readings, likeliest(&belief)));
    rules_judge(request->rules, facts, values.variables, probability, &finding->verdict);
    if (request->explain)
        finding->ledger = ledger_new(request->rules, facts, values.variables, &readings);
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
static void finding_id(const struct diagnosis_request *request, const struct failure *failure,
                       char id[9])
{
    uint64_t hash = 0x66777331; /* "fws1" */
    struct ip_address client = public_face(request->site, &failure->client);
    struct ip_address server = public_face(request->site, &failure->server);
    /* An identifier made of addresses could be guessed back to them. */
    client = pseudonym_ip(request->pseudonyms, &client);
    server = pseudonym_ip(request->pseudonyms, &server);
    for (const char *c = failure->service->profile->name; *c; c++)
        hash = hash_mix(hash ^ (uint8_t)*c, 0x9e3779b97f4a7c15u);
    hash = hash_two(hash, client.halves[0], client.halves[1]);
    hash = hash_two(hash, server.halves[0], server.halves[1]);
    hash = hash_two(hash, (uint64_t)failure->proto << 16 | failure->server_port,
                    (uint64_t)failure->symptom);
    snprintf(id, 9, "%08x", (uint32_t)hash);
}

/* The failure under the names, and with the times, that it has nearest to the initiator. */
static struct failure named_failure(const struct failure *failure, const struct joint *joint)
{
    struct failure named = *failure;
    if (!joint)
        return named;
    named.client = joint->client;
    named.server = joint->server;
    named.server_port = joint->server_port;
    named.first_ns = joint->first_ns;
    named.last_ns = joint->last_ns;
    named.attempts = joint->attempts;
    return named;
}

/* Of the first attempts on which anything is spoken. Which protocol it was is not what was said. */
static void spoken_on(const struct diagnosis_request *request, const struct failure *failure,
                      struct spoken *spoken)
{
    failure_spoken(failure, spoken);
    if (request->strip)
        *spoken = (struct spoken){.protocol = spoken->protocol};
}

static void establish(const struct examination *examination, const struct failure *failure,
                      const char *spoken, struct fact facts[FACT_COUNT])
{
    const struct fact_context context = {
        .vantage = &examination->context,
        .controls = examination->controls,
        .histories = examination->histories,
        .relays = &examination->relays,
        .thresholds = examination->request.thresholds,
        .spoken = spoken,
        .signs = examination->request.signs,
        .capture_dropped = examination->request.capture_dropped,
        .now_ns = examination->request.now_ns,
    };
    facts_establish(&context, failure, facts);
}

static void add_captures(const struct examination *examination, const struct joint *joint,
                         const struct examination *const *all, struct fact facts[FACT_COUNT])
{
    uint32_t own = examination->request.capture;
    facts_of_captures(joint, own, facts);
    if (!joint->compared || !joint->other)
        return;
    struct fact theirs[FACT_COUNT];
    uint32_t other = joint->upstream == own ? joint->downstream : joint->upstream;
    establish(all[other], joint->other, NULL, theirs);
    facts_take_controls(theirs, other, facts);
}

/* As it is called where it is nearest to the initiator. */
static void name_finding(struct finding *finding, const struct joint *joint)
{
    finding->client = joint->client;
    finding->server = joint->server;
    finding->server_port = joint->server_port;
    if (finding->client_port >= 0)
        finding->client_port = joint->client_port;
}

static struct finding *make_finding(const struct examination *examination,
                                    const struct failure *failure, const struct joint *joint,
                                    const struct examination *const *all)
{
    const struct diagnosis_request *request = &examination->request;
    const struct failure named = named_failure(failure, joint);
    struct finding *finding = memory_zeroed(1, sizeof *finding);
    struct fact facts[FACT_COUNT];
    finding->service = failure->service;
    spoken_on(request, failure, &finding->spoken);
    finding->client = failure->client;
    finding->server = failure->server;
    finding->client_port = client_port_of(failure);
    finding->server_port = failure->server_port;
    finding->symptom = failure->symptom;
    finding->first_ns = named.first_ns;
    finding->last_ns = named.last_ns;
    finding->attempts = named.attempts;
    finding->capture = request->capture;
    finding_id(request, &named, finding->id);
    establish(examination, failure, finding->spoken.protocol, facts);
    if (joint)
        add_captures(examination, joint, all, facts);
    judge(request, &examination->context, &named, joint, &finding->spoken, facts, finding);
    exchanges_of_failure(failure, request->capture, finding);
    if (joint && joint->compared && joint->other)
        exchanges_of_failure(
            joint->other, joint->upstream == request->capture ? joint->downstream : joint->upstream,
            finding);
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
    finding->history = (struct history){.first_ns = 1};
    finding->capture = request->capture;
    finding_id(request, &failure, finding->id);
    const struct fact_context fact_context = {.vantage = context,
                                              .controls = controls,
                                              .thresholds = request->thresholds,
                                              .capture_dropped = request->capture_dropped,
                                              .now_ns = request->now_ns};
    facts_establish(&fact_context, &failure, facts);
    fact_of_unresolved(request->tracker, &peer->client, facts);
    facts[FACT_EXPECTED_ONLY].known = true;
    facts[FACT_EXPECTED_ONLY].word = what_was_seen(request->tracker, peer);
    struct sentence_values values;
    fill_values(request, &failure, &finding->spoken, &values);
    const struct readings readings = {.at[0] = {vantage->kind, 0, 1, vantage->confidence},
                                      .count = 1};
    weighing_set(facts, &readings, &readings.at[0]);
    rules_judge(request->rules, facts, values.variables, NULL, &finding->verdict);
    if (request->explain)
        finding->ledger = ledger_new(request->rules, facts, values.variables, &readings);
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

static void add_absences(const struct diagnosis_request *request,
                         const struct vantage_context *context, const struct controls *controls,
                         const struct examination *const *all, size_t count,
                         struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < request->expected_count; i++) {
        const struct expectation *peer = &request->expected[i];
        const struct service *service;
        if (!appeared(request, peer, &service) &&
            !appeared_elsewhere(all, count, request->capture, peer))
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

/* Addresses that findings hold as values; sentences were filled with pseudonyms. */
static void conceal(const struct diagnosis_request *request, struct diagnosis *diagnosis)
{
    const struct pseudonyms *pseudonyms = request->pseudonyms;
    for (size_t i = 0; i < diagnosis->count && pseudonyms; i++) {
        struct finding *finding = diagnosis->findings[i];
        finding->client = pseudonym_ip(pseudonyms, &finding->client);
        finding->server = pseudonym_ip(pseudonyms, &finding->server);
        for (uint32_t e = 0; e < finding->exchange_count; e++)
            for (uint32_t s = 0; s < finding->exchanges[e].step_count; s++) {
                struct exchange_step *step = &finding->exchanges[e].steps[s];
                step->icmp_sender = pseudonym_ip(pseudonyms, &step->icmp_sender);
            }
    }
    diagnosis->vantage.host = pseudonym_ip(pseudonyms, &diagnosis->vantage.host);
}

static struct detect_context detect_context_of(const struct diagnosis_request *request)
{
    return (struct detect_context){request->thresholds, request->now_ns, request->profiles};
}

struct examination *examine(const struct diagnosis_request *request)
{
    const struct detect_context detect_context = detect_context_of(request);
    struct examination *examination = memory_zeroed(1, sizeof *examination);
    struct failures *failures = &examination->failures;
    examination->request = *request;
    failures_gather(request->tracker, request->profiles, &detect_context, failures);
    struct controls *controls =
        controls_gather(request->tracker, failures->all, failures->count, request->now_ns);
    examination->controls = controls;
    failures_suppress(failures, request->tracker, request->profiles, controls, request->thresholds,
                      &examination->left_out);
    struct vantage_context *context = &examination->context;
    *context = (struct vantage_context){
        .tracker = request->tracker,
        .site = request->site,
        .flows = {controls_summary(controls)->flows[0], controls_summary(controls)->flows[1]},
        .any_forwarded = any_forwarded(request->tracker),
    };
    look_for_forwarding(request->tracker, &context->cooked, &context->any_forwarded);
    neighbours_gather(request->tracker, &context->neighbours);
    vantage_of_capture(context, &examination->vantage);
    examination->histories = histories_gather(request->tracker, failures->all, failures->count,
                                              request->thresholds->idle_min_s);
    relays_gather(request->tracker, request->profiles, &examination->relays);
    return examination;
}

void examination_free(struct examination *examination)
{
    if (!examination)
        return;
    histories_free(examination->histories);
    controls_free(examination->controls);
    free(examination->failures.all);
    free(examination);
}

void examination_view(const struct examination *examination, struct correlation_view *view)
{
    const struct diagnosis_request *request = &examination->request;
    const struct control_summary *summary = controls_summary(examination->controls);
    *view = (struct correlation_view){
        .tracker = request->tracker,
        .vantage = &examination->context,
        .estimate = &examination->vantage,
        .failures = examination->failures.all,
        .failure_count = examination->failures.count,
        .detect = detect_context_of(request),
        .dropped = request->capture_dropped,
        .one_directional = summary->conversations >= ONE_SIDED_FLOWS_MIN &&
                           summary->one_sided * 2 > summary->conversations,
    };
}

void examination_conclude(const struct examination *examination,
                          const struct correlation *correlation,
                          const struct examination *const *all, size_t count,
                          struct diagnosis *diagnosis)
{
    const struct diagnosis_request *request = &examination->request;
    const struct failures *failures = &examination->failures;
    const struct detect_context detect_context = detect_context_of(request);
    uint64_t finished = finished_count(tracker_finished(request->tracker));
    uint64_t silent = tracker_counters(request->tracker)->silent_forgotten;
    const struct joint **told = memory_zeroed(failures->count + 1, sizeof *told);
    *diagnosis = (struct diagnosis){
        .vantage = examination->vantage,
        .attempts = failures->attempts + finished + silent,
        .succeeded = failures->succeeded + finished,
        .failed = failures->failed,
        .scans = examination->left_out.scans,
        .races = examination->left_out.races,
        .floods = examination->left_out.floods,
        .one_directional = examination->left_out.one_directional > 0,
    };
    for (size_t i = 0; i < failures->count; i++) {
        const struct failure *failure = &failures->all[i];
        const struct joint *joint = correlation_joint(correlation, request->capture, i);
        if (failure->suppressed || (joint && (joint->told_elsewhere || joint->refuted)))
            continue;
        add_finding(diagnosis, make_finding(examination, failure, joint, all));
        told[diagnosis->count - 1] = joint;
    }
    histories_fill(request->tracker, &detect_context, diagnosis->findings, diagnosis->count);
    for (size_t i = 0; i < diagnosis->count; i++)
        if (told[i])
            name_finding(diagnosis->findings[i], told[i]);
    free(told);
    add_absences(request, &examination->context, examination->controls, all, count, diagnosis);
    conceal(request, diagnosis);
    if (diagnosis->count)
        qsort(diagnosis->findings, diagnosis->count, sizeof *diagnosis->findings, finding_order);
}

void diagnose(const struct diagnosis_request *request, struct diagnosis *diagnosis)
{
    struct examination *examination = examine(request);
    examination_conclude(examination, NULL, NULL, 0, diagnosis);
    examination_free(examination);
}

void diagnosis_release(struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++) {
        verdict_release(&diagnosis->findings[i]->verdict);
        ledger_free(diagnosis->findings[i]->ledger);
        exchanges_release(diagnosis->findings[i]);
        free(diagnosis->findings[i]);
    }
    free(diagnosis->findings);
    *diagnosis = (struct diagnosis){0};
}
