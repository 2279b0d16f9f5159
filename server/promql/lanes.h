/* Two doubles at a time, as many as a register of any x86-64 or aarch64 processor has. */
#ifndef TM_PROMQL_LANES_H
#define TM_PROMQL_LANES_H

#include <stdbool.h>
#include <stdint.h>

/* Of any place of a column. */
typedef double two_values __attribute__((vector_size(16), aligned(8), may_alias));
/* What a comparison of them gives: all bits where it holds, else none. */
typedef int64_t two_masks __attribute__((vector_size(16)));

enum { LANES_RUN = 32 };

/* Is any of LANES_RUN values no number? */
static inline bool lanes_any_nan(const double *values)
{
    two_masks even = {0}, odd = {0};
    for (int i = 0; i < LANES_RUN; i += 4) {
        two_values a = *(const two_values *)(values + i), same_a = a;
        two_values b = *(const two_values *)(values + i + 2), same_b = b;
        even |= a != same_a; /* what is no number is never equal, not to itself either */
        odd |= b != same_b;
    }
    even |= odd;
    return (even[0] | even[1]) != 0;
}

/* Is any of the LANES_RUN values behind the first less than the one before it? */
static inline bool lanes_any_fall(const double *values)
{
    two_masks even = {0}, odd = {0};
    for (int i = 0; i < LANES_RUN; i += 4) {
        const double *at = values + i;
        even |= *(const two_values *)(at + 1) < *(const two_values *)at;
        odd |= *(const two_values *)(at + 3) < *(const two_values *)(at + 2);
    }
    even |= odd;
    return (even[0] | even[1]) != 0;
}

#endif
