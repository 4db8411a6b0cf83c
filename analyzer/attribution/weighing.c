#include "analyzer/attribution/weighing.h"

#include <math.h>
#include <stdio.h>

#include "analyzer/attribution/facts_captures.h"

/* A reading less likely than this is left out: it could not change a verdict by more than
 * rounding. At most READINGS_MAX can be as likely. */
#define SHARE_MIN (1.0 / READINGS_MAX)

static void add_reading(struct readings *readings, enum vantage vantage, unsigned between,
                        double share, double belief, double least)
{
    if (share < least || readings->count == READINGS_MAX)
        return;
    readings->at[readings->count++] = (struct reading){vantage, between, share, belief};
}

static void share_out(struct readings *readings)
{
    double sum = 0;
    for (size_t i = 0; i < readings->count; i++)
        sum += readings->at[i].share;
    for (size_t i = 0; i < readings->count; i++)
        readings->at[i].share /= sum;
}

void readings_of_shares(double shares[VANTAGES][BETWEEN_SETS], const struct joint *joint,
                        struct readings *readings)
{
    double least = 0; /* there is always one */
    for (int v = 0; v < VANTAGES; v++)
        for (unsigned between = 0; between < BETWEEN_SETS; between++)
            least = fmax(least, shares[v][between]);
    least = fmin(least, SHARE_MIN);
    readings->joint = joint;
    readings->count = 0;
    for (int v = 0; v < VANTAGES; v++) {
        double belief = 0;
        for (unsigned between = 0; between < BETWEEN_SETS; between++)
            belief += shares[v][between];
        for (unsigned between = 0; between < BETWEEN_SETS; between++)
            add_reading(readings, (enum vantage)v, between, shares[v][between], belief, least);
    }
    share_out(readings);
}

void readings_of_belief(const struct vantage_belief *belief, struct readings *readings)
{
    double shares[VANTAGES][BETWEEN_SETS] = {0};
    for (int v = 0; v < VANTAGES; v++)
        shares[v][0] = belief->probability[v];
    readings_of_shares(shares, NULL, readings);
}

const struct reading *readings_likeliest(const struct readings *readings, enum vantage vantage)
{
    const struct reading *best = NULL;
    for (size_t i = 0; i < readings->count; i++) {
        const struct reading *reading = &readings->at[i];
        bool fits = reading->vantage == vantage, best_fits = best && best->vantage == vantage;
        if (!best || fits > best_fits || (fits == best_fits && reading->share > best->share))
            best = reading;
    }
    return best;
}

const char *reading_name(const struct readings *readings, size_t index, char name[READING_NAME])
{
    static const char *const boxes[] = {"gateway", "path", "edge"}; /* bits of stretch.h */
    const struct reading *reading = &readings->at[index];
    int length = snprintf(name, READING_NAME, "%s", vantage_words[reading->vantage]);
    if (!readings->joint)
        return name;
    const char *before = ", ";
    for (unsigned i = 0; i < sizeof boxes / sizeof *boxes; i++)
        if (reading->between >> i & 1) {
            length +=
                snprintf(name + length, READING_NAME - (size_t)length, "%s%s", before, boxes[i]);
            before = " and ";
        }
    snprintf(name + length, READING_NAME - (size_t)length,
             reading->between ? " between" : ", nothing between");
    return name;
}

void weighing_set(struct fact *facts, const struct readings *readings,
                  const struct reading *reading)
{
    facts[FACT_VANTAGE].known = true;
    facts[FACT_VANTAGE].word = vantage_words[reading->vantage];
    facts[FACT_VANTAGE_CONFIDENCE].known = true;
    facts[FACT_VANTAGE_CONFIDENCE].number = reading->belief;
    if (readings->joint)
        facts_set_between(readings->joint, reading->between, facts);
}

void weigh_readings(const struct rules *rules, struct fact *facts, const struct variable *variables,
                    const struct readings *readings, double probability[FAILURE_POINTS])
{
    for (int place = 0; place < FAILURE_POINTS; place++)
        probability[place] = 0;
    for (size_t i = 0; i < readings->count; i++) {
        double here[FAILURE_POINTS];
        weighing_set(facts, readings, &readings->at[i]);
        rules_weigh(rules, facts, variables, here);
        for (int place = 0; place < FAILURE_POINTS; place++)
            probability[place] += readings->at[i].share * here[place];
    }
}
