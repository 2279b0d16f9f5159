#include "scoring/first_private.h"
#include "scoring/maths.h"

/* f of README.md: level, residual and step now, and levels, steps, residuals at five scales, each compressed.
 */
static void list_features(const struct score_first *state, const struct first_sample *s, double *f)
{
    *f++ = score_asinh((s->value - state->mean) / s->deviation);
    *f++ = score_asinh(s->residual / s->error);
    *f++ = score_asinh(s->step / s->typical_step);
    for (int j = 0; j < FIRST_SCALES; j++)
        *f++ = score_asinh((state->scales[j].level - state->mean) / s->deviation);
    for (int j = 0; j < FIRST_SCALES; j++)
        *f++ = score_ln(state->scales[j].step / s->typical_step + 0.05);
    for (int j = 0; j < FIRST_SCALES; j++)
        *f++ = score_asinh(state->scales[j].residual / s->error);
}

/* Where a family's statistics stand in the state. The profiles share the last places. */
enum {
    PLACE_DENSITY = 0,
    PLACE_SEASON = 1,
    PLACE_LEVEL = 5,
    PLACE_FAR = 8,
    PLACE_FAST = 11,
    PLACE_STEP = 8,
    PLACE_OFF = 9,
};

/* One sample's judgement as it is made. */
struct bench {
    struct score_first *state;
    struct score_first_result *out;
    double strongest;
};

/* The surprisal of one statistic of a family, which looks over `scale` samples; then counts it. */
static double judge(struct bench *bench, int place, double log2_value, enum first_family family,
                    uint32_t scale)
{
    struct score_surprisal *past = &bench->state->statistics[place];
    double surprisal = score_surprisal_of(past, log2_value);
    score_surprisal_add(past, log2_value, surprisal);
    if (surprisal > bench->strongest) {
        bench->strongest = surprisal;
        bench->out->strongest = family;
        bench->out->scale = scale;
    }
    return surprisal;
}

static void judge_density(const struct score_first_model *model, struct bench *bench,
                          const struct first_sample *s)
{
    double features[DENSITY_FEATURES];
    list_features(bench->state, s, features);
    struct score_place place = score_place_of(&model->axes, features);
    double log2_value = score_density_of(&bench->state->density, &place);
    score_density_add(&bench->state->density, &place);
    bench->out->family[FIRST_DENSITY] = judge(bench, PLACE_DENSITY, log2_value, FIRST_DENSITY, 1);
}

/* |R_j| / e */
static void judge_season(struct bench *bench, const struct first_sample *s)
{
    double sum = 0;
    for (int j = 1; j < FIRST_SCALES; j++) {
        double ratio = score_abs(bench->state->scales[j].residual) / s->error;
        sum += judge(bench, PLACE_SEASON + j - 1, score_log2(ratio), FIRST_SEASON, first_scale_samples[j]);
    }
    bench->out->family[FIRST_SEASON] = sum / (FIRST_SCALES - 1);
}

/* |L_j - L_(j+1)| / g */
static void judge_level(struct bench *bench, const struct first_sample *s)
{
    const struct first_scale *scales = bench->state->scales;
    double sum = 0;
    for (int j = 1; j + 1 < FIRST_SCALES; j++) {
        double ratio = score_abs(scales[j].level - scales[j + 1].level) / s->typical_step;
        sum += judge(bench, PLACE_LEVEL + j - 1, score_log2(ratio), FIRST_LEVEL, first_scale_samples[j]);
    }
    bench->out->family[FIRST_LEVEL] = sum / (FIRST_SCALES - 2);
}

/* |L_j - m| / d of the three longest scales, |R_0| / e */
static void judge_for_nab(struct bench *bench, const struct first_sample *s)
{
    const struct first_scale *scales = bench->state->scales;
    double sum = 0;
    for (int j = 2; j < FIRST_SCALES; j++) {
        double ratio = score_abs(scales[j].level - bench->state->mean) / s->deviation;
        sum += judge(bench, PLACE_FAR + j - 2, score_log2(ratio), FIRST_FAR, first_scale_samples[j]);
    }
    bench->out->family[FIRST_FAR] = sum / 3;
    double ratio = score_abs(scales[0].residual) / s->error;
    bench->out->family[FIRST_FAST] =
        judge(bench, PLACE_FAST, score_log2(ratio), FIRST_FAST, first_scale_samples[0]);
}

/* min(|x_t - x_(t-1)|, |r_t - r_(t-1)|) / g, min(|x - m|, |r|) / d: what happens at this time every day is no
 * surprise, and nor is the edge between two half hours. */
static void judge_for_operations(struct bench *bench, const struct first_sample *s)
{
    double step = s->surprising_step / s->typical_step;
    double off = score_min(score_abs(s->value - bench->state->mean), score_abs(s->residual)) / s->deviation;
    bench->out->family[FIRST_STEP] = judge(bench, PLACE_STEP, score_log2(step), FIRST_STEP, 1);
    bench->out->family[FIRST_OFF] = judge(bench, PLACE_OFF, score_log2(off), FIRST_OFF, 1);
}

void score_first_judge(const struct score_first_model *model, struct score_first *state,
                       const struct first_sample *s, struct score_first_result *out)
{
    struct bench bench = {.state = state, .out = out};
    out->scale = 1;
    judge_density(model, &bench, s);
    judge_season(&bench, s);
    judge_level(&bench, s);
    if (model->profile == FIRST_NAB)
        judge_for_nab(&bench, s);
    else
        judge_for_operations(&bench, s);
    double off =
        score_max(score_abs(s->value - state->mean) / s->deviation, score_abs(s->residual) / s->error);
    out->z = score_min(off, 1e9);
}
