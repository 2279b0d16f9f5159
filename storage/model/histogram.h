/* The buckets of latency histograms: log-linear, the same for every series, on whole microseconds of 0 or
 * more. Values below HISTOGRAM_EXACT have a bucket each; from there on each doubling is cut into
 * HISTOGRAM_PARTS parts, so that a bucket is at most 5 % of its lower bound wide; what is at or above
 * HISTOGRAM_END (71 min) is in the last one.
 *
 * In the cells of a histogram series (storage/store.h) cell 0 holds the sum and cell 1 + b the count of
 * bucket b. Kept on disk: the numbers must not change. Pure; any thread. */
#ifndef TM_MODEL_HISTOGRAM_H
#define TM_MODEL_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_EXACT = 32,
    HISTOGRAM_PARTS = 20,
    HISTOGRAM_FIRST_OCTAVE = 5, /* 2^5 is HISTOGRAM_EXACT */
    HISTOGRAM_OCTAVES = 27,
    HISTOGRAM_BUCKETS = HISTOGRAM_EXACT + HISTOGRAM_OCTAVES * HISTOGRAM_PARTS + 1,
    HISTOGRAM_LAST = HISTOGRAM_BUCKETS - 1
};

#define HISTOGRAM_END (INT64_C(1) << (HISTOGRAM_FIRST_OCTAVE + HISTOGRAM_OCTAVES))

/* The bucket that a value lies in; below 0 counts as 0. */
uint32_t histogram_bucket(int64_t value);

/* The lowest and the highest value of a bucket below HISTOGRAM_BUCKETS, both inclusive; the highest of the
 * last one is INT64_MAX. */
int64_t histogram_lowest(uint32_t bucket);
int64_t histogram_highest(uint32_t bucket);

/* Where a bucket's count stands among the cells of a series. */
static inline uint32_t histogram_cell(uint32_t bucket)
{
    return bucket + 1;
}

#endif
