/* What a stored series says a minute: the numbers that are scored. Worker's thread. */
#ifndef TM_DETECT_VALUES_H
#define TM_DETECT_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/query.h"

enum detect_kind {
    DETECT_GAUGE,     /* mean of the samples */
    DETECT_COUNTER,   /* what it rose by, as a rate a minute; falls are restarts */
    DETECT_COUNTS,    /* exact sum; 0 without events, for a day after the last ones */
    DETECT_HISTOGRAM, /* two columns: p50 and p95 in seconds, of 10 and 20 values at least */
};

/* A window is at most DETECT_SPAN_MINUTES long: the longest grace and a block of new minutes. */
enum {
    DETECT_COLUMNS = 2,
    DETECT_ZERO_MINUTES = 1440,
    DETECT_GRACE_MINUTES = 1440,
    DETECT_SPAN_MINUTES = 1800
};

/* A ratio over few requests is drawn to its long mean as if so many more had been there. */
enum { DETECT_RATIO_VOLUME = 50 };

#define DETECT_NEVER INT64_MIN

/* By the name of the metric. */
enum detect_kind detect_kind_of(struct str metric);

/* The daemon's own series, and what repeats others: never scored. */
bool detect_is_own(struct str metric);

/* Minutes of event time, numbered from 1970, each step_ms long. */
struct detect_window {
    int64_t from;
    int64_t to;      /* at most DETECT_SPAN_MINUTES behind */
    int64_t settled; /* before this one nothing will change any more */
    int64_t step_ms;
};

/* Of a series of counts: its last minute with events before seen_at. */
struct detect_seen {
    int64_t seen; /* DETECT_NEVER: none */
    int64_t seen_at;
};

/* Reads a window; a minute without a value is NaN. columns: DETECT_COLUMNS times DETECT_SPAN_MINUTES
 * numbers, the second used by histograms alone. seen is moved on to window->settled; *last is the last minute
 * in which something was, or DETECT_NEVER. Errors as reader_samples. */
enum tm_err detect_values_read(struct reader *reader, uint32_t series, enum detect_kind kind,
                               const struct detect_window *window, struct detect_seen *seen, double *columns,
                               int64_t *last) TM_MUST_CHECK;

/* The first minute at or behind `from` in which the series has something, DETECT_NEVER if there is none.
 * Errors as reader_samples. */
enum tm_err detect_values_first(struct reader *reader, uint32_t series, enum detect_kind kind, int64_t from,
                                int64_t step_ms, int64_t *out) TM_MUST_CHECK;

/* The newest time that a series has within a span; DETECT_NEVER if there is none. Errors as reader_samples.
 */
enum tm_err detect_values_newest(struct reader *reader, uint32_t series, enum detect_kind kind,
                                 struct span span, time_ms_t *out) TM_MUST_CHECK;

#endif
