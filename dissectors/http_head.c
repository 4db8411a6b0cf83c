#include "dissectors/http_head.h"

static bool begins_with(struct http_text text, const char *word)
{
    size_t length = strlen(word);
    return text.length >= length && strncasecmp((const char *)text.at, word, length) == 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

struct http_text http_trimmed(struct http_text text)
{
    while (text.length && is_blank(*text.at)) {
        text.at++;
        text.length--;
    }
    while (text.length && is_blank(text.at[text.length - 1]))
        text.length--;
    return text;
}

struct http_text http_cut_at(struct http_text *text, char mark)
{
    const uint8_t *found = text->length ? memchr(text->at, mark, text->length) : NULL;
    struct http_text before = *text;
    if (found) {
        before.length = (size_t)(found - text->at);
        text->at = found + 1;
        text->length -= before.length + 1;
    } else {
        *text = (struct http_text){text->at + text->length, 0};
    }
    return before;
}

void http_copy(char *to, size_t size, struct http_text text)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = text.at[i] ? (char)text.at[i] : '?';
    to[length] = '\0';
}

bool http_number(struct http_text text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *number = *number > UINT64_MAX / 16 ? UINT64_MAX / 16 : *number * 10 + (text.at[i] - '0');
    }
    return text.length > 0;
}

struct http_text http_authority(struct http_text reference)
{
    const struct http_text none = {reference.at, 0};
    const uint8_t *slashes =
        reference.length ? memmem(reference.at, reference.length, "//", 2) : NULL;
    if (!slashes || (slashes != reference.at && slashes[-1] != ':')) /* within a path */
        return none;
    reference.length -= (size_t)(slashes + 2 - reference.at);
    reference.at = slashes + 2;
    reference = http_cut_at(&reference, '/');
    reference = http_cut_at(&reference, '?');
    struct http_text rest = reference, user = http_cut_at(&rest, '@');
    return rest.length ? rest : user;
}

struct http_text http_without_port(struct http_text host)
{
    const uint8_t *bracket = host.length ? memchr(host.at, ']', host.length) : NULL; /* IPv6 */
    if (bracket && host.at[0] == '[')
        return (struct http_text){host.at, (size_t)(bracket - host.at) + 1};
    return http_cut_at(&host, ':');
}

uint32_t http_head_length(const uint8_t *bytes, uint32_t length)
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

static void read_field(struct http_head *head, struct http_text name, struct http_text value)
{
    if (http_is(name, "content-length"))
        head->has_length = http_number(value, &head->content_length);
    else if (http_is(name, "transfer-encoding"))
        head->chunked = true;
    else if (http_is(name, "host"))
        head->host = value;
    else if (http_is(name, "location"))
        head->location = value;
    else if (http_is(name, "server"))
        head->server = value;
    else if (http_is(name, "via"))
        head->via = value;
    else if (http_is(name, "proxy-authenticate"))
        head->proxy_authenticate = true;
    else if (http_is(name, "www-authenticate"))
        head->authenticate = true;
    else if (http_is(name, "content-type"))
        head->html = begins_with(value, "text/html");
}

/* Some field of read_field() begins so: most lines need not be looked at. */
static bool may_matter(struct http_text line)
{
    return line.length && strchr("cthlsvpw", *line.at | 0x20);
}

struct http_head http_head_read(const uint8_t *bytes, uint32_t length)
{
    struct http_text rest = {bytes, length};
    struct http_head head = {.length = length};
    head.first_line = http_trimmed(http_cut_at(&rest, '\n'));
    while (rest.length) {
        struct http_text value = http_cut_at(&rest, '\n');
        if (!may_matter(value))
            continue;
        struct http_text name = http_cut_at(&value, ':');
        read_field(&head, http_trimmed(name), http_trimmed(value));
    }
    return head;
}
