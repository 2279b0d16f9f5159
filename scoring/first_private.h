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
    int slot;       /* of the week */
    double by_day;  /* value - S_b */
    double by_week; /* what the week says that is */
    double value;
    double step;            /* |x_t - x_(t-1)| */
    double surprising_step; /* what the season does not explain of it */
    double expected;        /* S_b + W, the long level while the bucket is empty */
    double residual;        /* value - expected */
    double deviation;       /* d, g, e, never 0 */
    double typical_step;
    double error;
};

/* W: what x - S_b is at a moment of the local week (seconds since 1970, local), between the middles of slots
 * of four hours, but not over midnight, where a day of another kind may begin. Of each slot the median of the
 * last three weeks, weeks not seen yet taken as 0: two must agree, and one that was odd (an outage, a
 * holiday) says nothing. *slot: the one that the moment is in. */
double score_week_expects(const struct score_week *week, int64_t local_s, int *slot);

/* True where the week was better than the day alone by a tenth over the last fortnight. */
bool score_week_is_better(const struct score_week *week);

/* Learns a sample's x - S_b (by_day) beside what was expected of it (by_week). */
void score_week_learn(struct score_week *week, int slot, double by_day, double by_week, double interval_ms);

/* True if learning can have left it. */
bool score_week_is_sound(const struct score_week *week);

/* Surprisals of all statistics and the families' means into *out; then counts them. */
void score_first_judge(const struct score_first_model *model, struct score_first *state,
                       const struct first_sample *s, struct score_first_result *out);

/* The profile's raw score, its calibration, and whether an incident opens. */
void score_first_decide(const struct score_first_model *model, struct score_first *state,
                        const struct first_sample *s, struct score_first_result *out);

#endif
