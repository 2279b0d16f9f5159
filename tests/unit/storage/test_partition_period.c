/* Which time belongs to which partition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "storage/partition/partition_period.h"

#define DAY_MS ((time_ms_t)86400000)

/* Through the C library, which is not what the code under test uses. */
static time_ms_t time_of(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (time_ms_t)timegm(&tm) * 1000;
}

static void assert_name(enum partition_tier tier, time_ms_t time, const char *wanted)
{
    char name[PARTITION_PERIOD_NAME_BYTES];
    uint32_t period, again;
    assert_int_equal(partition_period_of(tier, time, &period), TM_OK);
    assert_int_equal(partition_period_name(tier, period, name), TM_OK);
    assert_string_equal(name, wanted);
    assert_int_equal(partition_period_parse(tier, str_of(name), &again), TM_OK);
    assert_int_equal(again, period);
    struct span span = partition_period_span(tier, period);
    assert_true(span.from <= time && time < span.to);
}

static void periods_are_named_by_the_calendar(void **state)
{
    (void)state;
    assert_name(PARTITION_RAW, time_of(2026, 11, 22), "2026-11-22");
    assert_name(PARTITION_RAW, time_of(2026, 11, 23) - 1, "2026-11-22");
    assert_name(PARTITION_5M, time_of(2026, 11, 22), "2026-W47");
    assert_name(PARTITION_5M, time_of(2026, 11, 23), "2026-W48");
    assert_name(PARTITION_1H, time_of(2026, 11, 22), "2026-11");
    assert_name(PARTITION_RAW, 0, "1970-01-01");
    assert_name(PARTITION_5M, 0, "1970-W01");
    assert_name(PARTITION_1H, 0, "1970-01");
}

static void leap_days_have_their_own_partition(void **state)
{
    (void)state;
    assert_name(PARTITION_RAW, time_of(2024, 2, 29), "2024-02-29");
    assert_name(PARTITION_RAW, time_of(2024, 3, 1) - 1, "2024-02-29");
    assert_name(PARTITION_RAW, time_of(2000, 2, 29), "2000-02-29");
    assert_name(PARTITION_RAW, time_of(2100, 2, 28) + DAY_MS, "2100-03-01");
    assert_name(PARTITION_1H, time_of(2024, 2, 29), "2024-02");
}

static void weeks_at_the_ends_of_years_are_iso_weeks(void **state)
{
    (void)state;
    assert_name(PARTITION_5M, time_of(2020, 12, 31), "2020-W53");
    assert_name(PARTITION_5M, time_of(2021, 1, 3), "2020-W53");
    assert_name(PARTITION_5M, time_of(2021, 1, 4), "2021-W01");
    assert_name(PARTITION_5M, time_of(2024, 12, 30), "2025-W01");
    assert_name(PARTITION_5M, time_of(2016, 1, 1), "2015-W53");
    assert_name(PARTITION_RAW, time_of(2026, 12, 31), "2026-12-31");
    assert_name(PARTITION_1H, time_of(2027, 1, 1) - 1, "2026-12");
}

static void periods_follow_each_other_without_gap(void **state)
{
    (void)state;
    static const enum partition_tier tiers[] = {PARTITION_RAW, PARTITION_5M, PARTITION_1H};
    for (size_t t = 0; t < 3; t++) {
        uint32_t count = tiers[t] == PARTITION_RAW ? 60000 : tiers[t] == PARTITION_5M ? 9000 : 2000;
        for (uint32_t i = 0; i < count; i++) {
            char name[PARTITION_PERIOD_NAME_BYTES];
            uint32_t again;
            struct span span = partition_period_span(tiers[t], i);
            assert_true(span.to == partition_period_span(tiers[t], i + 1).from);
            assert_int_equal(partition_period_of(tiers[t], span.to - 1, &again), TM_OK);
            assert_int_equal(again, i);
            assert_int_equal(partition_period_name(tiers[t], i, name), TM_OK);
            assert_int_equal(partition_period_parse(tiers[t], str_of(name), &again), TM_OK);
            assert_int_equal(again, i);
        }
    }
}

static void names_of_days_agree_with_the_c_library(void **state)
{
    (void)state;
    for (time_ms_t day = 0; day < 60000; day += 7) {
        char name[PARTITION_PERIOD_NAME_BYTES], wanted[64];
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(wanted, sizeof wanted, "%Y-%m-%d", &tm);
        assert_int_equal(partition_period_name(PARTITION_RAW, (uint32_t)day, name), TM_OK);
        assert_string_equal(name, wanted);
        uint32_t week;
        strftime(wanted, sizeof wanted, "%G-W%V", &tm);
        assert_int_equal(partition_period_of(PARTITION_5M, day * DAY_MS, &week), TM_OK);
        assert_int_equal(partition_period_name(PARTITION_5M, week, name), TM_OK);
        assert_string_equal(name, wanted);
    }
}

static void times_before_1970_and_after_9999_are_refused(void **state)
{
    (void)state;
    uint32_t period;
    char name[PARTITION_PERIOD_NAME_BYTES];
    for (size_t tier = 0; tier < PARTITION_TIERS; tier++) {
        enum partition_tier t = (enum partition_tier)tier;
        assert_int_equal(partition_period_of(t, -1, &period), TM_INVALID);
        assert_int_equal(partition_period_of(t, INT64_MIN, &period), TM_INVALID);
        assert_int_equal(partition_period_of(t, INT64_MAX, &period), TM_INVALID);
        assert_int_equal(partition_period_of(t, time_of(9999, 12, 31) + DAY_MS, &period), TM_INVALID);
        assert_int_equal(partition_period_of(t, time_of(9999, 12, 31), &period), TM_OK);
        assert_int_equal(partition_period_name(t, UINT32_MAX, name), TM_INVALID);
    }
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum partition_tier tier;
        const char *name;
    } bad[] = {
        {PARTITION_RAW, ""},           {PARTITION_RAW, "2026-11"},    {PARTITION_RAW, "2026-02-29"},
        {PARTITION_RAW, "2026-11-31"}, {PARTITION_RAW, "2026-13-01"}, {PARTITION_RAW, "2026-11-22 "},
        {PARTITION_RAW, "1969-12-31"}, {PARTITION_RAW, "2026/11/22"}, {PARTITION_RAW, "2026-11-2x"},
        {PARTITION_5M, "2026-W54"},    {PARTITION_5M, "2026-W00"},    {PARTITION_5M, "2021-W53"},
        {PARTITION_5M, "2026-47"},     {PARTITION_5M, "2026-w47"},    {PARTITION_1H, "2026-00"},
        {PARTITION_1H, "2026-13"},     {PARTITION_1H, "2026-11-01"},  {PARTITION_1H, "+026-11"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t period;
        assert_int_equal(partition_period_parse(bad[i].tier, str_of(bad[i].name), &period), TM_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_are_named_by_the_calendar),
        cmocka_unit_test(leap_days_have_their_own_partition),
        cmocka_unit_test(weeks_at_the_ends_of_years_are_iso_weeks),
        cmocka_unit_test(periods_follow_each_other_without_gap),
        cmocka_unit_test(names_of_days_agree_with_the_c_library),
        cmocka_unit_test(times_before_1970_and_after_9999_are_refused),
        cmocka_unit_test(other_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
