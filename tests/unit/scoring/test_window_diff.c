/* Windows beside each other: figures beside an independent computation, and the ranking. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/window_diff.h"
#include "storage/model/histogram.h"
#include "tests/unit/scoring/chance.h"
#include "tests/unit/scoring/near.h"

static void assert_diff(struct score_diff diff, double effect, double ln_e, double score)
{
    assert_near(diff.effect, effect, 1e-9);
    assert_near(diff.ln_e, ln_e, 1e-8);
    assert_near(diff.score, score, 1e-8);
}

static struct score_moments moments_of(double low, double high, int count)
{
    struct score_moments moments = {0, 0, 0};
    for (int i = 0; i < count; i++)
        score_moments_add(&moments, i % 2 ? high : low);
    return moments;
}

static void counts_gauges_and_histograms_have_their_formulas_values(void **state)
{
    (void)state;
    struct score_diff diff =
        score_diff_counts((struct score_tally){600, 60}, (struct score_tally){200, 10}, 2);
    assert_diff(diff, 2.23606797749979, 4.763239379018418, 26.50245125639683);
    assert_near(diff.normal, 10, 1e-12);
    assert_near(diff.observed, 20, 1e-12);
    struct score_moments normal = moments_of(9, 11, 60), observed = moments_of(12, 12, 6);
    assert_diff(score_diff_gauge(&normal, &observed, 0.5, 0), 1.9832633040858023, 1.2595894195952562,
                4.231692018489397);
    struct score_bin before[100], after[50];
    for (uint32_t i = 0; i < 100; i++)
        before[i] = (struct score_bin){100 + i, 10};
    for (uint32_t i = 0; i < 50; i++)
        after[i] = (struct score_bin){150 + i, 4};
    diff = score_diff_histogram((struct score_bins){before, 100}, (struct score_bins){after, 50}, 0);
    assert_diff(diff, 0.9538725524089398, 0.6814139608369012, 12.437388264790815);
    assert_near(diff.normal, (double)histogram_highest(149), 0);
    assert_near(diff.observed, (double)histogram_highest(174), 0);
}

static void a_fall_is_as_large_as_a_rise(void **state)
{
    (void)state;
    struct score_moments normal = moments_of(9, 11, 60), up = moments_of(12, 12, 6),
                         down = moments_of(8, 8, 6);
    struct score_diff rise = score_diff_gauge(&normal, &up, 0.5, 0);
    struct score_diff fall = score_diff_gauge(&normal, &down, 0.5, 0);
    assert_near(fall.effect, -rise.effect, 1e-12);
    assert_near(fall.score, rise.score, 1e-12);
}

static void what_is_the_same_has_no_score(void **state)
{
    (void)state;
    struct score_moments normal = moments_of(9, 11, 60), zeros = moments_of(0, 0, 60),
                         one = moments_of(1, 1, 9);
    assert_true(score_diff_gauge(&normal, &normal, 0, 0).score == 0);
    assert_true(score_diff_gauge(&zeros, &one, 0, 0).score == 0);
    assert_true(score_diff_gauge(&zeros, &one, 0, 0.01).score > 90);
    struct score_tally hour = {600, 60}, none = {0, 0};
    assert_true(score_diff_counts(hour, hour, 1).score == 0);
    assert_true(score_diff_counts(none, hour, 1).score == 0 && score_diff_counts(hour, none, 1).score == 0);
    assert_true(score_diff_histogram((struct score_bins){NULL, 0}, (struct score_bins){NULL, 0}, 0).score ==
                0);
}

static void one_event_in_silence_ranks_below_many(void **state)
{
    (void)state;
    struct score_tally silence = {0, 60};
    struct score_diff one = score_diff_counts(silence, (struct score_tally){1, 5}, 1);
    struct score_diff many = score_diff_counts(silence, (struct score_tally){100, 5}, 1);
    assert_true(one.score == 0 && many.score > 50 && many.ln_e > log(100));
}

static void the_series_that_moved_are_first_among_ten_thousand(void **state)
{
    (void)state;
    enum { SERIES = 10000, MOVED = 20 };
    struct score_diff *diffs = calloc(SERIES, sizeof *diffs);
    uint32_t *indices = calloc(SERIES, sizeof *indices);
    struct chance chance = {11};
    assert_non_null(diffs);
    assert_non_null(indices);
    for (uint32_t i = 0; i < SERIES; i++) {
        struct score_moments normal = {0, 0, 0}, observed = {0, 0, 0};
        double off = i % (SERIES / MOVED) == 7 ? 8 : 0, drift = 0.3 * chance_normal(&chance);
        for (int k = 0; k < 60; k++)
            score_moments_add(&normal, 100 + chance_normal(&chance));
        for (int k = 0; k < 10; k++)
            score_moments_add(&observed, 100 + off + drift + chance_normal(&chance));
        diffs[i] = score_diff_gauge(&normal, &observed, 0, 0);
        indices[i] = i;
    }
    score_diff_rank(diffs, indices, SERIES);
    for (uint32_t i = 0; i < MOVED; i++)
        assert_int_equal(indices[i] % (SERIES / MOVED), 7);
    for (uint32_t i = 1; i < SERIES; i++)
        assert_true(diffs[indices[i - 1]].score >= diffs[indices[i]].score);
    free(diffs);
    free(indices);
}

/* Of shares that are nearly always whole, two points are much; a tenth of one is what they wobble by. */
static void two_points_of_an_availability_are_news(void **state)
{
    (void)state;
    struct score_moments normal = moments_of(100, 100, 60), fallen = moments_of(98, 98, 6),
                         wobbling = moments_of(100, 99.8, 6);
    assert_near(score_diff_spread(&normal, 0), 0.5, 1e-12);
    assert_near(score_diff_gauge(&normal, &fallen, 0, 0).effect, -4, 1e-12);
    assert_true(score_diff_gauge(&normal, &fallen, 0, 0).score > 50);
    assert_true(score_diff_gauge(&normal, &wobbling, 0, 0).score == 0);
}

static void one_wild_minute_is_not_the_window(void **state)
{
    (void)state;
    struct score_moments normal = moments_of(9, 11, 60), lasting = {0, 0, 0}, wild = {0, 0, 0};
    double spread = score_diff_spread(&normal, 0);
    assert_near(spread, sqrt(score_moments_variance(&normal)), 1e-12);
    assert_near(score_diff_bounded(12, &normal, spread), 12, 0);
    assert_near(score_diff_bounded(1e9, &normal, spread), 10 + 40 * spread, 1e-9);
    assert_near(score_diff_bounded(-1e9, &normal, spread), 10 - 40 * spread, 1e-9);
    for (int i = 0; i < 10; i++) {
        score_moments_add(&lasting, score_diff_bounded(30, &normal, spread));
        score_moments_add(&wild, score_diff_bounded(i == 3 ? 1e6 : 10, &normal, spread));
    }
    assert_true(score_diff_gauge(&normal, &lasting, 0, 0).effect >
                score_diff_gauge(&normal, &wild, 0, 0).effect);
}

static void a_rise_of_some_minutes_of_the_window_is_sure(void **state)
{
    (void)state;
    struct score_moments normal = moments_of(9, 11, 60), observed = moments_of(10, 60, 6);
    assert_true(score_diff_gauge(&normal, &observed, 0, 0).score > 99);
}

static void what_stood_so_before_the_window_is_less_news(void **state)
{
    (void)state;
    struct score_moments normal = moments_of(9, 11, 60), up = moments_of(20, 20, 6),
                         same = moments_of(9, 11, 6), higher = moments_of(30, 30, 6);
    struct score_diff diff = score_diff_gauge(&normal, &up, 0, 0),
                      quiet = score_diff_gauge(&normal, &same, 0, 0),
                      stood = score_diff_gauge(&normal, &up, 0, 0),
                      fell = score_diff_gauge(&normal, &higher, 0, 0);
    double least = -3 * log(1 - diff.score / 100);
    assert_near(score_diff_since(diff, &stood).score, 100 * (1 - exp(-least / 5 / 3)), 1e-9);
    assert_near(score_diff_since(diff, &fell).score, score_diff_since(diff, &stood).score, 1e-9);
    assert_true(score_diff_since(diff, &quiet).score > 90);
    assert_near(score_diff_since(diff, &stood).effect, diff.effect, 0);
    assert_true(score_diff_since(score_diff_gauge(&normal, &same, 0, 0), &stood).score == 0);
}

static void equals_stand_in_their_order(void **state)
{
    (void)state;
    const struct score_diff diffs[] = {
        {.score = 1}, {.score = 5, .ln_e = 2}, {.score = 5, .ln_e = 3}, {.score = 1}};
    uint32_t indices[] = {3, 2, 1, 0};
    const uint32_t expected[] = {2, 1, 0, 3};
    score_diff_rank(diffs, indices, 4);
    assert_memory_equal(indices, expected, sizeof expected);
    score_diff_rank(diffs, indices, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_gauges_and_histograms_have_their_formulas_values),
        cmocka_unit_test(a_fall_is_as_large_as_a_rise),
        cmocka_unit_test(what_is_the_same_has_no_score),
        cmocka_unit_test(one_event_in_silence_ranks_below_many),
        cmocka_unit_test(the_series_that_moved_are_first_among_ten_thousand),
        cmocka_unit_test(two_points_of_an_availability_are_news),
        cmocka_unit_test(one_wild_minute_is_not_the_window),
        cmocka_unit_test(a_rise_of_some_minutes_of_the_window_is_sure),
        cmocka_unit_test(what_stood_so_before_the_window_is_less_news),
        cmocka_unit_test(equals_stand_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
