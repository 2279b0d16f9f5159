/* A sample's value as it was written: the double, and the short decimal it came from if there is one. */
#ifndef TM_MODEL_NUMBER_H
#define TM_MODEL_NUMBER_H

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

/* A double about whose decimals nothing is known. */
static inline struct number number_of_double(double value)
{
    return (struct number){value, 0, NUMBER_NOT_DECIMAL};
}

#endif
