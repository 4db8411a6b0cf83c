/* The rule engine: what files may say, how conditions hold, how weights become a verdict. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/rules_internal.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A small table of facts, so that the tests do not change with the real one. */
enum { SYMPTOM, PROTO, COLOUR, SIZE, LOUD, FACTS };
static const char *const symptoms[] = {"silence", "refusal", NULL};
static const char *const protos[] = {"tcp", "udp", NULL};
static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct fact_definition definitions[FACTS] = {
    [SYMPTOM] = {"symptom", FACT_WORD, symptoms, "what failed"},
    [PROTO] = {"proto", FACT_WORD, protos, "transport"},
    [COLOUR] = {"colour", FACT_WORD, colours, "a word"},
    [SIZE] = {"size", FACT_NUMBER, NULL, "a number"},
    [LOUD] = {"loud", FACT_FLAG, NULL, "a flag"},
};

#define NAMES                                                                                      \
    "\"place_names\": {\"local-firewall\": \"the host's filter\", \"edge-firewall\": \"the edge "  \
    "of {server}\", \"egress-policy\": \"the way out\", \"server-host\": \"the host\", "           \
    "\"network-path\": \"the path\", \"application\": \"the program\"}"

static struct rules *fresh(void)
{
    return rules_new(definitions, FACTS);
}

static bool read_text(struct rules *rules, const char *folder, const char *name, const char *text,
                      struct error *error)
{
    return rules_read_file(rules, folder, name, json_parse("f.json", text, strlen(text), error));
}

static void must_read(struct rules *rules, const char *folder, const char *name, const char *text)
{
    struct error error = {""};
    if (!read_text(rules, folder, name, text, &error))
        fail_msg("%s", error.text);
}

static void set_word(struct fact *fact, const char *word, uint64_t frame)
{
    *fact = (struct fact){.known = true, .word = word};
    frame_list_add(&fact->frames, frame);
}

static void set_number(struct fact *fact, double number, uint64_t frame)
{
    *fact = (struct fact){.known = true, .number = number};
    frame_list_add(&fact->frames, frame);
}

/* A verdict is too large for the stack of every test. */
static struct verdict *judge(const struct rules *rules, const struct fact *facts,
                             const struct variable *variables)
{
    struct verdict *verdict = malloc(sizeof *verdict);
    rules_judge(rules, facts, variables, NULL, verdict);
    return verdict;
}

static void drop(struct verdict *verdict)
{
    verdict_release(verdict);
    free(verdict);
}

struct error_case {
    const char *folder, *name, *text, *error;
};

static void expect_errors(const struct error_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rules *rules = fresh();
        struct error error = {""};
        assert_false(read_text(rules, cases[i].folder, cases[i].name, cases[i].text, &error));
        assert_string_equal(error.text, cases[i].error);
        rules_free(rules);
    }
}

#define RULE(when, rest)                                                                           \
    "{\"rules\": [\n{\"id\": \"a\", \"when\": " when ",\n \"weights\": {\"edge-firewall\": 1},\n " \
    "\"text\": \"t\", \"source\": \"s\"" rest "}]}"

static void conditions_are_checked(void **state)
{
    (void)state;
    static const struct error_case cases[] = {
        {"attribution", "x", RULE("{\"color\": \"red\"}", ""),
         "f.json:2:22: unknown fact \"color\"; did you mean \"colour\"?"},
        {"attribution", "x", RULE("{\"colour\": \"rde\"}", ""),
         "f.json:2:32: unknown word for colour \"rde\"; did you mean \"red\"?"},
        {"attribution", "x", RULE("{\"colour\": [\"red\", \"purple\"]}", ""),
         "f.json:2:40: unknown word for colour \"purple\""},
        {"attribution", "x", RULE("{\"colour\": []}", ""),
         "f.json:2:32: expected at least one word"},
        {"attribution", "x", RULE("{\"colour\": 1}", ""),
         "f.json:2:32: expected a string or an object {...} or a list [...], got a number"},
        {"attribution", "x", RULE("{\"colour\": {\"min\": 1}}", ""),
         "f.json:2:33: unknown field \"min\""},
        {"attribution", "x", RULE("{\"colour\": {}}", ""),
         "f.json:2:32: expected one of known, not (words), min and max (numbers)"},
        {"attribution", "x", RULE("{\"colour\": {\"not\": \"red\", \"known\": true}}", ""),
         "f.json:2:32: expected one of known, not (words), min and max (numbers)"},
        {"attribution", "x", RULE("{\"size\": \"1\"}", ""),
         "f.json:2:30: expected a number or an object {...} or a list [...], got a string"},
        {"attribution", "x", RULE("{\"size\": {\"min\": \"1\"}}", ""),
         "f.json:2:38: expected a number, got a string"},
        {"attribution", "x", RULE("{\"size\": {\"min\": 2, \"max\": 1}}", ""),
         "f.json:2:30: min is greater than max: this never holds"},
        {"attribution", "x", RULE("{\"loud\": 1}", ""),
         "f.json:2:30: expected true or false or an object {...}, got a number"},
        {"attribution", "x", RULE("{\"loud\": {\"known\": 1}}", ""),
         "f.json:2:40: expected true or false, got a number"},
        {"attribution", "x", RULE("[]", ""),
         "f.json:2:21: expected 1 to 8 objects in this list, got 0"},
        {"attribution", "x", RULE("\"red\"", ""),
         "f.json:2:21: expected an object {...} or a list [...], got a string"},
        {"attribution", "x", RULE("{\"loud\": true, \"loud\": true}", ""),
         "f.json:2:36: \"loud\" stands twice in this object"},
        {"attribution", "x", RULE("{}", ",\n \"unless\": {\"lod\": true}"),
         "f.json:5:13: unknown fact \"lod\"; did you mean \"loud\"?"},
        {"attribution", "x", RULE("{}", ",\n \"proto\": \"tpc\""),
         "f.json:5:11: unknown word for proto \"tpc\"; did you mean \"tcp\"?"},
        {"attribution", "x", RULE("{}", ",\n \"profiles\": []"),
         "f.json:5:14: expected 1 to 32 profiles, got 0"},
    };
    expect_errors(cases, COUNT(cases));
}

static void rules_are_checked(void **state)
{
    (void)state;
    static const struct error_case cases[] = {
        {"attribution", "x", "{}", "f.json:1:1: the field \"rules\" is missing"},
        {"attribution", "x", "{\"rule\": []}",
         "f.json:1:2: unknown field \"rule\"; did you mean \"rules\"?"},
        {"attribution", "x", "{\"rules\": [1]}",
         "f.json:1:12: expected an object {...}, got a number"},
        {"attribution", "x", "{\"rules\": [{\"id\": \"a\"}]}",
         "f.json:1:12: the field \"when\" is missing"},
        {"attribution", "x", RULE("{}", ", \"place\": \"edge-firewall\""),
         "f.json:4:30: unknown field \"place\""},
        {"attribution", "x", RULE("{}", ", \"places\": \"edge-firewall\""),
         "f.json:4:30: unknown field \"places\""},
        {"attribution", "x", RULE("{}", ", \"group\": \"a b\""),
         "f.json:4:39: expected a name of small letters, digits and -, got \"a b\""},
        {"attribution", "x",
         "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"text\": \"t\", \"source\": \"s\",\n"
         "\"weights\": {\"edge-firewal\": 1}}]}",
         "f.json:2:13: unknown field \"edge-firewal\"; did you mean \"edge-firewall\"?"},
        {"attribution", "x",
         "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"text\": \"t\", \"source\": \"s\",\n"
         "\"weights\": {\"edge-firewall\": 6.5}}]}",
         "f.json:2:30: expected a number from -6 to 6, got 6.5"},
        {"attribution", "x",
         "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"text\": \"t\", \"source\": \"s\",\n"
         "\"weights\": {}}]}",
         "f.json:2:12: expected the weight of at least one place"},
        {"attribution", "x",
         "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"weights\": {\"application\": 1},\n"
         "\"text\": \"{colur}\", \"source\": \"s\"}]}",
         "f.json:2:9: unknown name {colur}; did you mean \"colour\"?"},
        {"attribution", "x",
         "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"weights\": {\"application\": 1},\n"
         "\"text\": \"a {colour\", \"source\": \"s\"}]}",
         "f.json:2:9: expected \"}\" after \"{colour\""},
        {"attribution", "x",
         "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"weights\": {\"application\": 1},\n"
         "\"text\": \"{first}\", \"source\": \"s\"}]}",
         "f.json:2:9: {first} belongs to the verdict and cannot stand here"},
    };
    expect_errors(cases, COUNT(cases));

    struct rules *rules = fresh();
    struct error error = {""};
    must_read(rules, "attribution", "one", RULE("{}", ""));
    assert_false(read_text(rules, "attribution", "two", RULE("{}", ""), &error));
    assert_string_equal(error.text, "f.json:2:8: two rules are called \"a\"");
    rules_free(rules);
}

static void other_files_are_checked(void **state)
{
    (void)state;
    static const struct error_case cases[] = {
        {"attribution", "mechanisms", "{\"mechanisms\": [{\"mechanism\": \"dorp\"}]}",
         "f.json:1:31: unknown mechanism \"dorp\"; did you mean \"drop\"?"},
        {"attribution", "mechanisms",
         "{\"mechanisms\": [{\"mechanism\": \"drop\", \"mechanisms\": [\"drop\"]}]}",
         "f.json:1:39: unknown field \"mechanisms\"; did you mean \"mechanism\"?"},
        {"attribution", "mechanisms",
         "{\"mechanisms\": [{\"mechanism\": \"drop\", \"places\": \"nowhere\"}]}",
         "f.json:1:49: unknown place \"nowhere\""},
        {"attribution", "mechanisms",
         "{\"mechanisms\": [{\"mechanism\": \"drop\", \"places\": []}]}",
         "f.json:1:49: expected at least one place"},
        {"attribution", "summaries", "{" NAMES ",\n\"summaries\": []}",
         "f.json:2:14: expected at least one summary"},
        {"attribution", "summaries",
         "{" NAMES ",\n\"summaries\": [{\"text\": \"x\"},\n {\"text\": \"y\", \"when\": {}}]}",
         "f.json:3:2: the last summary must hold always: expected only \"text\""},
        {"attribution", "summaries", "{\"place_names\": {}, \"summaries\": []}",
         "f.json:1:17: the field \"local-firewall\" is missing"},
        {"attribution", "next-steps",
         "{\"next_steps\": [{\"text\": \"x\",\n\"min_confidence\": 0.5, \"max_confidence\": 0.4}]}",
         "f.json:2:19: min_confidence is greater than max_confidence"},
        {"attribution", "next-steps",
         "{\"next_steps\": [{\"text\": \"x\", \"max_confidence\": 60}]}",
         "f.json:1:49: expected a number from 0 to 1, got 60"},
        {"remedies", "x", "{\"remedies\": [{\"who\": \"w\"}]}",
         "f.json:1:15: the field \"action\" is missing"},
        {"remedies", "x",
         "{\"remedies\": [{\"who\": \"w\", \"action\": \"a\", \"commands\": [\n"
         "{\"platform\": \"p\", \"command\": \"x {service}\"}]}]}",
         "f.json:2:30: {service} cannot stand in a command"},
        {"remedies", "x",
         "{\"remedies\": [{\"who\": \"w\", \"action\": \"a\", \"commands\": [\n"
         "{\"platform\": \"p\", \"command\": \"x {colour}\"}]}]}",
         "f.json:2:30: {colour} cannot stand in a command"},
        {"remedies", "letters", "{\"letters\": [{\"subject\": \"s\", \"text\": \"t\"}]}",
         "f.json:1:14: the field \"check\" is missing"},
        {"attribution", "topologies",
         "{\"topologies\": [{\"title\": \"t\", \"stations\": [\n{\"kind\": \"router\", \"name\": "
         "\"n\"}]}]}",
         "f.json:2:10: unknown kind of station \"router\""},
        {"attribution", "topologies",
         "{\"topologies\": [{\"title\": \"t\", \"stations\": [\n{\"kind\": \"host\", \"name\": "
         "\"n\", "
         "\"places\": [\"edge\"]}]}]}",
         "f.json:2:42: unknown place \"edge\""},
        {"attribution", "topologies",
         "{\"topologies\": [{\"title\": \"t\", \"stations\": [\n{\"kind\": \"host\", \"name\": "
         "\"{nobody}\"}]}]}",
         "f.json:2:26: unknown name {nobody}"},
        {"", "thresholds", "{\"thresholds\": {\"A\": 1}}",
         "f.json:1:17: expected a name of small letters, digits and ._-"},
        {"", "thresholds", "{\"thresholds\": {\"a\": 1}}",
         "f.json:1:22: expected an object {...}, got a number"},
        {"", "thresholds", "{\"thresholds\": {\"a\": {\"value\": 1, \"unit\": \"s\"}}}",
         "f.json:1:22: the field \"source\" is missing"},
        {"", "other", "{}", "f.json:1:1: no such file belongs here"},
    };
    expect_errors(cases, COUNT(cases));
}

/* One condition against a table of facts. */
static bool holds(const char *when, const struct fact *facts)
{
    char text[512];
    struct rules *rules = fresh();
    snprintf(text, sizeof text,
             "{\"rules\": [{\"id\": \"a\", %s, \"weights\": {\"application\": 1}, \"text\": \"t\", "
             "\"source\": \"s\"}]}",
             when);
    must_read(rules, "attribution", "x", text);
    struct verdict *verdict = judge(rules, facts, NULL);
    bool held = verdict->reason_count == 1;
    drop(verdict);
    rules_free(rules);
    return held;
}

static void conditions_hold(void **state)
{
    (void)state;
    /* colour green, size 3, loud; symptom unknown */
    static const struct {
        const char *when;
        bool holds;
    } cases[] = {
        {"\"when\": {}", true},
        {"\"when\": {\"colour\": \"green\"}", true},
        {"\"when\": {\"colour\": \"red\"}", false},
        {"\"when\": {\"colour\": [\"red\", \"green\"]}", true},
        {"\"when\": {\"colour\": {\"not\": \"red\"}}", true},
        {"\"when\": {\"colour\": {\"not\": [\"red\", \"green\"]}}", false},
        {"\"when\": {\"colour\": {\"known\": true}}", true},
        {"\"when\": {\"colour\": {\"known\": false}}", false},
        {"\"when\": {\"size\": 3}", true},
        {"\"when\": {\"size\": [1, 2]}", false},
        {"\"when\": {\"size\": [1, 3]}", true},
        {"\"when\": {\"size\": {\"min\": 3}}", true},
        {"\"when\": {\"size\": {\"min\": 3.5}}", false},
        {"\"when\": {\"size\": {\"max\": 3}}", true},
        {"\"when\": {\"size\": {\"min\": 1, \"max\": 2}}", false},
        {"\"when\": {\"loud\": true}", true},
        {"\"when\": {\"loud\": false}", false},
        {"\"when\": {\"symptom\": \"silence\"}", false},
        {"\"when\": {\"symptom\": {\"not\": \"silence\"}}", false},
        {"\"when\": {\"symptom\": {\"known\": true}}", false},
        {"\"when\": {\"symptom\": {\"known\": false}}", true},
        {"\"when\": {\"colour\": \"green\", \"size\": 4}", false},
        {"\"when\": [{\"size\": 4}, {\"colour\": \"green\"}]", true},
        {"\"when\": [{\"size\": 4}, {\"colour\": \"red\"}]", false},
        {"\"when\": {}, \"unless\": {\"size\": 3}", false},
        {"\"when\": {}, \"unless\": {\"size\": 3, \"loud\": false}", true},
        {"\"when\": {}, \"unless\": {\"symptom\": \"silence\"}", true},
        {"\"when\": {}, \"unless\": [{\"size\": 4}, {\"loud\": true}]", false},
        {"\"when\": {}, \"proto\": \"tcp\"", true},
        {"\"when\": {}, \"proto\": [\"udp\"]", false},
        {"\"when\": {}, \"profiles\": [\"syncrify\"]", false}, /* nobody said which */
    };
    struct fact facts[FACTS] = {{false}};
    set_word(&facts[COLOUR], "green", 1);
    set_word(&facts[PROTO], "tcp", 1);
    set_number(&facts[SIZE], 3, 1);
    set_number(&facts[LOUD], 1, 1);
    for (size_t i = 0; i < COUNT(cases); i++)
        if (holds(cases[i].when, facts) != cases[i].holds)
            fail_msg("%s", cases[i].when);
    /* With unknown facts nothing holds but what asks for that. */
    struct fact nothing[FACTS] = {{false}};
    for (size_t i = 0; i < COUNT(cases); i++)
        if (strncmp(cases[i].when, "\"when\": {}", 10) != 0)
            assert_int_equal(holds(cases[i].when, nothing),
                             strstr(cases[i].when, "\"known\": false") != NULL);
}

static void of_a_group_the_first_counts(void **state)
{
    (void)state;
    static const char text[] =
        "{\"rules\": ["
        "{\"id\": \"no\", \"group\": \"g\", \"when\": {\"loud\": false}, \"weights\": "
        "{\"application\": 6}, \"text\": \"t\", \"source\": \"s\"},"
        "{\"id\": \"first\", \"group\": \"g\", \"when\": {}, \"weights\": {\"edge-firewall\": 1}, "
        "\"text\": \"t\", \"source\": \"s\"},"
        "{\"id\": \"second\", \"group\": \"g\", \"when\": {}, \"weights\": {\"application\": 6}, "
        "\"text\": \"t\", \"source\": \"s\"},"
        "{\"id\": \"other\", \"group\": \"h\", \"when\": {}, \"weights\": {\"edge-firewall\": 2}, "
        "\"text\": \"t\", \"source\": \"s\"},"
        "{\"id\": \"free\", \"when\": {}, \"weights\": {\"server-host\": 0.5}, \"text\": \"t\", "
        "\"source\": \"s\"}]}";
    static const char later[] =
        "{\"rules\": [{\"id\": \"third\", \"group\": \"g\", \"when\": {}, \"weights\": "
        "{\"application\": 6}, \"text\": \"t\", \"source\": \"s\"}]}";
    struct fact facts[FACTS] = {{false}};
    set_number(&facts[LOUD], 1, 1);
    struct rules *rules = fresh();
    must_read(rules, "attribution", "a", text);
    must_read(rules, "attribution", "b", later);
    struct verdict *verdict = judge(rules, facts, NULL);
    assert_int_equal(verdict->place, EDGE_FIREWALL);
    assert_int_equal(verdict->reason_count, 3);
    /* In the order of their effect on the edge: 2, 1, 0.1. */
    assert_string_equal(verdict->reasons[0].rule, "other");
    assert_string_equal(verdict->reasons[1].rule, "first");
    assert_string_equal(verdict->reasons[2].rule, "free");
    double total = exp(3) + exp(0.5) + 4, left = 1 - FAILURE_POINTS * PROBABILITY_FLOOR;
    assert_true(fabs(verdict->probability[EDGE_FIREWALL] -
                     (PROBABILITY_FLOOR + left * exp(3) / total)) < 1e-12);
    drop(verdict);
    rules_free(rules);
}

/* What a reason did to the place of the verdict against the mean of the others. */
static double effect(const struct verdict *verdict, size_t reason)
{
    double others = 0;
    for (int i = 0; i < FAILURE_POINTS; i++)
        if (i != (int)verdict->place)
            others += verdict->reasons[reason].weight[i] / (FAILURE_POINTS - 1);
    return fabs(verdict->reasons[reason].weight[verdict->place] - others);
}

static void probabilities_are_sound(void **state)
{
    (void)state;
    struct fact facts[FACTS] = {{false}};
    for (int round = 0; round < 50; round++) {
        struct rules *rules = fresh();
        double sum[FAILURE_POINTS] = {0};
        char text[2048];
        size_t used = (size_t)sprintf(text, "{\"rules\": [");
        for (int i = 0; i < 8; i++) {
            int place = rand() % FAILURE_POINTS;
            double weight = (rand() % 1201 - 600) / 100.0;
            sum[place] += weight;
            used += (size_t)sprintf(text + used,
                                    "%s{\"id\": \"r%d\", \"when\": {}, \"weights\": {\"%s\": %.2f},"
                                    " \"text\": \"t\", \"source\": \"s\"}",
                                    i ? "," : "", i, failure_point_words[place], weight);
        }
        sprintf(text + used, "]}");
        must_read(rules, "attribution", "x", text);
        struct verdict *verdict = judge(rules, facts, NULL);
        double total = 0;
        for (int i = 0; i < FAILURE_POINTS; i++) {
            total += verdict->probability[i];
            assert_true(verdict->probability[i] >= PROBABILITY_FLOOR);
            assert_true(verdict->probability[i] < 1);
            assert_true(verdict->probability[i] <= verdict->probability[verdict->place]);
            for (int j = 0; j < FAILURE_POINTS; j++)
                if (sum[i] > sum[j] + 1e-9)
                    assert_true(verdict->probability[i] >= verdict->probability[j]);
        }
        assert_true(fabs(total - 1) < 1e-12);
        for (size_t i = 1; i < verdict->reason_count; i++)
            assert_true(effect(verdict, i - 1) >= effect(verdict, i) - 1e-9);
        drop(verdict);
        rules_free(rules);
    }
    struct rules *rules = fresh();
    struct verdict *verdict = judge(rules, facts, NULL);
    for (int i = 0; i < FAILURE_POINTS; i++)
        assert_true(fabs(verdict->probability[i] - 1.0 / FAILURE_POINTS) < 1e-12);
    assert_int_equal(verdict->mechanism, MECHANISM_UNKNOWN);
    assert_string_equal(verdict->summary, "");
    assert_false(verdict->has_next_step);
    drop(verdict);
    rules_free(rules);
}

/* All the rules that may be, each of the greatest weight: no overflow, and the list of reasons
 * keeps to its cap. */
static void caps_are_kept(void **state)
{
    (void)state;
    struct fact facts[FACTS] = {{false}};
    struct error error = {""};
    char *all = malloc(RULES_MAX * 128 + 256);
    size_t used = (size_t)sprintf(all, "{\"rules\": [");
    for (int i = 0; i < RULES_MAX; i++)
        used += (size_t)sprintf(all + used,
                                "%s{\"id\":\"r%d\",\"when\":{},\"weights\":{\"application\":%s},"
                                "\"text\":\"t\",\"source\":\"s\"}",
                                i ? "," : "", i, i == RULES_MAX - 1 ? "6" : "5.9");
    sprintf(all + used, "]}");
    struct rules *rules = fresh();
    must_read(rules, "attribution", "x", all);
    struct verdict *verdict = judge(rules, facts, NULL);
    assert_int_equal(verdict->place, APPLICATION);
    assert_true(verdict->probability[APPLICATION] > 0.98);
    assert_int_equal(verdict->reason_count, VERDICT_REASONS_MAX);
    assert_string_equal(verdict->reasons[0].rule, "r511");
    assert_string_equal(verdict->reasons[1].rule, "r0");
    drop(verdict);
    assert_false(read_text(rules, "attribution", "y", RULE("{}", ""), &error));
    assert_string_equal(error.text, "f.json:2:1: more than 512 rules in all files together");
    rules_free(rules);
    free(all);
}

static void reasons_have_frames(void **state)
{
    (void)state;
    static const char text[] =
        "{\"rules\": ["
        "{\"id\": \"own\", \"when\": [{\"size\": 9}, {\"colour\": \"red\", \"size\": {\"min\": "
        "1}}],"
        " \"weights\": {\"edge-firewall\": 2}, \"text\": \"{colour} {size} {loud}\", "
        "\"source\": \"s\"},"
        "{\"id\": \"borrowed\", \"when\": {\"loud\": {\"known\": false}}, \"weights\": "
        "{\"edge-firewall\": 1}, \"text\": \"t\", \"source\": \"s\"}]}";
    struct fact facts[FACTS] = {{false}};
    set_word(&facts[SYMPTOM], "silence", 100);
    set_word(&facts[COLOUR], "red", 7);
    set_number(&facts[SIZE], 2.5, 3);
    struct rules *rules = fresh();
    must_read(rules, "attribution", "x", text);
    struct verdict *verdict = judge(rules, facts, NULL);
    assert_int_equal(verdict->reason_count, 2);
    assert_string_equal(verdict->reasons[0].text, "red 2.5 unknown");
    assert_int_equal(verdict->reasons[0].frames.count, 2);
    assert_int_equal(frame_list_at(&verdict->reasons[0].frames, 0), 3);
    assert_int_equal(frame_list_at(&verdict->reasons[0].frames, 1), 7);
    assert_int_equal(verdict->reasons[1].frames.count, 1);
    assert_int_equal(frame_list_at(&verdict->reasons[1].frames, 0), 100);
    drop(verdict);
    rules_free(rules);
}

/* Rules with everything: edge, then egress. */
static struct rules *full_rules(void)
{
    static const char evidence[] =
        "{\"rules\": [{\"id\": \"a\", \"when\": {}, \"weights\": {\"edge-firewall\": 3, "
        "\"egress-policy\": 2.5}, \"text\": \"t\", \"source\": \"s\"}]}";
    static const char mechanisms[] =
        "{\"mechanisms\": [{\"mechanism\": \"host-down\", \"places\": \"server-host\"},"
        "{\"mechanism\": \"drop\", \"places\": [\"edge-firewall\"], \"when\": {\"size\": 3}},"
        "{\"mechanism\": \"reject-rst\"}]}";
    static const char summaries[] =
        "{" NAMES ", \"summaries\": ["
        "{\"min_confidence\": 0.9, \"text\": \"sure\"},"
        "{\"second\": \"egress-policy\", \"mechanisms\": \"drop\", \"text\": \"{first} or "
        "{second}: {candidates}; {confidence} %, {mechanism}\"},"
        "{\"text\": \"last\"}]}";
    static const char steps[] =
        "{\"next_steps\": [{\"max_confidence\": 0.3, \"text\": \"low\"}, {\"profiles\": "
        "[\"syncrify\"], \"text\": \"ask {role_initiator}\"}]}";
    static const char remedies[] =
        "{\"remedies\": [{\"places\": \"local-firewall\", \"who\": \"x\", \"action\": \"x\"},"
        "{\"places\": \"edge-firewall\", \"proto\": \"tcp\", \"who\": \"admin of {server}\", "
        "\"action\": \"open {port}\", \"commands\": ["
        "{\"platform\": \"nft\", \"command\": \"nft { {port} } {{port} {server}\"},"
        "{\"platform\": \"other\", \"command\": \"open {profile}\"}]}]}";
    struct rules *rules = fresh();
    must_read(rules, "attribution", "x", evidence);
    must_read(rules, "attribution", "mechanisms", mechanisms);
    must_read(rules, "attribution", "summaries", summaries);
    must_read(rules, "attribution", "next-steps", steps);
    must_read(rules, "remedies", "x", remedies);
    return rules;
}

static void a_verdict_in_words(void **state)
{
    (void)state;
    struct rules *rules = full_rules();
    struct fact facts[FACTS] = {{false}};
    set_number(&facts[SIZE], 3, 1);
    set_word(&facts[PROTO], "tcp", 1);
    const struct variable variables[] = {{"server", "192.0.2.1"},
                                         {"port", "5800"},
                                         {"profile", "syncrify"},
                                         {"role_initiator", "client"},
                                         {NULL, NULL}};
    struct verdict *verdict = judge(rules, facts, variables);
    assert_int_equal(verdict->place, EDGE_FIREWALL);
    assert_int_equal(verdict->mechanism, MECHANISM_DROP);
    assert_string_equal(verdict->summary,
                        "the edge of 192.0.2.1 or the way out: the edge of 192.0.2.1 (55 %) or the "
                        "way out (33 %); 55 %, drop");
    assert_true(verdict->has_next_step);
    assert_string_equal(verdict->next_step, "ask client");
    assert_string_equal(verdict->who, "admin of 192.0.2.1");
    assert_string_equal(verdict->action, "open 5800");
    assert_int_equal(verdict->command_count, 2);
    assert_string_equal(verdict->commands[0].text, "nft { 5800 } {port} 192.0.2.1");
    assert_string_equal(verdict->commands[1].text, "open syncrify");
    drop(verdict);

    /* Another mechanism, no profile, UDP: other entries hold. */
    facts[SIZE].known = false;
    set_word(&facts[PROTO], "udp", 1);
    verdict = judge(rules, facts, NULL);
    assert_int_equal(verdict->mechanism, MECHANISM_REJECT_RST);
    assert_string_equal(verdict->summary, "last");
    assert_false(verdict->has_next_step);
    assert_string_equal(verdict->who, "");
    assert_int_equal(verdict->command_count, 0);
    drop(verdict);
    rules_free(rules);
}

/* The first letter and the first topology that hold, with their names filled in. */
static void letters_and_topologies(void **state)
{
    (void)state;
    static const char letters[] =
        "{\"letters\": [{\"places\": [\"server-host\"], \"subject\": \"x\", \"text\": \"x\", "
        "\"check\": \"x\"}, {\"subject\": \"open {port}\", \"text\": \"to {server}, {confidence} "
        "%\", "
        "\"check\": \"try\"}]}";
    static const char topologies[] =
        "{\"topologies\": [{\"when\": {\"size\": 4}, \"title\": \"x\", \"stations\": []},"
        "{\"title\": \"via {server}\", \"stations\": ["
        "{\"kind\": \"host\", \"name\": \"c\"},"
        "{\"kind\": \"tunnel\", \"name\": \"t\", \"places\": [\"network-path\", "
        "\"edge-firewall\"]},"
        "{\"kind\": \"firewall\", \"name\": \"f\", \"note\": \"at {server}\", \"aside\": true}]}]}";
    struct rules *rules = full_rules();
    must_read(rules, "remedies", "letters", letters);
    must_read(rules, "attribution", "topologies", topologies);
    struct fact facts[FACTS] = {{false}};
    set_number(&facts[SIZE], 3, 1);
    const struct variable variables[] = {{"server", "192.0.2.1"}, {"port", "5800"}, {NULL, NULL}};
    struct verdict *verdict = judge(rules, facts, variables);
    assert_string_equal(verdict->letter.subject, "open 5800");
    assert_string_equal(verdict->letter.text, "to 192.0.2.1, 55 %");
    assert_string_equal(verdict->letter.check, "try");
    assert_string_equal(verdict->topology, "via 192.0.2.1");
    assert_int_equal(verdict->station_count, 3);
    assert_int_equal(verdict->stations[1].kind, STATION_TUNNEL);
    assert_int_equal(verdict->stations[1].places, 1u << NETWORK_PATH | 1u << EDGE_FIREWALL);
    assert_true(verdict->stations[2].aside);
    assert_string_equal(verdict->stations[2].note, "at 192.0.2.1");
    drop(verdict);
    rules_free(rules);
}

/* The caller's own weighing takes the place of the rules'. */
static void a_weighing_of_several_readings(void **state)
{
    (void)state;
    struct rules *rules = full_rules();
    struct fact facts[FACTS] = {{false}};
    double probability[FAILURE_POINTS];
    struct verdict *verdict = judge(rules, facts, NULL);
    rules_weigh(rules, facts, NULL, probability);
    for (int i = 0; i < FAILURE_POINTS; i++)
        assert_true(fabs(probability[i] - verdict->probability[i]) < 1e-12);
    for (int i = 0; i < FAILURE_POINTS; i++)
        probability[i] = i == SERVER_HOST ? 0.95 : 0.01;
    verdict_release(verdict);
    rules_judge(rules, facts, NULL, probability, verdict);
    assert_int_equal(verdict->place, SERVER_HOST);
    assert_int_equal(verdict->mechanism, MECHANISM_HOST_DOWN);
    assert_string_equal(verdict->summary, "sure");
    assert_int_equal(verdict->reason_count, 1);
    drop(verdict);
    rules_free(rules);
}

static void strangers_texts(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "1; rm -rf /", "$(id)", "`id`", "a b",      "a\nb",   "-x",       "",    "\"",  "'",
        "a|b",         "a&b",   "a>b",  "{server}", "\x1b[m", "\xc3\xa9", "a%b", "a\\b"};
    struct rules *rules = full_rules();
    struct fact facts[FACTS] = {{false}};
    set_word(&facts[PROTO], "tcp", 1);
    for (size_t i = 0; i < COUNT(hostile); i++) {
        const struct variable variables[] = {
            {"server", "2001:db8::1"}, {"port", "5800"}, {"profile", hostile[i]}, {NULL, NULL}};
        struct verdict *verdict = judge(rules, facts, variables);
        assert_int_equal(verdict->command_count, 1);
        assert_string_equal(verdict->commands[0].platform, "nft");
        assert_string_equal(verdict->commands[0].text, "nft { 5800 } {port} 2001:db8::1");
        drop(verdict);
    }
    /* A value is not filled in again, and a long one is cut between characters. */
    char longer[2 * SENTENCE_MAX];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(longer, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof longer; i += 4)
            memcpy(longer + i, "\xf0\x9f\x94\xa5", 5);
        const struct variable variables[] = {
            {"server", longer}, {"port", "{server}"}, {NULL, NULL}};
        struct verdict *verdict = judge(rules, facts, variables);
        size_t length = strlen(verdict->who), text = strlen("admin of ");
        assert_true(length < SENTENCE_MAX && length > SENTENCE_MAX - 5);
        assert_int_equal((length - text - shift) % 4, 0);
        assert_string_equal(verdict->action, "open {server}");
        assert_int_equal(verdict->command_count, 0);
        drop(verdict);
    }
    rules_free(rules);
}

/* A command that does not fit is no command. */
static void long_commands_are_dropped(void **state)
{
    (void)state;
    struct rules *rules = full_rules();
    struct fact facts[FACTS] = {{false}};
    set_word(&facts[PROTO], "tcp", 1);
    char profile[COMMAND_MAX];
    const struct variable variables[] = {
        {"server", "192.0.2.1"}, {"port", "1"}, {"profile", profile}, {NULL, NULL}};
    for (size_t over = 0; over < 2; over++) {
        size_t length = COMMAND_MAX - 1 - strlen("open ") + over;
        memset(profile, 'p', length);
        profile[length] = '\0';
        struct verdict *verdict = judge(rules, facts, variables);
        assert_int_equal(verdict->command_count, over ? 1 : 2);
        drop(verdict);
    }
    rules_free(rules);
}

static void thresholds(void **state)
{
    (void)state;
    struct rules *rules = fresh();
    struct error error = {""};
    double value = 0;
    must_read(rules, "", "thresholds",
              "{\"thresholds\": {\"syn.retries_min\": {\"value\": 2.5, \"unit\": \"u\", "
              "\"source\": \"s\", \"why\": \"w\"}}}");
    assert_true(rules_threshold(rules, "syn.retries_min", &value, &error));
    assert_true(fabs(value - 2.5) < 1e-12);
    assert_false(rules_threshold(rules, "syn.retries", &value, &error));
    assert_string_equal(error.text, "thresholds.json: there is no threshold \"syn.retries\"; did "
                                    "you mean \"syn.retries_min\"?");
    rules_free(rules);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void directories(void **state)
{
    (void)state;
    char directory[] = "/tmp/fwsniff-rules-XXXXXX", path[512], expected[600];
    struct error error = {""};
    assert_non_null(mkdtemp(directory));
    /* What is still missing, and what puts it right. */
    const struct {
        const char *error, *file, *text;
    } steps[] = {
        {"/attribution: No such file or directory", "attribution", NULL},
        {"/remedies: No such file or directory", "remedies", NULL},
        {"/thresholds.json: No such file or directory", "thresholds.json", "{\"thresholds\": {}}"},
        {"/attribution: there are no rules", "attribution/x.json", RULE("{}", "")},
        {"/attribution/mechanisms.json: there are no mechanisms", "attribution/mechanisms.json",
         "{\"mechanisms\": [{\"mechanism\": \"drop\"}]}"},
        {"/attribution/summaries.json: there are no summaries", "attribution/summaries.json",
         "{" NAMES ", \"summaries\": [{\"text\": \"x\"}]}"},
    };
    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_null(rules_load(directory, definitions, FACTS, &error));
        snprintf(expected, sizeof expected, "%s%s", directory, steps[i].error);
        assert_string_equal(error.text, expected);
        snprintf(path, sizeof path, "%s/%s", directory, steps[i].file);
        if (steps[i].text)
            write_file(directory, steps[i].file, steps[i].text);
        else
            assert_int_equal(mkdir(path, 0700), 0);
    }
    write_file(directory, "attribution/.hidden.json", "nonsense");
    write_file(directory, "attribution/notes.txt", "nonsense");
    struct rules *rules = rules_load(directory, definitions, FACTS, &error);
    assert_non_null(rules);
    rules_free(rules);

    char found[512];
    assert_true(rules_find_directory(directory, found, sizeof found, &error));
    assert_string_equal(found, directory);
    assert_false(rules_find_directory("/nonexistent", found, sizeof found, &error));
    assert_string_equal(error.text, "--rules: /nonexistent is no directory");
    assert_false(rules_find_directory(directory, found, 4, &error));
    setenv("FWSNIFF_RULES", directory, 1);
    assert_true(rules_find_directory(NULL, found, sizeof found, &error));
    assert_string_equal(found, directory);
    setenv("FWSNIFF_RULES", "/nonexistent", 1);
    assert_false(rules_find_directory(NULL, found, sizeof found, &error));
    assert_string_equal(error.text, "FWSNIFF_RULES: /nonexistent is no directory");
    unsetenv("FWSNIFF_RULES");

    static const char *const files[] = {"attribution/.hidden.json",   "attribution/notes.txt",
                                        "attribution/x.json",         "attribution/mechanisms.json",
                                        "attribution/summaries.json", "thresholds.json"};
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/attribution", directory);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof path, "%s/remedies", directory);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* The real rules: the tests run in the project's directory. */
static void the_real_rules_load(void **state)
{
    (void)state;
    struct error error = {""};
    struct rules *rules = rules_load("rules", fact_definitions, FACT_COUNT, &error);
    if (!rules)
        fail_msg("%s", error.text);
    struct fact facts[FACT_COUNT];
    memset(facts, 0, sizeof facts);
    set_word(&facts[FACT_SYMPTOM], "syn-timeout", 1);
    set_word(&facts[FACT_PROTO], "tcp", 1);
    struct verdict *verdict = judge(rules, facts, NULL);
    assert_true(verdict->summary[0] != '\0');
    drop(verdict);
    rules_free(rules);
}

/* rules/README.md lists every fact with its kind and its words. */
static void the_manual_lists_every_fact(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        [FACT_FLAG] = "flag", [FACT_WORD] = "word", [FACT_NUMBER] = "number"};
    char line[2048], expected[2048];
    size_t next = 0;
    FILE *file = fopen("rules/README.md", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) && !strstr(line, "## The facts"))
        ;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "| `", 3) != 0)
            continue;
        if (next == FACT_COUNT)
            fail_msg("there is no such fact: %s", line);
        const struct fact_definition *fact = &fact_definitions[next++];
        size_t used = (size_t)snprintf(expected, sizeof expected, "| `%s` | %s |", fact->name,
                                       kinds[fact->type]);
        if (fact->type == FACT_WORD)
            for (size_t i = 0; fact->words[i]; i++)
                used += (size_t)snprintf(expected + used, sizeof expected - used, " `%s`",
                                         fact->words[i]);
        if (strncmp(line, expected, used) != 0)
            fail_msg("expected %s..., got %s", expected, line);
        if (!strstr(line, fact->meaning))
            fail_msg("%s: expected \"%s\", got %s", fact->name, fact->meaning, line);
    }
    fclose(file);
    assert_int_equal(next, FACT_COUNT);
}

static void the_manual_lists_every_variable(void **state)
{
    (void)state;
    static char text[128 * 1024];
    FILE *file = fopen("rules/README.md", "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_true(length < sizeof text - 1);
    for (size_t i = 0; i < RULES_VARIABLES; i++) {
        char name[64];
        snprintf(name, sizeof name, "`{%s}`", rules_variables[i].name);
        if (!strstr(text, name))
            fail_msg("%s is not in rules/README.md", name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_checked),
        cmocka_unit_test(rules_are_checked),
        cmocka_unit_test(other_files_are_checked),
        cmocka_unit_test(conditions_hold),
        cmocka_unit_test(of_a_group_the_first_counts),
        cmocka_unit_test(probabilities_are_sound),
        cmocka_unit_test(caps_are_kept),
        cmocka_unit_test(reasons_have_frames),
        cmocka_unit_test(a_verdict_in_words),
        cmocka_unit_test(letters_and_topologies),
        cmocka_unit_test(a_weighing_of_several_readings),
        cmocka_unit_test(strangers_texts),
        cmocka_unit_test(long_commands_are_dropped),
        cmocka_unit_test(thresholds),
        cmocka_unit_test(directories),
        cmocka_unit_test(the_real_rules_load),
        cmocka_unit_test(the_manual_lists_every_fact),
        cmocka_unit_test(the_manual_lists_every_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
