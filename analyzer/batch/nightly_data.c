/* The nightly report for programs and for the terminal. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/nightly.h"
#include "analyzer/report/escape.h"
#include "analyzer/report/format.h"
#include "analyzer/report/report.h"
#include "analyzer/report/view.h"

/* --- CSV, RFC 4180 --- */

/* What begins a formula in a spreadsheet is kept from doing so; control bytes are shown. */
static void write_cell(FILE *out, const char *text, bool last)
{
    fputs(strchr("=+-@\t\r", *text) && *text ? "\"'" : "\"", out);
    while (*text) {
        char shown[ESCAPE_UNIT];
        escape_next(&text, shown);
        fputs(shown[0] == '"' ? "\"\"" : shown, out);
    }
    fputs(last ? "\"\r\n" : "\",", out);
}

static const char *const columns[] = {
    "site",       "state",  "id",   "profile",  "service",       "proto",
    "client",     "server", "port", "symptom",  "failure_point", "mechanism",
    "confidence", "first",  "last", "attempts", "run_attempts",  "summary"};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void write_value(FILE *out, const cJSON *finding, const char *column, bool last)
{
    const cJSON *value = cJSON_GetObjectItem(finding, column);
    char text[TIME_TEXT] = "";
    if (strcmp(column, "first") == 0 || strcmp(column, "last") == 0) {
        int64_t time_ns = document_number(finding, column, INT64_MIN);
        write_cell(out, time_ns == INT64_MIN ? "" : report_time_text(time_ns, text), last);
    } else if (cJSON_IsNumber(value)) {
        snprintf(text, sizeof text, "%.4f", value->valuedouble);
        write_cell(out, text, last);
    } else {
        const char *string = cJSON_GetStringValue(value);
        write_cell(out, string ? string : "", last);
    }
}

void nightly_write_csv(FILE *out, const cJSON *night)
{
    const cJSON *site, *finding;
    for (size_t i = 0; i < COLUMNS; i++)
        write_cell(out, columns[i], i + 1 == COLUMNS);
    cJSON_ArrayForEach(site, document_list(night, "sites"))
        cJSON_ArrayForEach(finding, document_list(site, "findings"))
            for (size_t i = 0; i < COLUMNS; i++)
                write_value(out, finding, columns[i], i + 1 == COLUMNS);
}

/* --- metrics, https://prometheus.io/docs/instrumenting/exposition_formats/ --- */

/* A label's value: backslash, quote and line feed are escaped; what would be shown as something
 * else stands as \xNN, whose backslash is escaped as well. */
static void write_label(FILE *out, const char *name, const char *text, bool last)
{
    fprintf(out, "%s=\"", name);
    while (text && *text) {
        char shown[ESCAPE_UNIT];
        escape_next(&text, shown);
        for (const char *at = shown; *at; at++) {
            if (*at == '\\' || *at == '"')
                fputc('\\', out);
            fputc(*at, out);
        }
    }
    fputs(last ? "\"" : "\",", out);
}

static void begin_metric(FILE *out, const char *name, const char *help)
{
    fprintf(out, "# HELP fwsniff_%s %s\n# TYPE fwsniff_%s gauge\n", name, help, name);
}

static void write_states(FILE *out, const cJSON *site)
{
    unsigned counts[NIGHT_STATES] = {0};
    const cJSON *finding;
    cJSON_ArrayForEach(finding, document_list(site, "findings"))
        counts[night_state_of(finding)]++;
    for (size_t i = 0; i < NIGHT_STATES; i++) {
        fputs("fwsniff_findings{", out);
        write_label(out, "site", document_text(site, "name"), false);
        write_label(out, "state", night_state_words[i], true);
        fprintf(out, "} %u\n", counts[i]);
    }
}

static void write_open(FILE *out, const cJSON *finding)
{
    static const char *const labels[] = {"site",   "id",   "state",         "profile",  "client",
                                         "server", "port", "failure_point", "mechanism"};
    enum { LABELS = sizeof labels / sizeof *labels };
    if (night_state_of(finding) == NIGHT_RESOLVED)
        return;
    fputs("fwsniff_finding_attempts{", out);
    for (size_t i = 0; i < LABELS; i++)
        write_label(out, labels[i], document_text(finding, labels[i]), i + 1 == LABELS);
    fprintf(out, "} %" PRId64 "\n", document_number(finding, "run_attempts", 0));
}

void nightly_write_metrics(FILE *out, const cJSON *night)
{
    static const struct {
        const char *name, *help;
    } site_metrics[] = {
        {"captures", "Captures of the site that the latest run analyzed."},
        {"packets", "Packets in them."},
        {"attempts", "Connection attempts of watched products in them."},
        {"failed", "Attempts that failed."},
        {"unreadable", "Files of the site that could not be read as captures."},
    };
    const cJSON *site, *finding, *sites = document_list(night, "sites");
    begin_metric(out, "run_timestamp_seconds", "Time of the latest run.");
    fprintf(out, "fwsniff_run_timestamp_seconds %" PRId64 "\n",
            document_number(night, "time", 0) / 1000000000);
    begin_metric(out, "findings", "Findings by state; unseen: open, nothing captured of it.");
    cJSON_ArrayForEach(site, sites)
        write_states(out, site);
    for (size_t i = 0; i < sizeof site_metrics / sizeof *site_metrics; i++) {
        begin_metric(out, site_metrics[i].name, site_metrics[i].help);
        cJSON_ArrayForEach(site, sites) {
            fprintf(out, "fwsniff_%s{", site_metrics[i].name);
            write_label(out, "site", document_text(site, "name"), true);
            fprintf(out, "} %" PRId64 "\n", document_number(site, site_metrics[i].name, 0));
        }
    }
    begin_metric(out, "finding_attempts", "Open findings: attempts that failed in the latest run.");
    cJSON_ArrayForEach(site, sites)
        cJSON_ArrayForEach(finding, document_list(site, "findings"))
            write_open(out, finding);
}

/* --- the terminal --- */

static void write_line(FILE *out, const cJSON *finding)
{
    char site[256], summary[2048], client[64], server[64];
    const char *state = document_text(finding, "state");
    double sure = cJSON_GetNumberValue(cJSON_GetObjectItem(finding, "confidence"));
    bool decided = sure * SHARE_WHOLE >= SHARE_DECIDED;
    fprintf(out, "%-8s  %s  %s -> %s %s/%s  %s\n", state,
            report_escape_terminal(document_text(finding, "site"), site, sizeof site),
            report_escape_terminal(document_text(finding, "client"), client, sizeof client),
            report_escape_terminal(document_text(finding, "server"), server, sizeof server),
            document_text(finding, "proto"), document_text(finding, "port"),
            decided ? document_text(finding, "failure_point") : "undecided");
    fprintf(out, "          %s\n",
            report_escape_terminal(document_text(finding, "summary"), summary, sizeof summary));
}

static void write_changes(FILE *out, const cJSON *night)
{
    enum { LINES_MAX = 40 }; /* nobody reads more in a mail */
    const cJSON *site, *finding;
    size_t written = 0, more = 0;
    for (int wanted = NIGHT_NEW; wanted <= NIGHT_BACK; wanted++)
        cJSON_ArrayForEach(site, document_list(night, "sites"))
            cJSON_ArrayForEach(finding, document_list(site, "findings")) {
                if (night_state_of(finding) != (enum night_state)wanted)
                    continue;
                if (written++ < LINES_MAX)
                    write_line(out, finding);
                else
                    more++;
            }
    if (more)
        fprintf(out, "... and %zu more: index.html of the report has them all\n", more);
}

/* What a mail from cron should hold: what changed. */
void nightly_write_summary(FILE *out, const cJSON *night, bool nothing_new)
{
    const cJSON *site, *counts = cJSON_GetObjectItem(night, "counts");
    char time[TIME_TEXT], captures[FORMAT_TEXT], packets[FORMAT_TEXT];
    int64_t capture_sum = 0, packet_sum = 0, unreadable = 0;
    unsigned sites = 0;
    if (!document_number(night, "run", 0)) {
        fputs("Nothing was analyzed yet.\n", out);
        return;
    }
    if (nothing_new) {
        fprintf(out, "Nothing new since run %s, %.19sZ.\n", document_text(night, "run"),
                report_time_text(document_number(night, "time", 0), time));
        return;
    }
    cJSON_ArrayForEach(site, document_list(night, "sites")) {
        sites += document_number(site, "captures", 0) > 0;
        capture_sum += document_number(site, "captures", 0);
        packet_sum += document_number(site, "packets", 0);
        unreadable += document_number(site, "unreadable", 0);
    }
    fprintf(out, "Run %s, %.19sZ: %u site%s, %s, %s\n", document_text(night, "run"),
            report_time_text(document_number(night, "time", 0), time), sites, sites == 1 ? "" : "s",
            format_plural((uint64_t)capture_sum, "capture", captures),
            format_plural((uint64_t)packet_sum, "packet", packets));
    for (size_t i = 0; i < NIGHT_STATES; i++)
        fprintf(out, "%s%.0f %s", i ? ", " : "",
                cJSON_GetNumberValue(cJSON_GetObjectItem(counts, night_state_words[i])),
                night_state_words[i]);
    fputc('\n', out);
    if (unreadable)
        fprintf(out, "%" PRId64 " could not be read\n", unreadable);
    write_changes(out, night);
}
