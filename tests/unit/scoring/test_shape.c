/* The second line: was there ever a stretch like this one, and when? */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/shape.h"
#include "tests/unit/scoring/chance.h"

enum { DAY = 288, COUNT = 20 * DAY, PULSE = 12 };

static double values[COUNT], scratch[COUNT];

/* Days of a sine with noise. */
static void fill_days(uint64_t seed)
{
    struct chance chance = {seed};
    for (size_t i = 0; i < COUNT; i++)
        values[i] = 100 + 30 * sin(6.283185307179586 * (double)(i % DAY) / DAY) + 2 * chance_normal(&chance);
}

/* A comb that no day has: up and down, the last of it at `last`. */
static void put_comb(size_t last)
{
    for (size_t i = 0; i < PULSE; i++)
        values[last - i] += i % 2 == 0 ? 60 : -60;
}

static struct score_shape shape_of_all(void)
{
    struct score_shape shape;
    assert_true(score_shape_of(values, COUNT, scratch, &shape));
    return shape;
}

static void a_stretch_seen_before_names_when_it_was(void **state)
{
    (void)state;
    fill_days(1);
    put_comb(COUNT - 1);
    put_comb(COUNT - 1 - 7 * DAY);
    struct score_shape shape = shape_of_all();
    assert_int_equal(shape.length, SHAPE_PARTS);
    assert_int_equal(shape.nearest, COUNT - 1 - 7 * DAY);
    assert_true(shape.distance < 2); /* what noise leaves */
}

static void a_stretch_like_no_other_is_surprising(void **state)
{
    (void)state;
    fill_days(1);
    double before = shape_of_all().surprisal;
    put_comb(COUNT - 1);
    struct score_shape shape = shape_of_all();
    assert_true(before < 1);
    assert_true(shape.surprisal > 2.5);
    assert_true(shape.distance > 10);
    assert_int_equal(shape.compared, SHAPE_SAMPLE);
}

/* At night, what is normal at noon is far from all that is near it, yet it was there before. */
static void the_nearest_of_a_misplaced_hour_is_when_it_was(void **state)
{
    (void)state;
    enum { NOON = 5 * DAY + DAY / 4, LENGTH = 128 };
    fill_days(3);
    for (size_t i = 0; i < LENGTH; i++)
        values[COUNT - LENGTH + i] = values[NOON - LENGTH + i];
    struct score_shape shape = shape_of_all();
    assert_in_range(shape.nearest, NOON - 8, NOON + 8);
    assert_true(shape.distance < 1);
}

static void a_stretch_of_hours_is_seen_at_its_scale(void **state)
{
    (void)state;
    fill_days(1);
    for (size_t i = 0; i < 128; i++)
        values[COUNT - 1 - i] += 0.08 * (double)(128 - i);
    assert_true(shape_of_all().length > SHAPE_PARTS);
}

static void the_end_of_a_usual_series_is_rarely_surprising(void **state)
{
    (void)state;
    enum { WORLDS = 200 };
    int surprising = 0;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        fill_days(seed);
        surprising += shape_of_all().surprisal >= 1;
    }
    assert_in_range(surprising, 1, WORLDS * 15 / 100);
}

static void too_little_or_an_unknown_end_says_nothing(void **state)
{
    (void)state;
    struct score_shape shape = {.length = 1};
    fill_days(1);
    assert_false(score_shape_of(values, SHAPE_VALUES_MIN - 1, scratch, &shape));
    assert_int_equal(shape.length, 0);
    assert_true(score_shape_of(values, SHAPE_VALUES_MIN, scratch, &shape));
    for (size_t i = 0; i < 128; i++)
        values[COUNT - 1 - i] = NAN;
    assert_false(score_shape_of(values, COUNT, scratch, &shape));
    assert_true(shape.surprisal == 0 && shape.compared == 0);
}

static void check_finite(const struct score_shape *shape)
{
    assert_true(shape->surprisal >= 0 && shape->surprisal <= 20);
    assert_true(shape->distance >= 0 && shape->distance <= 1e9);
    assert_true(shape->nearest < COUNT);
}

static void gaps_constants_and_extreme_values_give_finite_numbers(void **state)
{
    (void)state;
    static const double odd[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, 0, 1e30};
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct chance chance = {seed};
        struct score_shape shape;
        for (size_t i = 0; i < COUNT; i++)
            values[i] = odd[chance_next(&chance) % (sizeof odd / sizeof *odd)];
        (void)score_shape_of(values, COUNT, scratch, &shape);
        check_finite(&shape);
    }
    for (size_t i = 0; i < COUNT; i++)
        values[i] = 7;
    struct score_shape shape = shape_of_all();
    check_finite(&shape);
    assert_true(shape.surprisal < 1);
    values[COUNT - 1] = 8;
    assert_true(shape_of_all().surprisal > 1);
}

static void gaps_of_a_quarter_are_bridged(void **state)
{
    (void)state;
    fill_days(1);
    for (size_t i = 0; i < PULSE; i++) {
        values[COUNT - 1 - i] += 60;
        values[COUNT - 1 - 7 * DAY - i] += 60;
    }
    values[COUNT - 5] = values[COUNT - 9] = values[COUNT - 3 - 7 * DAY] = NAN;
    assert_in_range(shape_of_all().nearest, COUNT - 3 - 7 * DAY, COUNT + 1 - 7 * DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stretch_seen_before_names_when_it_was),
        cmocka_unit_test(a_stretch_like_no_other_is_surprising),
        cmocka_unit_test(the_nearest_of_a_misplaced_hour_is_when_it_was),
        cmocka_unit_test(a_stretch_of_hours_is_seen_at_its_scale),
        cmocka_unit_test(the_end_of_a_usual_series_is_rarely_surprising),
        cmocka_unit_test(too_little_or_an_unknown_end_says_nothing),
        cmocka_unit_test(gaps_constants_and_extreme_values_give_finite_numbers),
        cmocka_unit_test(gaps_of_a_quarter_are_bridged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
