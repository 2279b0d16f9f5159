/* Between the parts of the first line. */
#ifndef TM_SCORING_FIRST_PRIVATE_H
#define TM_SCORING_FIRST_PRIVATE_H

#include "scoring/first.h"

/* The time scales s, in samples; an average over s has the weight 2/(s+1). */
static const uint32_t first_scale_samples[FIRST_SCALES] = {4, 12, 36, 108, 324};

/* One sample beside what was known before it. Values relative to the origin. */
struct first_sample {
    time_ms_t time;
    int season;
    double value;
    double step;            /* |x_t - x_(t-1)| */
    double surprising_step; /* what the season does not explain of it */
    double expected;        /* S_b, the long level while the bucket is empty */
    double residual;        /* value - expected */
    double deviation;       /* d, g, e, never 0 */
    double typical_step;
    double error;
};

/* Surprisals of all statistics and the families' means into *out; then counts them. */
void score_first_judge(const struct score_first_model *model, struct score_first *state,
                       const struct first_sample *s, struct score_first_result *out);

/* The profile's raw score, its calibration, and whether an incident opens. */
void score_first_decide(const struct score_first_model *model, struct score_first *state,
                        const struct first_sample *s, struct score_first_result *out);

#endif
