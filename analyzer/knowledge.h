/* What a run knows before it reads a packet: rules, thresholds and product profiles. */
#ifndef FWSNIFF_KNOWLEDGE_H
#define FWSNIFF_KNOWLEDGE_H

#include "analyzer/attribution/profile.h"
#include "analyzer/attribution/rules.h"
#include "analyzer/options.h"
#include "analyzer/speech/signs.h"
#include "analyzer/symptom/thresholds.h"

struct knowledge {
    struct rules *rules;
    struct profiles *profiles;
    struct signs *signs;
    struct thresholds thresholds;
};

/* False with a message; `knowledge` is released by knowledge_free() either way. */
bool knowledge_load(struct knowledge *knowledge, const struct options *options,
                    struct error *error);
void knowledge_free(struct knowledge *knowledge);

#endif
