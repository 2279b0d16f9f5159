#include "scoring/first.h"

#include "scoring/first_private.h"
#include "scoring/maths.h"

#define VALUE_MAX   1e30
#define LONG_MEMORY 0.0003
enum { HISTOGRAMS_FROM = 40, SCORES_FROM = 100, DAY_S = 86400 };

void score_first_model_init(struct score_first_model *model, enum first_profile profile, uint64_t seed)
{
    model->profile = profile;
    score_axes_init(&model->axes, seed);
}

static int64_t local_seconds(time_ms_t time, int32_t offset_s)
{
    return time / 1000 - (time % 1000 < 0) + offset_s;
}

/* Half hour of the local day. */
static int season_of(int64_t local_s)
{
    int64_t of_day = local_s % DAY_S;
    if (of_day < 0)
        of_day += DAY_S;
    return (int)(of_day / (DAY_S / FIRST_SEASONS));
}

/* The usual distance: kept where it fits, else moved by a fiftieth towards the new one. */
static void learn_interval(struct score_first *state, time_ms_t time)
{
    if (time <= state->last_ms)
        return;
    double distance = (double)time - (double)state->last_ms;
    double usual = state->interval_ms;
    if (usual <= 0 || score_abs(distance - usual) < 0.02 * usual)
        state->interval_ms = distance;
    else
        state->interval_ms = distance > usual ? usual * 1.02 : usual / 1.02;
}

/* One step of an average. What has faded to next to nothing is nothing: numbers below 10^-200 end as denormal
 * ones, which cost a hundred times the time. */
static double approach(double average, double value, double weight)
{
    double next = average + weight * (value - average);
    return score_abs(next) > 1e-200 ? next : 0;
}

/* L, D, R */
static void follow(struct score_first *state, const struct first_sample *s)
{
    double start = 1.0 / ((double)state->samples + 1);
    for (int j = 0; j < FIRST_SCALES; j++) {
        struct first_scale *scale = &state->scales[j];
        double a = score_max(2.0 / (first_scale_samples[j] + 1), start);
        scale->level = approach(scale->level, s->value, a);
        scale->step = approach(scale->step, s->step, a);
        scale->residual = approach(scale->residual, s->residual, a);
    }
}

/* About a quarter of a new day, whatever the rate: a twentieth for samples of five minutes. */
static double season_weight(double interval_ms)
{
    return score_clamp(0.05 * interval_ms / 300000, 0.005, 0.25);
}

/* m, d, g, e, S_b, W */
static void learn(struct score_first *state, const struct first_sample *s)
{
    double a = score_max(1.0 / ((double)state->samples + 1), LONG_MEMORY);
    state->mean = approach(state->mean, s->value, a);
    state->deviation = approach(state->deviation, score_abs(s->value - state->mean), a);
    state->step = approach(state->step, s->step, a);
    state->error = approach(state->error, score_abs(s->residual), a);
    uint8_t *count = &state->season_samples[s->season];
    float *level = &state->season[s->season];
    *level = (float)approach((double)*level, s->value,
                             score_max(1.0 / (*count + 1), season_weight(state->interval_ms)));
    if (*count < UINT8_MAX)
        ++*count;
    score_week_learn(&state->week, s->slot, s->by_day, s->by_week, state->interval_ms);
}

static struct first_sample look(const struct score_first *state, time_ms_t time, int32_t offset_s,
                                double value)
{
    int64_t local_s = local_seconds(time, offset_s);
    struct first_sample s = {.time = time, .season = season_of(local_s)};
    s.value = value - state->origin;
    s.step = state->samples ? score_abs(s.value - state->last) : 0;
    s.expected = state->season_samples[s.season] ? (double)state->season[s.season] : state->mean;
    s.by_day = s.value - s.expected;
    s.by_week = score_week_expects(&state->week, local_s, &s.slot);
    if (score_week_is_better(&state->week))
        s.expected += s.by_week;
    s.residual = s.value - s.expected;
    s.surprising_step = score_min(s.step, score_abs(s.residual - state->last_residual));
    /* what rounding alone can do is no change */
    double floor = 1e-12 * (score_abs(value) + score_abs(state->origin)) + 1e-60;
    s.deviation = score_max(state->deviation, floor);
    s.typical_step = score_max(state->step, floor);
    s.error = score_max(state->error, floor);
    return s;
}

void score_first_push(const struct score_first_model *model, struct score_first *state, time_ms_t time,
                      int32_t offset_s, double value, struct score_first_result *out)
{
    *out = (struct score_first_result){.learning = true, .began = time};
    if (!score_is_finite(value))
        return;
    value = score_clamp(value, -VALUE_MAX, VALUE_MAX);
    if (!state->samples) {
        state->origin = value;
        state->last_ms = time;
    }
    learn_interval(state, time);
    struct first_sample s = look(state, time, offset_s, value);
    follow(state, &s);
    if (state->samples >= HISTOGRAMS_FROM)
        score_first_judge(model, state, &s, out);
    out->expected = state->origin + s.expected;
    out->spread = 1.25 * s.error;
    out->season_values = state->season_samples[s.season];
    out->weekly = s.by_week != 0 && score_week_is_better(&state->week);
    out->interval_ms = state->interval_ms;
    out->effect = score_clamp(s.residual / out->spread, -1e9, 1e9);
    if (state->samples >= SCORES_FROM)
        score_first_decide(model, state, &s, out);
    learn(state, &s);
    state->last = s.value;
    state->last_residual = s.residual;
    state->last_ms = time;
    state->samples++;
}
