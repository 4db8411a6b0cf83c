#include "analyzer/batch/workers.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/notes.h"
#include "analyzer/memory.h"
#include "analyzer/report/format.h"
#include "analyzer/report/json.h"

enum { LOOK_INTERVAL_MS = 200, WORKER_FAILED = 4, HEAP_KEPT = 32 * 1024 * 1024 };

struct worker {
    pid_t process; /* 0: free */
    cJSON *unit;
    unsigned deaths;
    bool stalled;
    uint64_t beats;
    int64_t beat_ms;
    struct unit_progress *progress; /* shared with the process */
    int result;                     /* a file in memory */
    char folder[PATH_MAX];
};

struct pool {
    const struct workers_request *request;
    struct worker workers[WORKERS_MAX];
    unsigned count;
    cJSON *waiting; /* units that nobody has begun, largest first */
    size_t units, done;
    uint64_t packets; /* of units that are done */
    sigset_t waited;
    bool stop;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

void remove_folder(const char *path)
{
    enum { DESCRIPTORS = 16 };
    nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* --- in the worker --- */

static void limit_resources(const struct workers_request *request)
{
    const struct rlimit no_core = {0, 0};
    const struct rlimit memory = {request->unit.memory_max, request->unit.memory_max};
    setrlimit(RLIMIT_CORE, &no_core);
#ifndef __SANITIZE_ADDRESS__ /* it reserves terabytes of address space */
    if (request->unit.memory_max)
        setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
}

static bool write_result(int file, const cJSON *result)
{
    FILE *out = fdopen(file, "w");
    if (!out)
        return false;
    report_json_print(out, result);
    return fclose(out) == 0;
}

static _Noreturn void work(const struct pool *pool, const struct worker *worker, pid_t parent)
{
    struct unit_request request = pool->request->unit;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &pool->waited, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the next run begins this unit again */
    if (getppid() != parent)
        _exit(WORKER_FAILED);
    limit_resources(pool->request);
    request.folder = worker->folder;
    request.progress = worker->progress;
    bool good = write_result(worker->result, unit_analyse(&request, worker->unit));
    _exit(good ? 0 : WORKER_FAILED);
}

/* --- in the parent --- */

static bool start(struct pool *pool, struct worker *worker)
{
    fflush(NULL);
    remove_folder(worker->folder);
    if (ftruncate(worker->result, 0) != 0 || lseek(worker->result, 0, SEEK_SET) != 0)
        return false;
    memset(worker->progress, 0, sizeof *worker->progress);
    worker->beats = 0;
    worker->beat_ms = now_ms();
    worker->stalled = false;
    pid_t parent = getpid(), process = fork();
    if (process == 0)
        work(pool, worker, parent);
    worker->process = process > 0 ? process : 0;
    return process > 0;
}

static void free_worker(struct pool *pool, struct worker *worker)
{
    remove_folder(worker->folder);
    cJSON_Delete(worker->unit);
    pool->packets += worker->progress->packets;
    worker->unit = NULL;
    worker->deaths = 0;
    pool->done++;
}

static void give_unit(struct pool *pool, struct worker *worker)
{
    if (worker->process || !pool->waiting->child)
        return;
    worker->unit = cJSON_DetachItemViaPointer(pool->waiting, pool->waiting->child);
    pool->stop |= !start(pool, worker);
}

/* The next unit is begun first, to be analysed while this one is taken in; but one job is one
 * process at work at a time. */
static void hand_over(struct pool *pool, struct worker *worker, cJSON *result)
{
    free_worker(pool, worker);
    if (pool->count > 1)
        give_unit(pool, worker);
    if (!pool->request->take(pool->request->context, result))
        pool->stop = true;
    cJSON_Delete(result);
}

static void describe_death(const struct worker *worker, int status, char *text, size_t size)
{
    const char *file = worker->progress->path, *member = worker->progress->member;
    const char *why = worker->stalled            ? "it got no further (--stall)"
                      : WIFSIGNALED(status)      ? strsignal(WTERMSIG(status))
                      : WEXITSTATUS(status) == 3 ? "out of memory (--worker-memory)"
                                                 : "it could not go on";
    snprintf(text, size, "%.300s%s%.100s: the analysis was ended: %s", *file ? file : "the site",
             *member ? ": " : "", member, why);
}

/* A result that says only that the site was given up for this run: nothing of it is known as
 * looked at, so that the next run tries again. */
static cJSON *given_up(const struct worker *worker, const char *problem)
{
    cJSON *result = notes_begin(document_text(worker->unit, "site"));
    document_add_number(result, "given_up", 1);
    notes_warn(result, problem);
    return result;
}

/* Again without the file that was being read. Where that is not known, or it was left out before
 * and did not help, the site is given up. */
static void died(struct pool *pool, struct worker *worker, int status)
{
    char problem[ERROR_TEXT_MAX];
    describe_death(worker, status, problem, sizeof problem);
    if (!worker->progress->path[0] || ++worker->deaths == DEATHS_MAX) {
        hand_over(pool, worker, given_up(worker, problem));
        return;
    }
    cJSON *avoid = cJSON_GetObjectItem(worker->unit, "avoid");
    if (!avoid) {
        avoid = cJSON_CreateArray();
        document_add(worker->unit, "avoid", avoid);
    }
    cJSON *item = cJSON_CreateObject();
    document_add_text(item, "path", worker->progress->path);
    document_add_text(item, "member", worker->progress->member);
    document_add_text(item, "problem", problem);
    cJSON_AddItemToArray(avoid, item);
    pool->packets += worker->progress->packets;
    if (!start(pool, worker))
        pool->stop = true;
}

static void ended(struct pool *pool, struct worker *worker, int status)
{
    struct error error = {""};
    worker->process = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        cJSON *result = document_read_open(worker->result, document_text(worker->unit, "site"),
                                           RESULT_SCHEMA, &error);
        hand_over(pool, worker, result ? result : given_up(worker, error.text));
    } else {
        died(pool, worker, status);
    }
}

static void watch(struct pool *pool, struct worker *worker, int64_t time_ms)
{
    int status;
    if (waitpid(worker->process, &status, WNOHANG) == worker->process) {
        ended(pool, worker, status);
        return;
    }
    uint64_t beats = worker->progress->beats;
    if (beats != worker->beats) {
        worker->beats = beats;
        worker->beat_ms = time_ms;
    } else if (pool->request->stall_s &&
               time_ms - worker->beat_ms > (int64_t)pool->request->stall_s * 1000) {
        worker->stalled = true;
        kill(worker->process, SIGKILL);
    }
}

static void show_progress(const struct pool *pool)
{
    uint64_t packets = pool->packets;
    char text[FORMAT_TEXT];
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->workers[i].process)
            packets += pool->workers[i].progress->packets;
    fprintf(stderr, "\r\033[K%zu of %zu sites, %s packets", pool->done, pool->units,
            format_count(packets, text));
    for (unsigned i = 0; i < pool->count && i < 4; i++)
        if (pool->workers[i].process)
            fprintf(stderr, "%s%.16s", i ? ", " : ": ",
                    document_text(pool->workers[i].unit, "site"));
    fflush(stderr);
}

static bool make_workers(struct pool *pool)
{
    const struct workers_request *request = pool->request;
    pool->count = request->jobs < WORKERS_MAX ? request->jobs : WORKERS_MAX;
    if (pool->count > pool->units)
        pool->count = (unsigned)pool->units;
    for (unsigned i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];
        worker->progress = mmap(NULL, sizeof *worker->progress, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (worker->progress == MAP_FAILED) {
            pool->count = i;
            return false;
        }
        worker->result = memfd_create("fwsniff-result", MFD_CLOEXEC);
        if (worker->result < 0) {
            pool->count = i + 1;
            return false;
        }
        snprintf(worker->folder, sizeof worker->folder, "%s/worker-%u", request->spool, i);
    }
    return true;
}

static void release(struct pool *pool)
{
    for (unsigned i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];
        if (worker->process) {
            kill(worker->process, SIGKILL);
            waitpid(worker->process, NULL, 0);
            remove_folder(worker->folder);
        }
        cJSON_Delete(worker->unit);
        munmap(worker->progress, sizeof *worker->progress);
        if (worker->result >= 0)
            close(worker->result);
    }
}

/* Gives free workers something to do. False: all is done. */
static bool feed(struct pool *pool)
{
    bool busy = false;
    for (unsigned i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];
        give_unit(pool, worker);
        busy |= worker->process != 0;
    }
    return busy;
}

/* Waits until a worker ends, for a moment at most. */
static void wait_a_moment(struct pool *pool)
{
    const struct timespec interval = {.tv_nsec = LOOK_INTERVAL_MS * 1000000};
    int number = sigtimedwait(&pool->waited, NULL, &interval);
    if (number == SIGINT || number == SIGTERM)
        pool->stop = true;
}

bool workers_run(const struct workers_request *request, cJSON *units)
{
    struct pool *pool = memory_zeroed(1, sizeof *pool);
    sigset_t before;
    pool->request = request;
    pool->waiting = units;
    pool->units = (size_t)cJSON_GetArraySize(units);
    sigemptyset(&pool->waited);
    sigaddset(&pool->waited, SIGCHLD);
    sigaddset(&pool->waited, SIGINT);
    sigaddset(&pool->waited, SIGTERM);
    sigprocmask(SIG_BLOCK, &pool->waited, &before);
    pool->stop = !make_workers(pool);
    /* Capture after capture, result after result takes the same buffers: what is free is kept, not
     * asked for again. */
    mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    while (!pool->stop && feed(pool) && !pool->stop) {
        wait_a_moment(pool);
        int64_t time_ms = now_ms();
        for (unsigned i = 0; i < pool->count && !pool->stop; i++)
            if (pool->workers[i].process)
                watch(pool, &pool->workers[i], time_ms);
        if (request->show_progress)
            show_progress(pool);
    }
    if (request->show_progress)
        fprintf(stderr, "\r\033[K");
    bool good = !pool->stop;
    release(pool);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(pool);
    return good;
}
