#include "dissectors/tls.h"

#include "dissectors/tls_messages.h"

enum {
    RECORD_HEADER = 5,
    RECORD_LENGTH_MAX = (1 << 14) + 2048, /* RFC 5246 6.2.3; RFC 8446 5.2 allows less */
    MESSAGE_HEADER = 4,
    MESSAGE_LENGTH_MAX = 16 * 1024 - MESSAGE_HEADER, /* no more is ever in order */
    ALERT_LENGTH = 2,
    HIDDEN_ALERT_MAX = 2 + 1 + 16, /* RFC 8446 5.2: alert, its type, the tag; no padding */
};

enum { CLIENT_HELLO = 1 }; /* RFC 8446 4: of it, what there is of its beginning is read */
enum { FATAL = 2 };        /* RFC 5246 7.2: after a warning (1) both sides go on */

enum content { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

struct record {
    uint8_t content;
    uint16_t length;
    const uint8_t *body;
    uint32_t available; /* of the body */
};

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

/* The message at the present place: its header, and what there is of its body. */
struct message {
    uint8_t type;
    uint32_t length; /* of the body */
    const uint8_t *body;
    uint32_t available;
};

/* Most messages lie within one record, and are read where they are; the others are put together in
 * `copy`. False: not even its header is there. */
static bool find_message(const struct tls_side *side, const uint8_t *bytes, uint32_t length,
                         uint8_t *copy, struct message *message)
{
    struct record record;
    const uint8_t *header = copy;
    uint32_t there = 0;
    if (next_record(bytes, length, side->read, &record) && record.available > side->used)
        there = record.available - side->used;
    if (there >= MESSAGE_HEADER)
        header = record.body + side->used;
    else if (gather(side, bytes, length, copy, MESSAGE_HEADER) < MESSAGE_HEADER)
        return false;
    *message = (struct message){.type = header[0], .length = bytes_u32(header) & 0xffffff};
    uint32_t wanted = message->length < MESSAGE_LENGTH_MAX ? message->length : MESSAGE_LENGTH_MAX;
    wanted += MESSAGE_HEADER;
    if (header == copy || side->used + wanted > record.length) {
        there = gather(side, bytes, length, copy, wanted);
        header = copy;
    }
    message->body = header + MESSAGE_HEADER;
    message->available = (there < wanted ? there : wanted) - MESSAGE_HEADER;
    return true;
}

/* Where the place in the stream is that handshake bytes are read from. */
static uint32_t place_of(const struct tls_side *side)
{
    return side->read + (side->used ? RECORD_HEADER + side->used : 0);
}

/* The message that begins at the present place of a handshake record. False: more bytes are needed
 * to go on. */
static bool handshake_record(struct tls_reader *reader, const uint8_t *bytes, uint32_t length)
{
    struct tls_side *side = reader->side;
    uint8_t copy[MESSAGE_HEADER + MESSAGE_LENGTH_MAX];
    struct message message;
    if (!find_message(side, bytes, length, copy, &message))
        return false;
    bool there = message.available == message.length;
    struct tls_side behind = *side;
    if (there)
        consume(&behind, bytes, length, MESSAGE_HEADER + message.length);
    /* Of a message with blanks only what stands before them is read. */
    bool clear = length <= reader->whole || (there && place_of(&behind) <= reader->whole);
    uint32_t begins = side->read + RECORD_HEADER + side->used + MESSAGE_HEADER;
    if (!clear && begins > reader->whole)
        return skip_record(side, bytes, length);
    if (!clear && message.available > reader->whole - begins)
        message.available = reader->whole - begins;
    tls_message_read(reader, message.type, cursor_over(message.body, message.available),
                     there && clear, place_of(side));
    if (there) {
        side->read = behind.read;
        side->used = behind.used;
    } else if (message.type != CLIENT_HELLO && message.length < MESSAGE_LENGTH_MAX) {
        side->wants = begins + message.length; /* or more: it may go on in a further record */
    }
    return there;
}

/* After these nothing is readable, and nothing that is wanted can follow. */
static void says_last(struct tls_side *side, enum tls_message message, uint32_t at)
{
    said_at(side->said, &side->fresh, message, at);
    side->done = true;
}

static void alert_record(struct tls_side *side, const struct record *record, uint32_t at)
{
    if (side->ciphered || record->length != ALERT_LENGTH) {
        says_last(side, TLS_HIDDEN_ALERT, at);
        return;
    }
    uint8_t alert = record->body[1];
    if (alert == TLS_ALERT_CLOSE_NOTIFY) {
        said_at(side->said, &side->fresh, TLS_CLOSE, at);
    } else if (record->body[0] == FATAL && !side->said[TLS_ALERT].seen) {
        side->alert = alert;
        says_last(side, TLS_ALERT, at);
    }
}

/* In TLS 1.3 everything is application data (RFC 8446 5.2): an alert is known by being shorter than
 * any other message that a side may begin with. */
static void data_record(struct tls_reader *reader, const struct record *record, uint32_t at)
{
    struct tls_side *side = reader->side;
    bool first = !side->said[TLS_DATA].seen && !side->said[TLS_HIDDEN_ALERT].seen;
    said_at(side->said, &side->fresh, TLS_CIPHERED, at);
    side->ciphered = true;
    bool alert = reader->talk->chosen == TLS_1_3 && first && record->length <= HIDDEN_ALERT_MAX;
    says_last(side, alert ? TLS_HIDDEN_ALERT : TLS_DATA, at);
}

bool tls_read(struct tls_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length,
              uint32_t whole, tls_certificate_function *certificate, void *context)
{
    struct tls_side *side = &talk->side[from_client ? 0 : 1];
    struct tls_reader reader = {talk, side, from_client, whole, certificate, context};
    struct record record;
    if (length < side->wants)
        return true;
    while (!side->done && next_record(bytes, length, side->read, &record)) {
        uint32_t at = side->read;
        if (!is_record_header(bytes + at)) {
            side->done = side->lost = at + RECORD_HEADER > whole || length > whole;
            if (!side->lost)
                says_last(side, TLS_FOREIGN, at);
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
            said_at(side->said, &side->fresh, TLS_CIPHERED, at);
            side->ciphered = true;
        }
        side->read += RECORD_HEADER + record.length;
        side->used = 0;
    }
    return !side->done;
}

bool tls_read_alone(struct tls_talk *talk, bool from_client, const uint8_t *segment,
                    uint32_t length, uint32_t at)
{
    struct tls_side *side = &talk->side[from_client ? 0 : 1];
    if (length != RECORD_HEADER + ALERT_LENGTH || !is_record_header(segment) ||
        segment[0] != ALERT || bytes_u16(segment + 3) != ALERT_LENGTH || segment[5] != FATAL ||
        segment[6] == TLS_ALERT_CLOSE_NOTIFY || !tls_alert_name(segment[6]))
        return false;
    side->alert = segment[6];
    says_last(side, TLS_ALERT, at);
    return true;
}

bool tls_goes_on(struct tls_course *course, const uint8_t *bytes, uint32_t length)
{
    uint32_t at = course->record_left;
    while (at < length && !course->ciphered) {
        struct record record;
        if (!next_record(bytes, length, at, &record) || !is_record_header(bytes + at) ||
            record.content == ALERT || (!course->begun && record.content != HANDSHAKE))
            return false;
        course->begun = true;
        course->ciphered = record.content == APPLICATION_DATA;
        if (course->ciphered && record.length <= HIDDEN_ALERT_MAX)
            return false;
        at += RECORD_HEADER + record.length;
    }
    course->record_left = at - length;
    return true;
}
