#include "dissectors/http.h"

#include <string.h>
#include <strings.h>

enum {
    HEAD_BYTES_MAX = 8 * 1024,
    STATUS_LINE_MIN = sizeof "HTTP/1.1 200" - 1,
    PAGE_BYTES_OF_SUCCESS = 512, /* a page with status 200 says it at once, or is a real one */
};

struct text {
    const uint8_t *at;
    size_t length;
};

/* What a head says, as far as it matters here. */
struct head {
    struct text first_line;
    struct text host, location, server, via;
    uint64_t content_length;
    bool has_length, chunked, proxy_authenticate, authenticate, html;
    uint32_t length; /* bytes, with the empty line */
};

/* --- text --- */

static bool is_word(struct text text, const char *word)
{
    return text.length == strlen(word) &&
           strncasecmp((const char *)text.at, word, text.length) == 0;
}

static bool begins_with(struct text text, const char *word)
{
    size_t length = strlen(word);
    return text.length >= length && strncasecmp((const char *)text.at, word, length) == 0;
}

static struct text trimmed(struct text text)
{
    while (text.length && (*text.at == ' ' || *text.at == '\t')) {
        text.at++;
        text.length--;
    }
    while (text.length && strchr(" \t\r", text.at[text.length - 1]) && text.at[text.length - 1])
        text.length--;
    return text;
}

/* The part before `mark`, which is taken off; all of it where there is no mark. */
static struct text cut_at(struct text *text, char mark)
{
    const uint8_t *found = text->length ? memchr(text->at, mark, text->length) : NULL;
    struct text before = *text;
    if (found) {
        before.length = (size_t)(found - text->at);
        text->at = found + 1;
        text->length -= before.length + 1;
    } else {
        *text = (struct text){text->at + text->length, 0};
    }
    return before;
}

static void copy(char *to, size_t size, struct text text)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = text.at[i] ? (char)text.at[i] : '?';
    to[length] = '\0';
}

/* Too many digits are as many bytes as never come. */
static bool number_of(struct text text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *number = *number > UINT64_MAX / 16 ? UINT64_MAX / 16 : *number * 10 + (text.at[i] - '0');
    }
    return text.length > 0;
}

/* Host of "http://user@host:port/path"; empty where the reference names none (RFC 3986 4.2). */
static struct text authority(struct text reference)
{
    const struct text none = {reference.at, 0};
    const uint8_t *slashes =
        reference.length ? memmem(reference.at, reference.length, "//", 2) : NULL;
    if (!slashes || (slashes != reference.at && slashes[-1] != ':')) /* within a path */
        return none;
    reference.length -= (size_t)(slashes + 2 - reference.at);
    reference.at = slashes + 2;
    reference = cut_at(&reference, '/');
    reference = cut_at(&reference, '?');
    struct text rest = reference, user = cut_at(&rest, '@');
    return rest.length ? rest : user;
}

static struct text without_port(struct text host)
{
    const uint8_t *bracket = host.length ? memchr(host.at, ']', host.length) : NULL; /* IPv6 */
    if (bracket && host.at[0] == '[')
        return (struct text){host.at, (size_t)(bracket - host.at) + 1};
    return cut_at(&host, ':');
}

/* --- heads --- */

/* Length of the head at `bytes`, with its empty line; 0: not all there. */
static uint32_t head_length(const uint8_t *bytes, uint32_t length)
{
    const uint8_t *at = bytes, *end = bytes + length;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        at++;
        if (at < end && *at == '\n')
            return (uint32_t)(at + 1 - bytes);
        if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
            return (uint32_t)(at + 2 - bytes);
    }
    return 0;
}

static void read_field(struct head *head, struct text name, struct text value)
{
    if (is_word(name, "content-length"))
        head->has_length = number_of(value, &head->content_length);
    else if (is_word(name, "transfer-encoding"))
        head->chunked = true;
    else if (is_word(name, "host"))
        head->host = value;
    else if (is_word(name, "location"))
        head->location = value;
    else if (is_word(name, "server"))
        head->server = value;
    else if (is_word(name, "via"))
        head->via = value;
    else if (is_word(name, "proxy-authenticate"))
        head->proxy_authenticate = true;
    else if (is_word(name, "www-authenticate"))
        head->authenticate = true;
    else if (is_word(name, "content-type"))
        head->html = begins_with(value, "text/html");
}

static struct head read_head(const uint8_t *bytes, uint32_t length)
{
    struct text rest = {bytes, length};
    struct head head = {.length = length};
    head.first_line = trimmed(cut_at(&rest, '\n'));
    while (rest.length) {
        struct text value = cut_at(&rest, '\n'), name = cut_at(&value, ':');
        read_field(&head, trimmed(name), trimmed(value));
    }
    return head;
}

/* --- beginnings --- */

static bool is_method(struct text word)
{
    static const char *const methods[] = {"GET",    "POST",    "PUT",      "HEAD",      "CONNECT",
                                          "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL",
                                          "MOVE",   "COPY",    "PATCH",    "TRACE",     "LOCK"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (word.length == strlen(methods[i]) && memcmp(word.at, methods[i], word.length) == 0)
            return true;
    return false;
}

static bool is_version(const uint8_t *bytes, size_t length)
{
    return length >= sizeof "HTTP/1." - 1 && memcmp(bytes, "HTTP/1.", sizeof "HTTP/1." - 1) == 0;
}

bool http_begins(bool from_client, const uint8_t *bytes, size_t length)
{
    struct text rest = {bytes, length};
    if (!from_client)
        return is_version(bytes, length);
    struct text method = cut_at(&rest, ' ');
    return method.length < length && is_method(method);
}

/* --- messages --- */

static void end_of_message(struct http_side *side, const struct head *head, bool has_body)
{
    side->read += head->length;
    side->messages++;
    side->body_left = has_body && head->has_length && !head->chunked ? head->content_length : 0;
    side->opaque = has_body && (head->chunked || !head->has_length);
}

static void request(struct http_talk *talk, const struct head *head)
{
    struct http_side *side = &talk->side[0];
    struct text target = head->first_line, method = cut_at(&target, ' ');
    said_at(&side->said[HTTP_REQUEST], side->read);
    if (side->messages == 0) {
        struct text named = is_word(method, "CONNECT")
                                ? cut_at(&target, ' ')
                                : (head->host.length ? head->host : authority(target));
        copy(talk->method, sizeof talk->method, method);
        copy(talk->host, sizeof talk->host, without_port(named));
    }
    if (side->messages < 32 && is_word(method, "HEAD"))
        talk->head_requests |= UINT32_C(1) << side->messages;
    bool has_body = head->chunked || (head->has_length && head->content_length);
    end_of_message(side, head, has_body);
    if (is_word(method, "CONNECT"))
        side->opaque = true;
}

static bool leads_elsewhere(const struct http_talk *talk, struct text location)
{
    struct text host = without_port(authority(location));
    return host.length && !is_word(host, talk->host);
}

static bool is_refusal(const struct http_talk *talk, uint16_t status, const struct head *head)
{
    if (status >= 400)
        return true;
    return status >= 300 && status != 304 && leads_elsewhere(talk, head->location);
}

static void keep_names(struct http_talk *talk, const struct head *head)
{
    copy(talk->server, sizeof talk->server, head->server);
    copy(talk->via, sizeof talk->via, head->via);
}

static void refusal(struct http_talk *talk, uint16_t status, const struct head *head)
{
    talk->refusal = status;
    talk->proxy_authenticate = head->proxy_authenticate;
    talk->authenticate = head->authenticate;
    keep_names(talk, head);
    if (status < 400)
        copy(talk->location, sizeof talk->location, without_port(authority(head->location)));
    said_at(&talk->side[1].said[HTTP_REFUSAL], talk->side[1].read);
}

static uint16_t status_of(struct text line)
{
    uint64_t status = 0;
    (void)cut_at(&line, ' ');
    line = trimmed(line);
    return number_of(cut_at(&line, ' '), &status) && status >= 100 && status <= 999
               ? (uint16_t)status
               : 0;
}

/* A page that somebody may have put in place of the answer: a refusal, or a first answer for human
 * eyes. */
static void open_page(struct http_talk *talk, uint16_t status, const struct head *head)
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
static bool response(struct http_talk *talk, const struct head *head)
{
    struct http_side *side = &talk->side[1];
    uint16_t status = status_of(head->first_line);
    if (!status)
        return false;
    if (status < 200 && status != 101) { /* RFC 9110 15.2: another one follows */
        side->read += head->length;
        return true;
    }
    said_at(&side->said[HTTP_RESPONSE], side->read);
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
    bool tunnel = status == 101 || (status < 300 && strcmp(talk->method, "CONNECT") == 0);
    bool bare = to_head || status == 204 || status == 304; /* RFC 9112 6.3 */
    end_of_message(side, head, !bare && !tunnel);
    side->opaque |= tunnel;
    return true;
}

/* The status line alone, where the head is not all there: a capture may have cut it. */
static void status_line(struct http_talk *talk, const uint8_t *bytes, uint32_t length)
{
    struct http_side *side = &talk->side[1];
    struct text rest = {bytes + side->read, length - side->read};
    struct head head = {.first_line = cut_at(&rest, '\n')};
    uint16_t status = status_of(trimmed(head.first_line));
    if (head.first_line.length == length - side->read || status < 200)
        return;
    said_at(&side->said[HTTP_RESPONSE], side->read);
    if (!talk->status)
        talk->status = status;
    if (!talk->refusal && status >= 400)
        refusal(talk, status, &head);
}

/* One message at the present place. False: it is not all there, or none. */
static bool message(struct http_talk *talk, bool from_client, const uint8_t *bytes, uint32_t length)
{
    struct http_side *side = &talk->side[from_client ? 0 : 1];
    const uint8_t *at = bytes + side->read;
    uint32_t left = length - side->read;
    if (left >= STATUS_LINE_MIN && !http_begins(from_client, at, left)) {
        said_at(&side->said[HTTP_FOREIGN], side->read);
        side->opaque = true;
        return false;
    }
    uint32_t head_bytes = head_length(at, left);
    if (!head_bytes) {
        side->opaque = left > HEAD_BYTES_MAX;
        if (!from_client)
            status_line(talk, bytes, length);
        return false;
    }
    struct head head = read_head(at, head_bytes);
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
