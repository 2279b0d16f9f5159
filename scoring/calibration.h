/* From a raw score to a return period: how often does this series reach such a value by itself. Samples that
 * exceed a level come in clusters, so that a sample's own rarity says too much; maxima of blocks of samples
 * are calibrated instead (block maxima of extreme value theory, Gumbel 1958; the exponential excess over a
 * high level, Pickands 1975, with xi = 0; from shares of blocks to a rate as of a Poisson process). */
#ifndef TM_SCORING_CALIBRATION_H
#define TM_SCORING_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CALIBRATION_BLOCK = 64,
    CALIBRATION_BINS = 64,
    CALIBRATION_LEAST_BLOCKS = 15,
    CALIBRATION_SERIES_BLOCKS = 500, /* what a series remembers: 22 days of minutes */
    CALIBRATION_MOST_BLOCKS = 4000   /* half a year of minutes */
};

/* Bins of block maxima, 0.125 wide. All bits zero is an empty one. */
struct score_calibration {
    uint16_t counts[CALIBRATION_BINS];
    uint16_t blocks;
    uint16_t in_block; /* samples of the block that is open */
    float highest;     /* of the open block */
};

/* Counts a raw score (finite, >= 0). At `most` blocks (CALIBRATION_MOST_BLOCKS or fewer) their counts are
 * halved, so that old ones fade. */
void score_calibration_add(struct score_calibration *past, double raw, uint16_t most);

/* True from 15 blocks on; before, a fixed prior stands for the series' own past. */
bool score_calibration_is_ready(const struct score_calibration *past);

/* log10 of the return period in blocks: with n blocks, k = max(3, n/5), u the k-th largest maximum and
 * b = (sum of excesses over u + 3) / (k + 10):
 * log10((n+1)/(1 + blocks above raw)) up to u, log10((n+1)/k) + (raw-u)/(b ln 10) beyond. */
double score_calibration_log10_blocks(const struct score_calibration *past, double raw);

/* The same of a past that nobody has cleaned, in which three of ten blocks that are above anything are
 * anomalies themselves (of labelled series 19 to 41 % are): 0.7 times the blocks above raw are counted. With
 * q = (1 + 0.7 blocks above) / (n+1), or at u that times exp(-(raw-u)/b) beyond it, the period is 1 /
 * -ln(1-q) blocks, one sample at least: what comes several times a block still has its rate. */
double score_calibration_log10_clean(const struct score_calibration *past, double raw);

/* 0..100 = 20 log10(return period / 1 h), clamped. */
double score_of_return_period(double log10_hours);

/* True if adding can have left it. */
bool score_calibration_is_sound(const struct score_calibration *past);

#endif
