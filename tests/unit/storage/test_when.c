#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "storage/model/when.h"

static const time_ms_t now = INT64_C(1764000000123);

static void expect(const char *text, time_ms_t wanted)
{
    struct tm_why why = {0};
    time_ms_t got = -1;
    if (when_parse(str_of(text), now, &got, &why))
        fail_msg("%s", why.text);
    if (got != wanted)
        fail_msg("%s gives %lld, not %lld", text, (long long)got, (long long)wanted);
}

static void refuse(const char *text)
{
    struct tm_why why = {0};
    time_ms_t got;
    if (when_parse(str_of(text), now, &got, &why) != TM_INVALID)
        fail_msg("\"%s\" was taken", text);
    assert_non_null(strstr(why.text, " is not a time; write it like 2026-11-23T04:00:00Z"));
}

static void rfc3339_is_read(void **state)
{
    (void)state;
    expect("1970-01-01T00:00:00Z", 0);
    expect("2025-11-24T16:00:00Z", INT64_C(1764000000000));
    expect("2025-11-24T16:00:00.5Z", INT64_C(1764000000500));
    expect("2025-11-24t16:00:00.1239999z", INT64_C(1764000000123));
    expect("2025-11-24T17:30:00+01:30", INT64_C(1764000000000));
    expect("2025-11-24T11:00:00-0500", INT64_C(1764000000000));
    expect("2024-02-29T00:00:00Z", INT64_C(1709164800000));
    expect("2016-12-31T23:59:60Z", INT64_C(1483228800000));
    expect("0001-01-01T00:00:00Z", WHEN_FIRST_MS);
    expect("9999-12-31T23:59:59.999Z", WHEN_LAST_MS);
}

static void what_is_missing_is_utc_and_midnight(void **state)
{
    (void)state;
    expect("2025-11-24", INT64_C(1763942400000));
    expect("2025-11-24 16:00", INT64_C(1764000000000));
    expect("2025-11-24 16:00:00 +00:00", INT64_C(1764000000000));
}

static void unix_seconds_are_read_with_decimals(void **state)
{
    (void)state;
    expect("0", 0);
    expect("1764000000", INT64_C(1764000000000));
    expect("1764000000.1", INT64_C(1764000000100));
    expect("1764000000.123987", INT64_C(1764000000123));
    expect("-1.5", -1500);
}

static void times_from_now_are_read(void **state)
{
    (void)state;
    expect("now", now);
    expect("-1h", now - 3600000);
    expect("now-1h30m", now - 5400000);
    expect("+500ms", now + 500);
    expect("-3y", now - INT64_C(94608000000));
}

static void what_is_no_time_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "1h",
                                        "yesterday",
                                        "2025-13-01",
                                        "2025-02-29",
                                        "2025-00-10",
                                        "2025-01-00",
                                        "2025-1-1",
                                        "2025-01-01T24:00",
                                        "2025-01-01T",
                                        "1.",
                                        "1764000000000",
                                        "-",
                                        "now-",
                                        "now1h",
                                        "-1h2h",
                                        "-1m1h",
                                        "-1x",
                                        "--1h",
                                        "1e9",
                                        "0000-01-01",
                                        "2025-01-01T00:00:00+1:00",
                                        "-99999999y",
                                        "0001-01-01T00:00:00+00:01",
                                        "2025-01-01T00:00:00.Z",
                                        "99999999999999999999",
                                        " 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuse(wrong[i]);
}

static void durations_have_units_biggest_first(void **state)
{
    (void)state;
    struct tm_why why = {0};
    int64_t ms;
    assert_int_equal(when_parse_duration(STR("1y2w3d4h5m6s7ms"), &ms, &why), TM_OK);
    assert_int_equal(ms, INT64_C(31536000000) + 1209600000 + 259200000 + 14400000 + 300000 + 6000 + 7);
    assert_int_equal(when_parse_duration(STR("0s"), &ms, &why), TM_OK);
    assert_int_equal(ms, 0);
    assert_int_equal(when_parse_duration(STR("1"), &ms, &why), TM_INVALID);
    assert_int_equal(when_parse_duration(STR("-1h"), &ms, &why), TM_INVALID);
    assert_int_equal(when_parse_duration(STR("300000000000y"), &ms, &why), TM_INVALID);
    assert_string_equal(why.text,
                        "\"300000000000y\" is not a duration; write whole numbers with a unit of ms, "
                        "s, m, h, d, w, y, for example 90s, 1h30m or 7d");
}

static void a_text_is_read_back_as_the_same_time(void **state)
{
    (void)state;
    char text[WHEN_TEXT_BYTES];
    assert_string_equal(when_text(INT64_C(1764000000123), text), "2025-11-24T16:00:00.123Z");
    assert_string_equal(when_text(-1, text), "1969-12-31T23:59:59.999Z");
    assert_string_equal(when_text(INT64_MIN, text), "0001-01-01T00:00:00.000Z");
    assert_string_equal(when_text(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
    for (time_ms_t at = WHEN_FIRST_MS; at < WHEN_LAST_MS - INT64_C(40000000000);) {
        char wanted[2 * WHEN_TEXT_BYTES];
        expect(when_text(at, text), at);
        time_t seconds = (time_t)((at - ((at % 1000) + 1000) % 1000) / 1000);
        struct tm parts;
        assert_non_null(gmtime_r(&seconds, &parts));
        (void)snprintf(wanted, sizeof wanted, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       (int)(((at % 1000) + 1000) % 1000));
        assert_string_equal(text, wanted);
        at += INT64_C(39999999999);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_is_read),
        cmocka_unit_test(what_is_missing_is_utc_and_midnight),
        cmocka_unit_test(unix_seconds_are_read_with_decimals),
        cmocka_unit_test(times_from_now_are_read),
        cmocka_unit_test(what_is_no_time_is_refused_with_a_sentence),
        cmocka_unit_test(durations_have_units_biggest_first),
        cmocka_unit_test(a_text_is_read_back_as_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
