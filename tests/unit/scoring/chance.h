/* Seeded chance for simulations: the same draws everywhere. */
#ifndef TM_TESTS_SCORING_CHANCE_H
#define TM_TESTS_SCORING_CHANCE_H

#include <math.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* splitmix64 (Steele, Lea and Flood 2014) */
static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Above 0, at most 1. */
static inline double chance_uniform(struct chance *chance)
{
    return (double)((chance_next(chance) >> 11) + 1) / 9007199254740992.0;
}

static inline double chance_between(struct chance *chance, double low, double high)
{
    return low + (high - low) * chance_uniform(chance);
}

static inline double chance_normal(struct chance *chance)
{
    double r = sqrt(-2 * log(chance_uniform(chance)));
    return r * cos(6.283185307179586 * chance_uniform(chance));
}

/* A factor around 1 whose logarithm has this sd. */
static inline double chance_factor(struct chance *chance, double sd)
{
    return exp(sd * chance_normal(chance) - sd * sd / 2);
}

static inline double chance_poisson(struct chance *chance, double mean)
{
    if (mean > 50)
        return fmax(0, floor(mean + sqrt(mean) * chance_normal(chance) + 0.5));
    double limit = exp(-mean), product = chance_uniform(chance);
    double count = 0;
    for (; product > limit; count++)
        product *= chance_uniform(chance);
    return count;
}

/* Hits among trials; exact for few, thinned Poisson for many. */
static inline double chance_hits(struct chance *chance, double trials, double rate)
{
    double hits = 0;
    if (trials > 40)
        return fmin(trials, rate < 0.5 ? chance_poisson(chance, trials * rate)
                                       : trials - chance_poisson(chance, trials * (1 - rate)));
    for (int i = 0; i < trials; i++)
        hits += chance_uniform(chance) <= rate;
    return hits;
}

#endif
