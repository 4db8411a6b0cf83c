/* One capture as its examination left it, for the files that make findings of it. */
#ifndef FWSNIFF_ATTRIBUTION_EXAMINATION_H
#define FWSNIFF_ATTRIBUTION_EXAMINATION_H

#include "analyzer/attribution/diagnosis.h"
#include "analyzer/attribution/facts_establish.h"
#include "analyzer/attribution/failures.h"
#include "analyzer/attribution/histories.h"

struct examination {
    struct diagnosis_request request;
    struct failures failures;
    struct controls *controls;
    struct histories *histories;
    struct relays relays;
    struct vantage_context context;
    struct vantage_estimate vantage;
    struct suppressions left_out;
};

/* Stable over runs: what failed between whom, and nothing of when or where it was captured. With
 * --nat it is also the same on both sides of the NAT, so that captures of both tell it once. */
void finding_identify(const struct diagnosis_request *request, const struct failure *failure,
                      char id[9]);

/* Allocated; `joint`: what other captures say of it, or NULL. `all`: all examinations. */
struct finding *finding_of_failure(const struct examination *examination,
                                   const struct failure *failure, const struct joint *joint,
                                   const struct examination *const *all);
/* As it is called where it is nearest to the initiator. */
void finding_name(struct finding *finding, const struct joint *joint);

/* An expected peer that never came, in this capture nor in another; NULL: it did. Allocated. */
struct finding *finding_of_absence(const struct examination *examination,
                                   const struct expectation *peer,
                                   const struct examination *const *all, size_t count);

#endif
