#include "analyzer/capture/gunzip.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "analyzer/memory.h"

enum {
    GZIP_ONLY = 16, /* zlib.h, inflateInit2: added to the window bits */
    FIRST_BYTE = 0x1f,
};

struct gunzip {
    gunzip_input *input;
    void *context;
    z_stream stream;
    bool between; /* a member is over (RFC 1952 2.2); another may follow */
    const char *problem;
};

struct gunzip *gunzip_open(gunzip_input *input, void *context)
{
    struct gunzip *gunzip = memory_zeroed(1, sizeof *gunzip);
    gunzip->input = input;
    gunzip->context = context;
    if (inflateInit2(&gunzip->stream, MAX_WBITS + GZIP_ONLY) == Z_OK)
        return gunzip;
    free(gunzip);
    return NULL;
}

void gunzip_close(struct gunzip *gunzip)
{
    if (!gunzip)
        return;
    inflateEnd(&gunzip->stream);
    free(gunzip);
}

const char *gunzip_problem(const struct gunzip *gunzip)
{
    return gunzip->problem;
}

/* 1: there is input; 0: it is at its end; -1: failed. */
static int get_input(struct gunzip *gunzip)
{
    const uint8_t *data;
    if (gunzip->stream.avail_in)
        return 1;
    ssize_t got = gunzip->input(gunzip->context, &data);
    if (got < 0)
        gunzip->problem = strerror(errno);
    if (got <= 0)
        return got < 0 ? -1 : 0;
    gunzip->stream.next_in = (Bytef *)(uintptr_t)data;
    gunzip->stream.avail_in = (uInt)got;
    return 1;
}

/* Behind a member stands another, or what gzip calls trailing garbage, and ignores. */
static bool next_member(struct gunzip *gunzip)
{
    if (gunzip->stream.next_in[0] != FIRST_BYTE)
        return false;
    gunzip->between = false;
    return inflateReset(&gunzip->stream) == Z_OK;
}

static ssize_t failed(struct gunzip *gunzip, const char *problem)
{
    gunzip->problem = problem;
    return -1;
}

/* What zlib has taken in may still have to come out, so it is asked before there is more input. */
ssize_t gunzip_read(struct gunzip *gunzip, uint8_t *target, size_t room)
{
    z_stream *stream = &gunzip->stream;
    stream->next_out = target;
    stream->avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
    for (;;) {
        int input = gunzip->between ? get_input(gunzip) : 1;
        if (input <= 0 || (gunzip->between && !next_member(gunzip)))
            return input < 0 ? -1 : 0;
        int result = inflate(stream, Z_NO_FLUSH);
        gunzip->between = result == Z_STREAM_END;
        if (stream->next_out != target)
            return stream->next_out - target;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return failed(gunzip, stream->msg ? stream->msg : "damaged");
        input = gunzip->between ? 1 : get_input(gunzip);
        if (input <= 0)
            return input < 0 ? -1 : failed(gunzip, "the data is cut");
    }
}
