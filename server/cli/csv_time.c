#include "server/cli/csv_time.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "storage/model/when.h"

enum { TEXT_MAX_BYTES = 128, SHOWN_BYTES = 60 };

enum tm_err csv_time_format(const char *text, struct csv_time *out, struct tm_why *why)
{
    static const char *const names[] = {
        [CSV_TIME_AUTO] = "auto", [CSV_TIME_ISO] = "iso", [CSV_TIME_S] = "s",
        [CSV_TIME_MS] = "ms",     [CSV_TIME_US] = "us",   [CSV_TIME_NS] = "ns",
    };
    *out = (struct csv_time){.kind = CSV_TIME_PATTERN, .pattern = text};
    for (int i = 0; i < CSV_TIME_PATTERN; i++)
        if (strcmp(names[i], text) == 0)
            out->kind = (enum csv_time_kind)i;
    if (out->kind == CSV_TIME_PATTERN && !strchr(text, '%'))
        return tm_fail(
            why, TM_INVALID,
            "--time-format is auto, iso, s, ms, us, ns, or a pattern like '%%d.%%m.%%Y %%H:%%M:%%S', not "
            "\"%s\"",
            text);
    return TM_OK;
}

static enum tm_err fail(struct str text, const char *what, struct tm_why *why)
{
    size_t len = text.len < SHOWN_BYTES ? text.len : SHOWN_BYTES;
    return tm_fail(why, TM_INVALID, "\"%.*s\" is not a time: %s", (int)len, text.ptr ? text.ptr : "", what);
}

/* [-]digits[.digits]; *whole and *thousandths without the sign. */
static bool read_decimal(struct str text, bool *negative, int64_t *whole, int64_t *thousandths)
{
    size_t i = 0;
    int64_t unit = 100;
    *negative = text.len && text.ptr[0] == '-';
    *whole = *thousandths = 0;
    size_t start = i = *negative;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(*whole, 10, whole) ||
            __builtin_add_overflow(*whole, text.ptr[i] - '0', whole))
            return false;
    if (i == start)
        return false;
    if (i < text.len && text.ptr[i] == '.')
        for (i++; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++, unit /= 10)
            *thousandths += (text.ptr[i] - '0') * unit;
    return i == text.len;
}

static enum csv_time_kind guess_unit(int64_t whole)
{
    static const int64_t below_s = 100000000000, below_ms = 100000000000000, below_us = 100000000000000000;
    return whole < below_s    ? CSV_TIME_S
           : whole < below_ms ? CSV_TIME_MS
           : whole < below_us ? CSV_TIME_US
                              : CSV_TIME_NS;
}

static enum tm_err read_number(enum csv_time_kind kind, struct str text, time_ms_t *out, struct tm_why *why)
{
    bool negative;
    int64_t whole, thousandths;
    if (!read_decimal(text, &negative, &whole, &thousandths))
        return fail(text, "a number of s, ms, us or ns since 1970 is expected; see --time-format", why);
    if (kind == CSV_TIME_AUTO)
        kind = guess_unit(whole);
    int64_t ms = kind == CSV_TIME_US ? whole / 1000 : kind == CSV_TIME_NS ? whole / 1000000 : whole;
    if (kind == CSV_TIME_S && (__builtin_mul_overflow(whole, 1000, &ms) || ms > WHEN_LAST_MS))
        return fail(text, "it is behind the year 9999; is it in ms, us or ns? see --time-format", why);
    if (kind == CSV_TIME_S)
        ms += thousandths;
    if (ms > WHEN_LAST_MS)
        return fail(text, "it is behind the year 9999; see --time-format", why);
    *out = negative ? -ms : ms;
    return TM_OK;
}

static enum tm_err read_pattern(const char *pattern, struct str text, time_ms_t *out, struct tm_why *why)
{
    char copy[TEXT_MAX_BYTES];
    struct tm parts = {.tm_mday = 1};
    if (text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return fail(text, "it is too long", why);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    const char *end = strptime(copy, pattern, &parts);
    if (!end || *end)
        return fail(text, "it is not written as --time-format says", why);
    long ahead_s = parts.tm_gmtoff;
    int64_t seconds = (int64_t)timegm(&parts) - ahead_s;
    if (seconds < WHEN_FIRST_MS / 1000 || seconds > WHEN_LAST_MS / 1000)
        return fail(text, "it is outside the years 1 to 9999", why);
    *out = seconds * 1000;
    return TM_OK;
}

static bool looks_like_a_date(struct str text)
{
    enum { YEAR = 4 };
    return text.len > YEAR && text.ptr[YEAR] == '-';
}

enum tm_err csv_time_read(const struct csv_time *format, struct str text, time_ms_t *out, struct tm_why *why)
{
    if (!text.len)
        return tm_fail(why, TM_INVALID, "the time is missing");
    if (format->kind == CSV_TIME_PATTERN)
        return read_pattern(format->pattern, text, out, why);
    if (format->kind == CSV_TIME_ISO || (format->kind == CSV_TIME_AUTO && looks_like_a_date(text)))
        return when_parse_date(text, out, why);
    return read_number(format->kind, text, out, why);
}
