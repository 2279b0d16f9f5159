/* Finding the power of ten that makes integers of a column of doubles. Private to chunk_*.c. */
#ifndef TM_STORAGE_CHUNK_DECIMAL_H
#define TM_STORAGE_CHUNK_DECIMAL_H

#include "storage/chunk/chunk_format.h"

/* What was found: value i is out[i] / 10^exponent to the bit, but for `misses` of them. */
struct decimal_fit {
    int32_t exponent;
    size_t misses;
};

/* Tries hint, then what the values themselves show; fills out[0..count) with the integers, in two's
 * complement. The entry of a miss is that of its neighbour before it (or of the first that fits). Pure. */
struct decimal_fit decimal_fit_column(const double *values, size_t count, int32_t hint, uint64_t *out);

/* Whether value is integer / 10^exponent to the bit. */
bool decimal_is(double value, uint64_t integer, int32_t exponent);

#endif
