/* How long responses took, hour by hour: median, p90 and p99, by powers of ten. */
#include <math.h>
#include <stdlib.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { HOUR_MS = 3600000, TICKS_MAX = 40 };

struct scale {
    double low, high;
};

static bool find_scale(const struct figure_latency *latency, struct scale *scale)
{
    const double *series[] = {latency->p50, latency->p90, latency->p99};
    double low = 1e12, high = 0;
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; series[s] && i < latency->hours; i++)
            if (series[s][i] > 0 && isfinite(series[s][i])) {
                low = fmin(low, series[s][i]);
                high = fmax(high, series[s][i]);
            }
    scale->low = low * 0.8;
    scale->high = high * 1.2;
    return high > 0;
}

static double height_of(const struct scale *scale, struct frame frame, double ms)
{
    return frame.bottom -
           log10(ms / scale->low) / log10(scale->high / scale->low) * (frame.bottom - frame.top);
}

/* 1, 2, 5 of each power of ten while that leaves room, else the powers alone. */
static size_t find_ticks(const struct scale *scale, double ticks[TICKS_MAX])
{
    static const double parts[] = {1, 2, 5};
    size_t count = 0, every = scale->high / scale->low > 600 ? 3 : 1;
    double first = floor(log10(scale->low));
    for (size_t i = 0; i < TICKS_MAX; i += every) {
        size_t decade = i / 3;
        double tick = pow(10, first + (double)decade) * parts[i % 3];
        if (tick >= scale->low && tick <= scale->high)
            ticks[count++] = tick;
    }
    return count;
}

static void put_ticks(struct drawing *drawing, const struct scale *scale, struct frame frame)
{
    double ticks[TICKS_MAX];
    size_t count = find_ticks(scale, ticks);
    for (size_t i = 0; i < count; i++) {
        char text[AMOUNT_BYTES];
        double y = height_of(scale, frame, ticks[i]);
        drawing_line(drawing, (struct frame){frame.left, frame.right, y, y}, INK_GRID, 1, 0);
        drawing_note(
            drawing,
            (struct note){.x = frame.left - 6, .y = y, .anchor = ANCHOR_RIGHT, .ink = INK_MUTED, .size = 11},
            amount_duration(ticks[i], drawing->language, text));
    }
    drawing_line(drawing, (struct frame){frame.left, frame.right, frame.bottom, frame.bottom}, INK_AXIS, 1,
                 0);
}

static bool is_known(const double *values, size_t hour)
{
    return values && isfinite(values[hour]) && values[hour] > 0;
}

static void put_numbers(struct drawing *drawing, const struct figure_latency *latency)
{
    const double *series[] = {latency->p50, latency->p90, latency->p99};
    for (size_t s = 0; s < 3; s++) {
        bytes_printf(&drawing->script, "$q%zu << EOD\n", s);
        for (size_t i = 0; i < latency->hours; i++) {
            if (is_known(series[s], i) && is_known(series[0], i))
                for (size_t end = 0; end < 2; end++)
                    bytes_printf(&drawing->script, "%zu %.9g %.9g\n", i + end, series[0][i], series[s][i]);
            else
                bytes_printf(&drawing->script, "\n");
        }
        bytes_printf(&drawing->script, "EOD\n");
    }
}

void latency_draw(struct drawing *drawing, const struct figures *figures)
{
    static const struct legend_item items[] = {
        {.swatch = SWATCH_DASHED, .ink = INK_STRONG, .word = WORD_P99},
        {.swatch = SWATCH_BOX, .ink = INK_BAND, .word = WORD_P50_TO_P90},
        {.swatch = SWATCH_LINE, .ink = INK_MAIN, .word = WORD_P50}};
    const struct figure_latency *latency = &figures->latency;
    struct scale scale;
    if (!find_scale(latency, &scale)) {
        drawing_nothing(drawing);
        return;
    }
    drawing_page(drawing, drawing->is_narrow ? 280 : 270);
    double top = drawing_legend(drawing, 0, 0, items, 3) + 10;
    struct frame frame = {62, drawing->width - 4, top, drawing->height - (drawing->is_narrow ? 36 : 26)};
    drawing_days(drawing, frame, &figures->week, true);
    put_ticks(drawing, &scale, frame);
    put_numbers(drawing, latency);
    drawing_axes(drawing, frame,
                 (struct span){0, (figures->week.span.to - figures->week.span.from) / HOUR_MS}, scale.low,
                 scale.high);
    bytes_printf(&drawing->script,
                 "set logscale y\nplot $q1 using 1:2:3 with filledcurves fc " INK_RGB
                 ", $q2 using 1:3 with lines lw 1.4 dt (5,3) lc " INK_RGB
                 ", $q0 using 1:3 with lines lw 1.6 lc " INK_RGB "\n",
                 INK_BAND, INK_STRONG, INK_MAIN);
    drawing_page_end(drawing);
}

/* ---- the text ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(const double *values, size_t count)
{
    double sorted[FIGURE_HOURS_MAX];
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        if (is_known(values, i))
            sorted[known++] = values[i];
    if (!known)
        return NAN;
    qsort(sorted, known, sizeof sorted[0], compare);
    return known % 2 ? sorted[known / 2] : (sorted[known / 2 - 1] + sorted[known / 2]) / 2;
}

void latency_tell(const struct telling *telling, const struct figures *figures)
{
    const struct figure_latency *latency = &figures->latency;
    const double *series[] = {latency->p50, latency->p90, latency->p99};
    char text[3][AMOUNT_BYTES];
    struct bytes when = {0};
    struct str args[3];
    struct scale scale;
    size_t at = 0;
    if (!find_scale(latency, &scale))
        return;
    for (size_t i = 0; i < 3; i++)
        args[i] = amount_duration(median_of(series[i], latency->hours), telling->language, text[i]);
    telling_say(telling, WORD_TELL_LATENCY, args, 3);
    double most = latency->p99 ? series_most(latency->p99, latency->hours, &at) : NAN;
    if (isfinite(most))
        telling_say(telling, WORD_TELL_LATENCY_PEAK,
                    (struct str[]){amount_duration(most, telling->language, text[0]),
                                   telling_time(telling, &figures->week,
                                                figures->week.span.from + (time_ms_t)at * HOUR_MS, &when)},
                    2);
    bytes_fini(&when);
}
