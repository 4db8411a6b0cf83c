/* The files of a rules directory to struct rules. */
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/rules_internal.h"
#include "analyzer/memory.h"

enum { SOURCE_MAX = 400 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool read_source(const struct json *json, const cJSON *node, const char **source)
{
    const char *ignored;
    return !node || json_text(json, node, SOURCE_MAX, source ? source : &ignored);
}

/* Evidence */

static bool read_weights(const struct json *json, const cJSON *node, struct rule *rule)
{
    if (!node->child)
        return json_fail(json, node, "expected the weight of at least one place");
    const cJSON *weights[FAILURE_POINTS];
    struct json_field fields[FAILURE_POINTS];
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        fields[i] = (struct json_field){failure_point_words[i], JSON_NUMBER, false, &weights[i]};
    if (!json_read_object(json, node, fields, FAILURE_POINTS))
        return false;
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        if (weights[i] && !json_number(json, weights[i], -WEIGHT_MAX, WEIGHT_MAX, &rule->weight[i]))
            return false;
    return true;
}

static bool read_group(struct rules *rules, const struct json *json, const cJSON *node,
                       struct rule *rule)
{
    const char *name;
    rule->group = NO_GROUP;
    if (!node)
        return true;
    if (!json_identifier(json, node, "-", &name))
        return false;
    for (rule->group = 0; rule->group < rules->group_count; rule->group++)
        if (strcmp(rules->groups[rule->group], name) == 0)
            return true;
    rules->groups[rules->group_count++] = name; /* no more groups than rules */
    return true;
}

static bool check_unique(const struct rules *rules, const struct json *json, const cJSON *id)
{
    for (size_t i = 0; i + 1 < rules->rule_count; i++)
        if (strcmp(rules->rules[i].id, id->valuestring) == 0)
            return json_fail(json, id, "two rules are called \"%s\"", id->valuestring);
    return true;
}

static bool read_rule(struct rules *rules, const struct json *json, const cJSON *node)
{
    const cJSON *id, *group, *weights, *text, *source;
    const struct json_field fields[] = {
        {"id", JSON_STRING, true, &id},           {"group", JSON_STRING, false, &group},
        {"weights", JSON_OBJECT, true, &weights}, {"text", JSON_STRING, true, &text},
        {"source", JSON_STRING, true, &source},
    };
    if (rules->rule_count == RULES_MAX)
        return json_fail(json, node, "more than %d rules in all files together", RULES_MAX);
    rules->rules = memory_resize(rules->rules, rules->rule_count + 1, sizeof *rules->rules);
    struct rule *rule = &rules->rules[rules->rule_count++];
    *rule = (struct rule){.id = ""};
    return rules_read_scope(rules, json, node, SCOPE_EVIDENCE, fields, COUNT(fields),
                            &rule->scope) &&
           json_identifier(json, id, "-", &rule->id) && check_unique(rules, json, id) &&
           read_group(rules, json, group, rule) && read_weights(json, weights, rule) &&
           rules_read_sentence(rules, json, text, SENTENCE_EVIDENCE, &rule->text) &&
           read_source(json, source, &rule->source);
}

static bool read_rules(struct rules *rules, const struct json *json)
{
    const cJSON *list;
    const struct json_field fields[] = {{"rules", JSON_ARRAY, true, &list}};
    if (!json_read_object(json, json_root(json), fields, COUNT(fields)))
        return false;
    for (const cJSON *node = list->child; node; node = node->next)
        if (!read_rule(rules, json, node))
            return false;
    return true;
}

/* Mechanisms, summaries, next steps, remedies, letters, topologies */

static bool read_mechanism(const struct rules *rules, const struct json *json, const cJSON *node,
                           struct entry *entry)
{
    const cJSON *mechanism, *source;
    const struct json_field fields[] = {
        {"mechanism", JSON_STRING, true, &mechanism},
        {"source", JSON_STRING, false, &source},
    };
    size_t index;
    if (!rules_read_scope(rules, json, node, SCOPE_MECHANISM, fields, COUNT(fields),
                          &entry->scope) ||
        !json_word(json, mechanism, "mechanism", mechanism_words, MECHANISMS, &index))
        return false;
    entry->mechanism = (enum mechanism)index;
    return read_source(json, source, NULL);
}

/* A summary or a next step. */
static bool read_advice(const struct rules *rules, const struct json *json, const cJSON *node,
                        struct entry *entry)
{
    const cJSON *text, *source;
    const struct json_field fields[] = {
        {"text", JSON_STRING, true, &text},
        {"source", JSON_STRING, false, &source},
    };
    return rules_read_scope(rules, json, node, SCOPE_VERDICT, fields, COUNT(fields),
                            &entry->scope) &&
           rules_read_sentence(rules, json, text, SENTENCE_VERDICT, &entry->text) &&
           read_source(json, source, NULL);
}

static bool read_commands(const struct rules *rules, const struct json *json, const cJSON *list,
                          struct entry *entry)
{
    for (const cJSON *node = list ? list->child : NULL; node; node = node->next) {
        const cJSON *platform, *command;
        const struct json_field fields[] = {
            {"platform", JSON_STRING, true, &platform},
            {"command", JSON_STRING, true, &command},
        };
        size_t at = entry->command_count;
        if (at == COMMANDS_MAX)
            return json_fail(json, node, "more than %d commands", COMMANDS_MAX);
        if (!json_read_object(json, node, fields, COUNT(fields)) ||
            !json_text(json, platform, JSON_QUOTE_MAX, &entry->commands[at].platform) ||
            !rules_read_sentence(rules, json, command, SENTENCE_COMMAND, &entry->commands[at].text))
            return false;
        entry->command_count++;
    }
    return true;
}

static bool read_remedy(const struct rules *rules, const struct json *json, const cJSON *node,
                        struct entry *entry)
{
    const cJSON *who, *action, *commands, *source;
    const struct json_field fields[] = {
        {"who", JSON_STRING, true, &who},
        {"action", JSON_STRING, true, &action},
        {"commands", JSON_ARRAY, false, &commands},
        {"source", JSON_STRING, false, &source},
    };
    return rules_read_scope(rules, json, node, SCOPE_VERDICT, fields, COUNT(fields),
                            &entry->scope) &&
           rules_read_sentence(rules, json, who, SENTENCE_VERDICT, &entry->who) &&
           rules_read_sentence(rules, json, action, SENTENCE_VERDICT, &entry->action) &&
           read_commands(rules, json, commands, entry) && read_source(json, source, NULL);
}

static bool read_letter(const struct rules *rules, const struct json *json, const cJSON *node,
                        struct entry *entry)
{
    const cJSON *subject, *text, *check;
    const struct json_field fields[] = {
        {"subject", JSON_STRING, true, &subject},
        {"text", JSON_STRING, true, &text},
        {"check", JSON_STRING, true, &check},
    };
    return rules_read_scope(rules, json, node, SCOPE_VERDICT, fields, COUNT(fields),
                            &entry->scope) &&
           rules_read_sentence(rules, json, subject, SENTENCE_VERDICT, &entry->subject) &&
           rules_read_sentence(rules, json, text, SENTENCE_VERDICT, &entry->text) &&
           rules_read_sentence(rules, json, check, SENTENCE_VERDICT, &entry->check);
}

static bool read_station_places(const struct json *json, const cJSON *list, uint32_t *places)
{
    for (const cJSON *node = list ? list->child : NULL; node; node = node->next) {
        size_t place;
        if (!json_word(json, node, "place", failure_point_words, FAILURE_POINTS, &place))
            return false;
        *places |= 1u << place;
    }
    return true;
}

static bool read_station(const struct rules *rules, const struct json *json, const cJSON *node,
                         struct entry *entry)
{
    static const char *const kinds[STATION_KINDS] = {
        [STATION_HOST] = "host",
        [STATION_FIREWALL] = "firewall",
        [STATION_NETWORK] = "network",
        [STATION_TUNNEL] = "tunnel",
    };
    const cJSON *kind, *places, *aside, *name, *note;
    const struct json_field fields[] = {
        {"kind", JSON_STRING, true, &kind},  {"name", JSON_STRING, true, &name},
        {"note", JSON_STRING, false, &note}, {"places", JSON_ARRAY, false, &places},
        {"aside", JSON_FLAG, false, &aside},
    };
    size_t at = entry->station_count, which;
    if (at == STATIONS_MAX)
        return json_fail(json, node, "more than %d stations", STATIONS_MAX);
    if (!json_read_object(json, node, fields, COUNT(fields)) ||
        !json_word(json, kind, "kind of station", kinds, STATION_KINDS, &which) ||
        !rules_read_sentence(rules, json, name, SENTENCE_VERDICT, &entry->stations[at].name) ||
        (note &&
         !rules_read_sentence(rules, json, note, SENTENCE_VERDICT, &entry->stations[at].note)) ||
        !read_station_places(json, places, &entry->stations[at].places))
        return false;
    entry->stations[at].kind = (enum station_kind)which;
    entry->stations[at].aside = cJSON_IsTrue(aside);
    entry->station_count++;
    return true;
}

static bool read_topology(const struct rules *rules, const struct json *json, const cJSON *node,
                          struct entry *entry)
{
    const cJSON *title, *stations, *source;
    const struct json_field fields[] = {
        {"title", JSON_STRING, true, &title},
        {"stations", JSON_ARRAY, true, &stations},
        {"source", JSON_STRING, false, &source},
    };
    if (!rules_read_scope(rules, json, node, SCOPE_VERDICT, fields, COUNT(fields), &entry->scope) ||
        !rules_read_sentence(rules, json, title, SENTENCE_VERDICT, &entry->text) ||
        !read_source(json, source, NULL))
        return false;
    for (const cJSON *station = stations->child; station; station = station->next)
        if (!read_station(rules, json, station, entry))
            return false;
    return true;
}

static const struct {
    const char *list; /* the member that holds them */
    bool (*read)(const struct rules *rules, const struct json *json, const cJSON *node,
                 struct entry *entry);
} entry_kinds[ENTRY_KINDS] = {
    [ENTRY_MECHANISM] = {"mechanisms", read_mechanism},
    [ENTRY_SUMMARY] = {"summaries", read_advice},
    [ENTRY_NEXT_STEP] = {"next_steps", read_advice},
    [ENTRY_REMEDY] = {"remedies", read_remedy},
    [ENTRY_LETTER] = {"letters", read_letter},
    [ENTRY_TOPOLOGY] = {"topologies", read_topology},
};

static bool read_list(struct rules *rules, const struct json *json, enum entry_kind kind,
                      const cJSON *list)
{
    struct entry_list *entries = &rules->entries[kind];
    for (const cJSON *node = list->child; node; node = node->next) {
        if (entries->count == ENTRIES_MAX)
            return json_fail(json, node, "more than %d %s", ENTRIES_MAX, entry_kinds[kind].list);
        entries->all = memory_resize(entries->all, entries->count + 1, sizeof *entries->all);
        struct entry *entry = &entries->all[entries->count++];
        *entry = (struct entry){.mechanism = MECHANISM_UNKNOWN};
        if (!entry_kinds[kind].read(rules, json, node, entry))
            return false;
    }
    return true;
}

static bool read_entries(struct rules *rules, const struct json *json, enum entry_kind kind)
{
    const cJSON *list;
    const struct json_field fields[] = {{entry_kinds[kind].list, JSON_ARRAY, true, &list}};
    return json_read_object(json, json_root(json), fields, COUNT(fields)) &&
           read_list(rules, json, kind, list);
}

static bool read_mechanisms(struct rules *rules, const struct json *json)
{
    return read_entries(rules, json, ENTRY_MECHANISM);
}

static bool read_next_steps(struct rules *rules, const struct json *json)
{
    return read_entries(rules, json, ENTRY_NEXT_STEP);
}

static bool read_remedies(struct rules *rules, const struct json *json)
{
    return read_entries(rules, json, ENTRY_REMEDY);
}

static bool read_letters(struct rules *rules, const struct json *json)
{
    return read_entries(rules, json, ENTRY_LETTER);
}

static bool read_topologies(struct rules *rules, const struct json *json)
{
    return read_entries(rules, json, ENTRY_TOPOLOGY);
}

static bool read_place_names(struct rules *rules, const struct json *json, const cJSON *node)
{
    const cJSON *names[FAILURE_POINTS];
    struct json_field fields[FAILURE_POINTS];
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        fields[i] = (struct json_field){failure_point_words[i], JSON_STRING, true, &names[i]};
    if (!json_read_object(json, node, fields, FAILURE_POINTS))
        return false;
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        if (!rules_read_sentence(rules, json, names[i], SENTENCE_PLACE_NAME,
                                 &rules->place_names[i]))
            return false;
    return true;
}

static bool is_unconditional(const struct scope *scope)
{
    return scope->when.count == 0 && scope->unless.count == 0 && scope->profile_count == 0 &&
           scope->proto.count == 0 && scope->places == UINT32_MAX && scope->second == UINT32_MAX &&
           scope->mechanisms == UINT32_MAX && scope->min_confidence <= 0 &&
           scope->max_confidence >= 1;
}

static bool read_summaries(struct rules *rules, const struct json *json)
{
    const cJSON *names, *list;
    const struct json_field fields[] = {
        {"place_names", JSON_OBJECT, true, &names},
        {"summaries", JSON_ARRAY, true, &list},
    };
    const struct entry_list *entries = &rules->entries[ENTRY_SUMMARY];
    if (!json_read_object(json, json_root(json), fields, COUNT(fields)) ||
        !read_place_names(rules, json, names) || !read_list(rules, json, ENTRY_SUMMARY, list))
        return false;
    if (entries->count == 0)
        return json_fail(json, list, "expected at least one summary");
    if (!is_unconditional(&entries->all[entries->count - 1].scope))
        return json_fail(json, cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1),
                         "the last summary must hold always: expected only \"text\"");
    return true;
}

/* Thresholds */

static bool read_threshold(struct rules *rules, const struct json *json, const cJSON *node)
{
    const cJSON *value, *unit, *source, *why;
    const struct json_field fields[] = {
        {"value", JSON_NUMBER, true, &value},
        {"unit", JSON_STRING, true, &unit},
        {"source", JSON_STRING, true, &source},
        {"why", JSON_STRING, false, &why},
    };
    if (rules->threshold_count == THRESHOLDS_MAX)
        return json_fail_at_name(json, node, "more than %d thresholds", THRESHOLDS_MAX);
    if (strspn(node->string, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(node->string) ||
        !*node->string)
        return json_fail_at_name(json, node, "expected a name of small letters, digits and ._-");
    if (!json_read_object(json, node, fields, COUNT(fields)))
        return false;
    rules->thresholds =
        memory_resize(rules->thresholds, rules->threshold_count + 1, sizeof *rules->thresholds);
    rules->thresholds[rules->threshold_count++] =
        (struct threshold){node->string, value->valuedouble};
    return true;
}

static bool read_thresholds(struct rules *rules, const struct json *json)
{
    const cJSON *all;
    const struct json_field fields[] = {{"thresholds", JSON_OBJECT, true, &all}};
    if (!json_read_object(json, json_root(json), fields, COUNT(fields)))
        return false;
    for (const cJSON *node = all->child; node; node = node->next)
        if (!read_threshold(rules, json, node))
            return false;
    return true;
}

/* Files */

/* Which file holds what; the first line that fits counts. */
static const struct {
    const char *folder;
    const char *name; /* NULL: any */
    bool (*read)(struct rules *rules, const struct json *json);
} file_kinds[] = {
    {"attribution", "mechanisms", read_mechanisms},
    {"attribution", "summaries", read_summaries},
    {"attribution", "next-steps", read_next_steps},
    {"attribution", "topologies", read_topologies},
    {"attribution", NULL, read_rules},
    {"remedies", "letters", read_letters},
    {"remedies", NULL, read_remedies},
    {"", "thresholds", read_thresholds},
};

bool rules_read_file(struct rules *rules, const char *folder, const char *name, struct json *json)
{
    if (!json)
        return false;
    if (rules->document_count == DOCUMENTS_MAX) {
        json_fail(json, json_root(json), "more than %d files", DOCUMENTS_MAX);
        json_free(json);
        return false;
    }
    rules->documents[rules->document_count++] = json;
    for (size_t i = 0; i < COUNT(file_kinds); i++)
        if (strcmp(file_kinds[i].folder, folder) == 0 &&
            (!file_kinds[i].name || strcmp(file_kinds[i].name, name) == 0))
            return file_kinds[i].read(rules, json);
    return json_fail(json, json_root(json), "no such file belongs here");
}

static bool load_file(struct rules *rules, const char *directory, const char *folder,
                      const char *name, struct error *error)
{
    char path[PATH_MAX];
    int length =
        snprintf(path, sizeof path, "%s/%s%s%s.json", directory, folder, *folder ? "/" : "", name);
    if (length < 0 || (size_t)length >= sizeof path)
        return error_set(error, "%s: this path is too long", directory);
    return rules_read_file(rules, folder, name, json_load(path, error));
}

static bool load_folder(struct rules *rules, const char *directory, const char *folder,
                        struct error *error)
{
    char path[PATH_MAX];
    size_t count;
    int length = snprintf(path, sizeof path, "%s/%s", directory, folder);
    if (length < 0 || (size_t)length >= sizeof path)
        return error_set(error, "%s: this path is too long", directory);
    char **names = json_directory(path, &count, error);
    bool good = names != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = load_file(rules, directory, folder, names[i], error);
    if (names)
        json_directory_free(names, count);
    return good;
}

bool rules_complete(const struct rules *rules, const char *directory, struct error *error)
{
    if (rules->rule_count == 0)
        return error_set(error, "%s/attribution: there are no rules", directory);
    if (rules->entries[ENTRY_MECHANISM].count == 0)
        return error_set(error, "%s/attribution/mechanisms.json: there are no mechanisms",
                         directory);
    if (rules->entries[ENTRY_SUMMARY].count == 0)
        return error_set(error, "%s/attribution/summaries.json: there are no summaries", directory);
    return true;
}

struct rules *rules_new(const struct fact_definition *facts, size_t fact_count)
{
    struct rules *rules = memory_zeroed(1, sizeof *rules);
    rules->facts = facts;
    rules->fact_count = fact_count;
    rules->symptom = rules_fact(rules, "symptom");
    return rules;
}

struct rules *rules_load(const char *directory, const struct fact_definition *facts,
                         size_t fact_count, struct error *error)
{
    struct rules *rules = rules_new(facts, fact_count);
    if (load_folder(rules, directory, "attribution", error) &&
        load_folder(rules, directory, "remedies", error) &&
        load_file(rules, directory, "", "thresholds", error) &&
        rules_complete(rules, directory, error))
        return rules;
    rules_free(rules);
    return NULL;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->rule_count; i++)
        rules_free_scope(&rules->rules[i].scope);
    for (size_t kind = 0; kind < ENTRY_KINDS; kind++) {
        for (size_t i = 0; i < rules->entries[kind].count; i++)
            rules_free_scope(&rules->entries[kind].all[i].scope);
        free(rules->entries[kind].all);
    }
    for (size_t i = 0; i < rules->document_count; i++)
        json_free(rules->documents[i]);
    free(rules->rules);
    free(rules->thresholds);
    free(rules);
}

bool rules_threshold(const struct rules *rules, const char *name, double *value,
                     struct error *error)
{
    struct json_nearest nearest = {.wrong = name};
    char hint[JSON_HINT_MAX];
    for (size_t i = 0; i < rules->threshold_count; i++) {
        if (strcmp(rules->thresholds[i].name, name) == 0) {
            *value = rules->thresholds[i].value;
            return true;
        }
        json_nearest_offer(&nearest, rules->thresholds[i].name);
    }
    return error_set(error, "thresholds.json: there is no threshold \"%s\"%s", name,
                     json_nearest_hint(&nearest, hint));
}
