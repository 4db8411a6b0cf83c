/* Facts from what both sides said: TLS and HTTP. */
#include <string.h>

#include "analyzer/attribution/facts_internal.h"
#include "analyzer/flow/host.h"
#include "analyzer/speech/heard.h"
#include "analyzer/speech/speech.h"

enum {
    ATTEMPTS_COMPARED = 4096, /* other connections looked at for what is usual */
    ADDRESSES_COMPARED = 4096,
};

static void add_said(struct frame_list *frames, const struct said *said)
{
    if (said->seen)
        frame_list_add(frames, said->frame);
}

static struct frame_list frame_of(const struct said *said)
{
    struct frame_list frames = {0};
    add_said(&frames, said);
    return frames;
}

/* --- how far they came --- */

static const struct said *first_words(const struct spoken *spoken)
{
    const struct said *said =
        spoken->heard_tls ? &spoken->heard_tls->talk.side[INITIATOR].said[TLS_CLIENT_HELLO] : NULL;
    if (said && said->seen)
        return said;
    said = spoken->heard_http ? &spoken->heard_http->talk.side[INITIATOR].said[HTTP_REQUEST] : NULL;
    return said && said->seen ? said : NULL;
}

static void reached_fact(const struct spoken *spoken, struct fact *facts)
{
    const struct tls_side *tls = spoken->heard_tls ? spoken->heard_tls->talk.side : NULL;
    const struct http_side *http = spoken->heard_http ? spoken->heard_http->talk.side : NULL;
    if (http && http[INITIATOR].tunnel)
        http = NULL; /* the tunnel through a proxy stands; how far came what is in it? */
    const struct {
        const struct said *said;
        const char *word;
    } steps[] = {
        /* the furthest first */
        {tls ? &tls[RESPONDER].said[TLS_DATA] : NULL, "data"},
        {http ? &http[RESPONDER].said[HTTP_RESPONSE] : NULL, "response"},
        {tls ? &tls[RESPONDER].said[TLS_CERTIFICATE] : NULL, "certificate"},
        {tls ? &tls[RESPONDER].said[TLS_SERVER_HELLO] : NULL, "server-hello"},
        {tls ? &tls[INITIATOR].said[TLS_CLIENT_HELLO] : NULL, "client-hello"},
        {http ? &http[INITIATOR].said[HTTP_REQUEST] : NULL, "request"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].said && steps[i].said->seen) {
            set_word(facts, FACT_CONTENT_REACHED, steps[i].word)->frames = frame_of(steps[i].said);
            return;
        }
}

static void answer_fact(const struct attempt *attempt, const struct spoken *spoken,
                        struct fact *facts)
{
    const char *asked = spoken->by[INITIATOR], *answered = spoken->by[RESPONDER];
    if (!asked || !(answered || spoken->other[RESPONDER]))
        return;
    const char *word = !answered                       ? "other"
                       : strcmp(asked, answered) == 0  ? "as-asked"
                       : strcmp(answered, "HTTP") == 0 ? "http"
                       : strcmp(answered, "TLS") == 0  ? "tls"
                                                       : "other";
    struct fact *fact = set_word(facts, FACT_CONTENT_ANSWER, word);
    if (first_words(spoken))
        add_said(&fact->frames, first_words(spoken));
    frame_list_add(&fact->frames, attempt->side[RESPONDER].first_data->frame);
}

/* The NAT of a virtual machine ends every connection itself: all answers come from next door, and
 * that says nothing. Oracle VirtualBox manual 9.8 (NAT engine); libslirp, src/slirp.c. */
static bool is_virtual_gateway(const struct mark *answer)
{
    enum { PREFIX = 5 };
    static const uint8_t gateways[][PREFIX] = {{0x52, 0x54, 0x00, 0x12, 0x35},
                                               {0x52, 0x55, 0x0a, 0x00, 0x02}};
    for (size_t i = 0; answer->has_mac && i < sizeof gateways / sizeof *gateways; i++)
        if (memcmp(answer->mac, gateways[i], PREFIX) == 0)
            return true;
    return false;
}

/* How other public addresses answer here. */
static const char *next_door_word(const struct fact_context *context, const struct failure *failure,
                                  const struct mark *answer)
{
    const struct host_table *hosts = tracker_hosts(context->vantage->tracker);
    size_t count = host_table_count(hosts);
    const char *word = "alone";
    if (is_virtual_gateway(answer))
        return "everywhere";
    for (size_t i = 0; i < count && i < ADDRESSES_COMPARED; i++) {
        const struct host *host = host_table_at(hosts, i);
        if (!host->measured || ip_is_private(&host->address))
            continue;
        /* The server's own address counts where it answers from further away as well. */
        if (hops_travelled(host->hop_limit_min) > 0 || hops_travelled(host->hop_limit_max) > 0)
            return "only-here";
        if (!ip_equal(&host->address, &failure->server))
            word = "everywhere";
    }
    return word;
}

static void next_door_fact(const struct fact_context *context, const struct failure *failure,
                           const struct attempt *attempt, struct fact *facts)
{
    const struct mark *answer = attempt->side[RESPONDER].first;
    if (!answer->frame || ip_is_private(&failure->server) || !ip_is_private(&failure->client))
        return;
    const char *word = vantage_answered_next_door(context->vantage, attempt)
                           ? next_door_word(context, failure, answer)
                           : "no";
    frame_list_add(&set_word(facts, FACT_ANSWER_NEXT_DOOR, word)->frames, answer->frame);
    frame_list_add(&set_number(facts, FACT_ANSWER_HOPS, hops_travelled(answer->hop_limit))->frames,
                   answer->frame);
}

/* --- TLS --- */

static const char *alert_word(uint8_t alert)
{
    switch (alert) {
    case TLS_ALERT_UNKNOWN_CA:
        return "unknown-ca";
    case TLS_ALERT_BAD_CERTIFICATE:
    case TLS_ALERT_UNSUPPORTED_CERTIFICATE:
    case TLS_ALERT_CERTIFICATE_UNKNOWN:
        return "bad-certificate";
    case TLS_ALERT_CERTIFICATE_REVOKED:
    case TLS_ALERT_CERTIFICATE_EXPIRED:
        return "expired";
    case TLS_ALERT_PROTOCOL_VERSION:
        return "version";
    case TLS_ALERT_HANDSHAKE_FAILURE:
    case TLS_ALERT_INSUFFICIENT_SECURITY:
        return "cipher";
    case TLS_ALERT_UNRECOGNIZED_NAME:
        return "name";
    default:
        return "other";
    }
}

static void alert_facts(const struct tls_talk *talk, struct fact *facts)
{
    for (enum side side = INITIATOR; side <= RESPONDER; side++) {
        const struct said *said = talk->side[side].said;
        bool hidden = talk->chosen == TLS_1_3 && said[TLS_HIDDEN_ALERT].seen;
        if (!said[TLS_ALERT].seen && !hidden)
            continue;
        const struct said *alert =
            said[TLS_ALERT].seen ? &said[TLS_ALERT] : &said[TLS_HIDDEN_ALERT];
        const char *word = said[TLS_ALERT].seen ? alert_word(talk->side[side].alert) : "hidden";
        set_word(facts, FACT_TLS_ALERT, word)->frames = frame_of(alert);
        set_word(facts, FACT_TLS_ALERT_FROM, side == INITIATOR ? "initiator" : "responder")
            ->frames = frame_of(alert);
        return;
    }
}

/* What other connections of the capture show. */
struct usual {
    bool same, other; /* of those to this server that worked: same certificate, another */
    bool issuer_elsewhere;
    struct frame_list frames, elsewhere_frames;
};

static bool handshake_worked(const struct tls_talk *talk)
{
    return talk->side[INITIATOR].said[TLS_DATA].seen && talk->side[RESPONDER].said[TLS_DATA].seen;
}

static void compare(const struct failure *failure, const struct x509 *leaf,
                    const struct attempt *attempt, struct usual *usual)
{
    struct spoken spoken;
    speech_heard(attempt, &spoken);
    if (!spoken.leaf)
        return;
    const struct said *shown = &spoken.heard_tls->talk.side[RESPONDER].said[TLS_CERTIFICATE];
    bool same_server = ip_equal(&attempt->address[RESPONDER], &failure->server) &&
                       attempt->port[RESPONDER] == failure->server_port;
    if (same_server && handshake_worked(&spoken.heard_tls->talk)) {
        usual->same |= spoken.leaf == leaf;
        usual->other |= spoken.leaf != leaf;
        add_said(&usual->frames, shown);
    } else if (ip_equal(&attempt->address[INITIATOR], &failure->client) &&
               !ip_equal(&attempt->address[RESPONDER], &failure->server) &&
               strcmp(spoken.leaf->issuer, leaf->issuer) == 0 &&
               strcmp(spoken.leaf->subject, leaf->subject) != 0) {
        usual->issuer_elsewhere = true;
        add_said(&usual->elsewhere_frames, shown);
    }
}

static struct usual what_is_usual(const struct fact_context *context, const struct failure *failure,
                                  const struct x509 *leaf)
{
    struct usual usual = {0};
    size_t position = 0;
    const struct attempt *attempt;
    for (int looks = 0; looks < ATTEMPTS_COMPARED &&
                        (attempt = tracker_next_attempt(context->vantage->tracker, &position));
         looks++)
        if (attempt->speech)
            compare(failure, leaf, attempt, &usual);
    return usual;
}

static const char *certificate_word(const struct fact_context *context,
                                    const struct failure *failure, const struct x509 *leaf,
                                    const struct usual *usual)
{
    switch (profile_pinned(failure->service->profile, leaf->issuer, leaf->sha1, leaf->sha256)) {
    case PIN_MATCHES:
        return "pinned";
    case PIN_DIFFERS:
        return "other-than-pinned";
    case PIN_NONE:
        break;
    }
    if (context->signs && signs_of_issuer(context->signs, leaf->issuer))
        return "inspection";
    if (usual->same)
        return "usual";
    if (usual->other)
        return "other-than-usual";
    return leaf->issuer[0] && strcmp(leaf->issuer, leaf->subject) == 0 ? "self-issued"
                                                                       : "unremarkable";
}

static void certificate_facts(const struct fact_context *context, const struct failure *failure,
                              const struct spoken *spoken, struct fact *facts)
{
    const struct x509 *leaf = spoken->leaf;
    if (!leaf)
        return;
    struct usual usual = what_is_usual(context, failure, leaf);
    struct fact *fact =
        set_word(facts, FACT_TLS_CERTIFICATE, certificate_word(context, failure, leaf, &usual));
    fact->frames = usual.frames;
    add_said(&fact->frames, &spoken->heard_tls->talk.side[RESPONDER].said[TLS_CERTIFICATE]);
    set_flag(facts, FACT_TLS_SELF_ISSUED,
             leaf->issuer[0] && strcmp(leaf->issuer, leaf->subject) == 0)
        ->frames = frame_of(&spoken->heard_tls->talk.side[RESPONDER].said[TLS_CERTIFICATE]);
    set_flag(facts, FACT_TLS_ISSUER_ELSEWHERE, usual.issuer_elsewhere)->frames =
        usual.elsewhere_frames;
}

static void tls_facts(const struct fact_context *context, const struct failure *failure,
                      const struct spoken *spoken, struct fact *facts)
{
    const struct tls_talk *talk = &spoken->heard_tls->talk;
    const char *version = tls_version_name(talk->chosen);
    alert_facts(talk, facts);
    if (version)
        set_word(facts, FACT_TLS_VERSION, version)->frames =
            frame_of(&talk->side[RESPONDER].said[TLS_SERVER_HELLO]);
    certificate_facts(context, failure, spoken, facts);
}

/* --- HTTP --- */

static const char *page_word(const struct page_sign *page)
{
    if (!page)
        return "none";
    switch (page->kind) {
    case PAGE_FILTER:
        return "filter";
    case PAGE_PORTAL:
        return "portal";
    case PAGE_PROXY:
        return "proxy";
    }
    return "none";
}

static void http_facts(const struct heard_http *heard, struct fact *facts)
{
    const struct http_talk *talk = &heard->talk;
    const struct said *said = talk->side[RESPONDER].said;
    if (!said[HTTP_RESPONSE].seen)
        return;
    struct frame_list frames =
        frame_of(said[HTTP_REFUSAL].seen ? &said[HTTP_REFUSAL] : &said[HTTP_RESPONSE]);
    bool connect = strcmp(talk->method, "CONNECT") == 0;
    set_number(facts, FACT_HTTP_STATUS, talk->refusal ? talk->refusal : talk->status)->frames =
        frames;
    bool read = talk->side[RESPONDER].messages > 0 && !talk->page_open;
    if (heard->page || read) /* of a page that was cut nothing is known */
        set_word(facts, FACT_HTTP_PAGE, page_word(heard->page))->frames = frames;
    set_flag(facts, FACT_HTTP_PROXY_REFUSED,
             talk->refusal == 407 || (connect && talk->refusal != 0))
        ->frames = frames;
    set_flag(facts, FACT_HTTP_REDIRECT, talk->location[0] != '\0')->frames = frames;
    set_flag(facts, FACT_HTTP_VIA, talk->via[0] != '\0')->frames = frames;
}

/* The attempt of the sample that tells most: the first on which both sides were heard, else the
 * first that nDPI or a speaker knows. */
static const struct attempt *telling_attempt(const struct failure *failure, struct spoken *spoken)
{
    const struct attempt *attempt, *best = NULL;
    int best_worth = 0;
    *spoken = (struct spoken){0};
    EACH_ATTEMPT(attempt, failure)
    {
        struct spoken told;
        speech_told(attempt, &told);
        int worth = (told.protocol != NULL) + 2 * (told.by[INITIATOR] != NULL) +
                    2 * (told.by[RESPONDER] != NULL);
        if (worth <= best_worth)
            continue;
        best = attempt;
        best_worth = worth;
        *spoken = told;
    }
    return best;
}

void failure_spoken(const struct failure *failure, struct spoken *spoken)
{
    telling_attempt(failure, spoken);
}

void speech_facts(const struct fact_context *context, const struct failure *failure,
                  struct fact *facts)
{
    struct spoken spoken;
    const struct attempt *attempt = telling_attempt(failure, &spoken);
    if (!attempt)
        return;
    reached_fact(&spoken, facts);
    answer_fact(attempt, &spoken, facts);
    next_door_fact(context, failure, attempt, facts);
    if (spoken.heard_tls)
        tls_facts(context, failure, &spoken, facts);
    if (spoken.heard_http)
        http_facts(spoken.heard_http, facts);
}
