/* The buckets of latency histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/model/histogram.h"

static void buckets_follow_each_other_without_gap(void **state)
{
    (void)state;
    assert_int_equal(histogram_lowest(0), 0);
    for (uint32_t b = 0; b < HISTOGRAM_LAST; b++) {
        assert_true(histogram_lowest(b) <= histogram_highest(b));
        assert_int_equal(histogram_highest(b) + 1, histogram_lowest(b + 1));
    }
    assert_int_equal(histogram_highest(HISTOGRAM_LAST), INT64_MAX);
}

static void a_value_lies_in_its_bucket(void **state)
{
    (void)state;
    for (uint32_t b = 0; b < HISTOGRAM_BUCKETS; b++) {
        assert_int_equal(histogram_bucket(histogram_lowest(b)), b);
        assert_int_equal(histogram_bucket(histogram_highest(b)), b);
    }
    for (int64_t v = 0; v < 200000; v++) {
        uint32_t b = histogram_bucket(v);
        assert_true(histogram_lowest(b) <= v && v <= histogram_highest(b));
    }
    assert_int_equal(histogram_bucket(-1), 0);
    assert_int_equal(histogram_bucket(INT64_MIN), 0);
}

/* Whatever value of a bucket stands for the others, it is off by 5 % at most. */
static void a_bucket_is_at_most_five_percent_wide(void **state)
{
    (void)state;
    for (uint32_t b = 0; b < HISTOGRAM_LAST; b++)
        assert_true((histogram_highest(b) - histogram_lowest(b)) * 20 <= histogram_lowest(b));
}

/* They stand in files: a change of the scheme would give old counts another meaning. */
static void the_numbers_of_buckets_stay_as_they_are(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        uint32_t bucket;
    } kept[] = {{0, 0},          {31, 31},          {32, 32},          {63, 51},
                {64, 52},        {1000, 131},       {45200, 239},      {1000000, 330},
                {60000000, 447}, {4294967295, 571}, {4294967296, 572}, {INT64_MAX, 572}};
    assert_int_equal(HISTOGRAM_BUCKETS, 573);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_int_equal(histogram_bucket(kept[i].value), kept[i].bucket);
}

static void a_view_is_named_as_prometheus_names_it(void **state)
{
    (void)state;
    struct str base;
    assert_int_equal(histogram_view_of(STR("http_event_edge_seconds_bucket"), &base), HISTOGRAM_BUCKET);
    assert_true(str_equal(base, STR("http_event_edge_seconds")) && histogram_is_base(base));
    assert_int_equal(histogram_view_of(STR("http_event_duration_seconds_sum"), &base), HISTOGRAM_SUM);
    assert_int_equal(histogram_view_of(STR("http_event_origin_seconds_count"), &base), HISTOGRAM_COUNT);
    assert_int_equal(histogram_view_of(STR("http_event_edge_seconds"), &base), HISTOGRAM_NONE);
    assert_int_equal(histogram_view_of(STR("tally_pay_amount_sum"), &base), HISTOGRAM_NONE);
    assert_int_equal(histogram_view_of(STR("_sum"), &base), HISTOGRAM_NONE);
    assert_false(histogram_is_base(STR("")));
}

static void le_is_the_highest_value_in_seconds(void **state)
{
    (void)state;
    char text[HISTOGRAM_LE_BYTES];
    static const struct {
        int64_t value;
        const char *le;
    } bounds[] = {{0, "0"}, {10, "0.00001"}, {1000, "0.001023"}, {INT64_MAX, "+Inf"}};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        assert_string_equal(histogram_le(histogram_bucket(bounds[i].value), text), bounds[i].le);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_each_other_without_gap),
        cmocka_unit_test(a_value_lies_in_its_bucket),
        cmocka_unit_test(a_bucket_is_at_most_five_percent_wide),
        cmocka_unit_test(the_numbers_of_buckets_stay_as_they_are),
        cmocka_unit_test(a_view_is_named_as_prometheus_names_it),
        cmocka_unit_test(le_is_the_highest_value_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
