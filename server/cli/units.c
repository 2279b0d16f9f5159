#include "server/cli/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

/* Three digits: 1.25, 12.5, 125. */
static int decimals_for(double value)
{
    double size = fabs(value);
    return size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
}

static const char *write_number(double value, const char *unit, char text[UNITS_TEXT_BYTES])
{
    (void)snprintf(text, UNITS_TEXT_BYTES, "%.*f%s%s", decimals_for(value), value, *unit ? " " : "", unit);
    return text;
}

const char *units_bytes(double bytes, char text[UNITS_TEXT_BYTES])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    enum { LAST = sizeof names / sizeof names[0] - 1, STEP = 1024 };
    size_t i = 0;
    while (fabs(bytes) >= STEP - 0.5 && i < LAST) {
        bytes /= STEP;
        i++;
    }
    if (i)
        return write_number(bytes, names[i], text);
    (void)snprintf(text, UNITS_TEXT_BYTES, "%.0f B", bytes);
    return text;
}

const char *units_count(int64_t count, char text[UNITS_TEXT_BYTES])
{
    char digits[UNITS_TEXT_BYTES];
    int len = snprintf(digits, sizeof digits, "%" PRId64, count);
    int first = digits[0] == '-';
    char *to = text;
    for (int i = 0; i < len; i++) {
        if (i > first && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *units_rate(double rate, char text[UNITS_TEXT_BYTES])
{
    static const char *const names[] = {"", "k", "M", "G"};
    enum { LAST = sizeof names / sizeof names[0] - 1, STEP = 1000 };
    size_t i = 0;
    while (fabs(rate) >= STEP - 0.5 && i < LAST) {
        rate /= STEP;
        i++;
    }
    if (!i && rate == floor(rate)) {
        (void)snprintf(text, UNITS_TEXT_BYTES, "%.0f", rate);
        return text;
    }
    return write_number(rate, names[i], text);
}

const char *units_duration(double seconds, char text[UNITS_TEXT_BYTES])
{
    int64_t s = seconds > 0 && seconds < 1e15 ? (int64_t)seconds : 0;
    if (s < MINUTE_S)
        (void)snprintf(text, UNITS_TEXT_BYTES, "%" PRId64 " s", s);
    else if (s < HOUR_S)
        (void)snprintf(text, UNITS_TEXT_BYTES, "%" PRId64 " min %" PRId64 " s", s / MINUTE_S, s % MINUTE_S);
    else if (s < DAY_S)
        (void)snprintf(text, UNITS_TEXT_BYTES, "%" PRId64 " h %" PRId64 " min", s / HOUR_S,
                       s % HOUR_S / MINUTE_S);
    else
        (void)snprintf(text, UNITS_TEXT_BYTES, "%" PRId64 " d %" PRId64 " h", s / DAY_S, s % DAY_S / HOUR_S);
    return text;
}

const char *units_ms(double ms, char text[UNITS_TEXT_BYTES])
{
    enum { MS_PER_S = 1000 };
    return ms < MS_PER_S - 0.5 ? write_number(ms, "ms", text) : write_number(ms / MS_PER_S, "s", text);
}
