#include "storage/partition/partition_period.h"

#include <stdbool.h>
#include <stdio.h>

#define DAY_MS   ((time_ms_t)86400000)
#define LAST_DAY 2932896 /* 9999-12-31 */
enum { FIRST_YEAR = 1970, LAST_YEAR = 9999, DAYS_TO_MONDAY = 3, ERA_DAYS = 146097, EPOCH_IN_ERA = 719468 };

struct date {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
};

static const char *const tier_names[PARTITION_TIERS] = {
    [PARTITION_RAW] = "raw",       [PARTITION_5M] = "r5m",        [PARTITION_1H] = "r1h",
    [PARTITION_COUNTS] = "counts", [PARTITION_EVENTS] = "events", [PARTITION_TOPS] = "tops",
};

const char *partition_tier_name(enum partition_tier tier)
{
    return tier_names[tier];
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. Years begin in March, so that the leap day is
 * the last one; 400 years are an era. Not before year 0. */
static int64_t days_of(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = year / 400;
    int64_t year_in_era = year - era * 400;
    int64_t day_in_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    int64_t day_in_era = year_in_era * 365 + year_in_era / 4 - year_in_era / 100 + day_in_year;
    return era * ERA_DAYS + day_in_era - EPOCH_IN_ERA;
}

static struct date date_of(int64_t days)
{
    int64_t shifted = days + EPOCH_IN_ERA;
    int64_t era = shifted / ERA_DAYS;
    int64_t day_in_era = shifted - era * ERA_DAYS;
    int64_t year_in_era = (day_in_era - day_in_era / 1460 + day_in_era / 36524 - day_in_era / 146096) / 365;
    int64_t day_in_year = day_in_era - (365 * year_in_era + year_in_era / 4 - year_in_era / 100);
    int64_t month_from_march = (5 * day_in_year + 2) / 153;
    int64_t month = month_from_march + (month_from_march < 10 ? 3 : -9);
    return (struct date){year_in_era + era * 400 + (month <= 2), month,
                         day_in_year - (153 * month_from_march + 2) / 5 + 1};
}

static bool is_daily(enum partition_tier tier)
{
    return tier != PARTITION_5M && tier != PARTITION_1H;
}

static int64_t first_day(enum partition_tier tier, uint32_t period)
{
    if (is_daily(tier))
        return period;
    if (tier == PARTITION_5M)
        return (int64_t)period * 7 - DAYS_TO_MONDAY;
    return days_of((struct date){FIRST_YEAR + period / 12, period % 12 + 1, 1});
}

enum tm_err partition_period_of(enum partition_tier tier, time_ms_t time, uint32_t *period)
{
    if (time < 0 || time / DAY_MS > LAST_DAY)
        return TM_INVALID;
    int64_t days = time / DAY_MS;
    if (is_daily(tier)) {
        *period = (uint32_t)days;
    } else if (tier == PARTITION_5M) {
        *period = (uint32_t)((days + DAYS_TO_MONDAY) / 7);
    } else {
        struct date date = date_of(days);
        *period = (uint32_t)((date.year - FIRST_YEAR) * 12 + date.month - 1);
    }
    return TM_OK;
}

struct span partition_period_span(enum partition_tier tier, uint32_t period)
{
    return (struct span){first_day(tier, period) * DAY_MS, first_day(tier, period + 1) * DAY_MS};
}

enum tm_err partition_period_name(enum partition_tier tier, uint32_t period,
                                  char out[PARTITION_PERIOD_NAME_BYTES])
{
    /* The year of an ISO week is that of its Thursday. */
    int64_t thursday = first_day(tier, period) + DAYS_TO_MONDAY;
    struct date date = date_of(tier == PARTITION_5M ? thursday : first_day(tier, period));
    if (date.year > LAST_YEAR)
        return TM_INVALID;
    int year = (int)date.year;
    if (is_daily(tier)) {
        (void)snprintf(out, PARTITION_PERIOD_NAME_BYTES, "%04d-%02d-%02d", year, (int)date.month,
                       (int)date.day);
    } else if (tier == PARTITION_5M) {
        int week = (int)((thursday - days_of((struct date){date.year, 1, 1})) / 7 + 1);
        (void)snprintf(out, PARTITION_PERIOD_NAME_BYTES, "%04d-W%02d", year, week);
    } else {
        (void)snprintf(out, PARTITION_PERIOD_NAME_BYTES, "%04d-%02d", year, (int)date.month);
    }
    return TM_OK;
}

/* The number in name[at, at + count), -1 if these are not digits. */
static int64_t digits(struct str name, size_t at, size_t count)
{
    int64_t value = 0;
    if (at + count > name.len)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return -1;
        value = value * 10 + (name.ptr[i] - '0');
    }
    return value;
}

enum tm_err partition_period_parse(enum partition_tier tier, struct str name, uint32_t *period)
{
    char again[PARTITION_PERIOD_NAME_BYTES];
    struct date date = {digits(name, 0, 4), tier == PARTITION_5M ? 1 : digits(name, 5, 2),
                        is_daily(tier) ? digits(name, 8, 2) : 1};
    if (date.year < FIRST_YEAR || date.month < 1 || date.day < 1)
        return TM_INVALID;
    int64_t days = days_of(date);
    if (tier == PARTITION_5M) {
        int64_t week = digits(name, 6, 2);
        if (week < 1)
            return TM_INVALID;
        /* The fourth of January lies in week 1. */
        days = (days + 3 + DAYS_TO_MONDAY) / 7 * 7 - DAYS_TO_MONDAY + (week - 1) * 7 + DAYS_TO_MONDAY;
    }
    if (partition_period_of(tier, days * DAY_MS, period) != TM_OK ||
        partition_period_name(tier, *period, again) != TM_OK)
        return TM_INVALID;
    return str_equal(name, str_of(again)) ? TM_OK : TM_INVALID;
}
