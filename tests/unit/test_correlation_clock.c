/* The clock between two captures: offset and drift from matched packets, some of them wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyzer/correlation/clock.h"

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1700000000) * SECOND)

enum { MANY = 1000 };

static struct clock_sample sample(int64_t at_ns, int64_t apart_ns, int way)
{
    return (struct clock_sample){START + at_ns, apart_ns, (int8_t)way};
}

static void near_to(double value, double wanted, double within)
{
    if (value < wanted - within || value > wanted + within)
        fail_msg("%g is not within %g of %g", value, within, wanted);
}

static void none_is_not_known(void **state)
{
    (void)state;
    struct clock clock;
    clock_estimate(NULL, 0, &clock);
    assert_false(clock.known);
    assert_true(clock_at_b(&clock, START) == START);
    assert_true(clock_at_a(&clock, START) == START);
}

/* 10 ms each way: the true offset lies between what the two directions show. */
static void both_directions_bound_the_offset(void **state)
{
    (void)state;
    struct clock_sample samples[] = {
        sample(0, 5 * SECOND + 10000000, 1),
        sample(1 * SECOND, 5 * SECOND - 10000000, -1),
        sample(2 * SECOND, 5 * SECOND + 14000000, 1),
        sample(3 * SECOND, 5 * SECOND - 12000000, -1),
    };
    struct clock clock;
    clock_estimate(samples, 4, &clock);
    assert_true(clock.known && clock.both_ways);
    near_to(clock.offset_ns, 5e9, 1e3);
    near_to(clock.doubt_ns, 10e6, 1e3);
    near_to((double)(clock_at_a(&clock, clock_at_b(&clock, START + SECOND)) - START), 1e9, 10);
}

static void one_direction_is_off_by_the_way(void **state)
{
    (void)state;
    struct clock_sample samples[] = {sample(0, 30000000, 1), sample(SECOND, 12000000, 1),
                                     sample(2 * SECOND, 25000000, 1)};
    struct clock clock;
    clock_estimate(samples, 3, &clock);
    assert_true(clock.known && !clock.both_ways);
    near_to(clock.offset_ns, 12e6, 1);
}

/* A retransmission taken for the first packet, a wrong match: the median does not mind. */
static void wrong_samples_are_left_out(void **state)
{
    (void)state;
    struct clock_sample samples[MANY];
    for (int i = 0; i < MANY; i++) {
        int way = i % 2 ? 1 : -1;
        int64_t apart = -3 * SECOND + way * 5000000 + i % 7 * 1000 * way;
        if (i % 3 == 0)
            apart += (int64_t)(i - MANY / 2) * SECOND;
        samples[i] = sample(i * SECOND / 100, apart, way);
    }
    struct clock clock;
    clock_estimate(samples, MANY, &clock);
    assert_true(clock.known);
    assert_in_range(clock.samples, MANY / 2, MANY * 3 / 4);
    near_to(clock.offset_ns, -3e9, 1e5);
}

static void drift_is_followed(void **state)
{
    (void)state;
    struct clock_sample samples[MANY];
    const double drift = 50e-6;
    for (int i = 0; i < MANY; i++) {
        int way = i % 2 ? 1 : -1;
        double at_ns = i * 3.6e9; /* an hour in all: 0.18 s of drift */
        samples[i] = sample((int64_t)at_ns, SECOND + (int64_t)(drift * at_ns) + way * 2000000, way);
    }
    struct clock clock;
    clock_estimate(samples, MANY, &clock);
    near_to(clock.drift, drift, 1e-6);
    near_to((double)(clock_at_b(&clock, START) - START), 1e9, 1e6);
    near_to((double)(clock_at_b(&clock, START + 3600 * SECOND) - START), 3601.18e9, 1e6);
    near_to((double)(clock_at_a(&clock, START + 3601 * SECOND + 180000000) - START), 3600e9, 1e6);
}

/* Two captures with nothing but chance in common drift apart faster than any clock. */
static void no_clock_drifts_like_that(void **state)
{
    (void)state;
    struct clock_sample samples[MANY];
    for (int i = 0; i < MANY; i++)
        samples[i] = sample(i * SECOND, (int64_t)i * SECOND / 3, 1);
    struct clock clock;
    clock_estimate(samples, MANY, &clock);
    near_to(clock.drift, 0, 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_not_known),
        cmocka_unit_test(both_directions_bound_the_offset),
        cmocka_unit_test(one_direction_is_off_by_the_way),
        cmocka_unit_test(wrong_samples_are_left_out),
        cmocka_unit_test(drift_is_followed),
        cmocka_unit_test(no_clock_drifts_like_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
