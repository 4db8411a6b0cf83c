#include "analyzer/pipeline.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/attribution/ledger.h"
#include "analyzer/attribution/exchange.h"
#include "analyzer/capture/filter.h"
#include "analyzer/capture/interfaces.h"
#include "analyzer/capture/privileges.h"
#include "analyzer/inquiry.h"
#include "analyzer/knowledge.h"
#include "analyzer/live_view.h"
#include "analyzer/memory.h"
#include "analyzer/outputs.h"
#include "analyzer/report/evidence.h"

enum {
    DEFAULT_MAX_FLOWS = 10 * 1000 * 1000, /* under 1.5 GB when full, half of it IPv6 */
    PROGRESS_INTERVAL_MS = 500,
    LIVE_LOOK_INTERVAL_MS = 250,
    LIVE_LOOK_SHARE = 10,                 /* looking may take one part in so many of the time */
    LIVE_BUFFER_BYTES = 64 * 1024 * 1024, /* at a million packets a second, a stall of 0.3 s */
    WARNINGS_MAX = 256,
};

/* Everything one run owns. */
struct run {
    const struct options *options;
    struct knowledge knowledge;
    struct outputs outputs;
    struct stream_pool *streams; /* of all captures together */
    struct inquiry **inquiries;
    struct diagnosis *diagnoses;
    struct capture_report *captures;
    size_t capture_count;
    struct finding **findings; /* of all captures; owned by the diagnoses */
    size_t finding_count;
    struct {
        uint64_t attempts, succeeded, failed;
    } twice; /* attempts that several captures hold, beyond the first */
    char *warnings[WARNINGS_MAX];
    size_t warning_count;
    bool explained;                /* the finding that --explain names is there */
    struct pseudonyms *pseudonyms; /* NULL: addresses as they are */
    char **names;                  /* of the captures, where the report has its own */
    bool unreadable;               /* a capture could not be opened, or not to its end */
};

/* The only thing a signal handler may touch. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error, told as one */
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complain(const char *text)
{
    char safe[ERROR_TEXT_MAX * 4];
    fprintf(stderr, "fwsniff: %s\n", report_escape_terminal(text, safe, sizeof safe));
}

static void warn(void *context, const char *text)
{
    struct run *run = context;
    if (run->warning_count < WARNINGS_MAX)
        run->warnings[run->warning_count++] = memory_string(text);
}

/* --- setting up --- */

static void site_from_options(const struct options *options, const char *file, struct site *site)
{
    *site = (struct site){.nat = options->nats, .nat_count = options->nat_count};
    for (size_t i = 0; i < options->vantage_count; i++) {
        const struct vantage_choice *choice = &options->vantages[i];
        if (!choice->file || (file && strcmp(choice->file, file) == 0))
            site->told = choice->kind;
    }
    for (size_t i = 0; i < options->local_net_count && i < SITE_NETWORKS_MAX; i++)
        site->local_net[site->local_net_count++] = options->local_nets[i];
}

/* A capture's name may say whose it is. */
static const char *shown_name(struct run *run, const char *name)
{
    if (!run->pseudonyms)
        return name;
    char text[32];
    snprintf(text, sizeof text, "capture %zu", run->capture_count + 1);
    run->names = memory_resize(run->names, run->capture_count + 1, sizeof *run->names);
    run->names[run->capture_count] = memory_string(text);
    return run->names[run->capture_count];
}

/* Evidence is fetched by reading a file again; what cannot be read twice is kept meanwhile. */
static struct keeper *keeper_for(const struct options *options, const char *file)
{
    struct stat status;
    bool again =
        file && strcmp(file, "-") != 0 && stat(file, &status) == 0 && S_ISREG(status.st_mode);
    return options->evidence && !again ? keeper_new(KEEPER_RING_BYTES) : NULL;
}

static void add_inquiry(struct run *run, struct source *source, const char *name, const char *file)
{
    const struct options *options = run->options;
    struct inquiry_request request = {
        .profiles = run->knowledge.profiles,
        .rules = run->knowledge.rules,
        .signs = run->knowledge.signs,
        .thresholds = &run->knowledge.thresholds,
        .max_flows = options->max_flows ? options->max_flows : DEFAULT_MAX_FLOWS,
        .compared = options->file_count > 1,
        .packet_limit = options->packet_limit,
        .live = options->interface != NULL,
        .duration_ns = options->interface ? 0 : options->duration_ns,
        .capture = (uint32_t)run->capture_count,
        .explain = options->explain != NULL,
        .name = shown_name(run, name),
        .path = name,
        .strip = options->strip_payload,
        .pseudonyms = run->pseudonyms,
        .keeper = keeper_for(options, file),
        .expected = options->expectations,
        .expected_count = options->expectation_count,
        .streams = run->streams,
    };
    site_from_options(options, file, &request.site);
    if (options->interface)
        request.site.local_count =
            interface_addresses(options->interface, request.site.local, LOCAL_ADDRESSES_MAX);
    size_t count = run->capture_count++;
    run->inquiries = memory_resize(run->inquiries, run->capture_count, sizeof *run->inquiries);
    run->inquiries[count] = inquiry_new(&request, source);
}

/* --- the report --- */

static double confidence_of(const struct finding *finding)
{
    return finding->verdict.probability[finding->verdict.place];
}

static int by_id_then_confidence(const void *left, const void *right)
{
    const struct finding *a = *(struct finding *const *)left, *b = *(struct finding *const *)right;
    int order = strcmp(a->id, b->id);
    double more = confidence_of(b) - confidence_of(a);
    return order ? order : more > 0 ? 1 : more < 0 ? -1 : 0;
}

/* Identifiers are short: within one capture two failures may share one. */
static bool is_same(const struct finding *one, const struct finding *other)
{
    return one->capture != other->capture && strcmp(one->id, other->id) == 0;
}

/* Correlation tells a failure once that it knows by its packets; the same failure at other times,
 * in captures that hold different attempts, is told by the capture that is surest of it;
 * the packets that the others saw go with it. */
static void tell_once(struct run *run)
{
    size_t kept = 0;
    if (run->capture_count < 2 || run->finding_count < 2)
        return;
    qsort(run->findings, run->finding_count, sizeof *run->findings, by_id_then_confidence);
    struct finding *last = NULL;
    for (size_t i = 0; i < run->finding_count; i++) {
        if (last && is_same(last, run->findings[i]))
            exchanges_adopt(last, run->findings[i]);
        else
            run->findings[kept++] = last = run->findings[i];
    }
    run->finding_count = kept;
    qsort(run->findings, kept, sizeof *run->findings, finding_order);
}

/* --explain=ID: the ledger of that finding only. */
static bool keep_ledger_of(struct run *run, const char *id)
{
    bool found = false;
    for (size_t i = 0; i < run->finding_count; i++) {
        struct finding *finding = run->findings[i];
        bool wanted = !*id || strcmp(finding->id, id) == 0;
        found |= wanted;
        if (wanted)
            continue;
        ledger_free(finding->ledger);
        finding->ledger = NULL;
    }
    return found || !*id;
}

static void collect(struct run *run, struct report *report)
{
    size_t total = 0;
    *report = (struct report){0};
    for (size_t i = 0; i < run->capture_count; i++)
        total += run->diagnoses[i].count;
    run->findings = memory_resize(run->findings, total, sizeof *run->findings);
    run->finding_count = 0;
    for (size_t i = 0; i < run->capture_count; i++) {
        const struct diagnosis *diagnosis = &run->diagnoses[i];
        inquiry_describe(run->inquiries[i], diagnosis, &run->captures[i]);
        report->summary.attempts += diagnosis->attempts;
        report->summary.succeeded += diagnosis->succeeded;
        report->summary.failed += diagnosis->failed;
        for (size_t f = 0; f < diagnosis->count; f++)
            run->findings[run->finding_count++] = diagnosis->findings[f];
    }
    tell_once(run);
    report->summary.attempts -= run->twice.attempts;
    report->summary.succeeded -= run->twice.succeeded;
    report->summary.failed -=
        run->twice.failed < report->summary.failed ? run->twice.failed : report->summary.failed;
    if (run->options->explain)
        run->explained = keep_ledger_of(run, run->options->explain);
    report->ndpi_version = outputs_ndpi_version();
    report->captures = run->captures;
    report->capture_count = run->capture_count;
    report->profiles = run->knowledge.profiles;
    report->findings = run->findings;
    report->finding_count = run->finding_count;
    report->warnings = (const char *const *)run->warnings;
    report->warning_count = run->warning_count;
}

/* Several captures of one time: each is examined by itself, all are held against each other, and
 * each is concluded in the light of the others. */
static void diagnose_together(struct run *run)
{
    size_t count = run->capture_count;
    struct examination **examinations = memory_zeroed(count, sizeof *examinations);
    struct correlation_view *views = memory_zeroed(count, sizeof *views);
    for (size_t i = 0; i < count; i++)
        examinations[i] = inquiry_examine(run->inquiries[i], &views[i]);
    struct correlation *correlation = correlate(views, count);
    for (size_t i = 0; i < count; i++)
        examination_conclude(examinations[i], correlation,
                             (const struct examination *const *)examinations, count,
                             &run->diagnoses[i]);
    correlation_twice(correlation, &run->twice.attempts, &run->twice.succeeded, &run->twice.failed);
    correlation_notes(correlation, warn, run);
    correlation_free(correlation);
    for (size_t i = 0; i < count; i++)
        examination_free(examinations[i]);
    free(examinations);
    free(views);
}

static void diagnose_all(struct run *run, int64_t now_ns, struct report *report)
{
    if (run->capture_count > 1) {
        diagnose_together(run);
        collect(run, report);
        return;
    }
    for (size_t i = 0; i < run->capture_count; i++) {
        diagnosis_release(&run->diagnoses[i]);
        inquiry_diagnose(run->inquiries[i], now_ns, &run->diagnoses[i]);
    }
    collect(run, report);
}

static void warn_of_streams(struct run *run)
{
    char text[160];
    uint64_t given_back = stream_pool_given_back(run->streams);
    if (!given_back)
        return;
    snprintf(text, sizeof text,
             "%" PRIu64
             " directions of product connections were not read to the end of their first "
             "%d KiB because the memory for them was full",
             given_back, STREAM_BYTES_MAX / 1024);
    warn(run, text);
}

/* --- the evidence capture --- */

struct taking {
    struct run *run;
    struct evidence *evidence;
    uint32_t capture;
};

static void take_kept(void *context, const struct frame *frame)
{
    const struct taking *taking = context;
    evidence_take(taking->evidence, taking->capture, frame, taking->run->options->strip_payload,
                  taking->run->pseudonyms);
}

/* The file once more, to its last frame that is wanted. */
static void take_from_file(struct taking *taking, const char *path)
{
    enum { BATCH = 256 };
    struct frame frames[BATCH];
    struct error error;
    uint64_t last = evidence_last_frame(taking->evidence, taking->capture);
    struct source *source = last ? source_open_file(path, NULL, &error) : NULL;
    int count = source ? source_next(source, frames, BATCH) : -1;
    uint64_t seen = 0;
    while (count >= 0 && seen < last && !interrupted) {
        for (int i = 0; i < count; i++) {
            take_kept(taking, &frames[i]);
            seen = frames[i].number;
        }
        count = source_next(source, frames, BATCH);
    }
    source_close(source);
}

static void write_evidence(struct run *run, struct report *report)
{
    struct taking taking = {.run = run, .evidence = evidence_gather(report)};
    char text[160];
    for (size_t i = 0; i < run->capture_count; i++) {
        const struct inquiry_request *asked = inquiry_asked(run->inquiries[i]);
        taking.capture = (uint32_t)i;
        if (asked->keeper)
            keeper_each(asked->keeper, take_kept, &taking);
        else
            take_from_file(&taking, asked->path);
    }
    uint64_t missing = evidence_missing(taking.evidence);
    if (missing) {
        snprintf(text, sizeof text,
                 "%llu frames that the report cites are not in the evidence capture: they could "
                 "not be kept in memory or read again",
                 (unsigned long long)missing);
        warn(run, text);
    }
    if (!evidence_write(run->outputs.evidence, taking.evidence))
        outputs_failed(&run->outputs, "evidence capture");
    evidence_free(taking.evidence);
}

static void warn_of_pseudonyms(struct run *run)
{
    if (run->pseudonyms)
        warn(run,
             "addresses are pseudonyms: equal ones are equal, networks are networks, but they do "
             "not tell private from public");
}

static enum exit_status conclude(struct run *run, int64_t now_ns)
{
    struct report report;
    diagnose_all(run, now_ns, &report);
    for (size_t i = 0; i < run->capture_count; i++) {
        inquiry_warnings(run->inquiries[i], &run->diagnoses[i], warn, run);
        run->unreadable |= run->captures[i].truncated;
    }
    if (run->options->explain && !run->explained)
        warn(run, "no finding has the id that --explain names");
    warn_of_streams(run);
    warn_of_pseudonyms(run);
    if (run->outputs.evidence)
        write_evidence(run, &report);
    report.warnings = (const char *const *)run->warnings;
    report.warning_count = run->warning_count;
    if (!outputs_write(&run->outputs, &report)) {
        complain(run->outputs.problem.text);
        return EXIT_USAGE;
    }
    if (run->unreadable)
        return EXIT_CAPTURE;
    return run->finding_count ? EXIT_FAILURES : EXIT_HEALTHY;
}

/* --- offline --- */

static void show_progress(const struct inquiry *inquiry, const char *name, int64_t *shown_ms)
{
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    if (now_ms - *shown_ms < PROGRESS_INTERVAL_MS)
        return;
    *shown_ms = now_ms;
    char safe[256];
    double progress = inquiry_progress(inquiry);
    report_escape_terminal(name, safe, sizeof safe);
    if (progress >= 0)
        fprintf(stderr, "\r\033[Kreading %s: %.0f %%", safe, progress * 100);
    else
        fprintf(stderr, "\r\033[Kreading %s", safe);
}

static void read_through(struct run *run, struct inquiry *inquiry, const char *name)
{
    bool progress = isatty(STDERR_FILENO) && !run->options->quiet;
    int64_t begun_ms = clock_ms(CLOCK_MONOTONIC), shown_ms = begun_ms;
    while (!interrupted && inquiry_step(inquiry))
        if (progress)
            show_progress(inquiry, name, &shown_ms);
    if (shown_ms != begun_ms)
        fprintf(stderr, "\r\033[K");
}

static enum exit_status run_offline(struct run *run)
{
    const struct options *options = run->options;
    for (size_t i = 0; i < options->file_count; i++) {
        struct error error;
        struct source *source = source_open_file(options->files[i], options->filter, &error);
        if (!source) {
            complain(error.text);
            run->unreadable = true;
            continue;
        }
        add_inquiry(run, source, options->files[i], options->files[i]);
        read_through(run, run->inquiries[run->capture_count - 1], options->files[i]);
    }
    if (!run->capture_count)
        return EXIT_CAPTURE;
    for (size_t i = 0; i < run->capture_count; i++)
        inquiry_end(run->inquiries[i]);
    run->diagnoses = memory_zeroed(run->capture_count, sizeof *run->diagnoses);
    run->captures = memory_zeroed(run->capture_count, sizeof *run->captures);
    return conclude(run, INT64_MIN);
}

/* --- live --- */

static char *kernel_filter(const void *profiles, int dlt)
{
    return profiles_kernel_filter(profiles, dlt);
}

static struct source *open_live(struct run *run, struct error *error)
{
    const struct options *options = run->options;
    const struct source_live_options live = {
        .interface = options->interface,
        .filter = options->filter,
        .kernel_filter = kernel_filter,
        .kernel_filter_context = run->knowledge.profiles,
        .snaplen = options->snaplen,
        .buffer_bytes = options->buffer_bytes ? options->buffer_bytes : LIVE_BUFFER_BYTES,
        .promiscuous = options->promiscuous,
    };
    return source_open_live(&live, error);
}

static void look(struct run *run, struct live_view *view)
{
    struct report report;
    int64_t now_ns = clock_ms(CLOCK_REALTIME) * 1000000;
    diagnose_all(run, now_ns, &report);
    live_view_update(view, &report, now_ns);
}

static enum exit_status run_live(struct run *run)
{
    const struct options *options = run->options;
    struct error error;
    struct source *source = open_live(run, &error);
    if (!source) {
        complain(error.text);
        return EXIT_CAPTURE;
    }
    add_inquiry(run, source, options->interface, NULL);
    if (!privileges_drop(&error)) {
        complain(error.text);
        return EXIT_USAGE;
    }
    run->diagnoses = memory_zeroed(1, sizeof *run->diagnoses);
    run->captures = memory_zeroed(1, sizeof *run->captures);
    struct live_view *view = live_view_new(&run->outputs);
    int64_t begun_ms = clock_ms(CLOCK_MONOTONIC), next_look_ms = begun_ms;
    bool more = true;
    while (more && !interrupted) {
        more = inquiry_step(run->inquiries[0]);
        int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
        if (options->duration_ns && (now_ms - begun_ms) * 1000000 >= options->duration_ns)
            break;
        if (now_ms < next_look_ms)
            continue;
        source_pause(source);
        look(run, view);
        source_resume(source);
        int64_t took_ms = clock_ms(CLOCK_MONOTONIC) - now_ms;
        next_look_ms = now_ms + LIVE_LOOK_INTERVAL_MS + took_ms * LIVE_LOOK_SHARE;
    }
    live_view_free(view);
    inquiry_end(run->inquiries[0]);
    return conclude(run, clock_ms(CLOCK_REALTIME) * 1000000);
}

/* --- the whole way --- */

static void release(struct run *run)
{
    for (size_t i = 0; i < run->capture_count; i++) {
        if (run->diagnoses)
            diagnosis_release(&run->diagnoses[i]);
        keeper_free(inquiry_asked(run->inquiries[i])->keeper);
        inquiry_free(run->inquiries[i]);
        if (run->names)
            free(run->names[i]);
    }
    free(run->names);
    pseudonyms_free(run->pseudonyms);
    for (size_t i = 0; i < run->warning_count; i++)
        free(run->warnings[i]);
    stream_pool_free(run->streams);
    free(run->inquiries);
    free(run->diagnoses);
    free(run->captures);
    free(run->findings);
    outputs_close(&run->outputs);
    knowledge_free(&run->knowledge);
}

/* The key is told where only the user sees it, and in no report. */
static bool make_pseudonyms(struct run *run, struct error *error)
{
    char key[PSEUDONYM_KEY_TEXT];
    if (!run->options->anonymize)
        return true;
    run->pseudonyms = pseudonyms_new(run->options->anonymize_key, key, error);
    if (run->pseudonyms && !run->options->anonymize_key)
        fprintf(stderr,
                "fwsniff: pseudonyms made with the random key %s; keep it: "
                "--anonymize=KEY gives the same ones again\n",
                key);
    explicit_bzero(key, sizeof key);
    return run->pseudonyms;
}

enum exit_status pipeline_run(const struct options *options)
{
    struct run run = {.options = options, .streams = stream_pool_new(STREAM_POOL_BYTES_MAX)};
    struct error error;
    enum exit_status status = EXIT_USAGE;
    bool filter_is_wrong = options->filter && !filter_is_valid(options->filter, &error);
    if (filter_is_wrong || !knowledge_load(&run.knowledge, options, &error) ||
        !make_pseudonyms(&run, &error) || !outputs_open(&run.outputs, options, &error)) {
        complain(error.text);
    } else {
        catch_signals();
        status = options->interface ? run_live(&run) : run_offline(&run);
    }
    release(&run);
    return status;
}
