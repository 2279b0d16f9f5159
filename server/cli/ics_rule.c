/* Times, durations and rules of calendars. */
#include <string.h>

#include "server/cli/ics.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

enum {
    WEEKDAYS = 7,
    MONTHS = 12,
    YEAR_MAX = 9999,
    NUMBER_MAX = 1000000,
    LAST_DAY = 2932896 /* of the year 9999 */
};

/* ---- dates ---- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool ics_days(int64_t year, int64_t month, int64_t day, int64_t *out)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    const int64_t days_to_1970 = 719162;
    if (year < 1 || year > YEAR_MAX || month < 1 || month > MONTHS || day < 1)
        return false;
    int64_t length = before[month] - before[month - 1] + (month == 2 && is_leap(year));
    if (day > length)
        return false;
    int64_t years = year - 1;
    *out = years * 365 + years / 4 - years / 100 + years / 400 + before[month - 1] +
           (month > 2 && is_leap(year)) + day - 1 - days_to_1970;
    return true;
}

/* Of days since 1970, within the years 1 to 9999. */
static void find_date(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t first = 0;
    *year = 1970 + days / 366 - (days < 0);
    while (*year < YEAR_MAX && ics_days(*year + 1, 1, 1, &first) && first <= days)
        ++*year;
    *month = 1;
    while (*month < MONTHS && ics_days(*year, *month + 1, 1, &first) && first <= days)
        ++*month;
    (void)ics_days(*year, *month, 1, &first);
    *day = days - first + 1;
}

static int64_t floor_days(int64_t local_ms)
{
    return local_ms / DAY_MS - (local_ms % DAY_MS < 0);
}

/* 0: Monday. */
static int weekday_of(int64_t days)
{
    return (int)(((days + 3) % WEEKDAYS + WEEKDAYS) % WEEKDAYS);
}

/* ---- texts ---- */

static bool read_digits(struct str text, size_t from, size_t count, int64_t *out)
{
    *out = 0;
    for (size_t i = from; i < from + count; i++) {
        if (i >= text.len || text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *out = *out * 10 + (text.ptr[i] - '0');
    }
    return true;
}

bool ics_time_parse(struct str text, struct ics_time *out)
{
    enum { DATE_LEN = 8, LOCAL_LEN = 15, UTC_LEN = 16 };
    int64_t year, month, day, days, hour = 0, minute = 0, second = 0;
    bool is_date = text.len == DATE_LEN;
    if (!is_date && text.len != LOCAL_LEN && !(text.len == UTC_LEN && text.ptr[LOCAL_LEN] == 'Z'))
        return false;
    if (!read_digits(text, 0, 4, &year) || !read_digits(text, 4, 2, &month) ||
        !read_digits(text, 6, 2, &day) || !ics_days(year, month, day, &days))
        return false;
    if (!is_date && (text.ptr[DATE_LEN] != 'T' || !read_digits(text, 9, 2, &hour) ||
                     !read_digits(text, 11, 2, &minute) || !read_digits(text, 13, 2, &second)))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *out = (struct ics_time){
        .local_ms = days * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS,
        .is_utc = text.len == UTC_LEN,
        .is_date = is_date,
    };
    return true;
}

/* A number and its unit at *at; false: there is none. */
static bool read_part(struct str text, size_t *at, int64_t *number, char *unit)
{
    size_t from = *at;
    *number = 0;
    for (; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9' && *number < NUMBER_MAX; ++*at)
        *number = *number * 10 + (text.ptr[*at] - '0');
    if (*at == from || *at == text.len || *number >= NUMBER_MAX)
        return false;
    *unit = text.ptr[(*at)++];
    return true;
}

bool ics_duration_parse(struct str text, int64_t *out_ms)
{
    size_t at = text.len > 0 && text.ptr[0] == '+';
    bool is_time = false;
    int64_t number;
    char unit;
    *out_ms = 0;
    if (at == text.len || text.ptr[at++] != 'P')
        return false;
    while (at < text.len) {
        if (text.ptr[at] == 'T' && !is_time) {
            is_time = true;
            at++;
            continue;
        }
        if (!read_part(text, &at, &number, &unit))
            return false;
        int64_t ms = unit == 'W' && !is_time   ? WEEKDAYS * DAY_MS
                     : unit == 'D' && !is_time ? DAY_MS
                     : unit == 'H' && is_time  ? HOUR_MS
                     : unit == 'M' && is_time  ? MINUTE_MS
                     : unit == 'S' && is_time  ? SECOND_MS
                                               : 0;
        if (ms == 0)
            return false;
        *out_ms += number * ms;
    }
    return *out_ms > 0;
}

/* ---- rules ---- */

static struct str cut_at(struct str *rest, char mark)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct str part = {rest->ptr, len};
    *rest = end ? (struct str){end + 1, rest->len - len - 1} : (struct str){"", 0};
    return part;
}

static bool read_number(struct str text, int64_t *out)
{
    return text.len > 0 && text.len <= 6 && read_digits(text, 0, text.len, out);
}

static enum ics_frequency frequency_of(struct str text)
{
    static const char *const names[ICS_FREQUENCY_COUNT] = {"", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    for (int i = ICS_DAILY; i < ICS_FREQUENCY_COUNT; i++)
        if (str_equal(text, str_of(names[i])))
            return (enum ics_frequency)i;
    return ICS_ONCE;
}

static bool read_weekdays(struct str text, uint8_t *out)
{
    static const char names[WEEKDAYS][3] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
    *out = 0;
    while (text.len > 0) {
        struct str day = cut_at(&text, ',');
        int found = 0;
        while (found < WEEKDAYS && !str_equal(day, str_of(names[found])))
            found++;
        if (found == WEEKDAYS)
            return false;
        *out |= (uint8_t)(1 << found);
    }
    return *out != 0;
}

/* BYMONTHDAY and BYMONTH that say what the start says anyway. */
static bool says_start(struct str name, struct str value, const struct ics_time *start)
{
    int64_t year, month, day, number;
    find_date(floor_days(start->local_ms), &year, &month, &day);
    if (!read_number(value, &number))
        return false;
    return (str_equal(name, STR("BYMONTHDAY")) && number == day) ||
           (str_equal(name, STR("BYMONTH")) && number == month);
}

static bool read_rule_part(struct str name, struct str value, const struct ics_time *start,
                           struct ics_rule *out)
{
    if (str_equal(name, STR("FREQ")))
        return (out->frequency = frequency_of(value)) != ICS_ONCE;
    if (str_equal(name, STR("INTERVAL")))
        return read_number(value, &out->interval) && out->interval > 0;
    if (str_equal(name, STR("COUNT")))
        return read_number(value, &out->count) && out->count > 0;
    if (str_equal(name, STR("UNTIL")))
        return out->has_until = ics_time_parse(value, &out->until);
    if (str_equal(name, STR("WKST")))
        return value.len == 2;
    if (str_equal(name, STR("BYDAY")))
        return read_weekdays(value, &out->weekdays);
    return says_start(name, value, start);
}

enum tm_err ics_rule_parse(struct str text, const struct ics_time *start, struct ics_rule *out,
                           struct tm_why *why)
{
    struct str rest = text;
    *out = (struct ics_rule){.interval = 1};
    while (rest.len > 0) {
        struct str part = cut_at(&rest, ';'), value = part;
        struct str name = cut_at(&value, '=');
        if (part.len > 0 && !read_rule_part(name, value, start, out))
            return tm_fail(
                why, TM_INVALID,
                "\"%.*s\" in RRULE is not known here: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, "
                "with INTERVAL, COUNT, UNTIL, and plain days (BYDAY=MO,TU) for WEEKLY; write other "
                "events one by one",
                (int)(part.len > 60 ? 60 : part.len), part.ptr);
    }
    if (out->frequency == ICS_ONCE)
        return tm_fail(why, TM_INVALID, "RRULE names no FREQ");
    if (out->weekdays && out->frequency != ICS_WEEKLY)
        return tm_fail(why, TM_INVALID,
                       "BYDAY is known with FREQ=WEEKLY alone; write such events one by one");
    return TM_OK;
}

/* ---- walking ---- */

/* The start of a step, as days; false: there is no such day. */
static bool find_step(const struct ics_event *event, int64_t first, int64_t step, int64_t *days)
{
    int64_t year, month, day, by = step * event->rule.interval;
    if (event->rule.frequency == ICS_DAILY) {
        *days = first + by;
        return true;
    }
    find_date(first, &year, &month, &day);
    if (event->rule.frequency == ICS_YEARLY)
        return ics_days(year + by, month, day, days);
    int64_t months = month - 1 + by;
    return ics_days(year + months / MONTHS, months % MONTHS + 1, day, days);
}

/* The next day of the rule; false: this step has none, which is not the end. */
static bool advance(struct ics_walk *walk, int64_t first, int64_t *days)
{
    const struct ics_rule *rule = &walk->event->rule;
    if (rule->frequency == ICS_ONCE) {
        walk->is_over = true;
        *days = first;
        return true;
    }
    if (rule->frequency != ICS_WEEKLY)
        return find_step(walk->event, first, walk->step++, days);
    int64_t monday = first - weekday_of(first);
    int day = walk->weekday++;
    unsigned wanted = rule->weekdays ? rule->weekdays : 1u << weekday_of(first);
    *days = monday + walk->step * rule->interval * WEEKDAYS + day;
    if (walk->weekday == WEEKDAYS) {
        walk->weekday = 0;
        walk->step++;
    }
    return (wanted >> day & 1) && *days >= first;
}

static bool is_left_out(const struct ics_event *event, int64_t local_ms)
{
    for (size_t i = 0; i < event->except_count; i++)
        if (event->except[i] == local_ms ||
            (event->start.is_date && event->except[i] / DAY_MS == local_ms / DAY_MS))
            return true;
    return false;
}

/* The last start that counts. Of a rule that ends in UTC while its times are local ones, a day later: who
 * knows the zone looks again. */
static int64_t until_of(const struct ics_event *event)
{
    const struct ics_time *until = &event->rule.until;
    if (!event->rule.has_until)
        return INT64_MAX;
    bool is_more = until->is_date || until->is_utc != event->start.is_utc;
    return until->local_ms + (is_more ? DAY_MS - 1 : 0);
}

bool ics_next(struct ics_walk *walk, int64_t last_ms, int64_t *out)
{
    enum { STEPS_MAX = 40000 }; /* misses included: days that months lack */
    const struct ics_event *event = walk->event;
    int64_t first = floor_days(event->start.local_ms), days = first;
    const struct ics_rule *rule = &event->rule;
    int64_t end = last_ms < LAST_DAY * DAY_MS ? last_ms : LAST_DAY * DAY_MS, until = until_of(event);
    end = until < end ? until : end;
    while (!walk->is_over && walk->step < STEPS_MAX && walk->given < ICS_TIMES_MAX) {
        if (!advance(walk, first, &days))
            continue;
        if (days > LAST_DAY)
            break;
        int64_t local_ms = days * DAY_MS + (event->start.local_ms - first * DAY_MS);
        if (local_ms > end)
            break;
        walk->is_over = walk->is_over || ++walk->given == rule->count;
        if (is_left_out(event, local_ms))
            continue;
        *out = local_ms;
        return true;
    }
    walk->is_over = true;
    return false;
}
