/* What a connection's own bytes say of it. Every text comes from strangers; NULL: not seen. */
#ifndef FWSNIFF_SPOKEN_H
#define FWSNIFF_SPOKEN_H

struct spoken {
    const char *protocol; /* "HTTP", "TLS": as nDPI names it, recognised by its bytes */
    struct {
        const char *server_name; /* that the client asked for */
        const char *version;
        const char *issuer, *subject; /* of the server's certificate, visible up to TLS 1.2 */
        const char *sha1;             /* its fingerprint, hexadecimal */
    } tls;
};

#endif
