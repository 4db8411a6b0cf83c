/* What "{name}" in a rule's sentence stands for, of one failure. */
#ifndef FWSNIFF_ATTRIBUTION_SENTENCE_VALUES_H
#define FWSNIFF_ATTRIBUTION_SENTENCE_VALUES_H

#include "analyzer/attribution/diagnosis.h"
#include "analyzer/attribution/rules.h"
#include "analyzer/report/report.h"

enum {
    VARIABLES_MAX = 40,
    DURATION_TEXT = 32,
    NUMBER_TEXT = 16,
    ROUTE_TEXT = 256,
};

/* Everything "{name}" in a sentence may be, with room for what has to be made up. */
struct sentence_values {
    struct variable variables[VARIABLES_MAX];
    size_t count;
    char client[IP_ADDRESS_TEXT], server[IP_ADDRESS_TEXT];
    char port[NUMBER_TEXT], client_port[NUMBER_TEXT], attempts[NUMBER_TEXT];
    char duration[DURATION_TEXT];
    char upstream[2], downstream[2]; /* captures, as the report names them */
    char route[ROUTE_TEXT];
};

/* What is spoken and how the places are called stands in `finding` already. `values` must stay
 * where it is: its variables point into it. */
void sentence_values_fill(const struct diagnosis_request *request, const struct failure *failure,
                          const struct finding *finding, struct sentence_values *values);
/* What several captures add; nothing where `joint` is NULL or was not compared. */
void sentence_values_fill_joint(const struct diagnosis_request *request, const struct joint *joint,
                                struct sentence_values *values);

/* -1: several. */
int failure_client_port(const struct failure *failure);

#endif
