/* What reports show of a failure beside its verdict: the failing attempts packet by packet, and
 * what became of the client's attempts over time. */
#ifndef FWSNIFF_ATTRIBUTION_EXCHANGE_H
#define FWSNIFF_ATTRIBUTION_EXCHANGE_H

#include "analyzer/attribution/failure.h"
#include "analyzer/flow/tracker.h"
#include "analyzer/report/report.h"

/* Adds exchanges to the finding: of the attempts that were looked at, in this capture. */
void exchanges_of_failure(const struct failure *failure, uint32_t capture, struct finding *finding);
/* Moves the exchanges of a finding about the same failure in another capture. */
void exchanges_adopt(struct finding *finding, struct finding *from);
void exchanges_release(struct finding *finding);

/* Fills the history of every finding: one pass over all attempts. The array is left in its order.
 */
void histories_fill(const struct tracker *tracker, const struct detect_context *context,
                    struct finding *const *findings, size_t count);

#endif
