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

/* The families' surprisals, and which of all statistics is the strongest. */
struct verdict {
    double strongest;
    enum first_family family;
    uint32_t scale;
};

static void weigh(struct verdict *verdict, double surprisal, enum first_family family, uint32_t scale)
{
    if (surprisal > verdict->strongest)
        *verdict = (struct verdict){surprisal, family, scale};
}

static double judge_statistic(struct score_first *state, int which, double log2_value)
{
    struct score_surprisal *past = &state->statistics[which];
    double surprisal = score_surprisal_of(past, log2_value);
    score_surprisal_add(past, log2_value, surprisal);
    return surprisal;
}

static double judge_density(const struct score_first_model *model, struct score_first *state,
                            const struct first_sample *s)
{
    double features[DENSITY_FEATURES];
    list_features(state, s, features);
    struct score_place place = score_place_of(&model->axes, features);
    double log2_value = score_density_of(&state->density, &place);
    score_density_add(&state->density, &place);
    return judge_statistic(state, FIRST_STAT_DENSITY, log2_value);
}

static double judge_season(struct score_first *state, const struct first_sample *s, struct verdict *verdict)
{
    double sum = 0;
    for (int j = 1; j < FIRST_SCALES; j++) {
        double ratio = score_abs(state->scales[j].residual) / s->error;
        double surprisal = judge_statistic(state, FIRST_STAT_SEASON + j - 1, score_log2(ratio));
        weigh(verdict, surprisal, FIRST_SEASON, first_scale_samples[j]);
        sum += surprisal;
    }
    return sum / (FIRST_SCALES - 1);
}

static double judge_level(struct score_first *state, const struct first_sample *s, struct verdict *verdict)
{
    double sum = 0;
    for (int j = 1; j + 1 < FIRST_SCALES; j++) {
        double ratio = score_abs(state->scales[j].level - state->scales[j + 1].level) / s->typical_step;
        double surprisal = judge_statistic(state, FIRST_STAT_LEVEL + j - 1, score_log2(ratio));
        weigh(verdict, surprisal, FIRST_LEVEL, first_scale_samples[j]);
        sum += surprisal;
    }
    return sum / (FIRST_SCALES - 2);
}

void score_first_judge(const struct score_first_model *model, struct score_first *state,
                       const struct first_sample *s, struct score_first_result *out)
{
    struct verdict verdict = {.scale = 1};
    out->family[FIRST_DENSITY] = judge_density(model, state, s);
    weigh(&verdict, out->family[FIRST_DENSITY], FIRST_DENSITY, 1);
    out->family[FIRST_SEASON] = judge_season(state, s, &verdict);
    out->family[FIRST_LEVEL] = judge_level(state, s, &verdict);
    out->strongest = verdict.family;
    out->scale = verdict.scale;
    double ratio = score_abs(state->scales[0].residual) / s->error;
    out->fast = judge_statistic(state, FIRST_STAT_FAST, score_log2(ratio));
    double off =
        score_max(score_abs(s->value - state->mean) / s->deviation, score_abs(s->residual) / s->error);
    out->z = score_min(off, 1e9);
}
