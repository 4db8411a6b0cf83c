/* Slabs that a thread has cleared are what memory_slab() gives: zeroed and one's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/next_slab.h"

enum { SLAB = 2 * 1024 * 1024, SLABS = NEXT_SLAB_MANY + 4 };

static uint8_t *take(struct next_slab *next, size_t have, size_t most)
{
    return next_slab_take(next, have, most, SLAB, SLAB / 2);
}

static void slabs_are_zeroed_and_ones_own(void **state)
{
    (void)state;
    struct next_slab next = {0};
    uint8_t *slabs[SLABS];
    for (size_t i = 0; i < SLABS; i++) {
        slabs[i] = take(&next, i, SLABS);
        assert_int_equal((uintptr_t)slabs[i] % SLAB, 0);
        assert_int_equal(next.running, i >= NEXT_SLAB_MANY && next_slab_pays());
        for (size_t at = 0; at < SLAB; at++)
            if (slabs[i][at])
                fail_msg("byte %zu of slab %zu is %u", at, i, slabs[i][at]);
        memset(slabs[i], (int)i + 1, SLAB);
    }
    for (size_t i = 0; i < SLABS; i++) {
        assert_int_equal(slabs[i][0], i + 1);
        assert_int_equal(slabs[i][SLAB - 1], i + 1);
        memory_table_free(slabs[i], SLAB, 1);
    }
    next_slab_drop(&next);
    assert_int_equal(next.made, next.taken);
}

static void no_more_are_made_than_fit_the_table(void **state)
{
    (void)state;
    enum { LEFT = 2 };
    struct next_slab next = {0};
    void *one = take(&next, NEXT_SLAB_MANY, NEXT_SLAB_MANY + 1 + LEFT);
    assert_int_equal(next.running, next_slab_pays());
    next_slab_drop(&next);
    assert_true(next.made <= LEFT);
    assert_false(next.running);
    memory_table_free(one, SLAB, 1);
}

static void few_slabs_need_no_thread(void **state)
{
    (void)state;
    struct next_slab next = {0};
    void *first = take(&next, 0, SLABS), *second = take(&next, 1, SLABS);
    void *last = take(&next, NEXT_SLAB_MANY, NEXT_SLAB_MANY + 1);
    assert_false(next.running);
    next_slab_drop(&next);
    memory_table_free(first, SLAB, 1);
    memory_table_free(second, SLAB, 1);
    memory_table_free(last, SLAB, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slabs_are_zeroed_and_ones_own),
        cmocka_unit_test(no_more_are_made_than_fit_the_table),
        cmocka_unit_test(few_slabs_need_no_thread),
    };
    return cmocka_run_group_tests_name("next_slab", tests, NULL, NULL);
}
