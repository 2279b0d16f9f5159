/* Follows the e-value of a test from tick to tick. Pure; any thread. */
#ifndef TM_SCORING_TRACE_H
#define TM_SCORING_TRACE_H

#include <stdint.h>

/* The time of an onset that was not. */
#define SCORE_NEVER INT64_MIN

struct score_trace {
    double ln_e;      /* now */
    double ln_e_peak; /* the highest so far; 0 or more */
    int64_t onset_ms; /* the first tick after E was last below 1; SCORE_NEVER while it is, and before */
};

/* A trace on which nothing was seen. */
#define SCORE_TRACE_START                                                                                    \
    (struct score_trace)                                                                                     \
    {                                                                                                        \
        .onset_ms = SCORE_NEVER                                                                              \
    }

/* Takes the e-value that the tick which began at at_ms left. */
static inline void score_trace_follow(struct score_trace *trace, double ln_e, int64_t at_ms)
{
    trace->ln_e = ln_e;
    if (ln_e > trace->ln_e_peak)
        trace->ln_e_peak = ln_e;
    if (ln_e < 0)
        trace->onset_ms = SCORE_NEVER;
    else if (trace->onset_ms == SCORE_NEVER && ln_e > 0)
        trace->onset_ms = at_ms;
}

#endif
