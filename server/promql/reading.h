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
    time_ms_t *times;        /* what is left without markers */
    double *values;
    size_t capacity;
};

/* self: the thread's own of the source. To be ended by reading_fini. */
struct reading reading_begin(const struct eval *eval, const struct load *load, void *self);

/* Frees its arrays; figures stay to be read. */
void reading_fini(struct reading *reading);

/* The samples of a series, valid until the next call; none if it has none. Errors as source.samples;
 * TM_LIMIT, TM_NOMEM. */
enum tm_err reading_series(struct reading *reading, uint64_t series, struct samples *samples,
                           struct tm_why *why) TM_MUST_CHECK;

/* The column of the series that was read last. Errors as load.compute. */
enum tm_err reading_compute(const struct reading *reading, const struct load *load,
                            const struct samples *samples, double *column, struct tm_why *why) TM_MUST_CHECK;

/* Adds what it cost to that of the query; the caller's thread. threads: that read at the same time. */
void reading_count(struct eval *eval, const struct load *load, const struct reading *reading, size_t threads);

/* The sentence of TM_NOMEM. */
enum tm_err reading_no_memory(struct tm_why *why);

#endif
