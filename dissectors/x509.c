#include "dissectors/x509.h"

#include <stdio.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

static void fingerprint(const gnutls_datum_t *der, gnutls_digest_algorithm_t algorithm, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[32];
    size_t length = sizeof hash;
    if (gnutls_fingerprint(algorithm, der, hash, &length) != GNUTLS_E_SUCCESS)
        length = 0;
    for (size_t i = 0; i < length; i++) {
        *hex++ = digits[hash[i] >> 4];
        *hex++ = digits[hash[i] & 0xf];
    }
    *hex = '\0';
}

typedef int name_function(gnutls_x509_crt_t certificate, gnutls_datum_t *name, unsigned flags);

static void copy_name(gnutls_x509_crt_t certificate, name_function *get, char *to, size_t size)
{
    gnutls_datum_t name;
    if (get(certificate, &name, 0) != GNUTLS_E_SUCCESS)
        return;
    snprintf(to, size, "%.*s", (int)name.size, (const char *)name.data);
    gnutls_free(name.data);
}

void x509_read(const uint8_t *der, size_t length, struct x509 *certificate)
{
    gnutls_x509_crt_t parsed;
    const gnutls_datum_t bytes = {(unsigned char *)der, (unsigned)length};
    *certificate = (struct x509){0};
    fingerprint(&bytes, GNUTLS_DIG_SHA1, certificate->sha1);
    fingerprint(&bytes, GNUTLS_DIG_SHA256, certificate->sha256);
    if (gnutls_x509_crt_init(&parsed) != GNUTLS_E_SUCCESS)
        return;
    if (gnutls_x509_crt_import(parsed, &bytes, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS) {
        certificate->readable = true;
        copy_name(parsed, gnutls_x509_crt_get_dn3, certificate->subject,
                  sizeof certificate->subject);
        copy_name(parsed, gnutls_x509_crt_get_issuer_dn3, certificate->issuer,
                  sizeof certificate->issuer);
    }
    gnutls_x509_crt_deinit(parsed);
}
