/* Times and numbers as logs write them, independent of the locale. */
#include "server/cli/formats/formats_private.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 2261, DAY_S = 86400 };

/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap_years = (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return (int64_t)(year - 1970) * 365 + leap_years + before[month - 1] + (leap && month > 2) + day - 1;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (leap && month == 2);
}

struct moment {
    int year;
    int month; /* from 1 */
    int day;
    int hour;
    int minute;
    int second; /* 60 in a leap second */
    int ms;
    int offset_minutes; /* east of Greenwich */
};

static enum tm_err to_ms(const struct moment *m, time_ms_t *out)
{
    if (m->year < YEAR_MIN || m->year > YEAR_MAX || m->month < 1 || m->month > 12 || m->day < 1 ||
        m->day > days_in(m->year, m->month) || m->hour > 23 || m->minute > 59 || m->second > 60)
        return TM_INVALID;
    int64_t seconds =
        days_of(m->year, m->month, m->day) * DAY_S + m->hour * 3600 + m->minute * 60 + m->second;
    *out = (seconds - (int64_t)m->offset_minutes * 60) * 1000 + m->ms;
    return *out < 0 ? TM_INVALID : TM_OK;
}

/* Exactly `digits` of them; text moves on. */
static bool take_digits(struct str *text, size_t digits, int *out)
{
    *out = 0;
    if (text->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        *out = *out * 10 + (text->ptr[i] - '0');
    }
    *text = (struct str){text->ptr + digits, text->len - digits};
    return true;
}

static bool take_byte(struct str *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    *text = (struct str){text->ptr + 1, text->len - 1};
    return true;
}

/* +0100, -08:00, Z */
static bool take_zone(struct str *text, int *offset_minutes)
{
    enum { OFFSET_HOURS_MAX = 15 };
    int hours;
    int minutes;
    *offset_minutes = 0;
    if (take_byte(text, 'Z') || take_byte(text, 'z'))
        return true;
    bool west = text->len > 0 && text->ptr[0] == '-';
    if (!take_byte(text, west ? '-' : '+') || !take_digits(text, 2, &hours))
        return false;
    (void)take_byte(text, ':');
    if (!take_digits(text, 2, &minutes) || hours > OFFSET_HOURS_MAX || minutes > 59)
        return false;
    *offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

static bool take_clock(struct str *text, struct moment *m)
{
    return take_digits(text, 2, &m->hour) && take_byte(text, ':') && take_digits(text, 2, &m->minute) &&
           take_byte(text, ':') && take_digits(text, 2, &m->second);
}

static bool take_month(struct str *text, int *month)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (*month = 1; text->len >= 3 && *month <= 12; ++*month) {
        if (memcmp(text->ptr, months + 3 * (*month - 1), 3) != 0)
            continue;
        *text = (struct str){text->ptr + 3, text->len - 3};
        return true;
    }
    return false;
}

enum tm_err log_time_clf(struct str text, time_ms_t *out)
{
    struct moment m = {0};
    if (!take_digits(&text, 2, &m.day) || !take_byte(&text, '/') || !take_month(&text, &m.month) ||
        !take_byte(&text, '/') || !take_digits(&text, 4, &m.year) || !take_byte(&text, ':') ||
        !take_clock(&text, &m) || !take_byte(&text, ' ') || !take_zone(&text, &m.offset_minutes) ||
        text.len > 0)
        return TM_INVALID;
    return to_ms(&m, out);
}

/* .123456: cut to milliseconds. */
static bool take_fraction(struct str *text, int *ms)
{
    int digits = 0;
    *ms = 0;
    if (!take_byte(text, '.') && !take_byte(text, ','))
        return true;
    for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; digits++) {
        int digit;
        if (!take_digits(text, 1, &digit))
            return false;
        *ms = digits < 3 ? *ms * 10 + digit : *ms;
    }
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits > 0;
}

enum tm_err log_time_iso(struct str text, time_ms_t *out)
{
    struct moment m = {0};
    if (!take_digits(&text, 4, &m.year) || !take_byte(&text, '-') || !take_digits(&text, 2, &m.month) ||
        !take_byte(&text, '-') || !take_digits(&text, 2, &m.day) ||
        !(take_byte(&text, 'T') || take_byte(&text, ' ')) || !take_clock(&text, &m) ||
        !take_fraction(&text, &m.ms))
        return TM_INVALID;
    (void)take_byte(&text, ' ');
    if (text.len > 0 && (!take_zone(&text, &m.offset_minutes) || text.len > 0))
        return TM_INVALID;
    return to_ms(&m, out);
}

enum tm_err log_time_unix(struct str text, time_ms_t *out)
{
    const double in_ms_from = 1e11;
    const double ms_max = 9.2e15 / 1e3; /* as far as nanoseconds go */
    const char *point = text.len ? memchr(text.ptr, '.', text.len) : NULL;
    size_t whole_len = point ? (size_t)(point - text.ptr) : text.len;
    struct str fraction = {text.ptr + whole_len, text.len - whole_len};
    int64_t whole;
    int ms = 0;
    if (log_integer((struct str){text.ptr, whole_len}, &whole) || !take_fraction(&fraction, &ms) ||
        fraction.len > 0)
        return TM_INVALID;
    double all_ms = (double)whole < in_ms_from ? (double)whole * 1e3 : (double)whole;
    if (all_ms > ms_max)
        return TM_INVALID;
    *out = (double)whole < in_ms_from ? whole * 1000 + ms : whole;
    return TM_OK;
}

enum tm_err log_integer(struct str text, int64_t *out)
{
    enum { DIGITS_MAX = 16 };
    int64_t value = 0;
    if (text.len == 0 || text.len > DIGITS_MAX)
        return TM_INVALID;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return TM_INVALID;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *out = value;
    return value <= INT64_C(1) << 53 ? TM_OK : TM_INVALID;
}

enum tm_err log_decimal(struct str text, double *out)
{
    enum { DECIMALS_MAX = 9 };
    const char *point = text.len ? memchr(text.ptr, '.', text.len) : NULL;
    size_t whole_len = point ? (size_t)(point - text.ptr) : text.len;
    int64_t whole;
    double fraction = 0;
    double unit = 0.1;
    if (log_integer((struct str){text.ptr, whole_len}, &whole))
        return TM_INVALID;
    for (size_t i = whole_len + 1; i < text.len; i++, unit /= 10) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return TM_INVALID;
        fraction += i - whole_len <= DECIMALS_MAX ? unit * (text.ptr[i] - '0') : 0;
    }
    *out = (double)whole + fraction;
    return TM_OK;
}
