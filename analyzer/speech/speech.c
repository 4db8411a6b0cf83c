#include "analyzer/speech/speech.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/flow/ftp.h"
#include "analyzer/memory.h"
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speaker.h"
#include "dissectors/ndpi_bridge.h"

enum { NOT_KNOWN = -1, NONE_OF_OURS = -2 };

/* What hangs on an attempt. The streams live only while they are of use; what was found stays. For
 * nDPI the first packets wait until somebody asks what is spoken, which is only of connections that
 * fail, and it is asked only where no speaker knows. */
struct speech {
    struct listener *listener;
    bool ndpi_done;
    bool begun_again;            /* behind FTP's AUTH TLS */
    struct ndpi_flow *flow;      /* its first packets wait with the bridge; NULL: none do */
    struct ndpi_result *result;  /* NULL: nDPI was not asked yet */
    struct stream *stream;       /* two, by enum side; NULL once they are done with */
    int speaker[2];              /* enum speaker_id, or the above */
    uint32_t begin[2];           /* of its stream: what came before was around it (CONNECT) */
    void *record[SPEAKER_COUNT]; /* of each speaker that was chosen */
};

/* Records of connections that are over, for the next ones: each kind of one size. */
enum { SPEECH_ITSELF = SPEAKER_COUNT, SPEECH_STREAMS, RECORD_KINDS, SPARE_RECORDS_MAX = 256 };

struct spare_record {
    struct spare_record *next;
};

struct spare_records {
    struct spare_record *first;
    unsigned count;
};

struct listener {
    struct spare_records spare[RECORD_KINDS];
    const struct profiles *profiles;
    const struct signs *signs;
    struct stream_pool *pool;
    struct certificates *certificates;
    struct ndpi_bridge *bridge; /* NULL until needed */
    bool borrowed;
};

/* While it waits for the next connection it is a link of the list. */
static size_t record_bytes(unsigned kind)
{
    size_t bytes = kind == SPEECH_ITSELF    ? sizeof(struct speech)
                   : kind == SPEECH_STREAMS ? 2 * sizeof(struct stream)
                                            : speaker_at((enum speaker_id)kind)->record_bytes;
    return bytes < sizeof(struct spare_record) ? sizeof(struct spare_record) : bytes;
}

/* All zeros. */
static void *record_take(struct listener *listener, unsigned kind)
{
    struct spare_records *spare = &listener->spare[kind];
    struct spare_record *record = spare->first;
    if (!record)
        return memory_zeroed(1, record_bytes(kind));
    spare->first = record->next;
    spare->count--;
    return memset(record, 0, record_bytes(kind));
}

static void record_give(struct listener *listener, unsigned kind, void *memory)
{
    struct spare_records *spare = &listener->spare[kind];
    struct spare_record *record = memory;
    if (!record)
        return;
    if (spare->count == SPARE_RECORDS_MAX) {
        free(record);
        return;
    }
    record->next = spare->first;
    spare->first = record;
    spare->count++;
}

struct listener *listener_new(const struct profiles *profiles, const struct signs *signs,
                              struct stream_pool *pool, struct ndpi_bridge *bridge)
{
    struct listener *listener = memory_zeroed(1, sizeof *listener);
    listener->profiles = profiles;
    listener->signs = signs;
    listener->pool = pool;
    listener->bridge = bridge;
    listener->borrowed = bridge != NULL;
    listener->certificates = certificates_new(CERTIFICATES_MAX, CERTIFICATES_BYTES_MAX);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    if (!listener->borrowed)
        ndpi_bridge_free(listener->bridge);
    certificates_free(listener->certificates);
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++)
        for (struct spare_record *next, *record = listener->spare[kind].first; record;
             record = next) {
            next = record->next;
            free(record);
        }
    free(listener);
}

/* --- nDPI --- */

static void ndpi_end(struct listener *listener, struct speech *speech)
{
    if (speech->flow)
        ndpi_bridge_flow_free(listener->bridge, speech->flow);
    speech->flow = NULL;
    speech->ndpi_done = true;
}

static void show_ndpi(struct listener *listener, struct speech *speech, const struct packet *packet,
                      enum side side, int64_t time_ns)
{
    if (!listener->bridge)
        listener->bridge = ndpi_bridge_new();
    if (listener->bridge && !speech->flow)
        speech->flow = ndpi_bridge_flow_new(listener->bridge);
    if (!speech->flow) {
        speech->ndpi_done = true;
        return;
    }
    speech->ndpi_done =
        !ndpi_bridge_packet(listener->bridge, speech->flow, packet->ip_bytes, packet->ip_captured,
                            (uint64_t)(time_ns / 1000000), side == INITIATOR);
}

/* --- the streams and their speakers --- */

static uint32_t captured(const struct stream *stream)
{
    return stream->length < stream->cut ? stream->length : stream->cut;
}

static void streams_end(struct speech *speech)
{
    if (!speech->stream)
        return;
    /* Whoever has said so little until the end opened none of our protocols. */
    for (enum side side = INITIATOR; side <= RESPONDER; side++)
        if (speech->speaker[side] == NOT_KNOWN && !speech->begin[side] &&
            speech->stream[side].open && captured(&speech->stream[side]) >= SPEECH_OPENING_FEW)
            speech->speaker[side] = NONE_OF_OURS;
    stream_close(&speech->stream[INITIATOR]);
    stream_close(&speech->stream[RESPONDER]);
    record_give(speech->listener, SPEECH_STREAMS, speech->stream);
    speech->stream = NULL;
}

static int speaker_of(const struct hearing *hearing)
{
    if (hearing->length < SPEECH_OPENING_MIN)
        return NOT_KNOWN;
    for (enum speaker_id i = 0; i < SPEAKER_COUNT; i++)
        if (speaker_at(i)->opens(hearing))
            return (int)i;
    return hearing->length < SPEECH_OPENING_MAX ? NOT_KNOWN : NONE_OF_OURS;
}

static void look_up_frames(struct said *said, uint32_t *fresh, const struct stream *stream,
                           uint32_t begin)
{
    for (; *fresh; *fresh &= *fresh - 1) {
        struct said *message = &said[__builtin_ctz(*fresh)];
        const struct stream_piece *piece = stream_piece_at(stream, begin + message->at);
        if (piece) {
            message->frame = piece->frame & ((UINT64_C(1) << 40) - 1);
            message->time_ns = piece->time_ns;
        }
    }
}

/* What a side says once the protocol around it is left away. */
static struct hearing inside(const struct hearing *hearing, uint32_t begin)
{
    struct hearing inner = *hearing;
    inner.bytes += begin;
    inner.length -= begin < inner.length ? begin : inner.length;
    inner.sent -= begin;
    return inner;
}

/* Lets the side's speaker read on; false: nothing more is wanted of this side. */
static bool speaker_hears(struct speech *speech, const struct hearing *whole)
{
    enum side side = whole->side;
    int *id = &speech->speaker[side];
    uint32_t *begin = &speech->begin[side];
    const struct hearing inner = *begin ? inside(whole, *begin) : (struct hearing){0};
    const struct hearing *hearing = *begin ? &inner : whole;
    if (*id == NOT_KNOWN)
        *id = speaker_of(hearing);
    if (*id < 0)
        return *id == NOT_KNOWN;
    const struct speaker *speaker = speaker_at((enum speaker_id) * id);
    if (!speech->record[*id])
        speech->record[*id] = record_take(speech->listener, (unsigned)*id);
    void *record = speech->record[*id];
    uint32_t *fresh, at;
    bool more = speaker->hears(record, hearing);
    struct said *said = speaker->said(record, side, &fresh);
    look_up_frames(said, fresh, whole->stream, *begin);
    if (!*begin && speaker->hands_over && speaker->hands_over(record, side, &at) && at) {
        *begin = at; /* once: what is inside has no further inside */
        *id = NOT_KNOWN;
        return speaker_hears(speech, whole);
    }
    return more;
}

/* More of one side is in order. */
static void hear(struct speech *speech, const struct hearing *hearing)
{
    struct stream *stream = &speech->stream[hearing->side];
    if (!speaker_hears(speech, hearing) || stream_ended(stream))
        stream_close(stream);
}

/* FTP said in clear that TLS follows, on both sides, and the streams are to begin there. */
static void begin_again(struct speech *speech)
{
    streams_end(speech);
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        speech->speaker[side] = NOT_KNOWN;
        speech->begin[side] = 0;
    }
    speech->stream = record_take(speech->listener, SPEECH_STREAMS);
    speech->begun_again = true;
}

static uint32_t first_sequence(const struct speech *speech, const struct attempt *attempt,
                               const struct packet *packet, enum side side)
{
    const struct ftp_session *ftp = speech->begun_again ? attempt->ftp : NULL;
    if (ftp) /* else what asked for TLS was not captured */
        return side == RESPONDER || ftp->asked_for_tls ? ftp->behind[side] : packet->tcp.sequence;
    const struct mark *opening = side == INITIATOR ? attempt->syn : attempt->synack;
    uint32_t syn = (packet->tcp.flags & TCP_SYN) != 0; /* RFC 7413: data on the SYN itself */
    return opening->frame ? opening->sequence + 1 : packet->tcp.sequence + syn;
}

static void put_in_order(struct listener *listener, struct speech *speech,
                         const struct attempt *attempt, const struct packet *packet, enum side side,
                         uint64_t frame, int64_t time_ns)
{
    struct stream *stream = &speech->stream[side];
    uint32_t sequence = packet->tcp.sequence + ((packet->tcp.flags & TCP_SYN) != 0);
    if (stream->closed)
        return;
    if (!stream->open)
        stream_open(stream, listener->pool, first_sequence(speech, attempt, packet, side));
    if (!stream_segment(stream, sequence, packet->payload, packet->payload_captured,
                        packet->payload_length, frame, time_ns))
        return;
    const struct hearing hearing = {
        .side = side,
        .stream = stream,
        .bytes = stream_bytes(stream),
        .length = captured(stream),
        .sent = stream->length,
        .certificates = listener->certificates,
        .signs = listener->signs,
    };
    hear(speech, &hearing);
}

static bool conversation_over(const struct attempt *attempt, const struct packet *packet)
{
    return (packet->tcp.flags & TCP_RST) ||
           (attempt->side[INITIATOR].fin->frame && attempt->side[RESPONDER].fin->frame);
}

static struct speech *speech_of(struct listener *listener, struct attempt *attempt)
{
    if (!attempt->speech) {
        attempt->speech = record_take(listener, SPEECH_ITSELF);
        attempt->speech->listener = listener;
        attempt->speech->speaker[INITIATOR] = attempt->speech->speaker[RESPONDER] = NOT_KNOWN;
        if (attempt->proto == PROTO_TCP)
            attempt->speech->stream = record_take(listener, SPEECH_STREAMS);
    }
    return attempt->speech;
}

/* What a speaker knows by its first bytes nDPI need not be asked: that is ten times as dear. */
static bool is_known(const struct speech *speech)
{
    return speech->speaker[INITIATOR] >= 0 || speech->speaker[RESPONDER] >= 0;
}

/* Nothing that still comes can be of interest. */
static bool is_over(const struct speech *speech)
{
    return !speech->stream && speech->ndpi_done && !speech->flow;
}

static __attribute__((noinline)) void listen(struct listener *listener, struct attempt *attempt,
                                             const struct packet *packet, enum side side,
                                             uint64_t frame, int64_t time_ns)
{
    bool tcp = packet->kind == PACKET_TCP;
    bool ends = tcp && (packet->tcp.flags & (TCP_FIN | TCP_RST));
    bool resets = tcp && (packet->tcp.flags & TCP_RST);
    struct speech *speech = speech_of(listener, attempt);
    if (attempt->ftp && attempt->ftp->encrypted.frame && !speech->begun_again)
        begin_again(speech);
    if (speech->stream && packet->payload_length && !resets)
        put_in_order(listener, speech, attempt, packet, side, frame, time_ns);
    if ((speech->flow || !speech->ndpi_done) && is_known(speech))
        ndpi_end(listener, speech);
    else if (!speech->ndpi_done && packet->payload_captured)
        show_ndpi(listener, speech, packet, side, time_ns);
    if (speech->flow && ends && attempt_went_well(attempt))
        ndpi_bridge_dispensable(speech->flow);
    if (speech->stream && ((ends && conversation_over(attempt, packet)) ||
                           (speech->stream[INITIATOR].closed && speech->stream[RESPONDER].closed)))
        streams_end(speech);
    if (is_over(speech))
        attempt->bits |= ATTEMPT_HEARD;
}

/* Most packets bring nothing: for them this is all that is done. */
void speech_listen(struct listener *listener, struct attempt *attempt, const struct packet *packet,
                   enum side side, uint64_t frame, int64_t time_ns)
{
    if (attempt->bits & ATTEMPT_HEARD)
        return;
    if (packet->payload_length == 0 &&
        (packet->kind != PACKET_TCP || !(packet->tcp.flags & (TCP_FIN | TCP_RST)) ||
         !attempt->speech))
        return;
    listen(listener, attempt, packet, side, frame, time_ns);
}

/* --- asking --- */

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

static void tell_tls(const struct speech *speech, struct spoken *spoken)
{
    const struct heard_tls *heard = spoken->heard_tls;
    const struct x509 *leaf = certificates_at(speech->listener->certificates, heard->chain[0]);
    uint16_t version = heard->talk.chosen ? heard->talk.chosen : heard->talk.offered;
    spoken->tls.server_name = heard->server_name;
    spoken->tls.alpn = heard->alpn;
    spoken->tls.version = tls_version_name(version);
    if (!leaf)
        return;
    spoken->leaf = leaf;
    spoken->tls.issuer = known(leaf->issuer);
    spoken->tls.subject = known(leaf->subject);
    spoken->tls.sha1 = known(leaf->sha1);
    spoken->tls.sha256 = known(leaf->sha256);
}

void speech_heard(const struct attempt *attempt, struct spoken *spoken)
{
    *spoken = (struct spoken){0};
    if (!attempt->speech)
        return;
    const struct speech *speech = attempt->speech;
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        int id = speech->speaker[side];
        spoken->by[side] = id >= 0 ? speaker_at((enum speaker_id)id)->protocol : NULL;
        spoken->other[side] = id == NONE_OF_OURS;
    }
    spoken->protocol = spoken->by[RESPONDER] ? spoken->by[RESPONDER] : spoken->by[INITIATOR];
    spoken->heard_http = speech->record[SPEAKER_HTTP];
    spoken->heard_tls = speech->record[SPEAKER_TLS];
    if (spoken->heard_tls)
        tell_tls(speech, spoken);
}

void speech_told(const struct attempt *attempt, struct spoken *spoken)
{
    struct speech *speech = attempt->speech;
    speech_heard(attempt, spoken);
    if (!speech || spoken->protocol || !speech->flow)
        return;
    if (!speech->result)
        speech->result = memory_zeroed(1, sizeof *speech->result);
    ndpi_bridge_result(speech->listener->bridge, speech->flow, speech->result);
    spoken->protocol = known(speech->result->master);
}

void speech_forget(struct listener *listener, struct attempt *attempt)
{
    struct speech *speech = attempt->speech;
    if (!speech)
        return;
    streams_end(speech);
    if (speech->flow)
        ndpi_end(listener, speech);
    for (unsigned i = 0; i < SPEAKER_COUNT; i++) {
        const struct speaker *speaker = speaker_at((enum speaker_id)i);
        if (speech->record[i] && speaker->release)
            speaker->release(speech->record[i]);
        record_give(listener, i, speech->record[i]);
    }
    free(speech->result);
    record_give(listener, SPEECH_ITSELF, speech);
    attempt->speech = NULL;
}

uint64_t listener_certificates_refused(const struct listener *listener)
{
    return certificates_refused(listener->certificates);
}
