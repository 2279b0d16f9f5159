#include "reports/week.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/model/when.h"

#define SECOND_MS INT64_C(1000)
#define DAY_MS    INT64_C(86400000)

enum { DAYS = 7, YEAR_MIN = 1971, YEAR_MAX = 9998, ZONE_MAX = 64 };

static const char folder[] = "/usr/share/zoneinfo";

/* ---- days, without a zone ---- */

/* Days since 1970 of a date (Howard Hinnant's algorithm). */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* 0: Monday. */
static int weekday_of(int64_t days)
{
    int day = (int)((days + 3) % DAYS);
    return day < 0 ? day + DAYS : day;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

/* The Monday of week 1: that of the week in which the 4th of January lies. */
static int64_t first_monday(int year)
{
    int64_t fourth = days_of(year, 1, 4);
    return fourth - weekday_of(fourth);
}

static struct week_name week_of(int64_t days)
{
    int year, month, day;
    date_of(days - weekday_of(days) + 3, &year, &month, &day); /* its Thursday */
    return (struct week_name){year, (int)((days - first_monday(year)) / DAYS) + 1};
}

static int64_t monday_of(struct week_name week)
{
    return first_monday(week.year) + (int64_t)(week.week - 1) * DAYS;
}

struct week_name week_add(struct week_name week, int weeks)
{
    return week_of(monday_of(week) + (int64_t)weeks * DAYS);
}

enum tm_err week_parse(struct str text, struct week_name *out, struct tm_why *why)
{
    char copy[WEEK_TEXT_BYTES] = "";
    int end = 0;
    struct week_name week = {0, 0};
    if (text.len == 8)
        memcpy(copy, text.ptr, text.len);
    if (text.len == 8 && strspn(copy, "0123456789") == 4 && strspn(copy + 6, "0123456789") == 2 &&
        sscanf(copy, "%4d-W%2d%n", &week.year, &week.week, &end) == 2 && end == 8 && week.year >= YEAR_MIN &&
        week.year <= YEAR_MAX && week.week >= 1) {
        struct week_name same = week_of(monday_of(week));
        if (same.year == week.year) {
            *out = week;
            return TM_OK;
        }
    }
    return tm_fail(why, TM_INVALID, "\"%.*s\" is no ISO week: write one such as 2026-W47",
                   (int)(text.len < 32 ? text.len : 32), text.len > 0 ? text.ptr : "");
}

const char *week_text(struct week_name week, char text[WEEK_TEXT_BYTES])
{
    (void)snprintf(text, WEEK_TEXT_BYTES, "%04d-W%02d", week.year % 10000, week.week % 100);
    return text;
}

/* ---- in the zone ---- */

static bool is_zone_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= ZONE_MAX && name[0] != '/' && !strstr(name, "..") &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/") == len;
}

static bool is_zone_file(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, magic, sizeof magic);
    (void)close(fd);
    return got == (ssize_t)sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

enum tm_err week_set_zone(const char *name, struct tm_why *why)
{
    char path[sizeof folder + ZONE_MAX + 4];
    bool is_utc = strcmp(name, "UTC") == 0;
    if (is_zone_name(name)) {
        (void)snprintf(path, sizeof path, ":%s/%s", folder, name);
        if (is_utc || is_zone_file(path + 1)) {
            if (setenv("TZ", is_utc ? "UTC0" : path, 1) != 0)
                return tm_fail(why, TM_NOMEM, "out of memory");
            tzset();
            return TM_OK;
        }
    }
    return tm_fail(
        why, TM_INVALID,
        "\"%.64s\" is no time zone under %s; write UTC or a name such as Europe/Berlin (package tzdata)",
        name, folder);
}

static int64_t seconds_of(time_ms_t time)
{
    return time / SECOND_MS - (time % SECOND_MS < 0);
}

struct week_clock week_clock(time_ms_t time)
{
    time_t seconds = (time_t)seconds_of(time);
    struct tm tm = {0};
    (void)localtime_r(&seconds, &tm);
    struct week_clock clock = {.year = tm.tm_year + 1900,
                               .month = tm.tm_mon + 1,
                               .day = tm.tm_mday,
                               .hour = tm.tm_hour,
                               .minute = tm.tm_min,
                               .second = tm.tm_sec,
                               .offset_s = (int)tm.tm_gmtoff};
    int64_t days = days_of(clock.year, clock.month, clock.day);
    clock.weekday = weekday_of(days);
    clock.week = week_of(days);
    return clock;
}

/* What the local clock shows, as if it were UTC. */
static int64_t shown_s(const struct week_clock *c)
{
    return days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
}

/* The first moment at which the local clock shows that many seconds since 1970. Where it never does, as it is
 * put forward, what it would show with the offset from before. */
static time_ms_t moment_of(int64_t shown)
{
    int before = week_clock(shown * SECOND_MS - DAY_MS).offset_s;
    int after = week_clock(shown * SECOND_MS + DAY_MS).offset_s;
    int largest = before > after ? before : after, smallest = before > after ? after : before;
    struct week_clock first = week_clock((shown - largest) * SECOND_MS);
    if (shown_s(&first) == shown)
        return (shown - largest) * SECOND_MS;
    struct week_clock second = week_clock((shown - smallest) * SECOND_MS);
    return (shown - (shown_s(&second) == shown ? smallest : before)) * SECOND_MS;
}

time_ms_t week_time(int year, int month, int day, int hour, int minute)
{
    return moment_of(days_of(year, month, day) * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60);
}

struct span week_span(struct week_name week)
{
    int64_t monday = monday_of(week);
    return (struct span){moment_of(monday * 86400), moment_of((monday + DAYS) * 86400)};
}

time_ms_t week_shift(time_ms_t time, int weeks)
{
    struct week_clock clock = week_clock(time);
    return moment_of(shown_s(&clock) + (int64_t)weeks * DAYS * 86400) + (time - seconds_of(time) * SECOND_MS);
}

const char *week_time_text(time_ms_t time, char text[WEEK_TIME_BYTES])
{
    struct week_clock c = week_clock(time);
    int minutes = c.offset_s / 60;
    if (time < WHEN_FIRST_MS || time > WHEN_LAST_MS)
        (void)snprintf(text, WEEK_TIME_BYTES, "-");
    else
        (void)snprintf(text, WEEK_TIME_BYTES, "%04d-%02d-%02d %02d:%02d %c%02d:%02d", c.year, c.month, c.day,
                       c.hour, c.minute, minutes < 0 ? '-' : '+', abs(minutes) / 60, abs(minutes) % 60);
    return text;
}
