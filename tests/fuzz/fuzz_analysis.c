/* libFuzzer: any sequence of frames through fast path, dissectors, flows, symptoms and attribution
 * to the report. The first byte chooses the link type and what the user says of the site; then come
 * records of a time step (2 bytes, signed, in units of 10 ms), a length (2 bytes) and the frame, as
 * any capture is easily cut into. The tables are small, so that every cap is reached. It reads the
 * rules from the working directory, which is the project's root. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/attribution/diagnosis.h"
#include "analyzer/flow/fast_path.h"
#include "analyzer/flow/held.h"
#include "analyzer/knowledge.h"
#include "analyzer/report/report.h"
#include "analyzer/speech/speech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOWS = 64, FRAMES_MAX_FED = 4096, STEP_NS = 10000000, POOL_BYTES = 64 * 1024 };

struct input {
    const uint8_t *at, *end;
};

static const struct knowledge *knowledge(void)
{
    static struct knowledge known;
    static const struct options options = {.rules_directory = "rules"};
    struct error error = {""};
    if (!known.profiles && !knowledge_load(&known, &options, &error)) {
        fprintf(stderr, "%s (run it in the project's root)\n", error.text);
        exit(2);
    }
    return &known;
}

static uint16_t take_number(struct input *input)
{
    uint16_t number = (uint16_t)(input->at[0] << 8 | input->at[1]);
    input->at += 2;
    return number;
}

struct feeding {
    struct tracker *tracker;
    struct listener *listener;
};

static void forget(const struct attempt *attempt, void *context)
{
    const struct feeding *feeding = context;
    speech_forget(feeding->listener, (struct attempt *)attempt);
}

static void take_slowly(void *context, const struct frame *frame,
                        const struct fast_packet *looked_at)
{
    const struct feeding *feeding = context;
    struct packet packet;
    enum side side;
    bool fresh;
    fast_path_packet(looked_at, frame, &packet);
    struct attempt *attempt = fast_path_hand_over(feeding->tracker, looked_at, &packet,
                                                  frame->number, frame->time_ns, &side, &fresh);
    if (attempt && fresh && packet.kind != PACKET_ICMP)
        speech_listen(feeding->listener, attempt, &packet, side, frame->number, frame->time_ns);
}

/* A copy of exactly the frame's size, so that a sanitizer sees every read outside. */
static void feed(const struct feeding *feeding, uint16_t link_type, const uint8_t *bytes,
                 size_t length, uint64_t number, int64_t time_ns)
{
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    const struct frame frame = {.data = copy,
                                .caplen = (uint32_t)length,
                                .len = (uint32_t)length,
                                .time_ns = time_ns,
                                .number = number,
                                .link_type = link_type};
    fast_path_batch(feeding->tracker, &frame, 1, 0, take_slowly, (void *)feeding);
    free(copy);
}

static int64_t feed_all(const struct feeding *feeding, uint16_t link_type, struct input *input)
{
    int64_t time_ns = INT64_C(1700000000000000000), last_ns = time_ns;
    for (uint64_t frame = 1; frame <= FRAMES_MAX_FED && input->end - input->at >= 4; frame++) {
        time_ns += (int16_t)take_number(input) * (int64_t)STEP_NS;
        size_t length = take_number(input), left = (size_t)(input->end - input->at);
        length = length < left ? length : left;
        feed(feeding, link_type, input->at, length, frame, time_ns);
        input->at += length;
        last_ns = time_ns > last_ns ? time_ns : last_ns;
    }
    return last_ns;
}

static void check_finding(const struct finding *finding)
{
    double sum = 0;
    for (int place = 0; place < FAILURE_POINTS; place++)
        sum += finding->verdict.probability[place];
    if (!(sum > 0.999 && sum < 1.001))
        abort();
    if (finding->symptom == SYMPTOM_NO_TRAFFIC)
        return;
    bool shown = false; /* a verdict that no frame supports is a defect */
    for (size_t i = 0; i < finding->verdict.reason_count; i++)
        shown |= finding->verdict.reasons[i].frames.count > 0;
    if (!shown || !finding->attempts || finding->last_ns < finding->first_ns) {
        fprintf(stderr, "%s: shown %d, attempts %u, lasted %lld ns\n",
                symptom_words[finding->symptom], shown, finding->attempts,
                (long long)(finding->last_ns - finding->first_ns));
        abort();
    }
}

static void write_report(const struct profiles *profiles, const struct diagnosis *diagnosis)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const struct capture_report capture = {
        .id = "a", .source = "fuzz", .vantage = diagnosis->vantage};
    const struct report report = {
        .captures = &capture,
        .capture_count = 1,
        .profiles = profiles,
        .summary = {diagnosis->attempts, diagnosis->succeeded, diagnosis->failed},
        .findings = diagnosis->findings,
        .finding_count = diagnosis->count,
    };
    const struct text_options options = {.columns = 80, .verbosity = 1};
    if (!out || !report_write_json(out, &report) || !report_write_text(out, &report, &options) ||
        !report_write_html(out, &report) || !report_write_markdown(out, &report))
        abort();
    fclose(out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t link_types[] = {1, 101, 113, 276, 0, 105, 127, 9};
    if (size == 0)
        return 0;
    const struct knowledge *known = knowledge();
    const struct tracker_options options = {
        .max_flows = FLOWS,
        .profiles = known->profiles,
        .syn_copy_gap_ns = (int64_t)(known->thresholds.syn_retry_gap_min_s * 1e9),
    };
    struct tracker *tracker = tracker_new(&options);
    struct stream_pool *streams = stream_pool_new(POOL_BYTES);
    struct feeding feeding = {tracker, listener_new(known->profiles, known->signs, streams, NULL)};
    tracker_on_evict(tracker, forget, &feeding);
    tracker_hold_back(tracker, take_slowly, &feeding);
    struct input input = {data + 1, data + size};
    int64_t last_ns = feed_all(&feeding, link_types[data[0] & 7], &input);
    tracker_let_go(tracker);

    struct expectation expected = {0};
    const struct site site = {.told = (data[0] >> 3 & 15) < VANTAGES ? data[0] >> 3 & 15 : 0};
    const struct diagnosis_request request = {
        .tracker = tracker,
        .profiles = known->profiles,
        .rules = known->rules,
        .signs = known->signs,
        .thresholds = &known->thresholds,
        .site = &site,
        .expected = &expected,
        .expected_count = data[0] >> 7,
        .explain = true,
        .now_ns = last_ns,
    };
    ip_network_parse("192.0.2.77", &expected.client);
    struct diagnosis diagnosis;
    diagnose(&request, &diagnosis);
    for (size_t i = 0; i < diagnosis.count; i++)
        check_finding(diagnosis.findings[i]);
    write_report(known->profiles, &diagnosis);
    diagnosis_release(&diagnosis);
    size_t position = 0;
    for (struct attempt *attempt; (attempt = tracker_next_attempt(tracker, &position));)
        speech_forget(feeding.listener, attempt);
    tracker_free(tracker);
    listener_free(feeding.listener);
    stream_pool_free(streams);
    return 0;
}
