#include "analyzer/flow/ftp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyzer/flow/ftp_expected.h"
#include "analyzer/flow/tracker_internal.h"
#include "analyzer/memory.h"
#include "dissectors/ftp.h"

enum { STREAMS_BYTES_MAX = 16 * 1024 * 1024 }; /* of all control connections together */

/* Nothing more can be read. */
static bool is_done(const struct ftp_session *session)
{
    return session->foreign || session->encrypted.frame;
}

static void expect(struct tracker *tracker, struct attempt *control, enum ftp_mode mode,
                   const struct ftp_endpoint *endpoint, const struct mark *mark)
{
    struct ftp_session *session = control->ftp;
    enum side listener = mode == FTP_MODE_PASSIVE ? RESPONDER : INITIATOR;
    session->mode = mode;
    session->announced = endpoint->has_address ? endpoint->address : control->address[listener];
    session->port = endpoint->port;
    session->told_count = 0;
    session->agreed = *mark;
    session->transfer = session->opening = (struct mark){0};
    session->seen = session->settled = false;
    ftp_expected_add(tracker, &(struct ftp_expected){
                                  .control = control->number,
                                  .control_key = control->key,
                                  .from = control->address[!listener],
                                  .to = {session->announced, control->address[listener]},
                                  .port = endpoint->port,
                                  .since_ns = mark->time_ns,
                              });
}

/* One side was told, or will be, where to connect to, and the port cannot be read: any high one. */
static void expect_any(struct tracker *tracker, struct attempt *control, enum ftp_mode mode,
                       const struct ip_address *announced, const struct mark *mark)
{
    struct ftp_session *session = control->ftp;
    enum side listener = mode == FTP_MODE_PASSIVE ? RESPONDER : INITIATOR;
    session->mode = mode;
    session->announced = announced ? *announced : control->address[listener];
    session->port = 0;
    ftp_expected_add(tracker, &(struct ftp_expected){
                                  .control = control->number,
                                  .control_key = control->key,
                                  .from = control->address[!listener],
                                  .to = {session->announced, control->address[listener]},
                                  .since_ns = mark->time_ns,
                              });
}

static void encrypts(struct tracker *tracker, struct attempt *control, const struct mark *mark)
{
    control->ftp->encrypted = *mark;
    control->bits &= (uint16_t)~ATTEMPT_HEARD;
    expect_any(tracker, control, FTP_MODE_PASSIVE, NULL, mark);
}

static bool is_code(const char *text, size_t length, const char code[4])
{
    return length >= 3 && memcmp(text, code, 3) == 0;
}

/* The segment was cut by the snap length: a reply 227, 229 or 234, or a command PORT or EPRT. */
static void cut_line(struct tracker *tracker, struct attempt *control, enum side side,
                     const struct packet *packet, const struct mark *mark)
{
    struct ftp_session *session = control->ftp;
    const char *text = (const char *)packet->payload;
    size_t length = packet->payload_captured;
    struct ftp_endpoint endpoint = {0};
    session->behind[side] = mark->sequence + packet->payload_length;
    if (side == RESPONDER && session->asked_for_tls && is_code(text, length, "234")) {
        encrypts(tracker, control, mark);
        return;
    }
    bool passive =
        side == RESPONDER && (is_code(text, length, "227") || is_code(text, length, "229"));
    if (!passive && (side == RESPONDER || !ftp_command_cut(text, length, &endpoint)))
        return;
    expect_any(tracker, control, passive ? FTP_MODE_PASSIVE : FTP_MODE_ACTIVE,
               endpoint.has_address ? &endpoint.address : NULL, mark);
    session->told_count = passive ? (uint8_t)ftp_reply_cut(text, length, session->told) : 0;
    session->agreed = *mark;
    session->transfer = session->opening = (struct mark){0};
    session->seen = session->settled = false;
}

static bool command_line(struct tracker *tracker, struct attempt *control,
                         const struct ftp_line *line, const struct mark *mark)
{
    struct ftp_session *session = control->ftp;
    struct ftp_endpoint endpoint;
    enum ftp_word word = ftp_command(line->text, line->length, &endpoint);
    switch (word) {
    case FTP_ACTIVE:
        expect(tracker, control, FTP_MODE_ACTIVE, &endpoint, mark);
        break;
    case FTP_TRANSFER:
        session->transfer = *mark;
        break;
    case FTP_ENCRYPT:
        session->asked_for_tls = true;
        break;
    case FTP_LEAVE:
        session->left = *mark;
        break;
    case FTP_PASSIVE:
    case FTP_OTHER_COMMAND:
    case FTP_NO_COMMAND:
        break;
    }
    return word != FTP_NO_COMMAND || session->read[INITIATOR];
}

enum { /* RFC 959 4.2.2, RFC 2428, RFC 4217 */
       REPLY_ALREADY_OPEN = 125,
       REPLY_ABOUT_TO_OPEN = 150,
       REPLY_TRANSFER_DONE = 226,
       REPLY_PASSIVE = 227,
       REPLY_EXTENDED_PASSIVE = 229,
       REPLY_AUTH_OK = 234,
       REPLY_FILE_DONE = 250,
       REPLY_NO_DATA_CONNECTION = 425,
};

static bool reply_line(struct tracker *tracker, struct attempt *control,
                       const struct ftp_line *line, const struct mark *mark)
{
    struct ftp_session *session = control->ftp;
    struct ftp_endpoint endpoint;
    int code = ftp_reply(line->text, line->length);
    if (code < 0)
        return session->in_reply || session->read[RESPONDER];
    session->in_reply = code == 0;
    switch (code) {
    case REPLY_PASSIVE:
    case REPLY_EXTENDED_PASSIVE:
        if (ftp_reply_endpoint(line->text, line->length, &endpoint))
            expect(tracker, control, FTP_MODE_PASSIVE, &endpoint, mark);
        break;
    case REPLY_ALREADY_OPEN:
    case REPLY_ABOUT_TO_OPEN:
        session->opening = *mark;
        break;
    case REPLY_TRANSFER_DONE:
    case REPLY_FILE_DONE:
        session->settled = true;
        break;
    case REPLY_AUTH_OK:
        encrypts(tracker, control, mark);
        break;
    case REPLY_NO_DATA_CONNECTION:
        session->settled = true;
        if (session->seen)
            break;
        if (session->refused++ == 0)
            session->refused_first = *mark;
        frame_list_add(&session->refused_frames, session->agreed.frame);
        frame_list_add(&session->refused_frames, mark->frame);
        break;
    default: /* a refusal of the command ends the wish for its data connection */
        session->settled |= code >= 400;
        break;
    }
    return true;
}

/* False: this is not FTP. */
static bool whole_line(struct tracker *tracker, struct attempt *control, enum side side,
                       const struct mark *mark)
{
    struct ftp_line *line = &control->ftp->line[side];
    if (line->length && line->text[line->length - 1] == '\r')
        line->length--;
    bool good = line->length == 0 || (side == INITIATOR ? command_line(tracker, control, line, mark)
                                                        : reply_line(tracker, control, line, mark));
    control->ftp->read[side] |= line->length > 0;
    line->length = 0;
    return good;
}

/* Its first line decides whether a connection is read on: a greeting, or a command. */
static bool may_be_ftp(enum side side, const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    struct ftp_endpoint endpoint;
    size_t end = 0;
    if (side == RESPONDER)
        return length >= 3 && ftp_reply(text, length < 4 ? 3 : 4) >= 0;
    if (length && bytes[0] < 'A') /* TLS, and most that is not text */
        return false;
    while (end < length && bytes[end] != '\r' && bytes[end] != '\n')
        end++;
    return ftp_command(text, end, &endpoint) != FTP_NO_COMMAND;
}

static struct ftp_session *session_of(struct attempt *attempt, enum side side, const uint8_t *bytes,
                                      size_t length)
{
    if (attempt->ftp || (attempt->bits & ATTEMPT_NOT_FTP))
        return attempt->ftp;
    if (attempt->proto != PROTO_TCP || attempt->control || !may_be_ftp(side, bytes, length)) {
        attempt->bits |= ATTEMPT_NOT_FTP;
        return NULL;
    }
    attempt->ftp = memory_zeroed(1, sizeof *attempt->ftp);
    return attempt->ftp;
}

/* `begins`: sequence number of the first. */
static void read_bytes(struct tracker *tracker, struct attempt *attempt, enum side side,
                       const uint8_t *bytes, uint32_t length, uint32_t begins,
                       const struct mark *mark)
{
    struct ftp_session *session = attempt->ftp;
    struct ftp_line *line = &session->line[side];
    for (uint32_t i = 0; i < length && !is_done(session); i++) {
        if (bytes[i] == '\n') {
            session->behind[side] = begins + i + 1;
            session->foreign |= !line->skipping && !whole_line(tracker, attempt, side, mark);
            line->skipping = false;
        } else if (line->length < FTP_LINE_MAX) {
            line->text[line->length++] = (char)bytes[i];
        } else {
            line->skipping = true;
            line->length = 0;
        }
    }
}

/* From `sequence` on. What was begun before is dropped where bytes are missing in between. */
static void begin_at(struct tracker *tracker, struct ftp_session *session, enum side side,
                     uint32_t sequence, bool missing)
{
    if (!tracker->streams)
        tracker->streams = stream_pool_new(STREAMS_BYTES_MAX);
    stream_close(&session->stream[side]);
    stream_open(&session->stream[side], tracker->streams, sequence);
    session->taken[side] = 0;
    if (missing) {
        session->line[side].length = 0;
        session->line[side].skipping = true;
    }
}

/* The receiver has acknowledged this segment and all before it, so what is missing is missing in
 * the capture only. */
static bool hole_stays(const struct attempt *attempt, enum side side, uint32_t sequence)
{
    const struct stream *stream = &attempt->ftp->stream[side];
    const struct side_record *receiver = &attempt->side[!side];
    return sequence_after(sequence, stream->base + stream->length) && receiver->has_acknowledged &&
           !sequence_after(sequence, receiver->acknowledged);
}

void ftp_packet(struct tracker *tracker, struct attempt *attempt, enum side side,
                const struct packet *packet, const struct mark *mark)
{
    if (attempt->bits & ATTEMPT_NOT_FTP)
        return;
    struct ftp_session *session =
        session_of(attempt, side, packet->payload, packet->payload_captured);
    if (!session || is_done(session))
        return;
    struct stream *stream = &session->stream[side];
    uint32_t sequence = packet->tcp.sequence;
    if (packet->payload_captured < packet->payload_length) {
        cut_line(tracker, attempt, side, packet, mark);
        session->line[side].length = 0;
        begin_at(tracker, session, side, sequence + packet->payload_length, false);
        return;
    }
    if (!stream->open)
        begin_at(tracker, session, side, sequence, stream->closed);
    else if (hole_stays(attempt, side, sequence))
        begin_at(tracker, session, side, sequence, true);
    if (!stream_segment(stream, sequence, packet->payload, packet->payload_captured,
                        packet->payload_length, mark->frame, mark->time_ns))
        return;
    uint32_t from = session->taken[side], to = stream->length;
    session->taken[side] = to;
    read_bytes(tracker, attempt, side, stream_bytes(stream) + from, to - from, stream->base + from,
               mark);
    if (is_done(session)) {
        stream_close(&session->stream[INITIATOR]);
        stream_close(&session->stream[RESPONDER]);
    } else if (to >= STREAM_BYTES_MAX / 2 && !stream_lacks(stream)) {
        begin_at(tracker, session, side, stream->base + to, false);
    }
}

void ftp_forget(struct attempt *attempt)
{
    if (!attempt->ftp)
        return;
    stream_close(&attempt->ftp->stream[INITIATOR]);
    stream_close(&attempt->ftp->stream[RESPONDER]);
    free(attempt->ftp);
    attempt->ftp = NULL;
}

/* On both sides of a NAT the one that the capture meets first stands for both. */
static struct attempt *outer(const struct tracker *tracker, struct attempt *control)
{
    struct attempt *twin = tracker_attempt(tracker, control->twin);
    return (control->bits & ATTEMPT_IS_INNER) && twin && twin->ftp ? twin : control;
}

struct attempt *ftp_control_of(const struct tracker *tracker, const struct packet *packet,
                               int64_t time_ns)
{
    uint32_t number = ftp_expected_find(tracker, packet, time_ns);
    struct attempt *control = tracker_attempt(tracker, number);
    return control && control->ftp ? outer(tracker, control) : NULL;
}

void ftp_data_seen(const struct tracker *tracker, struct attempt *control,
                   const struct attempt *data)
{
    struct ftp_session *session = control->ftp;
    struct attempt *twin = tracker_attempt(tracker, control->twin);
    if (twin && twin->ftp)
        twin->ftp->seen = true;
    session->seen = true;
    session->data[session->data_count++ % FTP_DATA_KEPT] = data->number;
}
