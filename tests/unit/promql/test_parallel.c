/* Series read by several threads give what one thread gives, and end when they have to. */
#include <stdatomic.h>

#include "tests/unit/promql/asking.h"

enum { SERIES = 500, SAMPLES = 120 };

static int set_up(void **state)
{
    static struct memory memory;
    memory = (struct memory){0};
    for (int i = 0; i < SERIES; i++) {
        struct labels labels = {.count = 0};
        char number[16], group[16];
        (void)snprintf(number, sizeof number, "%d", i);
        (void)snprintf(group, sizeof group, "g%d", i % 7);
        assert_int_equal(labels_add(&labels, STR(LABEL_NAME), STR("m")), TM_OK);
        assert_int_equal(labels_add(&labels, STR("i"), str_of(number)), TM_OK);
        assert_int_equal(labels_add(&labels, STR("group"), str_of(group)), TM_OK);
        memory_series(&memory, &labels);
        for (int k = 0; k < SAMPLES; k++)
            memory_sample(&memory, (time_ms_t)k * 15000, k == i % 100 ? absent() : (double)(k * i % 1000));
    }
    *state = &memory;
    return 0;
}

static int tear_down(void **state)
{
    memory_fini(*state);
    return 0;
}

static void expect_same(struct memory *memory, const char *text)
{
    struct bytes one = {0}, several = {0};
    struct promql_limits limits = {.max_samples = 0};
    ask_within(memory, text, 0, 1800000, 30000, &limits, &one);
    limits.threads = 4;
    ask_within(memory, text, 0, 1800000, 30000, &limits, &several);
    assert_true(one.len > 100);
    assert_int_equal(one.len, several.len);
    assert_memory_equal(one.data, several.data, one.len);
    bytes_fini(&one);
    bytes_fini(&several);
}

static void several_threads_give_what_one_gives(void **state)
{
    expect_same(*state, "m");
    expect_same(*state, "rate(m[2m])");
    expect_same(*state, "sum by (group) (rate(m[5m]))");
    expect_same(*state, "quantile_over_time(0.5, m[3m]) > 10");
    expect_same(*state, "avg by (group) (m) / on(group) count by (group) (m)");
    expect_same(*state, "topk(5, sum_over_time(m[1m]))");
    expect_same(*state, "max_over_time(sum(m)[5m:1m])");
}

static void an_error_of_one_thread_ends_all(void **state)
{
    struct bytes out = {0};
    const struct promql_limits limits = {.threads = 4};
    ask_within(*state, "sum(holt_winters(m[5m], 2, 0.5))", 0, 1800000, 30000, &limits, &out);
    assert_string_equal((const char *)out.data,
                        "error: invalid smoothing factor. Expected: 0 < sf < 1, got: 2.000000");
    ask_within(*state, "abs({__name__=~\"m|x\"}) + on(group) m", 0, 1800000, 30000, &limits, &out);
    assert_memory_equal(out.data, "error: found duplicate series", 29);
    bytes_fini(&out);
}

static bool stop_after(void *arg)
{
    return atomic_fetch_sub((atomic_int *)arg, 1) <= 0;
}

static void several_threads_stop_when_told(void **state)
{
    struct bytes out = {0};
    for (int after = 1; after < 60; after += 8) {
        atomic_int left = after;
        const struct promql_limits limits = {.threads = 3, .stop = stop_after, .stop_arg = &left};
        ask_within(*state, "sum(rate(m[5m])) + sum(m)", 0, 1800000, 30000, &limits, &out);
        assert_string_equal((const char *)out.data, "error: query was canceled in query execution");
    }
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_threads_give_what_one_gives),
        cmocka_unit_test(an_error_of_one_thread_ends_all),
        cmocka_unit_test(several_threads_stop_when_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
