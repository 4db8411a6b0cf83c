#include "analyzer/inquiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/fast_path.h"
#include "analyzer/flow/finished.h"
#include "analyzer/flow/ftp_expected.h"
#include "analyzer/flow/held.h"
#include "analyzer/flow/names.h"
#include "analyzer/flow/routers.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/flow/tunnels.h"
#include "analyzer/memory.h"
#include "analyzer/speech/speech.h"
#include "analyzer/symptom/detector.h"
#include "dissectors/packet.h"

enum {
    BATCH_FRAMES = FAST_PATH_BATCH,
    WARNING_TEXT = 700,
    FIRST_WHOLE = 1024, /* product connections by which vantages and what is usual are told */
    LIVE_HELD_NS = 1000000000, /* after that long a failure shows, before its first repetition */
};

struct inquiry {
    struct inquiry_request request;
    struct source *source;
    struct tracker *tracker;
    struct stream_pool *own_streams; /* NULL: the run's are used */
    struct listener *listener;
    int64_t first_ns, last_ns; /* INT64_MIN: no frame yet */
    int64_t earliest_ns;       /* INT64_MAX: no frame yet */
    uint64_t taken;            /* frames analysed */
    uint64_t frame_base;       /* of the files before, where the capture is in several */
    uint64_t dropped_base;
    bool news;
    bool ended; /* nothing will be read any more */
    char link_type_names[SOURCE_LINK_TYPES_MAX][24];
};

static void forget_speech(const struct attempt *attempt, void *context)
{
    const struct inquiry *inquiry = context;
    /* The tracker gives up its record, and with it what we hung on it. */
    speech_forget(inquiry->listener, (struct attempt *)attempt);
}

static bool has_succeeded(const struct inquiry *inquiry, const struct attempt *attempt)
{
    const struct detect_context judge = {inquiry->request.thresholds, inquiry->last_ns,
                                         inquiry->request.profiles};
    struct detection detection;
    detect(attempt, &judge, &detection);
    return detection.outcome == OUTCOME_SUCCEEDED;
}

static bool is_dispensable(const struct attempt *attempt, void *context)
{
    return has_succeeded(context, attempt);
}

static enum link_direction direction_of(const struct frame *frame)
{
    switch (frame->direction) {
    case FRAME_INBOUND:
        return LINK_IN;
    case FRAME_OUTBOUND:
        return LINK_OUT;
    case FRAME_UNKNOWN:
        break;
    }
    return LINK_UNKNOWN;
}

/* What a reason may rest on: products' packets, and of all others those that open, refuse or
 * explain. */
static bool may_be_evidence(const struct packet *packet, const struct attempt *attempt)
{
    bool opens = packet->kind == PACKET_TCP && (packet->tcp.flags & (TCP_SYN | TCP_RST));
    return attempt || opens || packet->kind == PACKET_ICMP || packet->kind == PACKET_ARP;
}

/* The slow way, which any packet can go. */
static void take_frame(void *context, const struct frame *frame,
                       const struct fast_packet *looked_at)
{
    struct inquiry *inquiry = context;
    struct packet packet;
    enum side side;
    bool fresh;
    fast_path_packet(looked_at, frame, &packet);
    if (packet.direction == LINK_UNKNOWN)
        packet.direction = direction_of(frame);
    uint64_t number = inquiry->frame_base + frame->number;
    struct attempt *attempt = fast_path_hand_over(inquiry->tracker, looked_at, &packet, number,
                                                  frame->time_ns, &side, &fresh);
    if (inquiry->request.keeper && may_be_evidence(&packet, attempt))
        keeper_add(inquiry->request.keeper, frame);
    if (attempt && fresh && packet.kind != PACKET_ICMP)
        speech_listen(inquiry->listener, attempt, &packet, side, number, frame->time_ns);
}

/* Held packets keep the number that they had over all files. */
static void take_held_frame(void *context, const struct frame *frame,
                            const struct fast_packet *looked_at)
{
    struct inquiry *inquiry = context;
    struct frame numbered = *frame;
    numbered.number -= inquiry->frame_base;
    take_frame(context, &numbered, looked_at);
}

struct inquiry *inquiry_new(const struct inquiry_request *request, struct source *source)
{
    struct inquiry *inquiry = memory_zeroed(1, sizeof *inquiry);
    inquiry->request = *request;
    inquiry->source = source;
    inquiry->first_ns = inquiry->last_ns = INT64_MIN;
    inquiry->earliest_ns = INT64_MAX;
    const struct tracker_options options = {
        .max_flows = request->max_flows,
        .profiles = request->profiles,
        .syn_copy_gap_ns = (int64_t)(request->thresholds->syn_retry_gap_min_s * 1e9),
        .compared = request->compared,
        .show_openings = request->keeper != NULL,
        .first_whole = FIRST_WHOLE,
    };
    inquiry->tracker = tracker_new(&options);
    tracker_on_evict(inquiry->tracker, forget_speech, inquiry);
    tracker_on_settle(inquiry->tracker, is_dispensable, inquiry);
    if (!request->compared && !request->keeper)
        tracker_hold_back(inquiry->tracker, take_held_frame, inquiry);
    if (!request->streams)
        inquiry->own_streams = stream_pool_new(STREAM_POOL_BYTES_MAX);
    inquiry->listener =
        listener_new(request->profiles, request->signs,
                     request->streams ? request->streams : inquiry->own_streams, request->bridge);
    return inquiry;
}

static void note_times(struct inquiry *inquiry, const struct frame *frames, int count)
{
    int64_t earliest_ns = inquiry->earliest_ns, last_ns = inquiry->last_ns;
    for (int i = 0; i < count; i++) {
        int64_t time_ns = frames[i].time_ns;
        earliest_ns = time_ns < earliest_ns ? time_ns : earliest_ns;
        last_ns = time_ns > last_ns ? time_ns : last_ns;
    }
    inquiry->earliest_ns = earliest_ns;
    inquiry->last_ns = last_ns;
}

/* How many of the frames are still to be taken by --count and --duration. */
static int within_limits(const struct inquiry *inquiry, const struct frame *frames, int count)
{
    const struct inquiry_request *request = &inquiry->request;
    uint64_t left = request->packet_limit ? request->packet_limit - inquiry->taken : UINT64_MAX;
    if (left < (uint64_t)count)
        count = (int)left;
    for (int i = 0; request->duration_ns && i < count; i++)
        if (frames[i].time_ns - inquiry->first_ns > request->duration_ns)
            return i;
    return count;
}

bool inquiry_step_to(struct inquiry *inquiry, uint64_t limit)
{
    struct frame frames[BATCH_FRAMES];
    size_t room = limit < BATCH_FRAMES ? (size_t)limit : BATCH_FRAMES;
    int count = source_next(inquiry->source, frames, room);
    if (count <= 0)
        return count == 0;
    if (inquiry->first_ns == INT64_MIN)
        inquiry->first_ns = frames[0].time_ns;
    int wanted = within_limits(inquiry, frames, count);
    note_times(inquiry, frames, wanted);
    fast_path_batch(inquiry->tracker, frames, wanted, inquiry->frame_base, take_frame, inquiry);
    inquiry->taken += (uint64_t)wanted;
    inquiry->news |= wanted > 0;
    bool full = inquiry->request.packet_limit && inquiry->taken >= inquiry->request.packet_limit;
    return wanted == count && !full;
}

bool inquiry_step(struct inquiry *inquiry)
{
    return inquiry_step_to(inquiry, BATCH_FRAMES);
}

void inquiry_end(struct inquiry *inquiry)
{
    tracker_end(inquiry->tracker);
    inquiry->ended = true;
}

void inquiry_continue(struct inquiry *inquiry, struct source *source, const char *name)
{
    const struct source_stats *stats = source_stats(inquiry->source);
    inquiry->frame_base += stats->frames;
    inquiry->dropped_base += stats->kernel_dropped;
    source_close(inquiry->source);
    inquiry->source = source;
    inquiry->request.name = inquiry->request.path = name;
}

uint64_t inquiry_frame_base(const struct inquiry *inquiry)
{
    return inquiry->frame_base;
}

int64_t inquiry_last_ns(const struct inquiry *inquiry)
{
    return inquiry->last_ns;
}

const struct source_stats *inquiry_source_stats(const struct inquiry *inquiry)
{
    return source_stats(inquiry->source);
}

void inquiry_successes(const struct inquiry *inquiry,
                       void (*each)(void *context, const struct inquiry_success *success),
                       void *context)
{
    const struct profiles *profiles = inquiry->request.profiles;
    size_t position = 0;
    tracker_let_go(inquiry->tracker);
    for (const struct attempt *attempt;
         (attempt = tracker_next_attempt(inquiry->tracker, &position));) {
        if ((attempt->bits & ATTEMPT_IS_INNER) || !has_succeeded(inquiry, attempt))
            continue;
        const struct inquiry_success success = {
            .client = attempt->address[INITIATOR],
            .server = attempt->address[RESPONDER],
            .server_port = attempt->port[RESPONDER],
            .service = profiles_service_at(profiles, attempt->service),
            .last_ns = attempt->last_ns,
        };
        each(context, &success);
    }
    position = 0;
    for (struct finished finished;
         finished_next(tracker_finished(inquiry->tracker), &position, &finished);) {
        struct ip_address address[2];
        uint16_t port[2];
        tracker_finished_ends(inquiry->tracker, &finished, address, port);
        const struct inquiry_success success = {
            .client = address[INITIATOR],
            .server = address[RESPONDER],
            .server_port = port[RESPONDER],
            .service = profiles_service_at(profiles, finished.service),
            .last_ns = finished.last_ns,
        };
        each(context, &success);
    }
}

bool inquiry_has_news(const struct inquiry *inquiry)
{
    return inquiry->news;
}

double inquiry_progress(const struct inquiry *inquiry)
{
    return source_progress(inquiry->source);
}

static struct diagnosis_request request_of(const struct inquiry *inquiry, int64_t now_ns)
{
    const struct inquiry_request *asked = &inquiry->request;
    return (struct diagnosis_request){
        .tracker = inquiry->tracker,
        .profiles = asked->profiles,
        .rules = asked->rules,
        .signs = asked->signs,
        .thresholds = asked->thresholds,
        .site = &asked->site,
        .expected = asked->expected,
        .expected_count = asked->expected_count,
        .capture_dropped = inquiry->dropped_base + source_stats(inquiry->source)->kernel_dropped,
        .capture = asked->capture,
        .capture_names = asked->capture_names,
        .now_ns = now_ns == INT64_MIN ? inquiry->last_ns : now_ns,
        .last = inquiry->ended,
        .explain = asked->explain,
        .strip = asked->strip,
        .pseudonyms = asked->pseudonyms,
    };
}

void inquiry_diagnose(struct inquiry *inquiry, int64_t now_ns, struct diagnosis *diagnosis)
{
    const struct diagnosis_request request = request_of(inquiry, now_ns);
    if (inquiry->request.live)
        tracker_let_go_before(inquiry->tracker, request.now_ns - LIVE_HELD_NS);
    else
        tracker_let_go(inquiry->tracker);
    diagnose(&request, diagnosis);
    inquiry->news = false;
}

struct examination *inquiry_examine(struct inquiry *inquiry, struct correlation_view *view)
{
    const struct diagnosis_request request = request_of(inquiry, INT64_MIN);
    tracker_let_go(inquiry->tracker);
    struct examination *examination = examine(&request);
    examination_view(examination, view);
    view->first_ns = inquiry->first_ns;
    view->last_ns = inquiry->last_ns;
    view->earliest_ns = inquiry->earliest_ns;
    view->packets = inquiry->frame_base + source_stats(inquiry->source)->frames;
    inquiry->news = false;
    return examination;
}

void inquiry_join(struct inquiry *inquiry, uint32_t capture, const char *const *capture_names)
{
    inquiry->request.capture = capture;
    inquiry->request.capture_names = capture_names;
}

void inquiry_imprint(const struct inquiry *inquiry, struct imprint *imprint)
{
    imprint_make(inquiry->tracker, imprint);
}

const struct inquiry_request *inquiry_asked(const struct inquiry *inquiry)
{
    return &inquiry->request;
}

/* The source's message without the path, where the report does not name it. */
static const char *problem_of(const struct inquiry *inquiry)
{
    const struct inquiry_request *asked = &inquiry->request;
    const char *text = source_stats(inquiry->source)->problem.text;
    size_t length = asked->pseudonyms ? strlen(asked->path) : 0;
    if (length && strncmp(text, asked->path, length) == 0 && text[length] == ':')
        text += length + 1;
    return text + strspn(text, " ");
}

void inquiry_describe(const struct inquiry *inquiry, const struct diagnosis *diagnosis,
                      struct capture_report *report)
{
    const struct source_stats *stats = source_stats(inquiry->source);
    const struct tracker_counters *counted = tracker_counters(inquiry->tracker);
    *report = (struct capture_report){
        .source = inquiry->request.name,
        .link_type_count = stats->link_type_count,
        .packets = stats->frames,
        .first_ns = inquiry->first_ns,
        .last_ns = inquiry->last_ns,
        .dropped = stats->kernel_dropped,
        .truncated = stats->truncated,
        .problem = stats->problem.text[0] ? problem_of(inquiry) : NULL,
        .vantage = diagnosis->vantage,
        .counters =
            {
                .tcp_syn = counted->tcp_syn,
                .syn_unanswered =
                    counted->syn_attempts - counted->syn_answered - counted->syn_refused,
                .syn_reset = counted->syn_refused,
                .icmp_unreachable = counted->icmp_unreachable,
                .flows = flow_table_count(tracker_flows(inquiry->tracker)),
                .flows_evicted = flow_table_evicted(tracker_flows(inquiry->tracker)),
            },
    };
    for (size_t i = 0; i < stats->link_type_count; i++)
        report->link_types[i] = source_link_type_name(
            stats->link_types[i], ((struct inquiry *)inquiry)->link_type_names[i]);
    snprintf(report->id, sizeof report->id, "%c", 'a' + (char)(inquiry->request.capture % 26));
}

static void warn_counted(const struct inquiry *inquiry, uint64_t count, const char *what,
                         void (*warn)(void *, const char *), void *context)
{
    char text[WARNING_TEXT];
    if (!count)
        return;
    snprintf(text, sizeof text, "%s: %" PRIu64 " %s", inquiry->request.name, count, what);
    warn(context, text);
}

void inquiry_warnings(const struct inquiry *inquiry, const struct diagnosis *diagnosis,
                      void (*warn)(void *context, const char *text), void *context)
{
    const struct source_stats *stats = source_stats(inquiry->source);
    const struct tracker_counters *counted = tracker_counters(inquiry->tracker);
    if (stats->problem.text[0])
        warn(context, problem_of(inquiry));
    warn_counted(inquiry, stats->growing, "file is still being written: read to its present end",
                 warn, context);
    warn_counted(inquiry, stats->kernel_dropped,
                 "packets were lost while capturing; every confidence is lower for it", warn,
                 context);
    warn_counted(inquiry, flow_table_evicted(tracker_flows(inquiry->tracker)),
                 "conversations were forgotten because the flow table was full (--max-flows)", warn,
                 context);
    warn_counted(inquiry, counted->attempts_evicted,
                 "product connections were forgotten because their table was full", warn, context);
    warn_counted(inquiry, tracker_addresses_refused(inquiry->tracker),
                 "packets were not followed because the table of IPv6 addresses was full "
                 "(--max-flows)",
                 warn, context);
    warn_counted(inquiry, host_table_refused(tracker_hosts(inquiry->tracker)),
                 "addresses did not fit the host table: no distance is known for them", warn,
                 context);
    warn_counted(inquiry, probes_refused(tracker_probes(inquiry->tracker)),
                 "traceroute probes were not followed because their table was full", warn, context);
    warn_counted(inquiry, listener_certificates_refused(inquiry->listener),
                 "certificates were not kept because their table was full", warn, context);
    warn_counted(inquiry, tracker_tunnels(inquiry->tracker)->refused,
                 "packets were inside more tunnels than fit the table of tunnels", warn, context);
    warn_counted(inquiry, tracker_routers(inquiry->tracker)->refused,
                 "announcements of routers were not kept because their table was full", warn,
                 context);
    warn_counted(inquiry, tracker_names(inquiry->tracker)->forgotten,
                 "name look-ups were forgotten for newer ones", warn, context);
    warn_counted(inquiry, ftp_expected_lost(inquiry->tracker),
                 "FTP data connections were agreed on and forgotten before they came", warn,
                 context);
    warn_counted(inquiry, diagnosis->scans,
                 "failing targets of a scanner are left out (one source, many targets, hardly any "
                 "answered)",
                 warn, context);
    warn_counted(inquiry, diagnosis->floods,
                 "half-open connections of strangers are left out (SYN flood)", warn, context);
    if (diagnosis->one_directional)
        warn_counted(inquiry, 1, "direction only is in this capture: silence says little in it",
                     warn, context);
}

void inquiry_free(struct inquiry *inquiry)
{
    if (!inquiry)
        return;
    size_t position = 0;
    for (struct attempt *attempt; (attempt = tracker_next_attempt(inquiry->tracker, &position));)
        speech_forget(inquiry->listener, attempt);
    tracker_free(inquiry->tracker);
    listener_free(inquiry->listener);
    stream_pool_free(inquiry->own_streams);
    source_close(inquiry->source);
    free(inquiry);
}
