#include "analyzer/attribution/rules_account.h"

#include <math.h>
#include <string.h>

#include "analyzer/attribution/rules_internal.h"

size_t rules_account(const struct rules *rules, const struct fact *facts,
                     const struct variable *variables, struct rule_line lines[RULES_MAX])
{
    const char *counts[RULES_MAX] = {NULL}; /* by group */
    size_t count = 0;
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct rule *rule = &rules->rules[i];
        const struct clause *clause;
        if (!rules_scope_fits(rules, &rule->scope, facts, variables, &clause))
            continue;
        bool grouped = rule->group != NO_GROUP;
        lines[count++] = (struct rule_line){
            .index = i,
            .rule = rule->id,
            .group = grouped ? rules->groups[rule->group] : NULL,
            .source = rule->source,
            .weight = rule->weight,
            .yields_to = grouped ? counts[rule->group] : NULL,
        };
        if (grouped && !counts[rule->group])
            counts[rule->group] = rule->id;
    }
    return count;
}

size_t rules_count(const struct rules *rules)
{
    return rules->rule_count;
}

const char *rules_name(const struct rules *rules, size_t index)
{
    return rules->rules[index].id;
}

static bool is_absent(const struct fact_definition *definition, const struct fact *fact)
{
    return !fact->known ||
           (definition->type == FACT_WORD && fact->word && strcmp(fact->word, "none") == 0);
}

static bool is_false(const struct fact_definition *definition, const struct fact *fact)
{
    return definition->type == FACT_FLAG && fact->known && fact->number < 0.5;
}

/* The first word that fulfils the condition. */
static const char *fulfilling_word(const struct fact_definition *definition,
                                   const struct condition *condition)
{
    for (size_t i = 0; i < WORDS_MAX && definition->words[i]; i++)
        if ((condition->kind == CONDITION_KNOWN || condition->words >> i & 1) &&
            strcmp(definition->words[i], "none") != 0)
            return definition->words[i];
    return NULL;
}

/* False: no value would do, or none could be told apart from any other. */
static bool fulfil(const struct fact_definition *definition, const struct condition *condition,
                   struct fact *fact)
{
    *fact = (struct fact){.known = true};
    switch (condition->kind) {
    case CONDITION_UNKNOWN:
        return false;
    case CONDITION_KNOWN:
    case CONDITION_WORD:
        if (definition->type == FACT_WORD)
            fact->word = fulfilling_word(definition, condition);
        return fact->word != NULL;
    case CONDITION_NUMBER:
        fact->number = condition->numbers[0];
        return true;
    case CONDITION_RANGE:
        fact->number = isfinite(condition->least) ? condition->least : condition->most;
        return true;
    }
    return false;
}

static bool suppose_clause(const struct rules *rules, const struct clause *clause,
                           struct fact *facts, struct supposition *supposition)
{
    bool absent = false; /* one of them at least */
    supposition->count = 0;
    for (size_t i = 0; i < clause->count; i++) {
        const struct condition *condition = &clause->conditions[i];
        const struct clause alone = {&clause->conditions[i], 1};
        struct fact *fact = &facts[condition->fact];
        if (rules_clause_holds(rules, &alone, facts))
            continue;
        const struct fact_definition *definition = &rules->facts[condition->fact];
        absent |= is_absent(definition, fact);
        if (supposition->count == SUPPOSED_MAX ||
            (!is_absent(definition, fact) && !is_false(definition, fact)) ||
            !fulfil(definition, condition, fact))
            return false;
        supposition->fact[supposition->count++] = condition->fact;
    }
    return absent;
}

bool rules_suppose(const struct rules *rules, size_t index, struct fact *facts,
                   const struct variable *variables, struct supposition *supposition)
{
    const struct scope *scope = &rules->rules[index].scope;
    const struct clause *clause;
    if (rules_scope_fits(rules, scope, facts, variables, &clause))
        return false;
    for (size_t i = 0; i < scope->when.count; i++) {
        const struct clause *tried = &scope->when.all[i];
        struct fact before[CONDITIONS_MAX];
        for (size_t c = 0; c < tried->count; c++)
            before[c] = facts[tried->conditions[c].fact];
        if (suppose_clause(rules, tried, facts, supposition) &&
            rules_scope_fits(rules, scope, facts, variables, &clause))
            return true;
        for (size_t c = 0; c < tried->count; c++)
            facts[tried->conditions[c].fact] = before[c];
    }
    return false;
}

void rules_explain(const struct rules *rules, size_t index, const struct fact *facts,
                   const struct variable *variables, char text[SENTENCE_MAX])
{
    const struct sentence_values values = {rules, facts, variables, NULL};
    rules_fill_sentence(&values, rules->rules[index].text, text, SENTENCE_MAX);
}
