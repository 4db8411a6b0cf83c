#include "analyzer/inquiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/flow/fast_path.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/memory.h"
#include "analyzer/speech.h"
#include "dissectors/ndpi_bridge.h"
#include "dissectors/packet.h"

enum { BATCH_FRAMES = FAST_PATH_BATCH, WARNING_TEXT = 700 };

struct inquiry {
    struct inquiry_request request;
    struct source *source;
    struct tracker *tracker;
    struct ndpi_bridge *bridge; /* made when first needed */
    int64_t first_ns, last_ns;  /* INT64_MIN: no frame yet */
    uint64_t taken;             /* frames analysed */
    bool news;
    char link_type_names[SOURCE_LINK_TYPES_MAX][24];
};

static void forget_speech(const struct attempt *attempt, void *context)
{
    const struct inquiry *inquiry = context;
    /* The tracker gives up its record, and with it what we hung on it. */
    speech_forget(inquiry->bridge, (struct attempt *)attempt);
}

struct inquiry *inquiry_new(const struct inquiry_request *request, struct source *source)
{
    struct inquiry *inquiry = memory_zeroed(1, sizeof *inquiry);
    inquiry->request = *request;
    inquiry->source = source;
    inquiry->first_ns = inquiry->last_ns = INT64_MIN;
    const struct tracker_options options = {
        .max_flows = request->max_flows,
        .profiles = request->profiles,
        .syn_copy_gap_ns = (int64_t)(request->thresholds->syn_retry_gap_min_s * 1e9),
    };
    inquiry->tracker = tracker_new(&options);
    tracker_on_evict(inquiry->tracker, forget_speech, inquiry);
    return inquiry;
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

/* The slow way, which any packet can go. */
static void take_frame(void *context, const struct frame *frame,
                       const struct fast_packet *looked_at)
{
    struct inquiry *inquiry = context;
    struct packet packet;
    enum side side;
    bool fresh;
    if (looked_at->common)
        packet_from_glance(&looked_at->seen, &packet);
    else
        packet_dissect(frame->link_type, frame->data, frame->caplen, frame->len, &packet);
    if (packet.direction == LINK_UNKNOWN)
        packet.direction = direction_of(frame);
    struct attempt *attempt = fast_path_hand_over(inquiry->tracker, looked_at, &packet,
                                                  frame->number, frame->time_ns, &side, &fresh);
    if (attempt && fresh && packet.kind != PACKET_ICMP)
        speech_listen(&inquiry->bridge, attempt, &packet, side, frame->time_ns);
}

static int64_t latest_ns(const struct frame *frames, int count, int64_t latest)
{
    for (int i = 0; i < count; i++)
        if (frames[i].time_ns > latest)
            latest = frames[i].time_ns;
    return latest;
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

bool inquiry_step(struct inquiry *inquiry)
{
    struct frame frames[BATCH_FRAMES];
    int count = source_next(inquiry->source, frames, BATCH_FRAMES);
    if (count <= 0)
        return count == 0;
    if (inquiry->first_ns == INT64_MIN)
        inquiry->first_ns = frames[0].time_ns;
    int wanted = within_limits(inquiry, frames, count);
    inquiry->last_ns = latest_ns(frames, wanted, inquiry->last_ns);
    fast_path_batch(inquiry->tracker, frames, wanted, take_frame, inquiry);
    inquiry->taken += (uint64_t)wanted;
    inquiry->news |= wanted > 0;
    bool full = inquiry->request.packet_limit && inquiry->taken >= inquiry->request.packet_limit;
    return wanted == count && !full;
}

bool inquiry_has_news(const struct inquiry *inquiry)
{
    return inquiry->news;
}

double inquiry_progress(const struct inquiry *inquiry)
{
    return source_progress(inquiry->source);
}

void inquiry_diagnose(struct inquiry *inquiry, int64_t now_ns, struct diagnosis *diagnosis)
{
    const struct inquiry_request *asked = &inquiry->request;
    const struct diagnosis_request request = {
        .tracker = inquiry->tracker,
        .profiles = asked->profiles,
        .rules = asked->rules,
        .thresholds = asked->thresholds,
        .site = &asked->site,
        .expected = asked->expected,
        .expected_count = asked->expected_count,
        .capture_dropped = source_stats(inquiry->source)->kernel_dropped,
        .capture = asked->capture,
        .now_ns = now_ns == INT64_MIN ? inquiry->last_ns : now_ns,
        .spoken = speech_told,
    };
    diagnose(&request, diagnosis);
    inquiry->news = false;
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
        .problem = stats->problem.text[0] ? stats->problem.text : NULL,
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
        warn(context, stats->problem.text);
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
        speech_forget(inquiry->bridge, attempt);
    tracker_free(inquiry->tracker);
    ndpi_bridge_free(inquiry->bridge);
    source_close(inquiry->source);
    free(inquiry);
}
