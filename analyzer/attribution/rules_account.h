/* How a verdict came about, for those who want to check it: which rules hold and which of them
 * count, and what would have to be known besides for another rule to hold. */
#ifndef FWSNIFF_ATTRIBUTION_RULES_ACCOUNT_H
#define FWSNIFF_ATTRIBUTION_RULES_ACCOUNT_H

#include "analyzer/attribution/rules.h"

/* A rule that holds. Texts belong to the rules. */
struct rule_line {
    size_t index;                      /* among all rules, in file order */
    const char *rule, *group, *source; /* group NULL: none */
    const double *weight;              /* FAILURE_POINTS of them */
    const char *yields_to; /* the rule of its group that counts instead; NULL: it counts itself */
};

/* All rules that hold, in file order, those that yield included. Returns their number. */
size_t rules_account(const struct rules *rules, const struct fact *facts,
                     const struct variable *variables, struct rule_line lines[RULES_MAX]);

/* Log-odds to probabilities, as verdicts are made: softmax with PROBABILITY_FLOOR. */
void rules_softmax(const double sum[FAILURE_POINTS], double probability[FAILURE_POINTS]);

/* What a rule lacks: the facts that would have to be there for it to hold. */
enum { SUPPOSED_MAX = 2 };
struct supposition {
    size_t fact[SUPPOSED_MAX];
    size_t count;
};

/* Number of all rules; an index below it names one. */
size_t rules_count(const struct rules *rules);
const char *rules_name(const struct rules *rules, size_t index);

/* Makes the rule hold by supposing what is absent so far: facts that are not known or the word
 * "none", and beside one of those a flag that is false ("others were answered" and "meanwhile").
 * At most SUPPOSED_MAX of them; nothing else that is known is contradicted. True: `facts` are
 * changed so that the rule holds; false: it cannot be, or holds anyway, and `facts` are as they
 * were. */
bool rules_suppose(const struct rules *rules, size_t index, struct fact *facts,
                   const struct variable *variables, struct supposition *supposition);

/* The rule's sentence, with these facts filled in. */
void rules_explain(const struct rules *rules, size_t index, const struct fact *facts,
                   const struct variable *variables, char text[SENTENCE_MAX]);

#endif
