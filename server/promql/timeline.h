/* The moments at which an expression is evaluated, and columns over them: one value a moment. */
#ifndef TM_PROMQL_TIMELINE_H
#define TM_PROMQL_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "storage/model/clock.h"

/* count moments, step_ms apart; count >= 1, step_ms > 0. */
struct timeline {
    time_ms_t start;
    int64_t step_ms;
    size_t count;
};

static inline time_ms_t timeline_at(const struct timeline *timeline, size_t step)
{
    return timeline->start + (int64_t)step * timeline->step_ms;
}

static inline time_ms_t timeline_end(const struct timeline *timeline)
{
    return timeline_at(timeline, timeline->count - 1);
}

/* Stands in a column where there is no value. The bits are those of Prometheus' staleness marker, which is no
 * result of any arithmetic: so a marker that was stored is read as what it says. */
#define ABSENT_BITS UINT64_C(0x7ff0000000000002)

static inline double absent(void)
{
    uint64_t bits = ABSENT_BITS;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline bool is_absent(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits == ABSENT_BITS;
}

static inline void fill_absent(double *column, size_t count)
{
    for (size_t i = 0; i < count; i++)
        column[i] = absent();
}

/* Is there any value in it? */
static inline bool has_values(const double *column, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_absent(column[i]))
            return true;
    }
    return false;
}

#endif
