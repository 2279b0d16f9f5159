/* Doubles beside each other: cmocka's own comparison is of floats. */
#ifndef TM_TESTS_SCORING_NEAR_H
#define TM_TESTS_SCORING_NEAR_H

#include <math.h>

/* Is value within off of expected? Says both when not. */
static inline void check_near(double value, double expected, double off, const char *file, int line)
{
    if (fabs(value - expected) <= off)
        return;
    print_error("%.17g is not within %g of %.17g\n", value, off, expected);
    _fail(file, line);
}

#define assert_near(value, expected, off) check_near((value), (expected), (off), __FILE__, __LINE__)

#endif
