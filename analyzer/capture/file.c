#include "analyzer/capture/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/capture/filter.h"
#include "analyzer/memory.h"

static const struct file_format *const formats[] = {&file_format_pcap, &file_format_pcapng};

enum { FOREIGN_BYTES = 4096 /* looked at to say what a foreign file is */ };

struct capture_file {
    struct reader reader;
    const struct file_format *format;
    void *state; /* the format's */
    struct frame_filter *filter;
    bool ended;
};

bool reader_fill(struct reader *reader, size_t want, struct error *error)
{
    enum bytes_result result;
    do {
        errno = 0;
        result = bytes_fill(reader->bytes, want);
        if (result == BYTES_WAIT && errno == EINTR)
            return error_set(error, "%s: interrupted while waiting for data", reader->name);
    } while (result == BYTES_WAIT);
    if (result == BYTES_FAILED)
        return error_set(error, "%s: %s", reader->name, reader->bytes->error.text);
    return true;
}

void reader_interface(struct reader *reader, uint16_t link_type, uint32_t snaplen)
{
    struct source_stats *stats = reader->stats;
    if (snaplen && (!stats->snaplen_min || snaplen < stats->snaplen_min))
        stats->snaplen_min = snaplen;
    for (size_t i = 0; i < stats->link_type_count; i++)
        if (stats->link_types[i] == link_type)
            return;
    if (stats->link_type_count < SOURCE_LINK_TYPES_MAX)
        stats->link_types[stats->link_type_count++] = link_type;
}

enum walk reader_bad(struct reader *reader, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reader->stats->truncated = true;
    error_set(&reader->stats->problem, "%s: %s", reader->name, text);
    return WALK_BAD;
}

static const struct file_format *find_format(const struct bytes *bytes)
{
    size_t have = (size_t)(bytes->end - bytes->at);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->match(bytes->at, have))
            return formats[i];
    return NULL;
}

/* A foreign file: more of it says better what it is. A pipe is not waited for. */
static void refuse(struct capture_file *file, struct error *error)
{
    struct bytes *bytes = file->reader.bytes;
    while (bytes_fill(bytes, FOREIGN_BYTES) == BYTES_WAIT && !bytes->pipe)
        ;
    char name[ERROR_TEXT_MAX];
    snprintf(name, sizeof name, "%s%s%s%s", file->reader.name, bytes->compression ? " (" : "",
             bytes->compression ? bytes->compression : "", bytes->compression ? ")" : "");
    foreign_describe(name, bytes->at, (size_t)(bytes->end - bytes->at), error);
}

/* The expression must be usable with one link type at least. A link type it makes no sense for
 * (a USB bus among the interfaces of an "all interfaces" save) just matches nothing. */
static bool open_filter(struct capture_file *file, const char *expression, struct error *error)
{
    const struct source_stats *stats = file->reader.stats;
    static const uint16_t none_known[] = {1};
    const uint16_t *link_types = stats->link_type_count ? stats->link_types : none_known;
    size_t count = stats->link_type_count ? stats->link_type_count : 1;
    struct error problem = {""};
    file->filter = filter_open(expression);
    bool usable = false;
    for (size_t i = 0; i < count; i++)
        usable |= filter_compile(file->filter, link_types[i], problem.text[0] ? NULL : &problem);
    return usable || error_set(error, "%s: %s", file->reader.name, problem.text);
}

static bool open_format(struct capture_file *file, struct error *error)
{
    enum { MATCH_BYTES = 12 };
    struct reader *reader = &file->reader;
    if (!reader_fill(reader, 4, error))
        return false;
    file->format = find_format(reader->bytes);
    if (!file->format) {
        if (!reader_fill(reader, MATCH_BYTES, error))
            return false;
        file->format = find_format(reader->bytes);
    }
    if (!file->format) {
        refuse(file, error);
        return false;
    }
    file->state = file->format->open(reader, error);
    return file->state;
}

struct capture_file *capture_file_open(int fd, bool own_fd, const char *name, const char *filter,
                                       const struct bytes_tap *tap, struct source_stats *stats,
                                       struct error *error)
{
    struct capture_file *file = memory_zeroed(1, sizeof *file);
    struct error problem;
    file->reader.name = name;
    file->reader.stats = stats;
    file->reader.bytes = bytes_open(fd, own_fd, &problem);
    if (!file->reader.bytes) {
        error_set(error, "%s: %s", name, problem.text);
        goto failed;
    }
    if (tap)
        bytes_set_tap(file->reader.bytes, tap);
    if (!open_format(file, error))
        goto failed;
    if (filter && *filter && !open_filter(file, filter, error))
        goto failed;
    file->reader.bytes->opening = false;
    return file;
failed:
    capture_file_close(file);
    return NULL;
}

void capture_file_close(struct capture_file *file)
{
    if (!file)
        return;
    filter_close(file->filter);
    if (file->state)
        file->format->close(file->state);
    bytes_close(file->reader.bytes);
    free(file);
}

void capture_file_break(struct capture_file *file)
{
    file->reader.bytes->stop = 1;
}

double capture_file_progress(const struct capture_file *file)
{
    return bytes_progress(file->reader.bytes);
}

/* The end was reached. A file that somebody is still writing may end anywhere; any other that
 * ends inside a record was cut. */
static void finish(struct capture_file *file)
{
    struct reader *reader = &file->reader;
    struct source_stats *stats = reader->stats;
    bool inside = reader->bytes->at != reader->bytes->end || reader->skip;
    stats->growing = bytes_is_being_written(reader->bytes);
    if (inside && !stats->growing) {
        stats->truncated = true;
        file->format->describe_cut(file->state, reader, &stats->problem);
    }
    file->ended = true;
}

static void fail(struct capture_file *file)
{
    struct reader *reader = &file->reader;
    /* A compressed file that is still being written ends like a damaged one. */
    reader->stats->growing = bytes_is_being_written(reader->bytes);
    if (!reader->stats->growing)
        reader_bad(reader, "after frame %llu: %s", (unsigned long long)reader->number,
                   reader->bytes->error.text);
    file->ended = true;
}

static enum bytes_result read_on(struct reader *reader)
{
    while (reader->skip) {
        struct bytes *bytes = reader->bytes;
        uint64_t left = (uint64_t)(bytes->end - bytes->at);
        uint64_t step = left < reader->skip ? left : reader->skip;
        bytes->at += step;
        reader->skip -= step;
        if (!reader->skip)
            return BYTES_READY;
        enum bytes_result result = bytes_fill(bytes, 1);
        if (result != BYTES_READY)
            return result;
    }
    return bytes_fill(reader->bytes, reader->need);
}

/* Gets more of the file. False when that ended it or nothing came. */
static bool refill(struct capture_file *file)
{
    struct reader *reader = &file->reader;
    switch (read_on(reader)) {
    case BYTES_READY:
        return true;
    case BYTES_WAIT:
        return false;
    case BYTES_FAILED:
        fail(file);
        return false;
    case BYTES_END:
        break;
    }
    finish(file);
    if (reader->bytes->compression || reader->bytes->pipe)
        return false;
    /* The writer may have gone on, or finished and closed, between that end and the question
     * whether there is one: what it wrote until then belongs to the capture. */
    if (read_on(reader) != BYTES_READY)
        return false;
    reader->stats->truncated = reader->stats->growing = file->ended = false;
    reader->stats->problem.text[0] = 0;
    return true;
}

static size_t filter_batch(struct capture_file *file, struct frame *frames, size_t count)
{
    size_t kept = filter_apply(file->filter, frames, count);
    struct source_stats *stats = file->reader.stats;
    stats->filtered += count - kept;
    const char *problem = filter_problem(file->filter);
    if (*problem && !stats->problem.text[0])
        error_set(&stats->problem, "%s: %s", file->reader.name, problem);
    return kept;
}

int capture_file_next(struct capture_file *file, struct frame *frames, size_t capacity)
{
    struct reader *reader = &file->reader;
    if (capacity > INT32_MAX)
        capacity = INT32_MAX;
    while (!file->ended) {
        if (reader->bytes->stop) {
            reader->bytes->stop = 0;
            return 0;
        }
        size_t count = 0;
        enum walk result = file->format->walk(file->state, reader, frames, capacity, &count);
        reader->stats->frames += count;
        file->ended = result == WALK_BAD;
        if (file->filter && count)
            count = filter_batch(file, frames, count);
        if (count)
            return (int)count;
        if (result == WALK_MORE && !refill(file) && !file->ended)
            return 0;
        if (!capacity)
            return 0;
    }
    return -1;
}
