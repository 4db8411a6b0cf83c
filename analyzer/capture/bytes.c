
#include "analyzer/capture/bytes.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/capture/gunzip.h"
#include "analyzer/memory.h"

enum { MAGIC_BYTES_MAX = 6 };

/* Only these filters are offered to libarchive: its "all" starts programs (lrzip, grzip) when the
 * first bytes of a file say so. NULL: zlib's work (gunzip.h). */
static const struct compression {
    const char *name;
    size_t length;
    uint8_t magic[MAGIC_BYTES_MAX];
    int (*support)(struct archive *);
} compressions[] = {
    {"gzip", 2, {0x1f, 0x8b}, NULL},
    {"zstd", 4, {0x28, 0xb5, 0x2f, 0xfd}, archive_read_support_filter_zstd},
    {"xz", 6, {0xfd, '7', 'z', 'X', 'Z', 0}, archive_read_support_filter_xz},
    {"lz4", 4, {0x04, 0x22, 0x4d, 0x18}, archive_read_support_filter_lz4},
    {"bzip2", 3, {'B', 'Z', 'h'}, archive_read_support_filter_bzip2},
};

/* read(2) from the file or pipe: bytes read, 0 at the end, -1 with errno; EAGAIN: nothing came. */
static ssize_t read_raw(struct bytes *bytes, void *target, size_t size)
{
    if (bytes->pipe) {
        struct pollfd poll_fd = {.fd = bytes->fd, .events = POLLIN};
        int ready = poll(&poll_fd, 1, BYTES_WAIT_MS);
        if (ready == 0)
            errno = EAGAIN;
        if (ready <= 0)
            return -1;
    }
    ssize_t got = read(bytes->fd, target, size);
    if (got > 0)
        bytes->raw_read += (uint64_t)got;
    return got;
}

static bool must_stop(const struct bytes *bytes, int reason)
{
    return bytes->stop || (bytes->opening && reason == EINTR);
}

/* More compressed bytes. Decompressors cannot come back empty-handed, so it waits here. */
static ssize_t read_input(void *context, const uint8_t **data)
{
    struct bytes *bytes = context;
    *data = bytes->input;
    if (bytes->input_prefix) {
        size_t prefix = bytes->input_prefix;
        bytes->input_prefix = 0;
        return (ssize_t)prefix;
    }
    for (;;) {
        ssize_t got = read_raw(bytes, bytes->input, BYTES_BLOCK);
        if (got >= 0)
            return got;
        if ((errno != EAGAIN && errno != EINTR) || must_stop(bytes, errno))
            return -1;
    }
}

static la_ssize_t archive_wants(struct archive *archive, void *context, const void **data)
{
    const uint8_t *input;
    ssize_t got = read_input(context, &input);
    *data = input;
    if (got < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    return got;
}

/* Of the compressions that libarchive knows the last 64 KiB or so before the damage are lost; their
 * own tools have them. Always false. */
static bool explain_damage(struct bytes *bytes)
{
    if (bytes->gunzip)
        return error_set(&bytes->error, "damaged or cut gzip data (%s)",
                         gunzip_problem(bytes->gunzip));
    return error_set(
        &bytes->error,
        "damaged or cut %s data (%s); to get what is left of it: %s -dc FILE > new.pcap",
        bytes->compression, archive_error_string(bytes->archive), bytes->compression);
}

static bool open_archive(struct bytes *bytes, const struct compression *compression)
{
    bytes->archive = archive_read_new();
    if (!bytes->archive)
        return error_set(&bytes->error, "no memory for decompression");
    struct archive_entry *entry;
    if (compression->support(bytes->archive) < ARCHIVE_WARN ||
        archive_read_support_format_raw(bytes->archive) < ARCHIVE_WARN ||
        archive_read_support_format_empty(bytes->archive) < ARCHIVE_WARN ||
        archive_read_open(bytes->archive, bytes, NULL, archive_wants, NULL) < ARCHIVE_WARN)
        return explain_damage(bytes);
    int result = archive_read_next_header(bytes->archive, &entry);
    if (result == ARCHIVE_EOF)
        bytes->ended = true;
    else if (result < ARCHIVE_WARN)
        return explain_damage(bytes);
    return true;
}

/* What was read by now is the beginning of its input. */
static bool open_compressed(struct bytes *bytes, const struct compression *compression)
{
    bytes->compression = compression->name;
    bytes->input = memory_resize(NULL, BYTES_BLOCK, 1);
    bytes->input_prefix = (size_t)(bytes->end - bytes->at);
    memcpy(bytes->input, bytes->at, bytes->input_prefix);
    bytes->at = bytes->end = bytes->buffer;
    if (compression->support)
        return open_archive(bytes, compression);
    bytes->gunzip = gunzip_open(read_input, bytes);
    return bytes->gunzip || error_set(&bytes->error, "no memory for decompression");
}

static const struct compression *find_compression(const struct bytes *bytes)
{
    size_t have = (size_t)(bytes->end - bytes->at);
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++) {
        const struct compression *c = &compressions[i];
        if (have >= c->length && memcmp(bytes->at, c->magic, c->length) == 0)
            return c;
    }
    return NULL;
}

/* Reads ahead until the compression, if any, is known. */
static bool detect(struct bytes *bytes)
{
    enum bytes_result result;
    do
        result = bytes_fill(bytes, MAGIC_BYTES_MAX);
    while (result == BYTES_WAIT && !must_stop(bytes, errno));
    if (result == BYTES_WAIT)
        return error_set(&bytes->error, "interrupted while waiting for data");
    if (result == BYTES_FAILED)
        return false;
    const struct compression *compression = find_compression(bytes);
    return !compression || open_compressed(bytes, compression);
}

struct bytes *bytes_open(int fd, bool own_fd, struct error *error)
{
    struct bytes *bytes = memory_zeroed(1, sizeof *bytes);
    bytes->fd = fd;
    bytes->own_fd = own_fd;
    bytes->opening = true;
    bytes->capacity = BYTES_BLOCK;
    bytes->buffer = memory_resize(NULL, bytes->capacity, 1); /* only what is read is shown */
    bytes->at = bytes->end = bytes->buffer;

    struct stat status;
    if (fstat(fd, &status) != 0) {
        error_set(&bytes->error, "%s", strerror(errno));
        goto failed;
    }
    bytes->pipe = !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode);
    if (!bytes->pipe)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (detect(bytes))
        return bytes;
failed:
    error_set(error, "%s", bytes->error.text);
    bytes_close(bytes);
    return NULL;
}

void bytes_close(struct bytes *bytes)
{
    if (!bytes)
        return;
    gunzip_close(bytes->gunzip);
    if (bytes->archive)
        archive_read_free(bytes->archive);
    if (bytes->own_fd)
        close(bytes->fd);
    free(bytes->input);
    free(bytes->buffer);
    free(bytes);
}

void bytes_set_tap(struct bytes *bytes, const struct bytes_tap *tap)
{
    bytes->tap = *tap;
    if (tap->show && bytes->end != bytes->at)
        tap->show(tap->context, bytes->at, (size_t)(bytes->end - bytes->at));
}

/* The next bytes of the stream; 0: its end; -1: none now (errno), or the error is told. */
static ssize_t read_stream(struct bytes *bytes, uint8_t *target, size_t room)
{
    if (!bytes->compression)
        return read_raw(bytes, target, room);
    ssize_t got = bytes->ended    ? 0
                  : bytes->gunzip ? gunzip_read(bytes->gunzip, target, room)
                                  : archive_read_data(bytes->archive, target, room);
    bytes->ended = got <= 0;
    if (got < 0)
        explain_damage(bytes);
    return got;
}

static void show(const struct bytes *bytes, const uint8_t *data, size_t size)
{
    if (bytes->tap.show && size)
        bytes->tap.show(bytes->tap.context, data, size);
}

/* Adds what one read gives behind the window. */
static enum bytes_result read_some(struct bytes *bytes, size_t have)
{
    uint8_t *target = bytes->buffer + have;
    ssize_t got = read_stream(bytes, target, bytes->capacity - have);
    if (got < 0 && !bytes->compression) {
        if (errno == EAGAIN || errno == EINTR)
            return BYTES_WAIT;
        error_set(&bytes->error, "%s", strerror(errno));
    }
    if (got < 0)
        return BYTES_FAILED;
    bytes->end += got;
    show(bytes, target, (size_t)got);
    return got ? BYTES_READY : BYTES_END;
}

/* Twice the size, or what is wanted if that is less. The data so far fills the old size, so the
 * memory is never more than twice what was really read. */
static bool grow(struct bytes *bytes, size_t want, size_t have)
{
    if (want > BYTES_BUFFER_MAX)
        return error_set(&bytes->error, "a record of %zu bytes is longer than any can be", want);
    size_t larger = bytes->capacity * 2 < want ? bytes->capacity * 2 : want;
    bytes->buffer = memory_resize(bytes->buffer, larger, 1);
    bytes->capacity = larger;
    bytes->at = bytes->buffer;
    bytes->end = bytes->buffer + have;
    return true;
}

enum bytes_result bytes_fill(struct bytes *bytes, size_t want)
{
    size_t have = (size_t)(bytes->end - bytes->at);
    if (have < want && bytes->at != bytes->buffer) {
        bytes->base += (uint64_t)(bytes->at - bytes->buffer);
        memmove(bytes->buffer, bytes->at, have);
        bytes->at = bytes->buffer;
        bytes->end = bytes->buffer + have;
    }
    while (have < want) {
        if (have == bytes->capacity && !grow(bytes, want, have))
            return BYTES_FAILED;
        enum bytes_result result = read_some(bytes, have);
        if (result != BYTES_READY)
            return result;
        have = (size_t)(bytes->end - bytes->at);
    }
    return BYTES_READY;
}

uint64_t bytes_offset(const struct bytes *bytes)
{
    return bytes->base + (uint64_t)(bytes->at - bytes->buffer);
}

double bytes_progress(const struct bytes *bytes)
{
    struct stat status;
    if (bytes->pipe || fstat(bytes->fd, &status) != 0 || status.st_size <= 0)
        return -1;
    uint64_t done = bytes->compression ? bytes->raw_read : bytes_offset(bytes);
    double part = (double)done / (double)status.st_size;
    return part > 1 ? 1 : part;
}

/* fcntl(2): a read lease is refused with EAGAIN exactly when the file is open for writing. It is
 * given back at once. Should a writer come in between, the kernel signals the lease's holder; by
 * default with SIGIO, which kills, so a signal is chosen that is ignored unless asked for. */
bool bytes_is_being_written(const struct bytes *bytes)
{
    if (bytes->pipe)
        return false;
    (void)fcntl(bytes->fd, F_SETSIG, SIGURG);
    if (fcntl(bytes->fd, F_SETLEASE, F_RDLCK) == 0) {
        (void)fcntl(bytes->fd, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}
