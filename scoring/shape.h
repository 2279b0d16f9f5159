/* The second line: not for every sample, but on demand for a moment that matters. What the first line found
 * is held against the course of the series itself: was there ever a stretch like this one, and when? */
#ifndef TM_SCORING_SHAPE_H
#define TM_SCORING_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SHAPE_PARTS = 16,      /* of a stretch */
    SHAPE_SCALES = 4,      /* stretches are 16, 32, 64 and 128 values long */
    SHAPE_SAMPLE = 100,    /* earlier stretches that stand for the past */
    SHAPE_VALUES_MIN = 640 /* below, nothing can be said */
};

/* From this surprisal on even the nearest is not called alike: one stretch in ten is as far from its own. */
#define SHAPE_UNLIKE 1.0
/* Two courses that are one but for noise are 1.25 mean steps apart (2^(1/2) standard deviations, where a step
 * is 2 / pi^(1/2)), seldom 2. From there on they are not called alike, unless that is usual. */
#define SHAPE_APART 2.0

/* How the last values of a series compare with its past. */
struct score_shape {
    double surprisal; /* log10(1/p), 0..20: how rarely a stretch is so far from its nearest */
    double distance;  /* from the most similar one: root mean square of differences, in mean steps; at most
                         10^9 */
    size_t nearest;   /* the place of that one's last value */
    size_t length;    /* of a stretch, in values */
    size_t compared;  /* stretches of the past behind surprisal */
};

/* Compares the stretch at the end of equally spaced values (NaN: not known) with all that lie wholly before
 * it. A stretch of scale i is the last 16 * 2^i values as 16 averages (piecewise aggregate approximation,
 * Keogh 2001). The distance to its nearest neighbour is held to those that 100 stretches, drawn from all the
 * past, have to theirs, overlaps left out (conformal nearest neighbours: Burnaev, Ishimtsev 2016), with the
 * surprisal of the first line; of the four scales the most surprising one stands, less log10(4); the shortest
 * if none is from SHAPE_UNLIKE on. scratch: count numbers. At most 3,300 count differences in all; they are
 * given up early. Infinite values count as unknown, sizes above 1e30 as that. False, and *out is zero: fewer
 * than SHAPE_VALUES_MIN values, or the end is unknown. */
bool score_shape_of(const double *values, size_t count, double *scratch, struct score_shape *out);

#endif
