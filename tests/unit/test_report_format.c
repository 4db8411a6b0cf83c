/* The small parts of the reports: escaping, numbers, times, lines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyzer/report/escape.h"
#include "analyzer/report/format.h"
#include "analyzer/report/page.h"
#include "analyzer/report/report.h"
#include "analyzer/report/view.h"

static const int64_t s_ns = 1000000000;

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xa4", 2, 0xe4},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\xf4\x90\x80\x80", 0, 0}, /* beyond Unicode */
        {"\xc0\x80", 0, 0},         /* overlong */
        {"\xe0\x9f\xbf", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0},
        {"\xed\xa0\x80", 0, 0}, /* surrogate */
        {"\x80", 0, 0},         /* continuation alone */
        {"\xe2\x82", 0, 0},     /* cut */
        {"\xf0\x9f\x94", 0, 0},
        {"\xff", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t code = 0;
        assert_int_equal(utf8_decode(cases[i].text, &code), cases[i].length);
        if (cases[i].length)
            assert_int_equal(code, cases[i].code);
    }
}

static void test_escape(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain text", "plain text"},
        {"", ""},
        {"\033[31m", "\\x1b[31m"},
        {"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
        {"\xc2\x9b", "\\xc2\\x9b"}, /* CSI as C1 */
        {"\x9b", "\\x9b"},
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"}, /* right-to-left override */
        {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"}, /* isolate */
        {"\xc3\xa4\xe4\xb8\xad", "\xc3\xa4\xe4\xb8\xad"},
        {"C:\\x", "C:\\x"},
    };
    char buffer[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(report_escape_terminal(cases[i][0], buffer, sizeof buffer),
                            cases[i][1]);
}

/* A buffer of any size ends in NUL and never in half a character. */
static void test_escape_small_buffers(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa4\033z";
    static const char *const expected[] = {
        NULL, "", "a", "a", "a\xc3\xa4", "a\xc3\xa4", "a\xc3\xa4", "a\xc3\xa4", "a\xc3\xa4\\x1b"};
    for (size_t size = 0; size < sizeof expected / sizeof *expected; size++) {
        char buffer[16];
        memset(buffer, '#', sizeof buffer);
        report_escape_terminal(text, buffer, size);
        assert_int_equal(buffer[size], '#');
        if (size > 0)
            assert_string_equal(buffer, expected[size]);
    }
}

static void test_times(void **state)
{
    (void)state;
    char text[TIME_TEXT];
    assert_string_equal(report_time_text(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(report_time_text(-1, text), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(report_time_text(1795255200 * s_ns + 999999999, text),
                        "2026-11-21T10:00:00.999999Z");
    assert_string_equal(report_time_text(951782400 * s_ns, text), "2000-02-29T00:00:00.000000Z");
    assert_string_equal(report_time_text(INT64_MAX, text), "2262-04-11T23:47:16.854775Z");
    assert_string_equal(report_time_text(INT64_MIN, text), "1677-09-21T00:12:43.145224Z");
}

static void test_spans(void **state)
{
    (void)state;
    char text[FORMAT_TEXT];
    const int64_t start = 1795255200 * s_ns;
    assert_string_equal(format_span(start, start + s_ns / 2, text), "2026-11-21 10:00:00 UTC");
    assert_string_equal(format_span(start, start + 133 * s_ns, text),
                        "2026-11-21 10:00:00 to 10:02:13 UTC");
    assert_string_equal(format_span(start, start + 86400 * s_ns, text),
                        "2026-11-21 10:00:00 to 2026-11-22 10:00:00 UTC");
    assert_string_equal(format_span(INT64_MIN, start, text), "");
}

static void test_numbers(void **state)
{
    (void)state;
    char text[FORMAT_TEXT];
    assert_string_equal(format_count(0, text), "0");
    assert_string_equal(format_count(999, text), "999");
    assert_string_equal(format_count(1000, text), "1,000");
    assert_string_equal(format_count(123456, text), "123,456");
    assert_string_equal(format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    assert_string_equal(format_plural(1, "packet", text), "1 packet");
    assert_string_equal(format_plural(0, "packet", text), "0 packets");
    assert_string_equal(format_share(0, text), "0%");
    assert_string_equal(format_share(1, text), "under 1%");
    assert_string_equal(format_share(9311, text), "93%");
    assert_string_equal(format_share(9999, text), "over 99%");
    assert_string_equal(format_share(10000, text), "100%");
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {-5, "0 ms"},
        {850000000, "850 ms"},
        {13 * INT64_C(1000000000), "13 s"},
        {133 * INT64_C(1000000000), "2 min 13 s"},
        {120 * INT64_C(1000000000), "2 min"},
        {3605 * INT64_C(1000000000), "1 h"},
        {11100 * INT64_C(1000000000), "3 h 5 min"},
        {187200 * INT64_C(1000000000), "2 d 4 h"},
    };
    char text[FORMAT_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(format_duration(cases[i].ns, text), cases[i].text);
}

static void assert_page(const char *expected, void (*fill)(struct page *page))
{
    char *text = NULL;
    size_t size = 0;
    struct page page;
    FILE *out = open_memstream(&text, &size);
    page_begin(&page, out, 40, false);
    fill(&page);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void fill_paragraph(struct page *page)
{
    page_text(page, "VERDICT  ");
    page->indent = 9;
    page_text(page, "one two three four five six sev");
    page_text(page, "en eight nine");
    page_line(page);
}

static void fill_long_word(struct page *page)
{
    page_text(page, "file ");
    page_text(page, "/0123456789/0123456789/0123456789/0123456789/0123456789");
    page_text(page, " end");
    page_line(page);
}

static void fill_wide(struct page *page)
{
    for (int i = 0; i < 21; i++)
        page_text(page, "\xe4\xb8\xad"); /* two columns each */
    page_line(page);
}

static void fill_verbatim(struct page *page)
{
    page->indent = 2;
    page_text(page, "nft:");
    page->indent = 4;
    page_verbatim(page, "a very long command that must not be wrapped at all\nsecond \033 line");
    page_text(page, "after");
    page_line(page);
}

static void test_page(void **state)
{
    (void)state;
    assert_page("VERDICT  one two three four five six\n"
                "         seven eight nine\n",
                fill_paragraph);
    assert_page("file\n"
                "/0123456789/0123456789/0123456789/012345\n"
                "6789/0123456789 end\n",
                fill_long_word);
    assert_page(
        "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"
        "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"
        "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\n"
        "\xe4\xb8\xad\n",
        fill_wide);
    assert_page("  nft:\n"
                "    a very long command that must not be wrapped at all\n"
                "    second \\x1b line\n"
                "    after\n",
                fill_verbatim);
}

/* Marks without width must not fill the buffer of a word beyond its end. */
static void fill_marks(struct page *page)
{
    for (int i = 0; i < 2 * PAGE_WORD; i++)
        page_text(page, "\xcc\x81");
    page_line(page);
}

static void test_page_endless_marks(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct page page;
    FILE *out = open_memstream(&text, &size);
    page_begin(&page, out, 80, false);
    fill_marks(&page);
    fclose(out);
    assert_int_equal(size, 2 * 2 * PAGE_WORD + 1);
    free(text);
}

/* The sign of a reason is what it did to the verdict's place, also by weakening the others. */
static void test_effect(void **state)
{
    (void)state;
    struct verdict verdict = {.place = EGRESS_POLICY};
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        verdict.probability[i] = 1.0 / FAILURE_POINTS;
    struct reason reason = {.weight = {[EGRESS_POLICY] = 2}};
    assert_true(view_effect(&verdict, &reason) > 1.99 && view_effect(&verdict, &reason) < 2.01);
    reason = (struct reason){.weight = {1, 1, 1, 1, 1, 1}}; /* says nothing */
    assert_true(view_effect(&verdict, &reason) < 1e-9 && view_effect(&verdict, &reason) > -1e-9);
    reason = (struct reason){.weight = {[LOCAL_FIREWALL] = -2, [EDGE_FIREWALL] = -2}};
    assert_true(view_effect(&verdict, &reason) > 0.5);
    reason = (struct reason){.weight = {[LOCAL_FIREWALL] = 2}};
    assert_true(view_effect(&verdict, &reason) < -0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_escape_small_buffers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_page_endless_marks),
        cmocka_unit_test(test_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
