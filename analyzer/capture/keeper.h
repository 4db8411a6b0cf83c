/* Frames kept in memory for later, for captures that cannot be read twice (a pipe, an interface).
 * A ring of bytes: when it is full, the oldest frames make room. Frames are cut to KEPT_BYTES. */
#ifndef FWSNIFF_CAPTURE_KEEPER_H
#define FWSNIFF_CAPTURE_KEEPER_H

#include "analyzer/capture/source.h"

enum {
    KEPT_BYTES = 256,                     /* of a frame: its headers, and how the payload begins */
    KEEPER_RING_BYTES = 64 * 1024 * 1024, /* 200,000 frames and more */
};

struct keeper;

struct keeper *keeper_new(size_t ring_bytes);
void keeper_free(struct keeper *keeper);

void keeper_add(struct keeper *keeper, const struct frame *frame);
/* Frames that had to make room. */
uint64_t keeper_dropped(const struct keeper *keeper);
/* Calls `each` for every frame there is, oldest first; its data is valid during the call. */
void keeper_each(const struct keeper *keeper, void (*each)(void *, const struct frame *),
                 void *context);

#endif
