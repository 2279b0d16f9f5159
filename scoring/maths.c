#include "scoring/maths.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool score_is_finite(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits >> 52 & 0x7ff) != 0x7ff;
}

double score_ln(double x)
{
    if (!(x >= DBL_MIN))
        x = DBL_MIN;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int power = (int)(bits >> 52 & 0x7ff) - 1023;
    if (power == 1024)
        return 1024 * SCORE_LN2;
    bits = (bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
    memcpy(&x, &bits, sizeof x); /* in [1, 2) */
    if (x > 1.41421356237309505) {
        x *= 0.5;
        power++;
    }
    double s = (x - 1) / (x + 1);
    double q = s * s; /* below 0.0295: the first term left out is below 1e-12 */
    double series =
        1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11 + q / 13)))));
    return power * SCORE_LN2 + 2 * s * series;
}

double score_log2(double x)
{
    return score_ln(x) * (1 / SCORE_LN2);
}

double score_log10(double x)
{
    return score_ln(x) * (1 / SCORE_LN10);
}

double score_exp(double x)
{
    x = x == x ? score_clamp(x, -700, 700) : 0;
    double scaled = x / SCORE_LN2;
    int power = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    double r = x - power * SCORE_LN2; /* within 0.35 of 0 */
    double sum = 1;
    for (int n = 12; n >= 1; n--)
        sum = 1 + sum * r / n;
    uint64_t bits = (uint64_t)(power + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

double score_asinh(double x)
{
    double size = score_min(score_abs(x), 1e150);
    double y = score_ln(size + sqrt(size * size + 1));
    return x < 0 ? -y : y;
}

uint64_t score_random(uint64_t *sequence)
{
    uint64_t z = *sequence += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}
