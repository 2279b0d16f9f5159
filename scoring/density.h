/* How empty is the place where a point lies: LODA (Pevny 2016, Machine Learning 102), an ensemble of
 * histograms of sparse random projections. */
#ifndef TM_SCORING_DENSITY_H
#define TM_SCORING_DENSITY_H

#include <stdbool.h>
#include <stdint.h>

enum { DENSITY_FEATURES = 18, DENSITY_AXES = 28, DENSITY_PICKS = 4, DENSITY_BINS = 32 };

/* The projections: DENSITY_PICKS features each, with weights near N(0,1). Made once, shared by all series,
 * const from then on. */
struct score_axes {
    uint64_t seed;
    uint8_t pick[DENSITY_AXES][DENSITY_PICKS];
    double weight[DENSITY_AXES][DENSITY_PICKS];
};

/* One histogram per projection. Halved at 60,000 points. All bits zero is an empty one. */
struct score_density {
    uint32_t points;
    uint16_t counts[DENSITY_AXES][DENSITY_BINS];
};

/* The bins that a point falls into. */
struct score_place {
    uint8_t bin[DENSITY_AXES];
};

/* The same axes for the same seed, on every machine. */
void score_axes_init(struct score_axes *axes, uint64_t seed);

/* The bins of a point. features[DENSITY_FEATURES] must be finite; a bin is 0.5 wide, the outer ones are
 * open. */
struct score_place score_place_of(const struct score_axes *axes, const double *features);

/* log2 of u = exp(mean over axes of ln((2N+64) / (c + (left+right)/2 + 1/2))) / 8: the geometric mean of how
 * much emptier the point's bins are than an even spread. Does not add the point. */
double score_density_of(const struct score_density *past, const struct score_place *place);

/* Counts the point. */
void score_density_add(struct score_density *past, const struct score_place *place);

/* True if adding can have left it: every axis has at most the number of points. */
bool score_density_is_sound(const struct score_density *past);

#endif
