/* What every report format has to say alike about a finding, computed once. */
#ifndef FWSNIFF_REPORT_VIEW_H
#define FWSNIFF_REPORT_VIEW_H

#include <stdbool.h>

#include "analyzer/report/report.h"

/* Probabilities as whole numbers of 1/10000, so that they add up to exactly 1 in print. */
enum {
    SHARE_WHOLE = 10000,
    SHARE_DECIDED = 6000, /* below this, no format names a culprit in its headline */
};

struct candidate {
    enum failure_point place;
    unsigned share;
};

/* All six, most probable first; among equals the verdict's own place, then the contract's order.
 * The shares add up to SHARE_WHOLE. */
void view_candidates(const struct verdict *verdict, struct candidate candidates[FAILURE_POINTS]);

/* How many of the first candidates an undecided verdict names: those at least half as likely as
 * the first, two or three. */
size_t view_rivals(const struct candidate candidates[FAILURE_POINTS]);

/* How many of the first candidates the verdict names: 1 where it is decided, else the rivals. */
size_t view_named(const struct candidate candidates[FAILURE_POINTS]);

/* What a reason did to the verdict's place: the change of its log-odds. Above 0: for it. A reason
 * that only weakens the other places speaks for it as well. */
double view_effect(const struct verdict *verdict, const struct reason *reason);
#define VIEW_EFFECT_NOTICED 0.05 /* less says nothing for or against */

/* The capture that holds the finding's frames; NULL: none. */
const struct capture_report *view_capture(const struct report *report,
                                          const struct finding *finding);

/* A Wireshark display filter for the packets between the two on the service's port. The finding's
 * own numbers only, so it needs no escaping. */
enum { FILTER_TEXT = 256 };
const char *view_connection_filter(const struct finding *finding, char buffer[FILTER_TEXT]);
/* "frame.number in {4, 17, 19}" */
const char *view_frames_filter(const struct frame_list *frames, char buffer[FILTER_TEXT]);

/* What a packet of the ladder is, in a few words: "SYN", "SYN, ACK", "512 bytes", "ICMP 3/13". */
enum { STEP_TEXT = 96 };
const char *view_step(const struct finding *finding, const struct exchange_step *step,
                      char buffer[STEP_TEXT]);

/* The capture that a reason's frames are of; NULL: none. */
const struct capture_report *view_reason_capture(const struct report *report,
                                                 const struct finding *finding,
                                                 const struct reason *reason);

/* Whether nDPI saw a protocol on the port that the profile does not expect there. */
bool view_speaks_foreign(const struct finding *finding);

/* The contract's words as phrases for people. Index: the enum. */
struct place_phrase {
    const char *name; /* "edge firewall" */
    const char *what; /* "firewall or NAT at the edge of the server's network" */
};
extern const struct place_phrase place_phrases[FAILURE_POINTS];
extern const char *const mechanism_phrases[MECHANISMS]; /* a clause: "packets are dropped" */
extern const char *const symptom_phrases[SYMPTOMS];     /* a clause: "the SYN is never answered" */
extern const char *const vantage_phrases[VANTAGES];     /* after "taken": "on the client" */

#endif
