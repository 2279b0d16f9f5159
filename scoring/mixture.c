#include "scoring/mixture.h"

#include <assert.h>
#include <math.h>

enum { ALTERNATIVES_MAX = 16 };

double score_clamp(double value, double low, double high)
{
    if (!(value > low))
        return low;
    return value < high ? value : high;
}

double score_ln_mean_exp(const double *x, const double *w, size_t count)
{
    double top = -INFINITY, weight = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        if ((w == NULL || w[i] > 0) && x[i] > top)
            top = x[i];
    for (size_t i = 0; i < count; i++) {
        double part = w == NULL ? 1 : w[i];
        if (!(part > 0))
            continue;
        weight += part;
        sum += part * exp(x[i] - top);
    }
    if (!(weight > 0))
        return 0;
    return score_clamp(top + log(sum / weight), -SCORE_LN_E_MAX, SCORE_LN_E_MAX);
}

static double ln_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* Without the terms that all rates share, as only differences are looked at. */
static double ln_likelihood(enum score_law law, struct score_tally seen, double m, double rate)
{
    double a = m * rate;
    double hits = ln_gamma(a + seen.hits) - ln_gamma(a);
    if (law == SCORE_POISSON)
        return hits - a * log1p(seen.trials / m);
    double b = m - a;
    return hits + ln_gamma(b + seen.trials - seen.hits) - ln_gamma(b);
}

double score_mixture_ln_e(enum score_law law, struct score_tally seen, double concentration, double null_rate,
                          const double *rates, size_t count)
{
    double x[ALTERNATIVES_MAX];
    assert(count >= 1 && count <= ALTERNATIVES_MAX);
    assert(concentration > 0 && null_rate > 0 && (law == SCORE_POISSON || null_rate < 1));
    if (law == SCORE_BINOMIAL && seen.hits > seen.trials)
        seen.hits = seen.trials;
    double null = ln_likelihood(law, seen, concentration, null_rate);
    for (size_t i = 0; i < count; i++)
        x[i] = ln_likelihood(law, seen, concentration, rates[i]) - null;
    return score_ln_mean_exp(x, NULL, count);
}
