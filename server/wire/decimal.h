/* Decimal text to numbers: exact, independent of the locale. Private to server/wire. */
#ifndef TM_WIRE_DECIMAL_H
#define TM_WIRE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/err.h"
#include "storage/model/number.h"
#include "storage/model/str.h"

/* An unsigned decimal as it stands in the text: digits [. digits] [e [sign] digits]. */
struct decimal {
    const char *whole;    /* first digit, or the point */
    size_t whole_len;     /* digits before the point */
    const char *fraction; /* behind the point; NULL if there is no point */
    size_t fraction_len;
    uint64_t mantissa; /* all digits read as one integer; exact if digits_fit */
    bool digits_fit;   /* at most 19 digits, so that mantissa did not overflow */
    bool has_exponent;
    int64_t exponent; /* as written, clamped to +-10^9; 0 if there is none */
    const char *end;  /* behind the last byte read */
};

/* Reads the decimal at [at, end). TM_INVALID without a digit, or with an exponent without digits: then
 * out->end is where a digit was missed. */
enum tm_err decimal_scan(const char *at, const char *end, struct decimal *out) TM_MUST_CHECK;

/* The value of what decimal_scan read, rounded to nearest even as strtod does, with its shortest decimal
 * where it fits struct number (1.50 has mantissa 15, exponent 1). TM_TOO_LARGE if it rounds to infinity. */
enum tm_err decimal_number(const struct decimal *decimal, bool negative, struct number *out) TM_MUST_CHECK;

/* Reads digits as an integer. *at moves behind them. TM_INVALID without a digit, TM_TOO_LARGE past 2^64-1
 * (then *at is behind the digits all the same). */
enum tm_err decimal_unsigned(const char **at, const char *end, uint64_t *out) TM_MUST_CHECK;

#endif
