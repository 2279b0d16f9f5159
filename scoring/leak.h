/* Does something fill up since a deploy, and when is it full? Memory, disk, handles: any gauge with a limit.
 * Pure; any thread. */
#ifndef TM_SCORING_LEAK_H
#define TM_SCORING_LEAK_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SCORE_LEAK_STEP_MS = 300000, /* a point is the minimum of 5 min */
    SCORE_LEAK_LOOKS = 4,
    SCORE_LEAK_POINTS_MAX = 96 /* of the last look, 8 h */
};

/* No time at which the limit is reached. */
#define SCORE_LEAK_NO_LIMIT_HOURS 1e6

struct score_leak_terms {
    double limit;     /* what it may grow to; 0 or less: unknown */
    double least;     /* growth an hour that is not worth a word; for memory 1 MiB */
    double hours_max; /* a limit further off is not worth a word; usually 24 */
};

struct score_leak {
    double z;                /* of Mann and Kendall's trend test; above 0: grows */
    double p;                /* one-sided */
    double slope, low, high; /* growth an hour with its 95 % interval */
    double level;            /* at the end, by the trend */
    double hours_to_limit;   /* at the slope, from the end */
    bool found;              /* grows beyond doubt, and matters */
    double ln_e;             /* of this look: see below */
};

/* How many points look number look (0 to SCORE_LEAK_LOOKS - 1) needs: 12, 24, 48, 96 (1, 2, 4 and 8 h). */
size_t score_leak_points(unsigned look);

/* Looks at the minima of 5 min each since the deploy, less their seasonal part; those missing are NaN, and
 * only the first score_leak_points(look) are used. The first half is warm-up and left out. Found, when
 *   Mann-Kendall's p (1945, 1975; ties corrected) is at most 0.01 / ((look+1)(look+2)), so that all looks
 *   together find at most 1 % of what does not grow;
 *   the lower limit of Theil and Sen's slope (1950, 1968) is above terms.least;
 *   and the limit is reached within terms.hours_max, or, without one, the level doubles in that time.
 * E is p^(-1/2)/2 when found (Vovk and Wang 2021), else 1 - sqrt(alpha), alpha being the bound on p: its mean
 * is at most 1. With fewer than 6 points left all is 0, nothing found and E = 1. */
struct score_leak score_leak_look(const double *minima, size_t count, unsigned look,
                                  const struct score_leak_terms *terms);

/* ln of the e-value of the looks so far, the first count of them: each has the weight 1/((look+1)(look+2)),
 * and what was not looked at yet counts 1. */
double score_leak_ln_e(const struct score_leak *looks, unsigned count);

#endif
