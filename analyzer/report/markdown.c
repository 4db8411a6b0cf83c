/* The report for a ticket: CommonMark, readable unrendered too. Text of strangers is escaped so
 * that it can begin no markup; commands stand in fenced blocks. */
#include <string.h>

#include "analyzer/report/escape.h"
#include "analyzer/report/format.h"
#include "analyzer/report/letter.h"
#include "analyzer/report/report.h"
#include "analyzer/report/view.h"

enum { FINDINGS_MAX = 200, FRAMES_SHOWN = FRAMES_MAX };

/* CommonMark 2.4: a backslash before ASCII punctuation takes its meaning away. Of the rest,
 * entities begin with '&' and links that need no brackets with "www." and "://" (GitHub's
 * extension), which the escaped colon and an escaped dot after "www" break. */
static void text(FILE *out, const char *plain)
{
    while (*plain) {
        char shown[ESCAPE_UNIT];
        if (strncasecmp(plain, "www.", 4) == 0) {
            fprintf(out, "%.3s\\.", plain);
            plain += 4;
            continue;
        }
        escape_next(&plain, shown);
        bool markup =
            shown[0] != '\0' && shown[1] == '\0' && strchr("\\`*_{}[]<>#|~&!@$^", shown[0]);
        bool link = shown[0] == ':' && plain[0] == '/' && plain[1] == '/';
        if (markup || link)
            fputc('\\', out);
        fputs(shown, out);
    }
}

/* At the beginning of a line some characters mean something: a list, a heading, a quotation. */
static void line(FILE *out, const char *plain)
{
    if (*plain && strchr("-+=.", *plain))
        fputc('\\', out);
    size_t digits = strspn(plain, "0123456789");
    if (digits && (plain[digits] == '.' || plain[digits] == ')')) {
        fprintf(out, "%.*s\\", (int)digits, plain);
        plain += digits;
    }
    text(out, plain);
}

static void paragraph(FILE *out, const char *plain)
{
    if (!plain[0])
        return;
    line(out, plain);
    fputs("\n\n", out);
}

/* CommonMark 4.5: the fence is longer than any run of backticks inside. */
static void code(FILE *out, const char *plain)
{
    size_t longest = 2, run = 0;
    for (const char *c = plain; *c; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++)
        fputc('`', out);
    fputc('\n', out);
    while (*plain) {
        char shown[ESCAPE_UNIT];
        if (*plain == '\n') {
            fputc(*plain++, out);
            continue;
        }
        escape_next(&plain, shown);
        fputs(shown, out);
    }
    fputc('\n', out);
    for (size_t i = 0; i <= longest; i++)
        fputc('`', out);
    fputs("\n\n", out);
}

static const char *address(const struct ip_address *value, char buffer[IP_ADDRESS_TEXT])
{
    return ip_is_unspecified(value) ? "any address" : ip_text(value, buffer);
}

static void write_head(FILE *out, const struct finding *finding, size_t number)
{
    char client[IP_ADDRESS_TEXT], server[IP_ADDRESS_TEXT], count[FORMAT_TEXT], span[FORMAT_TEXT];
    fprintf(out, "## %zu. ", number);
    text(out, finding->service->name);
    fprintf(out, ": %s to %s %s/%u\n\n", address(&finding->client, client),
            address(&finding->server, server), proto_word(finding->service->proto),
            finding->server_port);
    if (finding->attempts) {
        fprintf(out, "%s failed: %s", format_plural(finding->attempts, "attempt", count),
                symptom_phrases[finding->symptom]);
        if (*format_span(finding->first_ns, finding->last_ns, span))
            fprintf(out, ", %s", span);
        fputs(".\n\n", out);
    }
}

static void write_verdict(FILE *out, const struct finding *finding,
                          const struct candidate candidates[FAILURE_POINTS])
{
    size_t named = view_named(candidates);
    char share[FORMAT_TEXT];
    fputs(named == 1 ? "**Verdict: " : "**Undecided: ", out);
    for (size_t i = 0; i < named; i++) {
        const char *label = finding->labels[candidates[i].place];
        fprintf(out, "%s%s",
                i == 0          ? ""
                : i + 1 < named ? ", "
                                : " or ",
                place_phrases[candidates[i].place].name);
        if (label) {
            fputs(" (", out);
            text(out, label);
            fputs(")", out);
        }
        fprintf(out, " %s", format_share(candidates[i].share, share));
    }
    fputs("**\n\n", out);
    paragraph(out, finding->verdict.summary);
    fputs("| place | probability |\n|---|---|\n", out);
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        fprintf(out, "| %s | %s |\n", place_phrases[candidates[i].place].name,
                format_share(candidates[i].share, share));
    fputs("\n", out);
}

static void write_reasons(FILE *out, const struct report *report, const struct finding *finding)
{
    const struct verdict *verdict = &finding->verdict;
    char filter[FILTER_TEXT];
    if (!verdict->reason_count)
        return;
    fputs("### Why\n\n", out);
    for (size_t i = 0; i < verdict->reason_count; i++) {
        const struct reason *reason = &verdict->reasons[i];
        const struct capture_report *capture = view_reason_capture(report, finding, reason);
        fputs("- ", out);
        line(out, reason->text);
        if (reason->frames.count)
            fprintf(out, " `%s`%s%s", view_frames_filter(&reason->frames, filter),
                    report->capture_count > 1 && capture ? " in capture " : "",
                    report->capture_count > 1 && capture ? capture->id : "");
        fputs("\n", out);
    }
    fprintf(out, "\nIn Wireshark: `%s`\n\n", view_connection_filter(finding, filter));
}

static void write_letter(FILE *out, const struct report *report, const struct finding *finding)
{
    const struct verdict *verdict = &finding->verdict;
    struct letter_lines lines;
    letter_lines_of(report, finding, &lines);
    fprintf(out, "### %s\n\n", lines.title);
    if (verdict->who[0]) {
        fputs("**To:** ", out);
        paragraph(out, verdict->who);
    }
    fputs("**Subject:** ", out);
    paragraph(out, lines.subject);
    paragraph(out, lines.text);
    paragraph(out, verdict->action);
    for (size_t i = 0; i < verdict->command_count; i++) {
        line(out, verdict->commands[i].platform);
        fputs(":\n\n", out);
        code(out, verdict->commands[i].text);
    }
    if (lines.placeholders)
        fputs("Words in capitals stand for what the capture cannot show.\n\n", out);
    if (verdict->has_next_step) {
        fputs(lines.asks_for_capture ? "**What is needed:** " : "**To be surer:** ", out);
        paragraph(out, verdict->next_step);
    }
    fputs("**Evidence:** ", out);
    paragraph(out, lines.evidence);
    if (lines.check[0]) {
        fputs("**Afterwards:** ", out);
        paragraph(out, lines.check);
    }
}

static void write_captures(FILE *out, const struct report *report)
{
    char number[FORMAT_TEXT], span[FORMAT_TEXT];
    for (size_t i = 0; i < report->capture_count; i++) {
        const struct capture_report *capture = &report->captures[i];
        fprintf(out, "- capture %s, ", capture->id);
        text(out, capture->source);
        fprintf(out, ": %s", format_plural(capture->packets, "packet", number));
        if (*format_span(capture->first_ns, capture->last_ns, span))
            fprintf(out, ", %s", span);
        fprintf(out, ", taken %s", vantage_phrases[capture->vantage.kind]);
        if (capture->problem) {
            fputs("; incomplete: ", out);
            text(out, capture->problem);
        }
        fputs("\n", out);
    }
    for (size_t i = 0; i < report->warning_count; i++) {
        fputs("- note: ", out);
        text(out, report->warnings[i]);
        fputs("\n", out);
    }
    fputs("\n", out);
}

bool report_write_markdown(FILE *out, const struct report *report)
{
    char number[FORMAT_TEXT];
    size_t count = report->finding_count;
    size_t shown = count < FINDINGS_MAX ? count : FINDINGS_MAX;
    if (count)
        fprintf(out, "# fwsniff: %s\n\n", format_plural(count, "failure", number));
    else
        fputs("# fwsniff: no failed connection of the watched products\n\n", out);
    write_captures(out, report);
    for (size_t i = 0; i < shown && !ferror(out); i++) {
        const struct finding *finding = report->findings[i];
        struct candidate candidates[FAILURE_POINTS];
        view_candidates(&finding->verdict, candidates);
        write_head(out, finding, i + 1);
        write_verdict(out, finding, candidates);
        write_reasons(out, report, finding);
        write_letter(out, report, finding);
    }
    if (shown < count)
        fprintf(out, "%s more are not shown; --json writes all of them.\n",
                format_count(count - shown, number));
    return format_stream_ok(out);
}
