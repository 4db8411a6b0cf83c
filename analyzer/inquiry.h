/* One capture on its way through the stages: source -> dissectors -> flows, and the diagnosis of
 * what came together. Two inquiries may go on at once. */
#ifndef FWSNIFF_INQUIRY_H
#define FWSNIFF_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/attribution/diagnosis.h"
#include "analyzer/capture/keeper.h"
#include "analyzer/capture/source.h"
#include "analyzer/correlation/imprint.h"
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
    bool live;     /* looked at again and again while it is read */
    bool compared; /* with other captures: no connection's record is given up while it fits */
    struct ndpi_bridge *bridge;       /* started, to use and leave alone; NULL: one of its own */
    uint64_t packet_limit;            /* 0: none */
    int64_t duration_ns;              /* 0: none; counted from the first packet */
    uint32_t capture;                 /* index in the report */
    const char *const *capture_names; /* see diagnosis.h */
    bool explain;                     /* findings with their ledgers */
    const char *name;                 /* as the report calls the source; outlives the inquiry */
    const char *path; /* as the source's messages call it; the same. Only with `pseudonyms` */
    bool strip;       /* see diagnosis.h */
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

/* The same with at most `frames` frames, so that a caller can stop at a certain one. */
bool inquiry_step_to(struct inquiry *inquiry, uint64_t frames);

/* All was read, and nothing will be any more: memory that only reading needs is given back. */
void inquiry_end(struct inquiry *inquiry);

/* The capture goes on in another file: takes over `source`, closes the one before. Frame numbers
 * then count on over all files, and so do the connections. */
void inquiry_continue(struct inquiry *inquiry, struct source *source, const char *name);

/* Frames of the files before the present one. */
uint64_t inquiry_frame_base(const struct inquiry *inquiry);

/* Time of the latest packet; INT64_MIN: none. */
int64_t inquiry_last_ns(const struct inquiry *inquiry);

/* Of the file that is read now. */
const struct source_stats *inquiry_source_stats(const struct inquiry *inquiry);

/* A connection of a watched product that works. */
struct inquiry_success {
    struct ip_address client, server;
    uint16_t server_port;
    const struct service *service;
    int64_t last_ns; /* its last packet */
};

/* Calls `each` for all of them, as far as was read. */
void inquiry_successes(const struct inquiry *inquiry,
                       void (*each)(void *context, const struct inquiry_success *success),
                       void *context);

/* Something was read since the last diagnosis. */
bool inquiry_has_news(const struct inquiry *inquiry);

double inquiry_progress(const struct inquiry *inquiry);

/* Diagnoses what was read so far. `now_ns`: the time it is; INT64_MIN: that of the last packet. */
void inquiry_diagnose(struct inquiry *inquiry, int64_t now_ns, struct diagnosis *diagnosis);

/* The same in two steps, for several captures of one time; see attribution/diagnosis.h. The
 * examination is the caller's, and valid as long as the inquiry. `view` gets what correlation wants
 * of it. */
struct examination *inquiry_examine(struct inquiry *inquiry, struct correlation_view *view);

/* Captures turn out to be of one time only when they were read: which one this is of those that are
 * diagnosed together, and what sentences call them. */
void inquiry_join(struct inquiry *inquiry, uint32_t capture, const char *const *capture_names);

/* What the capture can be known again by in others. */
void inquiry_imprint(const struct inquiry *inquiry, struct imprint *imprint);

/* Describes the capture for the report. Texts are valid as long as the inquiry. */
void inquiry_describe(const struct inquiry *inquiry, const struct diagnosis *diagnosis,
                      struct capture_report *report);

/* Things the reader of the report should know of this capture; calls `warn` for each. */
void inquiry_warnings(const struct inquiry *inquiry, const struct diagnosis *diagnosis,
                      void (*warn)(void *context, const char *text), void *context);

void inquiry_free(struct inquiry *inquiry);

#endif
