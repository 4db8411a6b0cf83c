/* What stays of a product's connections that worked, ended, and are given up to make room: 48 bytes
 * instead of a whole record. It is what a failure can be held against: that the client came at all,
 * and that it got through at that time, perhaps in the other address family (races.h). */
#ifndef FWSNIFF_FLOW_FINISHED_H
#define FWSNIFF_FLOW_FINISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/flow/attempt.h"

struct finished {
    struct flow_key key;
    uint8_t mac[6];    /* source of the initiator's first packet ... */
    uint8_t hop_limit; /* ... and its hop limit */
    uint8_t service;   /* profiles_service_index */
    bool has_mac : 1;
    bool initiator_is_high : 1; /* the initiator is end[1] of the key */
    int64_t begun_ns, last_ns;
    uint64_t first_frame;         /* its SYN */
    int64_t idle_survived_ns;     /* as of struct attempt */
    uint64_t idle_survived_frame; /* the same */
};

struct finished_list;

/* At most `cap`, which the caller sees to. */
struct finished_list *finished_new(size_t cap);
void finished_free(struct finished_list *list);
bool finished_full(const struct finished_list *list);
void finished_add(struct finished_list *list, const struct attempt *attempt);
void finished_put(struct finished_list *list, const struct finished *finished);

uint64_t finished_count(const struct finished_list *list);
/* Walks them: start with *position = 0; false at the end. */
bool finished_next(const struct finished_list *list, size_t *position, struct finished *finished);

#endif
