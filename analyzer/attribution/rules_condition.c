/* Conditions of rules on facts. Unknown facts hold none but {"known": false}. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/rules_internal.h"
#include "analyzer/memory.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

size_t rules_fact(const struct rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->fact_count; i++)
        if (strcmp(rules->facts[i].name, name) == 0)
            return i;
    return NO_FACT;
}

static size_t word_count(const struct fact_definition *definition)
{
    size_t count = 0;
    while (count < WORDS_MAX && definition->words[count])
        count++;
    return count;
}

/* One word or a list of them, as bits. */
static bool read_words(const struct json *json, const cJSON *node,
                       const struct fact_definition *definition, uint64_t *words)
{
    const cJSON *element = cJSON_IsArray(node) ? node->child : node;
    if (!element)
        return json_fail(json, node, "expected at least one word");
    for (; element; element = element == node ? NULL : element->next) {
        char what[2 * JSON_QUOTE_MAX];
        size_t index;
        snprintf(what, sizeof what, "word for %.*s", JSON_QUOTE_MAX, definition->name);
        if (!json_word(json, element, what, definition->words, word_count(definition), &index))
            return false;
        *words |= UINT64_C(1) << index;
    }
    return true;
}

static bool read_numbers(const struct json *json, const cJSON *node, struct condition *condition)
{
    const cJSON *element = cJSON_IsArray(node) ? node->child : node;
    size_t count = cJSON_IsArray(node) ? (size_t)cJSON_GetArraySize(node) : 1;
    if (count == 0 || count > VALUES_MAX)
        return json_fail(json, node, "expected 1 to %d numbers, got %zu", VALUES_MAX, count);
    condition->kind = CONDITION_NUMBER;
    condition->numbers = memory_zeroed(count, sizeof *condition->numbers);
    for (; element; element = element == node ? NULL : element->next) {
        if (!json_expect(json, element, JSON_NUMBER))
            return false;
        condition->numbers[condition->number_count++] = element->valuedouble;
    }
    return true;
}

static bool read_range(const struct json *json, const cJSON *node, const cJSON *least,
                       const cJSON *most, struct condition *condition)
{
    condition->kind = CONDITION_RANGE;
    condition->least = least ? least->valuedouble : -INFINITY;
    condition->most = most ? most->valuedouble : INFINITY;
    if (condition->least > condition->most)
        return json_fail(json, node, "min is greater than max: this never holds");
    return true;
}

/* {"known": ...}, {"not": ...}, {"min": ..., "max": ...}: which of them fits the type of fact. */
static bool read_object(const struct json *json, const cJSON *node,
                        const struct fact_definition *definition, struct condition *condition)
{
    const cJSON *known, *not = NULL, *least = NULL, *most = NULL;
    struct json_field fields[3] = {{"known", JSON_FLAG, false, &known}};
    size_t count = 1;
    if (definition->type == FACT_WORD)
        fields[count++] = (struct json_field){"not", JSON_STRING | JSON_ARRAY, false, &not };
    if (definition->type == FACT_NUMBER) {
        fields[count++] = (struct json_field){"min", JSON_NUMBER, false, &least};
        fields[count++] = (struct json_field){"max", JSON_NUMBER, false, &most};
    }
    if (!json_read_object(json, node, fields, count))
        return false;
    if (!!known + !!not +(least || most) != 1)
        return json_fail(json, node, "expected one of known, not (words), min and max (numbers)");
    if (known) {
        condition->kind = cJSON_IsTrue(known) ? CONDITION_KNOWN : CONDITION_UNKNOWN;
        return true;
    }
    if (!not )
        return read_range(json, node, least, most, condition);
    uint64_t words = 0;
    condition->kind = CONDITION_WORD;
    if (!read_words(json, not, definition, &words))
        return false;
    condition->words = ~words;
    return true;
}

static bool read_condition(const struct rules *rules, const struct json *json, const cJSON *node,
                           struct condition *condition)
{
    const struct fact_definition *definition = &rules->facts[condition->fact];
    if (cJSON_IsObject(node))
        return read_object(json, node, definition, condition);
    switch (definition->type) {
    case FACT_WORD:
        condition->kind = CONDITION_WORD;
        return json_expect(json, node, JSON_STRING | JSON_ARRAY | JSON_OBJECT) &&
               read_words(json, node, definition, &condition->words);
    case FACT_NUMBER:
        return json_expect(json, node, JSON_NUMBER | JSON_ARRAY | JSON_OBJECT) &&
               read_numbers(json, node, condition);
    case FACT_FLAG:
        condition->kind = CONDITION_NUMBER;
        condition->numbers = memory_zeroed(1, sizeof *condition->numbers);
        condition->numbers[condition->number_count++] = cJSON_IsTrue(node);
        return json_expect(json, node, JSON_FLAG | JSON_OBJECT);
    }
    return false;
}

bool rules_read_condition(const struct rules *rules, const struct json *json, const cJSON *node,
                          const char *name, struct clause *clause)
{
    size_t fact = rules_fact(rules, name);
    if (fact == NO_FACT) {
        struct json_nearest nearest = {.wrong = name};
        char hint[JSON_HINT_MAX];
        for (size_t i = 0; i < rules->fact_count; i++)
            json_nearest_offer(&nearest, rules->facts[i].name);
        return json_fail_at_name(json, node, "unknown fact \"%.*s\"%s", JSON_QUOTE_MAX, name,
                                 json_nearest_hint(&nearest, hint));
    }
    if (clause->count == CONDITIONS_MAX)
        return json_fail_at_name(json, node, "more than %d conditions", CONDITIONS_MAX);
    clause->conditions =
        memory_resize(clause->conditions, clause->count + 1, sizeof *clause->conditions);
    struct condition *condition = &clause->conditions[clause->count++];
    *condition = (struct condition){.fact = fact};
    return read_condition(rules, json, node, condition);
}

static bool read_clause(const struct rules *rules, const struct json *json, const cJSON *node,
                        struct clause *clause)
{
    if (!json_expect(json, node, JSON_OBJECT))
        return false;
    for (const cJSON *member = node->child; member; member = member->next)
        if (!rules_read_condition(rules, json, member, member->string, clause))
            return false;
    return true;
}

bool rules_read_clauses(const struct rules *rules, const struct json *json, const cJSON *node,
                        struct clauses *clauses)
{
    const cJSON *element = cJSON_IsArray(node) ? node->child : node;
    size_t count = cJSON_IsArray(node) ? (size_t)cJSON_GetArraySize(node) : 1;
    if (count == 0 || count > CLAUSES_MAX)
        return json_fail(json, node, "expected 1 to %d objects in this list, got %zu", CLAUSES_MAX,
                         count);
    clauses->all = memory_zeroed(count, sizeof *clauses->all);
    for (; element; element = element == node ? NULL : element->next)
        if (!read_clause(rules, json, element, &clauses->all[clauses->count++]))
            return false;
    return true;
}

void rules_free_clause(struct clause *clause)
{
    for (size_t i = 0; i < clause->count; i++)
        free(clause->conditions[i].numbers);
    free(clause->conditions);
}

void rules_free_clauses(struct clauses *clauses)
{
    for (size_t i = 0; i < clauses->count; i++)
        rules_free_clause(&clauses->all[i]);
    free(clauses->all);
}

static uint64_t word_bit(const struct fact_definition *definition, const char *word)
{
    /* Equal literals are mostly one: then no letter need be compared. */
    for (size_t i = 0; word && i < WORDS_MAX && definition->words[i]; i++)
        if (definition->words[i] == word)
            return UINT64_C(1) << i;
    for (size_t i = 0; word && i < WORDS_MAX && definition->words[i]; i++)
        if (strcmp(definition->words[i], word) == 0)
            return UINT64_C(1) << i;
    return 0;
}

static bool is_any_of(double number, const struct condition *condition)
{
    for (size_t i = 0; i < condition->number_count; i++)
        if (!(number < condition->numbers[i]) && !(number > condition->numbers[i]))
            return true;
    return false;
}

static bool condition_holds(const struct rules *rules, const struct condition *condition,
                            const struct fact *facts)
{
    const struct fact *fact = &facts[condition->fact];
    if (!fact->known)
        return condition->kind == CONDITION_UNKNOWN;
    switch (condition->kind) {
    case CONDITION_KNOWN:
        return true;
    case CONDITION_UNKNOWN:
        return false;
    case CONDITION_WORD:
        return condition->words & word_bit(&rules->facts[condition->fact], fact->word);
    case CONDITION_NUMBER:
        return is_any_of(fact->number, condition);
    case CONDITION_RANGE:
        return fact->number >= condition->least && fact->number <= condition->most;
    }
    return false;
}

bool rules_clause_holds(const struct rules *rules, const struct clause *clause,
                        const struct fact *facts)
{
    for (size_t i = 0; i < clause->count; i++)
        if (!condition_holds(rules, &clause->conditions[i], facts))
            return false;
    return true;
}

const struct clause *rules_clauses_hold(const struct rules *rules, const struct clauses *clauses,
                                        const struct fact *facts)
{
    for (size_t i = 0; i < clauses->count; i++)
        if (rules_clause_holds(rules, &clauses->all[i], facts))
            return &clauses->all[i];
    return NULL;
}
