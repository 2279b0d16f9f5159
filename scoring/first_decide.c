#include "scoring/first_private.h"
#include "scoring/maths.h"

/* Where an incident opens, before what recent ones add; what fades the additions, per sample. */
#define THRESHOLD 1.3
/* Once in two weeks. */
#define ALERT_SCORE    50
#define FRESH_FADES    (1 - 1.0 / 100)
#define FREQUENT_FADES (1 - 1.0 / 5000)
#define HOUR_MS        3600000.0
enum { REFRACTORY = 80, RUN_GAP = 10 };

static double raw_score(enum first_profile profile, const struct score_first_result *out)
{
    double mean = 0;
    for (int f = 0; f < FIRST_FAMILY_COUNT; f++)
        mean += out->family[f] / FIRST_FAMILY_COUNT;
    if (profile == FIRST_NAB)
        return mean;
    return out->gate * (mean + out->family[FIRST_DENSITY]) / 2;
}

/* Opens an incident at S >= T + a + 0.2 n, at least 80 samples after the last one. a = max(1/2, S-T) on
 * opening, fading over 100 samples; n counts, fading over 5,000: series that alert often must do more to
 * alert again. */
static bool opens_by_raw(struct score_first *state, double raw)
{
    state->fresh = state->fresh > 1e-9 ? state->fresh * FRESH_FADES : 0;
    state->frequent *= FREQUENT_FADES;
    if (raw < THRESHOLD + state->fresh + 0.2 * state->frequent)
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
    out->gate = score_min(1, out->z / (model->profile == FIRST_NAB ? 4 : 5));
    out->raw = raw_score(model->profile, out);
    double interval_ms = state->interval_ms > 0 ? state->interval_ms : 60000;
    double log10_blocks = score_calibration_log10_blocks(&state->calibration, out->raw);
    double log10_hours = log10_blocks + score_log10(interval_ms * CALIBRATION_BLOCK / HOUR_MS);
    out->score = score_of_return_period(log10_hours);
    out->return_period_h = score_exp(score_min(log10_hours, 12) * SCORE_LN10);
    out->learning = !score_calibration_is_ready(&state->calibration);
    score_calibration_add(&state->calibration, out->raw);
    out->alert =
        model->profile == FIRST_NAB ? opens_by_raw(state, out->raw) : opens_by_score(state, out->score);
    follow_run(state, s, out->raw);
    if (state->run_last == state->samples)
        out->began = state->run_began_ms;
}
