/* The speakers' records: what was heard of one connection, by protocol. */
#ifndef FWSNIFF_SPEECH_HEARD_H
#define FWSNIFF_SPEECH_HEARD_H

#include "analyzer/speech/certificates.h"
#include "analyzer/speech/signs.h"
#include "dissectors/http.h"
#include "dissectors/tls.h"

struct heard_tls {
    struct tls_talk talk;
    char *server_name, *alpn;      /* as of struct tls_words; NULL: none */
    uint32_t chain[TLS_CHAIN_MAX]; /* certificates_number() of the server's chain, leaf first; 0 */
};

struct heard_http {
    struct http_talk talk;
    const struct page_sign *page; /* the sign that its page shows; NULL: none */
    uint32_t looked_at;           /* offset of the page that was looked at last */
    size_t looked_through;        /* bytes of its body */
};

struct heard_openvpn {
    uint32_t nothing; /* messages whose frames are to be looked up: all are hidden */
};

#endif
