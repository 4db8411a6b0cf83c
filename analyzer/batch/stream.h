/* Which captures of a site are one stream, and in which order.
 *
 * Captures are of one stream when they lie in the same folder (or archive), have the same name but
 * for counters and times (name_stem()), the same link types, and follow each other in time without
 * a hole. Two that overlap in time were taken at two places, whatever they are called: they go to
 * different streams. */
#ifndef FWSNIFF_BATCH_STREAM_H
#define FWSNIFF_BATCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Packets of two cores may swap places at the moment of rotation. */
#define STREAM_OVERLAP_MAX_NS (INT64_C(1) * 1000000000)
/* The longest a TCP waits between two tries (RFC 6298 5.5 allows a cap of 60 s and more, Linux has
 * TCP_RTO_MAX = 120 s): over a longer hole nothing that was under way need show, and nobody can say
 * that the capture went on meanwhile. */
#define STREAM_HOLE_MAX_NS (INT64_C(120) * 1000000000)
/* A new capture is read together with what came so long before it in its stream. It covers a whole
 * series of SYN retries: 127 s with Linux's tcp_syn_retries = 6. */
#define STREAM_CONTEXT_NS (INT64_C(600) * 1000000000)

enum stream_rule {
    STREAM_BY_NAME, /* as above */
    STREAM_BY_TIME, /* names do not matter, folders and times do */
    STREAM_NEVER,   /* each capture is on its own */
};

struct stream_part {
    const char *group;         /* stream_group(): only parts of one group can be one stream */
    const char *name;          /* for a fixed order among equals */
    int64_t first_ns, last_ns; /* INT64_MIN: no packet; such a part is alone */
    void *owner;               /* the caller's */
    size_t stream;             /* out: 0, 1, ... in the order of their first part */
};

/* The group of a capture: owned by the caller. `path`: of the file, or of the archive it is in. */
char *stream_group(enum stream_rule rule, const char *path, const char *member, const char *links);

/* Sorts the parts by stream and, within, by time, and numbers the streams. Returns how many there
 * are. */
size_t stream_arrange(enum stream_rule rule, struct stream_part *parts, size_t count);

#endif
