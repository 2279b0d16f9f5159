#include "scoring/density.h"

#include "scoring/maths.h"

#define BIN_WIDTH 0.5
enum { HALVE_AT = 60000 };

/* Sum of twelve uniform numbers, less 6: mean 0, variance 1. */
static double draw_normal(uint64_t *sequence)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(score_random(sequence) >> 11) * 0x1p-53;
    return sum;
}

void score_axes_init(struct score_axes *axes, uint64_t seed)
{
    uint64_t sequence = seed;
    axes->seed = seed;
    for (int a = 0; a < DENSITY_AXES; a++) {
        bool used[DENSITY_FEATURES] = {false};
        for (int p = 0; p < DENSITY_PICKS; p++) {
            uint64_t feature = score_random(&sequence) % DENSITY_FEATURES;
            while (used[feature])
                feature = (feature + 1) % DENSITY_FEATURES;
            used[feature] = true;
            axes->pick[a][p] = (uint8_t)feature;
            axes->weight[a][p] = draw_normal(&sequence);
        }
    }
}

struct score_place score_place_of(const struct score_axes *axes, const double *features)
{
    struct score_place place;
    for (int a = 0; a < DENSITY_AXES; a++) {
        double along = 0;
        for (int p = 0; p < DENSITY_PICKS; p++)
            along += axes->weight[a][p] * features[axes->pick[a][p]];
        double bin = score_clamp(along * (1 / BIN_WIDTH) + DENSITY_BINS / 2.0, 0, DENSITY_BINS - 1);
        place.bin[a] = (uint8_t)bin;
    }
    return place;
}

double score_density_of(const struct score_density *past, const struct score_place *place)
{
    double product = 1; /* each factor is in [0.5, 131071]: within the range of a double */
    for (int a = 0; a < DENSITY_AXES; a++) {
        const uint16_t *counts = past->counts[a];
        int bin = place->bin[a];
        int left = bin > 0 ? counts[bin - 1] : 0;
        int right = bin + 1 < DENSITY_BINS ? counts[bin + 1] : 0;
        product *= counts[bin] + 0.5 * (left + right) + 0.5;
    }
    return score_log2(2.0 * past->points + 64) - score_log2(product) / DENSITY_AXES - 3;
}

static void halve(struct score_density *past)
{
    past->points /= 2;
    for (int a = 0; a < DENSITY_AXES; a++)
        for (int b = 0; b < DENSITY_BINS; b++)
            past->counts[a][b] /= 2;
}

void score_density_add(struct score_density *past, const struct score_place *place)
{
    if (past->points >= HALVE_AT)
        halve(past);
    past->points++;
    for (int a = 0; a < DENSITY_AXES; a++)
        past->counts[a][place->bin[a]]++;
}

bool score_density_is_sound(const struct score_density *past)
{
    bool is_sound = past->points <= HALVE_AT;
    for (int a = 0; a < DENSITY_AXES; a++) {
        uint32_t sum = 0;
        for (int b = 0; b < DENSITY_BINS; b++)
            sum += past->counts[a][b];
        is_sound = is_sound && sum <= past->points;
    }
    return is_sound;
}
