#include "scoring/first_private.h"
#include "scoring/maths.h"

/* Where an incident opens, before what recent ones add; what fades the additions, per sample. */
#define THRESHOLD 0.82
/* Once in two weeks. */
#define ALERT_SCORE    50
#define FRESH_FADES    (1 - 1.0 / 100)
#define FREQUENT_FADES (1 - 1.0 / 7500)
#define HOUR_MS        3600000.0
enum { REFRACTORY = 80, RUN_GAP = 10 };

/* What a profile makes of the families, and the effect (z) from which on a sample counts in full. */
static const struct {
    double weight[FIRST_FAMILY_COUNT]; /* sum 1 */
    double full_effect;
} profiles[FIRST_PROFILE_COUNT] = {
    [FIRST_NAB] = {.weight = {[FIRST_DENSITY] = 0.25,
                              [FIRST_SEASON] = 0.25,
                              [FIRST_LEVEL] = 0.25,
                              [FIRST_FAR] = 0.125,
                              [FIRST_FAST] = 0.125},
                   .full_effect = 4},
    [FIRST_OPERATIONS] = {.weight = {[FIRST_DENSITY] = 1.0 / 12,
                                     [FIRST_SEASON] = 1.0 / 12,
                                     [FIRST_LEVEL] = 1.0 / 12,
                                     [FIRST_STEP] = 0.5,
                                     [FIRST_OFF] = 0.25},
                          .full_effect = 8},
};

static double raw_score(enum first_profile profile, const struct score_first_result *out)
{
    double mean = 0;
    for (int f = 0; f < FIRST_FAMILY_COUNT; f++)
        mean += profiles[profile].weight[f] * out->family[f];
    return out->gate * mean;
}

/* Opens an incident at S >= T + a + 0.3 n, at least 80 samples after the last one. a = max(1/2, S-T) on
 * opening, fading over 100 samples; n counts, fading over 7,500: series that alert often must do more to
 * alert again. */
static bool opens_by_raw(struct score_first *state, double raw)
{
    state->fresh = state->fresh > 1e-9 ? state->fresh * FRESH_FADES : 0;
    state->frequent *= FREQUENT_FADES;
    if (raw < THRESHOLD + state->fresh + 0.3 * state->frequent)
        return false;
    if (state->alerted_at && state->samples - state->alerted_at < REFRACTORY)
        return false;
    state->alerted_at = state->samples;
    state->fresh = score_max(0.5, raw - THRESHOLD);
    state->frequent += 1;
    return true;
}

/* Opens at ALERT_SCORE, once its last sample at or over it lies at least 80 samples back: what goes on is one
 * alert, however long. */
static bool opens_by_score(struct score_first *state, double score)
{
    if (score < ALERT_SCORE)
        return false;
    bool is_new = !state->alerted_at || state->samples - state->alerted_at >= REFRACTORY;
    state->alerted_at = state->samples;
    return is_new;
}

/* A run of scores over half the threshold, with gaps of at most RUN_GAP samples, is one thing that began
 * once. */
static void follow_run(struct score_first *state, const struct first_sample *s, double raw)
{
    if (raw < THRESHOLD / 2)
        return;
    if (!state->run_last || state->samples - state->run_last > RUN_GAP)
        state->run_began_ms = s->time;
    state->run_last = state->samples;
}

void score_first_decide(const struct score_first_model *model, struct score_first *state,
                        const struct first_sample *s, struct score_first_result *out)
{
    out->gate = score_min(1, out->z / profiles[model->profile].full_effect);
    out->raw = raw_score(model->profile, out);
    double interval_ms = state->interval_ms > 0 ? state->interval_ms : 60000;
    double log10_blocks = score_calibration_log10_clean(&state->calibration, out->raw);
    double log10_hours = log10_blocks + score_log10(interval_ms * CALIBRATION_BLOCK / HOUR_MS);
    out->score = score_of_return_period(log10_hours);
    out->return_period_h = score_exp(score_min(log10_hours, 12) * SCORE_LN10);
    out->learning = !score_calibration_is_ready(&state->calibration);
    score_calibration_add(&state->calibration, out->raw, CALIBRATION_SERIES_BLOCKS);
    out->alert =
        model->profile == FIRST_NAB ? opens_by_raw(state, out->raw) : opens_by_score(state, out->score);
    follow_run(state, s, out->raw);
    if (state->run_last == state->samples)
        out->began = state->run_began_ms;
}
