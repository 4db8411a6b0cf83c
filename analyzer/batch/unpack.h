/* Captures inside archives that customers send: zip and tar, the latter also compressed (gzip,
 * zstd, xz, lz4, bzip2). An archive inside an archive stays closed. */
#ifndef FWSNIFF_BATCH_UNPACK_H
#define FWSNIFF_BATCH_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/error.h"

enum { UNPACK_MEMBERS_MAX = 100000 };

struct unpack_request {
    const char *path;   /* of the archive */
    const char *name;   /* as messages call it */
    const char *folder; /* where members go, as files of our own naming */
    uint64_t bytes_max; /* of all members together: an archive may be a bomb */
    /* Called for each regular file, `member` its name in the archive, `path` where it lies now;
     * what it does not want to keep it removes. */
    void (*each)(void *context, const char *member, const char *path);
    void (*beat)(void *context); /* called now and then */
    void *context;
};

/* False with a message when the archive could not be read to its end, or is too large; what was
 * unpacked before that was handed out. */
bool unpack(const struct unpack_request *request, struct error *error);

#endif
