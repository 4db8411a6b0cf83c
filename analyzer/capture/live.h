/* A live interface behind source.h, through libpcap. */
#ifndef FWSNIFF_CAPTURE_LIVE_H
#define FWSNIFF_CAPTURE_LIVE_H

#include "analyzer/capture/source.h"

enum {
    LIVE_WAIT_MS = 100,             /* how long one call waits for the first frame */
    LIVE_BATCH_BYTES = 1024 * 1024, /* of frames in one batch, and one frame more */
    LIVE_BACKLOG_FRAMES = 4 * 1024, /* of one batch that is taken during a pause */
    LIVE_BACKLOGS_MAX = 192,        /* such batches: 276 MiB, used as far as needed */
};

struct live;

struct live *live_open(const struct source_live_options *options, struct source_stats *stats,
                       struct error *error);
int live_next(struct live *live, struct frame *frames, size_t capacity);
void live_break(struct live *live);
/* Between the two a thread takes the frames from the kernel, and live_next() gives them out later.
 */
void live_pause(struct live *live);
void live_resume(struct live *live);
/* Asks the kernel how many frames it lost and puts that into the stats. Not during a pause. */
void live_update_stats(struct live *live);
void live_close(struct live *live);

#endif
