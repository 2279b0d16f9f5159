#include "scoring/ratio.h"

#include <math.h>

#define Z95 1.959963984540054

/* One side's ln(rate + floor) with the distances to its limits. */
struct side {
    double middle;
    double down;
    double up;
};

/* Byar's limits of a Poisson count: k (1 - 1/(9k) -+ z/(3 sqrt k))^3, the upper with k + 1. */
static double find_limit(double k, double z)
{
    if (!(k > 0))
        return 0;
    double root = fmax(0, 1 - 1 / (9 * k) + z / (3 * sqrt(k)));
    return k * root * root * root;
}

static double ln_rate(double hits, double trials, double floor)
{
    return fmax(log(hits / trials + floor), -2 * log(SCORE_RATIO_MAX));
}

static struct side find_side(struct score_tally tally, const struct score_ratio_terms *terms)
{
    double hits = tally.hits / terms->dispersion, trials = tally.trials / terms->dispersion;
    double middle = ln_rate(hits + 0.5 / terms->dispersion, trials, terms->floor);
    double low = ln_rate(find_limit(hits, -Z95), trials, terms->floor);
    double high = ln_rate(find_limit(hits + 1, Z95), trials, terms->floor);
    return (struct side){middle, fmax(0, middle - low), fmax(0, high - middle)};
}

static double from_ln(double x)
{
    return exp(score_clamp(x, -log(SCORE_RATIO_MAX), log(SCORE_RATIO_MAX)));
}

struct score_ratio score_ratio(struct score_tally before, struct score_tally after,
                               const struct score_ratio_terms *terms)
{
    if (!(before.trials > 0 && after.trials > 0))
        return (struct score_ratio){1, 1 / SCORE_RATIO_MAX, SCORE_RATIO_MAX};
    struct side b = find_side(before, terms), a = find_side(after, terms);
    double middle = a.middle - b.middle, drift = Z95 * terms->drift;
    double down = sqrt(a.down * a.down + b.up * b.up + drift * drift);
    double up = sqrt(a.up * a.up + b.down * b.down + drift * drift);
    return (struct score_ratio){from_ln(middle), from_ln(middle - down), from_ln(middle + up)};
}
