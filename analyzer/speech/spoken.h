/* What a connection's own bytes say of it. Every text comes from strangers; NULL: not seen. */
#ifndef FWSNIFF_SPEECH_SPOKEN_H
#define FWSNIFF_SPEECH_SPOKEN_H

#include <stdbool.h>

struct heard_http;
struct heard_tls;
struct x509;

struct spoken {
    const char
        *protocol; /* "HTTP", "TLS": as nDPI names it, by a side's bytes: the server's first */
    struct {
        const char *server_name;      /* that the client asked for */
        const char *alpn;             /* the client's offer with commas, or the server's choice */
        const char *version;          /* the server's choice; the client's best offer before that */
        const char *issuer, *subject; /* of the server's certificate, visible up to TLS 1.2 */
        const char *sha1, *sha256;    /* its fingerprints, hexadecimal */
    } tls;

    /* By enum side: the protocol of the first bytes of each side, one of those that are listened
     * to; `other`: it is none of them. */
    const char *by[2];
    bool other[2];
    /* What each protocol's speaker heard (heard.h); NULL: neither side speaks it. */
    const struct heard_tls *heard_tls;
    const struct heard_http *heard_http;
    const struct x509 *leaf; /* the server's certificate */
};

#endif
