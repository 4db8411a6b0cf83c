/* A failing exchange as a ladder (a group and no picture, since there are links in it): time runs
 * down, the client stands left, the server right, and a packet that nothing answered ends where the
 * verdict reads that it does. */
#include <math.h>
#include <string.h>

#include "analyzer/report/format.h"
#include "analyzer/report/html.h"
#include "dissectors/packet.h"

enum {
    CLIENT_X = 232,
    SERVER_X = 640,
    FRAME_X = 70,  /* frame numbers end here, */
    TIME_X = 148,  /* and times here */
    OTHER_X = 724, /* and those of a second capture here */
    TOP_Y = 84,
    ROW_Y = 40,
    WIDTH = 760,
    LABEL_BYTES = 16,
    LABEL_ROOM = 180,
    ADDRESS_BYTES = 24, /* of a line; wider, the client's would cover the heads beside it */
};

struct ladder {
    FILE *out;
    const struct report *report;
    const struct finding *finding;
    const struct exchange *exchange;
    const struct exchange *other; /* of the second capture; NULL: none */
    const char *const *sources;   /* html_ladder() */
    struct candidate candidates[FAILURE_POINTS];
    size_t named;
    bool decided;
    double first_x, last_x; /* the places that the verdict names, from client to server */
};

/* How far from client to server a place stands: for the eye only. */
static double place_x(enum failure_point place)
{
    static const double share[FAILURE_POINTS] = {
        [EGRESS_POLICY] = 0.2,   [NETWORK_PATH] = 0.5, [EDGE_FIREWALL] = 0.66,
        [LOCAL_FIREWALL] = 0.88, [SERVER_HOST] = 1,    [APPLICATION] = 1,
    };
    return CLIENT_X + share[place] * (SERVER_X - CLIENT_X);
}

static bool is_firewall(enum failure_point place)
{
    return place == EGRESS_POLICY || place == EDGE_FIREWALL || place == LOCAL_FIREWALL;
}

static void lifeline(const struct ladder *ladder, double x, const char *role,
                     const struct ip_address *address, double bottom)
{
    FILE *out = ladder->out;
    char text[IP_ADDRESS_TEXT];
    const char *rest = ip_is_unspecified(address) ? "any address" : ip_text(address, text);
    size_t length = strlen(rest), first = length;
    if (length > ADDRESS_BYTES) /* in two lines, the second not before the middle */
        for (first = length / 2; first < length && rest[first - 1] != ':'; first++)
            ;
    double y = first < length ? 25 : 39;
    html_raw(out,
             "<text class=\"b\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>"
             "<text class=\"m\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%.*s</text>",
             x, y - 16, role, x, y, (int)first, rest);
    if (first < length)
        html_raw(out, "<text class=\"m\" x=\"%.0f\" y=\"39\" text-anchor=\"middle\">%s</text>", x,
                 rest + first);
    html_raw(out, "<path class=\"life\" d=\"M%.0f 50V%.0f\"/>\n", x, bottom);
}

static void named_places(const struct ladder *ladder, double bottom)
{
    for (size_t i = 0; i < ladder->named; i++) {
        enum failure_point place = ladder->candidates[i].place;
        double x = place_x(place);
        if (x >= SERVER_X)
            continue;
        const char *label = is_firewall(place) ? ladder->finding->labels[place] : NULL;
        html_raw(ladder->out,
                 "<path class=\"%s\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\" d=\"M%.0f "
                 "66V%.0f\"/><text class=\"s %s\" x=\"%.0f\" y=\"61\" text-anchor=\"middle\">",
                 ladder->decided ? "lb" : "lu", x, bottom, ladder->decided ? "tb" : "tu", x);
        /* A long label would run into the next. */
        bool fits = label && strlen(label) <= LABEL_BYTES;
        html_text(ladder->out, fits ? label : place_phrases[place].name);
        fputs("</text>\n", ladder->out);
    }
}

static bool is_alike(const struct exchange_step *a, const struct exchange_step *b)
{
    return a->sender == b->sender && a->flags == b->flags && a->sequence == b->sequence &&
           a->length == b->length && a->is_icmp == b->is_icmp;
}

/* The step of the second capture that is the same packet: of those alike, the one that comes as
 * late in its exchange. */
static const struct exchange_step *same_step(const struct ladder *ladder,
                                             const struct exchange_step *step)
{
    const struct exchange *other = ladder->other;
    uint32_t before = 0;
    for (const struct exchange_step *each = ladder->exchange->steps; each < step; each++)
        before += is_alike(each, step);
    for (uint32_t i = 0; other && i < other->step_count; i++)
        if (is_alike(&other->steps[i], step) && before-- == 0)
            return &other->steps[i];
    return NULL;
}

static void arrow(FILE *out, double from, double to, double y, const char *line, const char *fill,
                  bool head)
{
    double back = to > from ? -9 : 9;
    html_raw(out, "<path class=\"%s\" fill=\"none\" stroke-width=\"1.75\" d=\"M%.0f %.0fH%.0f\"/>",
             line, from, y, head ? to + back / 2 : to);
    if (head)
        html_raw(out, "<path class=\"%s\" d=\"M%.0f %.0fl%.0f -4.5v9z\"/>", fill, to, y, back);
}

/* A lost packet: solid to the first place that may have taken it, dotted to the last. */
static void lost_arrow(const struct ladder *ladder, double from, double y, bool from_client)
{
    FILE *out = ladder->out;
    double sure = from_client ? ladder->first_x : ladder->last_x;
    double end = from_client ? ladder->last_x : ladder->first_x;
    arrow(out, from, sure, y, "way", "", false);
    if (ladder->decided) {
        html_raw(out, "<path class=\"mark lb\" d=\"M%.0f %.0fl12 12m0 -12l-12 12\"/>", sure - 6,
                 y - 6);
        return;
    }
    arrow(out, sure, end, y, "cut", "", false);
    html_raw(out, "<text class=\"b tu\" style=\"font-size:17px\" x=\"%.0f\" y=\"%.0f\">?</text>",
             end + (from_client ? 4 : -14), y + 6);
}

/* Where an answer that a firewall gave in the server's name began. */
static double answer_x(const struct ladder *ladder, const struct exchange_step *step)
{
    bool refusal = step->is_icmp || (step->flags & TCP_RST);
    if (refusal && ladder->decided && ladder->candidates[0].place != APPLICATION)
        return place_x(ladder->candidates[0].place);
    return step->sender == STEP_OF_OTHER && !ladder->decided ? ladder->last_x : SERVER_X;
}

/* How far a request came that the verdict's place refused. */
static double request_x(const struct ladder *ladder)
{
    enum symptom symptom = ladder->finding->symptom;
    bool refused = symptom == SYMPTOM_SYN_RESET || symptom == SYMPTOM_ICMP_UNREACHABLE;
    return refused && ladder->decided ? place_x(ladder->candidates[0].place) : SERVER_X;
}

/* Returns where the arrow's label goes. */
static double draw_arrow(const struct ladder *ladder, const struct exchange_step *step, double y)
{
    bool from_client = step->sender == STEP_OF_CLIENT;
    bool refusal = step->is_icmp || (step->flags & TCP_RST);
    double from = from_client ? CLIENT_X : answer_x(ladder, step);
    double to = from_client ? request_x(ladder) : CLIENT_X;
    if (step->lost)
        lost_arrow(ladder, from, y, from_client);
    else
        arrow(ladder->out, from, to, y, refusal ? "lb" : "way", refusal ? "tb" : "arrowhead", true);
    /* A label may be wider than the way to a firewall beside the client. */
    double middle = (from + to) / 2;
    return step->lost || fabs(to - from) < LABEL_ROOM ? (CLIENT_X + SERVER_X) / 2.0 : middle;
}

static bool any_lost(const struct exchange *exchange)
{
    for (uint32_t i = 0; i < exchange->step_count; i++)
        if (exchange->steps[i].lost)
            return true;
    return false;
}

static void caption(const struct ladder *ladder)
{
    FILE *out = ladder->out;
    html_raw(out, "<figcaption>The first failing attempt, client port %u. ",
             ladder->exchange->client_port);
    if (any_lost(ladder->exchange))
        html_raw(out, "Nothing ever answered a packet whose arrow ends in %s. ",
                 ladder->decided ? "a cross" : "a question mark");
    fputs(ladder->decided
              ? "The dashed line is the place of the verdict: that a packet ends or an answer "
                "begins there is what the verdict says, the rest is what the capture shows."
              : "The dashed lines are the places that may be the cause.",
          out);
    fputs("</figcaption>\n", out);
}

static const char *capture_id(const struct ladder *ladder, const struct exchange *exchange)
{
    const struct report *report = ladder->report;
    return exchange->capture < report->capture_count ? report->captures[exchange->capture].id : "a";
}

static void frame_cell(const struct ladder *ladder, const struct exchange *exchange,
                       const struct exchange_step *step, double x, double y)
{
    if (ladder->sources) {
        html_raw(ladder->out,
                 "<text class=\"m\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%llu</text>", x,
                 y + 4, (unsigned long long)step->frame);
        return;
    }
    html_raw(ladder->out,
             "<a href=\"#f-%s-%s-%llu\"><text class=\"m tl\" x=\"%.0f\" y=\"%.0f\" "
             "text-anchor=\"end\">%llu</text></a>",
             ladder->finding->id, capture_id(ladder, exchange), (unsigned long long)step->frame, x,
             y + 4, (unsigned long long)step->frame);
}

/* The file that frames are of, from here on down. Its end says more than its beginning. */
static void source_change(const struct ladder *ladder, const struct exchange_step *step, double y)
{
    enum { SOURCE_BYTES = 22 };
    size_t at = (size_t)(step - ladder->exchange->steps);
    const char *const *sources = ladder->sources;
    if (!sources || (at && strcmp(sources[at], sources[at - 1]) == 0))
        return;
    const char *name = sources[at], *shown = name;
    size_t length = strlen(name);
    if (length > SOURCE_BYTES)
        shown += length - SOURCE_BYTES;
    while (((unsigned char)*shown & 0xc0) == 0x80) /* no half characters */
        shown++;
    html_raw(ladder->out, "<text class=\"s\" x=\"0\" y=\"%.0f\">", y - 12);
    html_textf(ladder->out, "%s%s", shown == name ? "" : "\xe2\x80\xa6", shown);
    fputs("</text>", ladder->out);
}

static void draw_step(const struct ladder *ladder, const struct exchange_step *step, double y)
{
    FILE *out = ladder->out;
    char what[STEP_TEXT];
    double since_s = (double)(step->time_ns - ladder->exchange->steps[0].time_ns) / 1e9;
    source_change(ladder, step, y);
    frame_cell(ladder, ladder->exchange, step, FRAME_X, y);
    html_raw(out, "<text class=\"m\" x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%+.3f</text>", TIME_X,
             y + 4, since_s);
    double middle = draw_arrow(ladder, step, y);
    html_raw(out, "<text class=\"m\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">", middle, y - 6);
    html_text(out, view_step(ladder->finding, step, what));
    fputs("</text>", out);
    if (step->again.total)
        html_raw(out,
                 "<text class=\"s\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">and %u more "
                 "time%s</text>",
                 middle, y + 15, step->again.total, step->again.total == 1 ? "" : "s");
    const struct exchange_step *same = same_step(ladder, step);
    if (same)
        frame_cell(ladder, ladder->other, same, OTHER_X, y);
    else if (ladder->other)
        html_raw(out, "<text class=\"s\" x=\"%d\" y=\"%.0f\" text-anchor=\"end\">not seen</text>",
                 OTHER_X + 20, y + 4);
    fputs("\n", out);
}

static void heads(const struct ladder *ladder)
{
    bool several = ladder->report->capture_count > 1;
    html_raw(ladder->out,
             "<text class=\"s\" x=\"%d\" y=\"39\" text-anchor=\"end\">frame%s%s</text>"
             "<text class=\"s\" x=\"%d\" y=\"39\" text-anchor=\"end\">seconds</text>",
             FRAME_X, several ? ", " : "", several ? capture_id(ladder, ladder->exchange) : "",
             TIME_X);
    if (ladder->other)
        html_raw(ladder->out,
                 "<text class=\"s\" x=\"%d\" y=\"61\" text-anchor=\"end\">frame, %s</text>",
                 OTHER_X + 20, capture_id(ladder, ladder->other));
}

/* The same attempt in another capture: its first packet has the same sequence. */
static const struct exchange *counterpart(const struct finding *finding,
                                          const struct exchange *exchange)
{
    for (uint32_t i = 0; i < finding->exchange_count; i++) {
        const struct exchange *other = &finding->exchanges[i];
        if (other->capture != exchange->capture && other->step_count &&
            other->steps[0].sequence == exchange->steps[0].sequence)
            return other;
    }
    return NULL;
}

static void places_of_verdict(struct ladder *ladder)
{
    view_candidates(&ladder->finding->verdict, ladder->candidates);
    ladder->named = view_named(ladder->candidates);
    ladder->decided = ladder->named == 1;
    ladder->first_x = SERVER_X;
    ladder->last_x = CLIENT_X;
    for (size_t i = 0; i < ladder->named; i++) {
        double x = place_x(ladder->candidates[i].place);
        ladder->first_x = x < ladder->first_x ? x : ladder->first_x;
        ladder->last_x = x > ladder->last_x ? x : ladder->last_x;
    }
}

void html_ladder(FILE *out, const struct report *report, const struct finding *finding,
                 const char *const *sources)
{
    struct ladder ladder = {.out = out, .report = report, .finding = finding, .sources = sources};
    if (!finding->exchange_count || !finding->exchanges[0].step_count)
        return;
    ladder.exchange = &finding->exchanges[0];
    ladder.other = counterpart(finding, ladder.exchange);
    places_of_verdict(&ladder);
    double height = TOP_Y + ROW_Y * (double)ladder.exchange->step_count + 4;
    html_raw(out,
             "<figure class=\"ladder\">\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
             "aria-label=\"Ladder diagram\">\n<svg role=\"group\" aria-labelledby=\"ladder-%s\" "
             "viewBox=\"0 0 %d %.0f\" width=\"%d\" height=\"%.0f\">\n<title id=\"ladder-%s\">"
             "Ladder diagram of the first failing attempt</title>\n%s\n",
             finding->id, WIDTH, height, WIDTH, height, finding->id,
             sources ? "" : "<desc>The table of packets below says the same in words.</desc>");
    heads(&ladder);
    lifeline(&ladder, CLIENT_X, "client", &finding->client, height);
    lifeline(&ladder, SERVER_X, "server", &finding->server, height);
    named_places(&ladder, height);
    for (uint32_t i = 0; i < ladder.exchange->step_count; i++)
        draw_step(&ladder, &ladder.exchange->steps[i], TOP_Y + ROW_Y * (double)i + 16);
    fputs("</svg>\n</div>\n", out);
    caption(&ladder);
    fputs("</figure>\n", out);
}

/* --- attempts over time --- */

enum { BIN_WIDTH = 14, BAR_HEIGHT = 44, HISTORY_LEFT = 62 };

static void bar(FILE *out, size_t bin, uint32_t count, uint32_t most, bool failed)
{
    if (!count)
        return;
    double height = 3 + (BAR_HEIGHT - 3) * (double)count / most;
    html_raw(out, "<rect class=\"%s\" x=\"%zu\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>",
             failed ? "tb" : "tg", HISTORY_LEFT + bin * BIN_WIDTH,
             failed ? BAR_HEIGHT + 8 - height : BAR_HEIGHT + 10.0, BIN_WIDTH - 2, height);
}

void html_history(FILE *out, const struct finding *finding)
{
    const struct history *history = &finding->history;
    uint64_t failed = 0, succeeded = 0;
    uint32_t most = 1;
    char first[FORMAT_TEXT], number[2][FORMAT_TEXT];
    for (size_t i = 0; i < HISTORY_BINS; i++) {
        failed += history->failed[i];
        succeeded += history->succeeded[i];
        most = history->failed[i] > most ? history->failed[i] : most;
        most = history->succeeded[i] > most ? history->succeeded[i] : most;
    }
    if (failed + succeeded < 2)
        return;
    int right = HISTORY_LEFT + HISTORY_BINS * BIN_WIDTH;
    html_raw(out,
             "<figure class=\"history\">\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
             "aria-label=\"Attempts over time\">\n<svg role=\"img\" aria-labelledby=\"history-%s\" "
             "viewBox=\"0 0 %d 106\" width=\"%d\" height=\"106\">\n<title id=\"history-%s\">"
             "%s failed and %s worked</title>\n",
             finding->id, right, right, finding->id, format_plural(failed, "attempt", number[0]),
             format_count(succeeded, number[1]));
    html_raw(out,
             "<text class=\"s\" x=\"0\" y=\"34\">failed</text><text class=\"s\" x=\"0\" "
             "y=\"80\">worked</text><path class=\"life\" d=\"M%d %dH%d\"/>\n",
             HISTORY_LEFT, BAR_HEIGHT + 9, right);
    for (size_t i = 0; i < HISTORY_BINS; i++) {
        bar(out, i, history->failed[i], most, true);
        bar(out, i, history->succeeded[i], most, false);
    }
    fputs("\n</svg>\n</div>\n<figcaption>This client's attempts on this service: ", out);
    html_raw(out, "%s failed, %s worked", format_count(failed, number[0]),
             format_count(succeeded, number[1]));
    if (*format_span(history->first_ns, history->last_ns, first))
        html_raw(out, ". From left to right: %s", first);
    fputs(".</figcaption>\n</figure>\n", out);
}
