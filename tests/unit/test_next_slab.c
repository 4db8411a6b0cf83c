/* Slabs that a thread has cleared are what memory_slab() gives: zeroed, one's own, and no more than
 * one is made that nobody takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "analyzer/memory.h"
#include "analyzer/next_slab.h"

enum { SLAB = 2 * 1024 * 1024, SLABS = NEXT_SLAB_MANY + 4 };

static void slabs_are_zeroed_and_ones_own(void **state)
{
    (void)state;
    struct next_slab next = {0};
    uint8_t *slabs[SLABS];
    bool made = false;
    for (size_t i = 0; i < SLABS; i++) {
        slabs[i] = next_slab_take(&next, i, SLAB / 64, 64);
        assert_null(next.slab);
        for (size_t at = 0; at < SLAB; at++)
            if (slabs[i][at])
                fail_msg("byte %zu of slab %zu is %u", at, i, slabs[i][at]);
        memset(slabs[i], (int)i + 1, SLAB);
        if (i + 1 < SLABS)
            next_slab_begin(&next, i + 1, SLAB / 64, 64);
        made |= next.slab != NULL;
    }
    assert_int_equal(made, next_slab_pays());
    for (size_t i = 0; i < SLABS; i++) {
        assert_int_equal(slabs[i][0], i + 1);
        assert_int_equal(slabs[i][SLAB - 1], i + 1);
        memory_table_free(slabs[i], SLAB / 64, 64);
    }
    next_slab_drop(&next);
    assert_null(next.slab);
}

static void few_slabs_need_no_thread(void **state)
{
    (void)state;
    struct next_slab next = {0};
    void *first = next_slab_take(&next, 0, SLAB / 64, 64);
    next_slab_begin(&next, 1, SLAB / 64, 64);
    void *second = next_slab_take(&next, 1, SLAB / 64, 64);
    next_slab_begin(&next, 2, SLAB / 64, 64);
    assert_null(next.slab);
    assert_false(next.running);
    next_slab_drop(&next);
    memory_table_free(first, SLAB / 64, 64);
    memory_table_free(second, SLAB / 64, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slabs_are_zeroed_and_ones_own),
        cmocka_unit_test(few_slabs_need_no_thread),
    };
    return cmocka_run_group_tests_name("next_slab", tests, NULL, NULL);
}
