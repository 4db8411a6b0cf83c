#include "analyzer/speech/phrases.h"

#include <string.h>
#include <strings.h>

enum { BLOCK = PHRASE_LENGTH_MIN };

/* The place in the table of four bytes. Capitals and small letters are the same, and so are some
 * other bytes: what is found is compared in full. */
static unsigned block_of(const uint8_t *bytes)
{
    uint32_t four;
    memcpy(&four, bytes, sizeof four);
    return (four | 0x20202020u) * 2654435761u >> (32 - PHRASE_BLOCK_BITS);
}

void phrases_add(struct phrases *phrases, const char *text)
{
    if (phrases->count == PHRASES_MAX)
        return;
    size_t length = strlen(text);
    if (!phrases->count || length < phrases->shortest)
        phrases->shortest = length;
    phrases->text[phrases->count] = text;
    phrases->length[phrases->count++] = length;
}

void phrases_ready(struct phrases *phrases)
{
    size_t window = phrases->shortest < UINT8_MAX ? phrases->shortest : UINT8_MAX;
    phrases->shortest = window;
    memset(phrases->shift, (int)(window - BLOCK + 1), sizeof phrases->shift);
    for (size_t i = 0; i < phrases->count; i++)
        for (size_t at = 0; at + BLOCK <= window; at++) {
            uint8_t *shift = &phrases->shift[block_of((const uint8_t *)phrases->text[i] + at)];
            size_t before_end = window - BLOCK - at;
            if (before_end < *shift)
                *shift = (uint8_t)before_end;
        }
}

/* The first added, before `limit`, that begins here. */
static int one_that_begins(const struct phrases *phrases, const uint8_t *bytes, size_t length,
                           int limit)
{
    for (int i = 0; i < limit; i++)
        if (phrases->length[i] <= length &&
            strncasecmp((const char *)bytes, phrases->text[i], phrases->length[i]) == 0)
            return i;
    return limit;
}

int phrases_find(const struct phrases *phrases, const uint8_t *bytes, size_t length)
{
    size_t window = phrases->shortest;
    int found = (int)phrases->count;
    if (!phrases->count)
        return -1;
    for (size_t at = 0; at + window <= length;) {
        unsigned shift = phrases->shift[block_of(bytes + at + window - BLOCK)];
        if (shift == 0) {
            found = one_that_begins(phrases, bytes + at, length - at, found);
            shift = 1;
        }
        at += shift;
    }
    return found < (int)phrases->count ? found : -1;
}
