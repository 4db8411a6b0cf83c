#include "dissectors/tls.h"

#include <stdio.h>

#include "dissectors/cursor.h"

enum {
    RECORD_HEADER = 5,
    RECORD_LENGTH_MAX = (1 << 14) + 2048, /* RFC 5246 6.2.3; RFC 8446 5.2 allows less */
    MESSAGE_HEADER = 4,
    MESSAGE_LENGTH_MAX = 16 * 1024 - MESSAGE_HEADER, /* no more is ever in order */
    ALERT_LENGTH = 2,
    HIDDEN_ALERT_MAX = 2 + 1 + 16, /* RFC 8446 5.2: alert, its type, the tag; no padding */
    RANDOM_LENGTH = 32,
};

enum { FATAL = 2 }; /* RFC 5246 7.2: after a warning (1) both sides go on */

enum content { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

enum extension { EXT_SERVER_NAME = 0, EXT_ALPN = 16, EXT_SUPPORTED_VERSIONS = 43 };

struct record {
    uint8_t content;
    uint16_t length;
    const uint8_t *body;
    uint32_t available; /* of the body */
};

/* What one call reads with. */
struct reader {
    struct tls_talk *talk;
    struct tls_side *side;
    bool from_client;
    uint32_t whole; /* from here on bytes may be blank */
    tls_certificate_function *certificate;
    void *context;
};

const char *tls_version_name(uint16_t version)
{
    static const char *const names[] = {"SSL 3", "1.0", "1.1", "1.2", "1.3"};
    unsigned minor = version & 0xff;
    return version >> 8 == 3 && minor < sizeof names / sizeof *names ? names[minor] : NULL;
}

const char *tls_alert_name(uint8_t alert)
{
    static const char *const names[256] = {
        [0] = "close_notify",
        [10] = "unexpected_message",
        [20] = "bad_record_mac",
        [21] = "decryption_failed",
        [22] = "record_overflow",
        [30] = "decompression_failure",
        [40] = "handshake_failure",
        [41] = "no_certificate",
        [42] = "bad_certificate",
        [43] = "unsupported_certificate",
        [44] = "certificate_revoked",
        [45] = "certificate_expired",
        [46] = "certificate_unknown",
        [47] = "illegal_parameter",
        [48] = "unknown_ca",
        [49] = "access_denied",
        [50] = "decode_error",
        [51] = "decrypt_error",
        [60] = "export_restriction",
        [70] = "protocol_version",
        [71] = "insufficient_security",
        [80] = "internal_error",
        [86] = "inappropriate_fallback",
        [90] = "user_canceled",
        [100] = "no_renegotiation",
        [109] = "missing_extension",
        [110] = "unsupported_extension",
        [111] = "certificate_unobtainable",
        [112] = "unrecognized_name",
        [113] = "bad_certificate_status_response",
        [114] = "bad_certificate_hash_value",
        [115] = "unknown_psk_identity",
        [116] = "certificate_required",
        [120] = "no_application_protocol",
    };
    return names[alert];
}

static bool is_record_header(const uint8_t *h)
{
    uint16_t length = bytes_u16(h + 3);
    return h[0] >= CHANGE_CIPHER_SPEC && h[0] <= APPLICATION_DATA && h[1] == 3 && h[2] <= 4 &&
           length <= RECORD_LENGTH_MAX;
}

bool tls_begins(const uint8_t *bytes, size_t length)
{
    if (length < RECORD_HEADER || !is_record_header(bytes))
        return false;
    uint16_t body = bytes_u16(bytes + 3);
    return bytes[0] == HANDSHAKE ? body >= MESSAGE_HEADER
                                 : bytes[0] == ALERT && body == ALERT_LENGTH;
}

/* --- extensions --- */

/* Strangers' text, cut to its field; a NUL or a control character would only hide the rest. */
static void append_text(char *to, size_t size, const uint8_t *text, size_t length, char separator)
{
    size_t at = strlen(to);
    if (at && at + 1 < size)
        to[at++] = separator;
    for (size_t i = 0; i < length && at + 1 < size; i++)
        to[at++] = text[i] ? (char)text[i] : '?';
    to[at] = '\0';
}

/* A vector with a 16-bit length, as a cursor of its own; short where it is cut. */
static struct cursor vector_u16(struct cursor *c)
{
    struct cursor inner = *c;
    uint16_t length = cursor_u16(&inner);
    cursor_skip(c, 2u + length);
    inner.short_ = length > cursor_left(&inner);
    cursor_limit(&inner, length);
    return inner;
}

/* RFC 6066 3. */
static void server_name(struct tls_talk *talk, struct cursor body)
{
    struct cursor list = vector_u16(&body);
    while (cursor_left(&list) >= 3) {
        uint8_t type = cursor_u8(&list);
        struct cursor name = vector_u16(&list);
        if (type == 0 && !talk->server_name[0] && cursor_ok(&name)) /* host_name */
            append_text(talk->server_name, sizeof talk->server_name, name.at, cursor_left(&name),
                        ',');
    }
}

/* RFC 7301 3.1: the client's list, the server's one choice. */
static void alpn(struct tls_talk *talk, struct cursor body)
{
    struct cursor list = vector_u16(&body);
    talk->alpn[0] = '\0';
    while (cursor_left(&list) >= 1) {
        uint8_t length = cursor_u8(&list);
        const uint8_t *name = cursor_take(&list, length);
        if (name)
            append_text(talk->alpn, sizeof talk->alpn, name, length, ',');
    }
}

/* RFC 8446 4.2.1: a list from the client, one from the server. */
static void supported_versions(struct reader *reader, struct cursor body)
{
    struct tls_talk *talk = reader->talk;
    if (!reader->from_client) {
        uint16_t version = cursor_u16(&body);
        if (cursor_ok(&body))
            talk->chosen = version;
        return;
    }
    cursor_limit(&body, cursor_u8(&body));
    while (cursor_left(&body) >= 2) {
        uint16_t version = cursor_u16(&body);
        if (tls_version_name(version) && version > talk->offered) /* GREASE is none, RFC 8701 */
            talk->offered = version;
    }
}

static void extensions(struct reader *reader, struct cursor *c)
{
    struct cursor list = vector_u16(c);
    while (cursor_left(&list) >= 4) {
        uint16_t type = cursor_u16(&list);
        struct cursor body = vector_u16(&list);
        switch (type) {
        case EXT_SERVER_NAME:
            if (reader->from_client)
                server_name(reader->talk, body);
            break;
        case EXT_ALPN:
            alpn(reader->talk, body);
            break;
        case EXT_SUPPORTED_VERSIONS:
            supported_versions(reader, body);
            break;
        default:
            break;
        }
    }
}

/* --- handshake messages --- */

/* RFC 8446 4.1.2. What was cut by the snap length is simply not read. */
static void client_hello(struct reader *reader, struct cursor c)
{
    struct tls_talk *talk = reader->talk;
    uint16_t version = cursor_u16(&c);
    cursor_skip(&c, RANDOM_LENGTH);
    if (!cursor_ok(&c))
        return;
    if (version > talk->offered)
        talk->offered = version;
    cursor_skip(&c, cursor_u8(&c)); /* session */
    vector_u16(&c);                 /* cipher suites */
    cursor_skip(&c, cursor_u8(&c)); /* compression */
    extensions(reader, &c);
}

/* RFC 8446 4.1.3: a HelloRetryRequest is a ServerHello with this random. */
static bool is_retry_request(const uint8_t *random)
{
    static const uint8_t retry[RANDOM_LENGTH] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                                 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                                 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                                 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return memcmp(random, retry, sizeof retry) == 0;
}

static enum tls_message server_hello(struct reader *reader, struct cursor c)
{
    struct tls_talk *talk = reader->talk;
    uint16_t version = cursor_u16(&c);
    const uint8_t *random = cursor_take(&c, RANDOM_LENGTH);
    if (!random)
        return TLS_SERVER_HELLO;
    talk->chosen = version;
    cursor_skip(&c, cursor_u8(&c)); /* session */
    talk->cipher = cursor_u16(&c);
    cursor_skip(&c, 1); /* compression */
    extensions(reader, &c);
    return is_retry_request(random) ? TLS_RETRY_REQUEST : TLS_SERVER_HELLO;
}

static uint32_t cursor_u24(struct cursor *c)
{
    uint32_t high = cursor_u8(c);
    return high << 16 | cursor_u16(c);
}

/* RFC 5246 7.4.2. (That of TLS 1.3 is encrypted.) */
static void certificate_chain(struct reader *reader, struct cursor c)
{
    cursor_limit(&c, cursor_u24(&c));
    for (unsigned place = 0; cursor_left(&c) > 3; place++) {
        uint32_t length = cursor_u24(&c);
        const uint8_t *der = cursor_take(&c, length);
        if (!der || !length)
            return;
        if (reader->talk->certificates < UINT8_MAX)
            reader->talk->certificates++;
        if (place < TLS_CHAIN_MAX && reader->certificate)
            reader->certificate(reader->context, place, der, length);
    }
}

static enum tls_message message_of(uint8_t type)
{
    switch (type) {
    case 1:
        return TLS_CLIENT_HELLO;
    case 2:
        return TLS_SERVER_HELLO;
    case 11:
        return TLS_CERTIFICATE;
    case 13:
        return TLS_CERTIFICATE_REQUEST;
    case 14:
        return TLS_SERVER_DONE;
    default:
        return TLS_MESSAGES;
    }
}

/* One message, or what there is of its beginning. */
static void handshake_message(struct reader *reader, uint8_t type, struct cursor body, bool whole,
                              uint32_t at)
{
    enum tls_message message = message_of(type);
    if (message == TLS_MESSAGES)
        return;
    if (message == TLS_CLIENT_HELLO && reader->from_client)
        client_hello(reader, body);
    else if (message == TLS_SERVER_HELLO && !reader->from_client)
        message = server_hello(reader, body);
    else if (message == TLS_CERTIFICATE && !reader->from_client && whole)
        certificate_chain(reader, body);
    said_at(&reader->side->said[message], at);
}

/* --- records --- */

static bool next_record(const uint8_t *bytes, uint32_t length, uint32_t at, struct record *record)
{
    if (length - at < RECORD_HEADER)
        return false;
    record->content = bytes[at];
    record->length = bytes_u16(bytes + at + 3);
    record->body = bytes + at + RECORD_HEADER;
    record->available = length - at - RECORD_HEADER;
    if (record->available > record->length)
        record->available = record->length;
    return true;
}

/* Handshake bytes from the present place on, over record borders, up to `wanted`. */
static uint32_t gather(const struct tls_side *side, const uint8_t *bytes, uint32_t length,
                       uint8_t *to, uint32_t wanted)
{
    uint32_t at = side->read, skip = side->used, have = 0;
    struct record record;
    while (have < wanted && next_record(bytes, length, at, &record) &&
           is_record_header(bytes + at) && record.content == HANDSHAKE) {
        if (record.available > skip) {
            uint32_t take = record.available - skip;
            if (take > wanted - have)
                take = wanted - have;
            memcpy(to + have, record.body + skip, take);
            have += take;
        }
        if (record.available < record.length)
            break;
        at += RECORD_HEADER + record.length;
        skip = 0;
    }
    return have;
}

/* Moves on by `count` handshake bytes, which gather() found to be there. */
static void consume(struct tls_side *side, const uint8_t *bytes, uint32_t length, uint32_t count)
{
    struct record record;
    while (next_record(bytes, length, side->read, &record)) {
        uint32_t rest = record.length - side->used;
        if (count < rest) {
            side->used += count;
            return;
        }
        count -= rest;
        side->read += RECORD_HEADER + record.length;
        side->used = 0;
        if (!count)
            return;
    }
}

/* Over a record whose messages are blank. False: more bytes are needed for that. */
static bool skip_record(struct tls_side *side, const uint8_t *bytes, uint32_t length)
{
    struct record record;
    if (!next_record(bytes, length, side->read, &record) || record.available < record.length)
        return false;
    side->read += RECORD_HEADER + record.length;
    side->used = 0;
    return true;
}

/* The messages that begin in the handshake record at the present place. False: more bytes are
 * needed to go on. */
static bool handshake_record(struct reader *reader, const uint8_t *bytes, uint32_t length)
{
    struct tls_side *side = reader->side;
    uint8_t message[MESSAGE_HEADER + MESSAGE_LENGTH_MAX];
    uint32_t have = gather(side, bytes, length, message, MESSAGE_HEADER);
    if (have < MESSAGE_HEADER)
        return false;
    uint32_t body = bytes_u32(message) & 0xffffff;
    uint32_t at = side->read + (side->used ? RECORD_HEADER + side->used : 0);
    uint32_t wanted = body < MESSAGE_LENGTH_MAX ? body : MESSAGE_LENGTH_MAX;
    have = gather(side, bytes, length, message, MESSAGE_HEADER + wanted);
    bool there = have == MESSAGE_HEADER + body;
    struct tls_side behind = *side;
    if (there)
        consume(&behind, bytes, length, MESSAGE_HEADER + body);
    /* Of a message with blanks only what stands before them is read. */
    bool clear =
        length <= reader->whole ||
        (there && behind.read + (behind.used ? RECORD_HEADER + behind.used : 0) <= reader->whole);
    uint32_t begins = side->read + RECORD_HEADER + side->used;
    uint32_t readable = clear ? have : begins < reader->whole ? reader->whole - begins : 0;
    if (readable < MESSAGE_HEADER)
        return skip_record(side, bytes, length);
    if (readable < have)
        have = readable;
    handshake_message(reader, message[0],
                      cursor_over(message + MESSAGE_HEADER, have - MESSAGE_HEADER), there && clear,
                      at);
    if (there) {
        side->read = behind.read;
        side->used = behind.used;
    }
    return there;
}

static void alert_record(struct tls_side *side, const struct record *record, uint32_t at)
{
    if (side->ciphered || record->length != ALERT_LENGTH) {
        said_at(&side->said[TLS_HIDDEN_ALERT], at);
        return;
    }
    uint8_t alert = record->body[1];
    if (alert == TLS_ALERT_CLOSE_NOTIFY) {
        said_at(&side->said[TLS_CLOSE], at);
    } else if (record->body[0] == FATAL && !side->said[TLS_ALERT].seen) {
        side->alert = alert;
        said_at(&side->said[TLS_ALERT], at);
    }
}

/* In TLS 1.3 everything is application data (RFC 8446 5.2): an alert is known by being shorter than
 * any other message that a side may begin with. */
static void data_record(struct reader *reader, const struct record *record, uint32_t at)
{
    struct tls_side *side = reader->side;
    bool first = !side->said[TLS_DATA].seen && !side->said[TLS_HIDDEN_ALERT].seen;
    said_at(&side->said[TLS_CIPHERED], at);
    side->ciphered = true;
    bool alert = reader->talk->chosen == TLS_1_3 && first && record->length <= HIDDEN_ALERT_MAX;
    said_at(&side->said[alert ? TLS_HIDDEN_ALERT : TLS_DATA], at);
}

/* After these nothing is readable, and nothing that is wanted can follow. */
static bool satisfied(const struct tls_side *side)
{
    return side->said[TLS_DATA].seen || side->said[TLS_FOREIGN].seen ||
           side->said[TLS_HIDDEN_ALERT].seen || side->said[TLS_ALERT].seen || side->lost;
}

bool tls_read(struct tls_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length,
              uint32_t whole, tls_certificate_function *certificate, void *context)
{
    struct tls_side *side = &talk->side[from_client ? 0 : 1];
    struct reader reader = {talk, side, from_client, whole, certificate, context};
    struct record record;
    while (!satisfied(side) && next_record(bytes, length, side->read, &record)) {
        uint32_t at = side->read;
        if (!is_record_header(bytes + at)) {
            side->lost = at + RECORD_HEADER > whole || length > whole;
            if (!side->lost)
                said_at(&side->said[TLS_FOREIGN], at);
            break;
        }
        if (record.content == HANDSHAKE && !side->ciphered && record.length) {
            if (!handshake_record(&reader, bytes, length))
                break;
            continue;
        }
        if (record.content == APPLICATION_DATA) {
            data_record(&reader, &record, at);
        } else if (record.available < record.length) {
            break;
        } else if (record.content == ALERT) {
            alert_record(side, &record, at);
        } else if (record.content == CHANGE_CIPHER_SPEC) {
            said_at(&side->said[TLS_CIPHERED], at);
            side->ciphered = true;
        }
        side->read += RECORD_HEADER + record.length;
        side->used = 0;
    }
    return !satisfied(side);
}
