/* The shortest decimal of a double: Schubfach, by Raffaello Giulietti ("The Schubfach way to render
 * doubles"). Its interval of decimals that read back is scaled by a power of ten, so that it has one or a few
 * integers in it. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "storage/model/number.h"
#include "storage/model/number_powers.h"

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1023 + FRACTION_BITS };

/* floor(log10(2^q)); near: of 3/4 of it. */
static int floor_log10_pow2(int q, bool near)
{
    return (q * 1262611 - (near ? 524031 : 0)) >> 22;
}

static int floor_log2_pow10(int k)
{
    return (k * 1741647) >> 19;
}

/* power x factor / 2^128; of what is cut off, the lowest bit says whether there was any. */
static uint64_t scale(struct number_power power, uint64_t factor)
{
    unsigned __int128 low = (unsigned __int128)power.low * factor;
    unsigned __int128 high = (unsigned __int128)power.high * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The decimal nearest to c x 2^q among the shortest; near: the double below is only half as far as that
 * above. */
static struct number_digits search(uint64_t c, int q, bool near)
{
    const bool is_odd = c % 2 != 0; /* the interval's ends read back if even */
    const int k = floor_log10_pow2(q, near);
    const int shift = q + floor_log2_pow10(-k) + 1;
    assert(-k >= NUMBER_POWER_LEAST && -k <= NUMBER_POWER_MOST);
    const struct number_power power = number_powers[-k - NUMBER_POWER_LEAST];
    const uint64_t lower = scale(power, (4 * c - 2 + near) << shift) + is_odd;
    const uint64_t value = scale(power, (4 * c) << shift);
    const uint64_t upper = scale(power, (4 * c + 2) << shift) - is_odd;
    const uint64_t whole = value / 4;
    if (whole >= 10) {
        const uint64_t tens = whole / 10;
        const bool is_below_in = lower <= 40 * tens, is_above_in = 40 * tens + 40 <= upper;
        if (is_below_in != is_above_in)
            return (struct number_digits){tens + is_above_in, k + 1};
    }
    const bool is_below_in = lower <= 4 * whole, is_above_in = 4 * whole + 4 <= upper;
    if (is_below_in != is_above_in)
        return (struct number_digits){whole + is_above_in, k};
    const uint64_t middle = 4 * whole + 2;
    const bool goes_up = value > middle || (value == middle && whole % 2 != 0);
    return (struct number_digits){whole + goes_up, k};
}

static struct number_digits drop_zeros(struct number_digits digits)
{
    while (digits.digits % 100 == 0) {
        digits.digits /= 100;
        digits.exponent += 2;
    }
    if (digits.digits % 10 == 0) {
        digits.digits /= 10;
        digits.exponent++;
    }
    return digits;
}

struct number_digits number_shortest(double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    const uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    const int exponent = (int)(bits >> FRACTION_BITS);
    assert(bits != 0 && exponent < 0x7ff); /* without a sign, finite */
    if (exponent == 0)
        return drop_zeros(search(fraction, 1 - EXPONENT_BIAS, false));
    const uint64_t c = fraction | UINT64_C(1) << FRACTION_BITS;
    const int q = exponent - EXPONENT_BIAS;
    if (q <= 0 && q >= -FRACTION_BITS && (c & ((UINT64_C(1) << -q) - 1)) == 0)
        return drop_zeros((struct number_digits){c >> -q, 0});
    return drop_zeros(search(c, q, fraction == 0 && exponent > 1));
}
