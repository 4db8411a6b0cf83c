#include "analyzer/batch/store.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/store_schema.h"
#include "analyzer/memory.h"

enum { BUSY_WAIT_MS = 30000, STATEMENTS_MAX = 48 };

struct store {
    sqlite3 *database;
    struct {
        const char *sql; /* a literal: compared by its address */
        sqlite3_stmt *statement;
    } ready[STATEMENTS_MAX]; /* parsed once */
    size_t ready_count;
    struct error problem; /* the first since it was last looked at; empty: none */
};

/* --- statements --- */

static bool failed(struct store *store)
{
    if (!store->problem.text[0])
        error_set(&store->problem, "history: %s", sqlite3_errmsg(store->database));
    return false;
}

static void bind(sqlite3_stmt *statement, const char *format, va_list arguments)
{
    for (int i = 0; format[i]; i++) {
        if (format[i] == 't')
            sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1,
                              SQLITE_TRANSIENT);
        else
            sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));
    }
}

static sqlite3_stmt *find_ready(const struct store *store, const char *sql)
{
    for (size_t i = 0; i < store->ready_count; i++)
        if (store->ready[i].sql == sql)
            return store->ready[i].statement;
    return NULL;
}

static void keep_ready(struct store *store, const char *sql, sqlite3_stmt *statement)
{
    if (find_ready(store, sql) || store->ready_count == STATEMENTS_MAX)
        return;
    store->ready[store->ready_count].sql = sql;
    store->ready[store->ready_count++].statement = statement;
}

/* The end of a statement's use. What went wrong with it is told here. */
static bool done(struct store *store, sqlite3_stmt *statement)
{
    bool kept = false;
    for (size_t i = 0; i < store->ready_count; i++)
        kept |= store->ready[i].statement == statement;
    if (!kept)
        return sqlite3_finalize(statement) == SQLITE_OK;
    bool good = sqlite3_reset(statement) == SQLITE_OK;
    sqlite3_clear_bindings(statement);
    return good;
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, const char *format,
                             va_list arguments)
{
    sqlite3_stmt *statement = find_ready(store, sql);
    if (!statement && sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL) != SQLITE_OK) {
        failed(store);
        return NULL;
    }
    keep_ready(store, sql, statement);
    bind(statement, format, arguments);
    return statement;
}

static bool execute(struct store *store, const char *sql, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sqlite3_stmt *statement = prepare(store, sql, format, arguments);
    va_end(arguments);
    bool good = statement && sqlite3_step(statement) != SQLITE_ERROR;
    return done(store, statement) && good ? true : failed(store);
}

/* The first column of the first row; `otherwise` where there is none. */
static int64_t number_of(struct store *store, int64_t otherwise, const char *sql,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sqlite3_stmt *statement = prepare(store, sql, format, arguments);
    va_end(arguments);
    int64_t number = otherwise;
    if (statement && sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) != SQLITE_NULL)
        number = sqlite3_column_int64(statement, 0);
    if (!done(store, statement))
        failed(store);
    return number;
}

static void add_column(cJSON *row, sqlite3_stmt *statement, int column)
{
    const char *name = sqlite3_column_name(statement, column);
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        document_add_number(row, name, sqlite3_column_int64(statement, column));
        break;
    case SQLITE_FLOAT:
        document_add(row, name, cJSON_CreateNumber(sqlite3_column_double(statement, column)));
        break;
    case SQLITE_NULL:
        document_add_text(row, name, NULL);
        break;
    default:
        document_add_text(row, name, (const char *)sqlite3_column_text(statement, column));
    }
}

cJSON *store_rows(struct store *store, struct error *error, const char *sql, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    sqlite3_stmt *statement = prepare(store, sql, format, arguments);
    va_end(arguments);
    cJSON *rows = cJSON_CreateArray();
    while (statement && sqlite3_step(statement) == SQLITE_ROW) {
        cJSON *row = cJSON_CreateObject();
        for (int i = 0; i < sqlite3_column_count(statement); i++)
            add_column(row, statement, i);
        cJSON_AddItemToArray(rows, row);
    }
    if (done(store, statement) && !store->problem.text[0])
        return rows;
    failed(store);
    error_set(error, "%s", store->problem.text);
    store->problem.text[0] = '\0';
    cJSON_Delete(rows);
    return NULL;
}

/* --- opening --- */

static bool migrate(struct store *store, const char *path, struct error *error)
{
    execute(store, "BEGIN IMMEDIATE", "");
    int64_t version = number_of(store, -1, "PRAGMA user_version", "");
    if (version > STORE_VERSION || version < 0) {
        execute(store, "ROLLBACK", "");
        return error_set(
            error, "%s: a history of version %" PRId64 "; this fwsniff knows versions up to %d",
            path, version, STORE_VERSION);
    }
    for (int64_t next = version; next < STORE_VERSION; next++)
        if (sqlite3_exec(store->database, store_schema[next], NULL, NULL, NULL) != SQLITE_OK)
            failed(store);
    char pragma[40];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", STORE_VERSION);
    if (version < STORE_VERSION && !store->problem.text[0])
        sqlite3_exec(store->database, pragma, NULL, NULL, NULL);
    execute(store, store->problem.text[0] ? "ROLLBACK" : "COMMIT", "");
    return !store->problem.text[0] || error_set(error, "%s: %s", path, store->problem.text);
}

static bool is_current(struct store *store)
{
    return number_of(store, -1, "PRAGMA user_version", "") == STORE_VERSION;
}

struct store *store_open(const char *path, bool read_only, struct error *error)
{
    struct store *store = memory_zeroed(1, sizeof *store);
    int flags = read_only ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (read_only && access(path, R_OK) != 0) {
        error_set(error, "%s: %s (no batch run has been here?)", path, strerror(errno));
        goto refused;
    }
    if (sqlite3_open_v2(path, &store->database, flags, NULL) != SQLITE_OK &&
        (!read_only ||
         (sqlite3_close(store->database),
          sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK))) {
        error_set(error, "%s: %s", path, sqlite3_errmsg(store->database));
        goto refused;
    }
    sqlite3_busy_timeout(store->database, BUSY_WAIT_MS);
    if (!read_only) {
        execute(store, "PRAGMA journal_mode = WAL", "");
        /* With a write-ahead log this loses no more than the last transactions when the power
         * fails: their units are as new as before. */
        execute(store, "PRAGMA synchronous = NORMAL", "");
        execute(store, "PRAGMA cache_size = -65536", ""); /* KiB: a large site is one transaction */
        execute(store, "PRAGMA wal_autocheckpoint = 8192", ""); /* 32 MiB, else at the end */
    }
    if (store->problem.text[0])
        error_set(error, "%s: %s", path, store->problem.text);
    else if (is_current(store) || migrate(store, path, error))
        return store;
refused:
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->ready_count; i++)
        sqlite3_finalize(store->ready[i].statement);
    sqlite3_close(store->database);
    free(store);
}

/* --- questions --- */

static int64_t mtime_ns(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

bool store_file_is_known(struct store *store, const char *site, const char *path,
                         const struct stat *status)
{
    return number_of(store, 0,
                     "SELECT 1 FROM file WHERE site = ? AND path = ? AND member = '' AND size = ?"
                     " AND mtime_ns = ? AND inode = ?",
                     "ttnnn", site, path, (int64_t)status->st_size, mtime_ns(status),
                     (int64_t)status->st_ino) == 1;
}

cJSON *store_known_captures(struct store *store, const char *site)
{
    struct error error;
    cJSON *rows = store_rows(store, &error,
                             "SELECT hash, id, path, member, size, mtime_ns AS mtime, inode, bytes,"
                             " packets, first_ns AS first, last_ns AS last, links"
                             " FROM capture WHERE site = ? ORDER BY first_ns, hash",
                             "t", site);
    return rows ? rows : cJSON_CreateArray();
}

int64_t store_latest_run(struct store *store)
{
    return number_of(store, 0, "SELECT max(number) FROM run", "");
}

int64_t store_finished_run(struct store *store)
{
    return number_of(store, 0, "SELECT max(number) FROM run WHERE finished", "");
}

static int64_t open_run(struct store *store)
{
    return number_of(store, 0, "SELECT number FROM run WHERE NOT finished", "");
}

bool store_run_is_open(struct store *store)
{
    return open_run(store) != 0;
}

bool store_run_has_site(struct store *store, const char *site)
{
    return number_of(store, 0, "SELECT 1 FROM tally WHERE run = ? AND site = ?", "nt",
                     open_run(store), site) == 1;
}

bool store_hold(struct store *store)
{
    return execute(store, "BEGIN", "");
}

void store_let_go(struct store *store)
{
    execute(store, "COMMIT", "");
}

void store_settle(struct store *store)
{
    execute(store, "PRAGMA wal_checkpoint", "");
}

/* --- taking in --- */

struct taking {
    struct store *store;
    const char *site;
    int64_t run;
};

static const char *text_of(const cJSON *item, const char *name)
{
    const char *text = document_text(item, name);
    return text ? text : "";
}

static void take_file(const struct taking *taking, const cJSON *item)
{
    execute(taking->store,
            "INSERT OR REPLACE INTO file (site, path, member, size, mtime_ns, inode, hash, problem,"
            " bad, run) VALUES (?,?,?,?,?,?,?,?,?,?)",
            "tttnnnttnn", taking->site, text_of(item, "path"), text_of(item, "member"),
            document_number(item, "size", 0), document_number(item, "mtime", 0),
            document_number(item, "inode", 0), document_text(item, "hash"),
            document_text(item, "problem"), (int64_t)document_switch(item, "bad"), taking->run);
}

static void take_capture(const struct taking *taking, const cJSON *item)
{
    const char *replaces = document_text(item, "replaces");
    if (replaces)
        execute(taking->store, "DELETE FROM capture WHERE site = ? AND hash = ?", "tt",
                taking->site, replaces);
    execute(taking->store,
            "INSERT OR REPLACE INTO capture (site, hash, id, run, path, member, size, mtime_ns,"
            " inode, bytes, packets, first_ns, last_ns, links, document)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            "tttnttnnnnnnntt", taking->site, text_of(item, "hash"), text_of(item, "id"),
            taking->run, text_of(item, "path"), document_text(item, "member"),
            document_number(item, "size", 0), document_number(item, "mtime", 0),
            document_number(item, "inode", 0), document_number(item, "bytes", 0),
            document_number(item, "packets", 0), document_number(item, "first", INT64_MIN),
            document_number(item, "last", INT64_MIN), text_of(item, "links"),
            text_of(item, "document"));
}

/* What is said of a finding that failed (again): by what was known of it. A failure older than the
 * time at which it was seen working does not bring it back. */
static const char *next_state(const struct taking *taking, const char *id, int64_t last_ns)
{
    struct store *store = taking->store;
    if (!number_of(store, 0, "SELECT 1 FROM finding WHERE site = ? AND id = ?", "tt", taking->site,
                   id))
        return "new";
    if (number_of(store, 0,
                  "SELECT 1 FROM finding WHERE site = ? AND id = ? AND state = 'resolved'"
                  " AND worked_ns >= ?",
                  "ttn", taking->site, id, last_ns))
        return "resolved";
    if (number_of(store, 0,
                  "SELECT 1 FROM finding WHERE site = ? AND id = ? AND state = 'resolved'", "tt",
                  taking->site, id))
        return "back";
    if (number_of(store, 0,
                  "SELECT 1 FROM life WHERE site = ? AND id = ? AND run = ? AND state = 'new'",
                  "ttn", taking->site, id, taking->run))
        return "new"; /* the same run, another unit */
    if (number_of(store, 0,
                  "SELECT 1 FROM life WHERE site = ? AND id = ? AND run = ? AND state = 'back'",
                  "ttn", taking->site, id, taking->run))
        return "back";
    return "ongoing";
}

static void take_finding(const struct taking *taking, const cJSON *item)
{
    const char *id = text_of(item, "id");
    int64_t last_ns = document_number(item, "last", INT64_MIN);
    int64_t attempts = document_number(item, "attempts", 0);
    const char *state = next_state(taking, id, last_ns);
    execute(taking->store,
            "INSERT INTO finding (site, id, profile, service, proto, client, server, port, symptom,"
            " failure_point, mechanism, confidence, summary, first_ns, last_ns, attempts, state,"
            " first_run, last_run, document)"
            " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,CAST(?12 AS REAL),?13,?14,?15,?16,?17,?18,"
            "?18,?19)"
            " ON CONFLICT (site, id) DO UPDATE SET"
            " failure_point = CASE WHEN ?15 >= last_ns THEN ?10 ELSE failure_point END,"
            " mechanism = CASE WHEN ?15 >= last_ns THEN ?11 ELSE mechanism END,"
            " confidence = CASE WHEN ?15 >= last_ns THEN CAST(?12 AS REAL) ELSE confidence END,"
            " summary = CASE WHEN ?15 >= last_ns THEN ?13 ELSE summary END,"
            " document = CASE WHEN ?15 >= last_ns THEN ?19 ELSE document END,"
            " first_ns = min(first_ns, ?14), last_ns = max(last_ns, ?15),"
            " attempts = attempts + ?16, state = ?17, last_run = ?18",
            "tttttttnttttt"
            "nnntnt",
            taking->site, id, text_of(item, "profile"), text_of(item, "service"),
            text_of(item, "proto"), text_of(item, "client"), text_of(item, "server"),
            document_number(item, "port", 0), text_of(item, "symptom"),
            text_of(item, "failure_point"), text_of(item, "mechanism"), text_of(item, "confidence"),
            text_of(item, "summary"), document_number(item, "first", INT64_MIN), last_ns, attempts,
            state, taking->run, text_of(item, "document"));
    execute(taking->store,
            "INSERT INTO life (site, id, run, state, attempts) VALUES (?1,?2,?3,?4,?5)"
            " ON CONFLICT (site, id, run) DO UPDATE SET state = ?4, attempts = attempts + ?5",
            "ttntn", taking->site, id, taking->run, state, attempts);
}

/* The client got through to the service after its last failure, and did not fail in this run. Of a
 * finding that nothing was seen of nothing is said. */
static void take_success(const struct taking *taking, const cJSON *item)
{
    execute(taking->store,
            "UPDATE finding SET state = 'resolved', worked_ns = ?7"
            " WHERE site = ?1 AND client = ?3 AND server = ?4 AND proto = ?5 AND port = ?6"
            " AND state <> 'resolved' AND last_ns < ?7"
            " AND NOT EXISTS (SELECT 1 FROM life WHERE life.site = finding.site"
            " AND life.id = finding.id AND life.run = ?2)",
            "tntttnn", taking->site, taking->run, text_of(item, "client"), text_of(item, "server"),
            text_of(item, "proto"), document_number(item, "port", 0),
            document_number(item, "last", INT64_MIN));
}

/* A row in the life of what was resolved just now. */
static void note_resolved(const struct taking *taking)
{
    execute(taking->store,
            "INSERT OR IGNORE INTO life (site, id, run, state, attempts)"
            " SELECT site, id, ?2, 'resolved', 0 FROM finding WHERE site = ?1"
            " AND state = 'resolved' AND (SELECT l.state FROM life AS l WHERE l.site = finding.site"
            " AND l.id = finding.id ORDER BY l.run DESC LIMIT 1) <> 'resolved'",
            "tn", taking->site, taking->run);
}

static void take_tally(const struct taking *taking, const cJSON *result)
{
    const cJSON *item;
    int64_t captures = 0, packets = 0, unreadable = 0;
    cJSON_ArrayForEach(item, document_list(result, "captures")) {
        captures += !document_text(item, "replaces");
        packets += document_number(item, "new_packets", 0);
    }
    cJSON_ArrayForEach(item, document_list(result, "files"))
        unreadable += document_switch(item, "bad");
    unreadable += document_number(result, "given_up", 0);
    char *warnings = cJSON_PrintUnformatted(document_list(result, "warnings"));
    execute(taking->store, "INSERT OR IGNORE INTO site (name, first_run) VALUES (?, ?)", "tn",
            taking->site, taking->run);
    execute(taking->store,
            "INSERT INTO tally (site, run, captures, packets, attempts, succeeded, failed,"
            " unreadable, warnings) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)"
            " ON CONFLICT (site, run) DO UPDATE SET captures = captures + ?3,"
            " packets = packets + ?4, attempts = attempts + ?5, succeeded = succeeded + ?6,"
            " failed = failed + ?7, unreadable = unreadable + ?8, warnings ="
            " (SELECT json_group_array(value) FROM (SELECT value FROM json_each(warnings)"
            " UNION SELECT value FROM json_each(?9)))",
            "tnnnnnnnt", taking->site, taking->run, captures, packets,
            document_number(result, "attempts", 0), document_number(result, "succeeded", 0),
            document_number(result, "failed", 0), unreadable, warnings);
    cJSON_free(warnings);
}

static int64_t begin_run(struct store *store, int64_t time_ns)
{
    int64_t run = open_run(store);
    if (run)
        return run;
    run = store_latest_run(store) + 1;
    execute(store, "INSERT INTO run (number, time_ns, version) VALUES (?, ?, ?)", "nnt", run,
            time_ns, FWSNIFF_VERSION);
    return run;
}

bool store_take(struct store *store, const cJSON *result, int64_t time_ns, struct error *error)
{
    const cJSON *item;
    struct taking taking = {.store = store, .site = text_of(result, "site")};
    store->problem.text[0] = '\0';
    execute(store, "BEGIN IMMEDIATE", "");
    taking.run = begin_run(store, time_ns);
    cJSON_ArrayForEach(item, document_list(result, "files"))
        take_file(&taking, item);
    cJSON_ArrayForEach(item, document_list(result, "captures"))
        take_capture(&taking, item);
    cJSON_ArrayForEach(item, document_list(result, "findings"))
        take_finding(&taking, item);
    cJSON_ArrayForEach(item, document_list(result, "worked"))
        take_success(&taking, item);
    note_resolved(&taking);
    take_tally(&taking, result);
    bool good = !store->problem.text[0] && execute(store, "COMMIT", "");
    if (good)
        return true;
    error_set(error, "%s", store->problem.text);
    execute(store, "ROLLBACK", "");
    store->problem.text[0] = '\0';
    return false;
}

bool store_finish_run(struct store *store, struct error *error)
{
    store->problem.text[0] = '\0';
    return execute(store, "UPDATE run SET finished = 1", "") ||
           error_set(error, "%s", store->problem.text);
}
