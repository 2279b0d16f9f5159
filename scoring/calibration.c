#include "scoring/calibration.h"

#include "scoring/maths.h"

#define BIN_WIDTH 0.125
/* What series without a past of their own are held to: the median over many series. */
#define PRIOR_EDGE   1.0
#define PRIOR_EXCESS 0.3
enum { HALVE_AT = 4000, PRIOR_COUNT = 10 };

static int bin_of(double raw)
{
    return (int)score_clamp(raw / BIN_WIDTH, 0, CALIBRATION_BINS - 1);
}

static void close_block(struct score_calibration *past)
{
    if (past->blocks >= HALVE_AT) {
        past->blocks = 0;
        for (int i = 0; i < CALIBRATION_BINS; i++) {
            past->counts[i] /= 2;
            past->blocks = (uint16_t)(past->blocks + past->counts[i]);
        }
    }
    past->counts[bin_of((double)past->highest)]++;
    past->blocks++;
    past->in_block = 0;
    past->highest = 0;
}

void score_calibration_add(struct score_calibration *past, double raw)
{
    if (raw > (double)past->highest)
        past->highest = (float)raw;
    if (++past->in_block >= CALIBRATION_BLOCK)
        close_block(past);
}

bool score_calibration_is_ready(const struct score_calibration *past)
{
    return past->blocks >= CALIBRATION_LEAST_BLOCKS;
}

/* log10((n+1)/k) + (raw-u)/(b ln 10) */
static double beyond(double n, double k, double over, double mean)
{
    return score_log10((n + 1) / k) + over / (mean * SCORE_LN10);
}

static double prior_log10_blocks(double raw)
{
    double n = CALIBRATION_LEAST_BLOCKS;
    if (raw <= PRIOR_EDGE)
        return score_log10((n + 1) / 3) * raw / PRIOR_EDGE;
    return beyond(n, 3, raw - PRIOR_EDGE, PRIOR_EXCESS);
}

/* How many maxima were above raw, the bin in which it lies taken as evenly filled. */
static double blocks_above(const struct score_calibration *past, double raw)
{
    int bin = bin_of(raw);
    double above = past->counts[bin] * score_clamp(bin + 1 - raw / BIN_WIDTH, 0, 1);
    for (int i = bin + 1; i < CALIBRATION_BINS; i++)
        above += past->counts[i];
    return above;
}

double score_calibration_log10_blocks(const struct score_calibration *past, double raw)
{
    double n = past->blocks;
    if (!score_calibration_is_ready(past))
        return prior_log10_blocks(raw);
    double k = score_max(3, 0.2 * n);
    double count = 0;
    double excess = 0; /* over the lower edge of the bin `edge`, in bins */
    int edge = CALIBRATION_BINS;
    while (edge > 0 && count < k) {
        edge--;
        excess += count + 0.5 * past->counts[edge];
        count += past->counts[edge];
    }
    double u = edge * BIN_WIDTH;
    double b = (excess * BIN_WIDTH + PRIOR_COUNT * PRIOR_EXCESS) / (count + PRIOR_COUNT);
    return raw <= u ? score_log10((n + 1) / (1 + blocks_above(past, raw))) : beyond(n, count, raw - u, b);
}

double score_of_return_period(double log10_hours)
{
    return score_clamp(20 * log10_hours, 0, 100);
}

bool score_calibration_is_sound(const struct score_calibration *past)
{
    uint32_t sum = 0;
    for (int i = 0; i < CALIBRATION_BINS; i++)
        sum += past->counts[i];
    return sum == past->blocks && past->blocks <= HALVE_AT && past->in_block < CALIBRATION_BLOCK &&
           past->highest >= 0;
}
