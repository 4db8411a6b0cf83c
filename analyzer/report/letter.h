/* The text for the owner of the rule, put together once for every report format. Wording comes from
 * rules/remedies/letters.json; this adds what the capture shows. */
#ifndef FWSNIFF_REPORT_LETTER_H
#define FWSNIFF_REPORT_LETTER_H

#include "analyzer/report/report.h"

enum { LETTER_EVIDENCE_MAX = 2400 };

struct letter_lines {
    const char *title; /* "Change request", "Request for a check", "Request for a capture" */
    char subject[SENTENCE_MAX];
    const char *text, *check;           /* may be empty */
    bool asks_for_capture;              /* undecided: the next step is what is asked for */
    bool placeholders;                  /* a command has words to be replaced (INSIDE_ADDRESS) */
    char evidence[LETTER_EVIDENCE_MAX]; /* how often, when, how sure, and the strongest reasons */
};

/* Points into `finding`. Texts may be a stranger's: writers escape. */
void letter_lines_of(const struct report *report, const struct finding *finding,
                     struct letter_lines *lines);

#endif
