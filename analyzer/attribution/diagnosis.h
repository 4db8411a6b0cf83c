/* The attribution stage as a whole: a tracker's state in, findings out.
 *
 *   attempts -> failures (grouped, noise left out) -> facts -> rules, over every plausible vantage
 *            -> findings
 *
 * A diagnosis can be made at any time, also while a live capture goes on: it reads the tracker and
 * changes nothing in it; only the last one gives back what it has read. */
#ifndef FWSNIFF_ATTRIBUTION_DIAGNOSIS_H
#define FWSNIFF_ATTRIBUTION_DIAGNOSIS_H

#include "analyzer/attribution/vantage.h"
#include "analyzer/correlation/correlation.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/options.h"
#include "analyzer/pseudonym.h"
#include "analyzer/report/report.h"
#include "analyzer/symptom/thresholds.h"

struct diagnosis_request {
    const struct tracker *tracker;
    const struct profiles *profiles;
    const struct rules *rules;
    const struct signs *signs; /* NULL: none are known */
    const struct thresholds *thresholds;
    const struct site *site;
    const struct expectation *expected;
    size_t expected_count;
    uint64_t capture_dropped;
    uint32_t capture;                    /* index in the report */
    const char *const *capture_names;    /* in sentences; NULL: a, b, c as in the report */
    int64_t now_ns;                      /* the capture's last packet; live: the time */
    bool last;                           /* nothing will be asked of the tracker's flows again */
    bool explain;                        /* every finding with its ledger */
    bool strip;                          /* nothing that was said goes into findings */
    const struct pseudonyms *pseudonyms; /* for all addresses in findings; NULL: as they are */
};

struct diagnosis {
    struct finding **findings; /* each allocated on its own */
    size_t count;
    uint64_t attempts, succeeded, failed;
    struct vantage_estimate vantage;
    bool one_directional;
    uint32_t scans, races, floods; /* left out, and why */
};

void diagnose(const struct diagnosis_request *request, struct diagnosis *diagnosis);

/* The same in two steps, for several captures of one time: each is examined, all are correlated,
 * then each is concluded in the light of the others. */
struct examination;
struct examination *examine(const struct diagnosis_request *request);
void examination_free(struct examination *examination);

/* What correlation wants of it; first_ns, last_ns and packets are left to the caller. */
void examination_view(const struct examination *examination, struct correlation_view *view);

/* `all`: the examinations of all captures, by their index. */
void examination_conclude(const struct examination *examination,
                          const struct correlation *correlation,
                          const struct examination *const *all, size_t count,
                          struct diagnosis *diagnosis);
void diagnosis_release(struct diagnosis *diagnosis);

/* For qsort over struct finding pointers: most attempts first, then earliest, so that a report
 * begins with what hurts most. */
int finding_order(const void *left, const void *right);

#endif
