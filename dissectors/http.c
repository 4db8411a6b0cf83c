#include "dissectors/http.h"

#include "dissectors/http_head.h"

enum {
    HEAD_BYTES_MAX = 8 * 1024,
    STATUS_LINE_MIN = sizeof "HTTP/1.1 200" - 1,
    PAGE_BYTES_OF_SUCCESS = 512, /* a page with status 200 says it at once, or is a real one */
};

/* --- beginnings --- */

static bool is_method(struct http_text word)
{
    static const char methods[][17] = {
        "GET",       "POST",   "PUT",     "HEAD",
        "CONNECT",   "DELETE", "OPTIONS", "PROPFIND",
        "PROPPATCH", "MKCOL",  "MOVE",    "COPY",
        "PATCH",     "TRACE",  "LOCK",    "SSTP_DUPLEX_POST", /* [MS-SSTP] 3.2.4.1 */
    };
    if (!word.length || word.length >= sizeof *methods)
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if ((char)*word.at == *methods[i] && methods[i][word.length - 1] &&
            !methods[i][word.length] && memcmp(word.at, methods[i], word.length) == 0)
            return true;
    return false;
}

static bool is_version(const uint8_t *bytes, size_t length)
{
    return length >= sizeof "HTTP/1." - 1 && memcmp(bytes, "HTTP/1.", sizeof "HTTP/1." - 1) == 0;
}

bool http_begins(bool from_client, const uint8_t *bytes, size_t length)
{
    struct http_text rest = {bytes, length};
    if (!from_client)
        return is_version(bytes, length);
    struct http_text method = http_cut_at(&rest, ' ');
    return method.length < length && is_method(method);
}

/* --- messages --- */

static void end_of_message(struct http_side *side, const struct http_head *head, bool has_body)
{
    side->read += head->length;
    side->messages++;
    side->body_left = has_body && head->has_length && !head->chunked ? head->content_length : 0;
    side->opaque = has_body && (head->chunked || !head->has_length);
}

static bool is_connect(const struct http_talk *talk)
{
    return strcmp(talk->method, "CONNECT") == 0;
}

static void request(struct http_talk *talk, const struct http_head *head)
{
    struct http_side *side = &talk->side[0];
    struct http_text target = head->first_line, method = http_cut_at(&target, ' ');
    said_at(side->said, &side->fresh, HTTP_REQUEST, side->read);
    if (side->messages == 0) {
        http_copy(talk->target, sizeof talk->target, target);
        struct http_text named = http_is(method, "CONNECT")
                                     ? http_cut_at(&target, ' ')
                                     : (head->host.length ? head->host : http_authority(target));
        http_copy(talk->method, sizeof talk->method, method);
        http_copy(talk->host, sizeof talk->host, http_without_port(named));
    }
    if (side->messages < 32 && http_is(method, "HEAD"))
        talk->head_requests |= UINT32_C(1) << side->messages;
    bool has_body = head->chunked || (head->has_length && head->content_length);
    end_of_message(side, head, has_body);
}

static bool leads_elsewhere(const struct http_talk *talk, struct http_text location)
{
    struct http_text host = http_without_port(http_authority(location));
    return host.length && !http_is(host, talk->host);
}

static bool is_refusal(const struct http_talk *talk, uint16_t status, const struct http_head *head)
{
    if (status >= 400)
        return true;
    return status >= 300 && status != 304 && leads_elsewhere(talk, head->location);
}

static void keep_names(struct http_talk *talk, const struct http_head *head)
{
    http_copy(talk->server, sizeof talk->server, head->server);
    http_copy(talk->via, sizeof talk->via, head->via);
}

static void refusal(struct http_talk *talk, uint16_t status, const struct http_head *head)
{
    talk->refusal = status;
    talk->proxy_authenticate = head->proxy_authenticate;
    talk->authenticate = head->authenticate;
    keep_names(talk, head);
    if (status < 400)
        http_copy(talk->location, sizeof talk->location,
                  http_without_port(http_authority(head->location)));
    said_at(talk->side[1].said, &talk->side[1].fresh, HTTP_REFUSAL, talk->side[1].read);
}

static uint16_t status_of(struct http_text line)
{
    uint64_t status = 0;
    (void)http_cut_at(&line, ' ');
    line = http_trimmed(line);
    return http_number(http_cut_at(&line, ' '), &status) && status >= 100 && status <= 999
               ? (uint16_t)status
               : 0;
}

/* A page that somebody may have put in place of the answer: a refusal, or a first answer for human
 * eyes. */
static void open_page(struct http_talk *talk, uint16_t status, const struct http_head *head)
{
    uint64_t most = talk->refusal ? HTTP_PAGE_BYTES_MAX : PAGE_BYTES_OF_SUCCESS;
    if (head->has_length && head->content_length < most)
        most = head->content_length;
    talk->page_open = true;
    talk->page_status = status;
    talk->page_at = talk->side[1].read;
    talk->page_head = head->length;
    talk->page_body = (uint32_t)most;
}

static void show_page(struct http_talk *talk, const uint8_t *bytes, uint32_t length,
                      http_page_function *page, void *context)
{
    const uint8_t *head = bytes + talk->page_at, *body = head + talk->page_head;
    uint32_t there = length - talk->page_at - talk->page_head;
    if (there > talk->page_body)
        there = talk->page_body;
    page(context, talk->page_status, head, talk->page_head, body, there);
    talk->page_open = there < talk->page_body;
}

/* False: no response. */
static bool response(struct http_talk *talk, const struct http_head *head)
{
    struct http_side *side = &talk->side[1];
    uint16_t status = status_of(head->first_line);
    if (!status)
        return false;
    if (status < 200 && status != 101) { /* RFC 9110 15.2: another one follows */
        side->read += head->length;
        return true;
    }
    said_at(side->said, &side->fresh, HTTP_RESPONSE, side->read);
    if (side->messages == 0) {
        talk->status = status;
        keep_names(talk, head);
    }
    bool again = talk->refusal && side->said[HTTP_REFUSAL].at == side->read; /* it was cut before */
    bool refuses = (!talk->refusal || again) && is_refusal(talk, status, head);
    if (refuses)
        refusal(talk, status, head);
    else if (talk->refusal && status < 300)
        talk->successes_after++;
    if (refuses || (side->messages == 0 && head->html))
        open_page(talk, status, head);
    bool to_head = side->messages < 32 && (talk->head_requests >> side->messages & 1);
    bool connected = status < 300 && is_connect(talk);
    bool bare = to_head || connected || status == 101 || status == 204 || status == 304;
    end_of_message(side, head, !bare); /* RFC 9112 6.3 */
    side->opaque |= status == 101;
    return true;
}

/* The status alone, where the head is not all there: a capture may have cut it, also within its
 * first line. RFC 9112 4: a space stands behind the number, whether a reason follows or not. */
static void status_line(struct http_talk *talk, const uint8_t *bytes, uint32_t length)
{
    struct http_side *side = &talk->side[1];
    struct http_text rest = {bytes + side->read, length - side->read};
    struct http_head head = {.first_line = http_cut_at(&rest, '\n')};
    bool whole = head.first_line.length < length - side->read;
    uint16_t status = status_of(whole ? http_trimmed(head.first_line) : head.first_line);
    if (status < 200 || (!whole && head.first_line.length <= STATUS_LINE_MIN))
        return;
    said_at(side->said, &side->fresh, HTTP_RESPONSE, side->read);
    if (!talk->status)
        talk->status = status;
    if (!talk->refusal && status >= 400)
        refusal(talk, status, &head);
}

/* A proxy that was asked for a tunnel may refuse, and be asked again in the same connection: only
 * what can be no HTTP is what the tunnel carries. */
static bool begins_tunnel(const struct http_talk *talk, const struct http_side *side,
                          const uint8_t *at, uint32_t left)
{
    return is_connect(talk) && side->messages && left && (*at < 'A' || *at > 'z');
}

/* One message at the present place. False: it is not all there, or none. */
static bool message(struct http_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length)
{
    struct http_side *side = &talk->side[from_client ? 0 : 1];
    const uint8_t *at = bytes + side->read;
    uint32_t left = length - side->read;
    if (begins_tunnel(talk, side, at, left)) {
        side->tunnel = side->opaque = true;
        return false;
    }
    if (left >= STATUS_LINE_MIN && !http_begins(from_client, at, left)) {
        said_at(side->said, &side->fresh, HTTP_FOREIGN, side->read);
        side->opaque = true;
        return false;
    }
    uint32_t head_bytes = http_head_length(at, left);
    if (!head_bytes) {
        side->opaque = left > HEAD_BYTES_MAX;
        if (!from_client)
            status_line(talk, bytes, length);
        return false;
    }
    struct http_head head = http_head_read(at, head_bytes);
    if (from_client) {
        request(talk, &head);
        return true;
    }
    return response(talk, &head);
}

static void skip_body(struct http_side *side, uint32_t length)
{
    uint64_t there = length - side->read;
    if (there > side->body_left)
        there = side->body_left;
    side->read += (uint32_t)there;
    side->body_left -= there;
}

bool http_read(struct http_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length,
               http_page_function *page, void *context)
{
    struct http_side *side = &talk->side[from_client ? 0 : 1];
    skip_body(side, length);
    while (!side->opaque && !side->body_left && side->read < length) {
        if (!message(talk, from_client, bytes, length))
            break;
        skip_body(side, length);
    }
    if (from_client || !talk->page_open)
        return !side->opaque;
    if (page)
        show_page(talk, bytes, length, page, context);
    return !side->opaque || talk->page_open;
}
