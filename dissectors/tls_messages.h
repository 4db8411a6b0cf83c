/* The handshake messages of TLS: what is said in clear. Inside of tls.h's reading. */
#ifndef FWSNIFF_DISSECTORS_TLS_MESSAGES_H
#define FWSNIFF_DISSECTORS_TLS_MESSAGES_H

#include "dissectors/cursor.h"
#include "dissectors/tls.h"

/* What one call of tls_read() reads with. */
struct tls_reader {
    struct tls_talk *talk;
    struct tls_side *side;
    bool from_client;
    uint32_t whole; /* from here on bytes may be blank */
    tls_certificate_function *certificate;
    void *context;
};

/* One message, or what there is of its beginning, that begins at `at` of the stream. Called again
 * with the same one when there is more. */
void tls_message_read(struct tls_reader *reader, uint8_t type, struct cursor body, bool whole,
                      uint32_t at);

#endif
