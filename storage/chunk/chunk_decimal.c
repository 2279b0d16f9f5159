#include "storage/chunk/chunk_decimal.h"

enum { SEARCHED_EXPONENTS = 16, PROBES = 8, TRIES = 3 };

/* Added to and taken from a double of less than 2^51 it leaves the nearest integer, whose two's complement
 * stands in the low bits of the sum. */
static const double rounder = 0x1.8p52;
static const double integer_limit = 0x1p51;

static const double powers_of_ten[CHUNK_MAX_EXPONENT + 1] = {
    [0] = 1e0,   [1] = 1e1,   [2] = 1e2,   [3] = 1e3,   [4] = 1e4,   [5] = 1e5,   [6] = 1e6,   [7] = 1e7,
    [8] = 1e8,   [9] = 1e9,   [10] = 1e10, [11] = 1e11, [12] = 1e12, [13] = 1e13, [14] = 1e14, [15] = 1e15,
    [16] = 1e16, [17] = 1e17, [18] = 1e18, [19] = 1e19, [20] = 1e20, [21] = 1e21, [22] = 1e22};

double chunk_power_of_ten(int32_t exponent)
{
    return powers_of_ten[exponent];
}

/* The integer nearest to value * power in *integer; 0 if dividing it again gives value to the bit. */
static inline uint64_t convert(double value, double power, uint64_t *integer)
{
    double sum = value * power + rounder;
    double whole = sum - rounder;
    uint64_t is_far = whole > -integer_limit && whole < integer_limit ? 0 : 1;
    *integer = bits_of_double(sum) - bits_of_double(rounder);
    return (bits_of_double(whole / power) ^ bits_of_double(value)) | is_far;
}

bool decimal_is(double value, uint64_t integer, int32_t exponent)
{
    return bits_of_double((double)(int64_t)integer / powers_of_ten[exponent]) == bits_of_double(value);
}

/* The least exponent that fits value, -1 if none does. */
static int32_t find_exponent(double value)
{
    uint64_t integer;
    for (int32_t e = 0; e < SEARCHED_EXPONENTS; e++)
        if (convert(value, powers_of_ten[e], &integer) == 0)
            return e;
    return -1;
}

/* The greatest of some values' exponents; -1 if most of them have none. */
static int32_t probe(const double *values, size_t count)
{
    int32_t most = -1;
    unsigned without = 0, probed = 0;
    size_t stride = count / PROBES + 1;
    for (size_t i = stride / 2; i < count; i += stride, probed++) {
        int32_t e = find_exponent(values[i]);
        most = e > most ? e : most;
        without += e < 0;
    }
    return 2 * without > probed ? -1 : most;
}

static uint64_t convert_all(const double *values, size_t count, double power, uint64_t *out)
{
    uint64_t misses = 0;
    for (size_t i = 0; i < count; i++)
        misses |= convert(values[i], power, &out[i]);
    return misses;
}

/* Counts the misses; *most is the greatest exponent that one of them needs. */
static size_t count_misses(const double *values, size_t count, double power, int32_t *most)
{
    size_t misses = 0;
    uint64_t integer;
    *most = -1;
    for (size_t i = 0; i < count; i++) {
        if (convert(values[i], power, &integer) == 0)
            continue;
        misses++;
        if (misses <= count / 8 + PROBES) {
            int32_t e = find_exponent(values[i]);
            *most = e > *most ? e : *most;
        }
    }
    return misses;
}

/* Gives each miss its neighbour's integer, so that it costs nothing in the column. */
static void fill_misses(const double *values, size_t count, double power, uint64_t *out)
{
    uint64_t integer, before = 0;
    for (size_t i = 0; i < count; i++) {
        if (convert(values[i], power, &integer) == 0) {
            before = integer;
            break;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (convert(values[i], power, &integer) == 0)
            before = integer;
        out[i] = before;
    }
}

struct decimal_fit decimal_fit_column(const double *values, size_t count, int32_t hint, uint64_t *out)
{
    struct decimal_fit fit = {.exponent = hint, .misses = 0};
    if (hint < 0 || hint > CHUNK_MAX_EXPONENT)
        fit.exponent = probe(values, count);
    for (unsigned i = 0; i < TRIES && fit.exponent >= 0; i++) {
        int32_t needed;
        double power = powers_of_ten[fit.exponent];
        if (convert_all(values, count, power, out) == 0)
            return fit;
        fit.misses = count_misses(values, count, power, &needed);
        if (fit.misses > count / 32 + 4 && needed > fit.exponent && i + 1 < TRIES) {
            fit.exponent = needed;
            fit.misses = 0;
            continue;
        }
        fill_misses(values, count, power, out);
        return fit;
    }
    return (struct decimal_fit){.exponent = -1, .misses = count};
}
