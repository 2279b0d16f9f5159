#include "server/wire/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/scan.h"

enum {
    MANTISSA_DIGITS = 19,      /* 10^19 - 1 fits 64 bits */
    SIGNIFICANT_DIGITS = 800,  /* more than the 768 that can decide how a double rounds */
    EXPONENT_MAX = 1000000000, /* far past any double, and any message's length */
    FIVES_MAX = 27,            /* 5^27 < 2^64 */
    DOUBLE_EXPONENT_BIAS = 1023,
    DOUBLE_FRACTION_BITS = 52
};

static const uint64_t mantissa_max = UINT64_C(1) << 53;

enum { DIGIT_BLOCK = 8 };

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* How many of the eight bytes at `at` are digits before the first that is none; *value is their number.
 * Without a branch on the count: numbers of changing length would be mispredicted. */
static inline unsigned read_digit_block(const char *at, uint64_t *value)
{
    uint64_t block;
    memcpy(&block, at, sizeof block);
    block ^= UINT64_C(0x3030303030303030);
    /* The high bit of each byte over 9. A carry out of such a byte spoils only those behind it. */
    uint64_t others = ((block + UINT64_C(0x7676767676767676)) | block) & UINT64_C(0x8080808080808080);
    unsigned count = others ? (unsigned)__builtin_ctzll(others) / 8 : DIGIT_BLOCK;
    /* Leading zeros in place of what is behind the digits. Two shifts, since one by 64 is undefined. */
    unsigned shift = 4 * (DIGIT_BLOCK - count);
    block = block << shift << shift;
    /* The first digit is in the lowest byte: join pairs, then fours, then all. */
    block = block * 2561 >> 8;
    block = (block & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
    *value = (block & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32;
    return count;
}
#else
static inline unsigned read_digit_block(const char *at, uint64_t *value)
{
    unsigned count = 0;
    for (*value = 0; count < DIGIT_BLOCK && scan_is_digit(at[count]); count++)
        *value = *value * 10 + (uint64_t)(at[count] - '0');
    return count;
}
#endif

/* Appends the digits at `at` to *value (wrapping) and returns where they end. */
static inline const char *read_digits(const char *at, const char *end, uint64_t *value)
{
    static const uint32_t powers[DIGIT_BLOCK + 1] = {1,      10,      100,      1000,     10000,
                                                     100000, 1000000, 10000000, 100000000};
    uint64_t sum = *value;
    unsigned count = DIGIT_BLOCK;
    while (count == DIGIT_BLOCK && end - at >= DIGIT_BLOCK) {
        uint64_t block;
        count = read_digit_block(at, &block);
        sum = sum * powers[count] + block;
        at += count;
    }
    if (count == DIGIT_BLOCK) { /* close to the end of the text */
        for (; at < end && scan_is_digit(*at); at++)
            sum = sum * 10 + (uint64_t)(*at - '0');
    }
    *value = sum;
    return at;
}

static enum tm_err scan_exponent(const char *at, const char *end, struct decimal *out)
{
    bool negative = false;
    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    const char *first = at;
    int64_t exponent = 0;
    for (; at < end && scan_is_digit(*at); at++) {
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*at - '0');
    }
    out->end = at;
    if (at == first)
        return TM_INVALID;
    if (exponent > EXPONENT_MAX)
        exponent = EXPONENT_MAX;
    out->has_exponent = true;
    out->exponent = negative ? -exponent : exponent;
    return TM_OK;
}

enum tm_err decimal_scan(const char *at, const char *end, struct decimal *out)
{
    uint64_t mantissa = 0;
    out->whole = at;
    at = read_digits(at, end, &mantissa);
    out->whole_len = (size_t)(at - out->whole);
    out->fraction = NULL;
    out->fraction_len = 0;
    if (at < end && *at == '.') {
        out->fraction = ++at;
        at = read_digits(at, end, &mantissa);
        out->fraction_len = (size_t)(at - out->fraction);
    }
    out->mantissa = mantissa;
    out->digits_fit = out->whole_len + out->fraction_len <= MANTISSA_DIGITS;
    out->has_exponent = false;
    out->exponent = 0;
    out->end = at;
    if (out->whole_len + out->fraction_len == 0)
        return TM_INVALID;
    if (at < end && (*at == 'e' || *at == 'E'))
        return scan_exponent(at + 1, end, out);
    return TM_OK;
}

/* ---- values that fit no short decimal ---- */

#ifdef __SIZEOF_INT128__
static uint64_t fifth_power(int exponent)
{
    uint64_t power = 1;
    for (int i = 0; i < exponent; i++)
        power *= 5;
    return power;
}

/* mantissa / 10^exponent for 1 <= mantissa, 0 <= exponent <= FIVES_MAX. One division by 5^exponent gives at
 * least 63 bits and a remainder, which is kept as a sticky last bit: the conversion then rounds once. */
static double divide_exactly(uint64_t mantissa, int exponent)
{
    uint64_t divisor = fifth_power(exponent);
    int mantissa_shift = __builtin_clzll(mantissa);
    int divisor_shift = __builtin_clzll(divisor);
    divisor <<= divisor_shift;
    unsigned __int128 dividend = (unsigned __int128)(mantissa << mantissa_shift) << 63;
    uint64_t quotient = (uint64_t)(dividend / divisor);
    if ((unsigned __int128)quotient * divisor != dividend)
        quotient |= 1;
    /* The result is 10^-27 or more, so a normal double, and the scale is one too. */
    int scale = divisor_shift - mantissa_shift - 63 - exponent;
    uint64_t bits = (uint64_t)(DOUBLE_EXPONENT_BIAS + scale) << DOUBLE_FRACTION_BITS;
    double power_of_two;
    memcpy(&power_of_two, &bits, sizeof power_of_two);
    return (double)quotient * power_of_two;
}
#endif

/* Collects the significant digits of a part into text. What does not fit is only remembered as not zero. */
static void gather_digits(const char *digits, size_t len, char *text, size_t *used, int64_t *dropped,
                          bool *rest)
{
    for (size_t i = 0; i < len; i++) {
        if (*used == 0 && digits[i] == '0')
            continue;
        if (*used < SIGNIFICANT_DIGITS) {
            text[(*used)++] = digits[i];
            continue;
        }
        ++*dropped;
        *rest = *rest || digits[i] != '0';
    }
}

/* Any decimal, by strtod on "digits e exponent": without a point there is nothing a locale could change. */
static double convert_slowly(const struct decimal *decimal)
{
    char text[SIGNIFICANT_DIGITS + 32];
    size_t used = 0;
    int64_t dropped = 0;
    bool rest = false;
    gather_digits(decimal->whole, decimal->whole_len, text, &used, &dropped, &rest);
    gather_digits(decimal->fraction, decimal->fraction_len, text, &used, &dropped, &rest);
    if (used == 0)
        return 0;
    int64_t exponent = decimal->exponent - (int64_t)decimal->fraction_len + dropped;
    if (rest) { /* a last digit that breaks ties upwards, as the dropped ones would */
        text[used++] = '1';
        exponent--;
    }
    (void)snprintf(text + used, sizeof text - used, "e%lld", (long long)exponent);
    return strtod(text, NULL);
}

/* The shortest form of mantissa x 10^exponent: no needless zeros behind the point, none missing before it. */
static void shorten(uint64_t *mantissa, int64_t *exponent)
{
    while (*exponent < 0 && *mantissa % 10 == 0) {
        *mantissa /= 10;
        ++*exponent;
    }
    while (*exponent > 0 && *mantissa <= mantissa_max / 10) {
        *mantissa *= 10;
        --*exponent;
    }
}

/* Digits that overflow 64 bits are often zeros at either end: 1.000000000000000000000. */
static bool trim_zeros(const struct decimal *decimal, uint64_t *mantissa, int64_t *exponent)
{
    size_t fraction_len = decimal->fraction_len;
    while (fraction_len > 0 && decimal->fraction[fraction_len - 1] == '0')
        fraction_len--;
    const char *part[2] = {decimal->whole, decimal->fraction};
    size_t part_len[2] = {decimal->whole_len, fraction_len};
    int digits = 0;
    uint64_t sum = 0;
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < part_len[p]; i++) {
            if (sum != 0 || part[p][i] != '0')
                digits++;
            if (digits > MANTISSA_DIGITS)
                return false;
            sum = sum * 10 + (uint64_t)(part[p][i] - '0');
        }
    }
    *mantissa = sum;
    *exponent = decimal->exponent - (int64_t)fraction_len;
    return true;
}

static double convert(const struct decimal *decimal, bool exact, uint64_t mantissa, int64_t exponent)
{
#ifdef __SIZEOF_INT128__
    if (exact && mantissa > 0 && exponent <= 0 && exponent >= -FIVES_MAX)
        return divide_exactly(mantissa, (int)-exponent);
#else
    (void)exact, (void)mantissa, (void)exponent;
#endif
    return convert_slowly(decimal);
}

enum tm_err decimal_number(const struct decimal *decimal, bool negative, struct number *out)
{
    uint64_t mantissa = decimal->mantissa;
    int64_t exponent = decimal->exponent - (int64_t)decimal->fraction_len;
    if (decimal->digits_fit && exponent == 0 && mantissa - 1 < mantissa_max) { /* most: whole numbers */
        int64_t whole = negative ? -(int64_t)mantissa : (int64_t)mantissa;
        *out = (struct number){(double)whole, whole, 0};
        return TM_OK;
    }
    bool exact = decimal->digits_fit || trim_zeros(decimal, &mantissa, &exponent);
    if (exact && mantissa == 0) {
        *out = negative ? number_of_double(-0.0) : number_of_decimal(0, 0);
        return TM_OK;
    }
    if (exact && exponent != 0)
        shorten(&mantissa, &exponent);
    if (exact && mantissa <= mantissa_max && exponent <= 0 && exponent >= -NUMBER_MAX_EXPONENT) {
        *out = number_of_decimal(negative ? -(int64_t)mantissa : (int64_t)mantissa, (int32_t)-exponent);
        return TM_OK;
    }
    double value = convert(decimal, exact, mantissa, exponent);
    if (isinf(value))
        return TM_TOO_LARGE;
    *out = number_of_double(negative ? -value : value);
    return TM_OK;
}

enum tm_err decimal_unsigned(const char **at, const char *end, uint64_t *out)
{
    const char *first = *at;
    uint64_t value = 0;
    const char *behind = read_digits(first, end, &value);
    *at = behind;
    if (behind == first)
        return TM_INVALID;
    if (behind - first > MANTISSA_DIGITS) { /* again, with an eye on overflow */
        value = 0;
        for (const char *digit = first; digit < behind; digit++) {
            if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                __builtin_add_overflow(value, (uint64_t)(*digit - '0'), &value))
                return TM_TOO_LARGE;
        }
    }
    *out = value;
    return TM_OK;
}
