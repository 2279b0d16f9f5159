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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_each_other_without_gap),
        cmocka_unit_test(a_value_lies_in_its_bucket),
        cmocka_unit_test(a_bucket_is_at_most_five_percent_wide),
        cmocka_unit_test(the_numbers_of_buckets_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
