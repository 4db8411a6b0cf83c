/* The byte stream below a capture file: plain or compressed, a file or a pipe, in one buffer that
 * is reused for all of it. Whoever reads walks the window [at, end) and moves `at`; what was
 * pointed to there stays in place until the next bytes_fill(). */
#ifndef FWSNIFF_CAPTURE_BYTES_H
#define FWSNIFF_CAPTURE_BYTES_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/error.h"

enum {
    BYTES_BLOCK = 256 * 1024,             /* one read(2); stays in a core's cache */
    BYTES_BUFFER_MAX = 160 * 1024 * 1024, /* longest record of any kind: a D-Bus message */
    BYTES_WAIT_MS = 100,                  /* how long a fill waits for a pipe */
};

enum bytes_result {
    BYTES_READY,  /* the window holds what was asked for */
    BYTES_END,    /* the stream ended before that; the window holds the rest */
    BYTES_WAIT,   /* a pipe, and nothing came for BYTES_WAIT_MS or a signal did */
    BYTES_FAILED, /* read error or damaged compression; the window holds what came before it */
};

/* Somebody who is shown every byte of the uncompressed stream that is read, once and in order. */
struct bytes_tap {
    void (*show)(void *context, const uint8_t *data, size_t size); /* NULL: nobody */
    void *context;
};

struct bytes {
    const uint8_t *at;  /* next byte not yet taken */
    const uint8_t *end; /* behind the last byte read */

    /* Below: bytes.c only. */
    uint8_t *buffer;
    size_t capacity;
    uint64_t base; /* place of buffer[0] in the (uncompressed) stream */
    int fd;
    bool own_fd;
    bool pipe;
    bool opening;            /* a signal ends a wait: nobody has a handle to break yet */
    bool ended;              /* compressed: no more data */
    uint64_t raw_read;       /* bytes taken from fd */
    const char *compression; /* "gzip", or NULL for plain */
    struct gunzip *gunzip;   /* this or the next, where compressed */
    struct archive *archive;
    uint8_t *input;      /* compressed bytes on their way there */
    size_t input_prefix; /* of these, read before the compression was known */
    volatile sig_atomic_t stop;
    struct bytes_tap tap;
    struct error error; /* of the last BYTES_FAILED, without the file's name */
};

/* Looks at the first bytes to find compression. Takes over `fd` when `own_fd`, also on failure.
 * NULL where not even that can be read; the error has no file name in it. */
struct bytes *bytes_open(int fd, bool own_fd, struct error *error);
void bytes_close(struct bytes *bytes);

/* Right after bytes_open(): what was read by then is shown at once. */
void bytes_set_tap(struct bytes *bytes, const struct bytes_tap *tap);

/* Gets `want` bytes into the window, moving what is left of it to the start of the buffer. Memory
 * grows with the data that really arrives, not with `want`. */
enum bytes_result bytes_fill(struct bytes *bytes, size_t want);

/* Place of `at` in the uncompressed stream. */
uint64_t bytes_offset(const struct bytes *bytes);
/* 0..1, or negative when unknown. */
double bytes_progress(const struct bytes *bytes);
/* Does somebody have the file open for writing? False where that cannot be known. */
bool bytes_is_being_written(const struct bytes *bytes);

#endif
