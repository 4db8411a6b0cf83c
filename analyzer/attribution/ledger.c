#include "analyzer/attribution/ledger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/memory.h"

/* Everything that is at work while a ledger is made. */
struct accounting {
    const struct rules *rules;
    struct fact *facts;
    const struct variable *variables;
    struct ledger *ledger;
    /* The lines of each reading. */
    struct rule_line *lines[READINGS_MAX];
    size_t line_count[READINGS_MAX];
};

static enum failure_point likeliest(const double probability[FAILURE_POINTS])
{
    enum failure_point best = 0;
    for (unsigned place = 1; place < FAILURE_POINTS; place++)
        if (probability[place] > probability[best])
            best = (enum failure_point)place;
    return best;
}

/* --- what was added up --- */

static void account_readings(struct accounting *accounting)
{
    const struct readings *readings = &accounting->ledger->readings;
    for (size_t i = 0; i < readings->count; i++) {
        weighing_set(accounting->facts, readings, &readings->at[i]);
        accounting->lines[i] = memory_zeroed(RULES_MAX, sizeof *accounting->lines[i]);
        accounting->line_count[i] = rules_account(accounting->rules, accounting->facts,
                                                  accounting->variables, accounting->lines[i]);
    }
}

/* The probabilities of a reading in which the rule `without` is not there: the next of its group
 * that holds counts in its place. NULL: with all of them. */
static void add_up(const struct accounting *accounting, size_t reading, const char *without,
                   double probability[FAILURE_POINTS])
{
    double sum[FAILURE_POINTS] = {0};
    bool replaced = false;
    for (size_t i = 0; i < accounting->line_count[reading]; i++) {
        const struct rule_line *line = &accounting->lines[reading][i];
        bool replaces = without && !replaced && line->yields_to == without;
        if (line->rule == without || (line->yields_to && !replaces))
            continue;
        replaced |= replaces;
        for (int place = 0; place < FAILURE_POINTS; place++)
            sum[place] += line->weight[place];
    }
    rules_softmax(sum, probability);
}

static void mix(const struct accounting *accounting, const char *without,
                double probability[FAILURE_POINTS])
{
    const struct readings *readings = &accounting->ledger->readings;
    memset(probability, 0, FAILURE_POINTS * sizeof *probability);
    for (size_t i = 0; i < readings->count; i++) {
        double here[FAILURE_POINTS];
        add_up(accounting, i, without, here);
        for (int place = 0; place < FAILURE_POINTS; place++)
            probability[place] += readings->at[i].share * here[place];
    }
}

static void note_line(const struct rule_line *line, size_t reading, struct ledger_rule *row)
{
    row->rule = line->rule;
    row->group = line->group;
    row->source = line->source;
    memcpy(row->weight, line->weight, sizeof row->weight);
    if (line->yields_to) {
        row->yields |= UINT32_C(1) << reading;
        row->yields_to = line->yields_to;
    } else {
        row->counts |= UINT32_C(1) << reading;
    }
}

/* One row for each rule, whatever the readings it holds in. */
static void fill_rules(struct accounting *accounting)
{
    struct ledger *ledger = accounting->ledger;
    ledger->rules = memory_zeroed(rules_count(accounting->rules), sizeof *ledger->rules);
    for (size_t index = 0; index < rules_count(accounting->rules); index++) {
        struct ledger_rule *row = &ledger->rules[ledger->rule_count];
        for (size_t r = 0; r < ledger->readings.count; r++)
            for (size_t i = 0; i < accounting->line_count[r]; i++)
                if (accounting->lines[r][i].index == index)
                    note_line(&accounting->lines[r][i], r, row);
        if (!row->rule)
            continue;
        mix(accounting, row->rule, row->without);
        ledger->rule_count++;
    }
}

/* --- what would have changed it --- */

static double gap(const double a[FAILURE_POINTS], const double b[FAILURE_POINTS])
{
    double sum = 0;
    for (int place = 0; place < FAILURE_POINTS; place++)
        sum += fabs(a[place] - b[place]);
    return sum;
}

static bool is_better(const struct ledger *ledger, const struct ledger_turn *a,
                      const struct ledger_turn *b)
{
    if (a->turns != b->turns)
        return a->turns;
    return gap(a->probability, ledger->probability) > gap(b->probability, ledger->probability);
}

static bool same_supposition(const struct ledger_turn *a, const struct ledger_turn *b)
{
    bool same = a->supposed_count == b->supposed_count;
    for (size_t i = 0; same && i < a->supposed_count; i++)
        same = a->supposed[i].id == b->supposed[i].id &&
               a->supposed[i].value.word == b->supposed[i].value.word &&
               !(fabs(a->supposed[i].value.number - b->supposed[i].value.number) > 0);
    return same;
}

/* Keeps the TURNS_MAX best, best first. */
static void offer_turn(struct ledger *ledger, const struct ledger_turn *turn)
{
    size_t at = ledger->turn_count;
    for (size_t i = 0; i < ledger->turn_count; i++)
        if (same_supposition(&ledger->turns[i], turn))
            return;
    if (at == TURNS_MAX && !is_better(ledger, turn, &ledger->turns[--at]))
        return;
    for (; at > 0 && is_better(ledger, turn, &ledger->turns[at - 1]); at--)
        ledger->turns[at] = ledger->turns[at - 1];
    ledger->turns[at] = *turn;
    if (ledger->turn_count < TURNS_MAX)
        ledger->turn_count++;
}

/* Less than this is not worth a line. */
#define TURN_NOTICED 0.10

/* Supposes what the rule lacks in the likeliest reading in which that makes it hold. */
static void try_rule(struct accounting *accounting, size_t index)
{
    struct ledger *ledger = accounting->ledger;
    const struct readings *readings = &ledger->readings;
    for (size_t r = 0; r < readings->count; r++) {
        struct fact supposed[FACT_COUNT];
        struct supposition lacks;
        struct ledger_turn turn = {.rule = rules_name(accounting->rules, index)};
        memcpy(supposed, ledger->facts, sizeof supposed);
        weighing_set(supposed, readings, &readings->at[r]);
        if (!rules_suppose(accounting->rules, index, supposed, accounting->variables, &lacks))
            continue;
        for (size_t i = 0; i < lacks.count; i++) {
            turn.supposed[turn.supposed_count].id = (enum fact_id)lacks.fact[i];
            turn.supposed[turn.supposed_count++].value = supposed[lacks.fact[i]];
        }
        rules_explain(accounting->rules, index, supposed, accounting->variables, turn.text);
        weigh_readings(accounting->rules, supposed, accounting->variables, readings,
                       turn.probability);
        turn.turns = likeliest(turn.probability) != likeliest(ledger->probability);
        if (turn.turns || gap(turn.probability, ledger->probability) >= TURN_NOTICED)
            offer_turn(ledger, &turn);
        return;
    }
}

struct ledger *ledger_new(const struct rules *rules, struct fact facts[FACT_COUNT],
                          const struct variable *variables, const struct readings *readings)
{
    struct ledger *ledger = memory_zeroed(1, sizeof *ledger);
    struct accounting accounting = {
        .rules = rules, .facts = facts, .variables = variables, .ledger = ledger};
    ledger->readings = *readings;
    memcpy(ledger->facts, facts, sizeof ledger->facts);
    account_readings(&accounting);
    for (size_t i = 0; i < readings->count; i++)
        add_up(&accounting, i, NULL, ledger->reading[i]);
    mix(&accounting, NULL, ledger->probability);
    fill_rules(&accounting);
    for (size_t index = 0; index < rules_count(rules); index++)
        try_rule(&accounting, index);
    for (size_t i = 0; i < readings->count; i++)
        free(accounting.lines[i]);
    memcpy(facts, ledger->facts, sizeof ledger->facts);
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    free(ledger->rules);
    free(ledger);
}
