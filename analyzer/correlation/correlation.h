/* Several captures of the same time at different places, taken together.
 *
 * For every failure that a capture shows: is it the one that another capture shows too (then it is
 * told once), and which of its packets were seen on one side of a stretch of the path only? What a
 * capture does not show counts only where it demonstrably sees this path at that time (a
 * "witness"): it holds the same connection, or others between the same hosts, or the user says
 * where it was taken. Its losses, its window of time and what it never records are taken into
 * account.
 *
 *   pairing   (match.h)    which conversations are the same, and the clock between two captures
 *   passage   (passage.h)  which packets of one attempt were seen where
 *   stretch   (stretch.h)  what lies between two captures
 *
 * Nothing here says whose fault it is: it establishes facts (attribution/facts_captures.c), and
 * rules/attribution/15-captures.json weighs them. */
#ifndef FWSNIFF_CORRELATION_CORRELATION_H
#define FWSNIFF_CORRELATION_CORRELATION_H

#include "analyzer/attribution/failures.h"
#include "analyzer/attribution/vantage.h"
#include "analyzer/correlation/match.h"
#include "analyzer/correlation/passage.h"
#include "analyzer/correlation/stretch.h"

enum { CORRELATION_CAPTURES_MAX = 8 };

/* One capture, as its own examination left it. All of it outlives the correlation. */
struct correlation_view {
    const struct tracker *tracker;
    const struct vantage_context *vantage;
    const struct vantage_estimate *estimate;
    const struct failure *failures;
    size_t failure_count;
    struct detect_context detect;
    int64_t first_ns, last_ns; /* first and last frame */
    int64_t earliest_ns;       /* time of any frame: some captures go back in time */
    uint64_t packets, dropped;
    bool one_directional; /* most conversations show one direction only */
};

/* How it is known that a capture sees the path of a failure that it does not show. */
enum witness {
    WITNESS_NONE,
    WITNESS_FLOW,   /* it holds the connection itself */
    WITNESS_PAIR,   /* others between the same two hosts */
    WITNESS_SERVER, /* others of the same server */
    WITNESS_CLIENT, /* others of the same client, one router further on */
    WITNESS_HOST,   /* it was taken on that server */
    WITNESS_TOLD,   /* the user says where it was taken */
};

/* Which of the routers between the captures made the refusal, from the client on. */
enum refuser { REFUSER_UNKNOWN, REFUSER_FIRST, REFUSER_MIDDLE, REFUSER_LAST, REFUSER_ONLY };

struct joint_ends {
    struct ip_address address[2]; /* by enum side */
    uint16_t server_port;
};

/* What the captures together say of one failure. */
struct joint {
    bool told_elsewhere; /* another capture's finding tells it */
    bool refuted;        /* another capture shows that it worked */
    uint32_t captures;   /* that hold its packets */
    /* As it looks where it is nearest to the initiator. */
    struct ip_address client, server;
    uint16_t client_port, server_port;
    int64_t first_ns, last_ns;
    uint32_t attempts;

    bool compared;                 /* with the stretch below; else the rest is not set */
    uint32_t upstream, downstream; /* captures */
    enum witness witness;
    struct frame_list witness_frames; /* of the capture that is not the finding's own */
    struct passing passing;
    struct stretch_evidence evidence;
    struct stretch stretch;
    enum refuser refuser;
    bool port_changed;
    bool arp_unanswered; /* downstream somebody asks in vain for the server's MAC */
    struct frame_list arp_frames;
    struct joint_ends above, below; /* as the two captures name them: a NAT may lie between */
    /* The same failure in the other capture of the stretch; NULL: it has none. */
    const struct failure *other;
    /* The same failure in a capture that sees the same, so that no stretch lies between; NULL: none
     * does. */
    const struct failure *equal;
    uint32_t equal_capture;
};

struct correlation;

/* `count` from 2 to CORRELATION_CAPTURES_MAX. */
struct correlation *correlate(const struct correlation_view *views, size_t count);
void correlation_free(struct correlation *correlation);

/* Of failure number `failure` of a capture; NULL: no other capture has anything to say of it. */
const struct joint *correlation_joint(const struct correlation *correlation, uint32_t capture,
                                      size_t failure);

/* Attempts that two captures hold, to count them once. `failed`, `succeeded`: of the later ones. */
void correlation_twice(const struct correlation *correlation, uint64_t *attempts,
                       uint64_t *succeeded, uint64_t *failed);

/* What the reader should know of the comparison; calls `warn` for each. */
void correlation_notes(const struct correlation *correlation,
                       void (*warn)(void *context, const char *text), void *context);

/* Between captures a < b; for the report and tests. */
const struct pairing *correlation_pairing(const struct correlation *correlation, uint32_t a,
                                          uint32_t b);

#endif
