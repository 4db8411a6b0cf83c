#include "analyzer/batch/nightly.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/replace.h"
#include "analyzer/batch/workers.h"
#include "analyzer/outputs.h"
#include "analyzer/report/json.h"
#include "analyzer/report/report.h"

const char *const night_state_words[NIGHT_STATES] = {
    [NIGHT_NEW] = "new",       [NIGHT_BACK] = "back",         [NIGHT_ONGOING] = "ongoing",
    [NIGHT_UNSEEN] = "unseen", [NIGHT_RESOLVED] = "resolved",
};

enum night_state night_state_of(const cJSON *finding)
{
    const char *word = document_text(finding, "state");
    int state = word_index(night_state_words, NIGHT_STATES, word ? word : "");
    return state < 0 ? NIGHT_UNSEEN : (enum night_state)state;
}

cJSON *night_document(const cJSON *finding)
{
    const char *text = document_text(finding, "document");
    return text ? cJSON_Parse(text) : NULL;
}

/* --- gathering --- */

/* What was open or ended in this run; "resolved" of earlier runs is for fwsniff history. */
static const char findings_sql[] =
    "SELECT finding.site, finding.id, coalesce(life.state, 'unseen') AS state, profile, service,"
    " proto, client, server, port, symptom, failure_point, mechanism, confidence, summary,"
    " first_ns AS first, last_ns AS last, finding.attempts, first_run, last_run, worked_ns AS"
    " worked, coalesce(life.attempts, 0) AS run_attempts, document"
    " FROM finding LEFT JOIN life ON life.site = finding.site AND life.id = finding.id"
    " AND life.run = ?1"
    " WHERE life.run IS NOT NULL OR finding.state <> 'resolved'"
    " ORDER BY finding.site, CASE coalesce(life.state, 'unseen') WHEN 'new' THEN 0 WHEN 'back' THEN"
    " 1 WHEN 'ongoing' THEN 2 WHEN 'unseen' THEN 3 ELSE 4 END, finding.attempts DESC, finding.id";

static const char sites_sql[] =
    "SELECT site.name, first_run, coalesce(tally.captures, 0) AS captures,"
    " coalesce(tally.packets, 0) AS packets, coalesce(tally.attempts, 0) AS attempts,"
    " coalesce(succeeded, 0) AS succeeded, coalesce(failed, 0) AS failed,"
    " coalesce(unreadable, 0) AS unreadable, coalesce(warnings, '[]') AS warnings,"
    " (SELECT max(run) FROM tally AS t WHERE t.site = site.name) AS last_run"
    " FROM site LEFT JOIN tally ON tally.site = site.name AND tally.run = ? ORDER BY site.name";

static const char trend_sql[] =
    "SELECT run.number AS run, time_ns AS time, (SELECT coalesce(sum(attempts), 0) FROM tally WHERE"
    " tally.run = run.number AND (?1 IS NULL OR site = ?1)) AS attempts,"
    " (SELECT coalesce(sum(failed), 0) FROM tally WHERE tally.run = run.number"
    " AND (?1 IS NULL OR site = ?1)) AS failed,"
    " (SELECT coalesce(sum(captures), 0) FROM tally WHERE tally.run = run.number"
    " AND (?1 IS NULL OR site = ?1)) AS captures,"
    " count(CASE WHEN life.state = 'new' THEN 1 END) AS new,"
    " count(CASE WHEN life.state = 'back' THEN 1 END) AS back,"
    " count(CASE WHEN life.state = 'ongoing' THEN 1 END) AS ongoing,"
    " count(CASE WHEN life.state = 'resolved' AND life.attempts = 0 THEN 1 END) AS resolved"
    " FROM run LEFT JOIN life ON life.run = run.number AND (?1 IS NULL OR life.site = ?1)"
    " GROUP BY run.number ORDER BY run.number";

enum { TREND_RUNS = 60 };

/* The latest runs, each with how many findings were open after it. */
static cJSON *gather_trend(struct store *store, const char *site, struct error *error)
{
    cJSON *rows = store_rows(store, error, trend_sql, "t", site), *row;
    int64_t open = 0;
    cJSON_ArrayForEach(row, rows) {
        open += document_number(row, "new", 0) + document_number(row, "back", 0) -
                document_number(row, "resolved", 0);
        document_add_number(row, "open", open);
    }
    while (rows && cJSON_GetArraySize(rows) > TREND_RUNS)
        cJSON_DeleteItemFromArray(rows, 0);
    return rows;
}

/* Texts of JSON in a row become values. */
static void unfold(cJSON *row, const char *name)
{
    const char *text = document_text(row, name);
    cJSON *value = text ? cJSON_Parse(text) : NULL;
    cJSON_ReplaceItemInObject(row, name, value ? value : cJSON_CreateNull());
}

static void deal_findings(cJSON *sites, cJSON *findings)
{
    cJSON *site = sites->child;
    while (findings->child) {
        cJSON *finding = cJSON_DetachItemViaPointer(findings, findings->child);
        const char *name = document_text(finding, "site");
        while (site && strcmp(document_text(site, "name"), name) != 0)
            site = site->next; /* both are in the order of names */
        if (!site) {
            cJSON_Delete(finding);
            break;
        }
        cJSON_AddItemToArray(cJSON_GetObjectItem(site, "findings"), finding);
    }
}

static cJSON *gather_site_details(struct store *store, cJSON *site, int64_t run,
                                  struct error *error)
{
    const char *name = document_text(site, "name");
    cJSON *captures = store_rows(store, error,
                                 "SELECT id, document FROM capture WHERE run = ? AND site = ?"
                                 " ORDER BY first_ns, path, member, hash",
                                 "nt", run, name);
    cJSON *trend = captures ? gather_trend(store, name, error) : NULL;
    char *slug = name_slug(name);
    document_add_text(site, "slug", slug);
    document_add(site, "findings", cJSON_CreateArray());
    unfold(site, "warnings");
    free(slug);
    document_add(site, "capture_list", captures);
    document_add(site, "trend", trend);
    return trend;
}

static bool is_named(const cJSON *captures, const char *id)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, captures) {
        const char *name = document_text(item, "id");
        if (name && strcmp(name, id) == 0)
            return true;
    }
    return false;
}

static void name_old_capture(struct store *store, cJSON *site, const char *id)
{
    cJSON *old = cJSON_GetObjectItem(site, "old_captures");
    struct error ignored;
    if (is_named(old, id) || is_named(document_list(site, "capture_list"), id))
        return;
    cJSON *rows = store_rows(store, &ignored,
                             "SELECT id, document FROM capture WHERE site = ?1 AND hash >= ?2"
                             " AND hash < ?2 || 'g'",
                             "tt", document_text(site, "name"), id);
    cJSON *row = rows && rows->child ? cJSON_DetachItemViaPointer(rows, rows->child) : NULL;
    if (row)
        cJSON_AddItemToArray(old, row);
    cJSON_Delete(rows);
}

/* The captures of earlier runs that evidence is in: people want to know the files. An id is the
 * beginning of a hash, of hexadecimal digits. */
static void name_old_captures(struct store *store, cJSON *site, int64_t run)
{
    const cJSON *finding, *item;
    int count = 0;
    document_add(site, "old_captures", cJSON_CreateArray());
    if (document_number(site, "first_run", 0) == run)
        return; /* there are none */
    cJSON_ArrayForEach(finding, document_list(site, "findings")) {
        cJSON *document = count++ < NIGHT_FULL_MAX ? night_document(finding) : NULL;
        cJSON_ArrayForEach(item, document_list(document, "evidence")) {
            const char *id = document_text(item, "capture");
            if (id)
                name_old_capture(store, site, id);
        }
        cJSON_Delete(document);
    }
}

static void count_states(cJSON *night)
{
    size_t counts[NIGHT_STATES] = {0};
    const cJSON *site, *finding;
    cJSON *object = cJSON_CreateObject();
    cJSON_ArrayForEach(site, document_list(night, "sites"))
        cJSON_ArrayForEach(finding, document_list(site, "findings"))
            counts[night_state_of(finding)]++;
    for (size_t i = 0; i < NIGHT_STATES; i++)
        document_add(object, night_state_words[i], cJSON_CreateNumber((double)counts[i]));
    document_add(night, "counts", object);
}

cJSON *nightly_gather(struct store *store, struct error *error)
{
    int64_t run = store_latest_run(store);
    cJSON *night = cJSON_CreateObject(), *site;
    cJSON *runs = store_rows(store, error, "SELECT time_ns FROM run WHERE number = ?", "n", run);
    cJSON *sites = runs ? store_rows(store, error, sites_sql, "n", run) : NULL;
    cJSON *findings = sites ? store_rows(store, error, findings_sql, "n", run) : NULL;
    cJSON *trend = findings ? gather_trend(store, NULL, error) : NULL;
    bool good = trend;
    cJSON_ArrayForEach(site, sites)
        good = good && gather_site_details(store, site, run, error);
    document_add_text(night, "schema", NIGHT_SCHEMA);
    document_add_number(night, "run", run);
    document_add_number(night, "time",
                        runs && runs->child ? document_number(runs->child, "time_ns", 0) : 0);
    if (good) {
        deal_findings(sites, findings);
        cJSON_ArrayForEach(site, sites)
            name_old_captures(store, site, run);
    }
    document_add(night, "sites", sites);
    document_add(night, "trend", trend);
    cJSON_Delete(runs);
    cJSON_Delete(findings);
    if (good) {
        count_states(night);
        return night;
    }
    cJSON_Delete(night);
    return NULL;
}

/* --- writing --- */

struct output {
    const struct nightly_request *request;
    struct error *error;
};

static bool write_file(const struct output *output, const char *name,
                       void (*write)(FILE *out, const cJSON *night, const cJSON *site),
                       const cJSON *night, const cJSON *site)
{
    char path[PATH_MAX];
    struct replacement file;
    const char *slug = site ? document_text(site, "slug") : "";
    snprintf(path, sizeof path, "%s/%s%s%s", output->request->folder, site ? "sites/" : "", slug,
             name);
    if (!replace_begin(&file, path, false, output->error))
        return false;
    write(file.file, night, site);
    return replace_end(&file, output->error);
}

static void write_index(FILE *out, const cJSON *night, const cJSON *site)
{
    (void)site;
    nightly_write_index(out, night);
}

static void write_csv(FILE *out, const cJSON *night, const cJSON *site)
{
    (void)site;
    nightly_write_csv(out, night);
}

static void write_metrics(FILE *out, const cJSON *night, const cJSON *site)
{
    (void)site;
    nightly_write_metrics(out, night);
}

/* Whole numbers and times are texts in rows; in the report they are what they should be. What the
 * history has as JSON goes in as it is. */
static void make_plain(cJSON *item)
{
    static const char *const times[] = {"time", "first", "last", "worked"};
    static const char *const numbers[] = {"run",        "first_run",    "last_run",  "captures",
                                          "packets",    "attempts",     "succeeded", "failed",
                                          "unreadable", "run_attempts", "port",      "new",
                                          "back",       "ongoing",      "resolved",  "open"};
    for (cJSON *child = item->child, *next; child; child = next) {
        next = child->next;
        const char *name = child->string ? child->string : "";
        char shown[TIME_TEXT];
        int64_t number = document_number(item, name, INT64_MIN);
        cJSON *value = NULL;
        if (!cJSON_IsString(child))
            make_plain(child);
        else if (strcmp(name, "document") == 0)
            value = cJSON_CreateRaw(child->valuestring);
        else if (word_index(times, sizeof times / sizeof *times, name) >= 0)
            value = number == INT64_MIN ? cJSON_CreateNull()
                                        : cJSON_CreateString(report_time_text(number, shown));
        else if (word_index(numbers, sizeof numbers / sizeof *numbers, name) >= 0)
            value = cJSON_CreateNumber((double)number);
        if (value) /* keeps the name: cJSON would drop it */
            cJSON_ReplaceItemInObject(item, name, value);
    }
}

/* Site by site, as all of them together may be large. */
static void write_plain_sites(FILE *out, const cJSON *sites)
{
    static const char *const inner[] = {"capture_list", "old_captures"}; /* for the pages */
    const cJSON *site, *item;
    fputc('[', out);
    cJSON_ArrayForEach(site, sites) {
        cJSON *copy = cJSON_CreateObject();
        cJSON_ArrayForEach(item, site)
            if (word_index(inner, sizeof inner / sizeof *inner, item->string) < 0)
                document_add(copy, item->string, cJSON_Duplicate(item, true));
        make_plain(copy);
        report_json_item(out, copy);
        fputs(site->next ? "," : "", out);
    }
    fputc(']', out);
}

static void write_json(FILE *out, const cJSON *night, const cJSON *none)
{
    const cJSON *item;
    (void)none;
    fputc('{', out);
    cJSON_ArrayForEach(item, night) {
        fprintf(out, "\"%s\":", item->string);
        if (strcmp(item->string, "sites") == 0) {
            write_plain_sites(out, item);
        } else {
            cJSON *copy = cJSON_CreateObject();
            document_add(copy, item->string, cJSON_Duplicate(item, true));
            make_plain(copy);
            report_json_print(out, copy->child);
            cJSON_Delete(copy);
        }
        fputs(item->next ? "," : "}\n", out);
    }
}

/* The finding as the history has it, and behind it what the run says of it. */
static cJSON *finding_with_state(const cJSON *finding)
{
    const char *document = document_text(finding, "document");
    size_t length = document ? strlen(document) : 0;
    char *text = NULL;
    if (length < 2 || document[length - 1] != '}' ||
        asprintf(&text, "%.*s,\"state\":\"%s\"}", (int)(length - 1), document,
                 document_text(finding, "state")) < 0)
        return NULL;
    cJSON *item = cJSON_CreateRaw(text);
    free(text);
    return item;
}

static bool has_text(const cJSON *list, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        if (strcmp(cJSON_GetStringValue(item), text) == 0)
            return true;
    return false;
}

/* The site's captures of this run and what they showed, as fwsniff -r would have said. */
static void write_site_json(FILE *out, const cJSON *night, const cJSON *site)
{
    static const char *const counts[] = {"attempts", "succeeded", "failed"};
    cJSON *report = cJSON_CreateObject(), *captures = cJSON_CreateArray();
    cJSON *findings = cJSON_CreateArray(), *summary = cJSON_CreateObject();
    cJSON *profiles = cJSON_CreateArray();
    const cJSON *item;
    (void)night;
    cJSON_ArrayForEach(item, document_list(site, "capture_list"))
        cJSON_AddItemToArray(captures,
                             cJSON_Duplicate(cJSON_GetObjectItem(item, "document"), true));
    cJSON_ArrayForEach(item, document_list(site, "findings")) {
        const char *profile = document_text(item, "profile");
        cJSON *finding = night_state_of(item) <= NIGHT_ONGOING ? finding_with_state(item) : NULL;
        if (!finding)
            continue;
        cJSON_AddItemToArray(findings, finding);
        if (!has_text(profiles, profile))
            cJSON_AddItemToArray(profiles, cJSON_CreateString(profile));
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        document_add(summary, counts[i],
                     cJSON_CreateNumber((double)document_number(site, counts[i], 0)));
    document_add(summary, "findings", cJSON_CreateNumber(cJSON_GetArraySize(findings)));
    document_add_text(report, "schema", "fwsniff.report/1");
    document_add(report, "tool", report_json_tool(outputs_ndpi_version()));
    document_add_text(report, "site", document_text(site, "name"));
    document_add(report, "captures", captures);
    document_add(report, "profiles", profiles);
    document_add(report, "summary", summary);
    document_add(report, "findings", findings);
    document_add(report, "warnings", cJSON_Duplicate(cJSON_GetObjectItem(site, "warnings"), true));
    report_json_item(out, report);
    fputc('\n', out);
}

static bool write_site(const struct output *output, const cJSON *night, const cJSON *site)
{
    static const char *const lists[] = {"capture_list", "old_captures"};
    cJSON *row;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(site, lists[i]))
            unfold(row, "document");
    return write_file(output, ".html", nightly_write_site, night, site) &&
           (!cJSON_GetArraySize(document_list(site, "capture_list")) ||
            write_file(output, ".json", write_site_json, night, site));
}

/* --- report.json and the pages of sites, by several processes --- */

struct writers {
    atomic_uint *next; /* shared: what nobody has begun. report.json, then one for each site */
    pid_t process[WORKERS_MAX];
    unsigned count;
};

/* Until nothing is left. */
static bool write_what_is_left(const struct output *output, atomic_uint *next, const cJSON *night)
{
    const cJSON *site = document_list(night, "sites")->child;
    unsigned at = 1;
    for (;;) {
        unsigned mine = atomic_fetch_add(next, 1);
        for (; site && at < mine; at++)
            site = site->next;
        if (mine == 0 ? !write_file(output, "report.json", write_json, night, NULL)
                      : site && !write_site(output, night, site))
            return false;
        if (!site)
            return true;
    }
}

static _Noreturn void help_to_write(const struct output *output, atomic_uint *next,
                                    const cJSON *night, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would know that the report is not whole */
    bool good = getppid() == parent && write_what_is_left(output, next, night);
    if (!good)
        fprintf(stderr, "fwsniff: %s\n", output->error->text);
    _exit(good ? 0 : 1);
}

/* As many as can be made: what no helper does is done here. */
static bool start_helpers(struct writers *writers, const struct output *output, const cJSON *night)
{
    void *shared = mmap(NULL, sizeof *writers->next, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned sites = (unsigned)cJSON_GetArraySize(document_list(night, "sites"));
    unsigned jobs = output->request->jobs; /* of several this one may wait for the disk */
    unsigned helpers = jobs == 1 ? 0 : jobs < sites ? jobs : sites;
    pid_t parent = getpid();
    if (shared == MAP_FAILED)
        return error_set(output->error, "no memory to write pages: %s", strerror(errno));
    writers->next = shared;
    fflush(NULL);
    while (writers->count < helpers && writers->count < WORKERS_MAX) {
        pid_t process = fork();
        if (process == 0)
            help_to_write(output, writers->next, night, parent);
        if (process < 0)
            break;
        writers->process[writers->count++] = process;
    }
    return true;
}

static bool finish_writing(const struct writers *writers, const struct output *output,
                           const cJSON *night)
{
    bool good = writers->next && write_what_is_left(output, writers->next, night);
    for (unsigned i = 0; i < writers->count; i++) {
        int status = 1;
        waitpid(writers->process[i], &status, 0);
        if (status)
            good = error_set(output->error, "the report could not be written as a whole");
    }
    if (writers->next)
        munmap(writers->next, sizeof *writers->next);
    return good;
}

static bool write_prometheus(const struct output *output, const cJSON *night)
{
    struct replacement file;
    if (!output->request->prometheus)
        return true;
    if (!replace_begin(&file, output->request->prometheus, false, output->error))
        return false;
    write_metrics(file.file, night, NULL);
    return replace_end(&file, output->error);
}

static void judge(const cJSON *night, struct nightly_result *result)
{
    const cJSON *site, *finding;
    *result = (struct nightly_result){0};
    cJSON_ArrayForEach(site, document_list(night, "sites")) {
        result->unreadable |= document_number(site, "unreadable", 0) > 0;
        cJSON_ArrayForEach(finding, document_list(site, "findings"))
            result->failing |= night_state_of(finding) <= NIGHT_ONGOING;
    }
}

bool nightly_write(const struct nightly_request *request, struct nightly_result *result,
                   struct error *error)
{
    const struct output output = {request, error};
    char folder[PATH_MAX];
    store_hold(request->store);
    cJSON *night = nightly_gather(request->store, error);
    store_let_go(request->store);
    if (!night)
        return false;
    snprintf(folder, sizeof folder, "%s/sites", request->folder);
    struct writers writers = {.count = 0};
    bool good = make_folder(folder, error) && start_helpers(&writers, &output, night) &&
                write_file(&output, "findings.csv", write_csv, night, NULL) &&
                write_file(&output, "index.html", write_index, night, NULL) &&
                write_prometheus(&output, night);
    if (writers.count)
        store_settle(request->store); /* it waits for the disk: others write meanwhile */
    judge(night, result);
    if (good && request->summary)
        nightly_write_summary(request->summary, night, request->nothing_new);
    good = finish_writing(&writers, &output, night) && good;
    cJSON_Delete(night);
    return good;
}
