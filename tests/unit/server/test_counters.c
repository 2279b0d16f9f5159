/* Counters and the acknowledgement histogram, and their form at /metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/counters/counters.h"

static char *written(const struct counters *counters)
{
    struct bytes out = {0};
    counters_write(counters, &out);
    bytes_u8(&out, 0);
    assert_int_equal(bytes_error(&out), TM_OK);
    return (char *)out.data;
}

static void every_counter_has_a_name_and_each_family_one_help(void **state)
{
    struct counters counters = {.value = {0}};
    (void)state;
    char *text = written(&counters);
    assert_null(strstr(text, "(null)"));
    size_t helps = 0, types = 0;
    for (char *at = text; (at = strstr(at, "# HELP ")); at++)
        helps++;
    for (char *at = text; (at = strstr(at, "# TYPE ")); at++)
        types++;
    assert_int_equal(helps, types);
    /* every line of a family stands right behind its HELP: no name has HELP twice */
    for (char *at = text; (at = strstr(at, "# HELP ")); at++) {
        char name[96];
        (void)sscanf(at, "# HELP %95s", name);
        char twice[128];
        (void)snprintf(twice, sizeof twice, "# HELP %s ", name);
        assert_null(strstr(at + 1, twice));
    }
    free(text);
}

static void a_counter_is_served_with_its_value(void **state)
{
    struct counters counters = {.value = {[COUNTER_REFUSED_BUSY] = 7}};
    (void)state;
    char *text = written(&counters);
    assert_non_null(strstr(text, "tidemark_refused_total{error=\"busy\"} 7\n"));
    free(text);
}

static void quantiles_lie_within_their_bucket(void **state)
{
    struct latency latency = {.count = 0};
    (void)state;
    assert_true(latency_quantile_ms(&latency, 0.99) == 0);
    for (int i = 0; i < 990; i++)
        latency_record(&latency, 900000); /* 0.9 ms, bucket 0.8..1.6 */
    for (int i = 0; i < 10; i++)
        latency_record(&latency, INT64_C(90000000));
    assert_in_range((int)(latency_quantile_ms(&latency, 0.5) * 1000), 800, 1600);
    assert_in_range((int)(latency_quantile_ms(&latency, 0.999) * 1000), 51200, 102400);
    assert_int_equal(latency.count, 1000);
}

static void a_latency_over_all_bounds_is_counted(void **state)
{
    struct counters counters = {.value = {0}};
    (void)state;
    latency_record(&counters.ack, INT64_MAX);
    char *text = written(&counters);
    assert_non_null(strstr(text, "tidemark_ack_duration_seconds_bucket{le=\"+Inf\"} 1\n"));
    assert_non_null(strstr(text, "tidemark_ack_duration_seconds_count 1\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_has_a_name_and_each_family_one_help),
        cmocka_unit_test(a_counter_is_served_with_its_value),
        cmocka_unit_test(quantiles_lie_within_their_bucket),
        cmocka_unit_test(a_latency_over_all_bounds_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
