/* What an X.509 certificate (RFC 5280) says of itself. The file behind this header is the only one
 * that knows GnuTLS, which does the parsing: it is made for hostile certificates. Names come from
 * strangers: escape them before they are shown. */
#ifndef FWSNIFF_DISSECTORS_X509_H
#define FWSNIFF_DISSECTORS_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct x509 {
    bool readable;     /* it is a certificate; the names are "" where it is not */
    char subject[256]; /* RFC 4514, cut to the field */
    char issuer[256];
    char sha1[41], sha256[65]; /* fingerprints of the whole, lower-case hexadecimal */
};

void x509_read(const uint8_t *der, size_t length, struct x509 *certificate);

#endif
