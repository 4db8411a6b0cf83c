#include "analyzer/speech/signs.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyzer/attribution/json.h"
#include "analyzer/memory.h"

enum { SIGNS_MAX = 256, SIGN_TEXT_MAX = 120 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct issuer_sign {
    const char *name, *text;
};

struct signs {
    struct json *json; /* the texts live in it */
    struct issuer_sign issuers[SIGNS_MAX];
    struct page_sign pages[SIGNS_MAX];
    size_t issuer_count, page_count;
};

static bool read_issuer(struct signs *signs, const struct json *json, const cJSON *node)
{
    const cJSON *name, *text, *source;
    const struct json_field fields[] = {{"name", JSON_STRING, true, &name},
                                        {"text", JSON_STRING, true, &text},
                                        {"source", JSON_STRING, true, &source}};
    if (signs->issuer_count == SIGNS_MAX)
        return json_fail(json, node, "expected at most %d signs", SIGNS_MAX);
    struct issuer_sign *sign = &signs->issuers[signs->issuer_count++];
    return json_read_object(json, node, fields, COUNT(fields)) &&
           json_text(json, name, SIGN_TEXT_MAX, &sign->name) &&
           json_text(json, text, SIGN_TEXT_MAX, &sign->text);
}

static bool read_page(struct signs *signs, const struct json *json, const cJSON *node)
{
    static const char *const kinds[] = {"filter", "portal", "proxy"}; /* enum page_kind */
    static const char *const places[] = {"head", "body"};
    const cJSON *name, *kind, *in, *text, *source;
    const struct json_field fields[] = {{"name", JSON_STRING, true, &name},
                                        {"kind", JSON_STRING, true, &kind},
                                        {"in", JSON_STRING, true, &in},
                                        {"text", JSON_STRING, true, &text},
                                        {"source", JSON_STRING, true, &source}};
    size_t kind_at, place_at;
    if (signs->page_count == SIGNS_MAX)
        return json_fail(json, node, "expected at most %d signs", SIGNS_MAX);
    struct page_sign *sign = &signs->pages[signs->page_count++];
    if (!json_read_object(json, node, fields, COUNT(fields)) ||
        !json_text(json, name, SIGN_TEXT_MAX, &sign->name) ||
        !json_word(json, kind, "kind", kinds, COUNT(kinds), &kind_at) ||
        !json_word(json, in, "place", places, COUNT(places), &place_at) ||
        !json_text(json, text, SIGN_TEXT_MAX, &sign->text))
        return false;
    sign->kind = (enum page_kind)kind_at;
    sign->in_body = place_at == 1;
    return true;
}

static bool read_signs(struct signs *signs, const struct json *json)
{
    const cJSON *issuers, *pages;
    const struct json_field fields[] = {{"issuers", JSON_ARRAY, true, &issuers},
                                        {"pages", JSON_ARRAY, true, &pages}};
    if (!json_read_object(json, json_root(json), fields, COUNT(fields)))
        return false;
    for (const cJSON *node = issuers->child; node; node = node->next)
        if (!read_issuer(signs, json, node))
            return false;
    for (const cJSON *node = pages->child; node; node = node->next)
        if (!read_page(signs, json, node))
            return false;
    return true;
}

struct signs *signs_load(const char *directory, struct error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/signs.json", directory);
    if (length < 0 || (size_t)length >= sizeof path) {
        error_set(error, "%s: this path is too long", directory);
        return NULL;
    }
    struct signs *signs = memory_zeroed(1, sizeof *signs);
    signs->json = json_load(path, error);
    if (signs->json && read_signs(signs, signs->json))
        return signs;
    signs_free(signs);
    return NULL;
}

void signs_free(struct signs *signs)
{
    if (!signs)
        return;
    json_free(signs->json);
    free(signs);
}

const char *signs_of_issuer(const struct signs *signs, const char *issuer)
{
    for (size_t i = 0; i < signs->issuer_count; i++)
        if (strcasestr(issuer, signs->issuers[i].text))
            return signs->issuers[i].name;
    return NULL;
}

/* strcasestr() over bytes that have no end of their own. */
static bool holds(const uint8_t *bytes, size_t length, const char *text)
{
    size_t wanted = strlen(text);
    int first = tolower((unsigned char)text[0]), other = toupper((unsigned char)text[0]);
    for (; length >= wanted; bytes++, length--)
        if ((*bytes == first || *bytes == other) &&
            strncasecmp((const char *)bytes, text, wanted) == 0)
            return true;
    return false;
}

const struct page_sign *signs_of_page(const struct signs *signs, const uint8_t *head,
                                      size_t head_length, const uint8_t *body, size_t body_length)
{
    for (size_t i = 0; i < signs->page_count; i++) {
        const struct page_sign *sign = &signs->pages[i];
        if (sign->in_body ? holds(body, body_length, sign->text)
                          : holds(head, head_length, sign->text))
            return sign;
    }
    return NULL;
}
