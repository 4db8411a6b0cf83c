/* Facts: what was established about one failure, before anybody says what it means.
 *
 * A fact is a flag, a word out of a fixed list, or a number with a unit. It carries the frames that
 * show it. Facts are found in C (facts.c); what they are worth stands in rules/attribution/. */
#ifndef FWSNIFF_ATTRIBUTION_FACT_H
#define FWSNIFF_ATTRIBUTION_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMES_MAX = 12 };

/* Frame numbers of one capture that show something, ascending, without repeats. When there are
 * more than fit, the first ones stay and `total` goes on counting. */
struct frame_list {
    uint32_t total;
    uint32_t low[FRAMES_MAX]; /* frame_list_at(): records and findings are full of such lists */
    uint8_t high[FRAMES_MAX];
    uint8_t count;
};

static inline uint64_t frame_list_at(const struct frame_list *list, uint32_t index)
{
    return (uint64_t)list->high[index] << 32 | list->low[index];
}

/* Adds a frame; 0 is ignored (no frame). */
void frame_list_add(struct frame_list *list, uint64_t frame);
void frame_list_join(struct frame_list *list, const struct frame_list *more);

enum fact_type { FACT_FLAG, FACT_WORD, FACT_NUMBER };

/* The table in facts.c has one of these for each fact, indexed by enum fact_id (facts.h). */
struct fact_definition {
    const char *name; /* as rules call it: "icmp.reason" */
    enum fact_type type;
    const char *const *words; /* FACT_WORD: all it may be, NULL-terminated */
    const char *meaning;      /* one sentence, with the unit of a number */
};

struct fact {
    bool known;               /* false: could not be established; no rule on it holds */
    double number;            /* FACT_NUMBER; FACT_FLAG: 0 or 1 */
    const char *word;         /* FACT_WORD: one of definition->words (same pointer not required) */
    struct frame_list frames; /* what shows it; may be empty */
    uint32_t elsewhere;       /* 1 + index of the capture the frames are of; 0: the finding's */
};

/* A name and text for "{name}" in sentences of rules, besides the facts: client, server, port,
 * proto, service, product, ... Texts may come from strangers: writers escape them. */
struct variable {
    const char *name;
    const char *text;
};

#endif
