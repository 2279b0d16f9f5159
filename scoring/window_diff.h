/* What differs between two windows of time, and by how much: counts, gauges and histograms on one scale, so
 * that thousands of series can be ranked together. The effect is Cohen's d: how many spreads of a normal
 * minute the level moved. The surprise is a Gaussian e-value of that effect against "moved by what it wobbles
 * by anyway". The score, by which they are ranked, is of the least effect that is sure. Pure; any thread. */
#ifndef TM_SCORING_WINDOW_DIFF_H
#define TM_SCORING_WINDOW_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "scoring/gauge_test.h"
#include "scoring/latency_test.h"

struct score_diff {
    double observed, normal; /* a minute's mean; of a histogram the median in microseconds */
    double effect;           /* in spreads; above 0: higher than normal */
    double ln_e;             /* surprise; within +-SCORE_LN_E_MAX */
    double error;            /* of effect: its standard error squared, if nothing differs */
    double score; /* 0..100: 100 (1 - exp(-least / 3)), least = |effect| - 0.4 - 1.96 standard errors */
};

/* Events in normal minutes (hits; trials are minutes) beside those of the window. dispersion (1 or more) as
 * of score_dispersion by minutes. Spread: sqrt(dispersion x events a minute, at least 0.3). */
struct score_diff score_diff_counts(struct score_tally normal, struct score_tally observed,
                                    double dispersion);

/* A gauge's samples in normal time, with their persistence, beside those of the window. Spread: the sd, at
 * least resolution and half a percent of the normal level. Nothing but zeros without a resolution is no
 * difference of any size. */
struct score_diff score_diff_gauge(const struct score_moments *normal, const struct score_moments *observed,
                                   double persistence, double resolution);

/* The spread of it; 0: nothing but zeros. */
double score_diff_spread(const struct score_moments *normal, double resolution);

/* A value of the window, moved to within 40 spreads of the normal mean, so that one wild minute is not taken
 * for the window. */
double score_diff_bounded(double value, const struct score_moments *normal, double spread);

/* Two histograms: d = sqrt(2) Phi^-1(P(slower)), Mann and Whitney's share of pairs (score_bins_slower);
 * persistence of neighbouring requests widens its error, 0 when unknown. */
struct score_diff score_diff_histogram(struct score_bins normal, struct score_bins observed,
                                       double persistence);

/* The same difference, in the light of the time right before the window (before: its own difference from
 * normal): what stood as it does already then is no news at the time of the window. least becomes a fifth of
 * itself and four fifths of the least change since, where that is smaller. */
struct score_diff score_diff_since(struct score_diff diff, const struct score_diff *before);

/* Sorts indices (0 to count - 1, any order on entry) by score, highest first; the larger surprise, then the
 * lower index first among equals. O(n log n), in place. */
void score_diff_rank(const struct score_diff *diffs, uint32_t *indices, size_t count);

#endif
