/* The pages of the nightly report. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/exchange.h"
#include "analyzer/batch/nightly.h"
#include "analyzer/report/format.h"
#include "analyzer/report/html.h"
#include "analyzer/report/view.h"

static const struct {
    enum html_tone tone;
    const char *title, *meaning;
} states[NIGHT_STATES] = {
    [NIGHT_NEW] = {TONE_BAD, "New", "Never seen before"},
    [NIGHT_BACK] = {TONE_BAD, "Back", "Worked for a while and fails again"},
    [NIGHT_ONGOING] = {TONE_UNSURE, "Ongoing", "Failed before and still fails"},
    [NIGHT_UNSEEN] = {TONE_PLAIN, "Not seen",
                      "Open, but the run had nothing of this client and service: nobody knows"},
    [NIGHT_RESOLVED] = {TONE_GOOD, "Resolved", "The same client got through again"},
};

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = document_text(object, name);
    return text ? text : "";
}

static void write_count(FILE *out, uint64_t number)
{
    char text[FORMAT_TEXT];
    html_raw(out, "%s", format_count(number, text));
}

static void write_time(FILE *out, int64_t time_ns)
{
    char text[TIME_TEXT];
    if (time_ns == INT64_MIN)
        html_raw(out, "never");
    else
        html_raw(out, "<span style=\"white-space:nowrap\">%.10s</span> %.5s",
                 report_time_text(time_ns, text), text + 11);
}

static const char *place_phrase(const char *word)
{
    int place = word_index(failure_point_words, FAILURE_POINTS, word);
    return place < 0 ? word : place_phrases[place].name;
}

/* --- trends --- */

enum { CHART_WIDTH = 720, CHART_HEIGHT = 120, CHART_LEFT = 40, CHART_FOOT = 18 };

static double largest(const cJSON *trend)
{
    const cJSON *run;
    double most = 1;
    cJSON_ArrayForEach(run, trend) {
        double seen = (double)(document_number(run, "new", 0) + document_number(run, "back", 0) +
                               document_number(run, "ongoing", 0));
        most = fmax(most, fmax(seen, (double)document_number(run, "open", 0)));
    }
    return most;
}

static void write_bars(FILE *out, const cJSON *trend, double most, double step)
{
    static const struct {
        const char *name, *fill;
    } parts[] = {{"ongoing", "tu"}, {"back", "tb"}, {"new", "tb"}};
    const cJSON *run;
    double x = CHART_LEFT;
    cJSON_ArrayForEach(run, trend) {
        double y = CHART_HEIGHT;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            double height = (double)document_number(run, parts[i].name, 0) * CHART_HEIGHT / most;
            if (height <= 0)
                continue;
            y -= height;
            html_raw(out,
                     "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                     parts[i].fill, x + step * 0.1, y, step * 0.8, height);
        }
        x += step;
    }
}

static void write_open_line(FILE *out, const cJSON *trend, double most, double step)
{
    const cJSON *run;
    double x = CHART_LEFT + step / 2;
    html_raw(out, "<polyline class=\"ll\" fill=\"none\" stroke-width=\"2\" points=\"");
    cJSON_ArrayForEach(run, trend) {
        double y = CHART_HEIGHT - (double)document_number(run, "open", 0) * CHART_HEIGHT / most;
        html_raw(out, "%.1f,%.1f ", x, y);
        x += step;
    }
    html_raw(out, "\"/>\n");
}

static void write_trend_table(FILE *out, const cJSON *trend)
{
    static const char *const names[] = {"captures", "attempts", "failed",   "new",
                                        "back",     "ongoing",  "resolved", "open"};
    enum { NAMES = sizeof names / sizeof *names };
    html_raw(out, "<details><summary>The numbers</summary>\n<div class=\"scroll\" tabindex=\"0\" "
                  "role=\"group\" aria-label=\"Runs\"><table class=\"dense\"><thead><tr>"
                  "<th scope=\"col\">Run</th><th scope=\"col\">Time (UTC)</th>");
    for (size_t i = 0; i < NAMES; i++)
        html_raw(out, "<th scope=\"col\" class=\"num\">%s</th>", names[i]);
    html_raw(out, "</tr></thead><tbody>\n");
    const cJSON *run;
    cJSON_ArrayForEach(run, trend) {
        html_raw(out, "<tr><td>%s</td><td>", text_of(run, "run"));
        write_time(out, document_number(run, "time", 0));
        html_raw(out, "</td>");
        for (size_t i = 0; i < NAMES; i++) {
            html_raw(out, "<td class=\"num\">");
            write_count(out, (uint64_t)document_number(run, names[i], 0));
            html_raw(out, "</td>");
        }
        html_raw(out, "</tr>\n");
    }
    html_raw(out, "</tbody></table></div></details>\n");
}

static void write_trend(FILE *out, const cJSON *trend)
{
    int runs = cJSON_GetArraySize(trend);
    double most = largest(trend), step = (CHART_WIDTH - CHART_LEFT) / fmax(runs, 12);
    if (runs == 0)
        return;
    html_section_begin(out, "trend", "Over time");
    html_raw(
        out,
        "<figure><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Trend\">"
        "<svg role=\"img\" aria-label=\"Findings of the last %d runs; the numbers stand in the "
        "table below\" viewBox=\"0 -8 %d %d\" width=\"%d\" height=\"%d\">\n",
        runs, CHART_WIDTH, CHART_HEIGHT + CHART_FOOT + 8, CHART_WIDTH,
        CHART_HEIGHT + CHART_FOOT + 8);
    html_raw(out, "<text class=\"s\" x=\"%d\" y=\"4\" text-anchor=\"end\">%.0f</text>",
             CHART_LEFT - 6, most);
    html_raw(out, "<text class=\"s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>",
             CHART_LEFT - 6, CHART_HEIGHT);
    html_raw(out, "<line class=\"lq\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", CHART_LEFT,
             CHART_HEIGHT, CHART_WIDTH, CHART_HEIGHT);
    write_bars(out, trend, most, step);
    write_open_line(out, trend, most, step);
    html_raw(out, "<text class=\"s\" x=\"%d\" y=\"%d\">run %s</text>", CHART_LEFT,
             CHART_HEIGHT + CHART_FOOT - 4, text_of(trend->child, "run"));
    if (runs > 3)
        html_raw(out, "<text class=\"s\" x=\"%.0f\" y=\"%d\" text-anchor=\"end\">run %s</text>",
                 CHART_LEFT + step * runs, CHART_HEIGHT + CHART_FOOT - 4,
                 text_of(cJSON_GetArrayItem(trend, runs - 1), "run"));
    html_raw(out,
             "</svg></div>\n<figcaption class=\"small soft\">Each bar is a run: findings it saw "
             "failing, those it saw before at the bottom, new and returned ones on top. The "
             "line is how many were open after it.</figcaption></figure>\n");
    write_trend_table(out, trend);
    html_section_end(out);
}

/* --- findings as rows --- */

static void write_findings_head(FILE *out, bool with_site)
{
    html_raw(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Findings\">"
                  "<table class=\"list\"><thead><tr>");
    html_raw(out, "<th scope=\"col\">%s</th>", with_site ? "Site" : "State");
    html_raw(out,
             "<th scope=\"col\">Who cannot reach whom</th><th scope=\"col\">Where it fails</th>"
             "<th scope=\"col\" class=\"num\">Sure</th><th scope=\"col\" class=\"num\">Failed "
             "attempts</th><th scope=\"col\">First seen</th><th scope=\"col\">Last seen</th>"
             "</tr></thead><tbody>\n");
}

static void write_pair(FILE *out, const cJSON *finding)
{
    html_textf(out, "%s \xe2\x86\x92 %s", text_of(finding, "client"), text_of(finding, "server"));
    html_raw(out, " <span class=\"soft small\">");
    html_textf(out, "%s/%s, %s", text_of(finding, "proto"), text_of(finding, "port"),
               text_of(finding, "service"));
    html_raw(out, "</span>");
}

static void write_share(FILE *out, const cJSON *finding)
{
    char text[FORMAT_TEXT];
    double share = cJSON_GetNumberValue(cJSON_GetObjectItem(finding, "confidence"));
    html_raw(out, "%s", format_share((unsigned)(share * SHARE_WHOLE + 0.5), text));
}

/* Below this no page names a culprit: "undecided, perhaps ...". */
static void write_place(FILE *out, const cJSON *finding)
{
    double share = cJSON_GetNumberValue(cJSON_GetObjectItem(finding, "confidence"));
    if (share * SHARE_WHOLE < SHARE_DECIDED)
        html_raw(out, "undecided, perhaps ");
    html_text(out, place_phrase(text_of(finding, "failure_point")));
    html_raw(out, " <span class=\"soft small\">");
    html_text(out, text_of(finding, "mechanism"));
    html_raw(out, "</span>");
}

enum { ROWS_MAX = 2000 }; /* of one table: a page that no browser can show helps nobody */

static void write_findings_end(FILE *out, size_t count, const char *data)
{
    char text[FORMAT_TEXT];
    html_raw(out, "</tbody></table></div>\n");
    if (count <= ROWS_MAX)
        return;
    html_raw(out, "<p>and %s more: ", format_count(count - ROWS_MAX, text));
    html_raw(out, "<a href=\"%s\">%s</a> has them all.</p>\n", data, data);
}

/* `page` NULL: this row is all there is of the finding. */
static void write_finding_row(FILE *out, const cJSON *finding, const char *page, const char *site)
{
    html_raw(out, "<tr");
    if (!page) {
        html_raw(out, " id=\"finding-");
        html_text(out, text_of(finding, "id"));
        html_raw(out, "\"");
    }
    html_raw(out, ">");
    if (site) {
        html_raw(out, "<td class=\"name\">");
        html_text(out, site);
    } else {
        enum night_state state = night_state_of(finding);
        html_raw(out, "<td>");
        html_chip(out, states[state].tone, states[state].title);
    }
    html_raw(out, "</td>");
    html_raw(out, "<td class=\"who\">");
    if (page) {
        html_raw(out, "<a href=\"");
        html_text(out, page);
        html_raw(out, "#finding-");
        html_text(out, text_of(finding, "id"));
        html_raw(out, "\">");
    }
    write_pair(out, finding);
    html_raw(out, "%s</td><td class=\"where\">", page ? "</a>" : "");
    write_place(out, finding);
    html_raw(out, "</td><td class=\"num\">");
    write_share(out, finding);
    html_raw(out, "</td><td class=\"num\">");
    write_count(out, (uint64_t)document_number(finding, "run_attempts", 0));
    html_raw(out, "</td><td>");
    write_time(out, document_number(finding, "first", INT64_MIN));
    html_raw(out, "</td><td>");
    write_time(out, document_number(finding, "last", INT64_MIN));
    html_raw(out, "</td></tr>\n");
}

/* --- the index --- */

static char *page_of(const cJSON *site)
{
    char *page = NULL;
    return asprintf(&page, "sites/%s.html", text_of(site, "slug")) < 0 ? NULL : page;
}

static void write_state_section(FILE *out, const cJSON *night, enum night_state state)
{
    const cJSON *site, *finding;
    size_t count = 0;
    cJSON_ArrayForEach(site, document_list(night, "sites")) {
        char *page = page_of(site);
        cJSON_ArrayForEach(finding, document_list(site, "findings")) {
            if (night_state_of(finding) != state)
                continue;
            if (count == 0) {
                html_section_begin(out, night_state_words[state], states[state].title);
                html_raw(out, "<p class=\"soft\">%s.</p>\n", states[state].meaning);
                write_findings_head(out, true);
            }
            if (count++ < ROWS_MAX)
                write_finding_row(out, finding, page ? page : "", text_of(site, "name"));
        }
        free(page);
    }
    if (count) {
        write_findings_end(out, count, "findings.csv");
        html_section_end(out);
    }
}

static void write_counts(FILE *out, const cJSON *night)
{
    const cJSON *counts = cJSON_GetObjectItem(night, "counts");
    html_raw(out, "<p>");
    for (size_t i = 0; i < NIGHT_STATES; i++) {
        char text[80];
        double count = cJSON_GetNumberValue(cJSON_GetObjectItem(counts, night_state_words[i]));
        snprintf(text, sizeof text, "%.0f %s", count, night_state_words[i]);
        html_chip(out, count > 0 ? states[i].tone : TONE_PLAIN, text);
        html_raw(out, " ");
    }
    html_raw(out, "</p>\n");
}

static void write_site_row(FILE *out, const cJSON *site)
{
    static const char *const numbers[] = {"captures", "packets", "attempts", "failed",
                                          "unreadable"};
    unsigned counts[NIGHT_STATES] = {0};
    const cJSON *finding;
    char *page = page_of(site);
    cJSON_ArrayForEach(finding, document_list(site, "findings"))
        counts[night_state_of(finding)]++;
    html_raw(out, "<tr><td class=\"name\"><a href=\"");
    html_text(out, page ? page : "");
    html_raw(out, "\">");
    html_text(out, text_of(site, "name"));
    html_raw(out, "</a></td>");
    for (size_t i = 0; i < NIGHT_STATES; i++)
        html_raw(out, "<td class=\"num\">%u</td>", counts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        html_raw(out, "<td class=\"num\">");
        write_count(out, (uint64_t)document_number(site, numbers[i], 0));
        html_raw(out, "</td>");
    }
    html_raw(out, "</tr>\n");
    free(page);
}

static void write_sites(FILE *out, const cJSON *night)
{
    const cJSON *site;
    html_section_begin(out, "sites", "Sites");
    html_raw(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Sites\">"
                  "<table class=\"list\"><thead><tr><th scope=\"col\">Site</th>");
    for (size_t i = 0; i < NIGHT_STATES; i++)
        html_raw(out, "<th scope=\"col\" class=\"num\">%s</th>", states[i].title);
    html_raw(out, "<th scope=\"col\" class=\"num\">Captures</th><th scope=\"col\" class=\"num\">"
                  "Packets</th><th scope=\"col\" class=\"num\">Attempts</th><th scope=\"col\" "
                  "class=\"num\">Failed</th><th scope=\"col\" class=\"num\">Unreadable</th></tr>"
                  "</thead><tbody>\n");
    cJSON_ArrayForEach(site, document_list(night, "sites"))
        write_site_row(out, site);
    html_raw(out,
             "</tbody></table></div>\n<p class=\"soft small\">Captures, packets and attempts "
             "are those of this run. The same as data: <a href=\"report.json\">report.json</a>, "
             "<a href=\"findings.csv\">findings.csv</a>.</p>\n");
    html_section_end(out);
}

void nightly_write_index(FILE *out, const cJSON *night)
{
    const cJSON *sites = document_list(night, "sites");
    html_begin(out, "Nightly report");
    html_raw(out, "<header><h1>Nightly report</h1>\n");
    if (document_number(night, "run", 0) == 0) {
        html_raw(out, "<p class=\"lead\">No capture was analyzed yet.</p></header>\n");
        html_end(out);
        return;
    }
    html_raw(out, "<p class=\"lead\">Run %s, ", text_of(night, "run"));
    write_time(out, document_number(night, "time", 0));
    html_raw(out, " UTC, %d site%s known.</p>\n", cJSON_GetArraySize(sites),
             cJSON_GetArraySize(sites) == 1 ? "" : "s");
    write_counts(out, night);
    html_raw(out, "</header>\n");
    for (int state = 0; state < NIGHT_STATES; state++)
        write_state_section(out, night, (enum night_state)state);
    write_trend(out, document_list(night, "trend"));
    write_sites(out, night);
    html_end(out);
}

/* --- the page of a site --- */

static const char *source_in(const cJSON *captures, const char *id)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, captures) {
        const cJSON *capture = cJSON_GetObjectItem(item, "document");
        if (strcmp(text_of(capture, "id"), id) == 0)
            return text_of(capture, "source");
    }
    return NULL;
}

static const char *capture_name(const void *context, const char *id)
{
    const cJSON *site = context;
    const char *source = id ? source_in(document_list(site, "capture_list"), id) : NULL;
    if (id && !source)
        source = source_in(document_list(site, "old_captures"), id);
    const char *slash = source ? strrchr(source, '/') : NULL;
    return slash ? slash + 1 : source ? source : id;
}

/* The verdict is decided, and would be noticeably surer without this. */
static bool speaks_against(const cJSON *item, const cJSON *told)
{
    struct verdict verdict = {.place = FAILURE_POINTS};
    struct reason reason = {.text = ""};
    const cJSON *entry;
    cJSON_ArrayForEach(entry, document_list(told, "candidates")) {
        int place =
            word_index(failure_point_words, FAILURE_POINTS, text_of(entry, "failure_point"));
        if (place < 0)
            return false;
        if (verdict.place == FAILURE_POINTS)
            verdict.place = (enum failure_point)place;
        verdict.probability[place] =
            cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "probability"));
    }
    cJSON_ArrayForEach(entry, cJSON_GetObjectItem(item, "weights")) {
        int place = word_index(failure_point_words, FAILURE_POINTS, entry->string);
        if (place >= 0)
            reason.weight[place] = cJSON_GetNumberValue(entry);
    }
    return verdict.place < FAILURE_POINTS &&
           verdict.probability[verdict.place] * SHARE_WHOLE >= SHARE_DECIDED &&
           view_effect(&verdict, &reason) <= -VIEW_EFFECT_NOTICED;
}

static void write_evidence(FILE *out, const cJSON *site, const cJSON *item, const cJSON *verdict)
{
    const cJSON *frames = document_list(item, "frames"), *frame;
    const char *capture = capture_name(site, document_text(item, "capture"));
    int count = 0, many = cJSON_GetArraySize(frames) > 1;
    html_raw(out, speaks_against(item, verdict) ? "<li><em>Against it:</em> " : "<li>");
    html_text(out, text_of(item, "text"));
    cJSON_ArrayForEach(frame, frames) {
        if (count++ == 0)
            html_raw(out, " <span class=\"soft small mono\">frame%s ", many ? "s" : "");
        html_raw(out, "%s%.0f", count > 1 ? ", " : "", cJSON_GetNumberValue(frame));
    }
    if (count) {
        html_raw(out, " of ");
        html_text(out, capture ? capture : "the capture");
        html_raw(out, "</span>");
    }
    html_raw(out, "</li>\n");
}

static void write_fact(FILE *out, const char *name, const char *text)
{
    if (!*text)
        return;
    html_raw(out, "<div><dt>%s</dt><dd>", name);
    html_text(out, text);
    html_raw(out, "</dd></div>\n");
}

static void write_paragraph(FILE *out, const char *head, const char *text)
{
    if (!*text)
        return;
    html_raw(out, "<p><strong>");
    html_textf(out, "%s: ", head);
    html_raw(out, "</strong>");
    html_text(out, text);
    html_raw(out, "</p>\n");
}

static void write_commands(FILE *out, const cJSON *commands)
{
    const cJSON *item;
    if (cJSON_GetArraySize(commands) == 0)
        return;
    html_raw(out, "<details><summary>Commands</summary>\n<dl class=\"rules\">\n");
    cJSON_ArrayForEach(item, commands) {
        html_raw(out, "<dt>");
        html_text(out, text_of(item, "platform"));
        html_raw(out, "</dt><dd><pre>");
        html_text(out, text_of(item, "command"));
        html_raw(out, "</pre></dd>\n");
    }
    html_raw(out, "</dl></details>\n");
}

static void write_candidates(FILE *out, const cJSON *verdict)
{
    const cJSON *candidate;
    html_raw(out, "<div><dt>How sure</dt><dd>");
    cJSON_ArrayForEach(candidate, document_list(verdict, "candidates")) {
        char text[FORMAT_TEXT];
        double share = cJSON_GetNumberValue(cJSON_GetObjectItem(candidate, "probability"));
        if (share < 0.01)
            continue;
        html_raw(out, "%s ", format_share((unsigned)(share * SHARE_WHOLE + 0.5), text));
        html_text(out, place_phrase(text_of(candidate, "failure_point")));
        html_raw(out, "<br>");
    }
    html_raw(out, "</dd></div>\n");
}

static void write_finding(FILE *out, const cJSON *site, const cJSON *finding)
{
    cJSON *document = night_document(finding);
    const cJSON *item, *verdict = cJSON_GetObjectItem(document, "verdict");
    const cJSON *remedy = cJSON_GetObjectItem(document, "remedy");
    enum night_state state = night_state_of(finding);
    char attempts[FORMAT_TEXT];
    html_raw(out, "<article class=\"brief\" id=\"finding-");
    html_text(out, text_of(finding, "id"));
    html_raw(out, "\">\n<h2>");
    write_pair(out, finding);
    html_raw(out, "</h2>\n<p>");
    html_chip(out, states[state].tone, states[state].title);
    html_raw(out, " <span class=\"soft\">%s</span></p>\n<p class=\"lead\">", states[state].meaning);
    html_text(out, text_of(finding, "summary"));
    html_raw(out, "</p>\n<dl class=\"facts\">\n<div><dt>Where it fails</dt><dd>");
    write_place(out, finding);
    html_raw(out, "</dd></div>\n");
    write_candidates(out, verdict);
    write_fact(out, "Symptom", text_of(finding, "symptom"));
    html_raw(out, "<div><dt>Seen</dt><dd>");
    write_time(out, document_number(finding, "first", INT64_MIN));
    html_raw(out, " to ");
    write_time(out, document_number(finding, "last", INT64_MIN));
    html_raw(out, " UTC, ");
    html_raw(out, "%s in all, ",
             format_plural((uint64_t)document_number(finding, "attempts", 0), "failed attempt",
                           attempts));
    write_count(out, (uint64_t)document_number(finding, "run_attempts", 0));
    html_raw(out, " in this run; first in run %s</dd></div>\n", text_of(finding, "first_run"));
    html_raw(out, "</dl>\n");
    write_paragraph(out, text_of(remedy, "who"), text_of(remedy, "action"));
    write_paragraph(out, "What would decide it", text_of(document, "next_step"));
    write_commands(out, document_list(remedy, "commands"));
    exchange_draw(out, document, capture_name, site);
    html_raw(out, "<h3>Evidence</h3>\n<ul>\n");
    cJSON_ArrayForEach(item, document_list(document, "evidence"))
        write_evidence(out, site, item, verdict);
    html_raw(out, "</ul>\n</article>\n");
    cJSON_Delete(document);
}

static void write_captures(FILE *out, const cJSON *site)
{
    const cJSON *item;
    html_section_begin(out, "captures", "Captures of this run");
    html_raw(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Captures\">"
                  "<table class=\"list dense\"><thead><tr><th scope=\"col\">Capture</th>"
                  "<th scope=\"col\" class=\"num\">Packets</th><th scope=\"col\">First</th>"
                  "<th scope=\"col\">Last</th><th scope=\"col\">Taken</th><th scope=\"col\">"
                  "Problem</th></tr></thead><tbody>\n");
    cJSON_ArrayForEach(item, document_list(site, "capture_list")) {
        const cJSON *capture = cJSON_GetObjectItem(item, "document");
        const cJSON *vantage = cJSON_GetObjectItem(capture, "vantage");
        html_raw(out, "<tr><td class=\"mono small\">");
        html_text(out, text_of(capture, "source"));
        html_raw(out, "</td><td class=\"num\">%.0f</td><td>",
                 cJSON_GetNumberValue(cJSON_GetObjectItem(capture, "packets")));
        html_textf(out, "%.19s", text_of(capture, "first"));
        html_raw(out, "</td><td>");
        html_textf(out, "%.19s", text_of(capture, "last"));
        html_raw(out, "</td><td>");
        html_text(out, text_of(vantage, "kind"));
        html_raw(out, "</td><td>");
        html_text(out, text_of(capture, "problem"));
        html_raw(out, "</td></tr>\n");
    }
    html_raw(out, "</tbody></table></div>\n");
    html_section_end(out);
}

static void write_warnings(FILE *out, const cJSON *site)
{
    const cJSON *warning, *warnings = document_list(site, "warnings");
    if (cJSON_GetArraySize(warnings) == 0)
        return;
    html_section_begin(out, "warnings", "To know");
    html_raw(out, "<ul>\n");
    cJSON_ArrayForEach(warning, warnings) {
        const char *text = cJSON_GetStringValue(warning);
        html_raw(out, "<li>");
        html_text(out, text ? text : "");
        html_raw(out, "</li>\n");
    }
    html_raw(out, "</ul>\n");
    html_section_end(out);
}

/* Those of the run come first, so what is left out in full is the least urgent. */
static void write_site_findings(FILE *out, const cJSON *site)
{
    const cJSON *finding;
    size_t count = 0;
    html_section_begin(out, "findings", "Findings");
    write_findings_head(out, false);
    cJSON_ArrayForEach(finding, document_list(site, "findings")) {
        if (count < ROWS_MAX)
            write_finding_row(out, finding, count < NIGHT_FULL_MAX ? "" : NULL, NULL);
        count++;
    }
    write_findings_end(out, count, "../findings.csv");
    if (count > NIGHT_FULL_MAX)
        html_raw(out,
                 "<p>The first %d are shown in full below; report.json has all evidence.</p>\n",
                 NIGHT_FULL_MAX);
    html_section_end(out);
    count = 0;
    cJSON_ArrayForEach(finding, document_list(site, "findings"))
        if (count++ < NIGHT_FULL_MAX)
            write_finding(out, site, finding);
}

void nightly_write_site(FILE *out, const cJSON *night, const cJSON *site)
{
    const cJSON *findings = document_list(site, "findings");
    html_begin(out, text_of(site, "name"));
    html_raw(out, "<header><p class=\"small\"><a href=\"../index.html\">All sites</a></p>\n<h1>");
    html_text(out, text_of(site, "name"));
    html_raw(out, "</h1>\n<p class=\"lead\">Run %s, ", text_of(night, "run"));
    write_time(out, document_number(night, "time", 0));
    html_raw(out, " UTC</p>\n");
    if (cJSON_GetArraySize(document_list(site, "capture_list")) == 0)
        html_raw(out,
                 "<p>This run had no new captures of the site; the last with some was run %s. "
                 "Nothing new is known.</p>\n",
                 text_of(site, "last_run"));
    if (cJSON_GetArraySize(findings) == 0)
        html_raw(out, "<p>No finding is open.</p>\n");
    html_raw(out, "</header>\n");
    if (cJSON_GetArraySize(findings))
        write_site_findings(out, site);
    write_trend(out, document_list(site, "trend"));
    write_warnings(out, site);
    if (cJSON_GetArraySize(document_list(site, "capture_list")))
        write_captures(out, site);
    html_end(out);
}
