/* Doubt about where the capture was taken is doubt in the verdict: the rules are weighed once for
 * every plausible vantage and the results mixed,
 * P(place) = sum over vantages of P(vantage) P(place | facts, vantage). */
#ifndef FWSNIFF_ATTRIBUTION_WEIGHING_H
#define FWSNIFF_ATTRIBUTION_WEIGHING_H

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/rules.h"
#include "analyzer/attribution/vantage.h"

/* The vantages worth weighing. The shares add up to 1. */
struct readings {
    struct {
        enum vantage vantage;
        double share;
        double belief; /* as inferred, before the unlikely ones were left out */
    } at[VANTAGES];
    size_t count;
};

void readings_of_belief(const struct vantage_belief *belief, struct readings *readings);

/* Sets FACT_VANTAGE and its confidence. */
void weighing_set_vantage(struct fact *facts, enum vantage vantage, double confidence);

/* Leaves the vantage of the last reading in `facts`. */
void weigh_over_vantages(const struct rules *rules, struct fact *facts,
                         const struct variable *variables, const struct readings *readings,
                         double probability[FAILURE_POINTS]);

#endif
