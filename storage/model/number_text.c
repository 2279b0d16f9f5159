#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/model/number.h"

enum { SURE_DIGITS = 15, DIGITS_MAX = 17, QUICK_DECIMALS = 6 };

/* Metrics are mostly integers, or have few decimals: those need no search. mantissa > 0. */
static size_t put_decimal(uint64_t mantissa, unsigned decimals, char *text)
{
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    if (decimals == 0)
        return (size_t)snprintf(text, NUMBER_TEXT_BYTES, "%" PRIu64, mantissa);
    return (size_t)snprintf(text, NUMBER_TEXT_BYTES, "%" PRIu64 ".%0*" PRIu64, mantissa / powers[decimals],
                            (int)decimals, mantissa % powers[decimals]);
}

/* The fewest decimals, up to QUICK_DECIMALS, that give magnitude back to the bit; 0: more are needed. */
static size_t put_quick(double magnitude, char *text)
{
    static const double powers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
    for (unsigned decimals = 0; decimals <= QUICK_DECIMALS; decimals++) {
        double scaled = magnitude * powers[decimals];
        if (scaled >= 1e15)
            return 0;
        uint64_t mantissa = (uint64_t)(scaled + 0.5);
        if ((double)mantissa / powers[decimals] == magnitude)
            return put_decimal(mantissa, decimals, text);
    }
    return 0;
}

/* Digits without a point, as "d.ddde+XX" has them, laid out without an exponent. */
static size_t lay_out(const char *digits, size_t count, int exponent, char *text)
{
    size_t len = 0;
    if (exponent < 0) {
        text[len++] = '0';
        text[len++] = '.';
        for (int i = -1; i > exponent; i--)
            text[len++] = '0';
    }
    for (size_t i = 0; i < count; i++) {
        text[len++] = digits[i];
        if ((int)i == exponent && i + 1 < count)
            text[len++] = '.';
    }
    for (int i = (int)count; i <= exponent; i++)
        text[len++] = '0';
    text[len] = '\0';
    return len;
}

/* "1.500e+20" becomes "1.5e+20", "1.000e+20" becomes "1e+20". */
static void drop_zeros(char *text)
{
    char *e = strchr(text, 'e'), *end = e;
    while (end[-1] == '0')
        end--;
    if (end[-1] == '.')
        end--;
    memmove(end, e, strlen(e) + 1);
}

static size_t put_slow(double magnitude, char *text)
{
    char shortest[NUMBER_TEXT_BYTES], digits[DIGITS_MAX + 1];
    size_t count = 0;
    /* If SURE_DIGITS read back, then so does what is left of them without zeros at the end, and nothing
     * shorter. */
    int least = magnitude < DBL_MIN ? 1 : SURE_DIGITS; /* subnormal ones have fewer digits */
    for (int digit_count = least; digit_count <= DIGITS_MAX; digit_count++) {
        (void)snprintf(shortest, sizeof shortest, "%.*e", digit_count - 1, magnitude);
        if (strtod(shortest, NULL) == magnitude)
            break;
    }
    drop_zeros(shortest);
    int exponent = atoi(strchr(shortest, 'e') + 1);
    if (magnitude < 1e-6 || magnitude >= 1e21) {
        size_t len = strlen(shortest);
        memcpy(text, shortest, len + 1);
        return len;
    }
    for (const char *c = shortest; *c != 'e'; c++) {
        if (*c != '.')
            digits[count++] = *c;
    }
    return lay_out(digits, count, exponent, text);
}

static size_t put_word(const char *word, char *text)
{
    size_t len = strlen(word);
    memcpy(text, word, len + 1);
    return len;
}

size_t number_text(double value, char text[NUMBER_TEXT_BYTES])
{
    if (isnan(value))
        return put_word("NaN", text);
    if (isinf(value))
        return put_word(value > 0 ? "+Inf" : "-Inf", text);
    size_t sign = signbit(value) != 0;
    double magnitude = fabs(value);
    text[0] = '-';
    if (magnitude == 0)
        return sign + put_word("0", text + sign);
    size_t len = put_quick(magnitude, text + sign);
    return sign + (len ? len : put_slow(magnitude, text + sign));
}
