/* Races: parallel attempts of which one is enough. A program tries both address families (RFC 8305)
 * or two ports that serve as well (SMB: 445 and 139), takes what answers first and gives the other
 * up. The one given up is no failure.
 *
 * An index over the attempts that worked and that a failure may have lost to, so that each failing
 * attempt is looked up in constant time. */
#ifndef FWSNIFF_ATTRIBUTION_RACES_H
#define FWSNIFF_ATTRIBUTION_RACES_H

#include <stdbool.h>

#include "analyzer/attribution/failures.h"
#include "analyzer/attribution/profile.h"
#include "analyzer/flow/tracker.h"

struct races;

/* Attempts of one race begin within `window_s` of each other. Only the samples of `failures` may be
 * asked for. `profiles` outlives the races. */
struct races *races_gather(const struct tracker *tracker, const struct profiles *profiles,
                           const struct failures *failures, double window_s);
void races_free(struct races *races);

/* Whether an attempt of the same client, in the other address family or on the service that the
 * profile names as alternative, worked at the same time. */
bool races_lost(const struct races *races, const struct attempt *attempt);

#endif
