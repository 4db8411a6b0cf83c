/* libFuzzer: any frames as two captures of one time, held against each other. The first byte
 * chooses what the user says of both places; then come records of a byte (which of the captures has
 * the frame: bits 0 and 1; the time step in units of 10 ms: the others), a length (2 bytes) and the
 * frame, Ethernet. It reads the rules from the working directory, which is the project's root. */
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/attribution/diagnosis.h"
#include "analyzer/knowledge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLOWS = 64, FRAMES_MAX_FED = 2048, STEP_NS = 10000000, HEAD = 3 };

struct capture {
    struct tracker *tracker;
    struct site site;
    uint64_t frames;
    int64_t first_ns, last_ns;
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

static void feed(struct capture *capture, const uint8_t *bytes, size_t length, int64_t time_ns)
{
    uint8_t *copy = malloc(length ? length : 1);
    struct packet packet;
    enum side side;
    bool fresh;
    memcpy(copy, bytes, length);
    packet_dissect(1, copy, (uint32_t)length, (uint32_t)length, &packet);
    tracker_packet(capture->tracker, &packet, ++capture->frames, time_ns, &side, &fresh);
    if (capture->frames == 1)
        capture->first_ns = time_ns;
    capture->last_ns = time_ns;
    free(copy);
}

static void feed_all(struct capture captures[2], const uint8_t *at, const uint8_t *end)
{
    int64_t time_ns = INT64_C(1700000000000000000);
    for (int i = 0; i < FRAMES_MAX_FED && end - at >= HEAD; i++) {
        unsigned seen = at[0];
        size_t length = (size_t)(at[1] << 8 | at[2]), left = (size_t)(end - at) - HEAD;
        length = length < left ? length : left;
        at += HEAD;
        time_ns += (int64_t)(seen >> 2) * STEP_NS;
        for (int capture = 0; capture < 2; capture++)
            if (seen & 1u << capture)
                feed(&captures[capture], at, length, time_ns + capture * STEP_NS);
        at += length;
    }
}

static void check(const struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++) {
        const struct verdict *verdict = &diagnosis->findings[i]->verdict;
        double sum = 0;
        for (int place = 0; place < FAILURE_POINTS; place++)
            sum += verdict->probability[place];
        if (!(sum > 0.999 && sum < 1.001) || !diagnosis->findings[i]->attempts)
            abort();
        for (size_t r = 0; r < verdict->reason_count; r++)
            if (verdict->reasons[r].elsewhere > 2)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct knowledge *known = knowledge();
    const struct tracker_options options = {
        .max_flows = FLOWS,
        .profiles = known->profiles,
        .syn_copy_gap_ns = (int64_t)(known->thresholds.syn_retry_gap_min_s * 1e9),
    };
    struct capture captures[2] = {{0}, {0}};
    struct examination *examinations[2];
    struct correlation_view views[2];
    for (int i = 0; i < 2; i++) {
        unsigned told = data[0] >> (4 * i) & 15;
        captures[i].tracker = tracker_new(&options);
        captures[i].site.told = told < VANTAGES ? told : 0;
    }
    feed_all(captures, data + 1, data + size);
    for (uint32_t i = 0; i < 2; i++) {
        const struct diagnosis_request request = {
            .tracker = captures[i].tracker,
            .profiles = known->profiles,
            .rules = known->rules,
            .thresholds = &known->thresholds,
            .site = &captures[i].site,
            .capture = i,
            .now_ns = captures[i].last_ns,
        };
        examinations[i] = examine(&request);
        examination_view(examinations[i], &views[i]);
        views[i].first_ns = captures[i].first_ns;
        views[i].last_ns = captures[i].last_ns;
        views[i].packets = captures[i].frames;
    }
    struct correlation *correlation = correlate(views, 2);
    for (int i = 0; i < 2; i++) {
        struct diagnosis diagnosis;
        examination_conclude(examinations[i], correlation,
                             (const struct examination *const *)examinations, 2, &diagnosis);
        check(&diagnosis);
        diagnosis_release(&diagnosis);
    }
    correlation_free(correlation);
    for (int i = 0; i < 2; i++) {
        examination_free(examinations[i]);
        tracker_free(captures[i].tracker);
    }
    return 0;
}
