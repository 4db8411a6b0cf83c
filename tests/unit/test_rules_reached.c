/* Rules that no capture of the lab can reach (tests/lab/ledger.py, BEYOND_THE_LAB): that each holds
 * and counts where its facts are there, and does not where one of them is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/rules_account.h"

enum { FACTS_MAX = 6 };

struct given {
    enum fact_id id;
    const char *word; /* NULL: the number */
    double number;
};

/* The last fact is the one that decides: with `otherwise` in its place the rule must not hold. */
struct reach {
    const char *rule;
    struct given facts[FACTS_MAX];
    size_t count;
    struct given otherwise;
};

#define WORD(id, word)                                                                             \
    {                                                                                              \
        FACT_##id, word, 0                                                                         \
    }
#define NUMBER(id, number)                                                                         \
    {                                                                                              \
        FACT_##id, NULL, number                                                                    \
    }
#define TIMER(rule, proto, survived, died, longer)                                                 \
    {                                                                                              \
        rule,                                                                                      \
            {WORD(SYMPTOM, "stall-midstream"), WORD(PROTO, proto), NUMBER(TIMER_SHARP, 1),         \
             NUMBER(TIMER_SURVIVED_S, survived), NUMBER(TIMER_DIED_S, died)},                      \
            5, NUMBER(TIMER_DIED_S, longer)                                                        \
    }

static const struct reach reached[] = {
    TIMER("timer-default-30", "udp", 20, 35, 25),
    TIMER("timer-default-120", "udp", 100, 130, 110),
    TIMER("timer-default-240", "tcp", 200, 250, 230),
    TIMER("timer-default-350", "tcp", 300, 360, 340),
    TIMER("timer-default-3600", "tcp", 3000, 3700, 3500),
    {"drops-at-server",
     {WORD(SYMPTOM, "syn-timeout"), WORD(VANTAGE, "server"), NUMBER(CAPTURE_DROPS, 1)},
     3,
     NUMBER(CAPTURE_DROPS, 0)},
    {"alert-hidden",
     {WORD(SYMPTOM, "tls-failure"), WORD(VANTAGE, "client"), WORD(TLS_ALERT_FROM, "initiator"),
      WORD(TLS_ALERT, "hidden")},
     4,
     WORD(TLS_ALERT, "unknown-ca")},
    {"rst-class-of-pf",
     {WORD(SYMPTOM, "syn-reset"), WORD(VANTAGE, "client"), WORD(PATH, "internet"),
      WORD(RST_CLASS, "low-delay")},
     4,
     WORD(RST_CLASS, "none")},
    {"sinkhole-unheard",
     {WORD(SYMPTOM, "syn-timeout"), WORD(VANTAGE, "client"), WORD(DNS_ANSWER, "sinkhole-unheard")},
     3,
     WORD(DNS_ANSWER, "public")},
    {"icmp-behind-nat",
     {WORD(SYMPTOM, "icmp-unreachable"), WORD(VANTAGE, "client"), WORD(ICMP_REASON, "admin"),
      WORD(ICMP_NAT, "translated")},
     4,
     WORD(ICMP_NAT, "as-sent")},
    {"rst-nearer",
     {WORD(SYMPTOM, "syn-reset"), WORD(VANTAGE, "edge-lan"), WORD(PATH, "internet"),
      WORD(RST_FROM, "responder"), WORD(RST_TTL, "nearer")},
     5,
     WORD(RST_TTL, "same")},
    {"rst-nearer-far",
     {WORD(SYMPTOM, "syn-reset"), WORD(VANTAGE, "client"), WORD(PATH, "internet"),
      WORD(RST_FROM, "responder"), NUMBER(RST_HOPS, 5), WORD(RST_TTL, "nearer")},
     6,
     WORD(RST_TTL, "same")},
    {"served-in-between-silent",
     {WORD(SYMPTOM, "syn-timeout"), WORD(VANTAGE, "client"), WORD(PATH, "same-link"),
      WORD(CONTROL_BETWEEN, "answered")},
     4,
     WORD(CONTROL_BETWEEN, "none")},
    {"page-proxy-server",
     {WORD(SYMPTOM, "http-blocked"), WORD(VANTAGE, "server"), WORD(HTTP_PAGE, "proxy")},
     3,
     WORD(HTTP_PAGE, "none")},
    {"prior-synack-server",
     {WORD(SYMPTOM, "synack-unanswered"), WORD(VANTAGE, "server"), WORD(PATH, "internet"),
      NUMBER(CLIENT_REPEATS_SYN, 0)},
     4,
     NUMBER(CLIENT_REPEATS_SYN, 1)},
};

static void set(struct fact facts[FACT_COUNT], const struct given *given)
{
    facts[given->id] = (struct fact){.known = true, .word = given->word, .number = given->number};
}

static bool counts(const struct rules *rules, const struct fact *facts, const char *rule)
{
    static struct rule_line lines[RULES_MAX];
    size_t count = rules_account(rules, facts, NULL, lines);
    for (size_t i = 0; i < count; i++)
        if (strcmp(lines[i].rule, rule) == 0)
            return !lines[i].yields_to;
    return false;
}

static void each_is_reached(void **state)
{
    (void)state;
    struct error error = {0};
    struct rules *rules = rules_load("rules", fact_definitions, FACT_COUNT, &error);
    assert_non_null(rules);
    for (size_t i = 0; i < sizeof reached / sizeof *reached; i++) {
        const struct reach *reach = &reached[i];
        struct fact facts[FACT_COUNT] = {0};
        for (size_t f = 0; f < reach->count; f++)
            set(facts, &reach->facts[f]);
        if (!counts(rules, facts, reach->rule))
            fail_msg("%s does not count", reach->rule);
        set(facts, &reach->otherwise);
        if (counts(rules, facts, reach->rule))
            fail_msg("%s counts without its reason", reach->rule);
    }
    rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
