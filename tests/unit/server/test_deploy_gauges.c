/* Which gauges tell of a fault, and what their tests say around a deploy (server/query/deploy_gauges.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "server/query/deploy_levels.h"

static bool is_taken(const char *name, struct deploy_gauge_kind *kind)
{
    return deploy_gauge_kind(str_of(name), kind);
}

static void names_tell_which_way_is_bad(void **state)
{
    (void)state;
    struct deploy_gauge_kind kind;
    assert_true(is_taken("jvm_memory_used_bytes", &kind));
    assert_true(kind.direction == SCORE_UP_IS_BAD && kind.is_filling && !kind.is_rate && kind.place == 0);
    assert_true(is_taken("node_memory_MemAvailable_bytes", &kind));
    assert_true(kind.direction == SCORE_DOWN_IS_BAD);
    assert_true(is_taken("system_memory_available_bytes", &kind));
    assert_true(kind.direction == SCORE_DOWN_IS_BAD && !kind.is_filling);
    assert_true(is_taken("container_cpu_usage_seconds_total", &kind) && kind.is_rate && !kind.is_filling);
    assert_true(is_taken("kafka:consumer_lag", &kind) && !kind.is_filling);
    assert_true(is_taken("heap", &kind) && kind.is_filling);
}

static void names_that_tell_of_no_fault_are_left_out(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "_",
        "process_start_time_seconds",
        "process_uptime_seconds",
        "orders_per_minute",
        "memory_limit_bytes",
        "memory_max_bytes",
        "memory_total_bytes",
        "node_memory_MemTotal_bytes",
        "memory_errors_total",
        "cpu_wait_seconds_sum",
        "http_event_queue_seconds",
        "tidemark_memory_bytes",
        "anomaly_score",
        "cart_memory_info",
        "a_b_c_d_e_f_g_h_i_j_k_l_m_n_o_p_memory", /* more words than are looked at */
    };
    struct deploy_gauge_kind kind;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(is_taken(names[i], &kind));
}

static void a_limit_is_known_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *limit;
        bool is_limit;
    } cases[] = {
        {"jvm_memory_used_bytes", "jvm_memory_max_bytes", true},
        {"container_memory_working_set_bytes", "container_spec_memory_limit_bytes", true},
        {"process_open_fds", "process_max_fds", true},
        {"heap_used", "heap_limit", true},
        {"heap_used", "heap_used", false},
        {"heap_max", "heap_limit", false},
        {"jvm_memory_used_bytes", "jvm_buffer_max_bytes", false},
        {"memory_used", "memory_used_ratio_max", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(deploy_gauge_is_limit(str_of(cases[i].name), str_of(cases[i].limit)),
                         cases[i].is_limit);
}

/* ---- levels ---- */

static struct deploy_gauge gauge;
static struct deploy_gauges gauges;
static struct deploy_levels levels;

static void set(struct deploy_level *levels_of, size_t from, size_t to, double level, double slope)
{
    for (size_t m = from; m < to; m++)
        levels_of[m] = (struct deploy_level){
            2 * (level + slope * (double)(m - from) + (double)(m * 7 % 5) / 5), 2}; /* two pods */
}

static void begin(bool is_filling)
{
    gauges = (struct deploy_gauges){.at = &gauge, .count = 1};
    gauge.direction = SCORE_UP_IS_BAD;
    gauge.is_filling = is_filling;
    deploy_levels_begin(&levels, &gauges);
}

static void play(size_t minutes)
{
    for (size_t m = 0; m < minutes; m++) {
        deploy_levels_minute(&levels, m, (int64_t)m * DEPLOY_MINUTE_MS);
        deploy_levels_look(&levels, m + 1);
    }
}

static void a_level_that_rises_is_found_behind_the_warm_up(void **state)
{
    (void)state;
    memset(&gauge, 0, sizeof gauge);
    set(gauge.now, 0, 60, 20, 0);
    set(gauge.now, 60, 120, 60, 0);
    begin(false);
    assert_int_equal(levels.count, 1);
    play(DEPLOY_WARM_UP_MINUTES);
    assert_true(levels.at[0].level.ln_e == 0 && levels.at[0].hour.after.count == 0);
    play(20);
    assert_true(levels.at[0].level.ln_e > log(1000));
    assert_true(fabs(levels.at[0].hour.base.before.mean - 20.4) < 1e-9);
}

static void a_level_must_move_against_last_week_too(void **state)
{
    (void)state;
    memset(&gauge, 0, sizeof gauge);
    set(gauge.now, 0, 60, 20, 0);
    set(gauge.now, 60, 120, 60, 0);
    set(gauge.week, 0, 60, 21, 0);
    set(gauge.week, 60, 120, 61, 0);
    begin(false);
    play(60);
    assert_true(levels.at[0].has_week && levels.at[0].hour.trace.ln_e > log(1000));
    assert_true(levels.at[0].level.ln_e < 0);
    /* Next to nothing of last week is there: it is not asked. */
    memset(gauge.week + 10, 0, 110 * sizeof gauge.week[0]);
    begin(false);
    play(60);
    assert_true(!levels.at[0].has_week && levels.at[0].level.ln_e > log(1000));
}

static void without_a_past_there_is_no_test(void **state)
{
    (void)state;
    memset(&gauge, 0, sizeof gauge);
    set(gauge.now, 0, 9, 20, 0);
    set(gauge.now, 60, 120, 60, 0);
    begin(true);
    assert_int_equal(levels.count, 0);
    set(gauge.now, 0, 60, 20, 0);
    begin(true);
    struct score_evidence evidence[2 * DEPLOY_GAUGES_MAX];
    assert_int_equal(deploy_levels_evidence(&levels, evidence), 2);
    assert_true(evidence[0].subject == SCORE_GAUGES && evidence[0].whole && evidence[0].ln_e == 0);
}

static void what_fills_up_is_found_and_what_does_so_each_week_is_not(void **state)
{
    (void)state;
    memset(&gauge, 0, sizeof gauge);
    gauge.name = (char *)(uintptr_t) "heap_used";
    gauge.limit = 1000;
    set(gauge.now, 0, 60, 200, 0);
    set(gauge.now, 60, DEPLOY_GAUGE_MINUTES, 200, 0.5); /* 30 an hour */
    begin(true);
    play(8 * 60);
    const struct deploy_level_test *test = &levels.at[0];
    assert_int_equal(test->looked, SCORE_LEAK_LOOKS);
    assert_true(test->looks[3].found && fabs(test->looks[3].slope - 30) < 1);
    assert_true(fabs(test->looks[3].hours_to_limit - (1000 - 440) / 30.0) < 1);
    assert_true(deploy_levels_leak(test) > log(1000));
    memcpy(gauge.week, gauge.now, sizeof gauge.week);
    begin(true);
    play(8 * 60);
    assert_false(test->looks[3].found);
    assert_true(deploy_levels_leak(test) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_which_way_is_bad),
        cmocka_unit_test(names_that_tell_of_no_fault_are_left_out),
        cmocka_unit_test(a_limit_is_known_by_its_name),
        cmocka_unit_test(a_level_that_rises_is_found_behind_the_warm_up),
        cmocka_unit_test(a_level_must_move_against_last_week_too),
        cmocka_unit_test(without_a_past_there_is_no_test),
        cmocka_unit_test(what_fills_up_is_found_and_what_does_so_each_week_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
