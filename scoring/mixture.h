/* The heart of the deploy tests: how much more likely counts are under a rise than under no change.
 *
 * An e-value is a figure whose mean is at most 1 while nothing changed, at whatever moment one looks (Ville's
 * inequality: it reaches 1/a with probability a at most). Here it is a ratio of two likelihoods of all counts
 * since a marker, each averaged over a prior: beta-binomial for hits among trials (Robbins 1970; Howard,
 * Ramdas, McAuliffe and Sekhon 2021), gamma-Poisson for events over an exposure. Natural logarithms
 * throughout; results lie within +-SCORE_LN_E_MAX and are never NaN. Pure; any thread. */
#ifndef TM_SCORING_MIXTURE_H
#define TM_SCORING_MIXTURE_H

#include <stddef.h>

#define SCORE_LN_E_MAX 700.0

enum score_law {
    SCORE_BINOMIAL, /* hits among trials: hits are at most trials */
    SCORE_POISSON,  /* events over an exposure: hits may pass it */
    SCORE_LAWS
};

/* What was counted: hits (errors, exceptions, slow requests) among trials (requests, or seconds). Both
 * finite, 0 or more. */
struct score_tally {
    double hits;
    double trials;
};

/* ln E = ln mean_i L(seen; m rates[i]) - ln L(seen; m null_rate), where for SCORE_BINOMIAL
 *   ln L(k of n; a) = ln B(a + k, m - a + n - k) - ln B(a, m - a)
 * and for SCORE_POISSON
 *   ln L(k over n; a) = ln Gamma(a + k) - ln Gamma(a) + a ln m - (a + k) ln(m + n).
 * m is the concentration: how many trials the knowledge of the null rate is worth. It is above 0, and so are
 * the rates, below 1 for SCORE_BINOMIAL; count is at least 1. */
double score_mixture_ln_e(enum score_law law, struct score_tally seen, double concentration, double null_rate,
                          const double *rates, size_t count);

/* ln(sum of w[i] exp(x[i]) / sum of w[i]) without overflow; w NULL: all weights 1. 0 when count or the sum of
 * weights is 0. A mean of e-values is an e-value, whatever their dependence. */
double score_ln_mean_exp(const double *x, const double *w, size_t count);

/* value within low and high; NaN becomes low. */
double score_clamp(double value, double low, double high);

#endif
