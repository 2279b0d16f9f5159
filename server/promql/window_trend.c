/* changes() and resets(); deriv(), predict_linear() and holt_winters(). */
#include <math.h>
#include <stdio.h>

#include "server/promql/window.h"

typedef bool pair_fn(double before, double value);

static bool is_reset(double before, double value)
{
    return value < before;
}

static bool is_change(double before, double value)
{
    return value != before && !(isnan(value) && isnan(before));
}

/* How many neighbours within a window are such pairs. */
static enum tm_err count_pairs(const struct window_call *call, pair_fn *is_pair, double *out)
{
    const double *values = call->samples->values;
    struct window window = {0}, counted = {0};
    size_t pairs = 0;
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        for (; counted.to < window.to; counted.to++)
            pairs += counted.to > counted.from && is_pair(values[counted.to - 1], values[counted.to]);
        for (; counted.from < window.from; counted.from++)
            pairs -= counted.from + 1 < counted.to && is_pair(values[counted.from], values[counted.from + 1]);
        out[step] = window_count(&window) ? (double)pairs : absent();
    }
    return TM_OK;
}

enum tm_err window_changes(const struct window_call *call, double *out)
{
    return count_pairs(call, is_change, out);
}

enum tm_err window_resets(const struct window_call *call, double *out)
{
    return count_pairs(call, is_reset, out);
}

/* ---- a line through the samples ---- */

struct line {
    double slope;
    double at_zero;
};

/* A sum with its rest. */
struct kahan {
    double sum;
    double rest;
};

static bool is_constant(const double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (values[i] != values[0])
            return false;
    }
    return true;
}

/* Least squares, with zero_ms as x = 0 and x in seconds. */
static struct line fit_line(const struct samples *samples, const struct window *window, time_ms_t zero_ms)
{
    const double *values = samples->values + window->from;
    size_t count = window_count(window);
    if (is_constant(values, count))
        return isinf(values[0]) ? (struct line){NAN, NAN} : (struct line){0, values[0]};
    struct kahan x_sum = {0}, y_sum = {0}, xy_sum = {0}, xx_sum = {0};
    for (size_t i = 0; i < count; i++) {
        double x = (double)(samples->times[window->from + i] - zero_ms) / 1e3;
        kahan_add(x, &x_sum.sum, &x_sum.rest);
        kahan_add(values[i], &y_sum.sum, &y_sum.rest);
        kahan_add(x * values[i], &xy_sum.sum, &xy_sum.rest);
        kahan_add(x * x, &xx_sum.sum, &xx_sum.rest);
    }
    double n = (double)count;
    double x = x_sum.sum + x_sum.rest, y = y_sum.sum + y_sum.rest;
    double covariance = xy_sum.sum + xy_sum.rest - x * y / n;
    double variance = xx_sum.sum + xx_sum.rest - x * x / n;
    double slope = covariance / variance;
    return (struct line){slope, y / n - slope * x / n};
}

enum tm_err window_deriv(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        out[step] = absent();
        /* The first sample is x = 0, lest large times take the digits. */
        if (window_count(&window) >= 2)
            out[step] = fit_line(call->samples, &window, call->samples->times[window.from]).slope;
    }
    return TM_OK;
}

enum tm_err window_predict_linear(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        out[step] = absent();
        if (window_count(&window) < 2)
            continue;
        struct line line = fit_line(call->samples, &window, timeline_at(&call->plan->timeline, step));
        out[step] = line.slope * call->params[0][step] + line.at_zero;
    }
    return TM_OK;
}

/* ---- double exponential smoothing ---- */

static double smooth(const double *values, size_t count, double level_factor, double trend_factor)
{
    double before = 0, level = values[0], trend = values[1] - values[0];
    for (size_t i = 1; i < count; i++) {
        if (i > 1)
            trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
        double next = level_factor * values[i] + (1 - level_factor) * (level + trend);
        before = level;
        level = next;
    }
    return level;
}

static bool is_factor(double value)
{
    return !(value <= 0 || value >= 1);
}

enum tm_err window_holt_winters(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        size_t count = window_count(&window);
        double level_factor = call->params[0][step], trend_factor = call->params[1][step];
        out[step] = absent();
        if (count == 0)
            continue;
        if (!is_factor(level_factor))
            return tm_fail(call->why, TM_INVALID, "invalid smoothing factor. Expected: 0 < sf < 1, got: %f",
                           level_factor);
        if (!is_factor(trend_factor))
            return tm_fail(call->why, TM_INVALID, "invalid trend factor. Expected: 0 < tf < 1, got: %f",
                           trend_factor);
        if (count >= 2)
            out[step] = smooth(call->samples->values + window.from, count, level_factor, trend_factor);
    }
    return TM_OK;
}
