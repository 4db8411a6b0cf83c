/* What a connection's own bytes say of it. Every text comes from strangers; NULL: not seen. */
#ifndef FWSNIFF_SPEECH_SPOKEN_H
#define FWSNIFF_SPEECH_SPOKEN_H

#include <stdbool.h>

struct tls_talk;

struct spoken {
    const char *protocol; /* "HTTP", "TLS": as nDPI names it, recognised by its bytes */
    struct {
        const char *server_name; /* that the client asked for */
        const char *version;
        const char *issuer, *subject; /* of the server's certificate, visible up to TLS 1.2 */
        const char *sha1;             /* its fingerprint, hexadecimal */
    } tls;

    /* By enum side: the protocol of the first bytes of each side, one of those that are listened
     * to; `other`: it is none of them. */
    const char *by[2];
    bool other[2];
    /* What each protocol's parser read; NULL: neither side speaks it. */
    const struct tls_talk *tls_talk;
};

#endif
