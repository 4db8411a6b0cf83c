#include "analyzer/speech/stream.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"

enum { PIECES_MIN = 8, SPARE_BYTES_MAX = 256 * 1024 };

/* What a stream grows to: a request or hello, a chain of certificates, all that is ever read. */
static const uint32_t rooms[] = {512, 4096, STREAM_BYTES_MAX};
enum { ROOMS = sizeof rooms / sizeof *rooms };

/* Memory that a stream gave back, for the next one that needs as much: most streams are short, and
 * live shortly. */
struct spare {
    struct spare *next;
};

struct stream_pool {
    size_t bytes, bytes_max; /* in use */
    struct spare *spare[ROOMS];
    size_t spare_bytes;
    uint64_t given_back;
    struct stream *oldest, *newest;
};

struct stream_pool *stream_pool_new(size_t bytes_max)
{
    struct stream_pool *pool = memory_zeroed(1, sizeof *pool);
    pool->bytes_max = bytes_max;
    return pool;
}

void stream_pool_free(struct stream_pool *pool)
{
    for (unsigned i = 0; pool && i < ROOMS; i++)
        for (struct spare *next, *spare = pool->spare[i]; spare; spare = next) {
            next = spare->next;
            free(spare);
        }
    free(pool);
}

size_t stream_pool_bytes(const struct stream_pool *pool)
{
    return pool->bytes;
}

uint64_t stream_pool_given_back(const struct stream_pool *pool)
{
    return pool->given_back;
}

/* --- the order of use --- */

static void unlink_stream(struct stream *stream)
{
    struct stream_pool *pool = stream->pool;
    *(stream->older ? &stream->older->newer : &pool->oldest) = stream->newer;
    *(stream->newer ? &stream->newer->older : &pool->newest) = stream->older;
    stream->older = stream->newer = NULL;
}

static void link_newest(struct stream *stream)
{
    struct stream_pool *pool = stream->pool;
    stream->older = pool->newest;
    *(pool->newest ? &pool->newest->newer : &pool->oldest) = stream;
    pool->newest = stream;
}

static void touch(struct stream *stream)
{
    if (stream->pool->newest == stream)
        return;
    unlink_stream(stream);
    link_newest(stream);
}

/* --- memory --- */

/* The smallest that holds `bytes`, at most STREAM_BYTES_MAX. */
static unsigned room_of(uint32_t bytes)
{
    unsigned room = 0;
    while (room < sizeof rooms / sizeof *rooms - 1 && rooms[room] < bytes)
        room++;
    return room;
}

static uint8_t *take_room(struct stream_pool *pool, unsigned room)
{
    struct spare *spare = pool->spare[room];
    if (!spare)
        return memory_resize(NULL, rooms[room], 1);
    pool->spare[room] = spare->next;
    pool->spare_bytes -= rooms[room];
    return (uint8_t *)spare;
}

static void give_room(struct stream_pool *pool, void *bytes, unsigned room)
{
    struct spare *spare = bytes;
    if (pool->spare_bytes + rooms[room] > SPARE_BYTES_MAX) {
        free(bytes);
        return;
    }
    spare->next = pool->spare[room];
    pool->spare[room] = spare;
    pool->spare_bytes += rooms[room];
}

static size_t held(const struct stream *stream)
{
    return stream->room + stream->piece_room * sizeof *stream->pieces;
}

void stream_open(struct stream *stream, struct stream_pool *pool, uint32_t sequence)
{
    *stream = (struct stream){.open = true, .base = sequence, .cut = UINT32_MAX, .pool = pool};
    link_newest(stream);
}

void stream_close(struct stream *stream)
{
    stream->closed = true;
    if (!stream->open)
        return;
    unlink_stream(stream);
    stream->pool->bytes -= held(stream);
    if (stream->bytes)
        give_room(stream->pool, stream->bytes, room_of(stream->room));
    free(stream->pieces);
    stream->bytes = NULL;
    stream->pieces = NULL;
    stream->room = 0;
    stream->piece_room = stream->piece_count = stream->pieces_in_order = 0;
    stream->open = false;
}

/* Room for `more` bytes, if need be at the cost of others; false: not even without the others. */
static bool make_room(struct stream *stream, size_t more)
{
    struct stream_pool *pool = stream->pool;
    while (pool->bytes + more > pool->bytes_max) {
        struct stream *victim = pool->oldest;
        pool->given_back++;
        stream_close(victim);
        if (victim == stream)
            return false;
    }
    pool->bytes += more;
    return true;
}

static bool grow_bytes(struct stream *stream, uint32_t end)
{
    if (end <= stream->room)
        return true;
    unsigned room = room_of(end);
    if (!make_room(stream, rooms[room] - stream->room))
        return false;
    uint8_t *more = take_room(stream->pool, room);
    if (stream->bytes) {
        memcpy(more, stream->bytes,
               stream->furthest < stream->room ? stream->furthest : stream->room);
        give_room(stream->pool, stream->bytes, room_of(stream->room));
    }
    stream->bytes = more;
    stream->room = rooms[room];
    return true;
}

static bool grow_pieces(struct stream *stream)
{
    if (stream->pieces && stream->piece_count < stream->piece_room)
        return true;
    if (stream->piece_count == STREAM_PIECES_MAX)
        return false;
    uint16_t more = stream->piece_room ? stream->piece_room : PIECES_MIN;
    if (!make_room(stream, more * sizeof *stream->pieces))
        return false;
    stream->piece_room = (uint16_t)(stream->piece_room + more);
    stream->pieces = memory_resize(stream->pieces, stream->piece_room, sizeof *stream->pieces);
    return true;
}

/* --- segments --- */

/* A new piece that overlaps none, at its place in the order. */
static bool keep(struct stream *stream, uint16_t place, const struct stream_piece *piece,
                 const uint8_t *bytes)
{
    if (!grow_bytes(stream, piece->at + piece->length) || !grow_pieces(stream))
        return false;
    memcpy(stream->bytes + piece->at, bytes, piece->length);
    memmove(stream->pieces + place + 1, stream->pieces + place,
            (stream->piece_count - place) * sizeof *stream->pieces);
    stream->pieces[place] = *piece;
    stream->piece_count++;
    return true;
}

/* The common case: whole bytes, right behind the last ones, and nothing waits for them. */
static bool append(struct stream *stream, const uint8_t *bytes, const struct stream_piece *piece)
{
    if (!keep(stream, stream->piece_count, piece, bytes))
        return false;
    stream->pieces_in_order = stream->piece_count;
    stream->length += piece->length;
    return true;
}

/* Fills what is still missing of [at, end), hole by hole. False: no room. */
static bool fill(struct stream *stream, uint32_t at, uint32_t end, const uint8_t *bytes,
                 const struct stream_piece *source)
{
    uint16_t place = stream->pieces_in_order;
    uint32_t begin = at;
    if (at < stream->length)
        at = stream->length;
    while (at < end) {
        const struct stream_piece *next =
            place < stream->piece_count ? &stream->pieces[place] : NULL;
        if (next && next->at + next->length <= at) {
            place++;
        } else if (next && next->at <= at) {
            at = next->at + next->length;
            place++;
        } else {
            uint32_t stop = next && next->at < end ? next->at : end;
            struct stream_piece piece = *source;
            piece.at = at;
            piece.length = stop - at;
            if (!keep(stream, place++, &piece, bytes + (at - begin)))
                return false;
            at = stop;
        }
    }
    return true;
}

/* What was sent and not captured. */
static bool blank(struct stream *stream, uint32_t at, uint32_t end,
                  const struct stream_piece *source)
{
    static const uint8_t zeros[STREAM_BYTES_MAX];
    if (at >= end)
        return true;
    if (at < stream->cut)
        stream->cut = at;
    return fill(stream, at, end, zeros, source);
}

static bool advance(struct stream *stream)
{
    uint32_t before = stream->length;
    while (stream->pieces_in_order < stream->piece_count &&
           stream->pieces[stream->pieces_in_order].at == stream->length)
        stream->length += stream->pieces[stream->pieces_in_order++].length;
    return stream->length > before;
}

bool stream_segment(struct stream *stream, uint32_t sequence, const uint8_t *payload,
                    uint32_t captured, uint32_t length, uint64_t frame, int64_t time_ns)
{
    if (!stream->open)
        return false;
    touch(stream);
    int64_t at = (int32_t)(sequence - stream->base); /* RFC 1982: before the first byte, or after */
    int64_t kept_end = at + captured, sent_end = at + length;
    if (sent_end > STREAM_BYTES_MAX)
        sent_end = STREAM_BYTES_MAX;
    if (kept_end > sent_end)
        kept_end = sent_end;
    if (sent_end > (int64_t)stream->furthest)
        stream->furthest = (uint32_t)sent_end;
    if (at < 0) {
        payload = kept_end > 0 ? payload - at : NULL;
        at = 0;
    }
    if (at == stream->length && stream->pieces_in_order == stream->piece_count &&
        kept_end == sent_end && at < kept_end) {
        const struct stream_piece next = {(uint32_t)at, (uint32_t)(kept_end - at), frame, time_ns};
        if (!append(stream, payload, &next))
            stream_close(stream);
        return stream->open;
    }
    const struct stream_piece source = {.frame = frame, .time_ns = time_ns};
    bool room = at >= kept_end || fill(stream, (uint32_t)at, (uint32_t)kept_end, payload, &source);
    if (room && kept_end < sent_end)
        room =
            blank(stream, (uint32_t)(kept_end > at ? kept_end : at), (uint32_t)sent_end, &source);
    if (!room)
        stream_close(stream);
    return stream->open && advance(stream);
}

const struct stream_piece *stream_piece_at(const struct stream *stream, uint32_t offset)
{
    if (offset >= stream->length || !stream->pieces_in_order)
        return NULL;
    uint32_t low = 0, high = stream->pieces_in_order - 1u;
    while (low < high) { /* the last piece that begins no later */
        uint32_t middle = (low + high + 1) / 2;
        if (stream->pieces[middle].at <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return &stream->pieces[low];
}
