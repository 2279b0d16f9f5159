/* Counts that are nearly always 0: how rare one may be said to be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scoring/rare_count.h"

#define MINUTE 60000.0

static void a_first_event_is_as_rare_as_twice_the_past(void **state)
{
    (void)state;
    assert_true(fabs(score_rare_count_hours(1440 - 1, 0, 1, MINUTE) - 48) < 1e-9);
    assert_true(fabs(score_rare_count_hours(14400 - 1, 0, 1, MINUTE) - 480) < 1e-9);
}

static void a_burst_is_rarer_by_the_third_power(void **state)
{
    (void)state;
    double one = score_rare_count_hours(1000, 0.001, 1, MINUTE);
    assert_true(fabs(score_rare_count_hours(1000, 0.001, 10, MINUTE) - 1000 * one) < 1e-6 * one);
}

static void what_comes_often_is_bounded_more(void **state)
{
    (void)state;
    double before = INFINITY;
    for (double mean = 0; mean < 0.49; mean += 0.01) {
        double now = score_rare_count_hours(10000, mean, 3, MINUTE);
        assert_true(now < before && now > 0);
        before = now;
    }
}

static void a_count_that_is_not_rare_is_not_bounded(void **state)
{
    (void)state;
    assert_true(score_rare_count_hours(10000, 0.6, 3, MINUTE) == SCORE_PERIOD_MAX_H);
    assert_true(score_rare_count_hours(10000, NAN, 3, MINUTE) == SCORE_PERIOD_MAX_H);
    assert_true(score_rare_count_hours(10000, 0, INFINITY, MINUTE) == SCORE_PERIOD_MAX_H);
    assert_true(score_rare_count_hours(UINT64_MAX, 0, 1e9, MINUTE) <= SCORE_PERIOD_MAX_H);
}

static void nothing_is_no_news_where_little_comes(void **state)
{
    (void)state;
    assert_true(score_rare_count_hours(10000, 0.2, 0, MINUTE) == 0);
    assert_true(score_rare_count_hours(10000, 0, 0, MINUTE) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_event_is_as_rare_as_twice_the_past),
        cmocka_unit_test(a_burst_is_rarer_by_the_third_power),
        cmocka_unit_test(what_comes_often_is_bounded_more),
        cmocka_unit_test(a_count_that_is_not_rare_is_not_bounded),
        cmocka_unit_test(nothing_is_no_news_where_little_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
