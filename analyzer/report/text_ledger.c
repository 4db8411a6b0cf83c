#include "analyzer/report/text_ledger.h"

#include <math.h>
#include <string.h>

#include "analyzer/attribution/ledger.h"
#include "analyzer/report/view.h"

enum {
    HEADING_INDENT = 4,
    ROW_INDENT = 6,
    NAME_COLUMNS = 31, /* longer names have a line of their own */
    PLACE_COLUMNS = 6,
    LAST_COLUMNS = 6,
    CELL = 32,
};

static const char *const columns[FAILURE_POINTS] = {
    [LOCAL_FIREWALL] = "local", [EDGE_FIREWALL] = "edge", [EGRESS_POLICY] = "egress",
    [SERVER_HOST] = "host",     [NETWORK_PATH] = "path",  [APPLICATION] = "app",
};

static void heading(struct page *page, const char *text, const char *more)
{
    page->indent = HEADING_INDENT;
    page_line(page);
    page_style(page, STYLE_STRONG);
    page_text(page, text);
    page_style(page, STYLE_PLAIN);
    page_text(page, more);
    page_line(page);
}

/* Right-aligned in the column of a place; FAILURE_POINTS is the one after them. */
static void put_cell(struct page *page, int place, const char *text)
{
    unsigned width = place == FAILURE_POINTS ? LAST_COLUMNS : PLACE_COLUMNS;
    unsigned end = ROW_INDENT + NAME_COLUMNS + (unsigned)place * PLACE_COLUMNS + width;
    unsigned length = (unsigned)strlen(text);
    page_tab(page, end > length ? end - length : 0);
    page_text(page, text);
}

static void put_name(struct page *page, const char *name)
{
    page->indent = ROW_INDENT;
    page_text(page, name);
    if (strlen(name) > NAME_COLUMNS)
        page_line(page);
}

static void put_titles(struct page *page, const char *first, const char *last)
{
    page_style(page, STYLE_FAINT);
    put_name(page, first);
    for (int place = 0; place < FAILURE_POINTS; place++)
        put_cell(page, place, columns[place]);
    if (last)
        put_cell(page, FAILURE_POINTS, last);
    page_style(page, STYLE_PLAIN);
    page_line(page);
}

static const char *percent(double probability, char text[CELL])
{
    snprintf(text, CELL, "%.*f%%", probability < 0.0095 ? 1 : 0, 100 * probability);
    return text;
}

static void put_probabilities(struct page *page, const char *name, const double *probability)
{
    char text[CELL];
    put_name(page, name);
    for (int place = 0; place < FAILURE_POINTS; place++)
        put_cell(page, place, percent(probability[place], text));
    page_line(page);
}

/* --- the parts --- */

static void put_readings(struct page *page, const struct ledger *ledger)
{
    char name[3 * CELL + READING_NAME], share[CELL], reading[READING_NAME];
    heading(page, "OUTCOME", "  of the rules below, for each place where it may be taken");
    put_titles(page, "capture taken", NULL);
    for (size_t i = 0; i < ledger->readings.count; i++) {
        snprintf(name, sizeof name, "at %s, %s sure", reading_name(&ledger->readings, i, reading),
                 percent(ledger->readings.at[i].share, share));
        put_probabilities(page, name, ledger->reading[i]);
    }
    if (ledger->readings.count > 1)
        put_probabilities(page, "mixed in these shares", ledger->probability);
}

/* " at client, edge-wan": where it counts, if that is not everywhere. */
static void put_where(struct page *page, const struct ledger *ledger, uint32_t where)
{
    char name[READING_NAME];
    const char *before = " only at ";
    for (size_t i = 0; i < ledger->readings.count; i++) {
        if (!(where >> i & 1))
            continue;
        page_printf(page, "%s%s", before, reading_name(&ledger->readings, i, name));
        before = ", ";
    }
}

static void put_rule(struct page *page, const struct ledger *ledger, enum failure_point first,
                     const struct ledger_rule *rule)
{
    char text[CELL];
    put_name(page, rule->rule);
    for (int place = 0; place < FAILURE_POINTS; place++) {
        snprintf(text, sizeof text, "%+.1f", rule->weight[place]);
        put_cell(page, place, fabs(rule->weight[place]) < 0.05 ? "." : text);
    }
    put_cell(page, FAILURE_POINTS, percent(rule->without[first], text));
    page_line(page);
    if (rule->counts == (UINT32_C(1) << ledger->readings.count) - 1)
        return;
    page->indent = ROW_INDENT + 2;
    page_style(page, STYLE_FAINT);
    page_text(page, "counts");
    put_where(page, ledger, rule->counts);
    page_style(page, STYLE_PLAIN);
    page_line(page);
}

static void put_rules(struct page *page, const struct ledger *ledger, enum failure_point first)
{
    heading(page, "LEDGER", "  log-odds added by each rule: +0.7 doubles, -2.3 is a tenth");
    page->indent = ROW_INDENT;
    page_printf(page, "w/o: what would be left for %s if there were no such rule.",
                place_phrases[first].name);
    page_line(page);
    put_titles(page, "rule", "w/o");
    for (size_t i = 0; i < ledger->rule_count; i++)
        if (ledger->rules[i].counts)
            put_rule(page, ledger, first, &ledger->rules[i]);
    for (size_t i = 0; i < ledger->rule_count; i++) {
        const struct ledger_rule *rule = &ledger->rules[i];
        if (rule->counts)
            continue;
        page->indent = ROW_INDENT;
        page_printf(page, "Holds but does not count: %s, the same observation (%s) as %s.",
                    rule->rule, rule->group, rule->yields_to);
        page_line(page);
    }
}

static void put_fact_value(struct page *page, enum fact_id id, const struct fact *fact)
{
    switch (fact_definitions[id].type) {
    case FACT_WORD:
        page_printf(page, "%s = %s", fact_definitions[id].name, fact->word);
        break;
    case FACT_NUMBER:
        page_printf(page, "%s = %.4g", fact_definitions[id].name, fact->number);
        break;
    case FACT_FLAG:
        page_printf(page, "%s = %s", fact_definitions[id].name, fact->number > 0 ? "yes" : "no");
        break;
    }
}

static void put_facts(struct page *page, const struct ledger *ledger)
{
    const char *before = "";
    heading(page, "FACTS", "  what was established; the rest is not known");
    page->indent = ROW_INDENT;
    for (int id = 0; id < FACT_COUNT; id++) {
        if (!ledger->facts[id].known)
            continue;
        page_text(page, before);
        put_fact_value(page, (enum fact_id)id, &ledger->facts[id]);
        before = "; ";
    }
    page_line(page);
}

static enum failure_point likeliest(const double *probability)
{
    enum failure_point best = 0;
    for (unsigned place = 1; place < FAILURE_POINTS; place++)
        if (probability[place] > probability[best])
            best = (enum failure_point)place;
    return best;
}

static void put_turn(struct page *page, const struct ledger_turn *turn)
{
    char share[CELL];
    enum failure_point first = likeliest(turn->probability);
    page->indent = ROW_INDENT;
    page_text(page, turn->turns ? "! " : "* ");
    page->indent = ROW_INDENT + 2;
    for (size_t i = 0; i < turn->supposed_count; i++) {
        page_text(page, i > 0 ? " and " : "");
        put_fact_value(page, turn->supposed[i].id, &turn->supposed[i].value);
    }
    page_printf(page, ": %s %s", place_phrases[first].name,
                percent(turn->probability[first], share));
    page_line(page);
    page_style(page, STYLE_FAINT);
    page_printf(page, "\"%s\" [%s]", turn->text, turn->rule);
    page_style(page, STYLE_PLAIN);
    page_line(page);
}

static void put_turns(struct page *page, const struct ledger *ledger)
{
    if (ledger->turn_count == 0)
        return;
    heading(page, "WHAT WOULD HAVE CHANGED IT", "  (! another place would come first)");
    for (size_t i = 0; i < ledger->turn_count; i++)
        put_turn(page, &ledger->turns[i]);
}

void text_ledger(struct page *page, const struct finding *finding)
{
    const struct ledger *ledger = finding->ledger;
    heading(page, "EXPLAINED", "");
    page->indent = ROW_INDENT;
    page_printf(page,
                "Finding %s. local, edge and egress are the firewalls; host, path and app "
                "are none.",
                finding->id);
    page_line(page);
    put_readings(page, ledger);
    put_rules(page, ledger, finding->verdict.place);
    put_turns(page, ledger);
    put_facts(page, ledger);
}
