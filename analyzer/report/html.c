/* The report as one HTML page. */
#include "analyzer/report/html.h"

#include <math.h>

#include "analyzer/report/format.h"

enum {
    FINDINGS_FULL_MAX = 100, /* sections of their own */
    FINDINGS_ROWS_MAX = 2000,
};

static void write_title(FILE *out, const struct report *report)
{
    char title[400], number[FORMAT_TEXT];
    const char *source = report->capture_count ? report->captures[0].source : "nothing";
    const char *slash = source;
    for (const char *c = source; *c; c++)
        slash = *c == '/' ? c + 1 : slash;
    if (report->finding_count)
        snprintf(title, sizeof title, "%s in %s%s - fwsniff",
                 format_plural(report->finding_count, "failure", number), slash,
                 report->capture_count > 1 ? " and others" : "");
    else
        snprintf(title, sizeof title, "Nothing failed in %s - fwsniff", slash);
    html_begin(out, title);
}

static size_t undecided(const struct report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->finding_count; i++) {
        struct candidate candidates[FAILURE_POINTS];
        view_candidates(&report->findings[i]->verdict, candidates);
        count += view_named(candidates) > 1;
    }
    return count;
}

static void write_headline(FILE *out, const struct report *report)
{
    char number[FORMAT_TEXT];
    uint64_t attempts = report->summary.attempts;
    size_t open = undecided(report);
    fputs("<header>\n<h1>", out);
    if (report->finding_count)
        html_raw(out, "%s, and %s", format_plural(report->finding_count, "failure", number),
                 open == report->finding_count ? "what would decide it" : "who has to act");
    else
        fputs("No failed connection of the watched products", out);
    fputs("</h1>\n<p class=\"lead\">", out);
    if (attempts) {
        html_raw(out, "%s of the products watched: ", format_plural(attempts, "attempt", number));
        html_raw(out, "%s worked, ", format_count(report->summary.succeeded, number));
        html_raw(out, "%s failed", format_count(report->summary.failed, number));
        uint64_t decided = report->summary.succeeded + report->summary.failed;
        if (decided < attempts)
            html_raw(out, ", %s without an outcome in the capture",
                     format_count(attempts - decided, number));
        fputs(". ", out);
    } else {
        fputs("No connection to a port of the products watched was tried in this capture. ", out);
    }
    if (open == report->finding_count && open)
        fputs(
            "From here it cannot be decided whose rule is the cause; each finding says what would.",
            out);
    else if (open)
        html_raw(out, "%s cannot be decided from here; each says what would decide it.",
                 format_count(open, number));
    fputs("</p>\n</header>\n", out);
}

static void write_index(FILE *out, const struct report *report)
{
    char href[32], number[FORMAT_TEXT];
    size_t count = report->finding_count;
    size_t rows = count < FINDINGS_ROWS_MAX ? count : FINDINGS_ROWS_MAX;
    if (count < 2)
        return;
    fputs("<section aria-label=\"All findings\">\n<div class=\"scroll\" tabindex=\"0\" "
          "role=\"group\" "
          "aria-label=\"Table of findings\">\n<table class=\"list\">\n",
          out);
    html_findings_head(out);
    fputs("<tbody>\n", out);
    for (size_t i = 0; i < rows; i++) {
        snprintf(href, sizeof href, "#finding-%s", report->findings[i]->id);
        html_findings_row(out, report->findings[i], i + 1, i < FINDINGS_FULL_MAX ? href : NULL);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
    if (rows < count)
        html_raw(out, "<p>%s more are not shown; --json writes all of them.</p>\n",
                 format_count(count - rows, number));
    fputs("</section>\n", out);
}

static void write_capture(FILE *out, const struct capture_report *capture)
{
    char number[FORMAT_TEXT], span[FORMAT_TEXT], share[FORMAT_TEXT];
    const struct vantage_estimate *vantage = &capture->vantage;
    html_raw(out, "<tr><td>%s</td><td>", capture->id);
    html_text(out, capture->source);
    if (capture->problem || capture->truncated) {
        fputs("<br>", out);
        html_chip(out, TONE_UNSURE, "Incomplete");
        fputs(" ", out);
        html_text(out, capture->problem ? capture->problem : "not read to its end");
    }
    html_raw(out, "</td><td class=\"num\">%s</td><td>%s</td><td>",
             format_count(capture->packets, number),
             format_span(capture->first_ns, capture->last_ns, span));
    html_text(out, vantage_phrases[vantage->kind]);
    if (vantage->has_host) {
        fputs(", ", out);
        html_address(out, &vantage->host);
    }
    if (vantage->kind != VANTAGE_UNKNOWN && vantage->kind != VANTAGE_SPAN) {
        double confidence = fmin(fmax(vantage->confidence, 0), 1);
        html_raw(out, " (%s sure)", format_share((unsigned)(confidence * SHARE_WHOLE), share));
    }
    for (size_t i = 0; i < vantage->because_count; i++) {
        fputs(i ? "; " : "<br><span class=\"small soft\">", out);
        html_text(out, vantage->because[i]);
    }
    fputs(vantage->because_count ? "</span>" : "", out);
    html_raw(out, "</td><td class=\"num\">%s</td></tr>\n", format_count(capture->dropped, number));
}

static void write_captures(FILE *out, const struct report *report)
{
    html_section_begin(out, "captures",
                       report->capture_count == 1 ? "The capture" : "The captures");
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Captures\">\n<table>\n"
          "<thead><tr><th scope=\"col\">Id</th><th scope=\"col\">Source</th><th scope=\"col\" "
          "class=\"num\">Packets</th><th scope=\"col\">When</th><th scope=\"col\">Taken</th><th "
          "scope=\"col\" class=\"num\">Lost while capturing</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < report->capture_count; i++)
        write_capture(out, &report->captures[i]);
    fputs("</tbody>\n</table>\n</div>\n", out);
    size_t products = report->profiles ? profiles_count(report->profiles) : 0;
    if (products) {
        fputs("<p class=\"small soft\">Products watched: ", out);
        for (size_t i = 0; i < products; i++)
            html_textf(out, "%s%s", i ? ", " : "", profiles_at(report->profiles, i)->title);
        fputs(".</p>\n", out);
    }
    html_section_end(out);
}

static void write_warnings(FILE *out, const struct report *report)
{
    if (!report->warning_count)
        return;
    html_section_begin(out, "warnings", "What to keep in mind");
    fputs("<ul>\n", out);
    for (size_t i = 0; i < report->warning_count; i++) {
        fputs("<li>", out);
        html_text(out, report->warnings[i]);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
    html_section_end(out);
}

bool report_write_html(FILE *out, const struct report *report)
{
    size_t full =
        report->finding_count < FINDINGS_FULL_MAX ? report->finding_count : FINDINGS_FULL_MAX;
    write_title(out, report);
    write_headline(out, report);
    write_index(out, report);
    for (size_t i = 0; i < full && !ferror(out); i++)
        html_finding(out, report, report->findings[i], i + 1);
    write_captures(out, report);
    write_warnings(out, report);
    html_end(out);
    return format_stream_ok(out);
}
