/* Thousands, percent, durations. */
#include <math.h>
#include <stdio.h>

#include "reports/figures/amount.h"

#define DASH "\xe2\x80\x93"

static struct str view(const char *text, int len)
{
    return (struct str){text, (size_t)len};
}

static struct str dash(char text[AMOUNT_BYTES])
{
    return view(text, snprintf(text, AMOUNT_BYTES, DASH));
}

/* Cuts zeros, and the point before them. */
static int trim(char *text, int len)
{
    if (!memchr(text, '.', (size_t)len))
        return len;
    while (text[len - 1] == '0')
        len--;
    return text[len - 1] == '.' ? len - 1 : len;
}

struct str amount_exact(double value, char text[AMOUNT_BYTES])
{
    char digits[AMOUNT_BYTES];
    if (!isfinite(value))
        return dash(text);
    if (fabs(value) >= 1e15)
        return view(text, snprintf(text, AMOUNT_BYTES, "%.3g", value));
    int places = value == floor(value) || fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : 2;
    int len = snprintf(digits, sizeof digits, "%.*f", places, value);
    len = trim(digits, len);
    int whole = places ? (int)strcspn(digits, ".") : len;
    int out = 0;
    for (int i = 0; i < len; i++) {
        if (i && i < whole && (whole - i) % 3 == 0 && digits[i - 1] != '-')
            text[out++] = ',';
        text[out++] = digits[i];
    }
    return view(text, out);
}

static struct str scaled(double value, double unit, const char *sign, char text[AMOUNT_BYTES])
{
    double parts = value / unit;
    char digits[AMOUNT_BYTES];
    int len = snprintf(digits, sizeof digits, "%.*f", parts < 99.95 ? 1 : 0, parts);
    len = trim(digits, len);
    return view(text, snprintf(text, AMOUNT_BYTES, "%.*s%s", len, digits, sign));
}

struct str amount_short(double value, enum figure_language language, char text[AMOUNT_BYTES])
{
    if (!isfinite(value) || value < 1e5 || value >= 1e15)
        return amount_exact(value, text);
    if (language == FIGURE_KOREAN)
        return value < 1e8 ? scaled(value, 1e4, "\xeb\xa7\x8c", text)
                           : scaled(value, 1e8, "\xec\x96\xb5", text);
    return value < 1e6   ? scaled(value, 1e3, "k", text)
           : value < 1e9 ? scaled(value, 1e6, "M", text)
                         : scaled(value, 1e9, "G", text);
}

struct str amount_percent(double share, char text[AMOUNT_BYTES])
{
    double percent = share * 100;
    char digits[AMOUNT_BYTES];
    if (!isfinite(percent))
        return dash(text);
    if (percent > 0 && percent < 0.01)
        return view(text, snprintf(text, AMOUNT_BYTES, "<0.01%%"));
    if (percent < 100 && percent > 99.99)
        return view(text, snprintf(text, AMOUNT_BYTES, ">99.99%%"));
    int places = percent < 1 || percent > 99 ? 2 : 1;
    int len = snprintf(digits, sizeof digits, "%.*f", places, percent);
    len = trim(digits, len);
    return view(text, snprintf(text, AMOUNT_BYTES, "%.*s%%", len, digits));
}

struct str amount_change(double now, double before, char text[AMOUNT_BYTES])
{
    double ratio = now / before, percent = round((ratio - 1) * 100);
    if (!isfinite(ratio))
        return dash(text);
    if (ratio >= 10)
        return view(text, snprintf(text, AMOUNT_BYTES, "\xc3\x97%.0f", ratio));
    if (percent == 0)
        return view(text, snprintf(text, AMOUNT_BYTES,
                                   "\xc2\xb1"
                                   "0%%"));
    return view(text, snprintf(text, AMOUNT_BYTES, "%+.0f%%", percent));
}

struct str amount_duration(double ms, enum figure_language language, char text[AMOUNT_BYTES])
{
    static const struct {
        double ms;
        const char *sign[2];
    } units[] = {{60000, {" min", "분"}}, {1000, {" s", "초"}}, {1, {" ms", " ms"}}};
    size_t unit = ms >= 60000 ? 0 : ms >= 1000 ? 1 : 2;
    char digits[AMOUNT_BYTES];
    if (!isfinite(ms))
        return dash(text);
    double parts = ms / units[unit].ms;
    int len = snprintf(digits, sizeof digits, "%.*f", parts < 9.95 ? 1 : 0, parts);
    len = trim(digits, len);
    return view(text, snprintf(text, AMOUNT_BYTES, "%.*s%s", len, digits, units[unit].sign[language]));
}

double amount_step(double value)
{
    double power = pow(10, floor(log10(value)));
    double part = value / power;
    return power * (part <= 1.0000001 ? 1 : part <= 2.0000001 ? 2 : part <= 5.0000001 ? 5 : 10);
}
