#include "analyzer/batch/store_schema.h"

static const char version_1[] =
    /* One nightly run, whatever number of processes it took. */
    "CREATE TABLE run (number INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
    " finished INTEGER NOT NULL DEFAULT 0, version TEXT NOT NULL);"
    "CREATE TABLE site (name TEXT PRIMARY KEY, first_run INTEGER NOT NULL) WITHOUT ROWID;"
    /* Files as they were when last looked at: a cache, the truth is in `capture`. member '': the
     * file itself. */
    "CREATE TABLE file (site TEXT NOT NULL, path TEXT NOT NULL, member TEXT NOT NULL,"
    " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, hash TEXT,"
    " problem TEXT, bad INTEGER NOT NULL, run INTEGER NOT NULL,"
    " PRIMARY KEY (site, path, member)) WITHOUT ROWID;"
    /* Captures that were analysed, by content. */
    "CREATE TABLE capture (site TEXT NOT NULL, hash TEXT NOT NULL, id TEXT NOT NULL,"
    " run INTEGER NOT NULL, path TEXT NOT NULL, member TEXT, size INTEGER NOT NULL,"
    " mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " packets INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
    " links TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (site, hash)) WITHOUT ROWID;"
    /* state: new, ongoing, back, resolved. worked_ns: when the pair was last seen working; what
     * resolved it is later than last_ns. document: the finding of fwsniff.report/1 as last seen. */
    "CREATE TABLE finding (site TEXT NOT NULL, id TEXT NOT NULL, profile TEXT NOT NULL,"
    " service TEXT NOT NULL, proto TEXT NOT NULL, client TEXT NOT NULL, server TEXT NOT NULL,"
    " port INTEGER NOT NULL, symptom TEXT NOT NULL, failure_point TEXT NOT NULL,"
    " mechanism TEXT NOT NULL, confidence REAL NOT NULL, summary TEXT NOT NULL,"
    " first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " state TEXT NOT NULL, first_run INTEGER NOT NULL, last_run INTEGER NOT NULL,"
    " worked_ns INTEGER, document TEXT NOT NULL, PRIMARY KEY (site, id)) WITHOUT ROWID;"
    /* What a run said of a finding. No row: the run saw nothing of it. */
    "CREATE TABLE life (site TEXT NOT NULL, id TEXT NOT NULL, run INTEGER NOT NULL,"
    " state TEXT NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY (site, id, run)) WITHOUT ROWID;"
    "CREATE TABLE tally (site TEXT NOT NULL, run INTEGER NOT NULL, captures INTEGER NOT NULL,"
    " packets INTEGER NOT NULL, attempts INTEGER NOT NULL, succeeded INTEGER NOT NULL,"
    " failed INTEGER NOT NULL, warnings TEXT NOT NULL, PRIMARY KEY (site, run)) WITHOUT ROWID;";

/* Files that should have been captures and could not be read; queries by run. */
static const char version_2[] =
    "ALTER TABLE tally ADD COLUMN unreadable INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX life_by_run ON life (run);"
    "CREATE INDEX tally_by_run ON tally (run);"
    "CREATE INDEX capture_by_run ON capture (run, site);";

/* What a success may resolve. Without it each one reads all findings of its site. */
static const char version_3[] =
    "CREATE INDEX finding_by_pair ON finding (site, client, server, port);";

const char *const store_schema[STORE_VERSION] = {version_1, version_2, version_3};
