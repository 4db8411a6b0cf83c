/* Somebody's answer in place of the product's, or its refusal: http-blocked. */
#include <string.h>

#include "analyzer/speech/heard.h"
#include "analyzer/speech/speech.h"
#include "analyzer/symptom/detectors.h"

/* RFC 9110 15.5, RFC 7725 3, RFC 6585 6: answers that are never the product's own success, or that
 * only somebody in between gives. */
static bool is_block_status(const struct http_talk *talk)
{
    switch (talk->refusal) {
    case 407: /* a proxy wants a password */
    case 451: /* unavailable for legal reasons */
    case 511: /* a network wants a login */
        return true;
    default:
        return strcmp(talk->method, "CONNECT") == 0; /* the proxy refuses the tunnel */
    }
}

/* A refusal as the very first answer, and nothing that worked after it: the product was not let in.
 * Later ones are the program's own affair, as are those it asks a password for. */
static bool refused_at_once(const struct http_talk *talk)
{
    const struct said *said = talk->side[RESPONDER].said;
    bool first = said[HTTP_REFUSAL].at == said[HTTP_RESPONSE].at;
    bool turned_away = talk->refusal == 403 ||
                       (talk->location[0] &&
                        (talk->refusal == 302 || talk->refusal == 303 || talk->refusal == 307));
    return first && turned_away && !talk->authenticate;
}

bool detect_http_blocked(const struct attempt *attempt, const struct detect_context *context,
                         struct detection *detection)
{
    struct spoken spoken;
    (void)context;
    speech_heard(attempt, &spoken);
    if (!spoken.heard_http)
        return false;
    const struct http_talk *talk = &spoken.heard_http->talk;
    const struct said *said = talk->side[RESPONDER].said;
    bool refused = said[HTTP_REFUSAL].seen && !talk->successes_after &&
                   (is_block_status(talk) || refused_at_once(talk));
    if (!refused && !spoken.heard_http->page)
        return false;
    const struct said *answer =
        said[HTTP_REFUSAL].seen ? &said[HTTP_REFUSAL] : &said[HTTP_RESPONSE];
    detection->failed_ns = answer->time_ns;
    frame_list_add(&detection->frames, talk->side[INITIATOR].said[HTTP_REQUEST].frame);
    frame_list_add(&detection->frames, answer->frame);
    return true;
}
