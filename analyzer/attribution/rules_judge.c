/* Facts to a verdict, by the loaded rules. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/rules_account.h"
#include "analyzer/attribution/rules_internal.h"
#include "analyzer/memory.h"

/* A place under this probability is not worth a word among the candidates. */
#define CANDIDATE_LEAST 0.10

enum { CANDIDATES_TEXT_MAX = FAILURE_POINTS * (SENTENCE_MAX + 16) };

struct judgement {
    const struct rules *rules;
    const struct fact *facts;
    const struct variable *variables;
    struct verdict *verdict;
    enum failure_point order[FAILURE_POINTS]; /* likeliest first */
};

/* A rule that holds. */
struct held {
    const struct rule *rule;
    const struct clause *clause; /* of its `when` */
    double effect;               /* on the place of the verdict */
};

static bool is_of_profile(const struct scope *scope, const struct variable *variables)
{
    const char *profile = rules_variable(variables, "profile");
    if (scope->profile_count == 0)
        return true;
    for (size_t i = 0; profile && i < scope->profile_count; i++)
        if (strcmp(scope->profiles[i], profile) == 0)
            return true;
    return false;
}

bool rules_scope_fits(const struct rules *rules, const struct scope *scope,
                      const struct fact *facts, const struct variable *variables,
                      const struct clause **clause)
{
    *clause = rules_clauses_hold(rules, &scope->when, facts);
    return (*clause || scope->when.count == 0) && is_of_profile(scope, variables) &&
           rules_clause_holds(rules, &scope->proto, facts) &&
           !rules_clauses_hold(rules, &scope->unless, facts);
}

static bool facts_hold(const struct judgement *judgement, const struct scope *scope,
                       const struct clause **clause)
{
    return rules_scope_fits(judgement->rules, scope, judgement->facts, judgement->variables,
                            clause);
}

static bool has(uint32_t set, unsigned index)
{
    return set >> index & 1;
}

static bool scope_holds(const struct judgement *judgement, const struct scope *scope)
{
    const struct verdict *verdict = judgement->verdict;
    const struct clause *clause;
    double confidence = verdict->probability[verdict->place];
    return has(scope->places, judgement->order[0]) && has(scope->second, judgement->order[1]) &&
           has(scope->mechanisms, verdict->mechanism) && confidence >= scope->min_confidence &&
           confidence <= scope->max_confidence && facts_hold(judgement, scope, &clause);
}

static const struct entry *first_entry(const struct judgement *judgement, enum entry_kind kind)
{
    const struct entry_list *entries = &judgement->rules->entries[kind];
    for (size_t i = 0; i < entries->count; i++)
        if (scope_holds(judgement, &entries->all[i].scope))
            return &entries->all[i];
    return NULL;
}

/* All rules that hold, of each group only the first. */
static size_t hold_rules(const struct judgement *judgement, struct held held[RULES_MAX])
{
    const struct rules *rules = judgement->rules;
    bool taken[RULES_MAX] = {false};
    size_t count = 0;
    for (size_t i = 0; i < rules->rule_count; i++) {
        const struct rule *rule = &rules->rules[i];
        const struct clause *clause;
        if (rule->group != NO_GROUP && taken[rule->group])
            continue;
        if (!facts_hold(judgement, &rule->scope, &clause))
            continue;
        if (rule->group != NO_GROUP)
            taken[rule->group] = true;
        held[count++] = (struct held){.rule = rule, .clause = clause};
    }
    return count;
}

/* The greatest sum is taken off first, so that no exponential overflows; then every place gets the
 * floor, which keeps the order and the sum of 1. */
void rules_softmax(const double sum[FAILURE_POINTS], double probability[FAILURE_POINTS])
{
    double greatest = -INFINITY, total = 0;
    for (size_t place = 0; place < FAILURE_POINTS; place++)
        greatest = fmax(greatest, sum[place]);
    for (size_t place = 0; place < FAILURE_POINTS; place++) {
        probability[place] = exp(sum[place] - greatest);
        total += probability[place];
    }
    for (size_t place = 0; place < FAILURE_POINTS; place++)
        probability[place] = PROBABILITY_FLOOR +
                             (1 - FAILURE_POINTS * PROBABILITY_FLOOR) * probability[place] / total;
}

static void add_up(const struct held *held, size_t count, double probability[FAILURE_POINTS])
{
    double sum[FAILURE_POINTS] = {0};
    for (size_t place = 0; place < FAILURE_POINTS; place++)
        for (size_t i = 0; i < count; i++)
            sum[place] += held[i].rule->weight[place];
    rules_softmax(sum, probability);
}

/* Places by probability; of equals the one named first in the contract. */
static void order_places(struct judgement *judgement)
{
    const double *probability = judgement->verdict->probability;
    for (unsigned place = 0; place < FAILURE_POINTS; place++) {
        unsigned at = place;
        for (; at > 0 && probability[judgement->order[at - 1]] < probability[place]; at--)
            judgement->order[at] = judgement->order[at - 1];
        judgement->order[at] = (enum failure_point)place;
    }
    judgement->verdict->place = judgement->order[0];
}

/* How far a rule moved `place` against the mean of the others. */
static double effect_on(const struct rule *rule, enum failure_point place)
{
    double others = 0;
    for (unsigned i = 0; i < FAILURE_POINTS; i++)
        others += i == place ? 0 : rule->weight[i];
    return fabs(rule->weight[place] - others / (FAILURE_POINTS - 1));
}

static int compare_effects(const void *left, const void *right)
{
    const struct held *a = left, *b = right;
    if (a->effect > b->effect || a->effect < b->effect)
        return a->effect > b->effect ? -1 : 1;
    return (a->rule > b->rule) - (a->rule < b->rule); /* file order */
}

/* Frames are of one capture: another than the finding's own, where a fact is told by that, since
 * what both show (the symptom, most often) does not need it. */
static void collect_frames(const struct judgement *judgement, const struct clause *clause,
                           struct reason *reason)
{
    struct frame_list *frames = &reason->frames;
    for (size_t i = 0; clause && i < clause->count; i++) {
        const struct fact *fact = &judgement->facts[clause->conditions[i].fact];
        if (!fact->known || !fact->frames.count)
            continue;
        if (frames->count == 0 || (fact->elsewhere && !reason->elsewhere)) {
            reason->elsewhere = fact->elsewhere;
            *frames = (struct frame_list){0};
        }
        if (fact->elsewhere == reason->elsewhere)
            frame_list_join(frames, &fact->frames);
    }
    if (frames->count == 0 && judgement->rules->symptom != NO_FACT)
        frame_list_join(frames, &judgement->facts[judgement->rules->symptom].frames);
}

/* Of the length it has: there may be as many verdicts as there are failing clients. */
static char *filled(const struct sentence_values *values, const char *text, size_t size)
{
    char buffer[SENTENCE_MAX];
    rules_fill_sentence(values, text ? text : "", buffer, size);
    return memory_string(buffer);
}

/* The strongest come first, and are those that stay where there are more than fit. */
static void give_reasons(const struct judgement *judgement, struct held *held, size_t count)
{
    struct verdict *verdict = judgement->verdict;
    const struct sentence_values values = {judgement->rules, judgement->facts, judgement->variables,
                                           NULL};
    for (size_t i = 0; i < count; i++)
        held[i].effect = effect_on(held[i].rule, verdict->place);
    qsort(held, count, sizeof *held, compare_effects);
    if (count > VERDICT_REASONS_MAX)
        count = VERDICT_REASONS_MAX;
    verdict->reasons = memory_zeroed(count, sizeof *verdict->reasons);
    for (size_t i = 0; i < count; i++) {
        struct reason *reason = &verdict->reasons[verdict->reason_count++];
        reason->rule = held[i].rule->id;
        reason->source = held[i].rule->source;
        memcpy(reason->weight, held[i].rule->weight, sizeof reason->weight);
        reason->text = filled(&values, held[i].rule->text, SENTENCE_MAX);
        collect_frames(judgement, held[i].clause, reason);
    }
}

static int percent(double probability)
{
    return (int)lround(100 * probability);
}

/* "A (55 %), B (25 %) or C (15 %)" */
static void list_candidates(const struct judgement *judgement,
                            char names[FAILURE_POINTS][SENTENCE_MAX], char *text, size_t size)
{
    const double *probability = judgement->verdict->probability;
    size_t count = 1, used = 0;
    while (count < FAILURE_POINTS && probability[judgement->order[count]] >= CANDIDATE_LEAST)
        count++;
    for (size_t i = 0; i < count && used < size; i++) {
        const char *joint = i == 0 ? "" : i + 1 < count ? ", " : " or ";
        int length = snprintf(text + used, size - used, "%s%s (%d %%)", joint, names[i],
                              percent(probability[judgement->order[i]]));
        used += length > 0 ? (size_t)length : 0;
    }
}

static void fill_commands(const struct sentence_values *values, const struct entry *remedy,
                          struct verdict *verdict)
{
    verdict->commands = memory_zeroed(remedy->command_count, sizeof *verdict->commands);
    for (size_t i = 0; i < remedy->command_count; i++) {
        char text[COMMAND_MAX];
        if (rules_fill_command(values, remedy->commands[i].text, text, sizeof text))
            verdict->commands[verdict->command_count++] =
                (struct command){remedy->commands[i].platform, memory_string(text)};
    }
}

static void fill_stations(const struct sentence_values *values, const struct entry *topology,
                          struct verdict *verdict)
{
    verdict->topology = filled(values, topology->text, SENTENCE_MAX);
    verdict->stations = memory_zeroed(topology->station_count, sizeof *verdict->stations);
    verdict->station_count = topology->station_count;
    for (size_t i = 0; i < topology->station_count; i++) {
        struct station *station = &verdict->stations[i];
        station->kind = topology->stations[i].kind;
        station->places = topology->stations[i].places;
        station->aside = topology->stations[i].aside;
        station->name = filled(values, topology->stations[i].name, STATION_TEXT);
        station->note = filled(values, topology->stations[i].note, STATION_TEXT);
    }
}

static void fill_letter(const struct sentence_values *values, const struct entry *entry,
                        struct letter *letter)
{
    letter->subject = filled(values, entry->subject, SENTENCE_MAX);
    letter->text = filled(values, entry->text, SENTENCE_MAX);
    letter->check = filled(values, entry->check, SENTENCE_MAX);
}

/* Summary, next step and remedy, which may name the places and how sure the verdict is. */
static void put_into_words(const struct judgement *judgement)
{
    struct verdict *verdict = judgement->verdict;
    const struct rules *rules = judgement->rules;
    char names[FAILURE_POINTS][SENTENCE_MAX], candidates[CANDIDATES_TEXT_MAX], confidence[16];
    struct sentence_values values = {rules, judgement->facts, judgement->variables, NULL};
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        const char *name = rules->place_names[judgement->order[i]];
        rules_fill_sentence(&values, name ? name : failure_point_words[judgement->order[i]],
                            names[i], sizeof names[i]);
    }
    list_candidates(judgement, names, candidates, sizeof candidates);
    snprintf(confidence, sizeof confidence, "%d", percent(verdict->probability[verdict->place]));
    const struct variable of_verdict[] = {
        {"first", names[0]},
        {"second", names[1]},
        {"confidence", confidence},
        {"candidates", candidates},
        {"mechanism", mechanism_words[verdict->mechanism]},
        {NULL, NULL},
    };
    values.verdict = of_verdict;

    const struct entry *summary = first_entry(judgement, ENTRY_SUMMARY);
    verdict->summary = filled(&values, summary ? summary->text : NULL, SENTENCE_MAX);

    const struct entry *step = first_entry(judgement, ENTRY_NEXT_STEP);
    verdict->has_next_step = step != NULL;
    verdict->next_step = filled(&values, step ? step->text : NULL, SENTENCE_MAX);

    const struct entry *letter = first_entry(judgement, ENTRY_LETTER);
    if (letter)
        fill_letter(&values, letter, &verdict->letter);
    const struct entry *topology = first_entry(judgement, ENTRY_TOPOLOGY);
    if (topology)
        fill_stations(&values, topology, verdict);

    const struct entry *remedy = first_entry(judgement, ENTRY_REMEDY);
    verdict->who = filled(&values, remedy ? remedy->who : NULL, SENTENCE_MAX);
    verdict->action = filled(&values, remedy ? remedy->action : NULL, SENTENCE_MAX);
    if (remedy)
        fill_commands(&values, remedy, verdict);
}

void rules_weigh(const struct rules *rules, const struct fact *facts,
                 const struct variable *variables, double probability[FAILURE_POINTS])
{
    const struct judgement judgement = {.rules = rules, .facts = facts, .variables = variables};
    struct held held[RULES_MAX];
    size_t count = hold_rules(&judgement, held);
    add_up(held, count, probability);
}

void rules_judge(const struct rules *rules, const struct fact *facts,
                 const struct variable *variables, const double *probability,
                 struct verdict *verdict)
{
    struct judgement judgement = {
        .rules = rules, .facts = facts, .variables = variables, .verdict = verdict};
    struct held held[RULES_MAX];
    memset(verdict, 0, sizeof *verdict);
    size_t count = hold_rules(&judgement, held);
    add_up(held, count, verdict->probability);
    if (probability)
        memcpy(verdict->probability, probability, sizeof verdict->probability);
    order_places(&judgement);
    give_reasons(&judgement, held, count);
    const struct entry *mechanism = first_entry(&judgement, ENTRY_MECHANISM);
    verdict->mechanism = mechanism ? mechanism->mechanism : MECHANISM_UNKNOWN;
    put_into_words(&judgement);
}

void verdict_release(struct verdict *verdict)
{
    char *const sentences[] = {
        verdict->summary,        verdict->who,         verdict->action,       verdict->next_step,
        verdict->letter.subject, verdict->letter.text, verdict->letter.check, verdict->topology,
    };
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        free(sentences[i]);
    for (size_t i = 0; i < verdict->reason_count; i++)
        free(verdict->reasons[i].text);
    for (size_t i = 0; i < verdict->command_count; i++)
        free(verdict->commands[i].text);
    for (size_t i = 0; i < verdict->station_count; i++) {
        free(verdict->stations[i].name);
        free(verdict->stations[i].note);
    }
    free(verdict->reasons);
    free(verdict->commands);
    free(verdict->stations);
    *verdict = (struct verdict){0};
}
