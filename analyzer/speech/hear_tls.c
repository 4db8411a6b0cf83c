/* TLS among the speakers. */
#include "analyzer/speech/speaker.h"
#include "dissectors/tls.h"

static bool opens(const struct hearing *hearing)
{
    return tls_begins(hearing->bytes, hearing->length);
}

static bool hears(void *record, const struct hearing *hearing)
{
    return tls_read(record, hearing->side == INITIATOR, hearing->bytes, hearing->length, NULL,
                    NULL);
}

static struct said *said(void *record, enum side side, size_t *count)
{
    struct tls_talk *talk = record;
    *count = TLS_MESSAGES;
    return talk->side[side].said;
}

const struct speaker speaker_tls = {
    .protocol = "TLS",
    .record_bytes = sizeof(struct tls_talk),
    .opens = opens,
    .hears = hears,
    .said = said,
};
