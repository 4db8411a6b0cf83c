/* HTTP/1 as the wire shows it: requests, and the answers that tell who answered. RFC 9110, RFC
 * 9112. All text comes from strangers: escape it before it is shown.
 *
 * Bytes are those of one direction from its first on, in order; each call may have more. */
#ifndef FWSNIFF_DISSECTORS_HTTP_H
#define FWSNIFF_DISSECTORS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dissectors/said.h"

enum http_message {
    HTTP_REQUEST,  /* the first */
    HTTP_RESPONSE, /* the first final one (RFC 9110 15.2) */
    HTTP_REFUSAL,  /* the first that is no answer of success: 3xx to another host, 4xx, 5xx */
    HTTP_FOREIGN,  /* bytes that are no HTTP where a message should begin */
    HTTP_MESSAGES
};

/* A response's first bytes are looked through for marks, its head and this much of its body. */
enum { HTTP_PAGE_BYTES_MAX = 2048 };

struct http_side {
    struct said said[HTTP_MESSAGES];
    uint32_t fresh;     /* bit per message: its frame is to be looked up */
    uint32_t read;      /* bytes done with: up to the next message */
    uint64_t body_left; /* of the present message, still to be skipped */
    bool opaque;        /* nothing more can be told apart: chunked, until close, a tunnel */
    bool tunnel;        /* behind a CONNECT, what begins at `read` is no HTTP (RFC 9110 9.3.6) */
    uint32_t messages;  /* final ones; requests of the client, responses of the server */
};

struct http_talk {
    struct http_side side[2]; /* client, server */
    char method[20];          /* of the first request */
    char target[32];          /* its beginning; of CONNECT the host is kept as well */
    char host[128];           /* that the first request is for, without a port */
    uint32_t head_requests;   /* bit per request (the first 32): HEAD, answered without a body */
    uint16_t status;          /* of the first final response; 0: none seen */
    uint16_t refusal;         /* status of HTTP_REFUSAL; 0: none */
    uint32_t successes_after; /* 2xx responses behind the refusal */
    char location[128];       /* the other host that a redirecting refusal names */
    char server[64], via[64]; /* header fields of the refusal, else of the first response */
    bool proxy_authenticate;  /* the refusal asks for a proxy's password (RFC 9110 11.7.1) */
    bool authenticate;        /* it asks for the server's own */
    /* The page that is looked at while it arrives: offsets in the server's stream. */
    bool page_open;
    uint16_t page_status;
    uint32_t page_at, page_head, page_body;
};

/* A response that may be a page from somebody in between: its head and what there is of its body,
 * up to HTTP_PAGE_BYTES_MAX; called again when there is more. */
typedef void http_page_function(void *context, uint16_t status, const uint8_t *head,
                                size_t head_length, const uint8_t *body, size_t body_length);

/* These are the first bytes of a request, or of a response. */
bool http_begins(bool from_client, const uint8_t *bytes, size_t length);

/* Reads on in one direction. False: nothing more is wanted of it. */
bool http_read(struct http_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length,
               http_page_function *page, void *context);

#endif
