/* Rollups in place of samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/promql/tier.h"

enum { MINUTE = 60000, FIVE = 5 * MINUTE, HOUR = 60 * MINUTE, RAW = 4 * HOUR };

/* Rows of an hour at 0 and 1 h, of 5 minutes from 2 h to 3 h; each has 10 samples, sum 10, min 0 to its
 * number. */
static void fill_rows(struct rollup *at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        time_ms_t start = i < 2 ? (time_ms_t)i * HOUR : 2 * HOUR + (time_ms_t)(i - 2) * FIVE;
        at[i] = (struct rollup){start, start + 4 * MINUTE, 10, 10, 0, (double)i, (double)i, 5};
    }
}

static double ask(enum function_id function, time_ms_t at, int64_t range_ms)
{
    struct rollup rows[14];
    fill_rows(rows, 14);
    const struct tier_rows all = {.at = rows, .count = 14, .hours = 2};
    const struct window_plan plan = {.timeline = {at, MINUTE, 1}, .range_ms = range_ms};
    const struct tier tier = {&plan, function, RAW, FIVE};
    double column = absent();
    tier_fill(&tier, &all, &column);
    return column;
}

static void a_window_is_the_rows_in_it(void **state)
{
    (void)state;
    assert_true(ask(FUNCTION_COUNT_OVER_TIME, 2 * HOUR + 10 * MINUTE, 10 * MINUTE) == 20);
    assert_true(ask(FUNCTION_SUM_OVER_TIME, 3 * HOUR, HOUR) == 120);
    assert_true(ask(FUNCTION_MAX_OVER_TIME, 3 * HOUR, HOUR) == 13);
    assert_true(ask(FUNCTION_AVG_OVER_TIME, 3 * HOUR, HOUR) == 1);
    assert_true(ask(FUNCTION_INCREASE, 3 * HOUR, HOUR) == 60);
    assert_true(ask(FUNCTION_RATE, 3 * HOUR, HOUR) == 60.0 / 3600);
    assert_true(ask(FUNCTION_COUNT_OVER_TIME, 3 * HOUR, 3 * HOUR) == 140);
    assert_true(is_absent(ask(FUNCTION_COUNT_OVER_TIME, 3 * HOUR + 30 * MINUTE, 10 * MINUTE)));
}

static void what_is_no_whole_row_is_moved_and_in_proportion(void **state)
{
    (void)state;
    assert_true(ask(FUNCTION_COUNT_OVER_TIME, 2 * HOUR + 12 * MINUTE, 10 * MINUTE) == 20);
    assert_true(ask(FUNCTION_COUNT_OVER_TIME, 2 * HOUR + 10 * MINUTE, MINUTE) == 2);
    assert_true(ask(FUNCTION_COUNT_OVER_TIME, HOUR + 30 * MINUTE, 6 * MINUTE) == 1);
    assert_true(ask(FUNCTION_RATE, HOUR + 30 * MINUTE, 6 * MINUTE) == 5.0 / 3600);
}

static void a_selector_has_a_row_until_its_lookback_behind_it(void **state)
{
    (void)state;
    assert_true(ask(FUNCTION_COUNT, 2 * HOUR + 9 * MINUTE, FIVE) == 3);
    assert_true(ask(FUNCTION_COUNT, HOUR, FIVE) == 0);
    assert_true(ask(FUNCTION_COUNT, 3 * HOUR + FIVE, FIVE) == 13);
    assert_true(is_absent(ask(FUNCTION_COUNT, 3 * HOUR + FIVE + 1, FIVE)));
}

static void windows_of_samples_alone_stay(void **state)
{
    (void)state;
    assert_true(is_absent(ask(FUNCTION_COUNT_OVER_TIME, RAW + HOUR, HOUR)));
    assert_true(is_absent(ask(FUNCTION_DERIV, 3 * HOUR, HOUR)));
}

static void hours_serve_windows_of_hours(void **state)
{
    struct window_plan plan = {.timeline = {HOUR, HOUR, 3}, .range_ms = 2 * HOUR};
    (void)state;
    assert_int_equal(tier_bucket_ms(&plan, FUNCTION_RATE), HOUR);
    assert_int_equal(tier_bucket_ms(&plan, FUNCTION_DERIV), FIVE);
    plan.timeline.step_ms = 30 * MINUTE;
    assert_int_equal(tier_bucket_ms(&plan, FUNCTION_RATE), FIVE);
    plan.timeline.count = 1;
    assert_int_equal(tier_bucket_ms(&plan, FUNCTION_RATE), HOUR);
    plan.offset_ms = MINUTE;
    assert_int_equal(tier_bucket_ms(&plan, FUNCTION_RATE), FIVE);
}

static void last_samples_of_rows_stand_before_the_others(void **state)
{
    struct rollup at[14];
    (void)state;
    fill_rows(at, 14);
    struct tier_rows rows = {.at = at, .count = 14, .hours = 2};
    const struct tier tier = {NULL, FUNCTION_COUNT, 2 * HOUR + FIVE, FIVE};
    const time_ms_t times[] = {3 * HOUR};
    const double values[] = {99};
    struct samples samples = {times, values, 1};
    assert_int_equal(tier_join(&tier, &rows, &samples), TM_OK);
    assert_int_equal(samples.count, 4);
    assert_int_equal(samples.times[2], 2 * HOUR + 4 * MINUTE);
    assert_true(samples.values[2] == 2 && samples.values[3] == 99);
    rows.at = NULL;
    tier_fini(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_the_rows_in_it),
        cmocka_unit_test(what_is_no_whole_row_is_moved_and_in_proportion),
        cmocka_unit_test(a_selector_has_a_row_until_its_lookback_behind_it),
        cmocka_unit_test(windows_of_samples_alone_stay),
        cmocka_unit_test(hours_serve_windows_of_hours),
        cmocka_unit_test(last_samples_of_rows_stand_before_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
