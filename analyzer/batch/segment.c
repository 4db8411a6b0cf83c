#include "analyzer/batch/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/exchange.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/notes.h"
#include "analyzer/inquiry.h"
#include "analyzer/memory.h"
#include "analyzer/outputs.h"
#include "analyzer/report/json.h"

enum { BATCH_MAX_FLOWS = 10 * 1000 * 1000 };

/* What the captures before the new ones showed by themselves: it was counted in its time. */
struct boundary {
    bool passed;
    int64_t last_ns; /* of what was read before it */
    uint64_t attempts, succeeded, failed;
    struct told {
        char id[9];
        uint32_t attempts;
    } * told; /* by identifier */
    size_t told_count;
};

struct segment {
    const struct unit_request *request;
    struct part *const *parts;
    size_t count, context;
    struct inquiry *inquiry;
    uint64_t *base; /* by part: number of frames before its first */
    size_t opened;  /* parts whose base is known */
    struct boundary boundary;
    cJSON *result;
};

static void at_part(struct segment *segment, const struct part *part)
{
    struct unit_progress *progress = segment->request->progress;
    snprintf(progress->path, sizeof progress->path, "%s", part->path);
    snprintf(progress->member, sizeof progress->member, "%s", part->member ? part->member : "");
    progress->beats++;
}

static void site_of(const struct options *options, struct site *site)
{
    *site = (struct site){.nat = options->nats, .nat_count = options->nat_count};
    if (options->vantage_count)
        site->told = options->vantages[0].kind;
    for (size_t i = 0; i < options->local_net_count && i < SITE_NETWORKS_MAX; i++)
        site->local_net[site->local_net_count++] = options->local_nets[i];
}

static void begin_inquiry(struct segment *segment, struct source *source, const char *name)
{
    const struct options *options = segment->request->options;
    const struct knowledge *knowledge = segment->request->knowledge;
    struct inquiry_request request = {
        .profiles = knowledge->profiles,
        .rules = knowledge->rules,
        .thresholds = &knowledge->thresholds,
        .signs = knowledge->signs,
        .max_flows = options->max_flows ? options->max_flows : BATCH_MAX_FLOWS,
        .bridge = segment->request->bridge,
        .name = name,
        .path = name,
        .strip = options->strip_payload,
    };
    site_of(options, &request.site);
    segment->inquiry = inquiry_new(&request, source);
}

static int by_id(const void *left, const void *right)
{
    return strcmp(((const struct told *)left)->id, ((const struct told *)right)->id);
}

/* Everything before the new packets was read. */
static void pass_boundary(struct segment *segment)
{
    struct boundary *boundary = &segment->boundary;
    struct diagnosis diagnosis;
    inquiry_diagnose(segment->inquiry, INT64_MIN, &diagnosis);
    boundary->passed = true;
    boundary->last_ns = inquiry_last_ns(segment->inquiry);
    boundary->attempts = diagnosis.attempts;
    boundary->succeeded = diagnosis.succeeded;
    boundary->failed = diagnosis.failed;
    boundary->told = memory_zeroed(diagnosis.count, sizeof *boundary->told);
    for (size_t i = 0; i < diagnosis.count; i++) {
        struct told *told = &boundary->told[boundary->told_count++];
        memcpy(told->id, diagnosis.findings[i]->id, sizeof told->id);
        told->attempts = diagnosis.findings[i]->attempts;
    }
    qsort(boundary->told, boundary->told_count, sizeof *boundary->told, by_id);
    diagnosis_release(&diagnosis);
}

/* Reads frames of the present part until `until` of it were read. No further than what was there
 * when the file was looked at: that is what its hash stands for. */
static void read_part(struct segment *segment, uint64_t until)
{
    struct unit_progress *progress = segment->request->progress;
    const struct source_stats *stats = inquiry_source_stats(segment->inquiry);
    while (stats->frames < until) {
        uint64_t before = stats->frames;
        bool more = inquiry_step_to(segment->inquiry, until - before);
        stats = inquiry_source_stats(segment->inquiry);
        progress->packets += stats->frames - before;
        progress->beats++;
        if (!more)
            break;
    }
}

static void open_part(struct segment *segment, size_t index)
{
    const struct part *part = segment->parts[index];
    struct error error = {""};
    segment->base[index] = UINT64_MAX;
    at_part(segment, part);
    struct source *source =
        part->place ? source_open_named(part->place, part->name, NULL, &error) : NULL;
    if (!source) {
        notes_warn(segment->result, error.text);
        return;
    }
    if (segment->inquiry)
        inquiry_continue(segment->inquiry, source, part->name);
    else
        begin_inquiry(segment, source, part->name);
    segment->base[index] = inquiry_frame_base(segment->inquiry);
}

static void read_all(struct segment *segment)
{
    for (size_t i = 0; i < segment->count; i++) {
        const struct part *part = segment->parts[i];
        bool begins = i == segment->context;
        if (begins && segment->inquiry)
            pass_boundary(segment);
        open_part(segment, i);
        if (segment->base[i] == UINT64_MAX)
            continue;
        if (begins && part->told) {
            free(segment->boundary.told);
            segment->boundary = (struct boundary){0};
            read_part(segment, part->told);
            pass_boundary(segment);
        }
        read_part(segment, part->packets);
    }
}

/* --- what goes into the result --- */

/* report/json.c writes counts as text of their own, exact beyond 2^53. */
static uint64_t count_of(const cJSON *item)
{
    return cJSON_IsRaw(item) ? strtoull(item->valuestring, NULL, 10) : (uint64_t)item->valuedouble;
}

static void split_frames(const struct segment *segment, const cJSON *item, cJSON *evidence)
{
    const cJSON *frames = document_list(item, "frames"), *frame;
    bool first = true;
    for (size_t i = 0; i < segment->count; i++) {
        uint64_t base = segment->base[i];
        cJSON *local = NULL;
        if (base == UINT64_MAX)
            continue;
        cJSON_ArrayForEach(frame, frames) {
            uint64_t number = count_of(frame);
            if (number <= base || number - base > segment->parts[i]->packets)
                continue;
            if (!local)
                local = cJSON_CreateArray();
            cJSON_AddItemToArray(local, cJSON_CreateNumber((double)(number - base)));
        }
        if (!local)
            continue;
        cJSON *copy = cJSON_Duplicate(item, true);
        cJSON_ReplaceItemInObject(copy, "frames", local);
        cJSON_ReplaceItemInObject(copy, "capture", cJSON_CreateString(segment->parts[i]->id));
        if (!first) { /* its weight and number of frames are told once */
            cJSON_DeleteItemFromObject(copy, "weights");
            cJSON_DeleteItemFromObject(copy, "frames_total");
        }
        first = false;
        cJSON_AddItemToArray(evidence, copy);
    }
    if (first) { /* no frame shows it */
        cJSON *copy = cJSON_Duplicate(item, true);
        const struct part *last = segment->parts[segment->count - 1];
        cJSON_ReplaceItemInObject(copy, "capture", cJSON_CreateString(last->id));
        cJSON_AddItemToArray(evidence, copy);
    }
}

/* The tracker counted frames on over all captures; evidence names the capture and the frame in it.
 */
static void name_frames(const struct segment *segment, cJSON *document)
{
    cJSON *evidence = cJSON_CreateArray();
    const cJSON *item;
    cJSON_ArrayForEach(item, document_list(document, "evidence"))
        split_frames(segment, item, evidence);
    cJSON_ReplaceItemInObject(document, "evidence", evidence);
}

static void name_steps(const struct segment *segment, const cJSON *exchange)
{
    cJSON *step;
    cJSON_ArrayForEach(step, document_list(exchange, "steps")) {
        uint64_t frame = count_of(cJSON_GetObjectItem(step, "frame"));
        for (size_t i = 0; i < segment->count; i++) {
            const struct part *part = segment->parts[i];
            uint64_t base = segment->base[i];
            if (base == UINT64_MAX || frame <= base || frame - base > part->packets)
                continue;
            cJSON_ReplaceItemInObject(step, "frame", cJSON_CreateNumber((double)(frame - base)));
            cJSON_ReplaceItemInObject(step, "capture", cJSON_CreateString(part->id));
            break;
        }
    }
}

static uint32_t told_before(const struct boundary *boundary, const char *id)
{
    struct told key = {.attempts = 0};
    memcpy(key.id, id, sizeof key.id);
    const struct told *told =
        boundary->told_count
            ? bsearch(&key, boundary->told, boundary->told_count, sizeof key, by_id)
            : NULL;
    return told ? told->attempts : 0;
}

/* What the history has columns for. */
static void add_columns(cJSON *item, const struct finding *finding, const cJSON *document)
{
    static const struct {
        const char *column, *group, *name;
    } texts[] = {
        {"profile", NULL, "profile"},
        {"service", NULL, "service"},
        {"proto", NULL, "proto"},
        {"symptom", NULL, "symptom"},
        {"client", "client", "ip"},
        {"server", "server", "ip"},
        {"failure_point", "verdict", "failure_point"},
        {"mechanism", "verdict", "mechanism"},
        {"summary", "verdict", "summary"},
    };
    const cJSON *verdict = cJSON_GetObjectItem(document, "verdict");
    double confidence = cJSON_GetNumberValue(cJSON_GetObjectItem(verdict, "confidence"));
    char text[32];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *group = texts[i].group;
        const cJSON *from = group ? cJSON_GetObjectItem(document, group) : document;
        document_add_text(item, texts[i].column, document_text(from, texts[i].name));
    }
    snprintf(text, sizeof text, "%.4f", confidence);
    document_add_text(item, "confidence", text);
    document_add_number(item, "port", finding->server_port);
}

static void add_finding(const struct segment *segment, const struct finding *finding)
{
    const struct report none = {0};
    uint32_t before = told_before(&segment->boundary, finding->id);
    if (finding->attempts <= before)
        return; /* nothing of it is new */
    cJSON *item = cJSON_CreateObject();
    cJSON *document = report_json_finding(&none, finding);
    cJSON_ReplaceItemInObject(document, "attempts", cJSON_CreateNumber(finding->attempts - before));
    name_frames(segment, document);
    cJSON *exchange = exchange_document(finding);
    name_steps(segment, exchange);
    if (exchange)
        document_add(document, "exchange", exchange);
    document_add_text(item, "id", finding->id);
    document_add_number(item, "attempts", finding->attempts - before);
    document_add_number(item, "first", finding->first_ns);
    document_add_number(item, "last", finding->last_ns);
    add_columns(item, finding, document);
    document_add(item, "document", document);
    cJSON_AddItemToArray(cJSON_GetObjectItem(segment->result, "findings"), item);
}

static void add_capture(const struct segment *segment, const struct part *part,
                        const struct capture_report *described)
{
    struct capture_report report = *described;
    char *links = memory_string(part->links), *rest = links;
    report.source = part->name;
    report.packets = part->packets;
    report.first_ns = part->first_ns;
    report.last_ns = part->last_ns;
    report.dropped = part->dropped;
    report.truncated = part->truncated;
    report.problem = part->problem;
    report.link_type_count = 0;
    for (char *link; (link = strsep(&rest, " ")) && report.link_type_count < 16;)
        if (*link)
            report.link_types[report.link_type_count++] = link;
    memcpy(report.id, part->id, sizeof report.id);

    cJSON *item = cJSON_CreateObject(), *document = report_json_capture(&report);
    cJSON_DeleteItemFromObject(document, "counters"); /* they are of the whole stream */
    document_add_text(item, "hash", part->hash);
    document_add_text(item, "replaces", *part->replaces ? part->replaces : NULL);
    document_add_text(item, "id", part->id);
    document_add_text(item, "path", part->path);
    document_add_text(item, "member", part->member);
    document_add_number(item, "size", part->size);
    document_add_number(item, "mtime", part->mtime_ns);
    document_add_number(item, "inode", part->inode);
    document_add_number(item, "bytes", (int64_t)part->bytes);
    document_add_number(item, "packets", (int64_t)part->packets);
    document_add_number(item, "new_packets", (int64_t)(part->packets - part->told));
    document_add_number(item, "first", part->first_ns);
    document_add_number(item, "last", part->last_ns);
    document_add_text(item, "links", part->links);
    document_add(item, "document", document);
    cJSON_AddItemToArray(cJSON_GetObjectItem(segment->result, "captures"), item);
    free(links);
}

struct worked {
    struct notes_pair *pairs;
    size_t count, capacity;
    int64_t after_ns;
};

static void note_success(void *context, const struct inquiry_success *success)
{
    struct worked *worked = context;
    if (success->last_ns <= worked->after_ns || worked->count == WORKED_MAX)
        return;
    if (worked->count == worked->capacity) {
        worked->capacity = worked->capacity ? worked->capacity * 2 : 64;
        worked->pairs = memory_resize(worked->pairs, worked->capacity, sizeof *worked->pairs);
    }
    worked->pairs[worked->count++] = (struct notes_pair){
        .client = success->client,
        .server = success->server,
        .proto = success->service->proto,
        .port = success->server_port,
        .last_ns = success->last_ns,
    };
}

static uint64_t more_than(uint64_t whole, uint64_t before)
{
    return whole > before ? whole - before : 0;
}

static void warn(void *context, const char *text)
{
    notes_warn(context, text);
}

static void conclude(struct segment *segment)
{
    struct inquiry *inquiry = segment->inquiry;
    const struct boundary *boundary = &segment->boundary;
    struct diagnosis diagnosis;
    struct capture_report described;
    struct worked worked = {.after_ns = boundary->passed ? boundary->last_ns : INT64_MIN};

    inquiry_diagnose(inquiry, INT64_MIN, &diagnosis);
    segment->request->progress->beats++;
    inquiry_describe(inquiry, &diagnosis, &described);
    inquiry_warnings(inquiry, &diagnosis, warn, segment->result);
    for (size_t i = segment->context; i < segment->count; i++)
        if (segment->base[i] != UINT64_MAX)
            add_capture(segment, segment->parts[i], &described);
    for (size_t i = 0; i < diagnosis.count; i++)
        add_finding(segment, diagnosis.findings[i]);
    inquiry_successes(inquiry, note_success, &worked);
    if (worked.count == WORKED_MAX)
        notes_warn(segment->result, "more working connections than are kept to see what is "
                                    "resolved; some findings may stay open");
    notes_worked(segment->result, worked.pairs, worked.count);
    notes_count(segment->result, "attempts", more_than(diagnosis.attempts, boundary->attempts));
    notes_count(segment->result, "succeeded", more_than(diagnosis.succeeded, boundary->succeeded));
    notes_count(segment->result, "failed", more_than(diagnosis.failed, boundary->failed));
    free(worked.pairs);
    diagnosis_release(&diagnosis);
}

void segment_analyse(const struct unit_request *request, struct part *const *parts, size_t count,
                     size_t context, cJSON *result)
{
    struct segment segment = {
        .request = request,
        .parts = parts,
        .count = count,
        .context = context,
        .base = memory_zeroed(count, sizeof *segment.base),
        .result = result,
    };
    read_all(&segment);
    if (segment.inquiry)
        conclude(&segment);
    inquiry_free(segment.inquiry);
    free(segment.boundary.told);
    free(segment.base);
}
