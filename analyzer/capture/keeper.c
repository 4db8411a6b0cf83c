#include "analyzer/capture/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"

/* A record: the frame's description, then its bytes. None is divided by the ring's end: `wrap` is
 * where the last record before the end stopped. */
struct keeper {
    uint8_t *ring;
    size_t size;
    size_t first; /* oldest record */
    size_t next;  /* where the next one goes */
    size_t wrap;  /* end of the records above `first` once `next` has gone round */
    uint64_t count, dropped;
};

static size_t record_bytes(uint32_t caplen)
{
    size_t whole = sizeof(struct frame) + caplen;
    return (whole + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
}

struct keeper *keeper_new(size_t ring_bytes)
{
    struct keeper *keeper = memory_zeroed(1, sizeof *keeper);
    size_t least = 2 * record_bytes(KEPT_BYTES);
    keeper->size = ring_bytes > least ? ring_bytes : least;
    keeper->ring = memory_zeroed(keeper->size, 1);
    keeper->wrap = keeper->size;
    return keeper;
}

void keeper_free(struct keeper *keeper)
{
    if (!keeper)
        return;
    free(keeper->ring);
    free(keeper);
}

static struct frame frame_at(const struct keeper *keeper, size_t at)
{
    struct frame frame;
    memcpy(&frame, keeper->ring + at, sizeof frame);
    frame.data = keeper->ring + at + sizeof frame;
    return frame;
}

static size_t after(const struct keeper *keeper, size_t at)
{
    struct frame frame = frame_at(keeper, at);
    at += record_bytes(frame.caplen);
    return at == keeper->wrap ? 0 : at;
}

static void drop_oldest(struct keeper *keeper)
{
    size_t next = after(keeper, keeper->first);
    if (next == 0)
        keeper->wrap = keeper->size;
    keeper->first = next;
    keeper->count--;
    keeper->dropped++;
    if (!keeper->count) {
        keeper->first = keeper->next = 0;
        keeper->wrap = keeper->size;
    }
}

/* Whether `bytes` fit at `next` without touching the oldest record. */
static bool has_room(const struct keeper *keeper, size_t bytes)
{
    bool round = keeper->count && keeper->next <= keeper->first;
    return keeper->next + bytes <= (round ? keeper->first : keeper->size);
}

void keeper_add(struct keeper *keeper, const struct frame *frame)
{
    struct frame kept = *frame;
    kept.caplen = kept.caplen < KEPT_BYTES ? kept.caplen : KEPT_BYTES;
    size_t bytes = record_bytes(kept.caplen);
    while (!has_room(keeper, bytes)) {
        bool round = keeper->count && keeper->next <= keeper->first;
        if (round) {
            drop_oldest(keeper);
        } else {
            keeper->wrap = keeper->next;
            keeper->next = 0;
        }
    }
    memcpy(keeper->ring + keeper->next, &kept, sizeof kept);
    if (kept.caplen)
        memcpy(keeper->ring + keeper->next + sizeof kept, frame->data, kept.caplen);
    keeper->next += bytes;
    keeper->count++;
}

uint64_t keeper_dropped(const struct keeper *keeper)
{
    return keeper->dropped;
}

void keeper_each(const struct keeper *keeper, void (*each)(void *, const struct frame *),
                 void *context)
{
    size_t at = keeper->first;
    for (uint64_t i = 0; i < keeper->count; i++) {
        struct frame frame = frame_at(keeper, at);
        each(context, &frame);
        at = after(keeper, at);
    }
}
