/* The only way packet bytes are read. A cursor is a window on captured bytes; every read checks
 * that it stays inside. After a read past the end the cursor is `short_` for good, reads give 0,
 * and the dissector asks once, at the end, with cursor_ok().
 *
 * A dissector looks like this:
 *
 *     struct cursor c = ...;
 *     uint16_t type = cursor_u16(&c);
 *     if (!cursor_ok(&c))
 *         return false;
 *
 * or, where a header has a fixed length, with one check for all of it:
 *
 *     const uint8_t *h = cursor_take(&c, 8);
 *     if (!h)
 *         return false;
 *     uint16_t type = bytes_u16(h + 2);
 */
#ifndef FWSNIFF_DISSECTORS_CURSOR_H
#define FWSNIFF_DISSECTORS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A number at a place that a cursor has already handed out. */
static inline uint16_t bytes_u16(const uint8_t *b)
{
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t bytes_u32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint16_t bytes_u16_le(const uint8_t *b)
{
    return (uint16_t)(b[1] << 8 | b[0]);
}

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_; /* a read went past the end */
};

static inline struct cursor cursor_over(const uint8_t *bytes, size_t length)
{
    return (struct cursor){.at = bytes, .end = bytes + length};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

static inline bool cursor_ok(const struct cursor *c)
{
    return !c->short_;
}

/* Takes `length` bytes; NULL, and the cursor is short, where there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t length)
{
    if (__builtin_expect(length > cursor_left(c), 0)) {
        c->short_ = true;
        c->at = c->end;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    c->at += length;
    return bytes;
}

static inline void cursor_skip(struct cursor *c, size_t length)
{
    (void)cursor_take(c, length);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 1);
    return b ? b[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 2);
    return b ? bytes_u16(b) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);
    return b ? bytes_u32(b) : 0;
}

static inline uint16_t cursor_u16_le(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 2);
    return b ? bytes_u16_le(b) : 0;
}

static inline uint32_t cursor_u32_le(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);
    return b ? (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0] : 0;
}

/* The window no longer than `length` bytes from here (a header's own length field). */
static inline void cursor_limit(struct cursor *c, size_t length)
{
    if (length < cursor_left(c))
        c->end = c->at + length;
}

#endif
