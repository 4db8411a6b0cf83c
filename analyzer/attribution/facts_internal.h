/* What the files that establish facts share. Not for others. */
#ifndef FWSNIFF_ATTRIBUTION_FACTS_INTERNAL_H
#define FWSNIFF_ATTRIBUTION_FACTS_INTERNAL_H

#include "analyzer/attribution/facts_establish.h"

static inline struct fact *fact_set_word(struct fact *facts, enum fact_id id, const char *word)
{
    facts[id].known = true;
    facts[id].word = word;
    return &facts[id];
}

static inline struct fact *fact_set_number(struct fact *facts, enum fact_id id, double number)
{
    facts[id].known = true;
    facts[id].number = number;
    return &facts[id];
}

static inline struct fact *fact_set_flag(struct fact *facts, enum fact_id id, bool flag)
{
    return fact_set_number(facts, id, flag ? 1 : 0);
}

/* Each in a file of its own, called by facts_establish() once the general facts stand. */
void facts_of_ftp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts);

void facts_of_names(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts);
void facts_of_roles(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts);
void facts_of_udp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts);
void facts_of_tunnel(const struct fact_context *context, const struct failure *failure,
                     struct fact *facts);

#endif
