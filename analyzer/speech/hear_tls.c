/* TLS among the speakers. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speaker.h"

static bool opens(const struct hearing *hearing)
{
    return tls_begins(hearing->bytes, hearing->length);
}

struct chain_context {
    struct heard_tls *heard;
    struct certificates *certificates;
};

static void keep_certificate(void *context, unsigned place, const uint8_t *der, size_t length)
{
    const struct chain_context *chain = context;
    chain->heard->chain[place] = certificates_number(chain->certificates, der, length);
}

/* Where records begin is lost behind what the snap length cut off; where segments begin is not. */
static bool hears_segment(struct tls_talk *talk, const struct hearing *hearing)
{
    uint32_t around = (uint32_t)(hearing->bytes - stream_bytes(hearing->stream));
    const struct stream_piece *piece = stream_piece_at(hearing->stream, around + hearing->sent - 1);
    if (!piece || piece->at < around)
        return true;
    uint32_t at = piece->at - around;
    return !tls_read_alone(talk, hearing->side == INITIATOR, hearing->bytes + at, piece->length,
                           at);
}

/* It came from there, so it fits. */
static void put_into(char *text, const char *known)
{
    strcpy(text, known ? known : "");
}

static void take_from(const char *text, char **known)
{
    if (strcmp(text, *known ? *known : "") == 0)
        return;
    free(*known);
    *known = text[0] ? memory_string(text) : NULL;
}

static bool hears(void *record, const struct hearing *hearing)
{
    struct heard_tls *heard = record;
    struct chain_context chain = {heard, hearing->certificates};
    struct tls_words words;
    put_into(words.server_name, heard->server_name);
    put_into(words.alpn, heard->alpn);
    heard->talk.words = &words;
    bool more = tls_read(&heard->talk, hearing->side == INITIATOR, hearing->bytes, hearing->sent,
                         hearing->length, keep_certificate, &chain);
    heard->talk.words = NULL;
    take_from(words.server_name, &heard->server_name);
    take_from(words.alpn, &heard->alpn);
    return heard->talk.side[hearing->side].lost ? hears_segment(&heard->talk, hearing) : more;
}

static struct said *said(void *record, enum side side, uint32_t **fresh)
{
    struct heard_tls *heard = record;
    *fresh = &heard->talk.side[side].fresh;
    return heard->talk.side[side].said;
}

static void release(void *record)
{
    struct heard_tls *heard = record;
    free(heard->server_name);
    free(heard->alpn);
}

const struct speaker speaker_tls = {
    .protocol = "TLS",
    .record_bytes = sizeof(struct heard_tls),
    .opens = opens,
    .hears = hears,
    .said = said,
    .release = release,
};
