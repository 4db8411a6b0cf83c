#include "analyzer/attribution/diagnosis.h"

#include "analyzer/attribution/ssl_vpn.h"
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/examination.h"
#include "analyzer/attribution/exchange.h"
#include "analyzer/attribution/ledger.h"
#include "analyzer/memory.h"

enum { ONE_SIDED_FLOWS_MIN = 3 };

static void add_finding(struct diagnosis *diagnosis, struct finding *finding)
{
    size_t count = diagnosis->count;
    if ((count & (count - 1)) == 0) /* doubles at powers of two */
        diagnosis->findings =
            memory_resize(diagnosis->findings, count ? count * 2 : 1, sizeof *diagnosis->findings);
    diagnosis->findings[diagnosis->count++] = finding;
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
        *cooked |= host->came_in || host->left;
        *forwarded |= host->came_in && host->left && !ip_is_loopback(&host->address);
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
    ssl_vpn_tell(failures, request->tracker, request->profiles, request->signs);
    failures_race(failures, request->tracker, request->profiles, request->thresholds);
    struct controls *controls =
        controls_gather(request->tracker, failures->all, failures->count, request->now_ns);
    examination->controls = controls;
    failures_suppress(failures, controls, request->thresholds, &examination->left_out);
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
    relays_gather(request->tracker, request->profiles, failures, &examination->relays);
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
        add_finding(diagnosis, finding_of_failure(examination, failure, joint, all));
        told[diagnosis->count - 1] = joint;
    }
    histories_fill(request->tracker, &detect_context, diagnosis->findings, diagnosis->count);
    for (size_t i = 0; i < diagnosis->count; i++)
        if (told[i])
            finding_name(diagnosis->findings[i], told[i]);
    free(told);
    for (size_t i = 0; i < request->expected_count; i++) {
        struct finding *absence =
            finding_of_absence(examination, &request->expected[i], all, count);
        if (absence)
            add_finding(diagnosis, absence);
    }
    conceal(request, diagnosis);
    if (diagnosis->count)
        qsort(diagnosis->findings, diagnosis->count, sizeof *diagnosis->findings, finding_order);
}

void diagnose(const struct diagnosis_request *request, struct diagnosis *diagnosis)
{
    struct examination *examination = examine(request);
    if (request->last && !request->expected_count)
        flow_table_give_back(tracker_flows(request->tracker));
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
