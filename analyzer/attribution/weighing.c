#include "analyzer/attribution/weighing.h"

/* A vantage less likely than this is left out: it could not change a verdict by more than
 * rounding. */
#define VANTAGE_SHARE_MIN 0.03

void readings_of_belief(const struct vantage_belief *belief, struct readings *readings)
{
    double sum = 0;
    readings->count = 0;
    for (int v = 0; v < VANTAGES; v++) {
        double share = belief->probability[v];
        if (share < VANTAGE_SHARE_MIN)
            continue;
        readings->at[readings->count].vantage = (enum vantage)v;
        readings->at[readings->count].belief = share;
        readings->count++;
        sum += share;
    }
    for (size_t i = 0; i < readings->count; i++)
        readings->at[i].share = readings->at[i].belief / sum;
}

void weighing_set_vantage(struct fact *facts, enum vantage vantage, double confidence)
{
    facts[FACT_VANTAGE].known = true;
    facts[FACT_VANTAGE].word = vantage_words[vantage];
    facts[FACT_VANTAGE_CONFIDENCE].known = true;
    facts[FACT_VANTAGE_CONFIDENCE].number = confidence;
}

void weigh_over_vantages(const struct rules *rules, struct fact *facts,
                         const struct variable *variables, const struct readings *readings,
                         double probability[FAILURE_POINTS])
{
    for (int place = 0; place < FAILURE_POINTS; place++)
        probability[place] = 0;
    for (size_t i = 0; i < readings->count; i++) {
        double here[FAILURE_POINTS];
        weighing_set_vantage(facts, readings->at[i].vantage, readings->at[i].belief);
        rules_weigh(rules, facts, variables, here);
        for (int place = 0; place < FAILURE_POINTS; place++)
            probability[place] += readings->at[i].share * here[place];
    }
}
