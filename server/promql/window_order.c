/* max_over_time(), min_over_time() and quantile_over_time(). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/promql/window.h"

/* The samples that may yet be the extreme of a window: each beats all that come after it. So each sample
 * enters and leaves once. NaN is never one of them. */
struct extremes {
    size_t *at;
    size_t from;
    size_t to;
    size_t seen; /* samples that were looked at */
};

static void enter_extremes(struct extremes *extremes, const double *values, size_t until, double sign)
{
    for (; extremes->seen < until; extremes->seen++) {
        double value = values[extremes->seen] * sign;
        if (isnan(value))
            continue;
        while (extremes->to > extremes->from && values[extremes->at[extremes->to - 1]] * sign <= value)
            extremes->to--;
        extremes->at[extremes->to++] = extremes->seen;
    }
}

/* sign 1: the largest, -1: the smallest. */
static enum tm_err find_extremes(const struct window_call *call, double sign, double *out)
{
    const struct samples *samples = call->samples;
    struct window window = {0};
    struct extremes extremes = {.at = malloc((samples->count + 1) * sizeof *extremes.at)};
    if (!extremes.at)
        return TM_NOMEM;
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, samples, step);
        enter_extremes(&extremes, samples->values, window.to, sign);
        while (extremes.from < extremes.to && extremes.at[extremes.from] < window.from)
            extremes.from++;
        if (window_count(&window) == 0)
            out[step] = absent();
        else if (extremes.from < extremes.to)
            out[step] = samples->values[extremes.at[extremes.from]];
        else
            out[step] = NAN;
    }
    free(extremes.at);
    return TM_OK;
}

enum tm_err window_max(const struct window_call *call, double *out)
{
    return find_extremes(call, 1, out);
}

enum tm_err window_min(const struct window_call *call, double *out)
{
    return find_extremes(call, -1, out);
}

/* NaN before all others. */
static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x);
    return (x > y) - (x < y);
}

double quantile_of(double q, double *values, size_t count)
{
    if (count == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    qsort(values, count, sizeof *values, compare_values);
    double rank = q * (double)(count - 1);
    double lower = fmax(0, floor(rank));
    double upper = fmin((double)(count - 1), lower + 1);
    double weight = rank - floor(rank);
    return values[(size_t)lower] * (1 - weight) + values[(size_t)upper] * weight;
}

enum tm_err window_quantile(const struct window_call *call, double *out)
{
    const struct samples *samples = call->samples;
    struct window window = {0};
    double *sorted = malloc((samples->count + 1) * sizeof *sorted);
    if (!sorted)
        return TM_NOMEM;
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, samples, step);
        size_t count = window_count(&window);
        out[step] = absent();
        if (count == 0)
            continue;
        memcpy(sorted, samples->values + window.from, count * sizeof *sorted);
        out[step] = quantile_of(call->params[0][step], sorted, count);
    }
    free(sorted);
    return TM_OK;
}
