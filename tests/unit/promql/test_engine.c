/* The evaluation over series in memory: what Prometheus 2.42 gives, to the digit. */
#include "tests/unit/promql/asking.h"

#define SAME_LABELS "error: vector cannot contain metrics with the same labelset"

static int set_up(void **state)
{
    static struct memory memory;
    memory = (struct memory){0};
    load(&memory, "a,i=0,job=x", "1 2 3 4 5 6 7 8 9 10 11");
    load(&memory, "a,i=1,job=x", "10 20 30 40 50 60 70 80 90 100 110");
    load(&memory, "a,i=2,job=y", "5 5 5 5 5 5 5 5 5 5 5");
    load(&memory, "b,i=0", "2 2 2 2 2 2 2 2 2 2 2");
    load(&memory, "b,i=1", "4 4 4 4 4 4 4 4 4 4 4");
    load(&memory, "gone,i=0", "1 2 stale _ _ 7 8");
    load(&memory, "odd,i=0", "NaN NaN NaN");
    load(&memory, "odd,i=1", "Inf Inf Inf");
    load(&memory, "one", "42");
    load(&memory, "h_bucket,le=1", "1 10");
    load(&memory, "h_bucket,le=2", "1 30");
    load(&memory, "h_bucket,le=+Inf", "1 40");
    load(&memory, "dup_a,x=1", "1 1");
    load(&memory, "dup_b,x=1", "2 2");
    load(&memory, "early,x=1", "1 1 stale");
    load(&memory, "late,x=1", "_ _ _ 3 3");
    *state = &memory;
    return 0;
}

static int tear_down(void **state)
{
    memory_fini(*state);
    return 0;
}

static void a_sample_counts_for_five_minutes_both_ends_included(void **state)
{
    expect_at(*state, 0, "one", "{__name__=\"one\"} 42");
    expect_at(*state, 5, "one", "{__name__=\"one\"} 42");
    expect_at(*state, 6, "one", "");
    expect_at(*state, 5, "count_over_time(one[5m])", "{} 1");
    expect_at(*state, 6, "count_over_time(one[5m])", "");
    expect_at(*state, 8, "one offset 3m", "{__name__=\"one\"} 42");
    expect_at(*state, 90, "one @ 60", "{__name__=\"one\"} 42");
}

static void a_stale_series_is_gone_at_once(void **state)
{
    expect_range(*state, 0, 7, "gone", "{__name__=\"gone\", i=\"0\"} 1@0 2@60 7@300 8@360 8@420");
    expect_at(*state, 3, "count_over_time(gone[3m])", "{i=\"0\"} 2");
    expect_at(*state, 3, "gone[3m]", "{__name__=\"gone\", i=\"0\"} 1@0 2@60");
}

static void a_marker_is_no_sample_wherever_it_stands(void **state)
{
    struct memory memory = {0};
    (void)state;
    for (int at = 0; at < 70; at++) {
        char name[32], values[600] = "";
        for (int i = 0; i < 70; i++)
            (void)strcat(values, i == at ? "stale " : i % 7 == 3 ? "NaN " : "1 ");
        (void)snprintf(name, sizeof name, "m,at=%02d", at);
        load(&memory, name, values);
    }
    expect_at(&memory, 69, "count(count_over_time(m[70m]) == 69)", "{} 70");
    expect_at(&memory, 69, "sum(count_over_time(m[70m]))", "{} 4830");
    expect_at(&memory, 69, "count(m)", "{} 69");
    memory_fini(&memory);
}

static void labels_are_kept_where_they_are_looked_at(void **state)
{
    expect_at(*state, 1, "sum(a)", "{} 27");
    expect_at(*state, 1, "sum by ()(rate(a[2m]))", "{} 0.18333333333333332");
    expect_at(*state, 1, "sum by (nothing)(a)", "{} 27");
    expect_at(*state, 1, "sum by (i, job)(b) or sum without (i)(a)",
              "{i=\"0\"} 2; {i=\"1\"} 4; {job=\"x\"} 22; {job=\"y\"} 5");
    expect_at(*state, 1, "count(sum_over_time({__name__=~\"dup_.\"}[1m]))", SAME_LABELS);
    expect_at(*state, 1, "count(last_over_time({__name__=~\"dup_.\"}[1m]))", "{} 2");
}

static void names_are_dropped_where_the_value_is_another(void **state)
{
    expect_at(*state, 1, "b{i=\"0\"} + 1", "{i=\"0\"} 3");
    expect_at(*state, 1, "b{i=\"0\"} > 1", "{__name__=\"b\", i=\"0\"} 2");
    expect_at(*state, 1, "b{i=\"0\"} > bool 1", "{i=\"0\"} 1");
    expect_at(*state, 1, "-b{i=\"0\"}", "{i=\"0\"} -2");
    expect_at(*state, 1, "+b{i=\"0\"}", "{__name__=\"b\", i=\"0\"} 2");
    expect_at(*state, 1, "abs(b{i=\"0\"})", "{i=\"0\"} 2");
    expect_at(*state, 1, "last_over_time(b{i=\"0\"}[2m])", "{__name__=\"b\", i=\"0\"} 2");
    expect_at(*state, 1, "max_over_time(b{i=\"0\"}[2m])", "{i=\"0\"} 2");
    expect_at(*state, 1, "b{i=\"0\"} atan2 b", "{__name__=\"b\", i=\"0\"} 0.7853981633974483");
}

static void series_that_come_to_the_same_labels_clash(void **state)
{
    expect_at(*state, 1, "abs({__name__=~\"dup_.\"})", SAME_LABELS);
    expect_at(*state, 1, "rate({__name__=~\"dup_.\"}[2m])", SAME_LABELS);
    expect_at(*state, 1, "-{__name__=~\"dup_.\"}", SAME_LABELS);
    expect_at(*state, 1, "label_replace(a, \"i\", \"s\", \"i\", \".*\")", SAME_LABELS);
    expect_range(*state, 1, 3, "abs({__name__=~\"early|late\"})", "{x=\"1\"} 1@60 3@180");
    expect_range(*state, 1, 3, "-{__name__=~\"early|late\"}", SAME_LABELS);
}

static void aggregations_group_and_count(void **state)
{
    expect_at(*state, 1, "sum(a)", "{} 27");
    expect_at(*state, 1, "sum by (job) (a)", "{job=\"x\"} 22; {job=\"y\"} 5");
    expect_at(*state, 1, "avg without (i) (a)", "{job=\"x\"} 11; {job=\"y\"} 5");
    expect_at(*state, 1, "min(a)", "{} 2");
    expect_at(*state, 1, "max(a)", "{} 20");
    expect_at(*state, 1, "count by (__name__) (a)", "{__name__=\"a\"} 3");
    expect_at(*state, 1, "group(a)", "{} 1");
    expect_at(*state, 1, "stdvar(b)", "{} 1");
    expect_at(*state, 1, "stddev(b)", "{} 1");
    expect_at(*state, 1, "quantile(0.5, a)", "{} 5");
    expect_at(*state, 1, "sum(nothing)", "");
    expect_at(*state, 1, "max(odd)", "{} +Inf");
    expect_at(*state, 1, "count_values(\"v\", b)", "{v=\"2\"} 1; {v=\"4\"} 1");
    expect_at(*state, 1, "count_values(\"v\", vector(1.5e22))", "{v=\"15000000000000000000000\"} 1");
    expect_at(*state, 1, "count_values(\"v-w\", b)", "error: invalid label name \"v-w\"");
}

static void topk_is_in_order_and_keeps_labels(void **state)
{
    expect_at(*state, 1, "topk(2, a)",
              "{__name__=\"a\", i=\"1\", job=\"x\"} 20; {__name__=\"a\", i=\"2\", job=\"y\"} 5");
    expect_at(*state, 1, "bottomk(1, a)", "{__name__=\"a\", i=\"0\", job=\"x\"} 2");
    expect_at(*state, 1, "topk(1, odd)", "{__name__=\"odd\", i=\"1\"} +Inf");
    expect_at(*state, 1, "topk(0, a)", "");
    expect_at(*state, 1, "topk(1e30, a)", "error: Scalar value 1e+30 overflows int64");
    expect_range(*state, 4, 5, "topk(1, a{job!=\"x\"} or a{i=\"0\"})",
                 "{__name__=\"a\", i=\"0\", job=\"x\"} 6@300; {__name__=\"a\", i=\"2\", job=\"y\"} 5@240");
}

static void sort_puts_nan_last(void **state)
{
    expect_at(*state, 1, "sort(odd)", "{__name__=\"odd\", i=\"1\"} +Inf; {__name__=\"odd\", i=\"0\"} NaN");
    expect_at(*state, 1, "sort_desc(odd)",
              "{__name__=\"odd\", i=\"1\"} +Inf; {__name__=\"odd\", i=\"0\"} NaN");
}

static void vectors_match_by_labels(void **state)
{
    expect_at(*state, 1, "b * b", "{i=\"0\"} 4; {i=\"1\"} 16");
    expect_at(*state, 1, "a * on(i) b", "{i=\"0\"} 4; {i=\"1\"} 80");
    expect_at(*state, 1, "a * ignoring(job) b", "{i=\"0\"} 4; {i=\"1\"} 80");
    expect_at(*state, 1, "a > on(i) b", "{i=\"1\"} 20");
    expect_at(*state, 1, "a * on() group_left b{i=\"0\"}",
              "{i=\"0\", job=\"x\"} 4; {i=\"1\", job=\"x\"} 40; {i=\"2\", job=\"y\"} 10");
    expect_at(*state, 1, "b{i=\"0\"} - on(i) group_right(x) a{i=\"0\"}", "{i=\"0\", job=\"x\"} 0");
    expect_at(*state, 1, "a and on(i) b{i=\"1\"}", "{__name__=\"a\", i=\"1\", job=\"x\"} 20");
    expect_at(*state, 1, "a unless on(i) b", "{__name__=\"a\", i=\"2\", job=\"y\"} 5");
    expect_at(*state, 1, "b{i=\"0\"} or on() a", "{__name__=\"b\", i=\"0\"} 2");
    expect_at(*state, 1, "nothing or vector(0)", "{} 0");
}

static void ambiguous_matches_are_refused_as_prometheus_does(void **state)
{
    expect_at(*state, 1, "b + on() a{job=\"x\"}",
              "error: found duplicate series for the match group {} on the right hand-side of the operation: "
              "[{__name__=\"a\", i=\"1\", job=\"x\"}, {__name__=\"a\", i=\"0\", job=\"x\"}];many-to-many "
              "matching not allowed: matching labels must be unique on one side");
    expect_at(*state, 1, "b + on() a{i=\"0\"}",
              "error: multiple matches for labels: many-to-one matching must be explicit "
              "(group_left/group_right)");
    expect_at(*state, 1, "a * on() group_left(i, job) b{i=\"0\"}",
              "error: multiple matches for labels: "
              "grouping labels must ensure unique matches");
}

static void subqueries_have_steps_of_their_own(void **state)
{
    expect_at(*state, 4, "a{i=\"0\"}[2m:30s]",
              "{__name__=\"a\", i=\"0\", job=\"x\"} 3@120 3@150 4@180 4@210 5@240");
    expect_at(*state, 4, "sum_over_time(a{i=\"0\"}[2m:1m])", "{i=\"0\", job=\"x\"} 12");
    expect_at(*state, 4, "sum_over_time(a{i=\"0\"}[2m:])", "{i=\"0\", job=\"x\"} 12");
    expect_at(*state, 4, "max_over_time(sum(a)[3m:1m] offset 1m)", "{} 49");
    expect_range(*state, 8, 9, "sum_over_time(a{i=\"0\"}[2m:1m] @ 240)",
                 "{i=\"0\", job=\"x\"} 12@480 12@540");
    expect_at(*state, 4, "sum_over_time(vector(time())[2m:1m])", "{} 540");
}

static void histograms_give_quantiles(void **state)
{
    expect_at(*state, 1, "histogram_quantile(0.5, h_bucket)", "{} 1.5");
    expect_at(*state, 1, "histogram_quantile(0.99, h_bucket)", "{} 2");
    expect_at(*state, 1, "histogram_quantile(2, h_bucket)", "{} +Inf");
    expect_at(*state, 1, "histogram_quantile(0.5, b)", "");
    expect_at(*state, 1, "histogram_fraction(0, 1.5, h_bucket)", "{} 0.5");
    expect_at(*state, 1, "histogram_fraction(-Inf, Inf, h_bucket)", "{} 1");
}

static void labels_are_replaced_and_joined(void **state)
{
    expect_at(*state, 1, "label_replace(b{i=\"0\"}, \"j\", \"x$1-${2}$$\", \"__name__\", \"(.)(.*)\")",
              "{__name__=\"b\", i=\"0\", j=\"xb-$\"} 2");
    expect_at(*state, 1, "label_replace(b{i=\"0\"}, \"i\", \"\", \"i\", \".*\")", "{__name__=\"b\"} 2");
    expect_at(*state, 1, "label_replace(b{i=\"0\"}, \"j\", \"x\", \"i\", \"1\")",
              "{__name__=\"b\", i=\"0\"} 2");
    expect_at(*state, 1, "label_replace(b, \"j\", \"x\", \"i\", \"(\")",
              "error: invalid regular expression in label_replace(): (");
    expect_at(*state, 1, "label_join(b{i=\"0\"}, \"j\", \"-\", \"i\", \"no\", \"i\")",
              "{__name__=\"b\", i=\"0\", j=\"0--0\"} 2");
}

static void absence_says_what_was_asked_for(void **state)
{
    expect_at(*state, 1, "absent(nothing{a=\"b\", c=~\"d\"})", "{a=\"b\"} 1");
    expect_at(*state, 1, "absent(nothing{a=\"b\", a=\"c\"})", "{} 1");
    expect_at(*state, 1, "absent(b)", "");
    expect_range(*state, 1, 6, "absent_over_time(gone{i=\"0\"}[1m])", "{i=\"0\"} 1@180 1@240");
}

static void scalars_dates_and_times(void **state)
{
    expect_at(*state, 1, "1 + 2 * 3 ^ 2", "19");
    expect_at(*state, 1, "time()", "60");
    expect_at(*state, 1, "\"text\"", "text");
    expect_at(*state, 1, "scalar(one)", "42");
    expect_at(*state, 1, "scalar(a)", "NaN");
    expect_at(*state, 1, "minute()", "{} 1");
    expect_at(*state, 1, "days_in_month(vector(951782400))", "{} 29");
    expect_at(*state, 1, "year(vector(-1))", "{} 1969");
    expect_at(*state, 3, "timestamp(one)", "{} 0");
    expect_at(*state, 3, "clamp(a{i=\"1\"}, 1, 5)", "{i=\"1\", job=\"x\"} 5");
    expect_at(*state, 3, "clamp(a, 5, 1)", "");
    expect_range(*state, 0, 1, "1", "{} 1@0 1@60");
    expect_range(
        *state, 0, 1, "\"x\"",
        "error: invalid expression type \"string\" for range query, must be Scalar or instant Vector");
}

static void a_query_over_a_range_is_in_the_order_of_labels(void **state)
{
    expect_range(*state, 1, 1, "sort_desc(b)",
                 "{__name__=\"b\", i=\"0\"} 2@60; {__name__=\"b\", i=\"1\"} 4@60");
}

static void last_week_is_a_selector_further_back(void **state)
{
    const int week = 7 * 24 * 60;
    expect_at(*state, week + 3, "same_time_last_week(a{i=\"0\"})", "{__name__=\"a\", i=\"0\", job=\"x\"} 4");
    expect_at(*state, week + 3, "same_time_last_week(a{i=\"0\"} offset 1m)",
              "{__name__=\"a\", i=\"0\", job=\"x\"} 3");
    expect_at(*state, 3, "same_time_last_week(a)", "");
    expect_at(*state, 3, "anomaly_score(a)", "");
}

static void too_many_samples_end_a_query(void **state)
{
    struct bytes out = {0};
    struct promql_limits limits = {.max_samples = 20};
    ask_within(*state, "a", 0, 600000, 60000, &limits, &out);
    assert_string_equal((const char *)out.data,
                        "error: query processing would load too many samples into memory in query execution");
    limits.max_samples = 200;
    ask_within(*state, "sum(a)", 0, 60000, 60000, &limits, &out);
    assert_string_equal((const char *)out.data, "{} 16@0 27@60");
    bytes_fini(&out);
}

static bool stop_after(void *arg)
{
    int *left = arg;
    return (*left)-- <= 0;
}

static void a_query_stops_when_told(void **state)
{
    struct bytes out = {0};
    int left = 3;
    struct promql_limits limits = {.stop = stop_after, .stop_arg = &left};
    ask_within(*state, "sum(rate(a[5m])) / sum(b)", 0, 600000, 60000, &limits, &out);
    assert_string_equal((const char *)out.data, "error: query was canceled in query execution");
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_counts_for_five_minutes_both_ends_included),
        cmocka_unit_test(a_stale_series_is_gone_at_once),
        cmocka_unit_test(a_marker_is_no_sample_wherever_it_stands),
        cmocka_unit_test(labels_are_kept_where_they_are_looked_at),
        cmocka_unit_test(names_are_dropped_where_the_value_is_another),
        cmocka_unit_test(series_that_come_to_the_same_labels_clash),
        cmocka_unit_test(aggregations_group_and_count),
        cmocka_unit_test(topk_is_in_order_and_keeps_labels),
        cmocka_unit_test(sort_puts_nan_last),
        cmocka_unit_test(vectors_match_by_labels),
        cmocka_unit_test(ambiguous_matches_are_refused_as_prometheus_does),
        cmocka_unit_test(subqueries_have_steps_of_their_own),
        cmocka_unit_test(histograms_give_quantiles),
        cmocka_unit_test(labels_are_replaced_and_joined),
        cmocka_unit_test(absence_says_what_was_asked_for),
        cmocka_unit_test(scalars_dates_and_times),
        cmocka_unit_test(a_query_over_a_range_is_in_the_order_of_labels),
        cmocka_unit_test(last_week_is_a_selector_further_back),
        cmocka_unit_test(too_many_samples_end_a_query),
        cmocka_unit_test(a_query_stops_when_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
