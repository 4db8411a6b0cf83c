/* What happened to a service over the whole capture, whoever asked it: silences that its
 * connections survived or died of, and whether it came up or went down. One pass over the attempts
 * serves all failures. */
#ifndef FWSNIFF_ATTRIBUTION_HISTORIES_H
#define FWSNIFF_ATTRIBUTION_HISTORIES_H

#include "analyzer/attribution/failure.h"
#include "analyzer/flow/tracker.h"

struct service_history {
    /* Connections that died at their first packet after a silence of `idle_min_s` or more. */
    uint32_t died;
    int64_t shortest_died_ns;
    struct frame_list died_frames;
    int64_t longest_survived_ns; /* 0: none */
    uint64_t survived_frame;
    /* TCP: when connections were accepted, and when they were not. */
    int64_t answered_first_ns, answered_last_ns, failed_first_ns, failed_last_ns;
    uint64_t answered_first, answered_last, failed_first; /* frames; 0: none */
    struct ip_address answered_client, failed_client;     /* the first of each, */
    bool several_answered, several_failed;                /* and whether there were others */
    /* TCP: connections whose request was acknowledged and not a byte answered; when the first of
     * those requests was sent, and when the service last said anything to anybody. */
    uint32_t mute;
    int64_t mute_first_ns, spoke_last_ns;
    struct frame_list mute_frames;
};

struct histories;

struct histories *histories_gather(const struct tracker *tracker, const struct failure *failures,
                                   size_t failure_count, double idle_min_s);
void histories_free(struct histories *histories);

/* NULL: that service is none of those gathered for. */
const struct service_history *histories_of(const struct histories *histories,
                                           const struct failure *failure);

#endif
