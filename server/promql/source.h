/* Where the evaluation gets series and samples from: the store's reader, or a table of a test. */
#ifndef TM_PROMQL_SOURCE_H
#define TM_PROMQL_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/rollup.h"
#include "storage/selector/selector.h"

struct reader;

/* Some samples of one series by time, each time once; views. */
struct samples {
    const time_ms_t *times;
    const double *values;
    size_t count;
};

/* The numbers of series; the holder owns the memory. Zero-initialised is empty. */
struct source_series {
    uint64_t *at;
    size_t count;
};

/* Frees the numbers; it is empty then. */
void source_series_fini(struct source_series *series);

/* Takes rows of rollups, by time; an error ends the reading and is passed on. */
typedef enum tm_err source_rows_fn(void *arg, const struct rollup *rows, size_t count);

enum { SOURCE_ROWS_MAX = 64 };

/* One thread at a time. */
struct source {
    void *self;
    /* The series that the selector takes; those without samples in span may be left out. Errors as
     * reader_select; *out is empty then. */
    enum tm_err (*select)(void *self, const struct selector *selector, struct span span,
                          struct source_series *out, struct tm_why *why);
    /* Appends the encoded labels of a series; out->failed without memory. */
    void (*labels)(void *self, uint64_t series, struct bytes *out);
    /* The samples of a series in span, staleness markers among them; valid until the next call on the source.
     * Errors as reader_samples. */
    enum tm_err (*samples)(void *self, uint64_t series, struct span span, struct samples *out,
                           struct tm_why *why);
    /* The same of several series (one at least), which may be read together: those of the first *given, one
     * at least and SOURCE_ROWS_MAX at most, all valid until the next call. */
    enum tm_err (*rows)(void *self, const uint64_t *series, size_t count, struct span span,
                        struct samples *out, size_t *given, struct tm_why *why);
    /* Another source of the same, for another thread, which `leave` gives back; it must be before this one's
     * end. NULL: no memory. Both functions may be NULL: then all is done by one thread. */
    void *(*beside)(void *self);
    void (*leave)(void *beside);
    /* Before *out samples are no longer kept, but may have rollups; INT64_MIN: all are kept. Errors as
     * reader_raw_from. NULL: all are. */
    enum tm_err (*raw_from)(void *self, time_ms_t *out, struct tm_why *why);
    /* Calls each with the rows of a series that begin in span, of 5 minutes or an hour. Errors as
     * reader_rollup_next. There if raw_from is. */
    enum tm_err (*rollups)(void *self, uint64_t series, int64_t bucket_ms, struct span span,
                           source_rows_fn *each, void *arg, struct tm_why *why);
};

/* The store behind a reader, which is the caller's and must outlive the source. */
struct source source_of_reader(struct reader *reader);

#endif
