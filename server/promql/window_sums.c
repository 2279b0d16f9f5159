/* sum_over_time() and what is made of sums and counts. */
#include <math.h>

#include "server/promql/window.h"

enum tm_err window_count_over_time(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        size_t count = window_count(&window);
        out[step] = count ? (double)count : absent();
    }
    return TM_OK;
}

enum tm_err window_present(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        out[step] = window_count(&window) ? 1 : absent();
    }
    return TM_OK;
}

enum tm_err window_last(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        out[step] = window_count(&window) ? call->samples->values[window.to - 1] : absent();
    }
    return TM_OK;
}

/* ---- sums that slide ---- */

/* A sum in two doubles, some 106 bits: what enters a window and leaves it again leaves no trace that shows.
 * Where it could (values of very different size, or not finite ones) the window is summed anew. */
struct wide {
    double high;
    double low;
};

static void wide_add(struct wide *sum, double value)
{
    double total = sum->high + value;
    double part = total - sum->high;
    double lost = (sum->high - (total - part)) + (value - part);
    lost += sum->low;
    sum->high = total + lost;
    sum->low = lost - (sum->high - total);
}

struct sliding {
    struct window summed; /* the samples that are in sum */
    struct wide sum;
    double largest; /* of all that entered since sum was made anew */
    size_t odd;     /* of the samples in it, those that are not finite or huge */
};

/* Beyond it a few of them overflow. */
static bool is_odd(double value)
{
    return !(fabs(value) < 1e300);
}

static void slide(struct sliding *sliding, const double *values, const struct window *window)
{
    for (; sliding->summed.to < window->to; sliding->summed.to++) {
        double value = values[sliding->summed.to];
        sliding->odd += is_odd(value);
        if (is_odd(value))
            continue;
        wide_add(&sliding->sum, value);
        sliding->largest = fmax(sliding->largest, fabs(value));
    }
    for (; sliding->summed.from < window->from; sliding->summed.from++) {
        double value = values[sliding->summed.from];
        sliding->odd -= is_odd(value);
        if (!is_odd(value))
            wide_add(&sliding->sum, -value);
    }
    if (sliding->summed.from == sliding->summed.to) {
        sliding->sum = (struct wide){0};
        sliding->largest = 0;
    }
}

/* May the sum be taken as it is? Rounding is some 2^-100 of the largest sample, so 2^-60 leaves 40 bits. */
static bool is_sound(const struct sliding *sliding)
{
    return sliding->odd == 0 && fabs(sliding->sum.high) >= sliding->largest * 0x1p-60;
}

/* Exactly Prometheus' way. */
static double sum_anew(const double *values, size_t count)
{
    double sum = 0, rest = 0;
    for (size_t i = 0; i < count; i++)
        kahan_add(values[i], &sum, &rest);
    return isinf(sum) ? sum : sum + rest;
}

enum tm_err window_sum(const struct window_call *call, double *out)
{
    const double *values = call->samples->values;
    struct window window = {0};
    struct sliding sliding = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        slide(&sliding, values, &window);
        size_t count = window_count(&window);
        if (count == 0)
            out[step] = absent();
        else
            out[step] = is_sound(&sliding) ? sliding.sum.high : sum_anew(values + window.from, count);
    }
    return TM_OK;
}

/* Prometheus' way again: an infinite mean stays what it is. */
static double mean_anew(const double *values, size_t count)
{
    double mean = 0, rest = 0;
    for (size_t i = 0; i < count; i++) {
        double n = (double)(i + 1);
        if (isinf(mean)) {
            if (isinf(values[i]) && (mean > 0) == (values[i] > 0))
                continue;
            if (isfinite(values[i]))
                continue;
        }
        kahan_add(values[i] / n - mean / n, &mean, &rest);
    }
    return isinf(mean) ? mean : mean + rest;
}

enum tm_err window_avg(const struct window_call *call, double *out)
{
    const double *values = call->samples->values;
    struct window window = {0};
    struct sliding sliding = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        slide(&sliding, values, &window);
        size_t count = window_count(&window);
        if (count == 0)
            out[step] = absent();
        else if (is_sound(&sliding))
            out[step] = sliding.sum.high / (double)count;
        else
            out[step] = mean_anew(values + window.from, count);
    }
    return TM_OK;
}

/* ---- spread ---- */

/* Each window by itself: squares of what is left of a difference do not slide. */
static double find_variance(const double *values, size_t count)
{
    double n = 0, mean = 0, mean_rest = 0, sum = 0, sum_rest = 0;
    for (size_t i = 0; i < count; i++) {
        n++;
        double delta = values[i] - (mean + mean_rest);
        kahan_add(delta / n, &mean, &mean_rest);
        kahan_add(delta * (values[i] - (mean + mean_rest)), &sum, &sum_rest);
    }
    return (sum + sum_rest) / n;
}

enum tm_err window_stdvar(const struct window_call *call, double *out)
{
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, call->samples, step);
        size_t count = window_count(&window);
        out[step] = count ? find_variance(call->samples->values + window.from, count) : absent();
    }
    return TM_OK;
}

enum tm_err window_stddev(const struct window_call *call, double *out)
{
    enum tm_err err = window_stdvar(call, out);
    for (size_t step = 0; !err && step < call->plan->timeline.count; step++) {
        if (!is_absent(out[step]))
            out[step] = sqrt(out[step]);
    }
    return err;
}
