/* Did the level of a gauge (CPU, heap, queue length) change since a deploy? A sequential test on the mean of
 * its residuals against the seasonal baseline: Gaussian, with the series' own persistence, a tolerance of
 * 0.4 sd that any series drifts by, and an effect of about 3 sd under the alternative. Pure; any thread, one
 * at a time per test. */
#ifndef TM_SCORING_GAUGE_TEST_H
#define TM_SCORING_GAUGE_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/trace.h"

enum score_direction { SCORE_UP_IS_BAD, SCORE_DOWN_IS_BAD, SCORE_EITHER_IS_BAD, SCORE_DIRECTIONS };

/* Running mean and sum of squares (Welford 1962). */
struct score_moments {
    double count;
    double mean;
    double squares; /* about the mean */
};

/* Adds a sample; what is not finite or beyond 1e150 is left out. */
void score_moments_add(struct score_moments *moments, double value);
/* Variance with count - 1; 0 below 2 samples. */
double score_moments_variance(const struct score_moments *moments);

struct score_gauge_base {
    struct score_moments before;    /* residuals, usually 60 min of them */
    double persistence;             /* correlation of neighbouring samples, of score_persistence */
    double resolution;              /* the least change that anyone would look at; 0: unknown */
    enum score_direction direction; /* which change is bad */
};

/* Correlation of each sample with the next (count samples, no gaps), within 0 and 0.98; 0 below 3 samples. */
double score_persistence(const double *values, size_t count);

/* A test under way. */
struct score_gauge {
    struct score_gauge_base base;
    struct score_moments after;
    struct score_trace trace;
};

/* Starts a test at a marker. */
void score_gauge_begin(struct score_gauge *test, const struct score_gauge_base *base);

/* Adds one sample of at_ms; from the fifth on they are evidence. With s the sd before (at least resolution,
 * and 2 % of the level, as nothing varies less), f = (1 + rho)/(1 - rho), D the difference of means, n0 and n
 * the counts, and s1 the larger of both sds, so that a series which only becomes wilder is not said to have
 * moved: V0 = s^2 f/n0 + (0.4 s)^2 + s1^2 f/n,   V1 = V0 + (3 s)^2, ln E = -ln(V1/V0)/2 - D^2 (1/V1 -
 * 1/V0)/2, and for one direction, with the half of the effect's prior that lies there, + ln(2 Phi(3 s D /
 * sqrt(V0 V1))). */
void score_gauge_add(struct score_gauge *test, double value, int64_t at_ms);

/* Is there a baseline? At least 10 samples, and not all zero with no resolution given: then no scale is
 * known. If not, E stays 1. */
bool score_gauge_tested(const struct score_gauge *test);

/* The change in sds of before; 0 when untested. */
double score_gauge_effect(const struct score_gauge *test);

/* ---- kept state ---- */

enum { SCORE_GAUGE_VERSION = 1, SCORE_GAUGE_BYTES = 2 + 8 * 8 + 3 * 8 };

/* Writes the state. */
void score_gauge_encode(const struct score_gauge *test, uint8_t out[SCORE_GAUGE_BYTES]);
/* Reads what was written. false: other version or length, or figures that no test has; *test is unchanged. */
bool score_gauge_decode(struct score_gauge *test, const uint8_t *data, size_t len);

#endif
