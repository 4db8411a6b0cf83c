/* Live events, one JSON document a line, each flushed as it happens. */
#include "analyzer/report/format.h"
#include "analyzer/report/json.h"

bool report_write_ndjson(FILE *out, enum report_event event, int64_t time_ns,
                         const struct report *report, const struct finding *finding)
{
    static const char *const event_words[] = {
        [EVENT_FINDING] = "finding",
        [EVENT_UPDATE] = "update",
        [EVENT_WITHDRAWN] = "withdrawn",
        [EVENT_REPORT] = "report",
    };
    char time[TIME_TEXT];
    fprintf(out, "{\"event\":\"%s\",\"time\":\"%s\"", event_words[event],
            report_time_text(time_ns, time));
    switch (event) {
    case EVENT_REPORT:
        fputs(",\"report\":", out);
        report_json_document(out, report, true);
        break;
    case EVENT_WITHDRAWN:
        fprintf(out, ",\"id\":\"%s\"", finding->id);
        break;
    case EVENT_FINDING:
    case EVENT_UPDATE:
        fputs(",\"finding\":", out);
        report_json_item(out, report_json_finding(report, finding));
        break;
    }
    fputs("}\n", out);
    return format_stream_ok(out);
}
