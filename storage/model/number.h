/* A sample's value as it was written: the double, and the short decimal it came from if there is one. */
#ifndef TM_MODEL_NUMBER_H
#define TM_MODEL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_NOT_DECIMAL = -1, NUMBER_MAX_EXPONENT = 22 };

/* Where exponent >= 0: |mantissa| <= 2^53, exponent <= 22 and value == (double)mantissa / 10^exponent to the
 * bit (both operands and the power are exact doubles, so one division rounds as strtod would). Negative zero,
 * and whatever does not fit, has exponent NUMBER_NOT_DECIMAL and mantissa 0. */
struct number {
    double value;
    int64_t mantissa;
    int32_t exponent;
};

/* The number mantissa / 10^exponent, for |mantissa| <= 2^53 and 0 <= exponent <= 22. */
struct number number_of_decimal(int64_t mantissa, int32_t exponent);

/* digits x 10^exponent; digits do not end with 0. */
struct number_digits {
    uint64_t digits; /* at most 17 of them */
    int exponent;
};

/* The shortest decimal that reads back to the same double, of several the nearest. magnitude is finite and
 * above 0. Pure, any thread. */
struct number_digits number_shortest(double magnitude);

/* Writes an unsigned integer and returns its length; room for 20 bytes, no NUL. */
size_t number_text_unsigned(uint64_t value, char *text);

enum { NUMBER_TEXT_BYTES = 40 };

/* The shortest decimal that reads back to the same double: "1", "0.5", "NaN", "+Inf", "-Inf"; with an
 * exponent
 * ("1e-07", "1.5e+21") below 1e-6 and from 1e21 on, as Prometheus writes it. Writes and returns the length,
 * without the NUL behind it. */
size_t number_text(double value, char text[NUMBER_TEXT_BYTES]);

/* A double about whose decimals nothing is known. */
static inline struct number number_of_double(double value)
{
    return (struct number){value, 0, NUMBER_NOT_DECIMAL};
}

#endif
