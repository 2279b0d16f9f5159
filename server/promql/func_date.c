#include "server/promql/func_date.h"

#include <stdbool.h>
#include <stdint.h>

/* Go counts seconds without sign from the first of January of this year, which like 2001 follows a year that
 * 400 divides. */
#define FIRST_YEAR     INT64_C(-292277022399)
#define FIRST_TO_1970S UINT64_C(9223372028715321600)
#define INT64_BOUND    9223372036854775808.0

enum { DAY_S = 86400, CYCLE_DAYS = 146097, CENTURY_DAYS = 36524, FOUR_YEARS_DAYS = 1461, YEAR_DAYS = 365 };

struct date {
    int64_t year;
    int month; /* 1..12 */
    int day;   /* of the month, from 1 */
    int day_of_year;
    bool is_leap;
};

static const int days_before[2][13] = {{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
                                       {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366}};

static uint64_t at_most(uint64_t value, uint64_t bound)
{
    return value < bound ? value : bound;
}

static struct date date_of(uint64_t since_first_s)
{
    uint64_t days = since_first_s / DAY_S;
    uint64_t cycles = days / CYCLE_DAYS;
    days %= CYCLE_DAYS;
    uint64_t centuries = at_most(days / CENTURY_DAYS, 3);
    days -= centuries * CENTURY_DAYS;
    uint64_t fours = days / FOUR_YEARS_DAYS;
    days -= fours * FOUR_YEARS_DAYS;
    uint64_t years = at_most(days / YEAR_DAYS, 3);
    days -= years * YEAR_DAYS;
    struct date date = {.day_of_year = (int)days + 1};
    date.year = (int64_t)(cycles * 400 + centuries * 100 + fours * 4 + years) + FIRST_YEAR;
    date.is_leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    while (date.month < 11 && (int)days >= days_before[date.is_leap][date.month + 1])
        date.month++;
    date.day = (int)days - days_before[date.is_leap][date.month] + 1;
    date.month++;
    return date;
}

double date_part(enum date_part part, double unix_s)
{
    /* What fits no integer becomes the least one, as on every machine that Go runs on here. */
    bool fits = unix_s >= -INT64_BOUND && unix_s < INT64_BOUND;
    uint64_t since_first_s = (uint64_t)(fits ? (int64_t)unix_s : INT64_MIN) + FIRST_TO_1970S;
    struct date date = date_of(since_first_s);
    uint64_t hour = since_first_s % DAY_S / 3600, minute = since_first_s % 3600 / 60;
    uint64_t weekday = (since_first_s / DAY_S + 1) % 7;
    switch (part) {
    case DATE_YEAR:
        return (double)date.year;
    case DATE_MONTH:
        return date.month;
    case DATE_DAY_OF_MONTH:
        return date.day;
    case DATE_DAY_OF_WEEK:
        return (double)weekday;
    case DATE_DAY_OF_YEAR:
        return date.day_of_year;
    case DATE_DAYS_IN_MONTH:
        return days_before[date.is_leap][date.month] - days_before[date.is_leap][date.month - 1];
    case DATE_HOUR:
        return (double)hour;
    case DATE_MINUTE:
        return (double)minute;
    }
    return 0;
}
