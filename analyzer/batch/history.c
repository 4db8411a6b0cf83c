#include "analyzer/batch/history.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/store.h"
#include "analyzer/report/format.h"
#include "analyzer/report/json.h"
#include "analyzer/report/report.h"
#include "analyzer/report/view.h"

/* ?1 site or null, ?2 time or the smallest number, ?3 states with commas around or null. */
static const struct question {
    const char *word, *sql;
    const char *columns[12]; /* of the text, in order; what follows a '=' is its heading */
} questions[] = {
    {"findings",
     "SELECT site, state, client, server, proto || '/' || port AS port, symptom, failure_point,"
     " confidence, attempts, first_ns, last_ns, worked_ns, first_run, last_run, id, profile,"
     " service, mechanism, summary FROM finding WHERE (?1 IS NULL OR site = ?1)"
     " AND (last_ns >= ?2 OR worked_ns >= ?2) AND (?3 IS NULL OR instr(?3, ',' || state || ',')"
     " OR (instr(?3, ',open,') AND state <> 'resolved'))"
     " ORDER BY state = 'resolved', last_ns DESC, site, id",
     {"site", "state", "client", "server", "port", "failure_point", "confidence", "attempts",
      "first_ns=first (UTC)", "last_ns=last (UTC)", NULL}},
    {"sites",
     "SELECT name AS site, (SELECT count(*) FROM finding WHERE site = name AND state <> 'resolved')"
     " AS open, (SELECT count(*) FROM finding WHERE site = name AND state = 'resolved') AS "
     "resolved,"
     " (SELECT count(*) FROM capture WHERE site = name) AS captures,"
     " (SELECT max(run) FROM tally WHERE tally.site = name) AS last_run,"
     " (SELECT max(last_ns) FROM capture WHERE site = name) AS last_ns FROM site"
     " WHERE (?1 IS NULL OR name = ?1) AND (?3 IS NULL OR ?3 = ?3)"
     " AND (?2 = -9223372036854775808 OR EXISTS (SELECT 1 FROM capture WHERE site = name AND"
     " last_ns >= ?2)) ORDER BY name",
     {"site", "open", "resolved", "captures", "last_run", "last_ns=last packet (UTC)", NULL}},
    {"runs",
     "SELECT number AS run, time_ns, finished,"
     " (SELECT count(*) FROM tally WHERE run = number AND (?1 IS NULL OR site = ?1)) AS sites,"
     " (SELECT coalesce(sum(captures), 0) FROM tally WHERE run = number AND (?1 IS NULL OR site ="
     " ?1)) AS captures,"
     " (SELECT coalesce(sum(failed), 0) FROM tally WHERE run = number AND (?1 IS NULL OR site ="
     " ?1)) AS failed,"
     " (SELECT count(*) FROM life WHERE run = number AND state = 'new' AND (?1 IS NULL OR site ="
     " ?1)) AS new,"
     " (SELECT count(*) FROM life WHERE run = number AND state = 'back' AND (?1 IS NULL OR site ="
     " ?1)) AS back,"
     " (SELECT count(*) FROM life WHERE run = number AND state = 'ongoing' AND (?1 IS NULL OR site"
     " = ?1)) AS ongoing,"
     " (SELECT count(*) FROM life WHERE run = number AND state = 'resolved' AND attempts = 0"
     " AND (?1 IS NULL OR site = ?1)) AS resolved"
     " FROM run WHERE time_ns >= ?2 AND (?3 IS NULL OR ?3 = ?3) ORDER BY number DESC",
     {"run", "time_ns=time (UTC)", "sites", "captures", "failed", "new", "back", "ongoing",
      "resolved", NULL}},
    {"captures",
     "SELECT site, id, run, path, member, packets, first_ns, last_ns, links, hash FROM capture"
     " WHERE (?1 IS NULL OR site = ?1) AND last_ns >= ?2 AND (?3 IS NULL OR ?3 = ?3)"
     " ORDER BY site, first_ns, hash",
     {"site", "run", "packets", "first_ns=first (UTC)", "last_ns=last (UTC)", "path", "member",
      NULL}},
};

static const struct question *find_question(const struct batch_options *options)
{
    for (size_t i = 1; options->word_count && i < sizeof questions / sizeof *questions; i++)
        if (strcmp(options->words[0], questions[i].word) == 0)
            return &questions[i];
    return &questions[0];
}

/* --- text --- */

enum { CELL_MAX = 400 };

static bool is_time(const char *column)
{
    const char *ending = strrchr(column, '_');
    return ending && strcmp(ending, "_ns") == 0;
}

static void cell_text(const cJSON *row, const char *column, size_t length, char cell[CELL_MAX])
{
    char name[32], time[TIME_TEXT];
    snprintf(name, sizeof name, "%.*s", (int)length, column);
    const cJSON *value = cJSON_GetObjectItem(row, name);
    const char *text = cJSON_GetStringValue(value);
    double sure = cJSON_GetNumberValue(cJSON_GetObjectItem(row, "confidence"));
    bool place = strcmp(name, "failure_point") == 0;
    if (place && text && sure * SHARE_WHOLE < SHARE_DECIDED) { /* no culprit is named */
        snprintf(cell, CELL_MAX, "undecided, %.300s?", text);
    } else if (cJSON_IsNumber(value)) {
        snprintf(cell, CELL_MAX, "%.2f", value->valuedouble);
    } else if (is_time(name)) {
        int64_t time_ns = document_number(row, name, INT64_MIN);
        snprintf(cell, CELL_MAX, "%s", "-");
        if (time_ns != INT64_MIN)
            snprintf(cell, CELL_MAX, "%.10s %.5s", report_time_text(time_ns, time), time + 11);
    } else {
        report_escape_terminal(text ? text : "-", cell, CELL_MAX);
    }
}

static size_t heading(const char *column, const char **text)
{
    const char *equals = strchr(column, '=');
    *text = equals ? equals + 1 : column;
    return equals ? (size_t)(equals - column) : strlen(column);
}

static void measure(const cJSON *rows, const char *const *columns, int widths[])
{
    const cJSON *row;
    char cell[CELL_MAX];
    for (size_t i = 0; columns[i]; i++) {
        const char *text;
        size_t length = heading(columns[i], &text);
        widths[i] = (int)strlen(text);
        cJSON_ArrayForEach(row, rows) {
            cell_text(row, columns[i], length, cell);
            if ((int)strlen(cell) > widths[i])
                widths[i] = (int)strlen(cell);
        }
    }
}

static void write_text(FILE *out, const cJSON *rows, const char *const *columns)
{
    int widths[12] = {0};
    const cJSON *row;
    char cell[CELL_MAX];
    measure(rows, columns, widths);
    for (size_t i = 0; columns[i]; i++) {
        const char *text;
        heading(columns[i], &text);
        fprintf(out, "%-*s%s", columns[i + 1] ? widths[i] : 0, text, columns[i + 1] ? "  " : "\n");
    }
    cJSON_ArrayForEach(row, rows) {
        for (size_t i = 0; columns[i]; i++) {
            const char *text;
            cell_text(row, columns[i], heading(columns[i], &text), cell);
            fprintf(out, "%-*s%s", columns[i + 1] ? widths[i] : 0, cell,
                    columns[i + 1] ? "  " : "\n");
        }
    }
}

/* --- JSON --- */

static bool is_count(const char *name)
{
    static const char *const counts[] = {"attempts", "first_run", "last_run", "open",   "resolved",
                                         "captures", "run",       "finished", "sites",  "failed",
                                         "new",      "back",      "ongoing",  "packets"};
    return word_index(counts, sizeof counts / sizeof *counts, name) >= 0;
}

static cJSON *plain_row(const cJSON *row)
{
    cJSON *plain = cJSON_CreateObject();
    const cJSON *item;
    cJSON_ArrayForEach(item, row) {
        int64_t number = document_number(row, item->string, INT64_MIN);
        char name[32], time[TIME_TEXT];
        if (is_time(item->string)) {
            snprintf(name, sizeof name, "%.*s", (int)strlen(item->string) - 3, item->string);
            document_add_text(plain, name,
                              number == INT64_MIN ? NULL : report_time_text(number, time));
        } else if (is_count(item->string)) {
            document_add(plain, item->string, cJSON_CreateNumber((double)number));
        } else {
            document_add(plain, item->string, cJSON_Duplicate(item, true));
        }
    }
    return plain;
}

static void write_json(FILE *out, const char *word, const cJSON *rows)
{
    cJSON *document = cJSON_CreateObject(), *list = cJSON_CreateArray();
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
        cJSON_AddItemToArray(list, plain_row(row));
    document_add_text(document, "schema", HISTORY_SCHEMA);
    document_add(document, word, list);
    report_json_item(out, document);
    fputc('\n', out);
}

bool history_answer(const struct batch_options *options, FILE *out, struct error *error)
{
    const struct question *question = find_question(options);
    char path[PATH_MAX], *states = NULL;
    if (snprintf(path, sizeof path, "%s/history.db", options->state) >= PATH_MAX)
        return error_set(error, "%s: the path is too long", options->state);
    struct store *store = store_open(path, true, error);
    if (!store)
        return false;
    if (options->states && asprintf(&states, ",%s,", options->states) < 0)
        states = NULL;
    cJSON *rows =
        store_rows(store, error, question->sql, "tnt", options->site, options->since_ns, states);
    if (rows && options->json)
        write_json(out, question->word, rows);
    else if (rows)
        write_text(out, rows, question->columns);
    bool good =
        rows && (format_stream_ok(out) || error_set(error, "the answer could not be written"));
    cJSON_Delete(rows);
    store_close(store);
    free(states);
    return good;
}
