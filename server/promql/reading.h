/* Reading the samples of series one after the other, and making their columns. Private to this folder. */
#ifndef TM_PROMQL_READING_H
#define TM_PROMQL_READING_H

#include "server/promql/eval.h"
#include "server/promql/tier.h"

/* What one thread needs to read. */
struct reading {
    const struct source *source;
    void *self; /* the thread's own of the source */
    struct span span;
    bool keeps_stale;
    bool is_timed;
    int64_t ns;           /* that reading took */
    uint64_t samples_max; /* of one series; 0: no bound */
    uint64_t series;      /* that were read */
    uint64_t samples;
    const struct tier *tier; /* NULL: all samples are kept */
    struct tier_rows rows;   /* of the series that is read */
    uint64_t row_count;      /* of all */
    const uint64_t *wanted;  /* series that are read next, in this order */
    size_t wanted_count;
    struct samples ahead[SOURCE_ROWS_MAX]; /* of the first of these, read already */
    size_t ahead_at;
    size_t ahead_count;
    time_ms_t *times; /* what is left without markers */
    double *values;
    size_t capacity;
};

/* self: the thread's own of the source. To be ended by reading_fini. */
struct reading reading_begin(const struct eval *eval, const struct load *load, void *self);

/* Frees its arrays; figures stay to be read. */
void reading_fini(struct reading *reading);

/* From now on these series are read, in this order; borrowed until they are. */
void reading_want(struct reading *reading, const uint64_t *series, size_t count);

/* The samples of the next series that is wanted, valid until the next call; none if it has none. Errors as
 * source.samples; TM_LIMIT, TM_NOMEM. */
enum tm_err reading_next(struct reading *reading, struct samples *samples, struct tm_why *why) TM_MUST_CHECK;

/* The column of the series that was read last. Errors as load.compute. */
enum tm_err reading_compute(const struct reading *reading, const struct load *load,
                            const struct samples *samples, double *column, struct tm_why *why) TM_MUST_CHECK;

/* Adds what it cost to that of the query; the caller's thread. threads: that read at the same time. */
void reading_count(struct eval *eval, const struct load *load, const struct reading *reading, size_t threads);

/* The sentence of TM_NOMEM. */
enum tm_err reading_no_memory(struct tm_why *why);

#endif
