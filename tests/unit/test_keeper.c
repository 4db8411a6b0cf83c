/* The ring of frames: the newest stay, whatever their sizes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyzer/capture/keeper.h"

struct seen {
    uint64_t first, last, count;
};

/* Numbers follow one another, and the bytes are those that were given. */
static void look(void *context, const struct frame *frame)
{
    struct seen *seen = context;
    if (seen->count++ == 0)
        seen->first = frame->number;
    else
        assert_int_equal(frame->number, seen->last + 1);
    seen->last = frame->number;
    assert_int_equal(frame->len, frame->number % 2000);
    assert_int_equal(frame->caplen,
                     frame->number % 2000 < KEPT_BYTES ? frame->number % 2000 : KEPT_BYTES);
    for (uint32_t i = 0; i < frame->caplen; i++)
        assert_int_equal(frame->data[i], (uint8_t)(frame->number + i));
}

static void fill(struct keeper *keeper, uint64_t count)
{
    uint8_t bytes[2000];
    for (uint64_t number = 1; number <= count; number++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(number + i);
        uint32_t length = (uint32_t)(number % 2000);
        keeper_add(keeper, &(struct frame){
                               .data = bytes, .caplen = length, .len = length, .number = number});
    }
}

static void test_all_fit(void **state)
{
    (void)state;
    struct keeper *keeper = keeper_new(1024 * 1024);
    struct seen seen = {0};
    keeper_each(keeper, look, &seen);
    assert_int_equal(seen.count, 0);
    fill(keeper, 500);
    keeper_each(keeper, look, &seen);
    assert_int_equal(seen.first, 1);
    assert_int_equal(seen.last, 500);
    assert_int_equal(keeper_dropped(keeper), 0);
    keeper_free(keeper);
}

/* Every size of ring from one that holds two frames on, gone round many times. */
static void test_oldest_make_room(void **state)
{
    (void)state;
    for (size_t size = 0; size < 5000; size += 37) {
        struct keeper *keeper = keeper_new(size);
        fill(keeper, 2500);
        struct seen seen = {0};
        keeper_each(keeper, look, &seen);
        assert_int_equal(seen.last, 2500);
        assert_true(seen.count >= 1);
        assert_int_equal(seen.count + keeper_dropped(keeper), 2500);
        keeper_free(keeper);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fit),
        cmocka_unit_test(test_oldest_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
