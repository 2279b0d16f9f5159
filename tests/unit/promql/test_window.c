/* Functions over sliding windows, on columns with known results. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/promql/window.h"

enum { SAMPLES_MAX = 400, STEPS_MAX = 400 };

static const time_ms_t times_15s[] = {0, 15000, 30000, 45000, 60000};

/* The function's value of one window [0, 60 s] over five samples 15 s apart. */
static double value_of(enum function_id id, const double values[5], double a, double b)
{
    struct window_plan plan = {.timeline = {.start = 60000, .step_ms = 1, .count = 1}, .range_ms = 60000};
    struct samples samples = {times_15s, values, 5};
    struct tm_why why;
    struct window_call call = {.plan = &plan, .samples = &samples, .params = {&a, &b}, .why = &why};
    double out;
    assert_int_equal(window_function(id)(&call, &out), TM_OK);
    return out;
}

static void a_counter_that_fell_is_added_up(void **state)
{
    (void)state;
    const double values[] = {0, 10, 5, 15, 25};
    assert_true(value_of(FUNCTION_INCREASE, values, 0, 0) == 35);
    assert_true(value_of(FUNCTION_RATE, values, 0, 0) == 35.0 / 60);
    assert_true(value_of(FUNCTION_DELTA, values, 0, 0) == 25);
    assert_true(value_of(FUNCTION_IRATE, values, 0, 0) == 10.0 / 15);
    assert_true(value_of(FUNCTION_IDELTA, values, 0, 0) == 10);
    assert_true(value_of(FUNCTION_RESETS, values, 0, 0) == 1);
    assert_true(value_of(FUNCTION_CHANGES, values, 0, 0) == 4);
}

/* The function over columns of each length up to 100, one value of which is below the one before it, or none.
 */
static double over_column(enum function_id id, size_t count, size_t fall)
{
    time_ms_t times[100];
    double values[100], out;
    for (size_t i = 0; i < count; i++) {
        times[i] = (time_ms_t)i * 1000;
        values[i] = (double)(i < fall ? i + 1000 : i);
    }
    struct window_plan plan = {.timeline = {.start = (time_ms_t)(count - 1) * 1000, .step_ms = 1, .count = 1},
                               .range_ms = (time_ms_t)(count - 1) * 1000};
    struct samples samples = {times, values, count};
    struct window_call call = {.plan = &plan, .samples = &samples};
    assert_int_equal(window_function(id)(&call, &out), TM_OK);
    return out;
}

static void a_fall_is_seen_wherever_it_is(void **state)
{
    (void)state;
    for (size_t count = 2; count <= 100; count++) {
        assert_true(over_column(FUNCTION_INCREASE, count, 0) == (double)(count - 1));
        for (size_t fall = 1; fall < count; fall++)
            assert_true(over_column(FUNCTION_INCREASE, count, fall) == (double)(count - 1 + fall - 1));
    }
}

static void sums_means_and_extremes_are_exact(void **state)
{
    (void)state;
    const double values[] = {3, -1, 4, 1, 5};
    assert_true(value_of(FUNCTION_SUM_OVER_TIME, values, 0, 0) == 12);
    assert_true(value_of(FUNCTION_AVG_OVER_TIME, values, 0, 0) == 2.4);
    assert_true(value_of(FUNCTION_MIN_OVER_TIME, values, 0, 0) == -1);
    assert_true(value_of(FUNCTION_MAX_OVER_TIME, values, 0, 0) == 5);
    assert_true(value_of(FUNCTION_COUNT_OVER_TIME, values, 0, 0) == 5);
    assert_true(value_of(FUNCTION_LAST_OVER_TIME, values, 0, 0) == 5);
    assert_true(value_of(FUNCTION_PRESENT_OVER_TIME, values, 0, 0) == 1);
    assert_true(fabs(value_of(FUNCTION_STDVAR_OVER_TIME, values, 0, 0) - 4.64) < 1e-15);
    assert_true(value_of(FUNCTION_QUANTILE_OVER_TIME, values, 0.5, 0) == 3);
    assert_true(value_of(FUNCTION_QUANTILE_OVER_TIME, values, 1.5, 0) == (double)INFINITY);
    assert_true(isnan(value_of(FUNCTION_QUANTILE_OVER_TIME, values, NAN, 0)));
}

static void small_values_survive_large_ones(void **state)
{
    (void)state;
    const double values[] = {1e100, 1, -1e100, 1, 0};
    assert_true(value_of(FUNCTION_SUM_OVER_TIME, values, 0, 0) == 2);
}

static void infinities_and_nan_are_passed_on(void **state)
{
    (void)state;
    const double infinite[] = {1, INFINITY, 3, 4, 5};
    const double odd[] = {NAN, 1, NAN, 3, NAN};
    const double none[] = {NAN, NAN, NAN, NAN, NAN};
    assert_true(value_of(FUNCTION_SUM_OVER_TIME, infinite, 0, 0) == (double)INFINITY);
    assert_true(value_of(FUNCTION_AVG_OVER_TIME, infinite, 0, 0) == (double)INFINITY);
    assert_true(value_of(FUNCTION_MAX_OVER_TIME, odd, 0, 0) == 3);
    assert_true(value_of(FUNCTION_MIN_OVER_TIME, odd, 0, 0) == 1);
    assert_true(isnan(value_of(FUNCTION_MIN_OVER_TIME, none, 0, 0)));
    assert_true(isnan(value_of(FUNCTION_SUM_OVER_TIME, odd, 0, 0)));
    assert_true(value_of(FUNCTION_CHANGES, none, 0, 0) == 0);
}

static void a_line_is_found(void **state)
{
    (void)state;
    const double values[] = {2, 5, 8, 11, 14};
    const double constant[] = {7, 7, 7, 7, 7};
    assert_true(fabs(value_of(FUNCTION_DERIV, values, 0, 0) - 0.2) < 1e-15);
    assert_true(fabs(value_of(FUNCTION_PREDICT_LINEAR, values, 60, 0) - 26) < 1e-12);
    assert_true(value_of(FUNCTION_DERIV, constant, 0, 0) == 0);
    assert_true(value_of(FUNCTION_HOLT_WINTERS, values, 0.5, 0.5) == 14);
}

static void factors_out_of_bounds_are_refused(void **state)
{
    (void)state;
    const double values[] = {2, 5, 8, 11, 14};
    double factor = 1;
    struct window_plan plan = {.timeline = {.start = 60000, .step_ms = 1, .count = 1}, .range_ms = 60000};
    struct samples samples = {times_15s, values, 5};
    struct tm_why why;
    struct window_call call = {.plan = &plan, .samples = &samples, .params = {&factor, &factor}, .why = &why};
    double out;
    assert_int_equal(window_holt_winters(&call, &out), TM_INVALID);
    assert_string_equal(why.text, "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000");
}

static void both_ends_belong_to_a_window(void **state)
{
    (void)state;
    const double values[] = {1, 1, 1, 1, 1};
    assert_true(value_of(FUNCTION_COUNT_OVER_TIME, values, 0, 0) == 5);
}

/* ---- sliding gives what each window by itself would ---- */

static double fill_samples(unsigned seed, time_ms_t *times, double *values, double size)
{
    unsigned state = seed;
    time_ms_t time = 0;
    for (size_t i = 0; i < SAMPLES_MAX; i++) {
        time += 1 + rand_r(&state) % 20000;
        times[i] = time;
        values[i] = (double)(rand_r(&state) % 2000 - 1000) * pow(size, rand_r(&state) % 3);
        if (rand_r(&state) % 60 == 0)
            values[i] = rand_r(&state) % 2 ? NAN : (rand_r(&state) % 2 ? INFINITY : -INFINITY);
    }
    return (double)time;
}

static void check_close(double got, double expected)
{
    if (is_absent(expected) || isnan(expected)) {
        assert_int_equal(is_absent(got), is_absent(expected));
        assert_true(is_absent(got) || isnan(got));
        return;
    }
    if (got != expected)
        assert_true(fabs(got - expected) <= 1e-10 * fabs(expected) + 1e-200);
}

/* Every step against a plan of that step alone. */
static void check_sliding(enum function_id id, const struct samples *samples, struct window_plan plan,
                          bool is_exact)
{
    static double column[STEPS_MAX], q[STEPS_MAX];
    struct tm_why why;
    for (size_t i = 0; i < STEPS_MAX; i++)
        q[i] = 0.25;
    struct window_call call = {.plan = &plan, .samples = samples, .params = {q, q}, .why = &why};
    assert_int_equal(window_function(id)(&call, column), TM_OK);
    for (size_t i = 0; i < plan.timeline.count; i++) {
        struct window_plan alone = plan;
        alone.timeline = (struct timeline){timeline_at(&plan.timeline, i), 1, 1};
        struct window_call one = {.plan = &alone, .samples = samples, .params = {q, q}, .why = &why};
        double expected;
        assert_int_equal(window_function(id)(&one, &expected), TM_OK);
        check_close(column[i], expected);
        assert_true(!is_exact || column[i] == expected || isnan(expected));
    }
}

static void sliding_equals_each_window_alone(void **state)
{
    (void)state;
    static time_ms_t times[SAMPLES_MAX];
    static double values[SAMPLES_MAX];
    static const double sizes[] = {1, 10, 1e30};
    for (unsigned seed = 1; seed <= 12; seed++) {
        double end = fill_samples(seed, times, values, sizes[seed % 3]);
        struct samples samples = {times, values, SAMPLES_MAX};
        struct window_plan plan = {
            .timeline = {.start = -50000, .step_ms = (time_ms_t)end / STEPS_MAX, .count = STEPS_MAX},
            .range_ms = 120000};
        for (enum function_id id = 0; id < FUNCTION_COUNT; id++) {
            if (window_function(id))
                check_sliding(id, &samples, plan, false);
        }
    }
}

/* A counter every 10 s, with some that come late, are missing, fall, are no numbers or stay for a while;
 * seed 0: without all that. */
static void fill_regular(unsigned seed, time_ms_t *times, double *values)
{
    unsigned state = seed;
    time_ms_t time = -30000;
    double value = 3;
    for (size_t i = 0; i < SAMPLES_MAX; i++) {
        unsigned what = seed ? (unsigned)rand_r(&state) % 100 : 99;
        time += what < 3 ? 40000 : 10000;
        value = what == 7 ? 1 : value + rand_r(&state) % 50 * (what > 20);
        times[i] = time + (what == 4 ? 13 : 0);
        values[i] = what == 8 ? (double)INFINITY : value;
        if (what == 9)
            values[i] = NAN;
    }
}

static void regular_samples_give_just_what_each_window_alone_gives(void **state)
{
    (void)state;
    static time_ms_t times[SAMPLES_MAX];
    static double values[SAMPLES_MAX];
    static const enum function_id ids[] = {FUNCTION_RATE, FUNCTION_INCREASE, FUNCTION_DELTA};
    static const int64_t steps_ms[] = {60000, 10000, 20000, 15000, 7};
    static const int64_t ranges_ms[] = {300000, 60000, 10000, 25000};
    for (unsigned i = 0; i < 12 * 5 * 4 * 3; i++) {
        struct window_plan plan = {.timeline = {.start = (i % 7) * 5000 - 60000,
                                                .step_ms = steps_ms[i / 12 % 5],
                                                .count = STEPS_MAX},
                                   .range_ms = ranges_ms[i / 60 % 4]};
        struct samples samples = {times, values, SAMPLES_MAX - i % 3};
        fill_regular(i % 12, times, values);
        check_sliding(ids[i / 240], &samples, plan, true);
    }
}

static void a_fixed_window_stays_where_it_is(void **state)
{
    (void)state;
    static time_ms_t times[SAMPLES_MAX];
    static double values[SAMPLES_MAX], column[STEPS_MAX];
    fill_regular(0, times, values);
    struct samples samples = {times, values, SAMPLES_MAX};
    struct window_plan plan = {.timeline = {.start = 0, .step_ms = 10000, .count = STEPS_MAX},
                               .is_fixed = true,
                               .fixed_ms = 600000,
                               .range_ms = 300000};
    struct window_call call = {.plan = &plan, .samples = &samples};
    assert_int_equal(window_function(FUNCTION_RATE)(&call, column), TM_OK);
    for (size_t i = 1; i < STEPS_MAX; i++)
        assert_true(column[i] == column[0]);
    assert_true(column[0] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_that_fell_is_added_up),
        cmocka_unit_test(a_fall_is_seen_wherever_it_is),
        cmocka_unit_test(sums_means_and_extremes_are_exact),
        cmocka_unit_test(small_values_survive_large_ones),
        cmocka_unit_test(infinities_and_nan_are_passed_on),
        cmocka_unit_test(a_line_is_found),
        cmocka_unit_test(factors_out_of_bounds_are_refused),
        cmocka_unit_test(both_ends_belong_to_a_window),
        cmocka_unit_test(sliding_equals_each_window_alone),
        cmocka_unit_test(regular_samples_give_just_what_each_window_alone_gives),
        cmocka_unit_test(a_fixed_window_stays_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
