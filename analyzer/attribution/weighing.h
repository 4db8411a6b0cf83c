/* Doubt about where the capture was taken is doubt in the verdict: the rules are weighed once for
 * every plausible vantage and the results mixed,
 * P(place) = sum over vantages of P(vantage) P(place | facts, vantage).
 * Where two captures are compared, what lies between them depends on both vantages and is weighed
 * with them. */
#ifndef FWSNIFF_ATTRIBUTION_WEIGHING_H
#define FWSNIFF_ATTRIBUTION_WEIGHING_H

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/rules.h"
#include "analyzer/attribution/vantage.h"
#include "analyzer/correlation/correlation.h"

enum { READINGS_MAX = 32, READING_NAME = 64 };

/* One way to read the facts: the capture was taken there. */
struct reading {
    enum vantage vantage;
    unsigned between; /* of stretch.h, where captures are compared */
    double share;
    double belief; /* in the vantage, as inferred, before the unlikely ones were left out */
};

/* Those worth weighing. The shares add up to 1. */
struct readings {
    const struct joint *joint; /* NULL where no captures are compared */
    struct reading at[READINGS_MAX];
    size_t count;
};

void readings_of_belief(const struct vantage_belief *belief, struct readings *readings);
void readings_of_shares(double shares[VANTAGES][BETWEEN_SETS], const struct joint *joint,
                        struct readings *readings);

/* The one of the greatest share with this vantage, or of all. NULL only where there is none. */
const struct reading *readings_likeliest(const struct readings *readings, enum vantage vantage);

/* "client", "client, edge between": as reports call it. */
const char *reading_name(const struct readings *readings, size_t index, char name[READING_NAME]);

/* Sets the facts that depend on the reading: the vantage, its confidence, what lies between. */
void weighing_set(struct fact *facts, const struct readings *readings,
                  const struct reading *reading);

/* Leaves the last reading in `facts`. */
void weigh_readings(const struct rules *rules, struct fact *facts, const struct variable *variables,
                    const struct readings *readings, double probability[FAILURE_POINTS]);

#endif
