/* Elementary functions that give the same bits on every machine: made of +, -, *, / and sqrt alone, which
 * IEEE 754 fixes (the C library's log, exp and pow differ in the last bit between versions and processors).
 */
#ifndef TM_SCORING_MATHS_H
#define TM_SCORING_MATHS_H

#include <stdbool.h>
#include <stdint.h>

#define SCORE_LN2  0.693147180559945309417
#define SCORE_LN10 2.302585092994045684018

/* False for NaN and the infinities. */
bool score_is_finite(double x);

/* Natural logarithm of x >= DBL_MIN, error below 1e-11; anything smaller (0, negative, NaN too) counts as
 * DBL_MIN. ln x = k ln 2 + 2 atanh((y-1)/(y+1)), y = x / 2^k near 1, by the series of atanh. */
double score_ln(double x);
/* The same to base 2. */
double score_log2(double x);

/* The same to base 10. */
double score_log10(double x);

/* e^x, relative error below 1e-11; x is clamped to [-700, 700], NaN counts as 0. */
double score_exp(double x);

/* Inverse hyperbolic sine: a logarithm that keeps sign and zero. |x| over 1e150 counts as that. */
double score_asinh(double x);

/* The next number of a splitmix64 sequence (Steele, Lea, Flood 2014); any start value will do. */
uint64_t score_random(uint64_t *sequence);

static inline double score_max(double a, double b)
{
    return a > b ? a : b;
}

static inline double score_min(double a, double b)
{
    return a < b ? a : b;
}

static inline double score_abs(double a)
{
    return a < 0 ? -a : a;
}

static inline double score_clamp(double x, double low, double high)
{
    return x > low ? score_min(x, high) : low; /* NaN: low */
}

#endif
