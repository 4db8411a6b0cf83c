/* What both sides said in the clear part of TLS shows the failure: tls-failure. */
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speech.h"
#include "analyzer/symptom/detectors.h"

static void shows(struct detection *detection, const struct said *said)
{
    if (said->seen)
        frame_list_add(&detection->frames, said->frame);
}

static void shows_end(struct detection *detection, const struct attempt *attempt)
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        frame_list_add(&detection->frames, attempt->side[side].rst->frame);
        frame_list_add(&detection->frames, attempt->side[side].fin->frame);
    }
}

/* The message by which one side ended the handshake; NULL: none. An encrypted alert counts only
 * where it came in place of the handshake's end: in TLS 1.3 it can be told from that by its length,
 * before 1.3 it is the ordinary close_notify. */
static const struct said *ended_handshake(const struct tls_talk *talk, enum side side)
{
    const struct said *said = talk->side[side].said;
    if (said[TLS_ALERT].seen)
        return &said[TLS_ALERT];
    return talk->chosen == TLS_1_3 && said[TLS_HIDDEN_ALERT].seen ? &said[TLS_HIDDEN_ALERT] : NULL;
}

/* TLS was asked for, and something else came back. */
static const struct said *answered_otherwise(const struct spoken *spoken)
{
    const struct tls_talk *talk = &spoken->heard_tls->talk;
    if (talk->side[RESPONDER].said[TLS_FOREIGN].seen)
        return &talk->side[RESPONDER].said[TLS_FOREIGN];
    if (!talk->side[INITIATOR].said[TLS_CLIENT_HELLO].seen || !spoken->heard_http ||
        spoken->heard_http->talk.side[INITIATOR].tunnel)
        return NULL;
    const struct said *response = &spoken->heard_http->talk.side[RESPONDER].said[HTTP_RESPONSE];
    return response->seen ? response : NULL;
}

/* A certificate that is not the one the product is known to have. */
static const struct said *not_the_products(const struct attempt *attempt,
                                           const struct spoken *spoken,
                                           const struct detect_context *context)
{
    const struct x509 *leaf = spoken->leaf;
    if (!leaf || !context->profiles)
        return NULL;
    const struct service *service = profiles_service_at(context->profiles, attempt->service);
    return profile_pinned(service->profile, leaf->issuer, leaf->sha1, leaf->sha256) == PIN_DIFFERS
               ? &spoken->heard_tls->talk.side[RESPONDER].said[TLS_CERTIFICATE]
               : NULL;
}

bool detect_tls_failure(const struct attempt *attempt, const struct detect_context *context,
                        struct detection *detection)
{
    struct spoken spoken;
    const struct said *end = NULL;
    speech_heard(attempt, &spoken);
    if (!spoken.heard_tls)
        return false;
    const struct tls_talk *talk = &spoken.heard_tls->talk;
    for (enum side side = INITIATOR; side <= RESPONDER && !end; side++)
        end = ended_handshake(talk, side);
    if (!end)
        end = answered_otherwise(&spoken);
    if (!end)
        end = not_the_products(attempt, &spoken, context);
    if (!end)
        return false;
    detection->failed_ns = end->time_ns;
    shows(detection, &talk->side[INITIATOR].said[TLS_CLIENT_HELLO]);
    shows(detection, &talk->side[RESPONDER].said[TLS_SERVER_HELLO]);
    shows(detection, &talk->side[RESPONDER].said[TLS_CERTIFICATE]);
    shows(detection, end);
    shows_end(detection, attempt);
    return true;
}
