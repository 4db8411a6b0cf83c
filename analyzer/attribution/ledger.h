/* The account of one verdict: everything that was added up, so that an expert can check it by hand
 * and a script can weigh it anew. Made only when asked for (--explain). */
#ifndef FWSNIFF_ATTRIBUTION_LEDGER_H
#define FWSNIFF_ATTRIBUTION_LEDGER_H

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/rules_account.h"
#include "analyzer/attribution/weighing.h"

enum { TURNS_MAX = 6 };

/* A rule that holds in at least one of the readings. Bit i of the sets: readings.at[i]. */
struct ledger_rule {
    const char *rule, *group, *source; /* owned by the rules; group NULL: none */
    double weight[FAILURE_POINTS];     /* log-odds it adds where it counts */
    uint32_t counts, yields;           /* in which readings */
    const char *yields_to;             /* NULL where it counts wherever it holds */
    double without[FAILURE_POINTS];    /* the verdict's probabilities if there were no such rule */
};

/* What would have changed the verdict: facts that are absent, were they there. */
struct ledger_turn {
    struct {
        enum fact_id id;
        struct fact value;
    } supposed[SUPPOSED_MAX];
    size_t supposed_count;
    const char *rule; /* that would hold then; owned by the rules */
    char text[SENTENCE_MAX];
    double probability[FAILURE_POINTS];
    bool turns; /* another place would be the likeliest */
};

struct ledger {
    struct readings readings;
    double reading[READINGS_MAX][FAILURE_POINTS]; /* probabilities if the capture was taken there */
    double probability[FAILURE_POINTS];           /* mixed in the readings' shares: the verdict's */
    struct fact facts[FACT_COUNT];                /* that of the vantage is the likeliest */
    struct ledger_rule *rules;                    /* owned; in file order */
    size_t rule_count;
    struct ledger_turn turns[TURNS_MAX]; /* that change the place first, then by what they change */
    size_t turn_count;
};

/* `facts` as they were judged, with the vantage set; they are used for trying and left as they
 * were. */
struct ledger *ledger_new(const struct rules *rules, struct fact facts[FACT_COUNT],
                          const struct variable *variables, const struct readings *readings);
void ledger_free(struct ledger *ledger);

#endif
