/* Counts that are nearly always 0: errors of one page group, an exception that nobody has met. */
#ifndef TM_SCORING_RARE_COUNT_H
#define TM_SCORING_RARE_COUNT_H

#include <stdint.h>

/* As long as any return period is said to be. */
#define SCORE_PERIOD_MAX_H 1e12

/* How rare such a count can be said to be after so many samples, in hours; SCORE_PERIOD_MAX_H: this has no
 * word in it.
 *
 * A series that was 0 for n samples can't tell more than that a first event comes once in about 2 n: its mean
 * absolute deviation is 0, and anything else looks infinitely far off. Probability of a sample with an event:
 * p = mean + 1/2 / (n + 1) (the half is Jeffreys' prior of a Poisson rate); events come in bursts, whose
 * sizes fall off by a power at most: count^3 / p samples. Only where p is below a half; a count below the
 * mean is nothing there: 0. The power was chosen on the demo's log, not fitted. Pure; any thread. */
double score_rare_count_hours(uint64_t samples, double mean, double count, double interval_ms);

#endif
