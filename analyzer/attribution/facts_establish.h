/* Establishing the facts of one failure: the only place where packets' records become facts. */
#ifndef FWSNIFF_ATTRIBUTION_FACTS_ESTABLISH_H
#define FWSNIFF_ATTRIBUTION_FACTS_ESTABLISH_H

#include "analyzer/attribution/controls.h"
#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/failure.h"
#include "analyzer/attribution/failures.h"
#include "analyzer/attribution/vantage.h"
#include "analyzer/speech/signs.h"
#include "analyzer/speech/spoken.h"
#include "analyzer/symptom/thresholds.h"

/* By service: a connection that the product's relays keep to its server; 0: none was seen. */
struct relays {
    uint64_t first_frame[SERVICES_MAX];
};

/* One pass over the attempts. */
/* Where any of the failures is one for which that matters. */
void relays_gather(const struct tracker *tracker, const struct profiles *profiles,
                   const struct failures *failures, struct relays *relays);

struct fact_context {
    const struct relays *relays;
    const struct vantage_context *vantage;
    const struct controls *controls;
    const struct histories *histories;
    const struct thresholds *thresholds;
    const char *spoken;        /* protocol nDPI recognised on the failing service; NULL: none */
    const struct signs *signs; /* NULL: none are known */
    uint64_t capture_dropped;
    int64_t now_ns;
};

/* Fills facts[FACT_COUNT]. FACT_VANTAGE and its confidence are left to the caller, who may judge
 * the same failure from several. */
void facts_establish(const struct fact_context *context, const struct failure *failure,
                     struct fact facts[FACT_COUNT]);

/* For a peer that never appeared: a name that it looked up in vain. */
void fact_of_unresolved(const struct tracker *tracker, const struct ip_network *clients,
                        struct fact *facts);
/* What was said on the attempt of the failure that tells most; all NULL where nothing was heard. */
void failure_spoken(const struct failure *failure, struct spoken *spoken);

#endif
