/* Functions over a window that slides along the samples of one series: rate(), sum_over_time() and their
 * like. Pure: columns in, a column out.
 *
 * A window of a step ends at that step's moment and begins range_ms earlier; both ends belong to it. It is
 * moved, never searched: the ends of the windows only grow. */
#ifndef TM_PROMQL_WINDOW_H
#define TM_PROMQL_WINDOW_H

#include "server/promql/functions.h"
#include "server/promql/source.h"
#include "server/promql/timeline.h"

/* Where the windows are. */
struct window_plan {
    struct timeline timeline;
    bool is_fixed;      /* by @: all windows end at fixed_ms */
    time_ms_t fixed_ms; /* the offset taken off */
    int64_t offset_ms;  /* if not fixed */
    int64_t range_ms;
};

static inline time_ms_t window_end(const struct window_plan *plan, size_t step)
{
    return plan->is_fixed ? plan->fixed_ms : timeline_at(&plan->timeline, step) - plan->offset_ms;
}

/* The times that any window has. */
static inline struct span window_span(const struct window_plan *plan)
{
    return (struct span){window_end(plan, 0) - plan->range_ms,
                         window_end(plan, plan->timeline.count - 1) + 1};
}

/* The samples [from, to) of a column. Zero-initialised: before the first step. */
struct window {
    size_t from;
    size_t to;
    size_t from_stride; /* by how much each end moved last */
    size_t to_stride;
};

/* The first of the samples from `at` on that is later than a time. Where samples come regularly it is as far
 * on as the last time, which is looked at first. */
static inline size_t window_find(const struct samples *samples, size_t at, time_ms_t time, size_t *stride)
{
    const size_t guess = at + *stride, first = at;
    if (guess < samples->count && samples->times[guess] > time &&
        (guess == at || samples->times[guess - 1] <= time))
        return guess;
    while (at < samples->count && samples->times[at] <= time)
        at++;
    *stride = at - first;
    return at;
}

/* Moves a window to a step; of steps in order. */
static inline void window_move(struct window *window, const struct window_plan *plan,
                               const struct samples *samples, size_t step)
{
    time_ms_t end = window_end(plan, step);
    window->to = window_find(samples, window->to, end, &window->to_stride);
    window->from = window_find(samples, window->from, end - plan->range_ms - 1, &window->from_stride);
}

static inline size_t window_count(const struct window *window)
{
    return window->to - window->from;
}

/* What a function is given beside the samples. */
struct window_call {
    const struct window_plan *plan;
    const struct samples *samples; /* without staleness markers */
    const double *params[2];       /* columns of the scalar arguments, in their order */
    struct tm_why *why;
};

/* Writes a value for each step; absent where the function has none. Any thread. TM_INVALID: a parameter is
 * not one; TM_NOMEM. */
typedef enum tm_err window_fn(const struct window_call *call, double *out);

/* The function of that id; NULL: it is not one of these. */
window_fn *window_function(enum function_id id);

/* The functions, by file: window_rate.c ... */
window_fn window_rate;
window_fn window_increase;
window_fn window_delta;
window_fn window_irate;
window_fn window_idelta;
/* window_sums.c */
window_fn window_count_over_time;
window_fn window_present;
window_fn window_last;
window_fn window_sum;
window_fn window_avg;
window_fn window_stddev;
window_fn window_stdvar;
/* window_order.c */
window_fn window_max;
window_fn window_min;
window_fn window_quantile;
/* window_trend.c */
window_fn window_changes;
window_fn window_resets;
window_fn window_deriv;
window_fn window_predict_linear;
window_fn window_holt_winters;

/* Adds with the rest that rounding takes (Neumaier), as Prometheus does. */
static inline void kahan_add(double value, double *sum, double *rest)
{
    double total = *sum + value;
    if (__builtin_fabs(*sum) >= __builtin_fabs(value))
        *rest += (*sum - total) + value;
    else
        *rest += (value - total) + *sum;
    *sum = total;
}

/* The q-quantile of values, which are put in order; as quantile() and quantile_over_time() have it. */
double quantile_of(double q, double *values, size_t count);

#endif
