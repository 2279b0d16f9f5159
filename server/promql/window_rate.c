/* rate(), increase(), delta(), irate() and idelta(): what changed within a window, drawn out to its ends. */
#include <math.h>
#include <stdlib.h>

#include "server/promql/lanes.h"
#include "server/promql/window.h"

/* Where the counter fell within a window: what was there before each fall is added to the change. */
struct falls {
    size_t *at; /* samples that are below the one before them */
    size_t count;
    size_t capacity;
    size_t from; /* of those in the window */
    size_t to;
    double sum;    /* of what was there before */
    double size;   /* of the absolute values of that */
    bool is_known; /* sum and size are of this window */
};

static bool add_fall(struct falls *falls, size_t at)
{
    enum { FIRST_FALLS = 16 };
    if (falls->count == falls->capacity) {
        size_t wanted = falls->capacity ? falls->capacity * 2 : FIRST_FALLS;
        size_t *grown = realloc(falls->at, wanted * sizeof *grown);
        if (!grown)
            return false;
        falls->at = grown;
        falls->capacity = wanted;
    }
    falls->at[falls->count++] = at;
    return true;
}

/* falls->at is the caller's, also after false: no memory. */
static bool find_falls(const struct samples *samples, struct falls *falls)
{
    const double *values = samples->values;
    for (size_t at = 1, end; at < samples->count; at = end) {
        end = samples->count - at < LANES_RUN ? samples->count : at + LANES_RUN;
        if (end - at == LANES_RUN && !lanes_any_fall(values + at - 1))
            continue;
        for (size_t i = at; i < end; i++) {
            if (values[i] < values[i - 1] && !add_fall(falls, i))
                return false;
        }
    }
    return true;
}

/* Falls are few in a counter, so what they sum to is counted anew whenever one comes or goes: nothing is ever
 * subtracted, and nothing lost to rounding. */
static void move_falls(struct falls *falls, const double *values, const struct window *window)
{
    size_t from = falls->from, to = falls->to;
    while (falls->to < falls->count && falls->at[falls->to] < window->to)
        falls->to++;
    while (falls->from < falls->to && falls->at[falls->from] <= window->from)
        falls->from++;
    if (falls->is_known && from == falls->from && to == falls->to)
        return;
    falls->sum = falls->size = 0;
    for (size_t i = falls->from; i < falls->to; i++) {
        falls->sum += values[falls->at[i] - 1];
        falls->size += fabs(values[falls->at[i] - 1]);
    }
    falls->is_known = true;
}

/* The change of a window with its falls. Where large parts leave a small rest the order of adding shows, so
 * there it is Prometheus': one after the other. */
static double add_falls(const struct falls *falls, const double *values, double change)
{
    if (falls->from == falls->to)
        return change;
    double sum = change + falls->sum;
    if (fabs(sum) >= 1e-5 * (fabs(change) + falls->size) && isfinite(sum))
        return sum;
    for (size_t i = falls->from; i < falls->to; i++)
        change += values[falls->at[i] - 1];
    return change;
}

/* How the samples lie in a window. Where they come regularly that is the same from step to step, and so is by
 * how much a change is drawn out to the window's ends: there are no divisions then, which are slow. */
struct layout {
    int64_t to_start_ms; /* from the window's start to the first */
    int64_t to_end_ms;
    int64_t sampled_ms;
    size_t count;
    double between;
    double factor;
};

static double draw_out(const struct layout *layout, double to_start)
{
    double sampled = (double)layout->sampled_ms, to_end = (double)layout->to_end_ms;
    double threshold = layout->between * 1.1;
    double drawn_out = sampled;
    drawn_out += to_start < threshold ? to_start : layout->between / 2;
    drawn_out += to_end < threshold ? to_end : layout->between / 2;
    return drawn_out / sampled;
}

static void note_layout(const struct window_call *call, const struct window *window, time_ms_t end,
                        struct layout *layout)
{
    time_ms_t first = call->samples->times[window->from], last = call->samples->times[window->to - 1];
    int64_t to_start_ms = first - (end - call->plan->range_ms), sampled_ms = last - first;
    if (layout->count == window_count(window) && layout->to_start_ms == to_start_ms &&
        layout->sampled_ms == sampled_ms && layout->to_end_ms == end - last)
        return;
    layout->to_start_ms = to_start_ms;
    layout->to_end_ms = end - last;
    layout->sampled_ms = sampled_ms;
    layout->count = window_count(window);
    layout->between = (double)sampled_ms / (double)(layout->count - 1);
    layout->factor = draw_out(layout, (double)to_start_ms);
}

/* By how much a change within the samples is drawn out. A counter is not drawn out to below zero: compared
 * without a division, and without branches on values, which nobody could foresee. */
static inline double extrapolate(const struct layout *layout, double first_value, double change,
                                 bool is_counter)
{
    double sampled = (double)layout->sampled_ms, to_start = (double)layout->to_start_ms;
    bool is_below = sampled * first_value < to_start * change;
    if (is_counter & (change > 0) & (first_value >= 0) & is_below)
        return draw_out(layout, sampled * (first_value / change));
    return layout->factor;
}

struct changing {
    const struct window_call *call;
    struct window window;
    struct falls falls;
    struct layout layout; /* of no window at first: those have two samples */
    bool is_counter;
    double scale;
};

static double change_of(struct changing *c, size_t step)
{
    const struct window_call *call = c->call;
    const struct samples *samples = call->samples;
    struct window *window = &c->window;
    window_move(window, call->plan, samples, step);
    if (window_count(window) < 2)
        return absent();
    double first = samples->values[window->from], change = samples->values[window->to - 1] - first;
    if (c->is_counter) {
        move_falls(&c->falls, samples->values, window);
        change = add_falls(&c->falls, samples->values, change);
    }
    note_layout(call, window, window_end(call->plan, step), &c->layout);
    return change * (extrapolate(&c->layout, first, change, c->is_counter) * c->scale);
}

/* Where samples come regularly: the steps from this one on in whose windows the samples at and beyond both
 * ends are just a step later than in the one before, so that layout and number are the same, and that have no
 * falls. Returns the first that is not so. */
static size_t follow_steps(struct changing *c, size_t step, double *out)
{
    const struct window_plan *plan = c->call->plan;
    const struct samples *samples = c->call->samples;
    const time_ms_t *times = samples->times;
    const int64_t step_ms = plan->timeline.step_ms;
    const size_t stride = c->window.to_stride;
    size_t from = c->window.from, to = c->window.to, quiet = samples->count - 1;
    if (plan->is_fixed || stride == 0 || stride != c->window.from_stride || from == 0 || to - from < 2 ||
        to > quiet || c->falls.from != c->falls.to)
        return step;
    if (c->falls.to < c->falls.count && c->falls.at[c->falls.to] < quiet)
        quiet = c->falls.at[c->falls.to];
    time_ms_t before = times[from - 1], first = times[from], last = times[to - 1], behind = times[to];
    for (; step < plan->timeline.count && to + stride <= quiet; step++) {
        before += step_ms;
        first += step_ms;
        last += step_ms;
        behind += step_ms;
        from += stride;
        to += stride;
        if ((times[from - 1] != before) | (times[from] != first) | (times[to - 1] != last) |
            (times[to] != behind)) {
            from -= stride;
            to -= stride;
            break;
        }
        double value = samples->values[from], change = samples->values[to - 1] - value;
        out[step] = change * (extrapolate(&c->layout, value, change, c->is_counter) * c->scale);
    }
    c->window.from = from;
    c->window.to = to;
    return step;
}

static enum tm_err find_changes(const struct window_call *call, bool is_counter, bool is_rate, double *out)
{
    struct changing c = {
        .call = call, .is_counter = is_counter, .scale = is_rate ? 1000 / (double)call->plan->range_ms : 1};
    if (is_counter && !find_falls(call->samples, &c.falls)) {
        free(c.falls.at);
        return TM_NOMEM;
    }
    for (size_t step = 0; step < call->plan->timeline.count;) {
        out[step] = change_of(&c, step);
        step = follow_steps(&c, step + 1, out);
    }
    free(c.falls.at);
    return TM_OK;
}

enum tm_err window_rate(const struct window_call *call, double *out)
{
    return find_changes(call, true, true, out);
}

enum tm_err window_increase(const struct window_call *call, double *out)
{
    return find_changes(call, true, false, out);
}

enum tm_err window_delta(const struct window_call *call, double *out)
{
    return find_changes(call, false, false, out);
}

/* The last two samples of a window. */
static enum tm_err find_last_change(const struct window_call *call, bool is_rate, double *out)
{
    const struct samples *samples = call->samples;
    struct window window = {0};
    for (size_t step = 0; step < call->plan->timeline.count; step++) {
        window_move(&window, call->plan, samples, step);
        out[step] = absent();
        if (window_count(&window) < 2)
            continue;
        size_t last = window.to - 1;
        double value = samples->values[last], before = samples->values[last - 1];
        double change = is_rate && value < before ? value : value - before;
        int64_t apart_ms = samples->times[last] - samples->times[last - 1];
        out[step] = is_rate ? change / ((double)apart_ms / 1000) : change;
    }
    return TM_OK;
}

enum tm_err window_irate(const struct window_call *call, double *out)
{
    return find_last_change(call, true, out);
}

enum tm_err window_idelta(const struct window_call *call, double *out)
{
    return find_last_change(call, false, out);
}
