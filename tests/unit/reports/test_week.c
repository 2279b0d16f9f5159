/* ISO weeks and hours in a zone, over changes of the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reports/run.h"
#include "reports/week.h"
#include "storage/model/when.h"

#define HOUR_MS INT64_C(3600000)

static void live_in(const char *zone)
{
    struct tm_why why;
    assert_int_equal(week_set_zone(zone, &why), TM_OK);
}

static time_ms_t at(const char *text)
{
    time_ms_t time;
    assert_int_equal(when_parse_date(str_of(text), &time, NULL), TM_OK);
    return time;
}

static void check_week(const char *name, const char *from, int64_t hours)
{
    struct week_name week;
    assert_int_equal(week_parse(str_of(name), &week, NULL), TM_OK);
    struct span span = week_span(week);
    assert_int_equal(span.from, at(from));
    assert_int_equal((span.to - span.from) / HOUR_MS, hours);
    assert_int_equal((span.to - span.from) % HOUR_MS, 0);
}

static void a_week_has_167_168_or_169_hours(void **state)
{
    (void)state;
    live_in("Europe/Berlin");
    check_week("2026-W12", "2026-03-15T23:00:00Z", 168);
    check_week("2026-W13", "2026-03-22T23:00:00Z", 167);
    check_week("2026-W43", "2026-10-18T22:00:00Z", 169);
    live_in("Asia/Seoul");
    check_week("2026-W13", "2026-03-22T15:00:00Z", 168);
    live_in("America/New_York");
    check_week("2026-W10", "2026-03-02T05:00:00Z", 167);
    live_in("UTC");
    check_week("2026-W01", "2025-12-29T00:00:00Z", 168);
}

static void weeks_are_named_as_iso_8601_has_them(void **state)
{
    char text[WEEK_TEXT_BYTES];
    struct week_name week;
    (void)state;
    live_in("UTC");
    assert_string_equal(week_text(week_clock(at("2024-12-30T12:00:00Z")).week, text), "2025-W01");
    assert_string_equal(week_text(week_clock(at("2027-01-03T23:59:59Z")).week, text), "2026-W53");
    assert_string_equal(week_text(week_clock(at("2027-01-04T00:00:00Z")).week, text), "2027-W01");
    assert_int_equal(week_parse(STR("2026-W53"), &week, NULL), TM_OK);
    assert_string_equal(week_text(week_add(week, 1), text), "2027-W01");
    assert_string_equal(week_text(week_add(week, -53), text), "2025-W52");
    const char *const wrong[] = {"2025-W53", "2026-W00", "2026-W54", "2026-47",   "2026W47", "2026-W4",
                                 "",         "20 6-W47", "2026-w47", "2026-W47x", "+026-W47"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(week_parse(str_of(wrong[i]), &week, NULL), TM_INVALID);
}

static void the_same_local_hour_of_another_week_is_found_over_a_change(void **state)
{
    (void)state;
    live_in("Europe/Berlin");
    assert_int_equal(week_shift(at("2026-03-30T07:00:00.250Z"), -1), at("2026-03-23T08:00:00.250Z"));
    assert_int_equal(week_shift(at("2026-10-19T06:30:00Z"), 1), at("2026-10-26T07:30:00Z"));
    /* 02:30 is left out on the 29th, and comes twice on the 25th of October: the first one. */
    assert_int_equal(week_time(2026, 3, 29, 2, 30), at("2026-03-29T01:30:00Z"));
    assert_int_equal(week_time(2026, 10, 25, 2, 30), at("2026-10-25T00:30:00Z"));
}

static void what_is_no_zone_is_refused(void **state)
{
    struct tm_why why;
    const char *const wrong[] = {"Mars/Base", "",   "../../etc/passwd", "/etc/localtime", "zone.tab",
                                 "Europe",    "A B"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(week_set_zone(wrong[i], &why), TM_INVALID);
}

static void reports_are_due_at_the_local_time_of_the_week(void **state)
{
    struct run_time time;
    struct tm_why why;
    (void)state;
    live_in("Asia/Seoul");
    assert_int_equal(run_time_parse("Mon 07:00", &time, &why), TM_OK);
    struct span around = run_time_around(&time, at("2026-11-22T21:59:59Z"));
    assert_int_equal(around.from, at("2026-11-15T22:00:00Z"));
    assert_int_equal(around.to, at("2026-11-22T22:00:00Z"));
    around = run_time_around(&time, at("2026-11-22T22:00:00Z"));
    assert_int_equal(around.from, at("2026-11-22T22:00:00Z"));
    live_in("Europe/Berlin");
    assert_int_equal(run_time_parse("Sun 23:30", &time, &why), TM_OK);
    around = run_time_around(&time, at("2026-10-21T12:00:00Z"));
    assert_int_equal(around.from, at("2026-10-18T21:30:00Z"));
    assert_int_equal(around.to, at("2026-10-25T22:30:00Z"));
    const char *const wrong[] = {"Mon", "Mon 24:00", "Foo 07:00", "Mon 07:60", "Mon 07:00x", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(run_time_parse(wrong[i], &time, &why), TM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_week_has_167_168_or_169_hours),
        cmocka_unit_test(weeks_are_named_as_iso_8601_has_them),
        cmocka_unit_test(the_same_local_hour_of_another_week_is_found_over_a_change),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(reports_are_due_at_the_local_time_of_the_week),
    };
    return cmocka_run_group_tests_name("week", tests, NULL, NULL);
}
