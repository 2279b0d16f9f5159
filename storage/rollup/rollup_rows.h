/* Samples -> rows, and rows -> fewer rows. Pure; any thread. */
#ifndef TM_STORAGE_ROLLUP_ROWS_H
#define TM_STORAGE_ROLLUP_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/chunk/columns.h"
#include "storage/model/rollup.h"

/* How far before a sample the one may lie that it is compared with; see struct rollup. */
#define ROLLUP_LOOKBACK_MS INT64_C(3600000)

/* Zero-initialised is empty; the holder owns the memory. */
struct rollup_rows {
    struct rollup *rows;
    size_t count;
    size_t capacity;
};

/* Frees them; it is empty then. */
void rollup_rows_fini(struct rollup_rows *rows);

/* Adds a copy behind the last. TM_NOMEM. */
enum tm_err rollup_rows_add(struct rollup_rows *rows, const struct rollup *row) TM_MUST_CHECK;

/* Replaces *out by the rows of the buckets in span, ascending; bucket_ms divides its ends, which are not
 * negative. samples are settled and begin ROLLUP_LOOKBACK_MS before span, or the increase of the first
 * buckets lacks what came over the border. TM_NOMEM. */
enum tm_err rollup_compute(const struct columns *samples, struct span span, int64_t bucket_ms,
                           struct rollup_rows *out) TM_MUST_CHECK;

/* Whether two rows are the same to the bit, NaN included. */
bool rollup_is_same(const struct rollup *a, const struct rollup *b);

/* Adds what `more` says about other samples of the same bucket. */
void rollup_merge(struct rollup *row, const struct rollup *more);

#endif
