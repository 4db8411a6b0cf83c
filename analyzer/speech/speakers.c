#include "analyzer/speech/speaker.h"

/* The first whose opening fits is taken. */
static const struct speaker *const speakers[SPEAKER_COUNT] = {
    [SPEAKER_TLS] = &speaker_tls,
    [SPEAKER_HTTP] = &speaker_http,
    [SPEAKER_OPENVPN] = &speaker_openvpn,
};

const struct speaker *speaker_at(enum speaker_id id)
{
    return speakers[id];
}
