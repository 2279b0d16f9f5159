/* Counts: exact signed 64-bit sums per series, cell and 10 s of event time. A plain count or sum uses cell 0
 * alone; a histogram uses cell 0 for its sum and the others for its buckets. */
#ifndef TM_STORAGE_CELL_H
#define TM_STORAGE_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/clock.h"

enum { CELL_SUM = 0, CELL_MS = 10000, CELLS_A_DAY = 8640 };

/* Which 10 s a time lies in, counted from 1970. */
static inline int64_t cell_slot(time_ms_t time)
{
    return time / CELL_MS - (time % CELL_MS < 0);
}

/* When that begins; what lies before or behind all time is its end. */
static inline time_ms_t cell_time(int64_t slot)
{
    time_ms_t time;
    if (__builtin_mul_overflow(slot, (int64_t)CELL_MS, &time))
        return slot < 0 ? INT64_MIN : INT64_MAX;
    return time;
}

/* *sum + add; what does not fit in 64 bits stays at the bound, and true says so. */
static inline bool cell_add(int64_t *sum, int64_t add)
{
    bool is_over = __builtin_add_overflow(*sum, add, sum);
    if (is_over)
        *sum = add > 0 ? INT64_MAX : INT64_MIN;
    return is_over;
}

#endif
