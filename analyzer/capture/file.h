/* A capture file behind source.h: what the readers of the formats share, and how they are called.
 * One call into a format gives a whole batch, so nothing here is paid for per frame. */
#ifndef FWSNIFF_CAPTURE_FILE_H
#define FWSNIFF_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "analyzer/capture/bytes.h"
#include "analyzer/capture/source.h"

/* What a format reads from and reports into. */
struct reader {
    struct bytes *bytes;
    const char *name; /* of the file, for messages */
    struct source_stats *stats;
    uint64_t number; /* of the frame read last */
    size_t need;     /* set with WALK_MORE: bytes that the window must hold to go on */
    uint64_t skip;   /* set with WALK_MORE: bytes to pass over without keeping them */
};

enum walk {
    WALK_FULL, /* as many frames as there was room for */
    WALK_MORE, /* the next record is not whole in the window */
    WALK_BAD,  /* cannot go on; stats->problem says why */
};

struct file_format {
    /* Is it this one? Looks at the first bytes of the window. */
    bool (*match)(const uint8_t *data, size_t length);
    /* Reads the header. NULL with an error when it cannot be used. */
    void *(*open)(struct reader *reader, struct error *error);
    /* Takes records out of the window and hands out frames that point into it. */
    enum walk (*walk)(void *state, struct reader *reader, struct frame *frames, size_t capacity,
                      size_t *count);
    /* The file ends inside a record: says what is there of what. */
    void (*describe_cut)(const void *state, const struct reader *reader, struct error *error);
    void (*close)(void *state);
};

extern const struct file_format file_format_pcap;
extern const struct file_format file_format_pcapng;

/* bytes_fill() while opening: waits for a pipe, names the file in the error. `have` may be less
 * than asked for at the end of the file; false on a read error or a signal. */
bool reader_fill(struct reader *reader, size_t want, struct error *error);
/* Notes a link type and snap length of the capture. */
void reader_interface(struct reader *reader, uint16_t link_type, uint32_t snaplen);
/* Records why reading stops, as `NAME: text`. Always WALK_BAD. */
enum walk reader_bad(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what a file is that is not a capture, or not one of ours: "NAME: what; what to do". */
void foreign_describe(const char *name, const uint8_t *data, size_t length, struct error *error);

struct capture_file;

/* `name` is kept by the caller. Takes over fd when `own_fd`. `tap`: NULL, or who is shown what is
 * read. */
struct capture_file *capture_file_open(int fd, bool own_fd, const char *name, const char *filter,
                                       const struct bytes_tap *tap, struct source_stats *stats,
                                       struct error *error);
int capture_file_next(struct capture_file *file, struct frame *frames, size_t capacity);
void capture_file_break(struct capture_file *file);
double capture_file_progress(const struct capture_file *file);
void capture_file_close(struct capture_file *file);

/* Fields of a file are in the byte order of whoever wrote it. */
static inline uint16_t read_u16(const uint8_t *data, bool swapped)
{
    uint16_t value;
    memcpy(&value, data, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t read_u32(const uint8_t *data, bool swapped)
{
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

static inline uint64_t read_u64(const uint8_t *data, bool swapped)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    return swapped ? __builtin_bswap64(value) : value;
}

#endif
