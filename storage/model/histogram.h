/* The buckets of latency histograms: log-linear, the same for every series, on whole microseconds of 0 or
 * more. Values below HISTOGRAM_EXACT have a bucket each; from there on each doubling is cut into
 * HISTOGRAM_PARTS parts, so that a bucket is at most 5 % of its lower bound wide; what is at or above
 * HISTOGRAM_END (71 min) is in the last one.
 *
 * In the cells of a histogram series (storage/store.h) cell 0 holds the sum and cell 1 + b the count of
 * bucket b. Kept on disk: the numbers must not change. Pure; any thread. */
#ifndef TM_MODEL_HISTOGRAM_H
#define TM_MODEL_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/str.h"

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

/* The lowest value of a bucket below HISTOGRAM_BUCKETS, which lies in it. */
int64_t histogram_lowest(uint32_t bucket);

/* The highest one, which lies in it too; of HISTOGRAM_LAST INT64_MAX. */
int64_t histogram_highest(uint32_t bucket);

/* Where a bucket's count stands among the cells of a series. */
static inline uint32_t histogram_cell(uint32_t bucket)
{
    return bucket + 1;
}

/* How a histogram is asked for: by the series that Prometheus would have of it. */
enum histogram_view { HISTOGRAM_NONE, HISTOGRAM_BUCKET, HISTOGRAM_SUM, HISTOGRAM_COUNT };

/* Is this the name of a stored histogram? */
bool histogram_is_base(struct str name);
/* The view that name asks for, with the stored histogram's name in *base; HISTOGRAM_NONE: name is none. */
enum histogram_view histogram_view_of(struct str name, struct str *base);
/* "_bucket", "_sum", "_count"; static. Not for HISTOGRAM_NONE. */
struct str histogram_suffix(enum histogram_view view);

enum { HISTOGRAM_BASES = 3 };
/* The name of a stored histogram, place below HISTOGRAM_BASES; static. */
struct str histogram_base(size_t place);

/* The name of a view of it, not of HISTOGRAM_NONE; static. */
struct str histogram_view_name(size_t place, enum histogram_view view);

enum { HISTOGRAM_LE_BYTES = 24 };
/* The label le of a bucket: its highest value, in seconds, as a decimal without needless zeros; "+Inf" of the
 * last one. Writes and returns text. */
const char *histogram_le(uint32_t bucket, char text[HISTOGRAM_LE_BYTES]);

#endif
