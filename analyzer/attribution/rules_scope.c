/* The fields that say when an entry applies, the same in every kind of entry. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/rules_internal.h"
#include "analyzer/memory.h"

/* A list of words, or one, as bits; absent: all. */
static bool read_set(const struct json *json, const cJSON *node, const char *what,
                     const char *const *words, size_t count, uint32_t *set)
{
    const cJSON *element = node && cJSON_IsArray(node) ? node->child : node;
    *set = node ? 0 : UINT32_MAX;
    if (node && !element)
        return json_fail(json, node, "expected at least one %s", what);
    for (; element; element = element == node ? NULL : element->next) {
        size_t index;
        if (!json_word(json, element, what, words, count, &index))
            return false;
        *set |= UINT32_C(1) << index;
    }
    return true;
}

static bool read_profiles(const struct json *json, const cJSON *node, struct scope *scope)
{
    if (!node)
        return true;
    const cJSON *element = cJSON_IsArray(node) ? node->child : node;
    size_t count = cJSON_IsArray(node) ? (size_t)cJSON_GetArraySize(node) : 1;
    if (count == 0 || count > VALUES_MAX)
        return json_fail(json, node, "expected 1 to %d profiles, got %zu", VALUES_MAX, count);
    scope->profiles = memory_zeroed(count, sizeof *scope->profiles);
    for (; element; element = element == node ? NULL : element->next)
        if (!json_identifier(json, element, "-", &scope->profiles[scope->profile_count++]))
            return false;
    return true;
}

static bool read_confidence(const struct json *json, const cJSON *least, const cJSON *most,
                            struct scope *scope)
{
    scope->min_confidence = 0;
    scope->max_confidence = 1;
    if ((least && !json_number(json, least, 0, 1, &scope->min_confidence)) ||
        (most && !json_number(json, most, 0, 1, &scope->max_confidence)))
        return false;
    if (scope->min_confidence > scope->max_confidence)
        return json_fail(json, least, "min_confidence is greater than max_confidence");
    return true;
}

bool rules_read_scope(const struct rules *rules, const struct json *json, const cJSON *node,
                      enum scope_fields which, const struct json_field *fields, size_t count,
                      struct scope *scope)
{
    const cJSON *when, *unless, *profiles, *proto;
    const cJSON *places = NULL, *second = NULL, *mechanisms = NULL, *least = NULL, *most = NULL;
    const unsigned list = JSON_STRING | JSON_ARRAY, object = JSON_OBJECT | JSON_ARRAY;
    struct json_field all[24] = {
        {"when", object, which == SCOPE_EVIDENCE, &when},
        {"unless", object, false, &unless},
        {"profiles", list, false, &profiles},
        {"proto", list, false, &proto},
        {"places", list, false, &places},
        {"second", list, false, &second},
        {"min_confidence", JSON_NUMBER, false, &least},
        {"max_confidence", JSON_NUMBER, false, &most},
        {"mechanisms", list, false, &mechanisms},
    };
    size_t used = which == SCOPE_EVIDENCE ? 4 : which == SCOPE_MECHANISM ? 8 : 9;
    memcpy(all + used, fields, count * sizeof *fields);
    return json_read_object(json, node, all, used + count) &&
           (!when || rules_read_clauses(rules, json, when, &scope->when)) &&
           (!unless || rules_read_clauses(rules, json, unless, &scope->unless)) &&
           read_profiles(json, profiles, scope) &&
           (!proto || rules_read_condition(rules, json, proto, "proto", &scope->proto)) &&
           read_set(json, places, "place", failure_point_words, FAILURE_POINTS, &scope->places) &&
           read_set(json, second, "place", failure_point_words, FAILURE_POINTS, &scope->second) &&
           read_set(json, mechanisms, "mechanism", mechanism_words, MECHANISMS,
                    &scope->mechanisms) &&
           read_confidence(json, least, most, scope);
}

void rules_free_scope(struct scope *scope)
{
    rules_free_clauses(&scope->when);
    rules_free_clauses(&scope->unless);
    rules_free_clause(&scope->proto);
    free(scope->profiles);
}
