/* Where frames come from: a capture file or a live interface behind one handle.
 *
 *   open -> next, next, ... -> close
 *
 * A source hands out frames in batches, in the order of the capture, with everything the file or
 * the kernel said about them and nothing interpreted. It is the only stage that reads files, the
 * wall clock or an interface. Two sources may be open at once; nothing is file-scope state.
 *
 * Files: classic pcap (both byte orders, microseconds and nanoseconds, "modified"), pcapng (many
 * sections and interfaces, each with its own link type and snap length), each also compressed
 * with gzip, zstd, xz, lz4 or bzip2, and any of these on standard input ("-").
 * Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. */
#ifndef FWSNIFF_CAPTURE_SOURCE_H
#define FWSNIFF_CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/error.h"

/* Which way a frame went through the host that captured it, as the file itself says (pcapng
 * epb_flags). What a cooked header says is found by the dissector. */
enum frame_direction { FRAME_UNKNOWN, FRAME_INBOUND, FRAME_OUTBOUND };

struct frame {
    const uint8_t *data; /* caplen bytes; valid until the next source_next() */
    uint32_t caplen;     /* bytes captured */
    uint32_t len;        /* bytes on the wire */
    int64_t time_ns;     /* nanoseconds since 1970-01-01 UTC; 0 where the file has no time */
    uint64_t number;     /* 1-based, as Wireshark counts the frames of this capture; frames
                            that a filter expression dropped are counted all the same, and so
                            are pcapng's journal, system call and custom blocks */
    uint16_t link_type;  /* LINKTYPE_ value, tcpdump.org/linktypes.html */
    uint16_t interface;  /* index within the capture */
    enum frame_direction direction;
};

enum { SOURCE_LINK_TYPES_MAX = 16 };

struct source_stats {
    uint64_t frames;   /* packets read so far, before the filter: what capinfos -c counts */
    uint64_t filtered; /* dropped by the filter expression (files) */
    uint64_t
        kernel_dropped; /* live: lost by kernel or interface; pcapng: isb_ifdrop + isb_osdrop */
    uint16_t link_types[SOURCE_LINK_TYPES_MAX]; /* distinct, in order of appearance */
    size_t link_type_count;
    uint32_t snaplen_min; /* smallest snap length any interface had; 0: not limited */
    bool growing;         /* the file was still being written when its end was reached */
    bool truncated;       /* not read to its end; `problem` says where and why */
    struct error problem; /* empty text: none. Not truncated and yet not empty: the filter could
                             not be used with the frames of some link type */
};

struct source_live_options {
    const char *interface; /* "any" works */
    const char *filter;    /* the user's tcpdump expression, or NULL */
    /* Makes the rest of the kernel's filter once the link type (a DLT_ value) is known; what it
     * returns is freed. NULL result or NULL function: everything. */
    char *(*kernel_filter)(const void *context, int dlt);
    const void *kernel_filter_context;
    int snaplen;      /* bytes */
    int buffer_bytes; /* kernel ring; 0: the library's default */
    bool promiscuous;
};

struct source;

/* Opens a file ("-": standard input) and reads up to its first record, so that a foreign file is
 * refused here with a message that says what it is; on a pipe that waits for the file's header.
 * `filter` is a tcpdump expression or NULL; one that compiles for none of the link types known by
 * then is an error, frames of a link type it does not compile for match nothing. An empty capture
 * (headers only) is not an error. NULL on failure. */
struct source *source_open_file(const char *path, const char *filter, struct error *error);

/* The same without a filter. `name`: what messages call it, where `path` is a temporary place.
 * `tap`: NULL, or who is shown every byte of the uncompressed file that is read, to know a file by
 * its content. */
struct bytes_tap;
struct source *source_open_named(const char *path, const char *name, const struct bytes_tap *tap,
                                 struct error *error);

/* Opens a live interface. Needs CAP_NET_RAW; drop privileges afterwards (capture/privileges.h).
 * NULL on failure, with a message that says what to do about it. */
struct source *source_open_live(const struct source_live_options *options, struct error *error);

/* Fills up to `capacity` frames. Returns how many; 0: a live source or a pipe, and nothing arrived
 * within about 100 ms, or source_break() was called; -1: the end. After the end look at
 * stats->truncated. */
int source_next(struct source *source, struct frame *frames, size_t capacity);

/* Makes a source_next() that waits, or drops frame after frame by a filter, return soon.
 * Async-signal-safe. */
void source_break(struct source *source);

/* The caller will not ask for frames until source_resume(), and none shall be lost meanwhile: a
 * live source has a thread take them from the kernel. In between only source_stats() may be called;
 * what the kernel lost is not asked anew then. */
void source_pause(struct source *source);
void source_resume(struct source *source);

/* Counters so far; valid until close. */
const struct source_stats *source_stats(struct source *source);

/* How far a file is read, 0..1; negative where that is not known (standard input, live). */
double source_progress(const struct source *source);

/* LINKTYPE name as tcpdump prints it ("EN10MB"); "LINKTYPE_n" where it has none. Static or
 * written into `buffer`. */
const char *source_link_type_name(uint16_t link_type, char buffer[24]);

void source_close(struct source *source);

#endif
