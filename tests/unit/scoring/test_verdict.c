/* Verdicts of deploys: figures beside an independent computation, and CONTRACT 7's conditions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scoring/counts_test.h"
#include "scoring/verdict.h"
#include "tests/unit/scoring/near.h"

#define HOUR   INT64_C(3600000)
#define MINUTE INT64_C(60000)

static const struct score_ratio_terms bare = {.dispersion = 1};
static const struct score_ratio_terms service = {.dispersion = 1, .drift = 0.1, .floor = SCORE_OK_RATE_FLOOR};

static void assert_ratio(struct score_ratio seen, double ratio, double low, double high)
{
    assert_near(seen.ratio, ratio, 1e-9 * ratio);
    assert_near(seen.low, low, 1e-9 * low);
    assert_near(seen.high, high, 1e-9 * high);
}

static void a_ratio_has_its_formulas_values(void **state)
{
    (void)state;
    struct score_tally zero = {0, 1000}, hundred = {100, 10000};
    assert_ratio(score_ratio(hundred, (struct score_tally){300, 10000}, &bare), 2.990049751243781,
                 2.388948897173564, 3.796781506558652);
    assert_ratio(score_ratio(zero, (struct score_tally){5, 1000}, &bare), 11, 1.0589633346197855, 1e6);
    assert_ratio(score_ratio((struct score_tally){0, 36000}, (struct score_tally){0, 600}, &service),
                 1.1634349030470916, 0.9061207176194426, 2.2820670946939208);
    assert_ratio(score_ratio(hundred, hundred, &(struct score_ratio_terms){2, 0.1, 0}), 1, 0.6365639895827704,
                 1.5709339773609252);
}

static void a_ratio_of_nothing_has_no_limits(void **state)
{
    (void)state;
    struct score_tally none = {0, 0}, some = {3, 10};
    assert_ratio(score_ratio(none, some, &bare), 1, 1e-6, 1e6);
    assert_ratio(score_ratio(some, none, &bare), 1, 1e-6, 1e6);
    struct score_ratio zeros = score_ratio((struct score_tally){0, 100}, (struct score_tally){0, 100}, &bare);
    assert_true(zeros.ratio == 1 && zeros.low <= 1e-5 && zeros.high >= 1e5);
}

static void the_service_s_evidence_is_a_weighted_mean(void **state)
{
    (void)state;
    /* 5xx 0.3, halved; latency has only the whole: 0.15. */
    static const struct score_evidence all[] = {
        {SCORE_SERVER_ERRORS, true, 6},
        {SCORE_SERVER_ERRORS, false, 9},
        {SCORE_SERVER_ERRORS, false, 0},
        {SCORE_LATENCY, true, -3},
    };
    assert_near(score_service_ln_e(all, 4), 7.30328688938263, 1e-12);
    assert_near(score_service_ln_e(all, 1), 6, 1e-12);
    assert_true(score_service_ln_e(all, 0) == 0);
    static const struct score_evidence huge[] = {{SCORE_LATENCY, true, 700}, {SCORE_LATENCY, false, -700}};
    assert_near(score_service_ln_e(huge, 2), 700 - log(2), 1e-9);
}

static void e_bh_names_the_largest_set_that_holds(void **state)
{
    (void)state;
    double bar;
    /* 4 groups, alpha 0.01: one alone needs 400, two need 200 each, three 133. */
    const double none[] = {log(399), 0, 0, 0};
    assert_int_equal(score_e_bh(none, 4, 0.01, &bar), 0);
    assert_true(isinf(bar));
    const double one[] = {0, log(401), log(199), 0};
    assert_int_equal(score_e_bh(one, 4, 0.01, &bar), 1);
    assert_near(bar, log(400), 1e-12);
    const double two[] = {log(201), 0, log(201), 0};
    assert_int_equal(score_e_bh(two, 4, 0.01, &bar), 2);
    assert_near(bar, log(200), 1e-12);
    const double all[] = {700, 700, 700, 700};
    assert_int_equal(score_e_bh(all, 4, 0.01, &bar), 4);
    assert_int_equal(score_e_bh(all, 0, 0.01, &bar), 0);
}

static struct score_verdict_facts facts_of(double e, int64_t elapsed_ms, double requests, double high)
{
    return (struct score_verdict_facts){log(e), elapsed_ms, requests, {1, 0.5, high}, true};
}

static void a_verdict_is_the_contract_s(void **state)
{
    (void)state;
    static const struct {
        double e;
        int64_t elapsed_ms;
        double requests, high;
        enum score_verdict verdict;
    } cases[] = {
        {100.001, 0, 1, 9, SCORE_BAD},
        {99.9, 9 * MINUTE, 999, 1, SCORE_SUSPECT},
        {10.001, 0, 1, 9, SCORE_SUSPECT},
        {9.9, 5 * MINUTE, 200, 1.99, SCORE_OK},
        {9.9, 5 * MINUTE - 1, 200, 1.99, SCORE_INSUFFICIENT_DATA},
        {9.9, 5 * MINUTE, 199, 1.99, SCORE_INSUFFICIENT_DATA},
        {9.9, 5 * MINUTE, 200, 2, SCORE_INSUFFICIENT_DATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct score_verdict_facts facts =
            facts_of(cases[i].e, cases[i].elapsed_ms, cases[i].requests, cases[i].high);
        assert_int_equal(score_verdict(&facts), cases[i].verdict);
        facts.has_baseline = false;
        assert_int_equal(score_verdict(&facts), SCORE_INSUFFICIENT_DATA);
    }
    assert_string_equal(score_verdict_name(SCORE_INSUFFICIENT_DATA), "insufficient_data");
    assert_string_equal(score_verdict_name(SCORE_BAD), "bad");
    assert_string_equal(score_verdict_name(SCORE_SUSPECT), "suspect");
    assert_string_equal(score_verdict_name(SCORE_OK), "ok");
}

static void a_service_without_errors_becomes_ok(void **state)
{
    (void)state;
    struct score_tally before = {0, 36000}, after = {0, 3000};
    struct score_verdict_facts facts = {0, 5 * MINUTE, 3000, score_ratio(before, after, &service), true};
    assert_int_equal(score_verdict(&facts), SCORE_OK);
}

static void assert_windows(struct score_deploy_windows w, int64_t before_from, int64_t before_to, int64_t to,
                           bool overlaps)
{
    assert_int_equal(w.before_from_ms, before_from);
    assert_int_equal(w.before_to_ms, before_to);
    assert_int_equal(w.after_from_ms, 100 * HOUR);
    assert_int_equal(w.after_to_ms, to);
    assert_int_equal(w.overlaps, overlaps);
}

static void windows_keep_neighbouring_deploys_apart(void **state)
{
    (void)state;
    const int64_t at = 100 * HOUR;
    assert_windows(score_deploy_windows(at, SCORE_NEVER, SCORE_NEVER), at - HOUR, at, at + HOUR, false);
    assert_windows(score_deploy_windows(at, at - 2 * HOUR, at + 2 * HOUR), at - HOUR, at, at + HOUR, false);
    assert_windows(score_deploy_windows(at, at - 20 * MINUTE, at + 7 * MINUTE), at - 20 * MINUTE, at,
                   at + 7 * MINUTE, false);
    assert_windows(score_deploy_windows(at, at - 3 * MINUTE, SCORE_NEVER), at - 3 * MINUTE - HOUR,
                   at - 3 * MINUTE, at + HOUR, true);
}

static void the_self_check_lets_one_in_a_hundred_through(void **state)
{
    (void)state;
    double peaks[200];
    for (int i = 0; i < 200; i++)
        peaks[i] = (i * 37 % 200) / 200.0; /* a permutation of 0 .. 0.995 */
    assert_true(score_self_check(peaks, 200, 0.01) == 1);
    for (int i = 0; i < 200; i++)
        peaks[i] = (i * 37 % 200) / 10.0; /* 0 .. 19.9 */
    double scale = score_self_check(peaks, 200, 0.01);
    /* Two may reach ln 100; the third highest, 19.7, is brought just below. */
    assert_near(scale, log(100) / 19.7, 1e-6);
    assert_true(19.7 * scale < log(100) && 19.8 * scale > log(100));
    assert_true(score_self_check(peaks, 19, 0.01) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ratio_has_its_formulas_values),
        cmocka_unit_test(a_ratio_of_nothing_has_no_limits),
        cmocka_unit_test(the_service_s_evidence_is_a_weighted_mean),
        cmocka_unit_test(e_bh_names_the_largest_set_that_holds),
        cmocka_unit_test(a_verdict_is_the_contract_s),
        cmocka_unit_test(a_service_without_errors_becomes_ok),
        cmocka_unit_test(windows_keep_neighbouring_deploys_apart),
        cmocka_unit_test(the_self_check_lets_one_in_a_hundred_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
