#include "scoring/window_diff.h"

#include <math.h>

#include "storage/model/histogram.h"

#define TOLERANCE      0.4 /* spreads that anything wobbles by */
#define LIKELY         3.0 /* sd of effects when there is one */
#define SCALE          3.0
#define Z95            1.959963984540054
#define VARIANCE_FLOOR 0.3
#define LEAST_SPREAD   0.02
#define EFFECT_MAX     1e6
#define SQRT2          1.4142135623730951

/* error: the effect's squared standard error, in spreads. */
static struct score_diff judge(double normal, double observed, double effect, double error)
{
    struct score_diff diff = {.observed = observed, .normal = normal};
    diff.effect = score_clamp(effect, -EFFECT_MAX, EFFECT_MAX);
    double v0 = error + TOLERANCE * TOLERANCE, v1 = v0 + LIKELY * LIKELY, d2 = diff.effect * diff.effect;
    diff.ln_e =
        score_clamp(-0.5 * log(v1 / v0) + 0.5 * d2 * (1 / v0 - 1 / v1), -SCORE_LN_E_MAX, SCORE_LN_E_MAX);
    double least = fabs(diff.effect) - TOLERANCE - Z95 * sqrt(error);
    diff.score = least > 0 ? 100 * (1 - exp(-least / SCALE)) : 0;
    return diff;
}

static struct score_diff make_none(double normal, double observed)
{
    return (struct score_diff){.observed = observed, .normal = normal};
}

struct score_diff score_diff_counts(struct score_tally normal, struct score_tally observed, double dispersion)
{
    if (!(normal.trials > 0 && observed.trials > 0))
        return make_none(0, 0);
    double before = normal.hits / normal.trials, after = observed.hits / observed.trials;
    double spread = sqrt(fmax(VARIANCE_FLOOR, fmax(1, dispersion) * before));
    /* The window's own mean varies by its own law, which counts when it is the larger one. */
    double wilder = fmax(1, fmax(1, dispersion) * after / (spread * spread));
    return judge(before, after, (after - before) / spread, 1 / normal.trials + wilder / observed.trials);
}

struct score_diff score_diff_gauge(const struct score_moments *normal, const struct score_moments *observed,
                                   double persistence, double resolution)
{
    if (normal->count < 2 || observed->count < 1)
        return make_none(normal->mean, observed->mean);
    double level = fmax(fabs(normal->mean), fabs(observed->mean));
    double spread = fmax(sqrt(score_moments_variance(normal)), resolution);
    if (spread > 0 || normal->mean != 0)
        spread = fmax(spread, LEAST_SPREAD * level);
    if (!(spread > 0))
        return make_none(normal->mean, observed->mean);
    double rho = score_clamp(persistence, 0, 0.98), f = (1 + rho) / (1 - rho);
    double wilder = fmax(1, sqrt(score_moments_variance(observed)) / spread);
    double error = f / normal->count + wilder * wilder * f / observed->count;
    return judge(normal->mean, observed->mean, (observed->mean - normal->mean) / spread, error);
}

/* Phi^-1 by halving: Phi(x) = erfc(-x / sqrt 2) / 2. */
static double find_quantile(double share)
{
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle / SQRT2) / 2 < share)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static double find_median(struct score_bins bins)
{
    uint32_t bucket = score_bins_quantile(bins, 0.5);
    return bucket == HISTOGRAM_LAST ? (double)HISTOGRAM_END : (double)histogram_highest(bucket);
}

struct score_diff score_diff_histogram(struct score_bins normal, struct score_bins observed,
                                       double persistence)
{
    double n0 = score_bins_total(normal), n1 = score_bins_total(observed);
    if (!(n0 > 0 && n1 > 0))
        return make_none(0, 0);
    double rho = score_clamp(persistence, 0, 0.98), f = (1 + rho) / (1 - rho);
    double effect = SQRT2 * find_quantile(score_bins_slower(normal, observed));
    /* Var U / (n0 n1)^2 under no difference, by the slope of d at 0: sqrt 2 sqrt(2 pi) = 2 sqrt pi. */
    double error = f * (n0 + n1 + 1) / (12 * n0 * n1) * 4 * 3.141592653589793;
    return judge(find_median(normal), find_median(observed), effect, error);
}

/* ---- ranking ---- */

static int comes_after(const struct score_diff *diffs, uint32_t a, uint32_t b)
{
    if (diffs[a].score != diffs[b].score)
        return diffs[a].score < diffs[b].score;
    if (diffs[a].ln_e != diffs[b].ln_e)
        return diffs[a].ln_e < diffs[b].ln_e;
    return a > b;
}

/* A heap whose root comes last. */
static void sift(const struct score_diff *diffs, uint32_t *indices, size_t root, size_t count)
{
    uint32_t index = indices[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && comes_after(diffs, indices[child + 1], indices[child]))
            child++;
        if (!comes_after(diffs, indices[child], index))
            break;
        indices[root] = indices[child];
        root = child;
    }
    indices[root] = index;
}

void score_diff_rank(const struct score_diff *diffs, uint32_t *indices, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(diffs, indices, i, count);
    for (size_t last = count; last-- > 1;) {
        uint32_t top = indices[0];
        indices[0] = indices[last];
        indices[last] = top;
        sift(diffs, indices, 0, last);
    }
}
