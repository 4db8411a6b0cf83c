/* The evidence capture: which frames are wanted, what is counted when they do not come, the blocks.
 */
#include "analyzer/report/evidence.h"
#include "report_fixture.h"

static void take(struct evidence *evidence, uint32_t capture, uint64_t number, uint16_t link_type)
{
    uint8_t bytes[70];
    memset(bytes, (int)number, sizeof bytes);
    const struct frame frame = {.data = bytes,
                                .caplen = sizeof bytes - 1, /* not a multiple of four */
                                .len = 1500,
                                .time_ns = start_ns + (int64_t)number,
                                .number = number,
                                .link_type = link_type};
    evidence_take(evidence, capture, &frame, false, NULL);
}

static uint32_t number_at(const char *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

/* Walks the blocks: both lengths of each agree. Returns how many there are of a type. */
static size_t count_blocks(const char *bytes, size_t size, uint32_t type)
{
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        uint32_t length = number_at(bytes + at + 4);
        assert_true(length % 4 == 0 && length >= 12 && at + length <= size);
        assert_int_equal(number_at(bytes + at + length - 4), length);
        count += number_at(bytes + at) == type;
        at += length;
    }
    return count;
}

static void test_wanted_frames(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct evidence *evidence = evidence_gather(&fixture.report);
    /* Of the exchange 12, 13 and 19; of the reasons 12 to 14, 12 to 23, and 7. */
    assert_int_equal(evidence_missing(evidence), 13);
    assert_int_equal(evidence_last_frame(evidence, 0), 23);
    assert_int_equal(evidence_last_frame(evidence, 1), 0);
    for (uint64_t number = 1; number <= 30; number++)
        take(evidence, 0, number, number == 7 ? 113 : 1);
    take(evidence, 1, 12, 1); /* of a capture that no finding is of */
    assert_int_equal(evidence_missing(evidence), 0);
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);
    assert_true(evidence_write(out, evidence));
    fclose(out);
    assert_int_equal(number_at(bytes), 0x0a0d0d0a);
    assert_int_equal(count_blocks(bytes, size, 0x0a0d0d0a), 1);
    assert_int_equal(count_blocks(bytes, size, 1), 2); /* two link types */
    assert_int_equal(count_blocks(bytes, size, 6), 13);
    static const char comment[] =
        "fwsniff c0ffee12, frame 12 of capture a: SYN of the client, never "
        "answered";
    assert_non_null(memmem(bytes, size, comment, strlen(comment)));
    free(bytes);
    evidence_free(evidence);
}

/* A comment holds no control bytes, whatever the report's texts are. */
static void test_hostile(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    make_hostile(&fixture);
    struct evidence *evidence = evidence_gather(&fixture.report);
    char *bytes = NULL;
    size_t size = 0;
    take(evidence, 0, 12, 1);
    FILE *out = open_memstream(&bytes, &size);
    assert_true(evidence_write(out, evidence));
    fclose(out);
    assert_null(memmem(bytes, size, "\033", 1));
    assert_non_null(memmem(bytes, size, "\\x1b[2J", 7));
    free(bytes);
    evidence_free(evidence);
}

/* More citations than are kept: the rest is counted, and nothing else goes wrong. */
static void test_cap(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    struct fixture fixture;
    fill(&fixture);
    struct verdict *verdict = &fixture.finding.verdict;
    while (verdict->reason_count < VERDICT_REASONS_MAX)
        add_reason(verdict, "many", "One of many.", 0.1, 0, 100 * verdict->reason_count,
                   FRAMES_MAX);
    struct finding *all[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        all[i] = &fixture.finding;
    fixture.report.findings = all;
    fixture.report.finding_count = COUNT;
    struct evidence *evidence = evidence_gather(&fixture.report);
    uint64_t cited = (VERDICT_REASONS_MAX - 3) * FRAMES_MAX + 3 + 12 + 1 + 3;
    assert_true(COUNT * cited > EVIDENCE_NOTES_MAX);
    uint64_t refused = COUNT * cited - EVIDENCE_NOTES_MAX;
    assert_in_range(evidence_missing(evidence), refused, refused + cited);
    evidence_free(evidence);
}

static void test_full_disk(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture);
    struct evidence *evidence = evidence_gather(&fixture.report);
    FILE *full = fopen("/dev/full", "w");
    assert_false(evidence_write(full, evidence));
    fclose(full);
    evidence_free(evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wanted_frames),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
