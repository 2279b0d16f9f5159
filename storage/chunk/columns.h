/* Samples of one series, gathered from several places, as two columns: times and values. */
#ifndef TM_STORAGE_COLUMNS_H
#define TM_STORAGE_COLUMNS_H

#include <stddef.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"

/* Zero-initialised is empty; the holder owns the memory. */
struct columns {
    time_ms_t *times;
    double *values;
    size_t count;
    size_t time_capacity;
    size_t value_capacity;
};

/* Frees both arrays; it is empty then. */
void columns_fini(struct columns *columns);

/* Room for more samples behind the last. TM_NOMEM. */
enum tm_err columns_reserve(struct columns *columns, size_t more) TM_MUST_CHECK;

/* Adds one. There must be room. */
static inline void columns_add(struct columns *columns, time_ms_t time, double value)
{
    columns->times[columns->count] = time;
    columns->values[columns->count++] = value;
}

/* Puts them in order of time, each time once: of equal times the one added last stays. TM_NOMEM. */
enum tm_err columns_settle(struct columns *columns) TM_MUST_CHECK;

/* The first sample from `from` on at or behind time; count if there is none. Settled columns only. */
size_t columns_find(const struct columns *columns, size_t from, time_ms_t time);

#endif
