#include "scoring/surprisal.h"

#include "scoring/maths.h"

enum { HALVE_AT = 40000, LEAST_HALVES = 60 };

static double bin_place(double log2_value)
{
    double place = (log2_value - SURPRISAL_FROM_OCTAVE) * SURPRISAL_PER_OCTAVE;
    return score_clamp(place, 0, SURPRISAL_BINS);
}

static int bin_of(double place)
{
    int bin = (int)place;
    return bin < SURPRISAL_BINS ? bin : SURPRISAL_BINS - 1;
}

static uint32_t count_from(const struct score_surprisal *past, int from)
{
    uint32_t sum = 0;
    for (int i = from; i < SURPRISAL_BINS; i++)
        sum += past->half_counts[i];
    return sum;
}

/* Beyond the highest edge that has `least` halves above it. */
static double tail_surprisal(const struct score_surprisal *past, double samples, uint32_t least, double place)
{
    int edge = SURPRISAL_BINS;
    uint32_t above = 0;       /* halves in bins from the edge on */
    double halves_by_bin = 0; /* each times its middle's distance from the edge, in bins */
    while (edge > 0 && above + past->half_counts[edge - 1] < least) {
        edge--;
        halves_by_bin += above + 0.5 * past->half_counts[edge];
        above += past->half_counts[edge];
    }
    double count = above * 0.5;
    double excess = halves_by_bin * 0.5 * SCORE_LN2 / SURPRISAL_PER_OCTAVE;
    double alpha = score_min((count + 5) / (excess + 5 * 0.2), 30);
    double beyond = (place - edge) / SURPRISAL_PER_OCTAVE * (SCORE_LN2 / SCORE_LN10);
    return score_min(score_log10((samples + 1) / (count + 0.5)) + alpha * beyond, SURPRISAL_MAX);
}

double score_surprisal_of(const struct score_surprisal *past, double log2_value)
{
    uint32_t halves = past->halves;
    if (halves < LEAST_HALVES)
        return 0;
    double samples = halves * 0.5;
    uint32_t least = (uint32_t)score_max(10, 0.04 * samples);
    double place = bin_place(log2_value);
    int bin = bin_of(place);
    uint32_t above = count_from(past, bin + 1);
    if (above + past->half_counts[bin] < least)
        return tail_surprisal(past, samples, least, place);
    double count = 0.5 * (above + past->half_counts[bin] * (1 - (place - bin)));
    return score_log10((samples + 1) / (count + 0.5));
}

static void halve(struct score_surprisal *past)
{
    past->halves = 0;
    for (int i = 0; i < SURPRISAL_BINS; i++) {
        past->half_counts[i] /= 2;
        past->halves = (uint16_t)(past->halves + past->half_counts[i]);
    }
}

void score_surprisal_add(struct score_surprisal *past, double log2_value, double surprisal)
{
    uint16_t weight = surprisal > 2.5 ? 1 : 2;
    int bin = bin_of(bin_place(log2_value));
    if (past->halves >= HALVE_AT)
        halve(past);
    past->half_counts[bin] = (uint16_t)(past->half_counts[bin] + weight);
    past->halves = (uint16_t)(past->halves + weight);
}

bool score_surprisal_is_sound(const struct score_surprisal *past)
{
    uint32_t sum = count_from(past, 0);
    return sum == past->halves && sum <= HALVE_AT + 1;
}
