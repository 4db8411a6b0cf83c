/* The head of an HTTP message, RFC 9112: pieces of its text, and what matters here of its fields.
 * Inside of http.h's reading. */
#ifndef FWSNIFF_DISSECTORS_HTTP_HEAD_H
#define FWSNIFF_DISSECTORS_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct http_text {
    const uint8_t *at;
    size_t length;
};

/* What a head says, as far as it matters here. */
struct http_head {
    struct http_text first_line;
    struct http_text host, location, server, via;
    uint64_t content_length;
    bool has_length, chunked, proxy_authenticate, authenticate, html;
    uint32_t length; /* bytes, with the empty line */
};

/* Length of the head at `bytes`, with its empty line; 0: not all there. */
uint32_t http_head_length(const uint8_t *bytes, uint32_t length);
struct http_head http_head_read(const uint8_t *bytes, uint32_t length);

/* Capitals or not. In line: the length of a word is then known to the compiler. */
static inline bool http_is(struct http_text text, const char *word)
{
    size_t length = strlen(word);
    return text.length == length && strncasecmp((const char *)text.at, word, length) == 0;
}

/* Without the blanks around it. */
struct http_text http_trimmed(struct http_text text);
/* The part before `mark`, which is taken off; all of it where there is no mark. */
struct http_text http_cut_at(struct http_text *text, char mark);
/* Too many digits are as many bytes as never come. False: no number. */
bool http_number(struct http_text text, uint64_t *number);
/* Host of "http://user@host:port/path"; empty where the reference names none (RFC 3986 4.2). */
struct http_text http_authority(struct http_text reference);
struct http_text http_without_port(struct http_text host);
/* Terminated, cut to its field. */
void http_copy(char *to, size_t size, struct http_text text);

#endif
