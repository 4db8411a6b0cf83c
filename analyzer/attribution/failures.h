/* Gathering attempts that failed into failures, and leaving out what is none: scans, races between
 * parallel attempts that another one won, floods. */
#ifndef FWSNIFF_ATTRIBUTION_FAILURES_H
#define FWSNIFF_ATTRIBUTION_FAILURES_H

#include "analyzer/attribution/controls.h"
#include "analyzer/attribution/failure.h"
#include "analyzer/flow/tracker.h"

struct failures {
    struct failure *all;
    size_t count;
    uint64_t attempts, succeeded, failed; /* of watched products */
};

/* One pass over the attempts. The caller frees failures->all. */
void failures_gather(const struct tracker *tracker, const struct profiles *profiles,
                     const struct detect_context *context, struct failures *failures);

/* Tells those that another attempt won (races.h). */
void failures_race(struct failures *failures, const struct tracker *tracker,
                   const struct profiles *profiles, const struct thresholds *thresholds);

/* What was left out, for a warning. */
struct suppressions {
    uint32_t scans, races, floods, one_directional;
};

/* Takes out failures that are none, of failures->failed as well. */
void failures_suppress(struct failures *failures, const struct controls *controls,
                       const struct thresholds *thresholds, struct suppressions *suppressions);

#endif
