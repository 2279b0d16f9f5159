/* How often verdicts of deploys are right, over simulated deploys (deploy_world.h) with fixed seeds and
 * injected time. DEPLOYS clean ones (40 unless told; the goal's count is 1000) and 0.4 times as many faulty
 * ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/sort.h"
#include "tests/unit/scoring/deploy_world.h"

enum { RUNS_MAX = 100000 };

static unsigned count_runs(void)
{
    const char *text = getenv("DEPLOYS");
    long count = text != NULL ? strtol(text, NULL, 10) : 40;
    return count < 10 ? 10 : count > RUNS_MAX ? RUNS_MAX : (unsigned)count;
}

/* A service of some size and habits. */
static struct world_plan plan_of(uint64_t seed)
{
    struct chance chance = {seed * 977 + 5};
    return (struct world_plan){
        .seed = seed,
        .requests_a_second = exp(chance_between(&chance, log(3), log(100))),
        .groups = 20,
        .drift = 0.15,
        .surge = chance_uniform(&chance) < 0.3 ? 30 : 1,
        .dispersion = chance_uniform(&chance) < 0.25 ? 0.55 : 0,
        .error_rate = exp(chance_between(&chance, log(0.0005), log(0.01))),
    };
}

static void clean_deploys_are_not_called_bad(void **state)
{
    (void)state;
    unsigned runs = count_runs(), verdicts[SCORE_VERDICTS] = {0}, named = 0, surges = 0, bad_surges = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct world_plan plan = plan_of(i);
        struct world_result result = world_play(&plan);
        verdicts[result.verdict]++;
        named += result.any_named;
        surges += plan.surge > 1;
        bad_surges += plan.surge > 1 && result.verdict == SCORE_BAD;
    }
    print_message(
        "clean: %u; bad %u, suspect %u, ok %u, insufficient %u; groups named in %u; of %u surges bad %u\n",
        runs, verdicts[SCORE_BAD], verdicts[SCORE_SUSPECT], verdicts[SCORE_OK],
        verdicts[SCORE_INSUFFICIENT_DATA], named, surges, bad_surges);
    assert_true(verdicts[SCORE_BAD] * 100 <= runs);
    assert_true(bad_surges * 100 <= surges);
    assert_true(named * 100 <= runs);
    assert_true(verdicts[SCORE_OK] * 10 >= runs * 8);
}

/* From the smallest to the largest that a fault of a kind is. */
static const struct {
    double from, to;
} sizes[WORLD_FAULTS] = {
    [FAULT_404_GROUP] = {10, 60}, [FAULT_5XX_GROUP] = {10, 60}, [FAULT_5XX] = {4, 30},
    [FAULT_LATENCY] = {1.5, 4},   [FAULT_EXCEPTIONS] = {4, 30}, [FAULT_GAUGE] = {3.5, 8},
    [FAULT_LEAK] = {20, 60},
};

static void faulty_deploys_are_called_bad(void **state)
{
    (void)state;
    unsigned runs = count_runs() * 2 / 5, bad = 0, in_group = 0, first = 0;
    unsigned of_kind[WORLD_FAULTS] = {0}, missed[WORLD_FAULTS] = {0};
    for (unsigned i = 0; i < runs; i++) {
        struct world_plan plan = plan_of(1000000 + i);
        struct chance chance = {i};
        plan.fault = (enum world_fault)(1 + i % (WORLD_FAULTS - 1));
        plan.size = chance_between(&chance, sizes[plan.fault].from, sizes[plan.fault].to);
        plan.at_group = (unsigned)chance_between(&chance, 0, 20) % 20;
        plan.error_rate = fmax(plan.error_rate, 0.002);
        struct world_result result = world_play(&plan);
        bad += result.verdict == SCORE_BAD;
        of_kind[plan.fault]++;
        missed[plan.fault] += result.verdict != SCORE_BAD;
        if (plan.fault == FAULT_404_GROUP || plan.fault == FAULT_5XX_GROUP) {
            in_group++;
            first += result.first_group == plan.at_group;
        }
    }
    for (unsigned k = 1; k < WORLD_FAULTS; k++)
        print_message("fault %u: missed %u of %u\n", k, missed[k], of_kind[k]);
    print_message("faulty: %u; bad %u; right group first %u of %u\n", runs, bad, first, in_group);
    assert_true(bad * 100 >= runs * 95);
    assert_true(first * 100 >= in_group * 95);
}

/* Half of them exactly three times, the others up to ten. */
static void a_rise_of_three_times_or_more_is_bad_within_three_minutes(void **state)
{
    (void)state;
    unsigned runs = count_runs() / 2, in_time = 0, of_three = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct world_plan plan = {.seed = 2000000 + i,
                                  .requests_a_second = 100,
                                  .groups = 20,
                                  .drift = 0.15,
                                  .surge = 1,
                                  .error_rate = 0.005,
                                  .fault = FAULT_5XX,
                                  .size = i % 2 ? 3 : 3 + 7.0 * i / runs};
        struct world_result result = world_play(&plan);
        bool soon = result.bad_after_ms != SCORE_NEVER && result.bad_after_ms <= 180000;
        in_time += soon;
        of_three += soon && i % 2;
    }
    print_message(
        "three times and more, 100 requests/s: bad within 3 min in %u of %u; exactly three: %u of %u\n",
        in_time, runs, of_three, runs / 2);
    assert_true(in_time * 100 >= runs * 95);
}

/* 30 points more 404s in one of 50 groups at 10 requests/s in all. */
static void a_broken_link_is_named_after_few_requests_of_its_group(void **state)
{
    (void)state;
    unsigned runs = count_runs() / 2, wrong = 0;
    double *requests = calloc(runs, sizeof *requests);
    assert_non_null(requests);
    for (unsigned i = 0; i < runs; i++) {
        struct world_plan plan = {.seed = 3000000 + i,
                                  .requests_a_second = 10,
                                  .groups = 50,
                                  .drift = 0.1,
                                  .surge = 1,
                                  .error_rate = 0.006,
                                  .fault = FAULT_404_GROUP,
                                  .size = 30,
                                  .at_group = i % 2 ? 9 : 49};
        struct world_result result = world_play(&plan);
        requests[i] = result.named_after_requests < 0 ? 1e9 : result.named_after_requests;
        wrong += result.wrong_named;
    }
    score_sort(requests, runs);
    print_message("a broken link: named after %.0f requests of its group (median), %.0f at most; wrong "
                  "groups in %u of %u\n",
                  requests[runs / 2], requests[runs - 1], wrong, runs);
    assert_true(requests[runs / 2] <= 25);
    assert_true(wrong * 100 <= runs);
    free(requests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_deploys_are_not_called_bad),
        cmocka_unit_test(faulty_deploys_are_called_bad),
        cmocka_unit_test(a_rise_of_three_times_or_more_is_bad_within_three_minutes),
        cmocka_unit_test(a_broken_link_is_named_after_few_requests_of_its_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
