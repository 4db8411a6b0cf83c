/* TLS as the wire shows it: what both sides said before they began to encrypt, and how they parted.
 * RFC 8446 (1.3), RFC 5246 (1.2). All text comes from strangers: escape it before it is shown.
 *
 * Bytes are those of one direction from its first on, in order; each call may have more. A message
 * may be spread over records, and records over calls. */
#ifndef FWSNIFF_DISSECTORS_TLS_H
#define FWSNIFF_DISSECTORS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dissectors/said.h"

enum tls_message {
    TLS_CLIENT_HELLO,
    TLS_SERVER_HELLO,
    TLS_RETRY_REQUEST, /* HelloRetryRequest, RFC 8446 4.1.4 */
    TLS_CERTIFICATE,
    TLS_CERTIFICATE_REQUEST,
    TLS_SERVER_DONE,
    TLS_CIPHERED,     /* ChangeCipherSpec, or the first record that shows no more than its length */
    TLS_ALERT,        /* readable: first fatal one */
    TLS_CLOSE,        /* readable close_notify */
    TLS_HIDDEN_ALERT, /* encrypted, known by its record: what it says cannot be read */
    TLS_DATA,         /* application data; 1.3: a record too long for an alert */
    TLS_FOREIGN,      /* bytes that are no TLS */
    TLS_MESSAGES
};

/* RFC 8446 6, RFC 5246 7.2: the ones that are asked for by name. */
enum tls_alert {
    TLS_ALERT_CLOSE_NOTIFY = 0,
    TLS_ALERT_UNEXPECTED_MESSAGE = 10,
    TLS_ALERT_HANDSHAKE_FAILURE = 40,
    TLS_ALERT_BAD_CERTIFICATE = 42,
    TLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    TLS_ALERT_CERTIFICATE_REVOKED = 44,
    TLS_ALERT_CERTIFICATE_EXPIRED = 45,
    TLS_ALERT_CERTIFICATE_UNKNOWN = 46,
    TLS_ALERT_UNKNOWN_CA = 48,
    TLS_ALERT_ACCESS_DENIED = 49,
    TLS_ALERT_PROTOCOL_VERSION = 70,
    TLS_ALERT_INSUFFICIENT_SECURITY = 71,
    TLS_ALERT_UNRECOGNIZED_NAME = 112,
    TLS_ALERT_CERTIFICATE_REQUIRED = 116,
};

enum { TLS_1_0 = 0x0301, TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

/* Certificates of the server's chain that are handed on; more are counted. */
enum { TLS_CHAIN_MAX = 6 };

struct tls_side {
    struct said said[TLS_MESSAGES];
    uint32_t fresh; /* bit per message: its frame is to be looked up */
    uint32_t read;  /* bytes done with */
    uint32_t wants; /* before so many bytes are there, nothing more can be read */
    uint32_t used;  /* handshake bytes of the record at `read` that are done with */
    bool ciphered;  /* what follows cannot be read */
    bool done;      /* nothing more is readable, or wanted */
    bool lost;      /* ... because behind blanks it cannot be told where a record begins */
    uint8_t alert;  /* of TLS_ALERT: enum tls_alert, or another number */
};

/* What was said in words. */
struct tls_words {
    char server_name[256]; /* that the client asked for; "": none */
    char alpn[64];         /* the client's offer, with commas; the server's choice once known */
};

struct tls_talk {
    struct tls_side side[2]; /* client, server */
    uint16_t offered;        /* the client's highest version; 0: not seen */
    uint16_t chosen;         /* the server's; 0: not seen */
    uint16_t cipher;         /* the server's choice */
    struct tls_words *words; /* of who reads on; NULL: not wanted */
    uint8_t certificates;    /* in the server's chain */
};

/* One certificate of the server's chain, DER, leaf first; valid during the call. */
typedef void tls_certificate_function(void *context, unsigned place, const uint8_t *der,
                                      size_t length);

/* The first bytes are a TLS record's with a handshake message or an alert. */
bool tls_begins(const uint8_t *bytes, size_t length);

/* Reads on in one direction; from `whole` on some bytes may be blank, zeros, where the capture cut
 * them off. What they hold is not read, but what stands behind them is found by its length. False:
 * nothing more is wanted of this direction. */
bool tls_read(struct tls_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length,
              uint32_t whole, tls_certificate_function *certificate, void *context);

/* Of a side that is lost: one whole segment at `at`. False: it is no fatal alert, which TLS
 * programs send in a segment of its own. */
bool tls_read_alone(struct tls_talk *talk, bool from_client, const uint8_t *segment,
                    uint32_t length, uint32_t at);

/* One direction of a connection of which only the records' headers are read. */
struct tls_course {
    uint32_t record_left; /* bytes to the next record */
    bool begun;           /* its first record was a handshake's */
    bool ciphered;        /* so was all to the first one with data: nothing more is readable */
};

/* The next bytes, in order. False: something else than a handshake and data behind it, an alert for
 * instance, or a header over two segments. */
bool tls_goes_on(struct tls_course *course, const uint8_t *bytes, uint32_t length);

/* "1.2"; NULL for a number that is none. */
const char *tls_version_name(uint16_t version);
/* "unknown_ca", as the RFCs name them; NULL for a number without a name. */
const char *tls_alert_name(uint8_t alert);

#endif
