/* Signs read from rules/signs.json. Of boxes in the middle: issuers of certificates made on the
 * fly, and pages put in a server's place. Of SSL VPNs, which are HTTPS to look at: the names of
 * services, and the requests with which they begin. */
#ifndef FWSNIFF_SPEECH_SIGNS_H
#define FWSNIFF_SPEECH_SIGNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/error.h"

enum page_kind { PAGE_FILTER, PAGE_PORTAL, PAGE_PROXY };

struct page_sign {
    const char *name; /* "FortiGuard", as sentences call it */
    enum page_kind kind;
    const char *text;
};

struct signs;

/* rules/signs.json of a rules directory; NULL with a message. */
struct signs *signs_load(const char *directory, struct error *error);
void signs_free(struct signs *signs);

/* Whose inspection makes certificates with such an issuer; NULL: none that is known. */
const char *signs_of_issuer(const struct signs *signs, const char *issuer);

/* Bytes that a page's text has at most: where more of a body came, so many of what was looked
 * through before are to be looked through again. */
enum { SIGN_TEXT_MAX = 120 };

/* Whose page this is; NULL: nobody's that is known. Lives as long as the signs. */
const struct page_sign *signs_of_page(const struct signs *signs, const uint8_t *head,
                                      size_t head_length, const uint8_t *body, size_t body_length);

enum tunnel_sign_place { TUNNEL_SERVER_NAME, TUNNEL_REQUEST };

/* Whose SSL VPN it is: the name a client asks for has a text of the signs in it, a request ("GET
 * /path") begins with one. NULL: none that is known. */
const char *signs_of_tunnel(const struct signs *signs, enum tunnel_sign_place place,
                            const char *text);

#endif
