/* The way from the client to the server as a drawing: one row on wide screens and paper, one column
 * on narrow ones. What stands on the way comes from rules/attribution/topologies.json. */
#include <math.h>
#include <string.h>

#include "analyzer/report/format.h"
#include "analyzer/report/html.h"

enum {
    PITCH_X = 124, /* between stations of the row */
    LINE_Y = 78,
    ROW_HEIGHT = 186,
    MARGIN = 14,
    PITCH_Y = 84, /* between stations of the column */
    LINE_X = 64,
    NAME_X = 124,
    NAME_BYTES = 14, /* of a line under a station: bold name, */
    NOTE_BYTES = 19, /* and small note */
    TALL_BYTES = 24, /* of a line beside it */
    NAME_LINES = 3,
    SHARE_NAMED = SHARE_WHOLE / 20, /* from here on a station shows its share */
};

struct drawing {
    FILE *out;
    const struct report *report;
    const struct finding *finding;
    const struct station *stations;
    size_t count;
    struct candidate candidates[FAILURE_POINTS];
    uint32_t marked; /* places the verdict names */
    bool decided;
    bool tall;
    size_t from; /* the first station that may be where it fails */
    size_t last; /* the last that is on the connection's way */
};

static double along(const struct drawing *drawing, double station)
{
    return drawing->tall ? 34 + station * PITCH_Y : PITCH_X / 2.0 + station * PITCH_X;
}

static double x_of(const struct drawing *drawing, double station)
{
    return drawing->tall ? LINE_X : along(drawing, station);
}

static double y_of(const struct drawing *drawing, double station)
{
    return drawing->tall ? along(drawing, station) : LINE_Y;
}

static bool is_marked(const struct drawing *drawing, const struct station *station)
{
    return !station->aside && (station->places & drawing->marked);
}

static unsigned share_of(const struct drawing *drawing, const struct station *station)
{
    unsigned share = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        if (station->places & (1u << drawing->candidates[i].place))
            share += drawing->candidates[i].share;
    return station->aside ? 0 : share;
}

struct label {
    const char *style, *anchor;
    size_t bytes; /* of a line */
    int lines;    /* at most */
};

static const struct label name_below = {"b", "middle", NAME_BYTES, NAME_LINES};
static const struct label note_below = {"s", "middle", NOTE_BYTES, NAME_LINES};
static const struct label name_beside = {"b", "start", TALL_BYTES, 1};
static const struct label note_beside = {"s", "start", TALL_BYTES, 1};

/* A text broken into lines at blanks and, in long addresses, after dots and colons. Returns how
 * many lines that took. */
static int write_label(FILE *out, const struct label *label, const char *text, double x, double y)
{
    int line = 0;
    for (; *text && line < label->lines; line++) {
        size_t length = strlen(text), cut = length;
        bool last = line + 1 == label->lines;
        if (length > label->bytes) {
            for (cut = label->bytes; cut > 1 && !last && !strchr(" .:-", text[cut - 1]); cut--)
                ;
            cut = cut > 1 ? cut : label->bytes;
        }
        while (cut < length && ((unsigned char)text[cut] & 0xc0) == 0x80) /* RFC 3629: not inside */
            cut++;
        html_raw(out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">", label->style,
                 x, y + 14 * line, label->anchor);
        html_textf(out, "%.*s%s", (int)cut, text, last && cut < length ? "\u2026" : "");
        fputs("</text>", out);
        text += cut;
    }
    return line;
}

static void draw_host(FILE *out, double x, double y)
{
    html_raw(out,
             "<rect class=\"shape\" x=\"%.0f\" y=\"%.0f\" width=\"44\" height=\"30\" rx=\"3\"/>"
             "<path class=\"inner\" d=\"M%.0f %.0fv5m-9 0h18\"/>",
             x - 22, y - 17, x, y + 13);
}

static void draw_firewall(FILE *out, double x, double y)
{
    html_raw(out,
             "<rect class=\"shape\" x=\"%.0f\" y=\"%.0f\" width=\"26\" height=\"44\" rx=\"1\"/>"
             "<path class=\"inner\" d=\"M%.0f %.0fh26m-26 11h26m-26 11h26m-17 -33v11m9 0v11m-9 "
             "0v11m9 0v11\"/>",
             x - 13, y - 22, x - 13, y - 11);
}

static void draw_network(FILE *out, double x, double y)
{
    html_raw(out,
             "<path class=\"shape\" d=\"M%.0f %.0fa13 13 0 0 1 2 -26a17 17 0 0 1 31 -4a13 13 0 0 1 "
             "17 13a9 9 0 0 1 -3 17z\"/>",
             x - 25, y + 17);
}

static void draw_tunnel(FILE *out, double x, double y)
{
    html_raw(out,
             "<path class=\"shape\" d=\"M%.0f %.0fh56a6 13 0 0 1 0 26h-56a6 13 0 0 1 0 -26z\"/>"
             "<ellipse class=\"inner\" cx=\"%.0f\" cy=\"%.0f\" rx=\"6\" ry=\"13\"/>",
             x - 28, y - 13, x + 28, y);
}

/* A cross where the verdict says so, a question mark where it may be. */
static void draw_mark(const struct drawing *drawing, double x, double y)
{
    if (drawing->decided)
        html_raw(drawing->out, "<path class=\"mark lb\" d=\"M%.0f %.0fl20 20m0 -20l-20 20\"/>",
                 x - 10, y - 10);
    else
        html_raw(drawing->out,
                 "<text class=\"b tu\" style=\"font-size:24px\" x=\"%.0f\" y=\"%.0f\" "
                 "text-anchor=\"middle\">?</text>",
                 x, y + 9);
}

static void draw_share(const struct drawing *drawing, const struct station *station, double x,
                       double y)
{
    unsigned share = share_of(drawing, station);
    char text[FORMAT_TEXT];
    if (share < SHARE_NAMED && !is_marked(drawing, station))
        return;
    const char *style = !is_marked(drawing, station) ? "s" : drawing->decided ? "b tb" : "b tu";
    html_raw(drawing->out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>",
             style, x, y, drawing->tall ? "start" : "middle", format_share(share, text));
}

static void draw_station(const struct drawing *drawing, size_t index)
{
    static void (*const shapes[STATION_KINDS])(FILE *, double, double) = {
        [STATION_HOST] = draw_host,
        [STATION_FIREWALL] = draw_firewall,
        [STATION_NETWORK] = draw_network,
        [STATION_TUNNEL] = draw_tunnel,
    };
    const struct station *station = &drawing->stations[index];
    double x = x_of(drawing, (double)index), y = y_of(drawing, (double)index);
    bool marked = is_marked(drawing, station);
    html_raw(drawing->out, "<g class=\"%s\">",
             station->aside     ? "aside"
             : !marked          ? "plain"
             : drawing->decided ? "failed"
                                : "unsure");
    shapes[station->kind](drawing->out, x, y);
    if (marked)
        draw_mark(drawing, x, y);
    if (drawing->tall) {
        write_label(drawing->out, &name_beside, station->name, NAME_X, y - 8);
        write_label(drawing->out, &note_beside, station->note, NAME_X, y + 9);
        draw_share(drawing, station, NAME_X, y + 26);
    } else {
        int lines = write_label(drawing->out, &name_below, station->name, x, y + 46);
        write_label(drawing->out, &note_below, station->note, x, y + 46 + 14 * (double)lines);
        draw_share(drawing, station, x, y - 34);
    }
    fputs("</g>\n", drawing->out);
}

static void draw_line(const struct drawing *drawing, const char *style, double from, double to)
{
    html_raw(drawing->out, "<path class=\"%s\" d=\"M%.0f %.0fL%.0f %.0f\"/>", style,
             x_of(drawing, from), y_of(drawing, from), x_of(drawing, to), y_of(drawing, to));
}

/* --- where the captures were taken --- */

static double station_of(const struct drawing *drawing, enum failure_point place)
{
    for (size_t i = 0; i < drawing->count; i++)
        if (!drawing->stations[i].aside && (drawing->stations[i].places & (1u << place)))
            return (double)i;
    return NAN;
}

static double taken_at(const struct drawing *drawing, enum vantage vantage)
{
    switch (vantage) {
    case VANTAGE_CLIENT:
        return 0;
    case VANTAGE_EGRESS_LAN:
        return station_of(drawing, EGRESS_POLICY) - 0.5;
    case VANTAGE_EGRESS_ANY:
        return station_of(drawing, EGRESS_POLICY);
    case VANTAGE_EGRESS_WAN:
        return station_of(drawing, EGRESS_POLICY) + 0.5;
    case VANTAGE_ISP:
        return station_of(drawing, NETWORK_PATH);
    case VANTAGE_EDGE_WAN:
        return station_of(drawing, EDGE_FIREWALL) - 0.5;
    case VANTAGE_EDGE_ANY:
        return station_of(drawing, EDGE_FIREWALL);
    case VANTAGE_EDGE_LAN:
        return station_of(drawing, EDGE_FIREWALL) + 0.5;
    case VANTAGE_SERVER:
        return (double)drawing->last;
    case VANTAGE_UNKNOWN:
    case VANTAGE_SPAN:
    case VANTAGES:
        break;
    }
    return NAN;
}

/* Which captures show this failure. */
static bool shows(const struct finding *finding, size_t capture)
{
    for (uint32_t i = 0; i < finding->exchange_count; i++)
        if (finding->exchanges[i].capture == capture)
            return true;
    return finding->capture == capture;
}

static void draw_captures(const struct drawing *drawing)
{
    for (size_t i = 0; i < drawing->report->capture_count; i++) {
        const struct capture_report *capture = &drawing->report->captures[i];
        double at = taken_at(drawing, capture->vantage.kind);
        if (isnan(at) || !shows(drawing->finding, i))
            continue;
        double x = x_of(drawing, at), y = y_of(drawing, at);
        if (drawing->tall)
            html_raw(drawing->out,
                     "<path class=\"tl\" d=\"M%.0f %.0fl-11 -6v12z\"/>"
                     "<text class=\"s tl\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>",
                     x - 28, y, x - 41, y + 4, capture->id);
        else
            html_raw(drawing->out,
                     "<path class=\"tl\" d=\"M%.0f %.0fl-6 -11h12z\"/>"
                     "<text class=\"s tl\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">capture "
                     "%s</text>",
                     x, y - 50, x, y - 66, capture->id);
    }
}

static void describe(const struct drawing *drawing)
{
    FILE *out = drawing->out;
    fputs("<desc>On the way from client to server: ", out);
    for (size_t i = 0; i < drawing->count; i++) {
        const struct station *station = &drawing->stations[i];
        if (station->aside)
            continue;
        html_textf(out, "%s%s", i ? ", then " : "", station->name);
        if (station->note[0])
            html_textf(out, " (%s)", station->note);
        if (is_marked(drawing, station))
            fputs(drawing->decided ? ", where it fails" : ", where it may fail", out);
    }
    fputs(".</desc>\n", out);
}

static void draw(const struct drawing *drawing)
{
    FILE *out = drawing->out;
    double end = along(drawing, (double)(drawing->count - 1));
    double width = drawing->tall ? 340 : end + PITCH_X / 2.0 + 2 * MARGIN;
    double height = drawing->tall ? end + 44 : ROW_HEIGHT;
    const char *id = drawing->finding->id, *kind = drawing->tall ? "tall" : "wide";
    html_raw(out,
             "<svg class=\"%s\" role=\"img\" aria-labelledby=\"way-%s-%s\" viewBox=\"%d 0 %.0f "
             "%.0f\" width=\"%.0f\" height=\"%.0f\">\n<title id=\"way-%s-%s\">",
             kind, id, kind, drawing->tall ? 0 : -MARGIN, width, height, width, height, id, kind);
    html_textf(out, "%s, with the place of the failure", drawing->finding->verdict.topology);
    fputs("</title>\n", out);
    describe(drawing);
    if (drawing->from > 0)
        draw_line(drawing, "way", 0, (double)drawing->from);
    draw_line(drawing, "cut", (double)drawing->from, (double)(drawing->count - 1));
    for (size_t i = 0; i < drawing->count; i++)
        draw_station(drawing, i);
    draw_captures(drawing);
    fputs("</svg>\n", out);
}

static bool prepare(struct drawing *drawing)
{
    const struct verdict *verdict = &drawing->finding->verdict;
    drawing->stations = verdict->stations;
    drawing->count = verdict->station_count;
    if (drawing->count < 2)
        return false;
    view_candidates(verdict, drawing->candidates);
    size_t named = view_named(drawing->candidates);
    drawing->decided = named == 1;
    for (size_t i = 0; i < named; i++)
        drawing->marked |= 1u << drawing->candidates[i].place;
    drawing->from = drawing->count;
    for (size_t i = 0; i < drawing->count; i++) {
        if (!drawing->stations[i].aside)
            drawing->last = i;
        if (i < drawing->from && is_marked(drawing, &drawing->stations[i]))
            drawing->from = i;
    }
    if (drawing->from == drawing->count)
        drawing->from = drawing->last;
    return true;
}

void html_topology(FILE *out, const struct report *report, const struct finding *finding)
{
    struct drawing drawing = {.out = out, .report = report, .finding = finding};
    if (!prepare(&drawing))
        return;
    fputs("<figure class=\"way\">\n", out);
    draw(&drawing);
    drawing.tall = true;
    draw(&drawing);
    fputs("<figcaption>", out);
    html_text(out, finding->verdict.topology);
    fputs(drawing.decided ? ". The cross marks the place of the verdict"
                          : ". The question marks stand where the failure may be",
          out);
    fputs(", percentages are the probabilities, a blue triangle is where a capture was taken."
          "</figcaption>\n</figure>\n",
          out);
}
