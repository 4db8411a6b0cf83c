/* The symptom stage: what became of one attempt, and which symptom of the contract it shows.
 *
 * A detector is a function from an attempt's record to "holds, and these frames show it". They
 * stand in one const table (detectors.c), tried in its order; the first that holds names the
 * symptom. A detector never looks at other attempts and never says whose fault it is. */
#ifndef FWSNIFF_SYMPTOM_DETECTOR_H
#define FWSNIFF_SYMPTOM_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/flow/attempt.h"
#include "analyzer/symptom/thresholds.h"
#include "analyzer/words.h"

enum outcome {
    OUTCOME_NOTHING, /* no attempt: a probe, a stray packet, a conversation joined late */
    OUTCOME_PENDING, /* cannot be said: cut short by the capture's end, or still going on */
    OUTCOME_SILENT,  /* asked once, never answered, never repeated: too little for a symptom of
                        its own, enough when it happens again and again */
    OUTCOME_SUCCEEDED,
    OUTCOME_FAILED,
};

struct detection {
    enum outcome outcome;
    enum symptom symptom;     /* OUTCOME_FAILED */
    int64_t failed_ns;        /* when the failure began to show */
    struct frame_list frames; /* what shows it */
};

struct detect_context {
    const struct thresholds *thresholds;
    int64_t now_ns;                  /* the capture's last packet; live: the time */
    const struct profiles *profiles; /* for the certificates they pin; NULL: none */
};

/* Judges one attempt. Pure: same record and time, same answer. */
void detect(const struct attempt *attempt, const struct detect_context *context,
            struct detection *detection);

#endif
