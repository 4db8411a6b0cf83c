/* Captures of one site and time that were taken at different places, and hold some of the same
 * conversations: what one of them lacks of a failing connection says where it was lost. They are
 * held against each other as fwsniff -r does with several. Which ones these are is not guessed:
 * each is read alone first, and leaves an imprint of its conversations.
 *
 * Without a conversation in common a capture is judged alone, and so it is beyond the caps: of
 * captures (CORRELATION_CAPTURES_MAX) and of what fits a worker's memory. */
#ifndef FWSNIFF_BATCH_TOGETHER_H
#define FWSNIFF_BATCH_TOGETHER_H

#include "analyzer/batch/segment.h"
#include "analyzer/correlation/correlation.h"

/* Analyses all runs of a unit. */
void together_analyse(const struct unit_request *request, const struct run *runs, size_t count,
                      cJSON *result);

#endif
