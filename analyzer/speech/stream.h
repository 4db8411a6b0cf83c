/* One direction of a TCP connection put together: its first STREAM_BYTES_MAX bytes of payload, in
 * order, each with the frame that brought it.
 *
 * Segments may come in any order, again, and overlapping. Of bytes that are sent twice with
 * different content the first stay, as with a receiver that had them already. What the capture
 * lacks stays a hole: bytes behind it are kept, and are in order once it is filled. RFC 9293
 * 3.10.7.4. What the snap length cut off a segment is blank: zeros, from `cut` on there may be
 * some.
 *
 * All streams of a run share one pool. When it is full the stream untouched for longest is given
 * back: the one that has waited longest for its next byte. What was read of it is not lost, only
 * what would still have come. A little memory given back stays with the pool, for the next. */
#ifndef FWSNIFF_SPEECH_STREAM_H
#define FWSNIFF_SPEECH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STREAM_BYTES_MAX = 16 * 1024,
    STREAM_PIECES_MAX = 1024,                 /* segments; a stream of smaller ones ends earlier */
    STREAM_POOL_BYTES_MAX = 64 * 1024 * 1024, /* of a run, unless it says otherwise */
};

/* Bytes [at, at + length) came with this frame. */
struct stream_piece {
    uint32_t at, length;
    uint64_t frame;
    int64_t time_ns;
};

struct stream_pool;

/* `bytes_max`: what all streams together may hold. */
struct stream_pool *stream_pool_new(size_t bytes_max);
/* All its streams have been closed. */
void stream_pool_free(struct stream_pool *pool);
size_t stream_pool_bytes(const struct stream_pool *pool);
/* Streams that were still open and lost their bytes to others. */
uint64_t stream_pool_given_back(const struct stream_pool *pool);

/* Belongs to whoever embeds it; all zeros: nothing heard yet. Read `length`; the rest is
 * stream.c's. */
struct stream {
    uint32_t length;   /* bytes in order from the first on */
    uint32_t furthest; /* end of what is known to have been sent, up to STREAM_BYTES_MAX */
    uint32_t cut;      /* offset of the first blank byte; UINT32_MAX: there is none */
    uint32_t base;     /* sequence number of byte 0 */
    uint16_t piece_count, piece_room;
    uint32_t room;
    bool open, closed;
    struct stream_piece *pieces; /* in order, without overlap; the first ones make up `length` */
    uint16_t pieces_in_order;
    uint8_t *bytes;
    struct stream_pool *pool;
    struct stream *older, *newer; /* in the pool, by when they were last touched */
};

/* Begins to listen; `sequence` is that of the first byte. */
void stream_open(struct stream *stream, struct stream_pool *pool, uint32_t sequence);

/* Takes in one segment: `captured` bytes at `payload` of the `length` that were sent. True where
 * more is in order than before. Nothing happens unless the stream is open. */
bool stream_segment(struct stream *stream, uint32_t sequence, const uint8_t *payload,
                    uint32_t captured, uint32_t length, uint64_t frame, int64_t time_ns);

/* The bytes in order, `length` of them, until the next call of another function. */
static inline const uint8_t *stream_bytes(const struct stream *stream)
{
    return stream->bytes;
}

/* The frame that brought the byte at `offset`; NULL where that is not in order, or given back. */
const struct stream_piece *stream_piece_at(const struct stream *stream, uint32_t offset);

/* More was sent than is in order: there is a hole. */
static inline bool stream_lacks(const struct stream *stream)
{
    return stream->furthest > stream->length;
}

/* Nothing more can come of it: as long as it may be, closed, or given back. */
static inline bool stream_ended(const struct stream *stream)
{
    return stream->closed || stream->length >= STREAM_BYTES_MAX;
}

/* Gives its memory back; it stays closed. Harmless on one that was never opened. */
void stream_close(struct stream *stream);

#endif
