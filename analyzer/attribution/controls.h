/* Controls: what else was tried at the same time and did or did not work. They are the differences
 * a place is found by ("this client reaches other ports of the server").
 *
 * Nothing is kept per packet for this: one pass over the control flows, when a verdict is wanted,
 * fills tallies for just the hosts and services that failures are about. */
#ifndef FWSNIFF_ATTRIBUTION_CONTROLS_H
#define FWSNIFF_ATTRIBUTION_CONTROLS_H

#include "analyzer/attribution/failure.h"
#include "analyzer/flow/tracker.h"

enum control {
    CONTROL_OTHER_CLIENTS, /* other clients, same service */
    CONTROL_SAME_SERVICE,  /* this client, same service */
    CONTROL_OTHER_PORTS,   /* this client, other ports of the same server */
    CONTROL_SAME_PORT,     /* this client, same port of other servers */
    CONTROL_WEB,           /* this client, TCP 80 and 443 of other servers */
    CONTROL_ELSEWHERE,     /* this client, other servers */
    CONTROL_SERVER_PORTS,  /* anybody, other ports of this server */
    CONTROL_PING,          /* this client's echo requests to this server */
    CONTROL_CLIENT_SERVES, /* anybody to this service on the client itself */
    CONTROLS
};

enum { CONTROL_SLOTS = 4, CONTROL_FRAMES = 4 };

/* What one other party (`who`) experienced. */
struct control_slot {
    uint64_t who; /* hash of what makes it "other": a client, a port, a server */
    int64_t first_ns, last_ns;
    uint32_t count, taken_up; /* TCP: of them, those whose answer the initiator acknowledged */
    uint8_t hops_max;         /* routers that the initiator's packets passed before the capture */
    uint32_t frames[CONTROL_FRAMES]; /* of its first conversations; 0: none */
};

/* Slots that are not used have count 0. */
struct control_tally {
    struct control_slot answered[CONTROL_SLOTS], failed[CONTROL_SLOTS];
};

/* How a client behaves towards everybody, to know a scanner by. Distinct counts are estimates. */
struct client_habit {
    uint32_t failed_targets, failed_hosts, failed_ports, answered;
};

/* Whole-capture facts that the same pass gives. */
struct control_summary {
    uint32_t flows[2];                 /* IPv4, IPv6: those that host.flows counts */
    uint32_t conversations, one_sided; /* with more than a SYN; seen in one direction only */
};

struct controls;

/* Gathers the tallies that `failures` need. Also sets host.flows: conversations on the wire with
 * somebody in particular (no groups, no loopback, no link-local addresses). */
struct controls *controls_gather(const struct tracker *tracker, const struct failure *failures,
                                 size_t failure_count, int64_t now_ns);
void controls_free(struct controls *controls);

/* The tally for a failure; empty for one that was not gathered. A slot of the failure's own (see
 * controls_is_other) is not a control. */
struct control_tally controls_tally(const struct controls *controls, enum control control,
                                    const struct failure *failure);
bool controls_is_other(enum control control, const struct failure *failure, uint64_t who);
struct client_habit controls_habit(const struct controls *controls, const struct failure *failure);
const struct control_summary *controls_summary(const struct controls *controls);

#endif
