#include "scoring/window_diff.h"

#include <math.h>
#include <stdbool.h>

#include "storage/model/histogram.h"

#define TOLERANCE      0.4 /* spreads that anything wobbles by */
#define LIKELY         3.0 /* sd of effects when there is one */
#define SCALE          3.0
#define Z95            1.959963984540054
#define VARIANCE_FLOOR 0.3
#define LEAST_SPREAD   0.005 /* of the normal level: an availability of 98 % for 100 % is news */
#define EFFECT_MAX     1e6
#define BOUND          40.0 /* spreads that one value of a window is off at most */
#define SINCE_WEIGHT   0.8
#define SQRT2          1.4142135623730951

static double find_least(double effect, double error)
{
    return fmax(fabs(effect) - TOLERANCE - Z95 * sqrt(error), 0);
}

static double find_score(double least)
{
    return 100 * (1 - exp(-least / SCALE));
}

/* error: the effect's squared standard error, in spreads. */
static struct score_diff judge(double normal, double observed, double effect, double error)
{
    struct score_diff diff = {.observed = observed, .normal = normal, .error = error};
    diff.effect = score_clamp(effect, -EFFECT_MAX, EFFECT_MAX);
    double v0 = error + TOLERANCE * TOLERANCE, v1 = v0 + LIKELY * LIKELY, d2 = diff.effect * diff.effect;
    diff.ln_e =
        score_clamp(-0.5 * log(v1 / v0) + 0.5 * d2 * (1 / v0 - 1 / v1), -SCORE_LN_E_MAX, SCORE_LN_E_MAX);
    diff.score = find_score(find_least(diff.effect, error));
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

double score_diff_spread(const struct score_moments *normal, double resolution)
{
    double spread = fmax(sqrt(score_moments_variance(normal)), resolution);
    return fmax(spread, LEAST_SPREAD * fabs(normal->mean));
}

double score_diff_bounded(double value, const struct score_moments *normal, double spread)
{
    return score_clamp(value, normal->mean - BOUND * spread, normal->mean + BOUND * spread);
}

struct score_diff score_diff_gauge(const struct score_moments *normal, const struct score_moments *observed,
                                   double persistence, double resolution)
{
    double spread = score_diff_spread(normal, resolution);
    if (normal->count < 2 || observed->count < 1 || !(spread > 0))
        return make_none(normal->mean, observed->mean);
    double rho = score_clamp(persistence, 0, 0.98), f = (1 + rho) / (1 - rho);
    return judge(normal->mean, observed->mean, (observed->mean - normal->mean) / spread,
                 f / normal->count + f / observed->count);
}

struct score_diff score_diff_since(struct score_diff diff, const struct score_diff *before)
{
    double since = diff.effect - before->effect, least = find_least(diff.effect, diff.error);
    bool is_same_way = (since > 0) == (diff.effect > 0);
    double news = is_same_way ? find_least(since, diff.error + before->error) : 0;
    diff.score = find_score((1 - SINCE_WEIGHT) * least + SINCE_WEIGHT * fmin(least, news));
    return diff;
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
