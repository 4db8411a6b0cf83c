/* The parts that HTML pages are made of: the report's own page and whatever else shows findings.
 *
 * Pages are one file each: no script, no request, one style sheet in the head. Text that may come
 * from strangers goes through html_text() or html_textf() and nowhere else; html_raw() is for our
 * own markup and numbers. Errors stay in the stream: ask format_stream_ok() at the end. */
#ifndef FWSNIFF_REPORT_HTML_H
#define FWSNIFF_REPORT_HTML_H

#include <stdio.h>

#include "analyzer/report/report.h"
#include "analyzer/report/view.h"

/* Head, style sheet and the opening of <main>. `title` is a stranger's text. */
void html_begin(FILE *out, const char *title);
/* The foot and the end of the page. */
void html_end(FILE *out);

/* Escaped: safe in elements and in quoted attributes alike. */
void html_text(FILE *out, const char *text);
void html_textf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Not escaped. */
void html_raw(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void html_address(FILE *out, const struct ip_address *address); /* "any address" for none */

/* <section id><h2>title</h2> ... </section>. `id` NULL: none. */
void html_section_begin(FILE *out, const char *id, const char *title);
void html_section_end(FILE *out);

/* A word in a small frame of its colour. */
enum html_tone { TONE_BAD, TONE_UNSURE, TONE_GOOD, TONE_PLAIN };
void html_chip(FILE *out, enum html_tone tone, const char *text);

/* One finding in full: an <article id="finding-ID">, its heading an <h2>. `number`: 1-based. */
void html_finding(FILE *out, const struct report *report, const struct finding *finding,
                  size_t number);
/* The rows of <table class="list"> that leads to findings: head, and a row each. `href`: where the
 * finding is; NULL: nowhere. */
void html_findings_head(FILE *out);
void html_findings_row(FILE *out, const struct finding *finding, size_t number, const char *href);

/* Rates over time, failed above the line and worked below it. */
void html_history(FILE *out, const struct finding *finding);
/* The way from client to server, drawn, with the place of the failure marked. */
void html_topology(FILE *out, const struct report *report, const struct finding *finding);
/* The first failing exchange as a ladder. `sources`: the file of each step, where the page has no
 * table of frames to lead to; NULL: frames are links to that table. */
void html_ladder(FILE *out, const struct report *report, const struct finding *finding,
                 const char *const *sources);
/* What to send to the owner of the rule. */
void html_letter(FILE *out, const struct report *report, const struct finding *finding);

#endif
