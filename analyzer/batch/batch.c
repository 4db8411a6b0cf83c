#include "analyzer/batch/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/history.h"
#include "analyzer/batch/nightly.h"
#include "analyzer/batch/options.h"
#include "analyzer/batch/replace.h"
#include "analyzer/batch/shard.h"
#include "analyzer/batch/store.h"
#include "analyzer/batch/workers.h"
#include "analyzer/batch/worklist.h"
#include "analyzer/memory.h"
#include "analyzer/pipeline.h"
#include "analyzer/report/report.h"
#include "dissectors/ndpi_bridge.h"

/* Everything one command owns. */
struct batch {
    const struct batch_options *options;
    struct knowledge knowledge;
    struct store *store;
    int64_t time_ns;
    int lock; /* descriptor; -1: none */
    size_t unreadable;
    bool broken; /* a result could not be taken in */
    char database[PATH_MAX], report[PATH_MAX], spool[PATH_MAX];
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void complain(const char *text)
{
    char safe[ERROR_TEXT_MAX * 4];
    fprintf(stderr, "fwsniff: %s\n", report_escape_terminal(text, safe, sizeof safe));
}

static bool path_in(char path[PATH_MAX], const char *folder, const char *name, struct error *error)
{
    return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ||
           error_set(error, "%s: the path is too long", folder);
}

/* One run at a time: two would take each other's work. The kernel lets go when we and our workers
 * have ended; those of a run that was killed are given a moment for that. */
static bool lock_state(struct batch *batch, struct error *error)
{
    char path[PATH_MAX];
    if (!path_in(path, batch->options->state, "lock", error))
        return false;
    batch->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (batch->lock < 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    enum { TRIES = 40, PAUSE_US = 50000 };
    for (int i = 0; i < TRIES; i++) {
        if (flock(batch->lock, LOCK_EX | LOCK_NB) == 0)
            return true;
        usleep(PAUSE_US);
    }
    return error_set(error, "%s: another run is going on", path);
}

static bool open_state(struct batch *batch, struct error *error)
{
    const struct batch_options *options = batch->options;
    if (!make_folder(options->state, error) || !lock_state(batch, error) ||
        !path_in(batch->database, options->state, "history.db", error) ||
        !path_in(batch->spool, options->state, "spool", error) ||
        !path_in(batch->report, options->report ? options->report : options->state,
                 options->report ? "." : "report", error))
        return false;
    batch->store = store_open(batch->database, false, error);
    return batch->store;
}

static bool take_result(void *context, const cJSON *result)
{
    struct batch *batch = context;
    struct error error;
    if (store_take(batch->store, result, batch->time_ns, &error))
        return true;
    complain(error.text);
    batch->broken = true;
    return false;
}

/* --- the end of a run --- */

/* The summary is shown when the run is over: whoever reads it may stop reading, which kills. */
static int conclude(struct batch *batch, bool news, struct error *error)
{
    char *summary = NULL;
    size_t length = 0;
    FILE *kept = batch->options->analysis.quiet ? NULL : open_memstream(&summary, &length);
    const struct nightly_request request = {
        .store = batch->store,
        .folder = batch->report,
        .prometheus = batch->options->prometheus,
        .summary = kept,
        .nothing_new = !news,
        .jobs = batch->options->jobs,
    };
    struct nightly_result result;
    bool good = nightly_write(&request, &result, error) && store_finish_run(batch->store, error);
    if (kept && fclose(kept) == 0 && good)
        fwrite(summary, 1, length, stdout);
    free(summary);
    if (!good) {
        complain(error->text);
        return EXIT_USAGE;
    }
    if (batch->unreadable || result.unreadable)
        return EXIT_CAPTURE;
    return result.failing ? EXIT_FAILURES : EXIT_HEALTHY;
}

/* --- fwsniff batch --- */

static cJSON *make_plan(struct batch *batch, struct error *error)
{
    const struct batch_options *options = batch->options;
    const char *const left_out[] = {options->state, batch->report, NULL};
    const struct worklist_request request = {
        .roots = (const char *const *)options->words,
        .root_count = options->word_count,
        .site = options->site,
        .site_pattern = options->site_pattern,
        .left_out = left_out,
        .store = batch->store,
    };
    store_hold(batch->store);
    cJSON *plan = worklist_make(&request, complain, &batch->unreadable, error);
    store_let_go(batch->store);
    return plan;
}

static bool run_units(struct batch *batch, cJSON *units,
                      bool (*take)(void *context, const cJSON *result), void *context,
                      struct error *error)
{
    const struct batch_options *options = batch->options;
    const struct workers_request request = {
        .unit = {.options = &options->analysis,
                 .knowledge = &batch->knowledge,
                 .bridge = ndpi_bridge_new(),
                 .streams = options->streams,
                 .unpacked_max = options->unpacked_max,
                 .memory_max = options->memory_max},
        .jobs = options->jobs,
        .stall_s = options->stall_s,
        .spool = batch->spool,
        .show_progress = isatty(STDERR_FILENO) && !options->analysis.quiet,
        .take = take,
        .context = context,
    };
    if (cJSON_GetArraySize(units) && request.unit.bridge)
        ndpi_bridge_warm(request.unit.bridge);
    remove_folder(batch->spool); /* of a run that was killed */
    if (!make_folder(batch->spool, error)) {
        ndpi_bridge_free(request.unit.bridge);
        return false;
    }
    bool good = workers_run(&request, units);
    ndpi_bridge_free(request.unit.bridge);
    remove_folder(batch->spool);
    return good || batch->broken ||
           error_set(error, "interrupted; the next run goes on where this one stopped");
}

static int run_local(struct batch *batch, struct error *error)
{
    cJSON *plan = make_plan(batch, error);
    if (!plan)
        return EXIT_USAGE;
    cJSON *units = worklist_share(plan, 1, 1); /* largest first */
    bool news = cJSON_GetArraySize(units) || store_run_is_open(batch->store);
    bool good = run_units(batch, units, take_result, batch, error);
    cJSON_Delete(units);
    cJSON_Delete(plan);
    if (!good)
        return EXIT_CAPTURE;
    if (batch->broken)
        return EXIT_USAGE;
    error->text[0] = '\0';
    return conclude(batch, news, error);
}

/* A plan is made on what is finished: a share knows only that. */
static int write_plan(struct batch *batch, struct error *error)
{
    if (store_run_is_open(batch->store)) {
        error_set(error, "%s: a run was interrupted; let fwsniff batch (or merge) finish it first",
                  batch->database);
        return EXIT_USAGE;
    }
    cJSON *plan = make_plan(batch, error);
    bool good = plan && document_write(batch->options->plan, plan, true, error);
    cJSON_Delete(plan);
    return !good ? EXIT_USAGE : batch->unreadable ? EXIT_CAPTURE : EXIT_HEALTHY;
}

static int run_shard(struct batch *batch, struct error *error)
{
    const struct batch_options *options = batch->options;
    struct shard shard;
    if (snprintf(batch->spool, sizeof batch->spool, "%s.spool", options->result) >= PATH_MAX)
        return error_set(error, "%s: the path is too long", options->result), EXIT_USAGE;
    if (!shard_begin(&shard, options->words[0], options->share, options->of, error))
        return EXIT_USAGE;
    bool good = run_units(batch, shard.units, shard_take, &shard, error);
    if (!good) {
        shard_end(&shard);
        return EXIT_CAPTURE;
    }
    good = shard_write(&shard, options->result, error);
    shard_end(&shard);
    return good ? EXIT_HEALTHY : EXIT_USAGE;
}

static int run_batch(struct batch *batch, struct error *error)
{
    const struct batch_options *options = batch->options;
    if (options->plan)
        return open_state(batch, error) ? write_plan(batch, error) : EXIT_USAGE;
    if (!knowledge_load(&batch->knowledge, &options->analysis, error))
        return EXIT_USAGE;
    if (options->share)
        return run_shard(batch, error);
    return open_state(batch, error) ? run_local(batch, error) : EXIT_USAGE;
}

/* --- fwsniff merge --- */

static int run_merge(struct batch *batch, struct error *error)
{
    const struct batch_options *options = batch->options;
    if (!open_state(batch, error) ||
        !shard_check(options->words, options->word_count, store_finished_run(batch->store), error))
        return EXIT_USAGE;
    for (size_t i = 0; i < options->word_count; i++) {
        cJSON *shard = document_read(options->words[i], SHARD_SCHEMA, error);
        const cJSON *result;
        if (!shard)
            return EXIT_USAGE;
        cJSON_ArrayForEach(result, document_list(shard, "results")) {
            const char *site = document_text(result, "site");
            bool taken = site && store_run_has_site(batch->store, site); /* before a crash */
            if (!taken && !take_result(batch, result))
                break;
        }
        cJSON_Delete(shard);
        if (batch->broken)
            return EXIT_USAGE;
    }
    return conclude(batch, store_run_is_open(batch->store), error);
}

/* --- all of them --- */

static int run(struct batch *batch)
{
    struct error error = {""};
    int status = EXIT_USAGE;
    switch (batch->options->command) {
    case COMMAND_BATCH:
        status = run_batch(batch, &error);
        break;
    case COMMAND_MERGE:
        status = run_merge(batch, &error);
        break;
    case COMMAND_HISTORY:
        status = history_answer(batch->options, stdout, &error) ? EXIT_HEALTHY : EXIT_USAGE;
        break;
    case BATCH_COMMANDS:
        break;
    }
    if (error.text[0])
        complain(error.text);
    return status;
}

bool batch_is_command(int argc, char **argv)
{
    return argc > 1 && word_index(batch_command_words, BATCH_COMMANDS, argv[1]) >= 0;
}

int batch_main(int argc, char **argv)
{
    struct batch_options options = {.command = COMMAND_BATCH};
    struct error error = {""};
    struct batch batch = {.options = &options, .lock = -1};
    int status = EXIT_USAGE;
    switch (batch_options_parse(argc - 1, argv + 1, now_ns(), &options, &error)) {
    case BATCH_RUN:
        batch.time_ns = options.time_ns == INT64_MIN ? now_ns() : options.time_ns;
        status = run(&batch);
        break;
    case BATCH_HELP:
        status = batch_options_write_help(stdout, options.command) ? EXIT_HEALTHY : EXIT_USAGE;
        break;
    case BATCH_ERROR:
        complain(error.text);
        fprintf(stderr, "Try 'fwsniff %s --help'\n", batch_command_words[options.command]);
        break;
    }
    store_close(batch.store);
    knowledge_free(&batch.knowledge);
    if (batch.lock >= 0)
        close(batch.lock);
    batch_options_free(&options);
    return status;
}
