/* A unit's result, and small entries of it. */
#ifndef FWSNIFF_BATCH_NOTES_H
#define FWSNIFF_BATCH_NOTES_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "dissectors/address.h"

/* A client that got through to a service, and when last. */
struct notes_pair {
    struct ip_address client, server;
    uint8_t proto;
    uint16_t port;
    int64_t last_ns;
};

/* An empty one. */
cJSON *notes_begin(const char *site);
/* Adds up what two parts of a unit have shown; takes `part` over. */
void notes_merge(cJSON *result, cJSON *part);

/* Once for each text, and no more than SITE_WARNINGS_MAX. */
void notes_warn(cJSON *result, const char *text);
/* Each pair once, with its latest time. Sorts `pairs`. */
void notes_worked(cJSON *result, struct notes_pair *pairs, size_t count);
void notes_count(cJSON *result, const char *name, uint64_t more);

#endif
