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
    struct counts {
        uint64_t attempts, succeeded, failed;
    } counts;
    struct told {
        char id[9];
        uint32_t attempts;
    } * told; /* by identifier */
    size_t told_count;
};

struct segment {
    const struct unit_request *request;
    struct run run;
    bool compared;           /* with others of its time */
    struct inquiry *inquiry; /* NULL: nothing could be read yet */
    uint64_t *base;          /* by part: number of frames before its first */
    int64_t passed_ns;       /* time of the last packet before the new ones; INT64_MIN: none */
    cJSON *result;
};

/* Segments of one time; one alone as well. */
struct group {
    struct segment segment[CORRELATION_CAPTURES_MAX];
    size_t count;
    const char *names[CORRELATION_CAPTURES_MAX]; /* as sentences call them */
    struct capture_report reports[CORRELATION_CAPTURES_MAX];
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
        .compared = segment->compared,
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

/* Diagnoses as far as was read: each by itself, and where there are several, all in the light of
 * the others. What several hold is counted once. */
static struct counts diagnose_group(const struct group *group, struct diagnosis *diagnoses)
{
    struct examination *examinations[CORRELATION_CAPTURES_MAX];
    struct correlation_view views[CORRELATION_CAPTURES_MAX];
    struct inquiry *inquiries[CORRELATION_CAPTURES_MAX];
    const char *names[CORRELATION_CAPTURES_MAX];
    size_t at[CORRELATION_CAPTURES_MAX], count = 0;
    struct counts counts = {0}, twice = {0};
    for (size_t i = 0; i < group->count; i++) {
        diagnoses[i] = (struct diagnosis){0};
        if (!group->segment[i].inquiry)
            continue;
        inquiries[count] = group->segment[i].inquiry;
        names[count] = group->names[i];
        at[count++] = i;
    }
    if (count == 1)
        inquiry_diagnose(inquiries[0], INT64_MIN, &diagnoses[at[0]]);
    for (size_t i = 0; count > 1 && i < count; i++) {
        inquiry_join(inquiries[i], (uint32_t)i, names);
        examinations[i] = inquiry_examine(inquiries[i], &views[i]);
    }
    if (count > 1) {
        struct correlation *correlation = correlate(views, count);
        for (size_t i = 0; i < count; i++)
            examination_conclude(examinations[i], correlation,
                                 (const struct examination *const *)examinations, count,
                                 &diagnoses[at[i]]);
        correlation_twice(correlation, &twice.attempts, &twice.succeeded, &twice.failed);
        correlation_free(correlation);
        for (size_t i = 0; i < count; i++)
            examination_free(examinations[i]);
    }
    for (size_t i = 0; i < group->count; i++) {
        counts.attempts += diagnoses[i].attempts;
        counts.succeeded += diagnoses[i].succeeded;
        counts.failed += diagnoses[i].failed;
    }
    counts.attempts -= twice.attempts;
    counts.succeeded -= twice.succeeded;
    counts.failed -= twice.failed < counts.failed ? twice.failed : counts.failed;
    return counts;
}

/* Everything before the new packets was read. */
static void pass_boundary(struct group *group)
{
    struct boundary *boundary = &group->boundary;
    struct diagnosis diagnoses[CORRELATION_CAPTURES_MAX];
    size_t total = 0;
    boundary->counts = diagnose_group(group, diagnoses);
    for (size_t i = 0; i < group->count; i++)
        total += diagnoses[i].count;
    boundary->told = memory_zeroed(total, sizeof *boundary->told);
    for (size_t i = 0; i < group->count; i++) {
        struct segment *segment = &group->segment[i];
        if (segment->inquiry)
            segment->passed_ns = inquiry_last_ns(segment->inquiry);
        for (size_t f = 0; f < diagnoses[i].count; f++) {
            struct told *told = &boundary->told[boundary->told_count++];
            memcpy(told->id, diagnoses[i].findings[f]->id, sizeof told->id);
            told->attempts = diagnoses[i].findings[f]->attempts;
        }
        diagnosis_release(&diagnoses[i]);
    }
    qsort(boundary->told, boundary->told_count, sizeof *boundary->told, by_id);
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
    const struct part *part = segment->run.parts[index];
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

/* What was counted before: the captures of the context, and what a grown one began with. */
static void read_context(struct segment *segment)
{
    const struct run *run = &segment->run;
    const struct part *first = run->parts[run->context];
    for (size_t i = 0; i < run->context; i++) {
        open_part(segment, i);
        if (segment->base[i] != UINT64_MAX)
            read_part(segment, run->parts[i]->packets);
    }
    if (!first->told)
        return;
    open_part(segment, run->context);
    if (segment->base[run->context] != UINT64_MAX)
        read_part(segment, first->told);
}

static void read_new(struct segment *segment)
{
    const struct run *run = &segment->run;
    for (size_t i = run->context; i < run->count; i++) {
        if (i > run->context || !run->parts[i]->told)
            open_part(segment, i);
        if (segment->base[i] != UINT64_MAX)
            read_part(segment, run->parts[i]->packets);
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
    for (size_t i = 0; i < segment->run.count; i++) {
        uint64_t base = segment->base[i];
        cJSON *local = NULL;
        if (base == UINT64_MAX)
            continue;
        cJSON_ArrayForEach(frame, frames) {
            uint64_t number = count_of(frame);
            if (number <= base || number - base > segment->run.parts[i]->packets)
                continue;
            if (!local)
                local = cJSON_CreateArray();
            cJSON_AddItemToArray(local, cJSON_CreateNumber((double)(number - base)));
        }
        if (!local)
            continue;
        cJSON *copy = cJSON_Duplicate(item, true);
        cJSON_ReplaceItemInObject(copy, "frames", local);
        cJSON_ReplaceItemInObject(copy, "capture", cJSON_CreateString(segment->run.parts[i]->id));
        if (!first) { /* its weight and number of frames are told once */
            cJSON_DeleteItemFromObject(copy, "weights");
            cJSON_DeleteItemFromObject(copy, "frames_total");
        }
        first = false;
        cJSON_AddItemToArray(evidence, copy);
    }
    if (first) { /* no frame shows it */
        cJSON *copy = cJSON_Duplicate(item, true);
        const struct part *last = segment->run.parts[segment->run.count - 1];
        cJSON_ReplaceItemInObject(copy, "capture", cJSON_CreateString(last->id));
        cJSON_AddItemToArray(evidence, copy);
    }
}

/* The tracker counted frames on over all captures; evidence names the capture and the frame in it.
 */
static void name_frames(const struct group *group, cJSON *document)
{
    cJSON *evidence = cJSON_CreateArray();
    const cJSON *item;
    cJSON_ArrayForEach(item, document_list(document, "evidence")) {
        const char *id = document_text(item, "capture"); /* as inquiry_describe() names it */
        split_frames(&group->segment[id ? id[0] - 'a' : 0], item, evidence);
    }
    cJSON_ReplaceItemInObject(document, "evidence", evidence);
}

static void name_steps(const struct segment *segment, const cJSON *exchange)
{
    cJSON *step;
    cJSON_ArrayForEach(step, document_list(exchange, "steps")) {
        uint64_t frame = count_of(cJSON_GetObjectItem(step, "frame"));
        for (size_t i = 0; i < segment->run.count; i++) {
            const struct part *part = segment->run.parts[i];
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

static void add_finding(const struct group *group, const struct finding *finding)
{
    const struct report report = {.captures = group->reports, .capture_count = group->count};
    uint32_t before = told_before(&group->boundary, finding->id);
    if (finding->attempts <= before)
        return; /* nothing of it is new */
    cJSON *item = cJSON_CreateObject();
    cJSON *document = report_json_finding(&report, finding);
    cJSON_ReplaceItemInObject(document, "attempts", cJSON_CreateNumber(finding->attempts - before));
    name_frames(group, document);
    cJSON *exchange = exchange_document(finding);
    if (exchange) {
        name_steps(&group->segment[finding->exchanges[0].capture], exchange);
        document_add(document, "exchange", exchange);
    }
    document_add_text(item, "id", finding->id);
    document_add_number(item, "attempts", finding->attempts - before);
    document_add_number(item, "first", finding->first_ns);
    document_add_number(item, "last", finding->last_ns);
    add_columns(item, finding, document);
    document_add(item, "document", document);
    cJSON_AddItemToArray(cJSON_GetObjectItem(group->result, "findings"), item);
}

static void add_capture(const struct group *group, const struct part *part,
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
    if (group->count > 1) { /* the same for all that were held against each other */
        const struct run *first = &group->segment[0].run;
        document_add_text(item, "together", first->parts[first->context]->id);
    }
    document_add(item, "document", document);
    cJSON_AddItemToArray(cJSON_GetObjectItem(group->result, "captures"), item);
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

/* What got through after what was counted before. */
static void add_worked(const struct segment *segment)
{
    struct worked worked = {.after_ns = segment->passed_ns};
    inquiry_successes(segment->inquiry, note_success, &worked);
    if (worked.count == WORKED_MAX)
        notes_warn(segment->result, "more working connections than are kept to see what is "
                                    "resolved; some findings may stay open");
    notes_worked(segment->result, worked.pairs, worked.count);
    free(worked.pairs);
}

static void conclude(struct group *group)
{
    const struct boundary *boundary = &group->boundary;
    struct diagnosis diagnoses[CORRELATION_CAPTURES_MAX];
    const struct counts counts = diagnose_group(group, diagnoses);
    for (size_t i = 0; i < group->count; i++) {
        const struct segment *segment = &group->segment[i];
        segment->request->progress->beats++;
        inquiry_describe(segment->inquiry, &diagnoses[i], &group->reports[i]);
        inquiry_warnings(segment->inquiry, &diagnoses[i], warn, group->result);
        for (size_t p = segment->run.context; p < segment->run.count; p++)
            if (segment->base[p] != UINT64_MAX)
                add_capture(group, segment->run.parts[p], &group->reports[i]);
        add_worked(segment);
    }
    for (size_t i = 0; i < group->count; i++) {
        for (size_t f = 0; f < diagnoses[i].count; f++)
            add_finding(group, diagnoses[i].findings[f]);
        diagnosis_release(&diagnoses[i]);
    }
    notes_count(group->result, "attempts", more_than(counts.attempts, boundary->counts.attempts));
    notes_count(group->result, "succeeded",
                more_than(counts.succeeded, boundary->counts.succeeded));
    notes_count(group->result, "failed", more_than(counts.failed, boundary->counts.failed));
}

/* --- the whole way --- */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void begin_group(const struct unit_request *request, const struct run *runs, size_t count,
                        cJSON *result, struct group *group)
{
    *group = (struct group){.count = count, .result = result};
    for (size_t i = 0; i < count; i++) {
        group->segment[i] = (struct segment){
            .request = request,
            .run = runs[i],
            .compared = count > 1,
            .base = memory_zeroed(runs[i].count, sizeof *group->segment[i].base),
            .passed_ns = INT64_MIN,
            .result = result,
        };
        group->names[i] = file_name(runs[i].parts[runs[i].context]->name);
    }
}

static bool has_context(const struct run *run)
{
    return run->context || run->parts[0]->told;
}

static void read_group(struct group *group)
{
    bool before = false;
    for (size_t i = 0; i < group->count; i++) {
        read_context(&group->segment[i]);
        before |= has_context(&group->segment[i].run) && group->segment[i].inquiry;
    }
    if (before)
        pass_boundary(group);
    for (size_t i = 0; i < group->count; i++)
        read_new(&group->segment[i]);
}

static void end_segment(struct segment *segment)
{
    inquiry_free(segment->inquiry);
    free(segment->base);
}

/* Those of which nothing could be read. */
static void leave_out_unread(struct group *group)
{
    size_t kept = 0;
    for (size_t i = 0; i < group->count; i++) {
        if (!group->segment[i].inquiry) {
            end_segment(&group->segment[i]);
            continue;
        }
        group->names[kept] = group->names[i];
        group->segment[kept++] = group->segment[i];
    }
    group->count = kept;
}

static void end_group(struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        end_segment(&group->segment[i]);
    free(group->boundary.told);
}

void segments_analyse(const struct unit_request *request, const struct run *runs, size_t count,
                      cJSON *result)
{
    struct group group;
    begin_group(request, runs, count, result, &group);
    read_group(&group);
    leave_out_unread(&group);
    conclude(&group);
    end_group(&group);
}

void segment_analyse(const struct unit_request *request, const struct run *run, cJSON *result,
                     struct imprint *imprint)
{
    struct group group;
    if (imprint)
        imprint->count = 0;
    begin_group(request, run, 1, result, &group);
    read_group(&group);
    leave_out_unread(&group);
    conclude(&group);
    if (imprint && group.count)
        inquiry_imprint(group.segment[0].inquiry, imprint);
    end_group(&group);
}
