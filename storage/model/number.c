#include "storage/model/number.h"

#include <assert.h>

static const double powers[NUMBER_MAX_EXPONENT + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

struct number number_of_decimal(int64_t mantissa, int32_t exponent)
{
    assert(exponent >= 0 && exponent <= NUMBER_MAX_EXPONENT);
    assert(mantissa <= INT64_C(1) << 53 && mantissa >= -(INT64_C(1) << 53));
    return (struct number){(double)mantissa / powers[exponent], mantissa, exponent};
}
