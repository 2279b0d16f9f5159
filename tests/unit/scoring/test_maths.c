/* Functions and histograms under the first line. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scoring/calibration.h"
#include "scoring/density.h"
#include "scoring/maths.h"
#include "scoring/surprisal.h"

static double uniform(uint64_t *sequence)
{
    return (double)(score_random(sequence) >> 11) * 0x1p-53;
}

static void functions_are_as_the_c_library_has_them(void **state)
{
    (void)state;
    uint64_t sequence = 1;
    for (int i = 0; i < 200000; i++) {
        double x = exp((uniform(&sequence) - 0.5) * 1400);
        double near = 0.5 + uniform(&sequence);
        double any = (uniform(&sequence) - 0.5) * 1300;
        assert_true(fabs(score_ln(x) - log(x)) <= 1e-11 * fmax(1, fabs(log(x))));
        assert_true(fabs(score_ln(near) - log(near)) <= 1e-14);
        assert_true(fabs(score_exp(any) / exp(any) - 1) <= 1e-11);
        assert_true(fabs(score_asinh(any) - asinh(any)) <= 1e-11);
    }
    assert_true(score_ln(1) == 0 && score_asinh(0) == 0 && score_exp(0) == 1);
}

static void functions_are_finite_everywhere(void **state)
{
    (void)state;
    static const double odd[] = {0, -0.0, -1, NAN, INFINITY, -INFINITY, DBL_MAX, DBL_MIN, 5e-324, -DBL_MAX};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_true(isfinite(score_ln(odd[i])));
        assert_true(isfinite(score_exp(odd[i])));
        assert_true(isnan(odd[i]) || isfinite(score_asinh(odd[i])));
        assert_int_equal(score_is_finite(odd[i]), isfinite(odd[i]));
    }
}

static void the_sequence_is_splitmix64(void **state)
{
    (void)state;
    uint64_t sequence = 0; /* the published first values for seed 0 */
    assert_true(score_random(&sequence) == 0xe220a8397b1dcdafULL);
    assert_true(score_random(&sequence) == 0x6e789e6aa1b965f4ULL);
}

static void surprisal_is_the_share_above(void **state)
{
    (void)state;
    struct score_surprisal past = {0};
    assert_true(score_surprisal_of(&past, 0) == 0);
    for (int i = 0; i < 900; i++)
        score_surprisal_add(&past, -2 + 0.1, 0);
    for (int i = 0; i < 100; i++)
        score_surprisal_add(&past, 2 + 0.1, 0);
    assert_true(fabs(score_surprisal_of(&past, 1) - log10(1001 / 100.5)) < 1e-9);
    assert_true(score_surprisal_of(&past, -7.9) < 0.01);
    assert_true(score_surprisal_is_sound(&past));
}

static void surprisal_grows_with_the_value_and_has_an_end(void **state)
{
    (void)state;
    struct score_surprisal past = {0};
    uint64_t sequence = 3;
    for (int i = 0; i < 50000; i++)
        score_surprisal_add(&past, score_log2(-score_ln(1 - uniform(&sequence))), 0);
    double before = 0;
    for (double place = -8; place < 30; place += 0.01) {
        double s = score_surprisal_of(&past, place);
        assert_true(s >= before - 0.35 && s <= SURPRISAL_MAX); /* the fitted tail may begin a little lower */
        before = fmax(before, s);
    }
    assert_true(fabs(score_surprisal_of(&past, log2(log(20))) - log10(20)) < 0.1);
    assert_true(score_surprisal_is_sound(&past));
}

static void what_was_surprising_counts_half(void **state)
{
    (void)state;
    struct score_surprisal past = {0};
    score_surprisal_add(&past, 0, 2.4);
    score_surprisal_add(&past, 0, 2.6);
    assert_int_equal(past.halves, 3);
}

static void density_tells_a_lone_point_from_a_crowd(void **state)
{
    (void)state;
    struct score_axes axes;
    struct score_density past = {0};
    double crowd[DENSITY_FEATURES] = {0};
    double lone[DENSITY_FEATURES];
    uint64_t sequence = 5;
    score_axes_init(&axes, 11);
    for (int i = 0; i < 130000; i++) {
        for (int f = 0; f < DENSITY_FEATURES; f++)
            crowd[f] = uniform(&sequence) - 0.5;
        struct score_place place = score_place_of(&axes, crowd);
        score_density_add(&past, &place);
    }
    for (int f = 0; f < DENSITY_FEATURES; f++)
        lone[f] = f % 2 ? 9 : -9;
    memset(crowd, 0, sizeof crowd);
    struct score_place middle = score_place_of(&axes, crowd);
    struct score_place outside = score_place_of(&axes, lone);
    assert_true(score_density_of(&past, &outside) > score_density_of(&past, &middle) + 6);
    assert_true(score_density_is_sound(&past));
}

/* `blocks` blocks whose maxima fall off like e^(-x/0.3) from 0.5 on. */
static struct score_calibration learn_blocks(int blocks, uint16_t most)
{
    struct score_calibration past = {0};
    uint64_t sequence = 7;
    for (int block = 0; block < blocks; block++) {
        double top = 0.5 - 0.3 * score_ln(1 - uniform(&sequence));
        for (int i = 0; i < CALIBRATION_BLOCK; i++)
            score_calibration_add(&past, i == 20 ? top : 0.1, most);
    }
    return past;
}

static void a_return_period_is_what_was_seen(void **state)
{
    (void)state;
    struct score_calibration past = learn_blocks(2000, CALIBRATION_MOST_BLOCKS);
    double within = 0;
    assert_true(score_calibration_is_ready(&past));
    for (int per = 10; per <= 1000; per *= 10) { /* the level that one block in `per` passes */
        double level = 0.5 + 0.3 * log(per);
        within = fmax(within, fabs(score_calibration_log10_blocks(&past, level) - log10(per)));
    }
    assert_true(within < 0.15);
    assert_true(score_calibration_is_sound(&past));
}

static void a_past_with_anomalies_counts_seven_of_ten_blocks(void **state)
{
    (void)state;
    struct score_calibration past = learn_blocks(2000, CALIBRATION_MOST_BLOCKS);
    for (int per = 10; per <= 1000; per *= 10) {
        double level = 0.5 + 0.3 * log(per);
        double more =
            score_calibration_log10_clean(&past, level) - score_calibration_log10_blocks(&past, level);
        assert_true(more < log10(1 / 0.7) + 0.001);
        assert_true(more > (per < 1000 ? 0.11 : 0.05));
    }
    assert_true(score_calibration_log10_clean(&past, 0.5) < 0.1);
}

static void periods_shorter_than_a_block_are_told_down_to_a_sample(void **state)
{
    (void)state;
    struct score_calibration past = learn_blocks(400, CALIBRATION_MOST_BLOCKS);
    double sample = -log10(CALIBRATION_BLOCK), before = sample;
    assert_true(score_calibration_log10_clean(&past, 0) < log10(0.9));
    for (double raw = 0; raw < 12; raw += 0.01) {
        double period = score_calibration_log10_clean(&past, raw);
        assert_true(period >= before);
        before = period;
    }
    assert_true(before > 12);
}

static void blocks_fade_but_as_many_stay_above_any_level(void **state)
{
    (void)state;
    struct score_calibration past = learn_blocks(500, 500), all = past;
    past = learn_blocks(501, 500);
    assert_int_equal(past.blocks, 251);
    unsigned above = 0, were = 0;
    for (int i = CALIBRATION_BINS - 1; i >= 0; i--) {
        above += past.counts[i];
        were += all.counts[i];
        assert_true(above >= were / 2 && above <= were / 2 + 1);
    }
    assert_true(score_calibration_is_sound(&past));
}

/* A past that was learned when more blocks were kept is halved until it fits, and stays sound. */
static void a_longer_past_fades_into_a_shorter_one(void **state)
{
    (void)state;
    struct score_calibration past = learn_blocks(3500, CALIBRATION_MOST_BLOCKS);
    static const uint16_t left[] = {1751, 876, 439};
    assert_int_equal(past.blocks, 3500);
    double before = score_calibration_log10_blocks(&past, 2);
    for (int block = 0; block < 3; block++) {
        for (int i = 0; i < CALIBRATION_BLOCK; i++)
            score_calibration_add(&past, 0.6, CALIBRATION_SERIES_BLOCKS);
        assert_int_equal(past.blocks, left[block]);
        assert_true(score_calibration_is_sound(&past));
    }
    assert_true(fabs(score_calibration_log10_blocks(&past, 2) - before) < 0.1);
}

static void scores_are_the_contracts(void **state)
{
    (void)state;
    assert_true(score_of_return_period(1) == 20);
    assert_true(score_of_return_period(3) == 60);
    assert_true(score_of_return_period(-2) == 0);
    assert_true(score_of_return_period(6) == 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_as_the_c_library_has_them),
        cmocka_unit_test(functions_are_finite_everywhere),
        cmocka_unit_test(the_sequence_is_splitmix64),
        cmocka_unit_test(surprisal_is_the_share_above),
        cmocka_unit_test(surprisal_grows_with_the_value_and_has_an_end),
        cmocka_unit_test(what_was_surprising_counts_half),
        cmocka_unit_test(density_tells_a_lone_point_from_a_crowd),
        cmocka_unit_test(a_return_period_is_what_was_seen),
        cmocka_unit_test(a_past_with_anomalies_counts_seven_of_ten_blocks),
        cmocka_unit_test(periods_shorter_than_a_block_are_told_down_to_a_sample),
        cmocka_unit_test(blocks_fade_but_as_many_stay_above_any_level),
        cmocka_unit_test(a_longer_past_fades_into_a_shorter_one),
        cmocka_unit_test(scores_are_the_contracts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
