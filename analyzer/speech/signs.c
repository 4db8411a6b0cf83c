#include "analyzer/speech/signs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/json.h"
#include "analyzer/memory.h"
#include "analyzer/speech/phrases.h"

enum { SIGNS_MAX = PHRASES_MAX };

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct issuer_sign {
    const char *name, *text;
};

struct tunnel_sign {
    const char *name, *text;
    enum tunnel_sign_place place;
};

struct signs {
    struct json *json; /* the texts live in it */
    struct issuer_sign issuers[SIGNS_MAX];
    struct page_sign pages[SIGNS_MAX];
    struct tunnel_sign tunnels[SIGNS_MAX];
    size_t issuer_count, page_count, tunnel_count;
    struct phrases texts[2];                       /* of pages: in the head, in the body */
    const struct page_sign *of_text[2][SIGNS_MAX]; /* whose they are */
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
    if (strlen(sign->text) < PHRASE_LENGTH_MIN)
        return json_fail(json, text, "expected at least %d letters", PHRASE_LENGTH_MIN);
    struct phrases *texts = &signs->texts[place_at];
    signs->of_text[place_at][texts->count] = sign;
    phrases_add(texts, sign->text);
    return true;
}

static bool read_tunnel(struct signs *signs, const struct json *json, const cJSON *node)
{
    static const char *const places[] = {"server-name", "request"}; /* enum tunnel_sign_place */
    const cJSON *name, *in, *text, *source;
    const struct json_field fields[] = {{"name", JSON_STRING, true, &name},
                                        {"in", JSON_STRING, true, &in},
                                        {"text", JSON_STRING, true, &text},
                                        {"source", JSON_STRING, true, &source}};
    size_t place_at;
    if (signs->tunnel_count == SIGNS_MAX)
        return json_fail(json, node, "expected at most %d signs", SIGNS_MAX);
    struct tunnel_sign *sign = &signs->tunnels[signs->tunnel_count++];
    if (!json_read_object(json, node, fields, COUNT(fields)) ||
        !json_text(json, name, SIGN_TEXT_MAX, &sign->name) ||
        !json_word(json, in, "place", places, COUNT(places), &place_at) ||
        !json_text(json, text, SIGN_TEXT_MAX, &sign->text))
        return false;
    sign->place = (enum tunnel_sign_place)place_at;
    if (strlen(sign->text) < PHRASE_LENGTH_MIN)
        return json_fail(json, text, "expected at least %d letters", PHRASE_LENGTH_MIN);
    return true;
}

static bool read_signs(struct signs *signs, const struct json *json)
{
    const cJSON *issuers, *pages, *tunnels;
    const struct json_field fields[] = {{"issuers", JSON_ARRAY, true, &issuers},
                                        {"pages", JSON_ARRAY, true, &pages},
                                        {"tunnels", JSON_ARRAY, false, &tunnels}};
    if (!json_read_object(json, json_root(json), fields, COUNT(fields)))
        return false;
    for (const cJSON *node = issuers->child; node; node = node->next)
        if (!read_issuer(signs, json, node))
            return false;
    for (const cJSON *node = pages->child; node; node = node->next)
        if (!read_page(signs, json, node))
            return false;
    for (const cJSON *node = tunnels ? tunnels->child : NULL; node; node = node->next)
        if (!read_tunnel(signs, json, node))
            return false;
    for (size_t place = 0; place < COUNT(signs->texts); place++)
        phrases_ready(&signs->texts[place]);
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

const struct page_sign *signs_of_page(const struct signs *signs, const uint8_t *head,
                                      size_t head_length, const uint8_t *body, size_t body_length)
{
    int found = phrases_find(&signs->texts[0], head, head_length);
    if (found >= 0)
        return signs->of_text[0][found];
    found = phrases_find(&signs->texts[1], body, body_length);
    return found >= 0 ? signs->of_text[1][found] : NULL;
}

const char *signs_of_tunnel(const struct signs *signs, enum tunnel_sign_place place,
                            const char *text)
{
    for (size_t i = 0; i < signs->tunnel_count; i++) {
        const struct tunnel_sign *sign = &signs->tunnels[i];
        if (sign->place == place &&
            (place == TUNNEL_REQUEST ? strncmp(text, sign->text, strlen(sign->text)) == 0
                                     : strcasestr(text, sign->text) != NULL))
            return sign->name;
    }
    return NULL;
}
