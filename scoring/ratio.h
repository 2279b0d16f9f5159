/* How many times as high a rate is after a deploy as before, with its 95 % interval. Pure; any thread. */
#ifndef TM_SCORING_RATIO_H
#define TM_SCORING_RATIO_H

#include "scoring/mixture.h"

/* Limits of a ratio lie within 1/SCORE_RATIO_MAX and this: beyond it there is none. */
#define SCORE_RATIO_MAX 1e6

/* low <= ratio <= high; all finite and above 0. */
struct score_ratio {
    double ratio;
    double low;
    double high;
};

/* What an interval is made with. */
struct score_ratio_terms {
    double dispersion; /* of counts, 1 or more */
    double drift;      /* sd of ln(ratio) that is there without a change; 0: none */
    double floor;      /* added to both rates, so that rises below it are not told from none; 0: none */
};

/* Rate of after over rate of before, (k + 1/2) / n each. The limits are Byar's for each count (Breslow and
 * Day 1987), brought together on the logarithm by MOVER (Donner and Zou 2012), the drift as a third part.
 * Without trials on either side: ratio 1, no limits. */
struct score_ratio score_ratio(struct score_tally before, struct score_tally after,
                               const struct score_ratio_terms *terms);

#endif
