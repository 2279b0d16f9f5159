/* Did the rate of something bad rise since a deploy? A sequential test on counts: errors of a status class
 * per request of a page group, exceptions per request, requests slower than a limit (latency_test.h).
 *
 * Two baselines, the window before and the same hour a week ago, must both be exceeded: E is the smaller of
 * their e-values. Both drift, so the higher one is high in part by chance and counts as lower by a quarter of
 * how far they are apart (as ln; from half a unit on by less, from one on by nothing: that is no drift). The
 * null hypothesis is not "the rate is the old one" but "it is within what this series drifts by anyway", as
 * rates of real services always move a little; so a busy service raises no alarm over nothing. The variance
 * of the drift doubles until as much was counted as in the window: the time since drifts itself.
 *
 * One tick adds what was counted since the last one; the test may be read after any of them. Memory is the
 * caller's. Pure; any thread, one at a time per test. */
#ifndef TM_SCORING_COUNTS_TEST_H
#define TM_SCORING_COUNTS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/mixture.h"
#include "scoring/trace.h"

/* Below this many trials before, and without a prior rate, nothing is tested. */
#define SCORE_BASE_TRIALS 50.0
/* Last week's hour counts from this many trials on. */
#define SCORE_WEEK_TRIALS 200.0
/* The sd of ln(rate ratio of neighbouring windows) where none was learned. */
#define SCORE_DRIFT 0.12
/* Rates of minutes vary by at least this (CV), whatever few errors before could tell. */
#define SCORE_MINUTE_CV 0.10

/* What a rise is measured in. */
enum score_rise {
    SCORE_RISE_RATE, /* errors: rates from 1.5 to 50 times; allowed is a tenth more, at least 0.0002 */
    SCORE_RISE_ODDS, /* latency: odds from 1.3 to 20 times; allowed is the base's tolerance */
    SCORE_RISES
};

/* What is known before the deploy. */
struct score_counts_base {
    enum score_law law;
    enum score_rise rise;
    struct score_tally before; /* usually 60 min up to the marker */
    struct score_tally week;   /* the same hour a week ago, if nothing was wrong then; trials 0: none */
    double before_ms;          /* how long before is; 0: unknown, then all traffic is taken as alike */
    double dispersion;         /* of score_dispersion by minutes of before; 1 when unknown */
    double drift;              /* SCORE_DRIFT when unknown */
    double minute_cv;          /* of score_minute_cv of the whole service, for a group; 0: unknown */
    double tolerance;          /* of odds, for SCORE_RISE_ODDS */
    double prior_rate;         /* of the whole service, for a group that had little traffic; 0: none. A group
                                  whose own rate is the higher one is held to that */
};

/* A test under way. */
struct score_counts {
    struct score_counts_base base;
    struct score_tally after; /* since the marker */
    double busy; /* sum of n (n - 1) / ms over the ticks: over after.trials, the traffic a hit saw */
    struct score_trace trace;
};

/* Starts a test at a marker. Figures of base outside their ranges are brought within them. */
void score_counts_begin(struct score_counts *test, const struct score_counts_base *base);

/* Adds one tick, from from_ms to to_ms. Negative and non-finite counts add nothing; from 2^50 trials on
 * nothing is added any more. The dispersion of the time after grows with its traffic: minutes whose rates
 * vary by a CV of c have a variance of (1 + c^2 mu) times their mean mu, so a surge of thirty times brings
 * thirty times of what is above 1. So ticks should be at most a minute long. */
void score_counts_add(struct score_counts *test, struct score_tally tick, int64_t from_ms, int64_t to_ms);

/* Is there a baseline to test against? If not ln_e stays 0. */
bool score_counts_tested(const struct score_counts *test);

/* How much wider counts of bins (at least 3, else 1) vary than their law says: Pearson's chi2 over degrees of
 * freedom, each bin's variance floored at 0.3, within 1 and most (20 for errors, 50 for latency). */
double score_dispersion(enum score_law law, const struct score_tally *bins, size_t count, double most);

/* By how much the rates of minutes vary beyond their law, as a CV: sqrt((dispersion - 1) / mean hits of a
 * bin), at most 1. Groups with few errors cannot tell their own; they take their service's. */
double score_minute_cv(enum score_law law, const struct score_tally *bins, size_t count);

/* The sd of ln(ratio) of neighbouring windows (hours of the past, in order) beyond what chance does: the root
 * of the mean square of ln((k+1/2)/n) differences less their Poisson variance, drawn towards SCORE_DRIFT as
 * by 10 pairs of it. Windows below 5 hits are left out. Within 0.05 and 1. */
double score_drift(const struct score_tally *windows, size_t count);

/* ---- kept state: version, then the figures, little-endian ---- */

enum { SCORE_COUNTS_VERSION = 1, SCORE_COUNTS_BYTES = 2 + 13 * 8 + 3 * 8 };

/* Writes the state. */
void score_counts_encode(const struct score_counts *test, uint8_t out[SCORE_COUNTS_BYTES]);
/* Reads what was written. false: other version, other length, or figures that no test has; *test is then
 * unchanged. */
bool score_counts_decode(struct score_counts *test, const uint8_t *data, size_t len);

#endif
