#include "scoring/leak.h"

#include <assert.h>
#include <math.h>

#include "scoring/mixture.h"
#include "scoring/sort.h"

#define Z95   1.959963984540054
#define P_MIN 1e-300

enum { HALF_MAX = SCORE_LEAK_POINTS_MAX / 2, PAIRS_MAX = HALF_MAX * (HALF_MAX - 1) / 2, HALF_MIN = 6 };

#define STEPS_AN_HOUR (3600000.0 / SCORE_LEAK_STEP_MS)

/* The points that are there, in order: hours since the first of the half, and values. */
struct points {
    size_t count;
    double hours[HALF_MAX];
    double values[HALF_MAX];
};

size_t score_leak_points(unsigned look)
{
    assert(look < SCORE_LEAK_LOOKS);
    return (size_t)12 << look;
}

static void take_half(const double *minima, size_t count, struct points *points)
{
    size_t first = count / 2;
    points->count = 0;
    for (size_t i = first; i < count; i++) {
        if (!(fabs(minima[i]) <= 1e150))
            continue;
        points->hours[points->count] = (double)(i - first) / STEPS_AN_HOUR;
        points->values[points->count++] = minima[i];
    }
}

/* Var S = (n(n-1)(2n+5) - sum over ties t(t-1)(2t+5)) / 18. Sorts values. */
static double find_variance(double *values, size_t count)
{
    double n = (double)count, sum = n * (n - 1) * (2 * n + 5);
    score_sort(values, count);
    for (size_t i = 0, j; i < count; i = j) {
        for (j = i + 1; j < count && values[j] == values[i];)
            j++;
        double t = (double)(j - i);
        sum -= t * (t - 1) * (2 * t + 5);
    }
    return sum / 18;
}

/* All slopes between two points, ascending, and S: how many rise less how many fall. */
static double list_slopes(const struct points *points, double slopes[PAIRS_MAX], size_t *count)
{
    double s = 0;
    size_t n = 0;
    for (size_t j = 1; j < points->count; j++) {
        for (size_t i = 0; i < j; i++) {
            double rise = points->values[j] - points->values[i];
            s += (rise > 0) - (rise < 0);
            slopes[n++] = rise / (points->hours[j] - points->hours[i]);
        }
    }
    score_sort(slopes, n);
    *count = n;
    return s;
}

static double find_median(const double *sorted, size_t count)
{
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double at_rank(const double *sorted, size_t count, double rank)
{
    return sorted[(size_t)score_clamp(rank, 0, (double)(count - 1))];
}

/* The level at the last point: the median of the values moved there along the slope. */
static double find_level(const struct points *points, double slope)
{
    double moved[HALF_MAX];
    double end = points->hours[points->count - 1];
    for (size_t i = 0; i < points->count; i++)
        moved[i] = points->values[i] + slope * (end - points->hours[i]);
    score_sort(moved, points->count);
    return find_median(moved, points->count);
}

static double find_hours(const struct score_leak *leak, const struct score_leak_terms *terms)
{
    if (!(leak->slope > 0))
        return SCORE_LEAK_NO_LIMIT_HOURS;
    double room = terms->limit > 0 ? terms->limit - leak->level : fabs(leak->level);
    return score_clamp(room / leak->slope, 0, SCORE_LEAK_NO_LIMIT_HOURS);
}

static double find_alpha(unsigned look)
{
    return 0.01 / ((look + 1.0) * (look + 2.0));
}

struct score_leak score_leak_look(const double *minima, size_t count, unsigned look,
                                  const struct score_leak_terms *terms)
{
    struct score_leak leak = {.p = 1, .hours_to_limit = SCORE_LEAK_NO_LIMIT_HOURS};
    struct points points;
    double slopes[PAIRS_MAX], sorted[HALF_MAX];
    size_t pairs, most = score_leak_points(look);
    take_half(minima, count < most ? count : most, &points);
    if (points.count < HALF_MIN)
        return leak;
    double s = list_slopes(&points, slopes, &pairs);
    for (size_t i = 0; i < points.count; i++)
        sorted[i] = points.values[i];
    double sd = sqrt(find_variance(sorted, points.count));
    /* One step towards 0, as S is a whole number; all values the same leave no variance and no trend. */
    leak.z = sd > 0 && s != 0 ? (s - (s > 0 ? 1 : -1)) / sd : 0;
    leak.p = fmax(P_MIN, 0.5 * erfc(leak.z / sqrt(2)));
    leak.slope = find_median(slopes, pairs);
    leak.low = at_rank(slopes, pairs, floor(((double)pairs - Z95 * sd) / 2));
    leak.high = at_rank(slopes, pairs, ceil(((double)pairs + Z95 * sd) / 2));
    leak.level = find_level(&points, leak.slope);
    leak.hours_to_limit = find_hours(&leak, terms);
    double alpha = find_alpha(look);
    leak.found = leak.p <= alpha && leak.low > terms->least && leak.hours_to_limit < terms->hours_max;
    leak.ln_e = leak.found ? fmin(-0.5 * log(leak.p) - log(2), SCORE_LN_E_MAX) : log(1 - sqrt(alpha));
    return leak;
}

double score_leak_ln_e(const struct score_leak *looks, unsigned count)
{
    double ln_e[SCORE_LEAK_LOOKS + 1] = {0}, weights[SCORE_LEAK_LOOKS + 1], left = 1;
    assert(count <= SCORE_LEAK_LOOKS);
    for (unsigned i = 0; i < SCORE_LEAK_LOOKS; i++) {
        ln_e[i] = i < count ? looks[i].ln_e : 0;
        weights[i] = 1 / ((i + 1.0) * (i + 2.0));
        left -= weights[i];
    }
    weights[SCORE_LEAK_LOOKS] = left;
    return score_ln_mean_exp(ln_e, weights, SCORE_LEAK_LOOKS + 1);
}
