/* One capture on its way through the stages: source -> dissectors -> flows, and the diagnosis of
 * what came together. Two inquiries may go on at once. */
#ifndef FWSNIFF_INQUIRY_H
#define FWSNIFF_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/attribution/diagnosis.h"
#include "analyzer/capture/keeper.h"
#include "analyzer/capture/source.h"
#include "analyzer/report/report.h"
#include "analyzer/speech/stream.h"

struct inquiry_request {
    const struct profiles *profiles;
    const struct rules *rules;
    const struct signs *signs; /* NULL: none are known */
    const struct thresholds *thresholds;
    struct site site;
    const struct expectation *expected;
    size_t expected_count;
    size_t max_flows;
    uint64_t packet_limit; /* 0: none */
    int64_t duration_ns;   /* 0: none; counted from the first packet */
    uint32_t capture;      /* index in the report */
    bool explain;          /* findings with their ledgers */
    const char *name;      /* as the report calls the source; outlives the inquiry */
    const char *path;      /* as the source's messages call it; the same. Only with `pseudonyms` */
    bool strip;            /* see diagnosis.h */
    const struct pseudonyms *pseudonyms;
    struct keeper *keeper;       /* gets the frames that may be evidence; NULL: nobody wants them */
    struct stream_pool *streams; /* shared with the run's other inquiries, outlives them; NULL: one
                                    of its own */
};

struct inquiry;

/* Takes over `source`. `request` is copied; what it points to outlives the inquiry. */
struct inquiry *inquiry_new(const struct inquiry_request *request, struct source *source);

/* What was asked for, with the keeper in it. Valid as long as the inquiry. */
const struct inquiry_request *inquiry_asked(const struct inquiry *inquiry);

/* Reads one batch. True: go on (also when a live source had nothing); false: the end of the
 * capture, or a limit. */
bool inquiry_step(struct inquiry *inquiry);

/* Something was read since the last diagnosis. */
bool inquiry_has_news(const struct inquiry *inquiry);

double inquiry_progress(const struct inquiry *inquiry);

/* Diagnoses what was read so far. `now_ns`: the time it is; INT64_MIN: that of the last packet. */
void inquiry_diagnose(struct inquiry *inquiry, int64_t now_ns, struct diagnosis *diagnosis);

/* The same in two steps, for several captures of one time; see attribution/diagnosis.h. The
 * examination is the caller's, and valid as long as the inquiry. `view` gets what correlation wants
 * of it. */
struct examination *inquiry_examine(struct inquiry *inquiry, struct correlation_view *view);

/* Describes the capture for the report. Texts are valid as long as the inquiry. */
void inquiry_describe(const struct inquiry *inquiry, const struct diagnosis *diagnosis,
                      struct capture_report *report);

/* Things the reader of the report should know of this capture; calls `warn` for each. */
void inquiry_warnings(const struct inquiry *inquiry, const struct diagnosis *diagnosis,
                      void (*warn)(void *context, const char *text), void *context);

void inquiry_free(struct inquiry *inquiry);

#endif
