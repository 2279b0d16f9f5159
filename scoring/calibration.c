#include "scoring/calibration.h"

#include "scoring/maths.h"

#define BIN_WIDTH 0.125
/* What series without a past of their own are held to: the median over many series. */
#define PRIOR_EDGE   1.0
#define PRIOR_EXCESS 0.3
/* Of the blocks above a level in a series' past, the part that is no anomaly. */
#define CLEAN_PART 0.7
enum { PRIOR_COUNT = 10 };

static int bin_of(double raw)
{
    return (int)score_clamp(raw / BIN_WIDTH, 0, CALIBRATION_BINS - 1);
}

/* Half of each count; what is odd goes down to the next bin, so that as many halves stay above any level as
 * there were, and the few at the top are not lost. */
static void halve(struct score_calibration *past)
{
    unsigned carried = 0;
    past->blocks = 0;
    for (int i = CALIBRATION_BINS - 1; i >= 0; i--) {
        unsigned count = past->counts[i] + carried;
        carried = count % 2;
        past->counts[i] = (uint16_t)(count / 2);
        past->blocks = (uint16_t)(past->blocks + past->counts[i]);
    }
}

static void close_block(struct score_calibration *past, uint16_t most)
{
    if (past->blocks >= most)
        halve(past);
    past->counts[bin_of((double)past->highest)]++;
    past->blocks++;
    past->in_block = 0;
    past->highest = 0;
}

void score_calibration_add(struct score_calibration *past, double raw, uint16_t most)
{
    if (raw > (double)past->highest)
        past->highest = (float)raw;
    if (++past->in_block >= CALIBRATION_BLOCK)
        close_block(past, most);
}

bool score_calibration_is_ready(const struct score_calibration *past)
{
    return past->blocks >= CALIBRATION_LEAST_BLOCKS;
}

static double prior_log10_blocks(double raw)
{
    double n = CALIBRATION_LEAST_BLOCKS;
    if (raw <= PRIOR_EDGE)
        return score_log10((n + 1) / 3) * raw / PRIOR_EDGE;
    return score_log10((n + 1) / 3) + (raw - PRIOR_EDGE) / (PRIOR_EXCESS * SCORE_LN10);
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

/* Where the tail begins, and how it falls off. */
struct tail {
    double edge;   /* u */
    double count;  /* k, of the blocks from the edge on */
    double excess; /* b */
};

static struct tail fit_tail(const struct score_calibration *past)
{
    double least = score_max(3, 0.2 * past->blocks);
    double count = 0;
    double excess = 0; /* over the lower edge of the bin `edge`, in bins */
    int edge = CALIBRATION_BINS;
    while (edge > 0 && count < least) {
        edge--;
        excess += count + 0.5 * past->counts[edge];
        count += past->counts[edge];
    }
    double b = (excess * BIN_WIDTH + PRIOR_COUNT * PRIOR_EXCESS) / (count + PRIOR_COUNT);
    return (struct tail){.edge = edge * BIN_WIDTH, .count = count, .excess = b};
}

double score_calibration_log10_blocks(const struct score_calibration *past, double raw)
{
    if (!score_calibration_is_ready(past))
        return prior_log10_blocks(raw);
    double n = past->blocks;
    struct tail tail = fit_tail(past);
    if (raw <= tail.edge)
        return score_log10((n + 1) / (1 + blocks_above(past, raw)));
    return score_log10((n + 1) / tail.count) + (raw - tail.edge) / (tail.excess * SCORE_LN10);
}

double score_calibration_log10_clean(const struct score_calibration *past, double raw)
{
    if (!score_calibration_is_ready(past))
        return prior_log10_blocks(raw);
    struct tail tail = fit_tail(past);
    double above = raw <= tail.edge ? blocks_above(past, raw) : tail.count;
    double share = (1 + CLEAN_PART * above) / (past->blocks + 1.0);
    if (raw > tail.edge)
        share *= score_exp((tail.edge - raw) / tail.excess);
    /* -ln(1 - q), by the beginning of its series where q is small */
    double rate = share < 1e-3 ? share + share * share / 2 : -score_ln(1 - share);
    return -score_log10(score_min(rate, CALIBRATION_BLOCK));
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
    return sum == past->blocks && past->blocks <= CALIBRATION_MOST_BLOCKS &&
           past->in_block < CALIBRATION_BLOCK && past->highest >= 0;
}
