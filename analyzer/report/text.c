/* The report for a terminal: verdict first, then why, then what to do. Everything goes through
 * page.h, which wraps and escapes. */
#include "analyzer/report/report.h"

#include <math.h>
#include <string.h>

#include "analyzer/report/format.h"
#include "analyzer/report/page.h"
#include "analyzer/report/text_ledger.h"
#include "analyzer/report/view.h"

enum {
    FINDINGS_FULL_MAX = 50,    /* up to here every finding in full */
    FINDINGS_FULL_FIRST = 20,  /* of more, this many in full, */
    FINDINGS_LINES_MAX = 1000, /* and this many on a line each */
    REASONS_SHOWN = 6,         /* without -v */
    FRAMES_SHOWN = 6,          /* without -v */
    HEAD_COLUMN = 14,          /* where the texts of the head begin */
    BODY_INDENT = 4,
    LIST_INDENT = 6,
    TEXT_INDENT = 8,
};

struct writer {
    struct page page;
    const struct report *report;
    const struct text_options *options;
};

static void start(struct writer *writer, FILE *out, const struct report *report,
                  const struct text_options *options)
{
    page_begin(&writer->page, out, options->columns, options->colour);
    writer->report = report;
    writer->options = options;
}

static void styled(struct page *page, enum page_style style, const char *text)
{
    page_style(page, style);
    page_text(page, text);
    page_style(page, STYLE_PLAIN);
}

/* "Capture   client.pcap: ...": the words before the text of a line of the head. */
static void head(struct page *page, enum page_style style, const char *word)
{
    page->indent = 2;
    styled(page, style, word);
    page_tab(page, HEAD_COLUMN);
    page->indent = HEAD_COLUMN;
}

static void write_address(struct writer *writer, const struct ip_address *address)
{
    char text[IP_ADDRESS_TEXT];
    struct page *page = &writer->page;
    if (ip_is_unspecified(address)) {
        page_text(page, "any address");
        return;
    }
    page_text(page, ip_text(address, text));
}

static void write_headline(struct writer *writer)
{
    const struct report *report = writer->report;
    struct page *page = &writer->page;
    char number[FORMAT_TEXT];
    page->indent = 0;
    page_text(page, "fwsniff: ");
    page->indent = 9;
    if (report->finding_count > 0)
        styled(page, STYLE_BAD, format_plural(report->finding_count, "failure", number));
    else
        styled(page, STYLE_GOOD, "no failed connection of the watched products");
    page_text(page, " found in ");
    if (report->capture_count > 2)
        page_text(page, format_plural(report->capture_count, "capture", number));
    else
        for (size_t i = 0; i < report->capture_count; i++)
            page_printf(page, "%s%s", i > 0 ? " and " : "", report->captures[i].source);
    page_line(page);
}

static void write_vantage(struct writer *writer, const struct vantage_estimate *vantage)
{
    struct page *page = &writer->page;
    char share[FORMAT_TEXT];
    page_printf(page, "Taken %s", vantage_phrases[vantage->kind]);
    if (vantage->has_host) {
        page_text(page, ", ");
        write_address(writer, &vantage->host);
    }
    if (vantage->kind == VANTAGE_UNKNOWN || vantage->kind == VANTAGE_SPAN) {
        page_text(page, "; --vantage tells fwsniff where, and makes verdicts surer");
    } else {
        double confidence = fmin(fmax(vantage->confidence, 0), 1);
        page_printf(page, " (%s sure)", format_share((unsigned)(confidence * SHARE_WHOLE), share));
    }
    page_text(page, ".");
    page_line(page);
    for (size_t i = 0; i < vantage->because_count && writer->options->verbosity > 0; i++) {
        page->indent = HEAD_COLUMN;
        page_text(page, "- ");
        page->indent = HEAD_COLUMN + 2;
        page_text(page, vantage->because[i]);
        page_line(page);
    }
}

static void write_counters(struct page *page, const struct capture_counters *counters)
{
    const struct {
        uint64_t count;
        const char *name;
    } lines[] = {
        {counters->flows, "flows"},
        {counters->flows_evicted, "flows dropped from memory"},
        {counters->tcp_syn, "SYN frames"},
        {counters->syn_unanswered, "TCP attempts unanswered"},
        {counters->syn_reset, "TCP attempts reset"},
        {counters->icmp_unreachable, "ICMP unreachable frames"},
    };
    char number[FORMAT_TEXT];
    page->indent = HEAD_COLUMN;
    page_text(page, "All traffic: ");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        page_printf(page, "%s%s %s", i > 0 ? ", " : "", format_count(lines[i].count, number),
                    lines[i].name);
    page_line(page);
}

static void write_capture(struct writer *writer, const struct capture_report *capture)
{
    struct page *page = &writer->page;
    char number[FORMAT_TEXT], span[FORMAT_TEXT], duration[FORMAT_TEXT];
    head(page, STYLE_STRONG, "Capture");
    if (writer->report->capture_count > 1)
        page_printf(page, "%s) ", capture->id);
    page_printf(page, "%s: %s", capture->source, format_plural(capture->packets, "packet", number));
    if (*format_span(capture->first_ns, capture->last_ns, span))
        page_printf(page, " in %s, %s",
                    format_duration(capture->last_ns - capture->first_ns, duration), span);
    page_text(page, ".");
    page_line(page);
    if (capture->packets > 0) {
        page->indent = HEAD_COLUMN;
        write_vantage(writer, &capture->vantage);
    }
    if (writer->options->verbosity > 0)
        write_counters(page, &capture->counters);
    if (capture->truncated || capture->problem) {
        head(page, STYLE_WARN, "Incomplete");
        page_text(page, capture->problem ? capture->problem : "not read to its end");
        page_line(page);
    }
    if (capture->dropped > 0) {
        head(page, STYLE_WARN, "Losses");
        page_printf(page, "%s lost while capturing: what is missing below may have been there.",
                    format_plural(capture->dropped, "packet", number));
        page_line(page);
    }
}

static void write_products(struct writer *writer)
{
    const struct profiles *profiles = writer->report->profiles;
    struct page *page = &writer->page;
    size_t count = profiles ? profiles_count(profiles) : 0;
    head(page, STYLE_STRONG, "Products");
    for (size_t i = 0; i < count; i++)
        page_printf(page, "%s%s", i > 0 ? ", " : "", profiles_at(profiles, i)->name);
    page_line(page);
}

static void write_attempts(struct writer *writer)
{
    const struct report *report = writer->report;
    struct page *page = &writer->page;
    uint64_t attempts = report->summary.attempts;
    uint64_t decided = report->summary.succeeded + report->summary.failed;
    char number[FORMAT_TEXT];
    head(page, STYLE_STRONG, "Attempts");
    if (attempts == 0) {
        page_text(page, "none: no connection to a port of these products was tried in this "
                        "capture. Was it taken at the right place and time? A product on "
                        "another port is named with --port.");
    } else {
        page_printf(page, "%s: ", format_count(attempts, number));
        page_printf(page, "%s succeeded, ", format_count(report->summary.succeeded, number));
        page_printf(page, "%s failed", format_count(report->summary.failed, number));
        if (decided < attempts)
            page_printf(page, ", %s without an outcome in the capture",
                        format_count(attempts - decided, number));
        page_text(page, ".");
    }
    page_line(page);
}

static void write_warnings(struct writer *writer)
{
    for (size_t i = 0; i < writer->report->warning_count; i++) {
        head(&writer->page, STYLE_WARN, "Warning");
        page_text(&writer->page, writer->report->warnings[i]);
        page_line(&writer->page);
    }
}

/* "Syncrify HTTP  10.2.0.10 -> 203.0.113.2 tcp/5800" */
static void write_connection(struct writer *writer, const struct finding *finding)
{
    struct page *page = &writer->page;
    styled(page, STYLE_STRONG, finding->service->name);
    page_text(page, "  ");
    write_address(writer, &finding->client);
    page_text(page, " -> ");
    write_address(writer, &finding->server);
    page_printf(page, " %s/%u", proto_word(finding->service->proto), finding->server_port);
}

/* Whose certificate the server's side showed: a foreign issuer is an inspecting device. */
static void write_certificate(struct writer *writer, const struct finding *finding)
{
    if (!finding->spoken.tls.issuer || writer->options->verbosity == 0)
        return;
    page_printf(&writer->page, "Certificate issued by %s", finding->spoken.tls.issuer);
    if (finding->spoken.tls.sha1)
        page_printf(&writer->page, ", SHA-1 %s", finding->spoken.tls.sha1);
    if (finding->spoken.tls.sha256)
        page_printf(&writer->page, ", SHA-256 %s", finding->spoken.tls.sha256);
    page_text(&writer->page, ".");
    page_line(&writer->page);
}

static void write_what_failed(struct writer *writer, const struct finding *finding)
{
    struct page *page = &writer->page;
    char number[FORMAT_TEXT], span[FORMAT_TEXT];
    page->indent = BODY_INDENT;
    if (finding->attempts > 0)
        page_printf(page, "%s failed: ", format_plural(finding->attempts, "attempt", number));
    page_printf(page, "%s (%s)", symptom_phrases[finding->symptom],
                symptom_words[finding->symptom]);
    if (*format_span(finding->first_ns, finding->last_ns, span))
        page_printf(page, ", %s", span);
    page_text(page, ".");
    page_line(page);
    if (finding->spoken.protocol &&
        (view_speaks_foreign(finding) || writer->options->verbosity > 0)) {
        page_printf(page, "Spoken on this port: %s%s.", finding->spoken.protocol,
                    view_speaks_foreign(finding) ? ", which this service does not speak" : "");
        page_line(page);
    }
    write_certificate(writer, finding);
}

static void place_with_label(struct page *page, const struct finding *finding,
                             enum failure_point place)
{
    const char *label = finding->labels[place];
    page_text(page, place_phrases[place].name);
    if (label)
        page_printf(page, " (%s)", label);
}

static void write_undecided(struct page *page, const struct finding *finding,
                            const struct candidate candidates[FAILURE_POINTS])
{
    size_t count = view_rivals(candidates);
    char share[FORMAT_TEXT];
    styled(page, STYLE_WARN, "UNDECIDED");
    page_text(page, " between ");
    for (size_t i = 0; i < count; i++) {
        page_text(page, i == 0 ? "" : i + 1 < count ? ", " : " and ");
        place_with_label(page, finding, candidates[i].place);
        page_printf(page, " %s", format_share(candidates[i].share, share));
    }
    page_line(page);
}

static void write_decided(struct page *page, const struct finding *finding,
                          const struct candidate *first)
{
    const struct verdict *verdict = &finding->verdict;
    char share[FORMAT_TEXT];
    styled(page, STYLE_BAD, "VERDICT");
    page_text(page, "  ");
    page->indent = BODY_INDENT + 9;
    page_style(page, STYLE_STRONG);
    place_with_label(page, finding, first->place);
    page_style(page, STYLE_PLAIN);
    page_printf(page, ", %s sure: %s. ", format_share(first->share, share),
                place_phrases[first->place].what);
    if (verdict->mechanism != MECHANISM_UNKNOWN)
        page_printf(page, "How it fails: %s (%s).", mechanism_phrases[verdict->mechanism],
                    mechanism_words[verdict->mechanism]);
    page_line(page);
    page->indent = BODY_INDENT;
}

static void write_verdict(struct writer *writer, const struct finding *finding,
                          const struct candidate candidates[FAILURE_POINTS], bool decided)
{
    struct page *page = &writer->page;
    size_t named = decided ? 1 : view_rivals(candidates), listed = 0;
    char share[FORMAT_TEXT];
    page->indent = BODY_INDENT;
    page_line(page);
    if (decided)
        write_decided(page, finding, &candidates[0]);
    else
        write_undecided(page, finding, candidates);
    page_text(page, finding->verdict.summary);
    page_line(page);
    for (size_t i = named; i < FAILURE_POINTS && candidates[i].share >= SHARE_WHOLE / 100; i++) {
        page_printf(page, "%s%s %s",
                    listed++ ? ", " : "Less likely: ", place_phrases[candidates[i].place].name,
                    format_share(candidates[i].share, share));
    }
    if (listed) {
        page_text(page, ".");
        page_line(page);
    }
}

/* " (frames 12, 15, 19 and 4 more of capture a)" */
static void write_frames(struct writer *writer, const struct finding *finding,
                         const struct reason *reason)
{
    const struct frame_list *frames = &reason->frames;
    struct page *page = &writer->page;
    uint32_t shown = frames->count;
    if (writer->options->verbosity == 0 && shown > FRAMES_SHOWN)
        shown = FRAMES_SHOWN;
    if (shown == 0)
        return;
    char number[FORMAT_TEXT];
    page_style(page, STYLE_FAINT);
    page_printf(page, " (%s", frames->total == 1 ? "frame" : "frames");
    for (uint32_t i = 0; i < shown; i++)
        page_printf(page, "%s %llu", i > 0 ? "," : "",
                    (unsigned long long)frame_list_at(frames, i));
    if (frames->total > shown)
        page_printf(page, " and %s more", format_count(frames->total - shown, number));
    const struct capture_report *capture = view_reason_capture(writer->report, finding, reason);
    if (capture && writer->report->capture_count > 1)
        page_printf(page, " of capture %s", capture->id);
    page_text(page, ")");
    page_style(page, STYLE_PLAIN);
}

/* Which places a reason speaks for and against, by name: where no place is accused, a sign alone
 * would not say for whom. */
static void write_sides(struct page *page, const struct reason *reason)
{
    static const char *const openings[] = {"For: ", "Against: "};
    for (int side = 0; side < 2; side++) {
        const char *before = openings[side];
        for (size_t i = 0; i < FAILURE_POINTS; i++) {
            if (side == 0 ? !(reason->weight[i] > 0) : !(reason->weight[i] < 0))
                continue;
            page_printf(page, "%s%s", before, place_phrases[i].name);
            before = ", ";
        }
        page_text(page, before == openings[side] ? "" : ". ");
    }
}

static void write_reason(struct writer *writer, const struct finding *finding,
                         const struct reason *reason, bool decided)
{
    struct page *page = &writer->page;
    double effect = view_effect(&finding->verdict, reason);
    const char *sign = !decided || fabs(effect) < VIEW_EFFECT_NOTICED ? "*"
                       : effect > 0                                   ? "+"
                                                                      : "-";
    page->indent = LIST_INDENT;
    page_printf(page, "%s ", sign);
    page->indent = TEXT_INDENT;
    page_text(page, reason->text);
    write_frames(writer, finding, reason);
    if (!decided || writer->options->verbosity > 0) {
        page_line(page);
        write_sides(page, reason);
        if (writer->options->verbosity > 0)
            page_printf(page, "[%s %+.1f]", reason->rule, effect);
    }
    page_line(page);
}

static void heading(struct page *page, const char *text)
{
    page->indent = BODY_INDENT;
    page_line(page);
    styled(page, STYLE_STRONG, text);
}

static void write_reasons(struct writer *writer, const struct finding *finding, bool decided)
{
    const struct verdict *verdict = &finding->verdict;
    struct page *page = &writer->page;
    size_t shown = verdict->reason_count;
    char number[FORMAT_TEXT];
    if (shown == 0)
        return;
    if (writer->options->verbosity == 0 && shown > REASONS_SHOWN + 1)
        shown = REASONS_SHOWN;
    heading(page, "WHY");
    page_text(page, decided ? "  (+ for the verdict, - against it)" : "");
    page_line(page);
    for (size_t i = 0; i < shown; i++)
        write_reason(writer, finding, &verdict->reasons[i], decided);
    if (shown < verdict->reason_count) {
        page->indent = LIST_INDENT;
        page_printf(page, "%s more with -v",
                    format_plural(verdict->reason_count - shown, "weaker reason", number));
        page_line(page);
    }
}

static void write_remedy(struct writer *writer, const struct finding *finding, bool decided)
{
    const struct verdict *verdict = &finding->verdict;
    struct page *page = &writer->page;
    if (!verdict->who[0] && !verdict->action[0] && verdict->command_count == 0)
        return;
    heading(page, "WHAT TO DO");
    if (!decided)
        page_text(page, "  until it is decided");
    page_line(page);
    const char *const lines[][2] = {{"Who:", verdict->who}, {"Action:", verdict->action}};
    for (size_t i = 0; i < 2; i++) {
        if (!lines[i][1][0])
            continue;
        page->indent = LIST_INDENT;
        page_text(page, lines[i][0]);
        page->indent = LIST_INDENT + 8;
        page_tab(page, page->indent);
        page_text(page, lines[i][1]);
        page_line(page);
    }
    for (size_t i = 0; i < verdict->command_count; i++) {
        page->indent = LIST_INDENT;
        page_printf(page, "%s:", verdict->commands[i].platform);
        page_line(page);
        page->indent = TEXT_INDENT;
        page_verbatim(page, verdict->commands[i].text);
    }
}

static void write_next_step(struct writer *writer, const struct finding *finding)
{
    if (!finding->verdict.has_next_step)
        return;
    heading(&writer->page, "NEXT STEP");
    page_line(&writer->page);
    writer->page.indent = LIST_INDENT;
    page_text(&writer->page, finding->verdict.next_step);
    page_line(&writer->page);
}

static void write_finding(struct writer *writer, const struct finding *finding)
{
    struct candidate candidates[FAILURE_POINTS];
    view_candidates(&finding->verdict, candidates);
    bool decided = candidates[0].share >= SHARE_DECIDED;
    write_connection(writer, finding);
    page_line(&writer->page);
    write_what_failed(writer, finding);
    write_verdict(writer, finding, candidates, decided);
    write_reasons(writer, finding, decided);
    if (!decided) /* what would decide it comes before what to change */
        write_next_step(writer, finding);
    write_remedy(writer, finding, decided);
    if (decided)
        write_next_step(writer, finding);
    if (finding->ledger)
        text_ledger(&writer->page, finding);
}

static void write_number(struct page *page, size_t number)
{
    page->indent = 0;
    page_printf(page, "[%zu] ", number);
    page->indent = BODY_INDENT;
}

static void write_finding_line(struct writer *writer, const struct finding *finding)
{
    struct candidate candidates[FAILURE_POINTS];
    struct page *page = &writer->page;
    char number[FORMAT_TEXT], share[FORMAT_TEXT];
    view_candidates(&finding->verdict, candidates);
    write_connection(writer, finding);
    page_printf(page, ": %s, ", format_plural(finding->attempts, "attempt", number));
    if (candidates[0].share >= SHARE_DECIDED)
        page_printf(page, "%s %s", place_phrases[candidates[0].place].name,
                    format_share(candidates[0].share, share));
    else
        page_printf(page, "undecided between %s and %s", place_phrases[candidates[0].place].name,
                    place_phrases[candidates[1].place].name);
    page_line(page);
}

static void write_only(struct writer *writer, const char *id)
{
    const struct report *report = writer->report;
    for (size_t i = 0; i < report->finding_count; i++) {
        if (strcmp(report->findings[i]->id, id) != 0)
            continue;
        if (!writer->options->quiet)
            page_line(&writer->page);
        write_number(&writer->page, i + 1);
        write_finding(writer, report->findings[i]);
    }
}

static void write_findings(struct writer *writer)
{
    const struct report *report = writer->report;
    struct page *page = &writer->page;
    size_t count = report->finding_count, full = count, lines = count;
    char number[FORMAT_TEXT];
    if (writer->options->only) {
        write_only(writer, writer->options->only);
        return;
    }
    if (writer->options->verbosity == 0 && count > FINDINGS_FULL_MAX) {
        full = FINDINGS_FULL_FIRST;
        lines = count < FINDINGS_LINES_MAX ? count : FINDINGS_LINES_MAX;
    }
    for (size_t i = 0; i < lines && !ferror(page->out); i++) {
        if (i <= full && (i > 0 || !writer->options->quiet))
            page_line(page);
        write_number(page, i + 1);
        if (i < full)
            write_finding(writer, report->findings[i]);
        else
            write_finding_line(writer, report->findings[i]);
    }
    if (full < count) {
        page->indent = 0;
        page_line(page);
        if (lines < count)
            page_printf(page, "%s more are not shown. ", format_count(count - lines, number));
        page_text(page, "-v shows every finding in full, --json writes all of them.");
        page_line(page);
    }
}

bool report_write_text(FILE *out, const struct report *report, const struct text_options *options)
{
    struct writer writer;
    start(&writer, out, report, options);
    if (!options->quiet) {
        write_headline(&writer);
        for (size_t i = 0; i < report->capture_count; i++)
            write_capture(&writer, &report->captures[i]);
        write_products(&writer);
        write_attempts(&writer);
        write_warnings(&writer);
    }
    write_findings(&writer);
    return format_stream_ok(out);
}

bool report_write_finding_text(FILE *out, const struct report *report,
                               const struct finding *finding, const struct text_options *options)
{
    struct writer writer;
    start(&writer, out, report, options);
    page_printf(&writer.page, "[%s] ", finding->id);
    writer.page.indent = BODY_INDENT;
    write_finding(&writer, finding);
    return format_stream_ok(out);
}
