/* What is kept of the samples of one series in a stretch of time. */
#ifndef TM_MODEL_ROLLUP_H
#define TM_MODEL_ROLLUP_H

#include <stdint.h>

#include "storage/model/clock.h"

/* A bucket of five minutes or an hour, from start on. Staleness markers are no samples. NaN counts, makes sum
 * NaN, and is min or max only where all are. */
struct rollup {
    time_ms_t start;
    time_ms_t last_time; /* of its newest sample */
    uint64_t count;
    double sum; /* added to 0 in order of time */
    double min;
    double max;
    double last;
    /* What a counter grew by: over each finite sample and the finite one before it, if that is at most an
     * hour older and in whatever bucket; a lower value is a reset and counts itself. So hours add up. */
    double increase;
};

#endif
