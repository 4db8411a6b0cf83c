#include "analyzer/capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/capture/file.h"
#include "analyzer/capture/live.h"
#include "analyzer/memory.h"

struct source_ops {
    int (*next)(struct source *, struct frame *, size_t);
    void (*stop)(struct source *);
    void (*pause)(struct source *);
    void (*resume)(struct source *);
    void (*update_stats)(struct source *);
    double (*progress)(const struct source *);
    void (*close)(struct source *);
};

struct source {
    const struct source_ops *ops;
    struct source_stats stats;
    char *name;
    union {
        struct capture_file *file;
        struct live *live;
    };
};

static int next_of_file(struct source *source, struct frame *frames, size_t capacity)
{
    return capture_file_next(source->file, frames, capacity);
}

static void stop_file(struct source *source)
{
    capture_file_break(source->file);
}

static void nothing(struct source *source)
{
    (void)source;
}

static double progress_of_file(const struct source *source)
{
    return capture_file_progress(source->file);
}

static void close_file(struct source *source)
{
    capture_file_close(source->file);
}

static const struct source_ops file_ops = {next_of_file, stop_file,        nothing,   nothing,
                                           nothing,      progress_of_file, close_file};

static int next_of_live(struct source *source, struct frame *frames, size_t capacity)
{
    return live_next(source->live, frames, capacity);
}

static void stop_live(struct source *source)
{
    live_break(source->live);
}

static void pause_live(struct source *source)
{
    live_pause(source->live);
}

static void resume_live(struct source *source)
{
    live_resume(source->live);
}

static void update_live(struct source *source)
{
    live_update_stats(source->live);
}

static double no_progress(const struct source *source)
{
    (void)source;
    return -1;
}

static void close_live(struct source *source)
{
    live_close(source->live);
}

static const struct source_ops live_ops = {next_of_live, stop_live,   pause_live, resume_live,
                                           update_live,  no_progress, close_live};

static struct source *new_source(const struct source_ops *ops, const char *name)
{
    struct source *source = memory_zeroed(1, sizeof *source);
    source->ops = ops;
    source->name = memory_string(name);
    return source;
}

static void free_source(struct source *source)
{
    free(source->name);
    free(source);
}

/* A directory can be opened and then not be read; a FIFO waits for its writer here. */
static int open_path(const char *path, struct error *error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        error_set(error, "%s: a directory, not a capture", path);
        close(fd);
        return -1;
    }
    return fd;
}

static struct source *open_file(const char *path, const char *name, const char *filter,
                                const struct bytes_tap *tap, struct error *error)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open_path(path, error);
    if (fd < 0)
        return NULL;
    struct source *source = new_source(&file_ops, standard_input ? "standard input" : name);
    source->file =
        capture_file_open(fd, !standard_input, source->name, filter, tap, &source->stats, error);
    if (source->file)
        return source;
    free_source(source);
    return NULL;
}

struct source *source_open_file(const char *path, const char *filter, struct error *error)
{
    return open_file(path, path, filter, NULL, error);
}

struct source *source_open_named(const char *path, const char *name, const struct bytes_tap *tap,
                                 struct error *error)
{
    return open_file(path, name, NULL, tap, error);
}

struct source *source_open_live(const struct source_live_options *options, struct error *error)
{
    struct source *source = new_source(&live_ops, options->interface ? options->interface : "any");
    source->live = live_open(options, &source->stats, error);
    if (source->live)
        return source;
    free_source(source);
    return NULL;
}

int source_next(struct source *source, struct frame *frames, size_t capacity)
{
    return source->ops->next(source, frames, capacity);
}

void source_break(struct source *source)
{
    source->ops->stop(source);
}

void source_pause(struct source *source)
{
    source->ops->pause(source);
}

void source_resume(struct source *source)
{
    source->ops->resume(source);
}

const struct source_stats *source_stats(struct source *source)
{
    source->ops->update_stats(source);
    return &source->stats;
}

double source_progress(const struct source *source)
{
    return source->ops->progress(source);
}

void source_close(struct source *source)
{
    if (!source)
        return;
    source->ops->close(source);
    free_source(source);
}
