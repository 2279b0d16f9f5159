/* Deploy tests on counts: figures beside an independent computation (the same formulas in Python,
 * math.lgamma), and what must hold where judges of canaries are known to fail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/counts_test.h"
#include "tests/unit/scoring/near.h"

#define NEAR 1e-7

static const struct score_counts_base plain = {
    .law = SCORE_BINOMIAL, .rise = SCORE_RISE_RATE, .dispersion = 1, .drift = 0.1};

static struct score_counts begin(struct score_tally before)
{
    struct score_counts_base base = plain;
    struct score_counts test;
    base.before = before;
    score_counts_begin(&test, &base);
    return test;
}

static double ln_e_of(struct score_counts_base base, double hits, double trials)
{
    struct score_counts test;
    score_counts_begin(&test, &base);
    score_counts_add(&test, (struct score_tally){hits, trials}, 0, 0);
    return test.trace.ln_e;
}

static void the_mixture_has_its_formulas_values(void **state)
{
    (void)state;
    static const double rates[] = {0.02, 0.05};
    struct score_tally seen = {5, 100};
    assert_near(score_mixture_ln_e(SCORE_BINOMIAL, seen, 50, 0.01, rates, 2), 1.352801801035574, NEAR);
    assert_near(score_mixture_ln_e(SCORE_POISSON, seen, 50, 0.01, rates, 2), 1.3405585600873444, NEAR);
    /* Nothing seen says nothing. */
    assert_near(score_mixture_ln_e(SCORE_BINOMIAL, (struct score_tally){0, 0}, 50, 0.01, rates, 2), 0, 1e-12);
}

/* Sums E times its probability over every count there can be: the mean under the null's own prior is 1. */
static void e_is_one_on_average_without_a_change(void **state)
{
    (void)state;
    static const double rates[] = {0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5};
    const double m = 300, p = 0.01, n = 400, a = m * p, b = m - a;
    double sum = 0, chances = 0;
    for (int k = 0; k <= (int)n; k++) {
        double chance = exp(lgamma(n + 1) - lgamma(k + 1.0) - lgamma(n - k + 1) + lgamma(a + k) +
                            lgamma(b + n - k) - lgamma(m + n) - lgamma(a) - lgamma(b) + lgamma(m));
        chances += chance;
        sum += chance * exp(score_mixture_ln_e(SCORE_BINOMIAL, (struct score_tally){k, n}, m, p, rates, 7));
    }
    assert_near(chances, 1, 1e-9);
    assert_near(sum, 1, 1e-9);
}

static void a_test_has_its_formulas_values(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){180, 36000};
    assert_near(ln_e_of(base, 60, 3000), 24.418895613009, NEAR);
    base.dispersion = 2;
    base.drift = 0.2;
    assert_near(ln_e_of(base, 60, 3000), 9.47403958484, NEAR);
}

static void both_baselines_must_be_exceeded(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){180, 36000};
    base.week = (struct score_tally){360, 36000};
    assert_near(ln_e_of(base, 60, 3000), 6.44161550739, NEAR);
    /* Last week had next to no traffic: it is left out. */
    base.week = (struct score_tally){2, 199};
    assert_near(ln_e_of(base, 60, 3000), 24.418895613009, NEAR);
    /* Only last week is known. */
    base.before = (struct score_tally){0, 0};
    base.week = (struct score_tally){360, 36000};
    assert_near(ln_e_of(base, 60, 3000), 4.792295265756, NEAR);
}

/* By a quarter of how far they are apart, as ln; what differs e times is no drift. */
static void the_higher_of_two_baselines_counts_as_lower(void **state)
{
    (void)state;
    struct score_counts_base base = plain, alone = plain;
    base.before = (struct score_tally){180, 36000};
    base.week = (struct score_tally){240, 36000};
    assert_near(ln_e_of(base, 60, 3000), 17.592822285815, NEAR);
    struct score_tally higher = base.week;
    base.week = base.before;
    base.before = higher;
    assert_near(ln_e_of(base, 60, 3000), 17.592822285815, NEAR);
    base.week = base.before;
    assert_near(ln_e_of(base, 60, 3000), 15.144986892818, NEAR);
    base.before = (struct score_tally){180, 36000};
    base.week = alone.before = (struct score_tally){500, 36000};
    assert_near(ln_e_of(base, 60, 3000), ln_e_of(alone, 60, 3000), NEAR);
}

/* Twice the variance after an hour of the same traffic, and no more after two. */
static void what_follows_drifts_itself(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){180, 36000};
    assert_near(ln_e_of(base, 324, 36000), 4.620834506486, NEAR);
    assert_near(ln_e_of(base, 648, 72000), 5.253805469704, NEAR);
}

/* Known failure 1: a baseline of zeros makes every judge of ratios divide by zero. */
static void a_baseline_of_zeros_is_a_baseline(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){0, 36000};
    assert_near(ln_e_of(base, 10, 1000), 22.76067150485678, NEAR);
    /* One error in 1,000 requests is no alarm, nor are none. */
    assert_true(ln_e_of(base, 1, 1000) < log(10));
    assert_true(ln_e_of(base, 0, 100000) <= 0);
}

/* Known failure 2: no data is neither good nor bad. */
static void without_a_baseline_nothing_is_tested(void **state)
{
    (void)state;
    struct score_counts test = begin((struct score_tally){0, 0});
    score_counts_add(&test, (struct score_tally){900, 1000}, 5, 5);
    assert_false(score_counts_tested(&test));
    assert_true(test.trace.ln_e == 0 && test.trace.ln_e_peak == 0 && test.trace.onset_ms == SCORE_NEVER);
    assert_true(test.after.hits == 900 && test.after.trials == 1000);
    /* No data after: the same. */
    test = begin((struct score_tally){180, 36000});
    score_counts_add(&test, (struct score_tally){0, 0}, 5, 5);
    assert_true(score_counts_tested(&test) && test.trace.ln_e == 0);
}

/* Known failure 3: bursts of the same mean. Minutes vary, the mean stays: with the dispersion of its past the
 * test stays calm at every look. */
static void the_same_mean_in_bursts_is_not_a_rise(void **state)
{
    (void)state;
    struct score_tally bins[60];
    for (int i = 0; i < 60; i++)
        bins[i] = (struct score_tally){i % 6 == 0 ? 30 : 0, 1000};
    struct score_counts_base base = plain;
    base.before = (struct score_tally){300, 60000};
    base.dispersion = score_dispersion(SCORE_BINOMIAL, bins, 60, 20);
    struct score_counts test;
    score_counts_begin(&test, &base);
    assert_true(base.dispersion == 20);
    for (int i = 0; i < 60; i++)
        score_counts_add(&test, bins[i], i, i);
    assert_true(test.trace.ln_e_peak < log(10));
}

/* Known failure 4: means near zero make huge ratios of nothing. */
static void a_mean_near_zero_may_double_twice(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){1, 100000};
    assert_true(ln_e_of(base, 4, 100000) < 0);
    assert_true(ln_e_of(base, 100, 100000) > log(100));
}

static void a_surge_with_the_same_rate_says_nothing(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){180, 36000};
    assert_true(ln_e_of(base, 30 * 180, 30 * 36000) < 0);
    assert_true(ln_e_of(base, 30 * 180 * 3, 30 * 36000) > log(100));
}

static void next_to_no_traffic_gives_no_verdict(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.before = (struct score_tally){0, 60};
    assert_true(ln_e_of(base, 1, 3) < log(10));
    assert_true(ln_e_of(base, 0, 3) < 0);
}

static void a_group_without_a_past_is_held_to_its_services_rate(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.prior_rate = 0.3;
    assert_true(ln_e_of(base, 9, 30) < log(3));
    base.prior_rate = 0.003;
    assert_true(ln_e_of(base, 20, 30) > log(100));
}

/* Found in a real log: a page that is always missed, seven times in the hour before a surge. */
static void a_group_that_always_fails_is_held_to_itself(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.prior_rate = 0.1;
    base.before = (struct score_tally){7, 7};
    assert_true(ln_e_of(base, 75, 75) <= 0 && ln_e_of(base, 3000, 3000) <= 0);
    base.before = (struct score_tally){0, 7};
    assert_true(ln_e_of(base, 75, 75) > log(1e6));
}

static void exceptions_may_outnumber_requests(void **state)
{
    (void)state;
    struct score_counts_base base = plain;
    base.law = SCORE_POISSON;
    base.before = (struct score_tally){90000, 36000};
    assert_true(ln_e_of(base, 2500, 1000) < 0);
    assert_true(ln_e_of(base, 12500, 1000) > log(100));
    assert_true(isfinite(ln_e_of(base, 1e15, 1)));
}

static void the_onset_is_the_tick_that_began_the_rise(void **state)
{
    (void)state;
    struct score_counts test = begin((struct score_tally){180, 36000});
    for (int i = 0; i < 30; i++)
        score_counts_add(&test, (struct score_tally){i % 2, 100}, i * 10000, i * 10000);
    assert_true(test.trace.onset_ms == SCORE_NEVER);
    for (int i = 30; i < 40; i++)
        score_counts_add(&test, (struct score_tally){30, 100}, i * 10000, i * 10000);
    assert_int_equal(test.trace.onset_ms, 300000);
    double peak = test.trace.ln_e_peak;
    assert_true(peak == test.trace.ln_e && peak > log(100));
    /* Rolled back: the rate falls below the baseline's again, and the peak is kept. */
    for (int i = 40; i < 3000; i++)
        score_counts_add(&test, (struct score_tally){0, 100}, i * 10000, i * 10000);
    assert_true(test.trace.ln_e < 0 && test.trace.onset_ms == SCORE_NEVER && test.trace.ln_e_peak >= peak);
}

static void how_counts_are_batched_changes_nothing(void **state)
{
    (void)state;
    struct score_counts once = begin((struct score_tally){7, 4000}), often = once;
    score_counts_add(&once, (struct score_tally){21, 700}, 0, 0);
    for (int i = 0; i < 7; i++)
        score_counts_add(&often, (struct score_tally){3, 100}, i, i);
    assert_true(once.trace.ln_e == often.trace.ln_e);
}

static void hostile_counts_add_nothing(void **state)
{
    (void)state;
    static const double hostile[] = {NAN, -INFINITY, -1, -1e300};
    struct score_counts test = begin((struct score_tally){180, 36000});
    for (size_t i = 0; i < 4; i++)
        score_counts_add(&test, (struct score_tally){hostile[i], hostile[i]}, 0, 0);
    assert_true(test.after.hits == 0 && test.after.trials == 0 && test.trace.ln_e == 0);
    score_counts_add(&test, (struct score_tally){INFINITY, INFINITY}, 0, 0);
    score_counts_add(&test, (struct score_tally){INFINITY, INFINITY}, 0, 0);
    assert_true(isfinite(test.trace.ln_e) && isfinite(test.after.trials));
    test = begin((struct score_tally){NAN, INFINITY});
    score_counts_add(&test, (struct score_tally){5, 3}, 0, 0);
    assert_true(isfinite(test.trace.ln_e) && test.after.hits == 3);
}

static void dispersion_is_pearsons(void **state)
{
    (void)state;
    static const struct score_tally bins[] = {{2, 100}, {4, 100}, {6, 100}, {8, 100}};
    assert_near(score_dispersion(SCORE_BINOMIAL, bins, 4, 20), 1.4035087719298245, 1e-12);
    assert_near(score_dispersion(SCORE_POISSON, bins, 4, 20), 1.3333333333333333, 1e-12);
    assert_true(score_dispersion(SCORE_BINOMIAL, bins, 2, 20) == 1);
    static const struct score_tally wild[] = {{0, 100}, {100, 100}, {0, 100}, {100, 100}};
    assert_true(score_dispersion(SCORE_BINOMIAL, wild, 4, 20) == 20);
    static const struct score_tally still[] = {{0, 100}, {0, 100}, {0, 100}, {0, 0}};
    assert_true(score_dispersion(SCORE_BINOMIAL, still, 4, 20) == 1);
}

/* CV c of the minutes' rates and mean mu: dispersion 1 + c^2 mu. */
static void minutes_vary_by_what_chance_does_not_explain(void **state)
{
    (void)state;
    static const struct score_tally bins[] = {{50, 1000}, {150, 1000}, {100, 1000}, {100, 1000}};
    /* chi2 50 over 3, mean 100: sqrt((16.667 - 1) / 100) */
    assert_near(score_minute_cv(SCORE_POISSON, bins, 4), sqrt((50.0 / 3 - 1) / 100), 1e-12);
    static const struct score_tally none[] = {{0, 10}, {0, 10}, {0, 10}};
    assert_near(score_minute_cv(SCORE_POISSON, none, 3), 0, 0);
    static const struct score_tally one[] = {{0, 100}, {0, 100}, {0, 100}, {90, 100}};
    assert_near(score_minute_cv(SCORE_POISSON, one, 4), 1, 0);
}

static void drift_is_learned_from_neighbouring_windows(void **state)
{
    (void)state;
    struct score_tally windows[201] = {{0, 0}};
    assert_near(score_drift(windows, 0), SCORE_DRIFT, 1e-12);
    for (int i = 0; i < 201; i++)
        windows[i] = (struct score_tally){i % 2 ? 20000 : 10000, 1e6};
    double step = log(20000.5 / 10000.5), chance = 1 / 20000.0 + 1 / 10000.0;
    double expected = sqrt((200 * (step * step - chance) + 10 * SCORE_DRIFT * SCORE_DRIFT) / 210);
    assert_near(score_drift(windows, 201), expected, 1e-9);
    for (int i = 0; i < 201; i++)
        windows[i] = (struct score_tally){10000, 1e6};
    assert_near(score_drift(windows, 201), 0.05, 1e-12);
    windows[7] = (struct score_tally){4, 1e6}; /* too few to tell */
    assert_near(score_drift(windows, 201), 0.05, 1e-12);
}

/* Errors come in bursts: half the minutes at twice the rate, half at none. In a surge of thirty times a burst
 * brings thirty times as much, and dividing by the dispersion of quiet times would take it for a rise. */
static void a_burst_within_a_surge_is_not_a_rise(void **state)
{
    (void)state;
    struct score_tally bins[60];
    struct score_counts_base base = plain;
    struct score_counts test;
    for (int i = 0; i < 60; i++)
        bins[i] = (struct score_tally){i % 2 ? 20 : 0, 1000};
    base.before = (struct score_tally){600, 60000};
    base.before_ms = 3600000;
    base.dispersion = score_dispersion(SCORE_BINOMIAL, bins, 60, 20);
    score_counts_begin(&test, &base);
    for (int i = 0; i < 30; i++)
        score_counts_add(&test, (struct score_tally){100, 5000}, i * 10000, (i + 1) * 10000);
    assert_true(test.trace.ln_e_peak < log(10));
    base.before_ms = 0;
    score_counts_begin(&test, &base);
    for (int i = 0; i < 30; i++)
        score_counts_add(&test, (struct score_tally){100, 5000}, i * 10000, (i + 1) * 10000);
    assert_true(test.trace.ln_e_peak > log(100));
}

static void a_state_comes_back_whole(void **state)
{
    (void)state;
    struct score_counts test = begin((struct score_tally){180, 36000}), back;
    uint8_t kept[SCORE_COUNTS_BYTES];
    score_counts_add(&test, (struct score_tally){30, 100}, 7, 7);
    score_counts_encode(&test, kept);
    assert_true(score_counts_decode(&back, kept, sizeof kept));
    assert_memory_equal(&back.after, &test.after, sizeof test.after);
    assert_true(back.trace.ln_e == test.trace.ln_e && back.trace.ln_e_peak == test.trace.ln_e_peak &&
                back.trace.onset_ms == 7);
    score_counts_add(&test, (struct score_tally){3, 100}, 8, 8);
    score_counts_add(&back, (struct score_tally){3, 100}, 8, 8);
    assert_true(back.trace.ln_e == test.trace.ln_e);
}

static void a_state_that_no_test_has_is_refused(void **state)
{
    (void)state;
    struct score_counts test = begin((struct score_tally){180, 36000}), back = test;
    uint8_t kept[SCORE_COUNTS_BYTES], bad[SCORE_COUNTS_BYTES];
    score_counts_encode(&test, kept);
    assert_false(score_counts_decode(&back, kept, sizeof kept - 1));
    assert_false(score_counts_decode(&back, kept, 0));
    static const struct {
        size_t at;
        uint8_t value;
    } faults[] = {
        {0, 2},        /* version */
        {1, 0x02},     /* law */
        {1, 0x20},     /* rise */
        {1, 0x11},     /* odds of a Poisson law */
        {2 + 7, 0xff}, /* hits before: negative */
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        memcpy(bad, kept, sizeof bad);
        bad[faults[i].at] = faults[i].value;
        assert_false(score_counts_decode(&back, bad, sizeof bad));
    }
    memcpy(bad, kept, sizeof bad);
    memset(bad + 2 + 4 * 8, 0xff, 8);
    assert_false(score_counts_decode(&back, bad, sizeof bad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mixture_has_its_formulas_values),
        cmocka_unit_test(e_is_one_on_average_without_a_change),
        cmocka_unit_test(a_test_has_its_formulas_values),
        cmocka_unit_test(both_baselines_must_be_exceeded),
        cmocka_unit_test(the_higher_of_two_baselines_counts_as_lower),
        cmocka_unit_test(what_follows_drifts_itself),
        cmocka_unit_test(a_baseline_of_zeros_is_a_baseline),
        cmocka_unit_test(without_a_baseline_nothing_is_tested),
        cmocka_unit_test(the_same_mean_in_bursts_is_not_a_rise),
        cmocka_unit_test(a_mean_near_zero_may_double_twice),
        cmocka_unit_test(a_surge_with_the_same_rate_says_nothing),
        cmocka_unit_test(next_to_no_traffic_gives_no_verdict),
        cmocka_unit_test(a_group_without_a_past_is_held_to_its_services_rate),
        cmocka_unit_test(a_group_that_always_fails_is_held_to_itself),
        cmocka_unit_test(exceptions_may_outnumber_requests),
        cmocka_unit_test(the_onset_is_the_tick_that_began_the_rise),
        cmocka_unit_test(how_counts_are_batched_changes_nothing),
        cmocka_unit_test(hostile_counts_add_nothing),
        cmocka_unit_test(dispersion_is_pearsons),
        cmocka_unit_test(minutes_vary_by_what_chance_does_not_explain),
        cmocka_unit_test(drift_is_learned_from_neighbouring_windows),
        cmocka_unit_test(a_burst_within_a_surge_is_not_a_rise),
        cmocka_unit_test(a_state_comes_back_whole),
        cmocka_unit_test(a_state_that_no_test_has_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
