/* The history: one SQLite file, write-ahead log, version of the schema in user_version.
 *
 * One unit's result goes in by one transaction: after a crash it is there whole or not at all. A
 * run that was killed is continued by the next: it keeps its number and its time. Rows are keyed by
 * what they are about (site, hash, identifier), never by the order in which they came, so that the
 * same captures give the same database whatever happened in between. */
#ifndef FWSNIFF_BATCH_STORE_H
#define FWSNIFF_BATCH_STORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "analyzer/error.h"

enum { STORE_VERSION = 3 };

struct store;

/* Makes the file where there is none, migrates an older schema, refuses a newer one. `read_only`:
 * for queries; the file must exist (an older schema is migrated all the same). NULL with a message.
 */
struct store *store_open(const char *path, bool read_only, struct error *error);
void store_close(struct store *store);

/* Many questions in a row: what lies between sees one state of the history, and takes its locks
 * once. */
bool store_hold(struct store *store);
void store_let_go(struct store *store);

/* Moves the log into the file now, rather than when the history is closed. */
void store_settle(struct store *store);

/* Is this file exactly as it was when it was last looked at? Says nothing about its content. */
bool store_file_is_known(struct store *store, const char *site, const char *path,
                         const struct stat *status);

/* The captures of a site, as a unit wants them ("known"). Owned by the caller. */
cJSON *store_known_captures(struct store *store, const char *site);

/* The latest run; 0: there was none. */
int64_t store_latest_run(struct store *store);
/* Of the latest that was finished. */
int64_t store_finished_run(struct store *store);
bool store_run_is_open(struct store *store);

/* Did the open run take in something of this site already? */
bool store_run_has_site(struct store *store, const char *site);

/* Takes in one result: opens a run at `time_ns` unless one is open. */
bool store_take(struct store *store, const cJSON *result, int64_t time_ns, struct error *error);

/* The reports are written: the run is over. */
bool store_finish_run(struct store *store, struct error *error);

/* Rows of a query as an array of objects; whole numbers stand in them as text (document.h).
 * `format`: one letter for each argument behind it: 't' text (NULL: null), 'n' int64_t. Owned by
 * the caller; NULL with a message. */
cJSON *store_rows(struct store *store, struct error *error, const char *sql, const char *format,
                  ...);

#endif
