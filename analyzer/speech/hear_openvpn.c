/* OpenVPN over TCP among the speakers: known by its first packet, encrypted from then on. */
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speaker.h"
#include "dissectors/vpn.h"

_Static_assert((int)OPENVPN_TCP_MIN <= (int)SPEECH_OPENING_MAX, "later nobody asks any more");

static bool opens(const struct hearing *hearing)
{
    return openvpn_tcp_begins(hearing->side == INITIATOR, hearing->bytes, hearing->length);
}

static bool hears(void *record, const struct hearing *hearing)
{
    (void)record;
    (void)hearing;
    return false;
}

static struct said *said(void *record, enum side side, uint32_t **fresh)
{
    struct heard_openvpn *heard = record;
    (void)side;
    *fresh = &heard->nothing;
    return NULL;
}

const struct speaker speaker_openvpn = {
    .protocol = "OpenVPN",
    .record_bytes = sizeof(struct heard_openvpn),
    .opens = opens,
    .hears = hears,
    .said = said,
};
