/* The account of a verdict as JSON. It has everything that it takes to weigh the rules anew:
 *
 *   readings[] {name, vantage, share, probability}      the verdict is the mix of these
 *   rules[]    {rule, group, weights, counts, yields, yields_to, without, source}   in file order;
 *              counts and yields name the readings
 *   facts      {name: value}                       all that are known
 *   turns[]    {facts, rule, text, failure_point, turns, probability}
 *
 * Of a reading, probability is floor + (1 - 6 floor) softmax(sum of the weights that count). */
#include <math.h>

#include "analyzer/attribution/ledger.h"
#include "analyzer/report/json.h"

static cJSON *rounded(double number)
{
    return cJSON_CreateNumber(round(number * 1e6) / 1e6);
}

static cJSON *text_item(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

static void add(cJSON *object, const char *name, cJSON *item)
{
    cJSON_AddItemToObject(object, name, item);
}

static cJSON *places_item(const double *values)
{
    cJSON *item = cJSON_CreateObject();
    for (int place = 0; place < FAILURE_POINTS; place++)
        add(item, failure_point_words[place], rounded(values[place]));
    return item;
}

static cJSON *readings_item(const struct ledger *ledger)
{
    char name[READING_NAME];
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < ledger->readings.count; i++) {
        cJSON *item = cJSON_CreateObject();
        add(item, "name", text_item(reading_name(&ledger->readings, i, name)));
        add(item, "vantage", text_item(vantage_words[ledger->readings.at[i].vantage]));
        add(item, "share", rounded(ledger->readings.at[i].share));
        add(item, "probability", places_item(ledger->reading[i]));
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static cJSON *names_item(const struct ledger *ledger, uint32_t set)
{
    char name[READING_NAME];
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < ledger->readings.count; i++)
        if (set >> i & 1)
            cJSON_AddItemToArray(array, text_item(reading_name(&ledger->readings, i, name)));
    return array;
}

static cJSON *rules_item(const struct ledger *ledger)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < ledger->rule_count; i++) {
        const struct ledger_rule *rule = &ledger->rules[i];
        cJSON *item = cJSON_CreateObject();
        add(item, "rule", text_item(rule->rule));
        add(item, "group", text_item(rule->group));
        add(item, "weights", places_item(rule->weight));
        add(item, "counts", names_item(ledger, rule->counts));
        add(item, "yields", names_item(ledger, rule->yields));
        add(item, "yields_to", text_item(rule->yields_to));
        add(item, "without", places_item(rule->without));
        add(item, "source", text_item(rule->source));
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static cJSON *value_item(enum fact_id id, const struct fact *fact)
{
    switch (fact_definitions[id].type) {
    case FACT_WORD:
        return text_item(fact->word);
    case FACT_NUMBER:
        return rounded(fact->number);
    case FACT_FLAG:
        return cJSON_CreateBool(fact->number > 0);
    }
    return cJSON_CreateNull();
}

static cJSON *facts_item(const struct ledger *ledger)
{
    cJSON *item = cJSON_CreateObject();
    for (int id = 0; id < FACT_COUNT; id++)
        if (ledger->facts[id].known)
            add(item, fact_definitions[id].name, value_item((enum fact_id)id, &ledger->facts[id]));
    return item;
}

static cJSON *turns_item(const struct ledger *ledger)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < ledger->turn_count; i++) {
        const struct ledger_turn *turn = &ledger->turns[i];
        cJSON *item = cJSON_CreateObject(), *facts = cJSON_CreateObject();
        for (size_t s = 0; s < turn->supposed_count; s++)
            add(facts, fact_definitions[turn->supposed[s].id].name,
                value_item(turn->supposed[s].id, &turn->supposed[s].value));
        add(item, "facts", facts);
        add(item, "rule", text_item(turn->rule));
        add(item, "text", text_item(turn->text));
        add(item, "turns", cJSON_CreateBool(turn->turns));
        add(item, "probability", places_item(turn->probability));
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

cJSON *report_json_ledger(const struct ledger *ledger)
{
    cJSON *item = cJSON_CreateObject();
    add(item, "floor", cJSON_CreateNumber(PROBABILITY_FLOOR));
    add(item, "readings", readings_item(ledger));
    add(item, "rules", rules_item(ledger));
    add(item, "turns", turns_item(ledger));
    add(item, "facts", facts_item(ledger));
    return item;
}
