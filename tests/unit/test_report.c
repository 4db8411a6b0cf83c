/* The reports of a synthetic analysis: valid, escaped, wrapped, linear in time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report_fixture.h"

/* ---- what the writers wrote ---- */

static const struct text_options plain = {.columns = 80};

static char *text_of(const struct report *report, const struct text_options *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(report_write_text(out, report, options));
    fclose(out);
    assert_int_equal(strlen(text), size); /* no NUL in it */
    return text;
}

static char *json_of(const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(report_write_json(out, report));
    fclose(out);
    assert_int_equal(strlen(text), size);
    return text;
}

/* Columns of the longest line, with the very characters counted that a terminal shows. */
static unsigned widest(const char *text)
{
    unsigned most = 0, columns = 0;
    while (*text) {
        if (*text == '\n') {
            columns = 0;
            text++;
            continue;
        }
        char shown[ESCAPE_UNIT];
        columns += escape_next(&text, shown);
        most = columns > most ? columns : most;
    }
    return most;
}

/* ---- JSON ---- */

static void assert_valid(const struct report *report)
{
    if (access("tests/unit/check_schema.py", R_OK) != 0)
        skip(); /* not run from the top of the tree */
    char path[] = "/tmp/fwsniff-report-XXXXXX", command[256];
    const char *python = getenv("PYTHON");
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    assert_true(report_write_json(file, report));
    fclose(file);
    snprintf(command, sizeof command, "%s tests/unit/check_schema.py %s docs/report.schema.json",
             python ? python : "/usr/bin/python3", path);
    int status = system(command);
    unlink(path);
    assert_int_equal(status, 0);
}

static void test_json_is_valid(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    assert_valid(&fixture.report);
    fixture.report.capture_count = 2;
    assert_valid(&fixture.report);
    fixture.captures[0].first_ns = fixture.captures[0].last_ns = INT64_MIN;
    fixture.finding.first_ns = fixture.finding.last_ns = INT64_MIN;
    fixture.finding.symptom = SYMPTOM_NO_TRAFFIC;
    fixture.finding.verdict.reason_count = 0; /* the schema wants evidence all the same */
    fixture.finding.verdict.summary = "";
    assert_valid(&fixture.report);
    fixture.report.finding_count = 0;
    assert_valid(&fixture.report);
}

static void test_json_every_word(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct finding *findings = calloc(MECHANISMS, sizeof *findings);
    struct finding *list[MECHANISMS];
    for (int i = 0; i < MECHANISMS; i++) {
        list[i] = &findings[i];
        findings[i] = fixture.finding;
        findings[i].symptom = (enum symptom)(1 + i % (SYMPTOMS - 1));
        findings[i].verdict.mechanism = (enum mechanism)i;
        findings[i].verdict.place = (enum failure_point)(i % FAILURE_POINTS);
        findings[i].verdict.probability[i % FAILURE_POINTS] = 2;
    }
    fixture.report.findings = list;
    fixture.report.finding_count = MECHANISMS;
    for (int i = 0; i < VANTAGES; i++) {
        fixture.captures[0].vantage.kind = (enum vantage)i;
        char *text = text_of(&fixture.report, &plain);
        assert_lacks(text, "(null)"); /* a word without a phrase */
        free(text);
        if (i == 0)
            assert_valid(&fixture.report);
    }
    free(findings);
}

static void test_json_values(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    fixture.captures[0].packets = UINT64_MAX;
    char *text = json_of(&fixture.report);
    assert_has(text, "\"first_seen\":\"2026-11-21T10:00:00.123456Z\"");
    assert_has(text, "\"confidence\":0.9311,");
    assert_has(text, "\"label\":\"FP3\"");
    assert_has(text, "\"packets\":18446744073709551615");
    assert_has(text, "\"port\":null");
    assert_has(text, "\"supports\":[\"edge-firewall\"],\"against\":[\"egress-policy\"]");
    assert_has(text, "\"frames\":[12,13,14],\"frames_total\":3");
    assert_has(text, "\"next_step\":null");
    free(text);
    fixture.finding.labels[EGRESS_POLICY] = "Firewall 1";
    text = json_of(&fixture.report);
    assert_has(text, "\"label\":\"Firewall 1\"");
    free(text);
    fixture.finding.verdict.place = SERVER_HOST;
    fixture.finding.verdict.probability[SERVER_HOST] = 5;
    text = json_of(&fixture.report);
    assert_has(text, "\"failure_point\":\"server-host\",\"mechanism\"");
    assert_has(text, "\"label\":null");
    free(text);
}

/* Six equal shares do not round to a sum of 1 by themselves; NaN and 0 must not break it. */
static void test_json_probabilities(void **state)
{
    (void)state;
    static const double sets[][FAILURE_POINTS] = {
        {1, 1, 1, 1, 1, 1},
        {0.33333, 0.33333, 0.33334, 0, 0, 0},
        {0, 0, 0, 0, 0, 0},
        {0, 0, 1, 0, 0, 0},
        {0.0 / 0.0, 0.5, 0.5, -1, 0, 0},
        {0.99999, 0.000002, 0.000002, 0.000002, 0.000002, 0.000002},
    };
    struct fixture fixture;
    fill(&fixture);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        memcpy(fixture.finding.verdict.probability, sets[i], sizeof sets[i]);
        assert_valid(&fixture.report);
    }
}

static void test_json_hostile(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    char *text = json_of(&fixture.report);
    assert_harmless(text);
    assert_has(text, "\\u202e");
    assert_has(text, "\\udb40\\udc41"); /* a tag character, beyond 16 bits */
    assert_has(text, "\\ufffd");
    assert_has(text, "\xe4\xb8\xad"); /* other scripts stay as they are */
    free(text);
    assert_valid(&fixture.report);
}

static void test_ndjson(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (int event = EVENT_FINDING; event <= EVENT_REPORT; event++)
        assert_true(report_write_ndjson(out, (enum report_event)event, start_ns, &fixture.report,
                                        &fixture.finding));
    fclose(out);
    assert_harmless(text);
    const char *line = text;
    static const char *const openings[] = {
        "{\"event\":\"finding\",\"time\":\"2026-11-21T10:00:00.123456Z\",\"finding\":{\"id\":",
        "{\"event\":\"update\",", "{\"event\":\"withdrawn\",",
        "{\"event\":\"report\",\"time\":\"2026-11-21T10:00:00.123456Z\",\"report\":{\"schema\":"};
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(line, openings[i], strlen(openings[i]));
        line = strchr(line, '\n');
        assert_non_null(line++);
    }
    assert_string_equal(line, "");
    free(text);
}

/* ---- text ---- */

static void test_text_decided(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    char *text = text_of(&fixture.report, &plain);
    assert_has(text, "fwsniff: 1 failure found in client.pcap\n");
    assert_has(text, "client.pcap: 1,200 packets in 2 min 13 s, 2026-11-21 10:00:00 to");
    assert_has(text, "Taken on the client, 10.2.0.10 (97% sure).");
    assert_has(text, "Attempts    12: 8 succeeded, 4 failed.");
    assert_has(text, "[1] Syncrify HTTP  10.2.0.10 -> 203.0.113.2 tcp/5800\n");
    assert_has(text, "VERDICT  egress policy (FP3), 93% sure");
    assert_has(text, "+ Every unusual port");
    assert_has(text, "- Nobody else was answered on this service. (frame 7)");
    assert_has(text, "(frames\n        12, 13, 14)");
    assert_has(text, "\n      Who:    the administrator of");
    assert_has(text, "and 34 more");
    assert_has(text, "        nft insert rule inet filter forward ip daddr 203.0.113.2 tcp dport "
                     "5800 ct state new accept\n"); /* in one piece */
    assert_lacks(text, "\033");
    assert_lacks(text, "UNDECIDED");
    assert_lacks(text, " \n"); /* no blanks at the end of a line */
    free(text);
}

static void test_text_undecided(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct verdict *verdict = &fixture.finding.verdict;
    const double probability[FAILURE_POINTS] = {0.38, 0.44, 0.1, 0.08, 0, 0};
    memcpy(verdict->probability, probability, sizeof probability);
    verdict->place = EDGE_FIREWALL;
    verdict->next_step = "Capture on the server itself.";
    verdict->has_next_step = true;
    char *text = text_of(&fixture.report, &plain);
    assert_has(text, "UNDECIDED between edge firewall (FP2) 44% and local firewall (FP1) 38%");
    assert_lacks(text, "VERDICT");
    assert_has(text, "WHAT TO DO  until it is decided");
    assert_true(strstr(text, "NEXT STEP") < strstr(text, "WHAT TO DO"));
    assert_has(text, "For: edge firewall. Against: egress policy.");
    free(text);
}

static void test_text_nothing_found(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    fixture.report.finding_count = 0;
    fixture.report.summary.failed = 0;
    fixture.report.summary.attempts = 9;
    char *text = text_of(&fixture.report, &plain);
    assert_has(text,
               "fwsniff: no failed connection of the watched products found in client.pcap\n");
    assert_has(text, "9: 8 succeeded, 0 failed, 1 without an outcome in the capture.");
    free(text);
    fixture.report.summary.attempts = fixture.report.summary.succeeded = 0;
    text = text_of(&fixture.report, &plain);
    assert_has(text, "none: no connection to a port of these products");
    free(text);
    text = text_of(&fixture.report, &(struct text_options){.columns = 80, .quiet = true});
    assert_string_equal(text, "");
    free(text);
}

static void test_text_problems(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    fixture.captures[0].truncated = true;
    fixture.captures[0].problem = "client.pcap: cut in frame 812";
    fixture.captures[0].dropped = 1500;
    fixture.warnings[0] = "rules are older than the program";
    fixture.report.warning_count = 1;
    char *text = text_of(&fixture.report, &plain);
    assert_has(text, "Incomplete  client.pcap: cut in frame 812\n");
    assert_has(text, "Losses      1,500 packets lost while capturing");
    assert_has(text, "Warning     rules are older than the program\n");
    free(text);
}

/* Every line fits, except commands: those are to be copied. */
static void test_text_width(void **state)
{
    (void)state;
    static const unsigned columns[] = {40, 60, 80, 132};
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    fixture.finding.client = address("2001:db8:1234:5678:9abc:def0:1234:5678");
    fixture.finding.server = address("2001:db8:8765:4321:fedc:ba98:7654:3210");
    fixture.captures[0].vantage.host = fixture.finding.server;
    fixture.captures[0].last_ns = start_ns + 86400 * 40 * second_ns;
    fixture.finding.verdict.command_count = 0;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        for (int verbosity = 0; verbosity < 2; verbosity++) {
            char *text = text_of(&fixture.report, &(struct text_options){.columns = columns[i],
                                                                         .verbosity = verbosity});
            assert_true(widest(text) <= columns[i]);
            assert_harmless(text);
            free(text);
        }
}

static void test_text_hostile(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    char *text = text_of(&fixture.report, &(struct text_options){.columns = 80, .verbosity = 1});
    assert_harmless(text);
    assert_has(text, "\\x1b[2J");
    assert_has(text, "\\xe2\\x80\\xae");
    assert_has(text, "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x94\xa5");
    free(text);
    /* with colour only our own sequences are there */
    text = text_of(&fixture.report, &(struct text_options){.columns = 80, .colour = true});
    for (const char *at = text; (at = strchr(at, '\033')); at++) {
        size_t length = 2 + strspn(at + 2, "0123456789;");
        assert_true(at[1] == '[' && at[length] == 'm' && length <= 6);
    }
    free(text);
}

/* Colour must not move a line break. */
static void test_text_colour(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    char *without = text_of(&fixture.report, &plain);
    char *with = text_of(&fixture.report, &(struct text_options){.columns = 80, .colour = true});
    char *to = with;
    assert_has(with, "\033[1;31mVERDICT\033[0m");
    for (const char *from = with; *from;) {
        if (*from == '\033')
            from += strcspn(from, "m") + 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    assert_string_equal(with, without);
    free(with);
    free(without);
}

static void test_text_live_finding(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(report_write_finding_text(out, &fixture.report, &fixture.finding, &plain));
    fclose(out);
    assert_memory_equal(text, "[c0ffee12] Syncrify HTTP  10.2.0.10 -> 203.0.113.2 tcp/5800\n", 60);
    assert_has(text, "VERDICT");
    free(text);
}

/* ---- both ---- */

static double seconds_for(struct fixture *fixture, size_t count)
{
    struct timespec from, to;
    struct finding **findings = malloc(count * sizeof(struct finding *));
    for (size_t i = 0; i < count; i++)
        findings[i] = &fixture->finding;
    fixture->report.findings = findings;
    fixture->report.finding_count = count;
    FILE *out = fopen("/dev/null", "w");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    assert_true(report_write_json(out, &fixture->report));
    assert_true(report_write_text(out, &fixture->report, &plain));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    fclose(out);
    free(findings);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* Ten times the findings take about ten times as long; quadratic would be a hundred. */
static void test_many_findings(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    double few = seconds_for(&fixture, 10000), many = seconds_for(&fixture, 100000);
    assert_true(many < 30 * few + 0.5);
}

static void test_many_findings_text(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct finding *findings[1500];
    for (size_t i = 0; i < 1500; i++)
        findings[i] = &fixture.finding;
    fixture.report.findings = findings;
    fixture.report.finding_count = 1500;
    char *text = text_of(&fixture.report, &plain);
    assert_has(text, "fwsniff: 1,500 failures found");
    assert_has(text,
               "\n[1000] Syncrify HTTP  10.2.0.10 -> 203.0.113.2 tcp/5800: 4 attempts, egress\n"
               "    policy 93%\n");
    assert_lacks(text, "[1001]");
    assert_has(text, "500 more are not shown.");
    assert_true(widest(text) <= 107); /* a command's line */
    free(text);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    for (int writer = 0; writer < 4; writer++) {
        FILE *out = fopen("/dev/full", "w");
        assert_non_null(out);
        if (writer == 3) /* fails in the middle already, not only at the end */
            setvbuf(out, NULL, _IONBF, 0);
        errno = 0;
        bool good = writer == 0   ? report_write_text(out, &fixture.report, &plain)
                    : writer == 1 ? report_write_ndjson(out, EVENT_REPORT, 0, &fixture.report, NULL)
                                  : report_write_json(out, &fixture.report);
        assert_false(good);
        assert_int_not_equal(errno, 0);
        fclose(out);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_valid),      cmocka_unit_test(test_json_every_word),
        cmocka_unit_test(test_json_values),        cmocka_unit_test(test_json_probabilities),
        cmocka_unit_test(test_json_hostile),       cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_text_decided),       cmocka_unit_test(test_text_undecided),
        cmocka_unit_test(test_text_nothing_found), cmocka_unit_test(test_text_problems),
        cmocka_unit_test(test_text_width),         cmocka_unit_test(test_text_hostile),
        cmocka_unit_test(test_text_colour),        cmocka_unit_test(test_text_live_finding),
        cmocka_unit_test(test_many_findings),      cmocka_unit_test(test_many_findings_text),
        cmocka_unit_test(test_full_disk),
    };
    if (argc > 1) { /* for the eye: the sample report */
        struct fixture fixture;
        fill(&fixture);
        return !report_write_text(
            stdout, &fixture.report,
            &(struct text_options){.columns = 80, .verbosity = atoi(argv[1])});
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
