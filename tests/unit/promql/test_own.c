/* The functions that Prometheus has not. */
#include "tests/unit/promql/asking.h"

enum { WEEK_MINUTES = 7 * 24 * 60 };

/* A series `name,label=value` with one value in each week, a minute after its beginning. */
static void load_weeks(struct memory *memory, const char *name, const double *values, int weeks)
{
    load(memory, name, "");
    for (int week = 0; week < weeks; week++)
        if (!is_absent(values[week]))
            memory_sample(memory, ((time_ms_t)week * WEEK_MINUTES + 1) * 60000, values[week]);
}

static int set_up(void **state)
{
    static struct memory memory;
    memory = (struct memory){0};
    load_weeks(&memory, "a,i=0", (double[]){1000, 1, 2, 3, 50, 5, 6, 7}, 8);
    load_weeks(&memory, "a,i=1", (double[]){absent(), absent(), absent(), 4, absent(), 10, absent(), 1}, 8);
    load_weeks(&memory, "a,i=2", (double[]){9}, 1);
    load(&memory, "anomaly_score,of=a,i=0", "12 90");
    load(&memory, "anomaly_score,of=b,i=0", "1 2");
    *state = &memory;
    return 0;
}

static int tear_down(void **state)
{
    memory_fini(*state);
    return 0;
}

static void the_baseline_is_the_median_of_six_weeks_as_far_as_there_are(void **state)
{
    /* of 1 2 3 50 5 6; of 4 10; of the third series all is older */
    expect_at(*state, 7 * WEEK_MINUTES + 1, "baseline(a)",
              "{__name__=\"a\", i=\"0\"} 4; {__name__=\"a\", i=\"1\"} 7");
    expect_at(*state, 3 * WEEK_MINUTES + 1, "baseline(a{i=\"0\"})", "{__name__=\"a\", i=\"0\"} 2");
    expect_at(*state, 3 * WEEK_MINUTES + 6, "baseline(a{i=\"0\"})", "{__name__=\"a\", i=\"0\"} 2");
    expect_at(*state, 3 * WEEK_MINUTES + 7, "baseline(a{i=\"0\"})", "");
    expect_at(*state, 1, "baseline(a)", "");
    expect_at(*state, 3, "baseline(a{i=\"0\"} @ 604860)", "{__name__=\"a\", i=\"0\"} 1000");
}

static void a_range_has_its_own_baseline_at_each_step(void **state)
{
    expect_range(*state, WEEK_MINUTES, WEEK_MINUTES + 2, "baseline(a{i=\"0\"})",
                 "{__name__=\"a\", i=\"0\"} 1000@604860 1000@604920");
}

static void a_baseline_counts_against_the_bound(void **state)
{
    struct bytes out = {0};
    const struct promql_limits limits = {.max_samples = 5};
    time_ms_t at = (time_ms_t)(WEEK_MINUTES + 1) * 60000;
    ask_within(*state, "baseline(a)", at, at, 0, &limits, &out);
    assert_string_equal((const char *)out.data,
                        "error: query processing would load too many samples into memory in query execution");
    bytes_fini(&out);
}

static void scores_are_those_of_the_metric_and_labels_that_are_named(void **state)
{
    expect_at(*state, 1, "anomaly_score(a)", "{__name__=\"anomaly_score\", i=\"0\", of=\"a\"} 90");
    expect_at(*state, 1, "anomaly_score(a{i=\"1\"})", "");
    expect_at(*state, 1, "anomaly_score({__name__=~\"a|b\", i=\"0\"} offset 1m)",
              "{__name__=\"anomaly_score\", i=\"0\", of=\"a\"} 12; {__name__=\"anomaly_score\", i=\"0\", "
              "of=\"b\"} 1");
    expect_at(*state, 1, "anomaly_score(c)", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_baseline_is_the_median_of_six_weeks_as_far_as_there_are),
        cmocka_unit_test(a_range_has_its_own_baseline_at_each_step),
        cmocka_unit_test(a_baseline_counts_against_the_bound),
        cmocka_unit_test(scores_are_those_of_the_metric_and_labels_that_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
