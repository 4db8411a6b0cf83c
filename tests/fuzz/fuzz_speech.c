/* Both directions of one connection, as strangers may send it, through streams and all speakers.
 *
 * Input: segments of [side and flags:1][offset:2][length:1] and that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/speech/heard.h"
#include "analyzer/speech/speaker.h"
#include "dissectors/cursor.h"

enum { POOL_BYTES = 24 * 1024, SEGMENTS_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const struct stream *stream)
{
    if (stream->length > STREAM_BYTES_MAX || (stream->open && stream->length > stream->furthest))
        abort();
    if (stream->length && stream->open && !stream_piece_at(stream, stream->length - 1))
        abort();
}

static void check_certificates(struct certificates *certificates, const struct heard_tls *heard)
{
    for (unsigned i = 0; i < TLS_CHAIN_MAX; i++) {
        const struct x509 *certificate = certificates_at(certificates, heard->chain[i]);
        if (certificate && strlen(certificate->sha256) != 64)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor c = cursor_over(bytes, length);
    struct stream_pool *pool = stream_pool_new(POOL_BYTES);
    struct certificates *certificates = certificates_new(16, 64 * 1024);
    struct stream stream[2];
    void *record[SPEAKER_COUNT];
    for (enum speaker_id id = 0; id < SPEAKER_COUNT; id++)
        record[id] = calloc(1, speaker_at(id)->record_bytes);
    stream_open(&stream[0], pool, 0xfffffff0);
    stream_open(&stream[1], pool, 0);
    for (uint64_t frame = 1; frame < SEGMENTS_MAX && cursor_left(&c) > 4; frame++) {
        enum side side = cursor_u8(&c) & 1 ? RESPONDER : INITIATOR;
        uint32_t at = cursor_u16(&c), size = cursor_u8(&c);
        uint32_t captured = size < cursor_left(&c) ? size : (uint32_t)cursor_left(&c);
        const uint8_t *payload = cursor_take(&c, captured);
        struct stream *one = &stream[side];
        bool more = stream_segment(one, one->base + at, payload, captured, size, frame, 1);
        check(one);
        const struct hearing hearing = {.side = side,
                                        .stream = one,
                                        .bytes = stream_bytes(one),
                                        .length = one->length < one->cut ? one->length : one->cut,
                                        .sent = one->length,
                                        .certificates = certificates};
        for (enum speaker_id id = 0; more && id < SPEAKER_COUNT; id++) {
            uint32_t *fresh;
            (void)speaker_at(id)->opens(&hearing);
            (void)speaker_at(id)->hears(record[id], &hearing);
            (void)speaker_at(id)->said(record[id], side, &fresh);
            *fresh = 0;
            uint32_t inside;
            if (speaker_at(id)->hands_over &&
                speaker_at(id)->hands_over(record[id], side, &inside) && inside > one->length)
                abort();
        }
    }
    check_certificates(certificates, record[SPEAKER_TLS]);
    for (enum speaker_id id = 0; id < SPEAKER_COUNT; id++)
        free(record[id]);
    stream_close(&stream[0]);
    stream_close(&stream[1]);
    if (stream_pool_bytes(pool) != 0)
        abort();
    stream_pool_free(pool);
    certificates_free(certificates);
    return 0;
}
