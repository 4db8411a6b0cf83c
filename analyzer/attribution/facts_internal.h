/* What the files that establish facts share. */
#ifndef FWSNIFF_ATTRIBUTION_FACTS_INTERNAL_H
#define FWSNIFF_ATTRIBUTION_FACTS_INTERNAL_H

#include "analyzer/attribution/facts_establish.h"

static inline struct fact *set_word(struct fact *facts, enum fact_id id, const char *word)
{
    facts[id].known = true;
    facts[id].word = word;
    return &facts[id];
}

static inline struct fact *set_number(struct fact *facts, enum fact_id id, double number)
{
    facts[id].known = true;
    facts[id].number = number;
    return &facts[id];
}

static inline struct fact *set_flag(struct fact *facts, enum fact_id id, bool flag)
{
    return set_number(facts, id, flag ? 1 : 0);
}

static inline const struct attempt *first_attempt(const struct failure *failure)
{
    return failure->sample_count ? failure->sample[0] : NULL;
}

static inline bool is_midstream(enum symptom symptom)
{
    return symptom == SYMPTOM_RESET_MIDSTREAM || symptom == SYMPTOM_STALL_MIDSTREAM ||
           symptom == SYMPTOM_UDP_STALL;
}

/* Behind a NAT the two sides of one connection are known by its first packet: of one that is older
 * than the capture, the other side may be there and go unrecognised. */
static inline bool other_side_unknown(const struct failure *failure)
{
    const struct attempt *attempt = first_attempt(failure);
    return attempt && (attempt->bits & ATTEMPT_MIDSTREAM) && !attempt->forwarded;
}

#define EACH_ATTEMPT(attempt, failure)                                                             \
    for (uint32_t attempt##_at = 0;                                                                \
         attempt##_at < (failure)->sample_count && ((attempt) = (failure)->sample[attempt##_at]);  \
         attempt##_at++)

/* Parts of facts_establish(), each in the file of its name (facts_speech.c). */
void facts_of_refusal(const struct fact_context *context, const struct failure *failure,
                      struct fact *facts);
void facts_of_controls(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts);
void facts_of_midstream(const struct fact_context *context, const struct failure *failure,
                        struct fact *facts);
void speech_facts(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts);
void probe_facts(const struct fact_context *context, const struct failure *failure,
                 struct fact *facts);
void time_facts(const struct fact_context *context, const struct failure *failure,
                struct fact *facts);
void facts_of_ftp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts);
void facts_of_names(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts);
void facts_of_roles(const struct fact_context *context, const struct failure *failure,
                    struct fact *facts);
void facts_of_tunnel(const struct fact_context *context, const struct failure *failure,
                     struct fact *facts);
void facts_of_gateways(const struct fact_context *context, const struct failure *failure,
                       struct fact *facts);
void facts_of_udp(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts);

#endif
