/* Several texts at once, held against a naive twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "analyzer/speech/phrases.h"

static int naively(const struct phrases *phrases, const uint8_t *bytes, size_t length)
{
    for (int i = 0; i < (int)phrases->count; i++)
        for (size_t at = 0; at + phrases->length[i] <= length; at++)
            if (strncasecmp((const char *)bytes + at, phrases->text[i], phrases->length[i]) == 0)
                return i;
    return -1;
}

static int find(const struct phrases *phrases, const char *text)
{
    int found = phrases_find(phrases, (const uint8_t *)text, strlen(text));
    assert_int_equal(found, naively(phrases, (const uint8_t *)text, strlen(text)));
    return found;
}

static struct phrases *of(const char *const *texts, size_t count)
{
    struct phrases *phrases = calloc(1, sizeof *phrases);
    for (size_t i = 0; i < count; i++)
        phrases_add(phrases, texts[i]);
    phrases_ready(phrases);
    return phrases;
}

static void finds_what_is_there(void **state)
{
    (void)state;
    static const char *const texts[] = {"Web Page Blocked", "FortiGuard",
                                        "Blocked by ContentKeeper"};
    struct phrases *phrases = of(texts, 3);
    assert_int_equal(find(phrases, "<h1>web page BLOCKED</h1>"), 0);
    assert_int_equal(find(phrases, "FortiGuard"), 1);
    assert_int_equal(find(phrases, "x FortiGuar FORTIGUARD"), 1);
    assert_int_equal(find(phrases, "blocked by contentkeeper"), 2);
    assert_int_equal(find(phrases, "FortiGuard: Web Page Blocked"), 0); /* the first added */
    assert_int_equal(find(phrases, "Blocked by ContentKeepe"), -1);
    assert_int_equal(find(phrases, "Forti"), -1);
    assert_int_equal(find(phrases, ""), -1);
    free(phrases);
}

static void nothing_is_looked_for(void **state)
{
    (void)state;
    struct phrases *phrases = of(NULL, 0);
    assert_int_equal(phrases_find(phrases, (const uint8_t *)"any", 3), -1);
    free(phrases);
}

/* The shortest there may be, and many, in bytes of few letters so that much nearly fits. Each in
 * memory of its own length: a read past its end is found. */
static void like_its_twin(void **state)
{
    (void)state;
    static const char *const texts[] = {"abab", "aabbaabbab", "bbbbb", "aaab b", "ABBA abab abba"};
    struct phrases *phrases = of(texts, 5);
    int found = 0;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t length = (size_t)(rand() % 24);
        uint8_t *bytes = malloc(length ? length : 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t) "aAbB \xff"[rand() % 6];
        int told = phrases_find(phrases, bytes, length);
        assert_int_equal(told, naively(phrases, bytes, length));
        found += told >= 0;
        free(bytes);
    }
    assert_in_range(found, 1000, 19000);
    free(phrases);
}

static void no_more_than_its_cap(void **state)
{
    (void)state;
    struct phrases *phrases = calloc(1, sizeof *phrases);
    for (int i = 0; i < PHRASES_MAX; i++)
        phrases_add(phrases, "never there");
    phrases_add(phrases, "one too many");
    phrases_ready(phrases);
    assert_int_equal(phrases->count, PHRASES_MAX);
    assert_int_equal(find(phrases, "one too many"), -1);
    assert_int_equal(find(phrases, "it is never there"), 0);
    free(phrases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_there),
        cmocka_unit_test(nothing_is_looked_for),
        cmocka_unit_test(like_its_twin),
        cmocka_unit_test(no_more_than_its_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
