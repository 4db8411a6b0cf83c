#include "analyzer/symptom/thresholds.h"

bool thresholds_load(struct thresholds *thresholds, const struct rules *rules, struct error *error)
{
#define THRESHOLD_READ(field, name)                                                                \
    if (!rules_threshold(rules, name, &thresholds->field, error))                                  \
        return false;
    THRESHOLD_TABLE(THRESHOLD_READ)
#undef THRESHOLD_READ
    return true;
}
