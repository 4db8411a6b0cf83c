/* The HTML and Markdown reports of a synthetic analysis: what they say, and what they let through.
 */
#include <ctype.h>

#include "analyzer/report/html.h"
#include "report_fixture.h"

typedef bool write_report(FILE *out, const struct report *report);

static char *written(write_report *write, const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_true(write(out, report));
    fclose(out);
    assert_int_equal(strlen(text), size); /* no NUL in it */
    return text;
}

/* ---- a parser just good enough to tell markup from text ---- */

static bool is_void(const char *name)
{
    static const char *const words[] = {"!doctype", "meta", "link",    "br",
                                        "rect",     "path", "ellipse", NULL};
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

/* Every element that is opened is closed in its turn, every attribute is quoted, none is a handler,
 * and nothing points away from the page. */
static void assert_well_formed(const char *html)
{
    enum { DEPTH_MAX = 64, NAME = 32 };
    char open[DEPTH_MAX][NAME];
    size_t depth = 0;
    for (const char *at = strchr(html, '<'); at; at = strchr(at, '<')) {
        char name[NAME] = "";
        bool closing = at[1] == '/';
        const char *c = at + 1 + closing;
        for (size_t i = 0; i + 1 < NAME && (isalnum((unsigned char)*c) || *c == '!'); i++)
            name[i] = (char)tolower((unsigned char)*c++);
        if (!name[0])
            fail_msg("a bare '<' at: %.60s", at);
        if (closing) {
            assert_true(depth > 0);
            if (strcmp(open[--depth], name) != 0)
                fail_msg("</%s> closes <%s> at: %.60s", name, open[depth], at);
        }
        bool quoted = false;
        for (; *c && (quoted || *c != '>'); c++) {
            quoted ^= *c == '"';
            if (!quoted && (strncmp(c, " on", 3) == 0 || strncmp(c, " src", 4) == 0))
                fail_msg("a handler or source at: %.60s", at);
            if (!quoted && strncmp(c, " href=\"", 7) == 0 && strncmp(c + 7, "#", 1) != 0 &&
                strncmp(c + 7, "data:,\"", 7) != 0)
                fail_msg("a way out of the page at: %.60s", at);
            if (!quoted && *c == '=' && c[1] != '"')
                fail_msg("an attribute without quotes at: %.60s", at);
        }
        assert_int_equal(*c, '>');
        if (!closing && c[-1] != '/' && !is_void(name)) {
            assert_true(depth < DEPTH_MAX);
            strcpy(open[depth++], name);
        }
        at = c;
    }
    assert_int_equal(depth, 0);
    static const char *const ways_out[] = {"<script", "<img",    "url(",    "@import",
                                           "<form",   "<iframe", "<object", "<embed"};
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++)
        assert_lacks(html, ways_out[i]);
}

/* ---- HTML ---- */

static void test_html_decided(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    char *html = written(report_write_html, &fixture.report);
    assert_well_formed(html);
    static const char *const parts[] = {
        "<title>1 failure in client.pcap - fwsniff</title>",
        "<html lang=\"en\">",
        "default-src 'none'",
        "Who must act</dt><dd>the administrator of the firewall of the client&#39;s network",
        ">93%",
        "egress policy (FP3)",
        "class=\"failed\"",
        "frame.number in {12, 13, 14}",
        "ip.addr == 10.2.0.10 &amp;&amp; ip.addr == 203.0.113.2 &amp;&amp; tcp.port == 5800",
        "href=\"#f-c0ffee12-a-12\"",
        "id=\"f-c0ffee12-a-12\"",
        "<h3>Change request</h3>",
        "Outbound rule: allow 10.2.0.10 to 203.0.113.2 tcp/5800",
        "nft insert rule inet filter forward",
        "4 attempts failed and 2 worked",
        "prefers-color-scheme: dark",
        "@media print",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_has(html, parts[i]);
    free(html);
}

/* Nobody is accused: no cross, no change request, and what would decide it comes first. */
static void test_html_undecided(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct verdict *verdict = &fixture.finding.verdict;
    const double even[FAILURE_POINTS] = {0.1, 0.4, 0.45, 0.03, 0.01, 0.01};
    memcpy(verdict->probability, even, sizeof even);
    verdict->has_next_step = true;
    verdict->next_step = "Capture outside the gateway.";
    char *html = written(report_write_html, &fixture.report);
    assert_well_formed(html);
    assert_has(html, "Undecided");
    assert_has(html, "<h3>Request for a capture</h3>");
    assert_has(html, "What is needed.</strong> Capture outside the gateway.");
    assert_has(html, "class=\"unsure\"");
    assert_lacks(html, "class=\"failed\"");
    assert_lacks(html, "Change request");
    assert_true(strstr(html, "What would decide it") < strstr(html, "<h3>Why</h3>"));
    free(html);
}

static void test_html_nothing_found(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    fixture.report.finding_count = 0;
    char *html = written(report_write_html, &fixture.report);
    assert_well_formed(html);
    assert_has(html, "No failed connection of the watched products");
    assert_lacks(html, "<article");
    free(html);
}

/* Each link inside the page leads somewhere, also for frames that only a reason cites, and for
 * those that found no room in the table. */
static void test_html_links(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct verdict *verdict = &fixture.finding.verdict;
    for (uint64_t i = 0; verdict->reason_count < VERDICT_REASONS_MAX; i++)
        add_reason(verdict, "many", "One of many.", 0.1, 0, 1000 * (i + 1), FRAMES_MAX);
    char *html = written(report_write_html, &fixture.report);
    size_t links = 0;
    for (const char *at = html; (at = strstr(at, "href=\"#")); links++) {
        char id[80] = "id=\"";
        at += strlen("href=\"#");
        size_t length = strcspn(at, "\"");
        assert_true(length < sizeof id - 6);
        strncat(id, at, length);
        strcat(id, "\"");
        assert_has(html, id);
    }
    assert_true(links > 100);
    assert_has(html, "more not listed");
    free(html);
}

/* Both captures show it: the second one's frame stands beside the first one's. */
static void test_html_two_captures(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct exchange_step step = fixture.steps[0];
    struct exchange both[] = {fixture.exchange, {1, 51234, &step, 1}};
    step.frame = 77;
    fixture.finding.exchanges = both;
    fixture.finding.exchange_count = 2;
    fixture.finding.exchanges[0].steps[1].sequence = 99; /* another packet than the first */
    fixture.report.capture_count = 2;
    char *html = written(report_write_html, &fixture.report);
    assert_well_formed(html);
    assert_has(html, "href=\"#f-c0ffee12-b-77\"");
    assert_has(html, "id=\"f-c0ffee12-b-77\"");
    assert_has(html, "not seen");
    free(html);
}

static void test_html_hostile(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    char *html = written(report_write_html, &fixture.report);
    assert_harmless(html);
    assert_well_formed(html);
    assert_has(html, "&lt;/script&gt;");
    free(html);
}

/* No exchange, no address, no topology: what an expected peer that never came looks like. */
static void test_html_absence(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct finding *finding = &fixture.finding;
    finding->exchange_count = 0;
    finding->attempts = 0;
    finding->first_ns = finding->last_ns = INT64_MIN;
    finding->history = (struct history){.first_ns = 1};
    finding->server = (struct ip_address){0};
    finding->verdict.station_count = finding->verdict.reason_count = 0;
    char *html = written(report_write_html, &fixture.report);
    assert_well_formed(html);
    assert_has(html, "any address");
    assert_lacks(html, "<svg");
    free(html);
}

static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct fixture fixture;
    fill(&fixture);
    struct finding **all = calloc(COUNT, sizeof *all);
    for (size_t i = 0; i < COUNT; i++)
        all[i] = &fixture.finding;
    fixture.report.findings = all;
    fixture.report.finding_count = COUNT;
    char *html = written(report_write_html, &fixture.report);
    assert_has(html, "1,000 more are not shown");
    assert_true(strlen(html) < 8 * 1024 * 1024);
    free(html);
    char *markdown = written(report_write_markdown, &fixture.report);
    assert_has(markdown, "2,800 more are not shown");
    free(markdown);
    free(all);
}

/* ---- Markdown ---- */

/* Outside of code, no '<' and no '|' but those of the table stand without a backslash. */
static void assert_no_markup(const char *markdown)
{
    bool fenced = false;
    char *copy = strdup(markdown);
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "```", 3) == 0)
            fenced = !fenced;
        for (char *at = line; !fenced && *at; at++)
            if (strchr("<[", *at) && (at == line || at[-1] != '\\'))
                fail_msg("markup in: %s", line);
    }
    assert_false(fenced);
    free(copy);
}

static void test_markdown(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    char *markdown = written(report_write_markdown, &fixture.report);
    static const char *const parts[] = {
        "# fwsniff: 1 failure\n",
        "## 1. Syncrify HTTP: 10.2.0.10 to 203.0.113.2 tcp/5800\n",
        "**Verdict: egress policy (FP3) 93%**",
        "| egress policy | 93% |",
        "`frame.number in {12, 13, 14}`",
        "### Change request",
        "**Subject:** Outbound rule: allow 10.2.0.10",
        "```\nnft insert rule inet filter forward",
        "**Afterwards:** Start the product again.",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_has(markdown, parts[i]);
    assert_no_markup(markdown);
    free(markdown);
}

static void test_markdown_hostile(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    char *markdown = written(report_write_markdown, &fixture.report);
    assert_harmless(markdown);
    assert_no_markup(markdown);
    free(markdown);
}

/* What begins a list, a heading or a link at the start of a line or anywhere. */
static void test_markdown_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"- item", "\n\\- item\n"},
        {"1. item", "\n1\\. item\n"},
        {"# head", "\n\\# head\n"},
        {"a *b* _c_", "\na \\*b\\* \\_c\\_\n"},
        {"www.evil.example", "\nwww\\.evil.example\n"},
        {"see http://x", "\nsee http\\://x\n"},
        {"&lt;b", "\n\\&lt;b\n"},
        {"@someone #1", "\n\\@someone \\#1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        fill(&fixture);
        fixture.finding.verdict.summary = (char *)cases[i].text;
        char *markdown = written(report_write_markdown, &fixture.report);
        assert_has(markdown, cases[i].expected);
        free(markdown);
    }
}

static void test_full_disk(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    FILE *full = fopen("/dev/full", "w");
    assert_false(report_write_html(full, &fixture.report));
    fclose(full);
    full = fopen("/dev/full", "w");
    assert_false(report_write_markdown(full, &fixture.report));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html_decided),       cmocka_unit_test(test_html_undecided),
        cmocka_unit_test(test_html_nothing_found), cmocka_unit_test(test_html_links),
        cmocka_unit_test(test_html_two_captures),  cmocka_unit_test(test_html_hostile),
        cmocka_unit_test(test_html_absence),       cmocka_unit_test(test_many),
        cmocka_unit_test(test_markdown),           cmocka_unit_test(test_markdown_hostile),
        cmocka_unit_test(test_markdown_escapes),   cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
