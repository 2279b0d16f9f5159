/* How rare is a statistic's value on its own past: a histogram of its logarithm, and a fitted tail beyond it.
 */
#ifndef TM_SCORING_SURPRISAL_H
#define TM_SCORING_SURPRISAL_H

#include <stdbool.h>
#include <stdint.h>

enum { SURPRISAL_BINS = 55, SURPRISAL_PER_OCTAVE = 3, SURPRISAL_FROM_OCTAVE = -8 };

/* No surprisal is above this: 1 in 10^20 cannot be told from 1 in 10^30. */
#define SURPRISAL_MAX 20.0

/* Counts of half samples by log2 of the value; values outside the 18 octaves fall into the last bin there.
 * Halved at 20,000 samples, so that old behaviour fades. All bits zero is an empty one. */
struct score_surprisal {
    uint16_t half_counts[SURPRISAL_BINS];
    uint16_t halves; /* their sum */
};

/* log10(1/p) of the value 2^log2_value, where p estimates the share of earlier values at or above it:
 *   in the body: (N+1) / (count above + 1/2);
 *   beyond u, the edge above which k = max(5, N/50) values were seen: a Pareto tail (Weissman 1978) whose
 * index is Hill's mean of ln(value/u) over those c values, shrunk towards 0.2 by five prior values: p(q) = (c
 * + 1/2)/(N+1) (q/u)^-alpha, alpha = (c+5)/(sum ln(value/u) + 1), at most 30. 0 before 30 values, at most
 * SURPRISAL_MAX. Does not add the value. */
double score_surprisal_of(const struct score_surprisal *past, double log2_value);

/* Counts the value; one that was itself surprising (over 2.5) counts half, so that an anomaly teaches less.
 */
void score_surprisal_add(struct score_surprisal *past, double log2_value, double surprisal);

/* True if adding can have left it: not more counts than are kept, and their sum. */
bool score_surprisal_is_sound(const struct score_surprisal *past);

#endif
