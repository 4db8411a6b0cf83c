/* One failure seen at several places at once - in captures of several streams that were not held
 * against each other - is one failure: its attempts are counted once, and it is told by the capture
 * that is surest of it, as with several -r. */
#ifndef FWSNIFF_BATCH_PLACES_H
#define FWSNIFF_BATCH_PLACES_H

#include <cjson/cJSON.h>

/* Takes the "findings" of a unit's result together, one for each identifier, in its order. Those
 * whose times overlap are the same attempts, seen from elsewhere; the others add up. */
void places_join(cJSON *result);

/* Where a verdict is undecided and another capture was taken meanwhile that it was not held against
 * (together.h), warns that both together may say more. After places_join(). */
void places_advise(cJSON *result);

#endif
