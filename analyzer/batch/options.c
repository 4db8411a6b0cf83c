#include "analyzer/batch/options.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/arguments.h"
#include "analyzer/batch/workers.h"
#include "analyzer/memory.h"
#include "analyzer/report/format.h"

const char *const batch_command_words[BATCH_COMMANDS] = {
    [COMMAND_BATCH] = "batch", [COMMAND_MERGE] = "merge", [COMMAND_HISTORY] = "history"};

enum {
    IN_BATCH = 1 << COMMAND_BATCH,
    IN_MERGE = 1 << COMMAND_MERGE,
    IN_HISTORY = 1 << COMMAND_HISTORY
};

#define GIB (UINT64_C(1) << 30)
enum { STALL_DEFAULT_S = 600 };

struct batch_row;
struct parsing {
    struct batch_options *options;
    int64_t now_ns;
    struct error *error;
};
typedef bool take_batch_value(const struct parsing *parsing, const struct batch_row *row,
                              const char *value);

struct batch_row {
    const char *name;
    char letter;
    int argument;
    unsigned commands;
    const char *value;
    take_batch_value *take; /* NULL: an option of the analysis, options_take() knows it */
    const char *help;
};

static bool bad(const struct parsing *parsing, const struct batch_row *row, const char *value,
                const char *expected)
{
    return error_set(parsing->error, "option --%s: '%s' is not %s", row->name, value, expected);
}

static bool take_text(const struct parsing *parsing, const struct batch_row *row, const char *value)
{
    struct batch_options *options = parsing->options;
    const struct {
        const char *name, **where;
    } texts[] = {
        {"state", &options->state},
        {"report", &options->report},
        {"prometheus", &options->prometheus},
        {"site", &options->site},
        {"site-pattern", &options->site_pattern},
        {"result", &options->result},
    };
    if (!*value)
        return bad(parsing, row, value, row->value);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, row->name) == 0)
            *texts[i].where = value;
    return true;
}

static bool take_plan(const struct parsing *parsing, const struct batch_row *row, const char *value)
{
    (void)row;
    parsing->options->plan = value && *value ? value : "-";
    return true;
}

static bool take_json(const struct parsing *parsing, const struct batch_row *row, const char *value)
{
    (void)row;
    (void)value;
    parsing->options->json = true;
    return true;
}

static bool take_streams(const struct parsing *parsing, const struct batch_row *row,
                         const char *value)
{
    static const char *const words[] = {
        [STREAM_BY_NAME] = "name", [STREAM_BY_TIME] = "time", [STREAM_NEVER] = "none"};
    int rule = word_index(words, sizeof words / sizeof *words, value);
    if (rule < 0)
        return bad(parsing, row, value, "name, time or none");
    parsing->options->streams = (enum stream_rule)rule;
    return true;
}

static bool read_duration(const char *text, uint64_t *seconds)
{
    static const struct argument_unit units[] = {
        {"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {NULL, 0}};
    return argument_quantity(text, units, INT_MAX, seconds);
}

static bool take_jobs(const struct parsing *parsing, const struct batch_row *row, const char *value)
{
    uint64_t jobs;
    if (!argument_number(value, WORKERS_MAX, &jobs, NULL) || jobs == 0)
        return bad(parsing, row, value, "a number of workers from 1 to 256");
    parsing->options->jobs = (unsigned)jobs;
    return true;
}

static bool take_size(const struct parsing *parsing, const struct batch_row *row, const char *value)
{
    static const struct argument_unit units[] = {{"", 1},    {"K", 1 << 10},   {"M", 1 << 20},
                                                 {"G", GIB}, {"T", GIB << 10}, {NULL, 0}};
    uint64_t bytes;
    if (!argument_quantity(value, units, INT64_MAX, &bytes))
        return bad(parsing, row, value, "a size in bytes, or with K, M, G or T (0: no limit)");
    if (strcmp(row->name, "max-unpacked") == 0)
        parsing->options->unpacked_max = bytes ? bytes : INT64_MAX;
    else
        parsing->options->memory_max = bytes;
    return true;
}

static bool take_stall(const struct parsing *parsing, const struct batch_row *row,
                       const char *value)
{
    uint64_t seconds;
    if (!read_duration(value, &seconds))
        return bad(parsing, row, value, "a time, as in 90, 90s, 10m or 1h (0: no limit)");
    parsing->options->stall_s = (unsigned)seconds;
    return true;
}

static bool take_shard(const struct parsing *parsing, const struct batch_row *row,
                       const char *value)
{
    uint64_t share, of;
    const char *rest;
    if (!argument_number(value, 100000, &share, &rest) || *rest != '/' ||
        !argument_number(rest + 1, 100000, &of, NULL) || share < 1 || share > of)
        return bad(parsing, row, value, "K/N with K from 1 to N, as in 3/8");
    parsing->options->share = (unsigned)share;
    parsing->options->of = (unsigned)of;
    return true;
}

bool batch_read_time(const char *text, int64_t *time_ns)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"};
    if (*text == '@') {
        uint64_t seconds;
        if (!argument_number(text + 1, INT64_MAX / 1000000000, &seconds, NULL))
            return false;
        *time_ns = (int64_t)seconds * 1000000000;
        return true;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm when = {.tm_mday = 1};
        const char *rest = strptime(text, forms[i], &when);
        if (rest && !*rest) {
            *time_ns = (int64_t)timegm(&when) * 1000000000;
            return true;
        }
    }
    return false;
}

static bool take_time(const struct parsing *parsing, const struct batch_row *row, const char *value)
{
    return batch_read_time(value, &parsing->options->time_ns) ||
           bad(parsing, row, value,
               "a time, as in 2026-11-21T02:30:00Z, 2026-11-21 or @1795228200");
}

static bool take_since(const struct parsing *parsing, const struct batch_row *row,
                       const char *value)
{
    uint64_t seconds;
    if (batch_read_time(value, &parsing->options->since_ns))
        return true;
    if (!read_duration(value, &seconds))
        return bad(parsing, row, value, "a time, as in 2026-11-21, or an age, as in 7d");
    parsing->options->since_ns = parsing->now_ns - (int64_t)seconds * 1000000000;
    return true;
}

static bool take_states(const struct parsing *parsing, const struct batch_row *row,
                        const char *value)
{
    static const char *const words[] = {"new", "ongoing", "back", "resolved", "open"};
    char *copy = memory_string(value), *rest = copy;
    bool good = *value;
    for (char *word; good && (word = strsep(&rest, ","));)
        good = word_index(words, sizeof words / sizeof *words, word) >= 0;
    free(copy);
    parsing->options->states = value;
    return good || bad(parsing, row, value, "new, ongoing, back, resolved or open, or several");
}

/* clang-format off */
static const struct batch_row rows[] = {
    {"state", 0, required_argument, IN_BATCH | IN_MERGE | IN_HISTORY, "DIR", take_text,
     "where the history is kept (/var/lib/fwsniff for root, ~/.local/state/fwsniff for others)"},
    {"report", 0, required_argument, IN_BATCH | IN_MERGE, "DIR", take_text,
     "where the report is written: index.html and the rest (STATE/report)"},
    {"prometheus", 0, required_argument, IN_BATCH | IN_MERGE, "FILE", take_text,
     "metrics for the textfile collector of the node exporter"},
    {"time", 0, required_argument, IN_BATCH | IN_MERGE, "TIME", take_time,
     "the time of the run, as it stands in reports and history (now)"},
    {"site", 0, required_argument, IN_BATCH | IN_HISTORY, "NAME", take_text,
     "batch: all captures are of this site; history: only this site"},
    {"site-pattern", 0, required_argument, IN_BATCH, "REGEX", take_text,
     "the site is the first group of this expression in the path below the directory that was "
     "given (default: the first folder below it)"},
    {"streams", 0, required_argument, IN_BATCH, "RULE", take_streams,
     "which captures continue each other: name (same name but for counters and times, one after "
     "the other), time (one after the other) or none"},
    {"jobs", 'j', required_argument, IN_BATCH, "N", take_jobs,
     "sites to analyze at once (one for each processor)"},
    {"worker-memory", 0, required_argument, IN_BATCH, "SIZE", take_size,
     "address space of one worker (4G)"},
    {"stall", 0, required_argument, IN_BATCH, "TIME", take_stall,
     "a worker that gets no further for so long is ended, and its file left out (10m)"},
    {"max-unpacked", 0, required_argument, IN_BATCH, "SIZE", take_size,
     "most that may come out of one archive (64G)"},
    {"plan", 0, optional_argument, IN_BATCH, "FILE", take_plan,
     "write what there is to do and stop; for --shard, on this or another machine"},
    {"shard", 0, required_argument, IN_BATCH, "K/N", take_shard,
     "run the K-th of N shares of a plan, which is named instead of captures"},
    {"result", 0, required_argument, IN_BATCH, "FILE", take_text,
     "where a share's result is written, for fwsniff merge"},

    {"is", 0, required_argument, IN_HISTORY, "STATE[,STATE]", take_states,
     "only findings that are new, ongoing, back, resolved or open (any but resolved)"},
    {"since", 0, required_argument, IN_HISTORY, "TIME", take_since,
     "only what was seen since: a time, or an age as in 7d"},
    {"json", 0, no_argument, IN_HISTORY, NULL, take_json, "the answer as JSON"},

    {"vantage", 0, required_argument, IN_BATCH, "WHERE", NULL,
     "where the captures were taken, all of them, instead of inferring it for each"},
};
static const struct batch_row last_rows[] = {
    {"quiet", 'q', no_argument, IN_BATCH | IN_MERGE, NULL, NULL, "no summary, no progress"},
    {"help", 'h', no_argument, IN_BATCH | IN_MERGE | IN_HISTORY, NULL, NULL, "this text"},
};
/* clang-format on */

/* Of the analysis, as without batch. */
static const char *const shared[] = {"profile", "profile-file", "port",
                                     "pin",     "rules",        "local-net",
                                     "nat",     "max-flows",    "strip-payload"};
#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { ROWS_MAX = COUNT(rows) + COUNT(shared) + COUNT(last_rows), LONG_ONLY = 256 };

/* The rows of one command, behind them an empty one. */
struct table {
    struct batch_row rows[ROWS_MAX + 1];
    size_t count;
};

static void add_rows(struct table *table, enum batch_command command, const struct batch_row *more,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (more[i].commands & (1u << command))
            table->rows[table->count++] = more[i];
}

static void table_of(enum batch_command command, struct table *table)
{
    *table = (struct table){.count = 0};
    add_rows(table, command, rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(shared); i++) {
        const struct option_shape shape = options_shape(shared[i]);
        const struct batch_row row = {shape.name,  shape.letter, shape.argument, IN_BATCH,
                                      shape.value, NULL,         shape.help};
        add_rows(table, command, &row, 1);
    }
    add_rows(table, command, last_rows, COUNT(last_rows));
}

static int row_key(const struct table *table, size_t index)
{
    char letter = table->rows[index].letter;
    return letter ? letter : LONG_ONLY + (int)index;
}

static const struct batch_row *row_of(const struct table *table, int key)
{
    for (size_t i = 0; i < table->count; i++)
        if (row_key(table, i) == key)
            return &table->rows[i];
    return NULL;
}

static void getopt_tables(const struct table *table, char letters[2 * ROWS_MAX + 2],
                          struct option words[ROWS_MAX + 1])
{
    *letters++ = ':';
    for (size_t i = 0; i < table->count; i++) {
        const struct batch_row *row = &table->rows[i];
        words[i] = (struct option){row->name, row->argument, NULL, row_key(table, i)};
        if (!row->letter)
            continue;
        *letters++ = row->letter;
        if (row->argument == required_argument)
            *letters++ = ':';
    }
    *letters = '\0';
    words[table->count] = (struct option){0};
}

/* systemd tells a service where its state goes (systemd.exec(5), StateDirectory=). */
static void find_state_folder(struct batch_options *options)
{
    const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length = -1;
    if (options->state)
        return;
    if (systemd && *systemd)
        length = asprintf(&options->owned_state, "%s", systemd);
    else if (geteuid() == 0 || !((xdg && *xdg) || (home && *home)))
        length = asprintf(&options->owned_state, "/var/lib/fwsniff");
    else if (xdg && *xdg)
        length = asprintf(&options->owned_state, "%s/fwsniff", xdg);
    else
        length = asprintf(&options->owned_state, "%s/.local/state/fwsniff", home);
    options->state = length < 0 ? (options->owned_state = NULL, ".") : options->owned_state;
}

static bool check_batch(const struct batch_options *options, struct error *error)
{
    if (options->word_count == 0)
        return error_set(error, "nothing to analyze: give directories or captures%s",
                         options->share ? " (with --shard: the plan)" : "");
    if (options->share && options->plan)
        return error_set(error, "options --plan and --shard exclude each other");
    if (options->share && options->word_count != 1)
        return error_set(error, "option --shard: expected one plan, as --plan=FILE wrote it");
    if (options->share && !options->result)
        return error_set(error, "option --shard needs --result=FILE");
    if (options->result && !options->share)
        return error_set(error, "option --result belongs to --shard");
    for (size_t i = 0; i < options->analysis.vantage_count; i++)
        if (options->analysis.vantages[i].file || i)
            return error_set(error, "option --vantage: expected one WHERE for all captures");
    return true;
}

static bool check_history(const struct batch_options *options, struct error *error)
{
    static const char *const questions[] = {"findings", "sites", "runs", "captures"};
    if (options->word_count > 1 ||
        (options->word_count == 1 &&
         word_index(questions, sizeof questions / sizeof *questions, options->words[0]) < 0))
        return error_set(error, "'%s' is none of findings, sites, runs, captures",
                         options->words[options->word_count - 1]);
    return true;
}

static bool check(const struct batch_options *options, struct error *error)
{
    switch (options->command) {
    case COMMAND_BATCH:
        return check_batch(options, error);
    case COMMAND_MERGE:
        return options->word_count ||
               error_set(error, "nothing to merge: give the results of all shares");
    case COMMAND_HISTORY:
        return check_history(options, error);
    case BATCH_COMMANDS:
        break;
    }
    return false;
}

static bool take(const struct parsing *parsing, const struct table *table, int key,
                 const char *argument)
{
    const struct batch_row *row = key == '?' || key == ':' ? NULL : row_of(table, key);
    if (row && !row->take)
        return options_take(&parsing->options->analysis, row->name, optarg, parsing->error);
    if (row)
        return row->take(parsing, row, optarg);
    row = row_of(table, optopt);
    if (key == ':' && row)
        return error_set(parsing->error, "option --%s needs a value: %s", row->name, row->value);
    if (row)
        return error_set(parsing->error, "option --%s takes no value ('%s')", row->name, argument);
    return error_set(parsing->error, "unknown or ambiguous option '%s' of fwsniff %s", argument,
                     batch_command_words[parsing->options->command]);
}

enum batch_result batch_options_parse(int argc, char **argv, int64_t now_ns,
                                      struct batch_options *options, struct error *error)
{
    char letters[2 * ROWS_MAX + 2];
    struct option words[ROWS_MAX + 1];
    struct table table;
    const struct parsing parsing = {options, now_ns, error};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int key;
    *options = (struct batch_options){
        .command = (enum batch_command)word_index(batch_command_words, BATCH_COMMANDS, argv[0]),
        .jobs = processors < 1             ? 1
                : processors > WORKERS_MAX ? WORKERS_MAX
                                           : (unsigned)processors,
        .memory_max = 4 * GIB,
        .unpacked_max = 64 * GIB,
        .stall_s = STALL_DEFAULT_S,
        .time_ns = INT64_MIN,
        .since_ns = INT64_MIN,
    };
    table_of(options->command, &table);
    getopt_tables(&table, letters, words);
    optind = 0; /* glibc: start anew */
    opterr = 0;
    while ((key = getopt_long(argc, argv, letters, words, NULL)) != -1) {
        if (key == 'h')
            return BATCH_HELP;
        if (!take(&parsing, &table, key, argv[optind - 1]))
            return BATCH_ERROR;
    }
    options->words = argv + optind;
    options->word_count = (size_t)(argc - optind);
    find_state_folder(options);
    return check(options, error) ? BATCH_RUN : BATCH_ERROR;
}

void batch_options_free(struct batch_options *options)
{
    options_free(&options->analysis);
    free(options->owned_state);
}

bool batch_options_write_help(FILE *out, enum batch_command command)
{
    static const char *const usage[BATCH_COMMANDS] = {
        [COMMAND_BATCH] =
            "Usage: fwsniff batch [options] DIR|FILE ...\n"
            "       fwsniff batch --plan=PLAN [options] DIR|FILE ...\n"
            "       fwsniff batch --shard K/N --result=FILE [options] PLAN\n"
            "\n"
            "Analyzes the captures of many sites that are new since the last run, keeps the\n"
            "history of their findings and writes one report.\n",
        [COMMAND_MERGE] = "Usage: fwsniff merge [options] RESULT ...\n"
                          "\n"
                          "Joins the results of all shares of a plan into history and report.\n",
        [COMMAND_HISTORY] = "Usage: fwsniff history [options] [findings|sites|runs|captures]\n"
                            "\n"
                            "Asks the history of fwsniff batch.\n",
    };
    fputs(usage[command], out);
    fputc('\n', out);
    struct page page;
    page_begin(&page, out, HELP_WIDTH, false);
    struct table table;
    table_of(command, &table);
    for (const struct batch_row *row = table.rows; row->name; row++)
        argument_help(&page, row->name, row->letter, row->argument, row->value, row->help);
    fputs("\nExit status: 0 no failure found, 1 failures found, 2 usage or rules error,\n"
          "3 a capture could not be read. More: fwsniff(1).\n",
          out);
    return format_stream_ok(out);
}
