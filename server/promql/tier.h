/* Rollups where samples are no longer kept: rows of 5 minutes or an hour stand for the samples of their time.
 * Private to this folder.
 *
 * A window that begins before raw samples do is moved down to whole rows: for one that ends at t and is r
 * long, of rows of length b, it is [min(floor(t - r), floor(t) - b), floor(t)), floor() being that to
 * multiples of b. The functions that rows have an answer for are computed of them: sum, count and increase in
 * proportion to r where that is another length, rate() as increase by second, avg as sum by count, and min,
 * max, last, present. Rows do not say what lies at the edge of a window or how far from it: so nothing is
 * drawn out to its ends, and a sample at t itself is not in it. All others see the last sample of each row.
 */
#ifndef TM_PROMQL_TIER_H
#define TM_PROMQL_TIER_H

#include "server/promql/source.h"
#include "server/promql/window.h"

/* What is wanted of them in one reading of a selector. Any thread. */
struct tier {
    const struct window_plan *plan; /* NULL: the samples alone */
    enum function_id function;      /* FUNCTION_COUNT: none, a selector by itself */
    time_ms_t raw_ms;               /* before it there are rows instead of samples */
    int64_t bucket_ms;              /* of rows, where there are such */
};

/* Which rows serve a plan best: those of an hour if all its windows end and begin with one. */
int64_t tier_bucket_ms(const struct window_plan *plan, enum function_id function);

/* The rows of one series; zero-initialised is empty. One thread. */
struct tier_rows {
    struct rollup *at;
    size_t count;
    size_t hours; /* of them the first, which are of an hour whatever the others are */
    size_t capacity;
    time_ms_t *times; /* samples with the last one of each row before them */
    double *values;
    size_t sample_capacity;
};

/* Frees the rows; it is empty then. */
void tier_fini(struct tier_rows *rows);

/* Reads what stands for samples in span. Errors as source.rollups. */
enum tm_err tier_read(const struct tier *tier, const struct source *source, void *self, uint64_t series,
                      struct span span, struct tier_rows *rows, struct tm_why *why) TM_MUST_CHECK;

/* Puts the last sample of each row before the others. TM_NOMEM. */
enum tm_err tier_join(const struct tier *tier, struct tier_rows *rows, struct samples *samples) TM_MUST_CHECK;

/* Writes over those steps of a column whose windows begin before raw_ms. */
void tier_fill(const struct tier *tier, const struct tier_rows *rows, double *column);

#endif
