/* What a file is, by its content: read once, nothing interpreted.
 *
 * A capture's identity is the SHA-256 of its uncompressed bytes: yesterday's file stays the same
 * when it is moved, copied or compressed, and another file in its place is another capture. */
#ifndef FWSNIFF_BATCH_PROBE_H
#define FWSNIFF_BATCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/error.h"

enum { HASH_TEXT = 65 /* hexadecimal */, LINKS_TEXT = 200 };

enum probe_kind {
    PROBE_CAPTURE,
    PROBE_ARCHIVE, /* zip or tar, the latter also compressed */
    PROBE_FOREIGN, /* nothing we read; `problem` says what it is */
};

struct probe {
    enum probe_kind kind;
    char hash[HASH_TEXT];
    uint64_t bytes;              /* uncompressed */
    char prefix_hash[HASH_TEXT]; /* of the first `prefix_bytes` asked for; "": it is shorter */
    uint64_t packets;
    int64_t first_ns, last_ns; /* earliest and latest; INT64_MIN: no packet has a time */
    char links[LINKS_TEXT];    /* names of the link types, blanks between */
    uint64_t dropped;
    bool truncated, growing;
    struct error problem; /* empty: none */
};

/* `name`: what messages call it. `prefix_bytes`: length of the content that was known of this path,
 * to see whether the file only grew; 0: not known. `beat` is called now and then. False: it could
 * not be opened or read at all; `problem` says why. */
bool probe_file(const char *path, const char *name, uint64_t prefix_bytes,
                void (*beat)(void *context), void *context, struct probe *probe);

#endif
