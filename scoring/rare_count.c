#include "scoring/rare_count.h"

#include "scoring/maths.h"

#define HOUR_MS 3600000.0

double score_rare_count_hours(uint64_t samples, double mean, double count, double interval_ms)
{
    double p = score_max(mean, 0) + 0.5 / ((double)samples + 1);
    if (!score_is_finite(mean) || !score_is_finite(count) || p >= 0.5)
        return SCORE_PERIOD_MAX_H;
    if (count <= mean)
        return 0;
    double size = score_clamp(count, 1, 1e6);
    return score_min(SCORE_PERIOD_MAX_H, size * size * size / p * interval_ms / HOUR_MS);
}
