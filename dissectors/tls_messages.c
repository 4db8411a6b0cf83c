#include "dissectors/tls_messages.h"

enum { RANDOM_LENGTH = 32 };

enum extension { EXT_SERVER_NAME = 0, EXT_ALPN = 16, EXT_SUPPORTED_VERSIONS = 43 };

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
static void server_name(struct tls_words *words, struct cursor body)
{
    struct cursor list = vector_u16(&body);
    while (cursor_left(&list) >= 3) {
        uint8_t type = cursor_u8(&list);
        struct cursor name = vector_u16(&list);
        if (type == 0 && !words->server_name[0] && cursor_ok(&name)) /* host_name */
            append_text(words->server_name, sizeof words->server_name, name.at, cursor_left(&name),
                        ',');
    }
}

/* RFC 7301 3.1: the client's list, the server's one choice. */
static void alpn(struct tls_words *words, struct cursor body)
{
    struct cursor list = vector_u16(&body);
    words->alpn[0] = '\0';
    while (cursor_left(&list) >= 1) {
        uint8_t length = cursor_u8(&list);
        const uint8_t *name = cursor_take(&list, length);
        if (name)
            append_text(words->alpn, sizeof words->alpn, name, length, ',');
    }
}

/* RFC 8446 4.2.1: a list from the client, one from the server. */
static void supported_versions(struct tls_reader *reader, struct cursor body)
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

static void extensions(struct tls_reader *reader, struct cursor *c)
{
    struct tls_words *words = reader->talk->words;
    struct cursor list = vector_u16(c);
    while (cursor_left(&list) >= 4) {
        uint16_t type = cursor_u16(&list);
        struct cursor body = vector_u16(&list);
        switch (type) {
        case EXT_SERVER_NAME:
            if (reader->from_client && words)
                server_name(words, body);
            break;
        case EXT_ALPN:
            if (words)
                alpn(words, body);
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
static void client_hello(struct tls_reader *reader, struct cursor c)
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

static enum tls_message server_hello(struct tls_reader *reader, struct cursor c)
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
static void certificate_chain(struct tls_reader *reader, struct cursor c)
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

void tls_message_read(struct tls_reader *reader, uint8_t type, struct cursor body, bool whole,
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
    said_at(reader->side->said, &reader->side->fresh, message, at);
}
