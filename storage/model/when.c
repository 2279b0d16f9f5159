#include "storage/model/when.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* How much of a wrong text a sentence quotes. */
enum { SHOWN_BYTES = 60 };

static const struct {
    struct str name;
    int64_t ms;
} units[] = {
    {{"y", 1}, 365 * DAY_MS}, {{"w", 1}, 7 * DAY_MS}, {{"d", 1}, DAY_MS}, {{"h", 1}, HOUR_MS},
    {{"m", 1}, MINUTE_MS},    {{"s", 1}, SECOND_MS},  {{"ms", 2}, 1},
};

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* ---- reading ---- */

struct text {
    const char *at;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t shown(struct str text)
{
    return text.len < SHOWN_BYTES ? text.len : SHOWN_BYTES;
}

static bool take(struct text *text, char c)
{
    if (text->at == text->end || *text->at != c)
        return false;
    text->at++;
    return true;
}

/* All digits that follow; false if there are none, or too many for a time. */
static bool take_number(struct text *text, int64_t *out)
{
    const char *start = text->at;
    *out = 0;
    for (; text->at < text->end && is_digit(*text->at); text->at++)
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *text->at - '0', out))
            return false;
    return text->at > start;
}

/* Exactly count digits, at most max. */
static bool take_digits(struct text *text, int count, int max, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (text->at == text->end || !is_digit(*text->at))
            return false;
        *out = *out * 10 + (*text->at++ - '0');
    }
    return *out <= max;
}

/* Digits behind a point: thousandths, the rest is cut. */
static bool take_fraction(struct text *text, int64_t *out_ms)
{
    const char *start = text->at;
    int64_t unit = 100;
    *out_ms = 0;
    for (; text->at < text->end && is_digit(*text->at); text->at++) {
        *out_ms += (*text->at - '0') * unit;
        unit /= 10;
    }
    return text->at > start;
}

/* ---- durations ---- */

static int find_unit(struct text *text)
{
    size_t len = 0;
    while (text->at + len < text->end && !is_digit(text->at[len]))
        len++;
    for (int i = 0; i < UNIT_COUNT; i++)
        if (str_equal(units[i].name, (struct str){text->at, len})) {
            text->at += len;
            return i;
        }
    return UNIT_COUNT;
}

static bool read_duration(struct text *text, int64_t *out_ms)
{
    int last = -1;
    *out_ms = 0;
    while (text->at < text->end) {
        int64_t count;
        if (!take_number(text, &count))
            return false;
        int unit = find_unit(text);
        if (unit == UNIT_COUNT || unit <= last)
            return false;
        last = unit;
        if (__builtin_mul_overflow(count, units[unit].ms, &count) ||
            __builtin_add_overflow(*out_ms, count, out_ms))
            return false;
    }
    return last >= 0;
}

enum tm_err when_parse_duration(struct str text, int64_t *out_ms, struct tm_why *why)
{
    struct text in = {text.ptr, text.ptr + text.len};
    if (text.len && read_duration(&in, out_ms))
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "\"%.*s\" is not a duration; write whole numbers with a unit of ms, s, m, h, d, w, y, for "
                   "example 90s, 1h30m or 7d",
                   (int)shown(text), text.ptr ? text.ptr : "");
}

/* ---- dates ---- */

static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    return days_before[month] - days_before[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January of a year from 1 on. */
static int64_t days_to_year(int year)
{
    enum { DAYS_TO_1970 = 719162 };
    int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400 - DAYS_TO_1970;
}

static bool read_day(struct text *text, time_ms_t *out)
{
    int year, month, day;
    if (!take_digits(text, 4, 9999, &year) || !take(text, '-') || !take_digits(text, 2, 12, &month) ||
        !take(text, '-') || !take_digits(text, 2, 31, &day))
        return false;
    if (year < 1 || month < 1 || day < 1 || day > days_in(year, month))
        return false;
    *out = (days_to_year(year) + days_before[month - 1] + (month > 2 && is_leap(year)) + day - 1) * DAY_MS;
    return true;
}

/* A leap second is the first instant of the next minute. */
static bool read_time_of_day(struct text *text, time_ms_t *out)
{
    int hour, minute, second = 0;
    int64_t fraction_ms = 0;
    if (!take_digits(text, 2, 23, &hour) || !take(text, ':') || !take_digits(text, 2, 59, &minute))
        return false;
    if (take(text, ':')) {
        if (!take_digits(text, 2, 60, &second))
            return false;
        if (take(text, '.') && !take_fraction(text, &fraction_ms))
            return false;
    }
    *out += hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + fraction_ms;
    return true;
}

static bool read_zone(struct text *text, time_ms_t *out)
{
    int hour, minute;
    if (text->at == text->end || take(text, 'Z') || take(text, 'z'))
        return true;
    bool east = *text->at == '+';
    if (!east && *text->at != '-')
        return false;
    text->at++;
    if (!take_digits(text, 2, 23, &hour))
        return false;
    (void)take(text, ':');
    if (!take_digits(text, 2, 59, &minute))
        return false;
    int64_t ahead_ms = hour * HOUR_MS + minute * MINUTE_MS;
    *out -= east ? ahead_ms : -ahead_ms;
    return true;
}

static bool read_date(struct text *text, time_ms_t *out)
{
    if (!read_day(text, out))
        return false;
    if (take(text, 'T') || take(text, 't') || take(text, ' ')) {
        if (!read_time_of_day(text, out))
            return false;
        (void)take(text, ' ');
        if (!read_zone(text, out))
            return false;
    }
    return text->at == text->end && *out >= WHEN_FIRST_MS && *out <= WHEN_LAST_MS;
}

/* ---- times ---- */

static bool read_relative(struct text *text, time_ms_t now, time_ms_t *out)
{
    static const struct str word = {"now", 3};
    int64_t away_ms;
    if ((size_t)(text->end - text->at) >= word.len && memcmp(text->at, word.ptr, word.len) == 0)
        text->at += word.len;
    *out = now;
    if (text->at == text->end)
        return true;
    bool back = *text->at == '-';
    if (!back && *text->at != '+')
        return false;
    text->at++;
    if (!read_duration(text, &away_ms))
        return false;
    if (back)
        return !__builtin_sub_overflow(now, away_ms, out);
    return !__builtin_add_overflow(now, away_ms, out);
}

static bool read_unix(struct text *text, time_ms_t *out)
{
    int64_t seconds, fraction_ms = 0;
    bool negative = take(text, '-');
    if (!take_number(text, &seconds) || seconds > WHEN_LAST_MS / SECOND_MS)
        return false;
    if (take(text, '.') && !take_fraction(text, &fraction_ms))
        return false;
    *out = seconds * SECOND_MS + fraction_ms;
    if (negative)
        *out = -*out;
    return text->at == text->end;
}

enum tm_err when_parse_date(struct str text, time_ms_t *out, struct tm_why *why)
{
    struct text in = {text.ptr, text.ptr + text.len};
    if (text.len && read_date(&in, out))
        return TM_OK;
    return tm_fail(why, TM_INVALID, "\"%.*s\" is not a date and time such as 2026-11-23T04:00:00Z",
                   (int)shown(text), text.ptr ? text.ptr : "");
}

enum tm_err when_parse(struct str text, time_ms_t now, time_ms_t *out, struct tm_why *why)
{
    const struct text start = {text.ptr, text.ptr + text.len};
    struct text in = start;
    bool is_read = text.len && read_date(&in, out);
    if (text.len && !is_read) {
        in = start;
        is_read = read_unix(&in, out);
    }
    if (text.len && !is_read) {
        in = start;
        is_read = read_relative(&in, now, out);
    }
    if (is_read && *out >= WHEN_FIRST_MS && *out <= WHEN_LAST_MS)
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "\"%.*s\" is not a time; write it like 2026-11-23T04:00:00Z, as unix seconds, or from now "
                   "like -1h",
                   (int)shown(text), text.ptr ? text.ptr : "");
}

/* ---- writing ---- */

const char *when_text(time_ms_t time, char text[WHEN_TEXT_BYTES])
{
    time = time < WHEN_FIRST_MS ? WHEN_FIRST_MS : time > WHEN_LAST_MS ? WHEN_LAST_MS : time;
    int64_t from_first = time - WHEN_FIRST_MS;
    int64_t day = from_first / DAY_MS + days_to_year(1);
    int64_t ms = from_first % DAY_MS;
    int year = (int)(from_first / DAY_MS / 366) + 1;
    while (days_to_year(year + 1) <= day)
        year++;
    day -= days_to_year(year);
    int month = 1;
    for (; day >= days_in(year, month); month++)
        day -= days_in(year, month);
    char all[96]; /* room for what the compiler thinks such numbers can be */
    (void)snprintf(all, sizeof all, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, (int)day + 1,
                   (int)(ms / HOUR_MS), (int)(ms % HOUR_MS / MINUTE_MS), (int)(ms % MINUTE_MS / SECOND_MS),
                   (int)(ms % SECOND_MS));
    (void)snprintf(text, WHEN_TEXT_BYTES, "%.*s", WHEN_TEXT_BYTES - 1, all);
    return text;
}
