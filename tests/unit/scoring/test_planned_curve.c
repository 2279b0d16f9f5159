/* The expected curve of a planned event. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scoring/planned.h"

static void it_is_the_median_of_earlier_events_with_the_least_and_the_most(void **state)
{
    (void)state;
    const double values[] = {40, 10, 30};
    struct score_planned step = score_planned_step(values, 3);
    assert_true(step.expected == 30 && step.low == 10 && step.high == 40 && step.events == 3);
    step = score_planned_step(values, 2);
    assert_true(step.expected == 25 && step.low == 10 && step.high == 40);
}

static void one_earlier_event_has_no_interval_and_none_no_curve(void **state)
{
    (void)state;
    const double values[] = {NAN, 7, INFINITY};
    struct score_planned step = score_planned_step(values, 3);
    assert_true(step.expected == 7 && isnan(step.low) && isnan(step.high) && step.events == 1);
    step = score_planned_step(values, 1);
    assert_true(isnan(step.expected) && step.events == 0);
    assert_true(isnan(score_planned_step(NULL, 0).expected));
}

static void more_events_than_the_bound_are_not_looked_at(void **state)
{
    (void)state;
    double values[SCORE_PLANNED_EVENTS + 4];
    for (int i = 0; i < SCORE_PLANNED_EVENTS + 4; i++)
        values[i] = 100 - i;
    struct score_planned step = score_planned_step(values, SCORE_PLANNED_EVENTS + 4);
    assert_true(step.events == SCORE_PLANNED_EVENTS && step.high == 100 && step.low == 93);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_median_of_earlier_events_with_the_least_and_the_most),
        cmocka_unit_test(one_earlier_event_has_no_interval_and_none_no_curve),
        cmocka_unit_test(more_events_than_the_bound_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
