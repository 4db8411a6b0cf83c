/* One finding as a section of a page: what is blocked, where, who must act, how sure; then the
 * drawing, the reasons, the packets, the other candidates, and what to send to whom. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/report/format.h"
#include "analyzer/report/html.h"
#include "dissectors/packet.h"

enum { FRAMES_LISTED_MAX = 160 }; /* rows of the table of packets */

/* A frame that the section speaks of, once. */
struct listed {
    uint32_t capture;
    uint64_t frame;
    const struct exchange_step *step; /* NULL: cited by a reason only */
    uint64_t repeats;                 /* the frame whose packet it repeats; 0: none */
    uint64_t reasons;                 /* bits: the reasons that cite it */
};

struct section {
    FILE *out;
    const struct report *report;
    const struct finding *finding;
    struct candidate candidates[FAILURE_POINTS];
    size_t named;
    bool decided;
    struct listed *listed; /* ascending by capture and frame */
    size_t listed_count;
    size_t unlisted;
};

/* --- the frames the section speaks of --- */

static struct listed *list_frame(struct section *section, uint32_t capture, uint64_t frame)
{
    size_t at = section->listed_count;
    while (at > 0 &&
           (section->listed[at - 1].capture > capture ||
            (section->listed[at - 1].capture == capture && section->listed[at - 1].frame >= frame)))
        at--;
    struct listed *here = &section->listed[at];
    if (at < section->listed_count && here->capture == capture && here->frame == frame)
        return here;
    if (section->listed_count == FRAMES_LISTED_MAX) {
        section->unlisted++;
        return NULL;
    }
    memmove(here + 1, here, (section->listed_count - at) * sizeof *here);
    section->listed_count++;
    *here = (struct listed){.capture = capture, .frame = frame};
    return here;
}

static void list_steps(struct section *section, const struct finding *finding)
{
    for (uint32_t e = 0; e < finding->exchange_count; e++)
        for (uint32_t i = 0; i < finding->exchanges[e].step_count; i++) {
            const struct exchange_step *step = &finding->exchanges[e].steps[i];
            uint32_t capture = finding->exchanges[e].capture;
            struct listed *listed = list_frame(section, capture, step->frame);
            if (listed)
                listed->step = step;
            for (uint32_t a = 0; a < step->again.count; a++) {
                listed = list_frame(section, capture, frame_list_at(&step->again, a));
                if (listed)
                    listed->repeats = step->frame;
            }
        }
}

/* Index of the capture that a reason's frames are of. */
static uint32_t reason_capture(const struct section *section, const struct reason *reason)
{
    const struct capture_report *capture =
        view_reason_capture(section->report, section->finding, reason);
    return capture ? (uint32_t)(capture - section->report->captures) : 0;
}

static void list_frames(struct section *section)
{
    const struct finding *finding = section->finding;
    section->listed = memory_zeroed(FRAMES_LISTED_MAX, sizeof *section->listed);
    list_steps(section, finding);
    for (size_t r = 0; r < finding->verdict.reason_count; r++) {
        const struct reason *reason = &finding->verdict.reasons[r];
        const struct frame_list *frames = &reason->frames;
        uint32_t capture = reason_capture(section, reason);
        for (uint32_t i = 0; i < frames->count; i++) {
            struct listed *listed = list_frame(section, capture, frame_list_at(frames, i));
            if (listed && r < 64)
                listed->reasons |= UINT64_C(1) << r;
        }
    }
}

static bool is_listed(const struct section *section, uint32_t capture, uint64_t frame)
{
    for (size_t i = 0; i < section->listed_count; i++)
        if (section->listed[i].capture == capture && section->listed[i].frame == frame)
            return true;
    return false;
}

static const char *capture_id(const struct section *section, uint32_t capture)
{
    return capture < section->report->capture_count ? section->report->captures[capture].id : "a";
}

static void write_frame(const struct section *section, uint32_t capture, uint64_t frame)
{
    unsigned long long number = frame;
    if (is_listed(section, capture, frame))
        html_raw(section->out, "<a class=\"frame\" href=\"#f-%s-%s-%llu\">%llu</a>",
                 section->finding->id, capture_id(section, capture), number, number);
    else
        html_raw(section->out, "%llu", number);
}

/* --- head --- */

static void write_connection(FILE *out, const struct finding *finding)
{
    html_address(out, &finding->client);
    fputs(" \u2192 ", out);
    html_address(out, &finding->server);
    html_raw(out, " %s/%u", proto_word(finding->service->proto), finding->server_port);
}

static void write_place(FILE *out, const struct finding *finding, enum failure_point place)
{
    const char *label = finding->labels[place];
    html_text(out, place_phrases[place].name);
    if (label)
        html_textf(out, " (%s)", label);
}

static void write_places(const struct section *section)
{
    for (size_t i = 0; i < section->named; i++) {
        fputs(i == 0 ? "" : i + 1 < section->named ? ", " : " or ", section->out);
        write_place(section->out, section->finding, section->candidates[i].place);
    }
}

static void fact(FILE *out, const char *name)
{
    html_raw(out, "<div><dt>%s</dt><dd>", name);
}

/* The date is not to be broken at its hyphens. */
static void write_span(FILE *out, const char *span)
{
    html_raw(out, ", <span class=\"whole\">%.10s</span>%s", span,
             strlen(span) > 10 ? span + 10 : "");
}

static void write_facts(const struct section *section)
{
    FILE *out = section->out;
    const struct finding *finding = section->finding;
    char share[FORMAT_TEXT], number[FORMAT_TEXT], span[FORMAT_TEXT];
    fputs("<dl class=\"facts\">\n", out);
    fact(out, "What is blocked");
    html_textf(out, "%s, %s/%u: %s", finding->service->name, proto_word(finding->service->proto),
               finding->server_port, symptom_phrases[finding->symptom]);
    fputs("</dd></div>\n", out);
    fact(out, section->decided ? "Where" : "Where it may be");
    if (section->decided) {
        write_places(section);
        html_textf(out, ": %s", place_phrases[section->candidates[0].place].what);
    } else {
        write_places(section);
    }
    fputs("</dd></div>\n", out);
    fact(out, section->decided ? "Who must act" : "Who goes on");
    html_text(out, finding->verdict.who[0] ? finding->verdict.who : "not told");
    fputs("</dd></div>\n", out);
    fact(out, "How sure");
    html_raw(out, "%s", format_share(section->candidates[0].share, share));
    if (section->decided && finding->verdict.mechanism != MECHANISM_UNKNOWN)
        html_textf(out, "; %s", mechanism_phrases[finding->verdict.mechanism]);
    else if (!section->decided)
        fputs(" for the likeliest: not enough to accuse", out);
    fputs("</dd></div>\n", out);
    if (finding->attempts) {
        fact(out, "How often");
        html_raw(out, "%s", format_plural(finding->attempts, "attempt", number));
        if (*format_span(finding->first_ns, finding->last_ns, span))
            write_span(out, span);
        fputs("</dd></div>\n", out);
    }
    fputs("</dl>\n", out);
}

static void write_head(const struct section *section, size_t number)
{
    FILE *out = section->out;
    const struct finding *finding = section->finding;
    html_raw(out, "<article id=\"finding-%s\" aria-labelledby=\"head-%s\">\n", finding->id,
             finding->id);
    html_raw(out, "<h2 id=\"head-%s\"><span class=\"n\">%zu.</span> ", finding->id, number);
    html_text(out, finding->service->name);
    fputs("</h2>\n<p class=\"mono soft\">", out);
    write_connection(out, finding);
    fputs("</p>\n", out);
    html_raw(out, "<div class=\"verdict %s\">\n", section->decided ? "decided" : "unsure");
    html_chip(out, section->decided ? TONE_BAD : TONE_UNSURE,
              section->decided ? "Verdict" : "Undecided");
    fputs("\n<p>", out);
    html_text(out, finding->verdict.summary[0] ? finding->verdict.summary : "No summary.");
    fputs("</p>\n</div>\n", out);
    write_facts(section);
}

/* --- why --- */

static void write_sides(FILE *out, const struct reason *reason)
{
    static const char *const openings[] = {"For ", "Against "};
    for (int side = 0; side < 2; side++) {
        const char *before = openings[side];
        for (size_t i = 0; i < FAILURE_POINTS; i++) {
            if (side == 0 ? !(reason->weight[i] > 0) : !(reason->weight[i] < 0))
                continue;
            html_raw(out, "%s%s", before, place_phrases[i].name);
            before = ", ";
        }
        fputs(before == openings[side] ? "" : ". ", out);
    }
}

static void write_reason(const struct section *section, const struct reason *reason)
{
    FILE *out = section->out;
    char filter[FILTER_TEXT], number[FORMAT_TEXT];
    uint32_t capture = reason_capture(section, reason);
    fputs("<li><p>", out);
    html_text(out, reason->text);
    fputs("</p>\n<p class=\"small\">", out);
    write_sides(out, reason);
    if (reason->frames.count) {
        fputs(reason->frames.total == 1 ? "Frame " : "Frames ", out);
        for (uint32_t i = 0; i < reason->frames.count; i++) {
            fputs(i ? ", " : "", out);
            write_frame(section, capture, frame_list_at(&reason->frames, i));
        }
        if (reason->frames.total > reason->frames.count)
            html_raw(out, " and %s more",
                     format_count(reason->frames.total - reason->frames.count, number));
        if (section->report->capture_count > 1)
            html_raw(out, " of capture %s", capture_id(section, capture));
        fputs(": <code class=\"take\">", out);
        html_text(out, view_frames_filter(&reason->frames, filter));
        fputs("</code>", out);
    }
    fputs("</p></li>\n", out);
}

static void write_why(const struct section *section)
{
    FILE *out = section->out;
    const struct verdict *verdict = &section->finding->verdict;
    char filter[FILTER_TEXT];
    if (!verdict->reason_count)
        return;
    fputs("<h3>Why</h3>\n<ol class=\"why\">\n", out);
    for (size_t i = 0; i < verdict->reason_count; i++)
        write_reason(section, &verdict->reasons[i]);
    fputs("</ol>\n<p class=\"small soft\">In Wireshark, this connection: <code class=\"take\">",
          out);
    html_text(out, view_connection_filter(section->finding, filter));
    fputs("</code></p>\n", out);
}

static void write_odds(const struct section *section)
{
    FILE *out = section->out;
    char share[FORMAT_TEXT];
    fputs("<h3>How likely each place is</h3>\n<ul class=\"odds\">\n", out);
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        const struct candidate *candidate = &section->candidates[i];
        html_raw(out, "<li%s><span>",
                 i >= section->named ? ""
                 : section->decided  ? " class=\"bad\""
                                     : " class=\"unsure\"");
        write_place(out, section->finding, candidate->place);
        html_raw(out,
                 "</span><span class=\"track\" aria-hidden=\"true\"><span "
                 "style=\"width:%.1f%%\"></span></span><span class=\"n\">%s</span></li>\n",
                 candidate->share * 100.0 / SHARE_WHOLE, format_share(candidate->share, share));
    }
    fputs("</ul>\n", out);
}

/* --- packets --- */

static void write_packet(const struct section *section, const struct listed *listed)
{
    FILE *out = section->out;
    const struct exchange_step *step = listed->step;
    const char *id = capture_id(section, listed->capture);
    char what[STEP_TEXT], time[TIME_TEXT];
    unsigned long long number = listed->frame;
    html_raw(out, "<tr id=\"f-%s-%s-%llu\" tabindex=\"-1\">", section->finding->id, id, number);
    if (section->report->capture_count > 1)
        html_raw(out, "<td>%s</td>", id);
    html_raw(out, "<td class=\"num\">%llu</td>", number);
    if (step) {
        static const char *const senders[] = {[STEP_OF_CLIENT] = "client",
                                              [STEP_OF_SERVER] = "server",
                                              [STEP_OF_OTHER] = "on the way"};
        html_raw(out, "<td class=\"mono whole\">%.15s</td><td>%s</td><td>",
                 report_time_text(step->time_ns, time) + 11, senders[step->sender]);
        html_text(out, view_step(section->finding, step, what));
        if (step->lost)
            fputs(" <strong>never answered</strong>", out);
        if (step->again.total) {
            html_raw(out, ", repeated in frame%s ", step->again.total == 1 ? "" : "s");
            for (uint32_t i = 0; i < step->again.count; i++) {
                fputs(i ? ", " : "", out);
                write_frame(section, listed->capture, frame_list_at(&step->again, i));
            }
            fputs(step->again.total > step->again.count ? ", ..." : "", out);
        }
        html_raw(out, "</td><td class=\"num\">%u</td><td>", step->hop_limit);
    } else if (listed->repeats) {
        fputs("<td></td><td></td><td class=\"soft\">repeats frame ", out);
        write_frame(section, listed->capture, listed->repeats);
        fputs("</td><td></td><td>", out);
    } else {
        fputs("<td></td><td></td><td class=\"soft\">cited above</td><td></td><td>", out);
    }
    const char *before = "";
    for (size_t r = 0; r < 64; r++)
        if (listed->reasons & (UINT64_C(1) << r)) {
            html_raw(out, "%s%zu", before, r + 1);
            before = ", ";
        }
    fputs("</td></tr>\n", out);
}

static void write_packets(const struct section *section)
{
    FILE *out = section->out;
    char number[FORMAT_TEXT];
    if (!section->listed_count)
        return;
    fputs("<h3>The packets</h3>\n", out);
    html_ladder(out, section->report, section->finding, NULL);
    html_raw(out,
             "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Packets\">\n<table "
             "class=\"dense\">\n<thead><tr>%s<th scope=\"col\" class=\"num\">Frame</th><th "
             "scope=\"col\">Time, UTC</th><th scope=\"col\">Sender</th><th scope=\"col\">What</th>"
             "<th scope=\"col\" class=\"num\">Hop limit</th><th scope=\"col\">Reasons above"
             "</th></tr></thead>\n<tbody>\n",
             section->report->capture_count > 1 ? "<th scope=\"col\">Capture</th>" : "");
    for (size_t i = 0; i < section->listed_count; i++)
        write_packet(section, &section->listed[i]);
    fputs("</tbody>\n</table>\n</div>\n", out);
    if (section->unlisted)
        html_raw(out, "<p class=\"small soft\">%s more not listed.</p>\n",
                 format_count(section->unlisted, number));
}

static void write_spoken(const struct section *section)
{
    const struct spoken *spoken = &section->finding->spoken;
    FILE *out = section->out;
    const struct {
        const char *name, *text;
    } lines[] = {
        {"Spoken on the port", spoken->protocol},
        {"Server name asked for", spoken->tls.server_name},
        {"TLS version", spoken->tls.version},
        {"Certificate issued by", spoken->tls.issuer},
        {"Certificate subject", spoken->tls.subject},
        {"Certificate SHA-1", spoken->tls.sha1},
    };
    bool begun = false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!lines[i].text)
            continue;
        fputs(begun ? "" : "<h3>What the connection says of itself</h3>\n<dl class=\"facts\">\n",
              out);
        begun = true;
        fact(out, lines[i].name);
        html_text(out, lines[i].text);
        fputs("</dd></div>\n", out);
    }
    fputs(begun ? "</dl>\n" : "", out);
}

static void write_next_step(const struct section *section)
{
    if (!section->finding->verdict.has_next_step)
        return;
    fputs(section->decided ? "<h3>To be surer</h3>\n<p>" : "<h3>What would decide it</h3>\n<p>",
          section->out);
    html_text(section->out, section->finding->verdict.next_step);
    fputs("</p>\n", section->out);
}

void html_finding(FILE *out, const struct report *report, const struct finding *finding,
                  size_t number)
{
    struct section section = {.out = out, .report = report, .finding = finding};
    view_candidates(&finding->verdict, section.candidates);
    section.named = view_named(section.candidates);
    section.decided = section.named == 1;
    list_frames(&section);
    write_head(&section, number);
    html_topology(out, report, finding);
    if (!section.decided)
        write_next_step(&section);
    write_why(&section);
    write_odds(&section);
    write_packets(&section);
    html_history(out, finding);
    write_spoken(&section);
    html_letter(out, report, finding);
    if (section.decided)
        write_next_step(&section);
    fputs("</article>\n", out);
    free(section.listed);
}

/* --- rows that lead to findings --- */

void html_findings_head(FILE *out)
{
    fputs("<thead><tr><th scope=\"col\" class=\"num\">#</th><th scope=\"col\">Connection</th>"
          "<th scope=\"col\">Where it fails</th><th scope=\"col\" class=\"num\">Sure</th>"
          "<th scope=\"col\">Who must act</th><th scope=\"col\" class=\"num\">Attempts</th>"
          "</tr></thead>\n",
          out);
}

void html_findings_row(FILE *out, const struct finding *finding, size_t number, const char *href)
{
    struct candidate candidates[FAILURE_POINTS];
    char share[FORMAT_TEXT], count[FORMAT_TEXT];
    view_candidates(&finding->verdict, candidates);
    size_t named = view_named(candidates);
    html_raw(out, "<tr><td class=\"num\">%zu</td><td>", number);
    if (href) {
        fputs("<a href=\"", out);
        html_text(out, href);
        fputs("\">", out);
    }
    html_text(out, finding->service->name);
    fputs(href ? "</a>" : "", out);
    fputs("<br><span class=\"mono soft\">", out);
    write_connection(out, finding);
    fputs("</span></td><td>", out);
    html_chip(out, named == 1 ? TONE_BAD : TONE_UNSURE, named == 1 ? "Verdict" : "Undecided");
    fputs(" ", out);
    for (size_t i = 0; i < named; i++) {
        fputs(i == 0 ? "" : i + 1 < named ? ", " : " or ", out);
        write_place(out, finding, candidates[i].place);
    }
    html_raw(out, "</td><td class=\"num\">%s</td><td>", format_share(candidates[0].share, share));
    html_text(out, finding->verdict.who[0] ? finding->verdict.who : "not told");
    html_raw(out, "</td><td class=\"num\">%s</td></tr>\n", format_count(finding->attempts, count));
}
