/* The course of a TCP connection that so far goes as it should: both sides in order, nothing sent
 * again, nothing refused, and what is said TLS. What stays of it is what its `finished` record and
 * the hosts' times need. Anything that it cannot follow is not wrong: it is for attempt.h. */
#ifndef FWSNIFF_FLOW_COURSE_H
#define FWSNIFF_FLOW_COURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/flow/flow_table.h"
#include "analyzer/flow/segment.h"
#include "dissectors/tls.h"

struct course_side {
    uint32_t next;         /* sequence number of what it sends next */
    uint32_t acknowledged; /* what it last acknowledged */
    struct tls_course tls;
    bool closed;     /* FIN */
    int64_t idle_ns; /* silence before what it waits to be acknowledged; 0: none */
    uint64_t idle_frame;
};

struct course {
    struct course_side side[2];
    int64_t last_ns, synack_ns;
    int64_t idle_survived_ns; /* as of struct attempt */
    uint64_t idle_survived_frame;
    int64_t data_ns;                /* the client's newest data: when ... */
    uint32_t data_end;              /* ... and the sequence number behind it */
    uint32_t answer_us, confirm_us; /* as of struct host */
    bool has_data, confirmed;
};

/* The answer to a SYN. False: it is no SYN-ACK of that. */
bool course_opens(struct course *course, uint32_t isn, int64_t syn_ns, enum side side,
                  const struct segment *answer);

/* Whether the segment is the next one: nothing is missing, sent again, out of order, or asked to
 * wait. Its payload is not looked at. */
bool course_is_next(const struct course *course, enum side side, const struct segment *segment);
void course_advance(struct course *course, enum side side, const struct segment *segment);

/* Both sides have closed, and know it. */
bool course_is_over(const struct course *course);

#endif
