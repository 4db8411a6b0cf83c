#include "analyzer/report/letter.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "analyzer/report/format.h"
#include "analyzer/report/view.h"

enum { REASONS_GIVEN = 3, PLACEHOLDER_LETTERS = 3 };

struct text {
    char *at;
    size_t left;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    size_t step = length < 0 ? 0 : (size_t)length < text->left ? (size_t)length : text->left - 1;
    text->at += step;
    text->left -= step;
}

static void add_reason(struct text *text, const struct reason *reason)
{
    add(text, " %s", reason->text);
    if (!reason->frames.count)
        return;
    add(text, " (%s", reason->frames.total == 1 ? "frame" : "frames");
    for (uint32_t i = 0; i < reason->frames.count; i++)
        add(text, "%s %llu", i ? "," : "", (unsigned long long)frame_list_at(&reason->frames, i));
    if (reason->frames.total > reason->frames.count)
        add(text, " and %u more", reason->frames.total - reason->frames.count);
    add(text, ")");
}

static void write_evidence(const struct report *report, const struct finding *finding,
                           const struct candidate candidates[FAILURE_POINTS],
                           struct letter_lines *lines)
{
    struct text text = {lines->evidence, sizeof lines->evidence};
    const struct capture_report *capture = view_capture(report, finding);
    char number[FORMAT_TEXT], span[FORMAT_TEXT], share[FORMAT_TEXT];
    if (finding->attempts)
        add(&text, "%s failed", format_plural(finding->attempts, "attempt", number));
    else
        add(&text, "Nothing was seen");
    if (*format_span(finding->first_ns, finding->last_ns, span))
        add(&text, ", %s", span);
    if (capture)
        add(&text, ", in a capture taken %s", vantage_phrases[capture->vantage.kind]);
    add(&text, ": %s.", symptom_phrases[finding->symptom]);
    add(&text, " Likeliest place: %s, %s.", place_phrases[candidates[0].place].name,
        format_share(candidates[0].share, share));
    size_t given = 0;
    for (size_t i = 0; i < finding->verdict.reason_count && given < REASONS_GIVEN; i++)
        if (view_effect(&finding->verdict, &finding->verdict.reasons[i]) > 0 ||
            candidates[0].share < SHARE_DECIDED) {
            add_reason(&text, &finding->verdict.reasons[i]);
            given++;
        }
}

/* INSIDE_ADDRESS, GROUP_ID: several capitals in a row, with an underline. */
static bool has_placeholder(const char *command)
{
    size_t run = 0;
    for (; *command; command++) {
        run = isupper((unsigned char)*command) || (*command == '_' && run) ? run + 1 : 0;
        if (*command == '_' && run > PLACEHOLDER_LETTERS)
            return true;
    }
    return false;
}

void letter_lines_of(const struct report *report, const struct finding *finding,
                     struct letter_lines *lines)
{
    struct candidate candidates[FAILURE_POINTS];
    const struct verdict *verdict = &finding->verdict;
    view_candidates(verdict, candidates);
    bool decided = view_named(candidates) == 1;
    enum failure_point place = candidates[0].place;
    bool firewall = place == LOCAL_FIREWALL || place == EDGE_FIREWALL || place == EGRESS_POLICY;
    *lines = (struct letter_lines){
        .title = !decided   ? "Request for a capture"
                 : firewall ? "Change request"
                            : "Request for a check",
        .text = verdict->letter.text ? verdict->letter.text : "",
        .check = verdict->letter.check ? verdict->letter.check : "",
        .asks_for_capture = !decided && verdict->has_next_step,
    };
    if (verdict->letter.subject)
        snprintf(lines->subject, sizeof lines->subject, "%s", verdict->letter.subject);
    else
        snprintf(lines->subject, sizeof lines->subject, "%s: %s/%u", finding->service->name,
                 proto_word(finding->service->proto), finding->server_port);
    for (size_t i = 0; i < verdict->command_count; i++)
        lines->placeholders |= has_placeholder(verdict->commands[i].text);
    write_evidence(report, finding, candidates, lines);
}
