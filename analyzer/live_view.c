#include "analyzer/live_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"

/* A confidence that moved less than this is no news. */
#define CONFIDENCE_CHANGE 0.15

/* What was last shown of a finding. */
struct shown {
    char id[9];
    enum failure_point place;
    enum mechanism mechanism;
    double confidence;
    bool present; /* in the latest report */
};

enum { SHOWN_MAX = 4096 };

struct live_view {
    struct outputs *outputs;
    struct shown *shown;
    size_t count;
};

struct live_view *live_view_new(struct outputs *outputs)
{
    struct live_view *view = memory_zeroed(1, sizeof *view);
    view->outputs = outputs;
    view->shown = memory_zeroed(SHOWN_MAX, sizeof *view->shown);
    return view;
}

static void tell(struct live_view *view, enum report_event event, const struct report *report,
                 const struct finding *finding, int64_t now_ns)
{
    struct outputs *outputs = view->outputs;
    if (outputs->text) {
        if (event == EVENT_UPDATE)
            fprintf(outputs->text, "Changed:\n");
        report_write_finding_text(outputs->text, report, finding, &outputs->text_options);
        fflush(outputs->text);
    }
    if (outputs->ndjson) {
        report_write_ndjson(outputs->ndjson, event, now_ns, report, finding);
        fflush(outputs->ndjson);
    }
}

static void withdraw(struct live_view *view, const struct shown *shown, const struct report *report,
                     int64_t now_ns)
{
    struct outputs *outputs = view->outputs;
    if (outputs->text) {
        fprintf(outputs->text, "Withdrawn: finding %s, the connection came about after all\n",
                shown->id);
        fflush(outputs->text);
    }
    if (outputs->ndjson) {
        struct finding gone = {0};
        memcpy(gone.id, shown->id, sizeof gone.id);
        report_write_ndjson(outputs->ndjson, EVENT_WITHDRAWN, now_ns, report, &gone);
        fflush(outputs->ndjson);
    }
}

static struct shown *find_shown(struct live_view *view, const char *id)
{
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->shown[i].id, id) == 0)
            return &view->shown[i];
    return NULL;
}

static void remember(struct shown *shown, const struct finding *finding)
{
    memcpy(shown->id, finding->id, sizeof shown->id);
    shown->place = finding->verdict.place;
    shown->mechanism = finding->verdict.mechanism;
    shown->confidence = finding->verdict.probability[finding->verdict.place];
    shown->present = true;
}

static bool is_news(const struct shown *shown, const struct finding *finding)
{
    const struct verdict *verdict = &finding->verdict;
    return shown->place != verdict->place || shown->mechanism != verdict->mechanism ||
           fabs(shown->confidence - verdict->probability[verdict->place]) >= CONFIDENCE_CHANGE;
}

static void show_finding(struct live_view *view, const struct report *report,
                         const struct finding *finding, int64_t now_ns)
{
    struct shown *shown = find_shown(view, finding->id);
    if (!shown) {
        if (view->count == SHOWN_MAX)
            return; /* the final report has it */
        shown = &view->shown[view->count++];
        remember(shown, finding);
        tell(view, EVENT_FINDING, report, finding, now_ns);
        return;
    }
    bool news = is_news(shown, finding);
    shown->present = true;
    if (!news)
        return;
    remember(shown, finding);
    tell(view, EVENT_UPDATE, report, finding, now_ns);
}

void live_view_update(struct live_view *view, const struct report *report, int64_t now_ns)
{
    for (size_t i = 0; i < view->count; i++)
        view->shown[i].present = false;
    for (size_t i = 0; i < report->finding_count; i++)
        show_finding(view, report, report->findings[i], now_ns);
    for (size_t i = 0; i < view->count;) {
        if (view->shown[i].present) {
            i++;
            continue;
        }
        withdraw(view, &view->shown[i], report, now_ns);
        view->shown[i] = view->shown[--view->count];
    }
}

void live_view_free(struct live_view *view)
{
    free(view->shown);
    free(view);
}
