/* Several texts looked for at once in strangers' bytes, capitals or not, at about one step for as
 * many bytes as the shortest text has. Wu, Manber, A Fast Algorithm for Multi-Pattern Searching,
 * 1994. */
#ifndef FWSNIFF_SPEECH_PHRASES_H
#define FWSNIFF_SPEECH_PHRASES_H

#include <stddef.h>
#include <stdint.h>

enum { PHRASES_MAX = 256, PHRASE_LENGTH_MIN = 4, PHRASE_BLOCK_BITS = 12 };

/* Belongs to whoever embeds it; all zeros: nothing is looked for. */
struct phrases {
    const char *text[PHRASES_MAX];
    size_t length[PHRASES_MAX];
    size_t count, shortest;
    uint8_t shift[1 << PHRASE_BLOCK_BITS]; /* by four bytes: how far on the next text may end */
};

/* Further than PHRASES_MAX nothing is added; `text` lives as long as the phrases and has at least
 * PHRASE_LENGTH_MIN bytes. Call phrases_ready() before the first search. */
void phrases_add(struct phrases *phrases, const char *text);
void phrases_ready(struct phrases *phrases);

/* Which of them stands in the bytes, the first one added of those that do; -1: none. */
int phrases_find(const struct phrases *phrases, const uint8_t *bytes, size_t length);

#endif
