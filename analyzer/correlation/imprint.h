/* Whether two captures hold conversations in common at all, asked before both are read together: a
 * sketch of each, small enough to be kept of many. What it is made of is hashed; of many hashes the
 * lowest are kept, so that what two captures share is kept of both. */
#ifndef FWSNIFF_CORRELATION_IMPRINT_H
#define FWSNIFF_CORRELATION_IMPRINT_H

#include "analyzer/flow/tracker.h"

enum { IMPRINT_MAX = 1024 };

struct imprint {
    uint64_t hashes[IMPRINT_MAX]; /* ascending, no two alike */
    size_t count;
};

/* TCP conversations by the initial sequence numbers of both sides, or by one and a port or
 * timestamp; of UDP what products say first, and to whom or in which packet. */
void imprint_make(const struct tracker *tracker, struct imprint *imprint);

bool imprint_shares(const struct imprint *a, const struct imprint *b);

#endif
