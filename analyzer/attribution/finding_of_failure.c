/* From a failure to a finding: its facts, its verdict, its name. */
#include <stdio.h>

#include "analyzer/attribution/examination.h"
#include "analyzer/attribution/exchange.h"
#include "analyzer/attribution/facts_captures.h"
#include "analyzer/attribution/ledger.h"
#include "analyzer/attribution/sentence_values.h"
#include "analyzer/attribution/weighing.h"
#include "analyzer/flow/hash.h"
#include "analyzer/memory.h"

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
                  const struct failure *failure, const struct joint *joint, struct fact *facts,
                  struct finding *finding)
{
    struct sentence_values values;
    struct vantage_belief belief;
    struct readings readings;
    double probability[FAILURE_POINTS];
    profile_labels(finding->service->profile, facts[FACT_PATH].word, finding->labels);
    sentence_values_fill(request, failure, finding, &values);
    sentence_values_fill_joint(request, joint, &values);
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

void finding_identify(const struct diagnosis_request *request, const struct failure *failure,
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

/* What no filter for one port lets through. */
static bool records_everything(const struct examination *examination)
{
    static const enum packet_kind others[] = {PACKET_ARP, PACKET_ICMP, PACKET_OTHER};
    uint32_t kinds = tracker_counters(examination->context.tracker)->kinds;
    bool any = false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        any |= kinds >> others[i] & 1;
    return any;
}

static void add_captures(const struct examination *examination, const struct joint *joint,
                         const struct examination *const *all, struct fact facts[FACT_COUNT])
{
    uint32_t own = examination->request.capture;
    facts_of_captures(joint, own, facts);
    struct fact theirs[FACT_COUNT];
    if (joint->equal) {
        establish(all[joint->equal_capture], joint->equal, NULL, theirs);
        facts_take_theirs(theirs, joint->equal_capture, facts);
    }
    if (!joint->compared || !joint->other)
        return;
    uint32_t other = joint->upstream == own ? joint->downstream : joint->upstream;
    establish(all[other], joint->other, NULL, theirs);
    bool upper = joint->upstream == own;
    if (records_everything(all[joint->upstream]))
        facts_of_ftp_data(upper ? theirs : facts, upper ? facts : theirs, joint->downstream, own,
                          facts);
    facts_take_theirs(theirs, other, facts);
}

void finding_name(struct finding *finding, const struct joint *joint)
{
    finding->client = joint->client;
    finding->server = joint->server;
    finding->server_port = joint->server_port;
    if (finding->client_port >= 0)
        finding->client_port = joint->client_port;
}

struct finding *finding_of_failure(const struct examination *examination,
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
    finding->client_port = failure_client_port(failure);
    finding->server_port = failure->server_port;
    finding->symptom = failure->symptom;
    finding->first_ns = named.first_ns;
    finding->last_ns = named.last_ns;
    finding->attempts = named.attempts;
    finding->capture = request->capture;
    finding_identify(request, &named, finding->id);
    establish(examination, failure, finding->spoken.protocol, facts);
    if (joint)
        add_captures(examination, joint, all, facts);
    judge(request, &examination->context, &named, joint, facts, finding);
    exchanges_of_failure(failure, request->capture, finding);
    if (joint && joint->compared && joint->other)
        exchanges_of_failure(
            joint->other, joint->upstream == request->capture ? joint->downstream : joint->upstream,
            finding);
    return finding;
}
