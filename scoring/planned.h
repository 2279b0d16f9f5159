/* What a planned event is expected to bring, from earlier ones of its class. Memory is the caller's. Pure;
 * any thread. */
#ifndef TM_SCORING_PLANNED_H
#define TM_SCORING_PLANNED_H

#include <stddef.h>

enum { SCORE_PLANNED_EVENTS = 8 }; /* earlier ones that are looked at, at most */

/* One step of the curve. NaN: no earlier event tells. */
struct score_planned {
    double expected; /* median of the earlier events */
    double low;      /* the least and the most of them; NaN with fewer than two: one event has no interval */
    double high;
    size_t events; /* that tell */
};

/* The step that earlier events (count of them, at most SCORE_PLANNED_EVENTS; what is not finite tells
 * nothing) had these values in, at the same distance from their starts. */
struct score_planned score_planned_step(const double *values, size_t count);

#endif
