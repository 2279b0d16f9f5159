/* Calendars: what is read of them, when repeated events occur, and what is refused where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "server/cli/ics.h"
#include "storage/model/when.h"

#define DAY INT64_C(86400000)

enum { TIMES = 12 };

/* What came of a calendar with one event. */
static struct {
    char uid[64], summary[128], category[64], zone[64], fault[400];
    char times[TIMES][32];
    size_t events, faults, time_count;
    uint32_t line;
    int64_t length_ms, duration_ms;
    bool is_date, is_utc, is_cancelled;
} got;

static void keep(char *out, size_t size, struct str text)
{
    (void)snprintf(out, size, "%.*s", STR_ARG(text));
}

static bool take(void *arg, const struct ics_event *event)
{
    struct ics_walk walk = {.event = event};
    int64_t start;
    const int64_t *last = arg;
    got.events++;
    got.line = event->line;
    keep(got.uid, sizeof got.uid, event->uid);
    keep(got.summary, sizeof got.summary, event->summary);
    keep(got.category, sizeof got.category, event->category);
    keep(got.zone, sizeof got.zone, event->start.zone);
    got.length_ms = event->has_end ? event->end.local_ms - event->start.local_ms : -1;
    got.duration_ms = event->duration_ms;
    got.is_date = event->start.is_date;
    got.is_utc = event->start.is_utc;
    got.is_cancelled = event->is_cancelled;
    while (got.time_count < TIMES && ics_next(&walk, *last, &start)) {
        char text[WHEN_TEXT_BYTES];
        (void)snprintf(got.times[got.time_count++], 32, "%.16s", when_text(start, text));
    }
    return true;
}

static bool fault(void *arg, uint32_t line, const struct tm_why *why)
{
    (void)arg;
    got.faults++;
    got.line = line;
    (void)snprintf(got.fault, sizeof got.fault, "%s", why->text);
    return true;
}

static enum tm_err read_text(const char *text)
{
    int64_t last = INT64_C(4102444800000); /* 2100 */
    struct ics_sink sink = {&last, take, fault};
    struct tm_why why;
    memset(&got, 0, sizeof got);
    return ics_read(str_of(text), &sink, &why);
}

/* A calendar of one event with these lines. */
static void read_event(const char *lines)
{
    char text[2048];
    (void)snprintf(text, sizeof text,
                   "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a@b\r\n%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                   lines);
    assert_int_equal(read_text(text), TM_OK);
}

static void assert_times(const char *const *expected, size_t count)
{
    for (size_t i = 0; i < count && i < got.time_count; i++)
        assert_string_equal(got.times[i], expected[i]);
    assert_int_equal(got.time_count, count);
}

#define ASSERT_TIMES(...)                                                                                    \
    assert_times((const char *const[]){__VA_ARGS__},                                                         \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void an_event_has_its_fields_whatever_folds_and_escapes_are_in_them(void **state)
{
    (void)state;
    read_event(
        "SUMMARY;LANGUAGE=en:Black\\, white\\n and \r\n  gr\r\n\tey\\;\\\\\r\n"
        "CATEGORIES:black-friday,sale\r\nX-ODD;A=\"q:;,\":x\r\n"
        "DTSTART;TZID=\"Europe/Berlin\":20261127T080000\r\nDTEND;TZID=Europe/Berlin:20261127T220000\r\n"
        "BEGIN:VALARM\r\nSUMMARY:not this\r\nTRIGGER:-PT15M\r\nEND:VALARM");
    assert_int_equal(got.events, 1);
    assert_string_equal(got.uid, "a@b");
    assert_string_equal(got.summary, "Black, white\n and  grey;\\");
    assert_string_equal(got.category, "black-friday");
    assert_string_equal(got.zone, "Europe/Berlin");
    assert_int_equal(got.length_ms, 14 * 3600000);
    assert_false(got.is_utc || got.is_date || got.is_cancelled);
    assert_int_equal(got.line, 2);
    ASSERT_TIMES("2026-11-27T08:00");
}

static void days_and_utc_and_durations_are_known(void **state)
{
    (void)state;
    read_event("DTSTART;VALUE=DATE:20280229");
    assert_true(got.is_date && got.length_ms == -1 && got.duration_ms == -1);
    ASSERT_TIMES("2028-02-29T00:00");
    read_event("DTSTART:20261127T080000Z\r\nDURATION:P1DT2H30M");
    assert_true(got.is_utc);
    assert_int_equal(got.duration_ms, DAY + 9000000);
    read_event("DTSTART:20261127T080000Z\r\nSTATUS:CANCELLED");
    assert_true(got.is_cancelled);
}

static void repetitions_are_by_day_week_month_and_year(void **state)
{
    (void)state;
    read_event("DTSTART:20261130T080000\r\nRRULE:FREQ=DAILY;INTERVAL=2;COUNT=3");
    ASSERT_TIMES("2026-11-30T08:00", "2026-12-02T08:00", "2026-12-04T08:00");
    read_event("DTSTART:20261130T080000\r\nRRULE:FREQ=WEEKLY;UNTIL=20261214T080000");
    ASSERT_TIMES("2026-11-30T08:00", "2026-12-07T08:00", "2026-12-14T08:00");
    read_event("DTSTART:20261202T080000\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=MO;COUNT=4");
    ASSERT_TIMES("2026-12-02T08:00", "2026-12-14T08:00", "2026-12-16T08:00", "2026-12-28T08:00");
    read_event("DTSTART:20261130T080000\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=30;COUNT=3");
    ASSERT_TIMES("2026-11-30T08:00", "2026-12-30T08:00", "2027-01-30T08:00");
    read_event("DTSTART;VALUE=DATE:20260131\r\nRRULE:FREQ=MONTHLY;COUNT=3");
    ASSERT_TIMES("2026-01-31T00:00", "2026-03-31T00:00", "2026-05-31T00:00");
    read_event("DTSTART:20240229T000000Z\r\nRRULE:FREQ=YEARLY;UNTIL=20330101");
    ASSERT_TIMES("2024-02-29T00:00", "2028-02-29T00:00", "2032-02-29T00:00");
}

static void times_that_are_left_out_count_but_do_not_occur(void **state)
{
    (void)state;
    read_event(
        "DTSTART:20261130T080000\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20261201T080000,20270101T080000");
    ASSERT_TIMES("2026-11-30T08:00", "2026-12-02T08:00");
}

static void an_endless_rule_ends_at_the_last_time_that_is_asked_for(void **state)
{
    (void)state;
    struct ics_event event = {.start = {.local_ms = 0}, .rule = {ICS_DAILY, 1, 0, {0}, false, 0}};
    struct ics_walk walk = {.event = &event};
    int64_t start, count = 0;
    while (ics_next(&walk, 9 * DAY, &start))
        assert_int_equal(start, count++ * DAY);
    assert_int_equal(count, 10);
    walk = (struct ics_walk){.event = &event};
    for (count = 0; ics_next(&walk, INT64_MAX, &start);)
        count++;
    assert_int_equal(count, ICS_TIMES_MAX);
}

static void what_is_not_understood_is_told_with_its_line_and_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *word;
        uint32_t line;
    } cases[] = {
        {"DTSTART:20261301", "no date", 4},
        {"DTSTART:20270229", "no date", 4},
        {"DTSTART:2026-11-27", "no date", 4},
        {"SUMMARY:x", "no DTSTART", 2},
        {"DTSTART:20261127\r\nRRULE:FREQ=HOURLY", "\"FREQ=HOURLY\" in RRULE", 2},
        {"DTSTART:20261127\r\nRRULE:FREQ=MONTHLY;BYDAY=1MO", "\"BYDAY=1MO\" in RRULE", 2},
        {"DTSTART:20261127\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1", "\"BYMONTHDAY=1\" in RRULE", 2},
        {"DTSTART:20261127\r\nRRULE:FREQ=MONTHLY;BYDAY=MO", "WEEKLY alone", 2},
        {"DTSTART:20261127\r\nRRULE:COUNT=3", "no FREQ", 2},
        {"DTSTART:20261127\r\nDURATION:P0D", "no duration", 5},
        {"DTSTART:20261127\r\nRDATE:20261201", "\"RDATE\"", 5},
        {"DTSTART:20261127\r\nRECURRENCE-ID:20261201", "\"RECURRENCE-ID\"", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_event(cases[i].lines);
        assert_int_equal(got.faults, 1);
        assert_int_equal(got.events, 0);
        assert_non_null(strstr(got.fault, cases[i].word));
        assert_int_equal(got.line, cases[i].line);
    }
}

static void a_bad_event_does_not_hide_the_next(void **state)
{
    (void)state;
    assert_int_equal(read_text("\xef\xbb\xbf"
                               "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:x\nDTEND:x\nEND:VEVENT\n"
                               "BEGIN:VTODO\nUID:2\nEND:VTODO\nBEGIN:VEVENT\nDTSTART:20261127\nEND:VEVENT\n"
                               "begin:vevent\nuid:3\ndtstart:20261127\nend:vevent\nEND:VCALENDAR\n"),
                     TM_OK);
    assert_int_equal(got.faults, 2);
    assert_int_equal(got.events, 1);
    assert_string_equal(got.uid, "3");
}

static void what_is_no_calendar_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), TM_INVALID);
    assert_int_equal(read_text("hello: world\n"), TM_INVALID);
    assert_int_equal(read_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261127\nEND:VEVENT\n"),
                     TM_INVALID);
    assert_int_equal(read_text("BEGIN:VCALENDAR\nEND:VCALENDAR"), TM_OK);
}

static void dates_are_the_days_of_the_calendar(void **state)
{
    (void)state;
    int64_t days;
    assert_true(ics_days(1970, 1, 1, &days) && days == 0);
    assert_true(ics_days(1969, 12, 31, &days) && days == -1);
    assert_true(ics_days(1, 1, 1, &days) && days == -719162);
    assert_true(ics_days(2000, 2, 29, &days) && days == 11016);
    assert_true(ics_days(9999, 12, 31, &days) && days == 2932896);
    assert_false(ics_days(1900, 2, 29, &days) || ics_days(0, 1, 1, &days) || ics_days(10000, 1, 1, &days) ||
                 ics_days(2026, 13, 1, &days) || ics_days(2026, 4, 31, &days) || ics_days(2026, 4, 0, &days));
    read_event("DTSTART:19690331T235959\r\nRRULE:FREQ=MONTHLY;COUNT=2");
    ASSERT_TIMES("1969-03-31T23:59", "1969-05-31T23:59");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_its_fields_whatever_folds_and_escapes_are_in_them),
        cmocka_unit_test(days_and_utc_and_durations_are_known),
        cmocka_unit_test(repetitions_are_by_day_week_month_and_year),
        cmocka_unit_test(times_that_are_left_out_count_but_do_not_occur),
        cmocka_unit_test(an_endless_rule_ends_at_the_last_time_that_is_asked_for),
        cmocka_unit_test(what_is_not_understood_is_told_with_its_line_and_left_out),
        cmocka_unit_test(a_bad_event_does_not_hide_the_next),
        cmocka_unit_test(what_is_no_calendar_is_refused),
        cmocka_unit_test(dates_are_the_days_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
