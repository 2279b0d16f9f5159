/* Thinning. */
#include "server/cli/plot.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "server/cli/series_text.h"

struct plot *plot_new(struct span span, size_t column_count)
{
    assert(span.to > span.from && column_count && column_count <= PLOT_COLUMNS_MAX);
    struct plot *plot = calloc(1, sizeof *plot);
    if (plot) {
        plot->span = span;
        plot->column_count = column_count;
    }
    return plot;
}

void plot_free(struct plot *plot)
{
    if (!plot)
        return;
    for (size_t i = 0; i < plot->series_count; i++) {
        bytes_fini(&plot->series[i].labels);
        free(plot->series[i].columns);
    }
    free(plot);
}

/* ---- taking samples ---- */

static enum tm_err begin_series(void *arg, const struct labels *labels, struct tm_why *why)
{
    struct plot *plot = arg;
    plot->series_total++;
    if (plot->series_total > PLOT_SERIES_MAX)
        return TM_OK;
    struct plot_series *series = &plot->series[plot->series_count];
    series->columns = calloc(plot->column_count, sizeof *series->columns);
    if (!series->columns)
        return tm_fail(why, TM_NOMEM, "out of memory");
    plot->series_count++;
    labels_encode(labels, &series->labels);
    return bytes_error(&series->labels) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}

static size_t column_of(const struct plot *plot, time_ms_t time)
{
    double part =
        ((double)time - (double)plot->span.from) / ((double)plot->span.to - (double)plot->span.from);
    double column = part * (double)plot->column_count;
    if (!(column > 0))
        return 0;
    return column < (double)plot->column_count ? (size_t)column : plot->column_count - 1;
}

static void put_sample(struct plot_column *column, time_ms_t time, double value)
{
    if (!column->count++) {
        *column = (struct plot_column){1, time, time, time, time, value, value, value, value};
        return;
    }
    column->last_time = time;
    column->last = value;
    if (value < column->min) {
        column->min = value;
        column->min_time = time;
    }
    if (value > column->max) {
        column->max = value;
        column->max_time = time;
    }
}

static enum tm_err take_samples(void *arg, const time_ms_t *times, const double *values, size_t count,
                                struct tm_why *why)
{
    struct plot *plot = arg;
    (void)why;
    plot->sample_total += count;
    if (plot->series_total > PLOT_SERIES_MAX)
        return TM_OK;
    struct plot_series *series = &plot->series[plot->series_count - 1];
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        put_sample(&series->columns[column_of(plot, times[i])], times[i], values[i]);
        if (!series->count++)
            series->first_time = times[i];
        series->last_time = times[i];
    }
    return TM_OK;
}

struct source_sink plot_sink(struct plot *plot)
{
    return (struct source_sink){.arg = plot, .series = begin_series, .samples = take_samples};
}

/* ---- giving points ---- */

/* A gap wider than this is shown as one. */
static time_ms_t widest_step(const struct plot *plot, const struct plot_series *series)
{
    enum { STEPS = 5, COLUMNS = 2 };
    if (series->count < 2)
        return INT64_MAX;
    int64_t usual = (series->last_time - series->first_time) / (int64_t)(series->count - 1);
    int64_t column = (plot->span.to - plot->span.from) / (int64_t)plot->column_count;
    int64_t by_step = STEPS * usual, by_column = COLUMNS * column;
    return by_step > by_column ? by_step : by_column;
}

static void put_point(struct bytes *out, time_ms_t time, double value)
{
    char text[VALUE_TEXT_BYTES];
    bytes_printf(out, "%.3f %s\n", (double)time / 1e3, value_text(value, text));
}

/* First, minimum, maximum and last in the order of time, each once. */
static void put_column(const struct plot_column *column, struct bytes *out)
{
    bool is_min_first = column->min_time <= column->max_time;
    const time_ms_t times[] = {column->first_time, is_min_first ? column->min_time : column->max_time,
                               is_min_first ? column->max_time : column->min_time, column->last_time};
    const double values[] = {column->first, is_min_first ? column->min : column->max,
                             is_min_first ? column->max : column->min, column->last};
    for (int i = 0; i < 4; i++)
        if (i == 0 || times[i] > times[i - 1])
            put_point(out, times[i], values[i]);
}

void plot_points(const struct plot *plot, const struct plot_series *series, struct bytes *out)
{
    time_ms_t widest = widest_step(plot, series);
    const struct plot_column *before = NULL;
    for (size_t i = 0; i < plot->column_count; i++) {
        const struct plot_column *column = &series->columns[i];
        if (!column->count)
            continue;
        if (before && column->first_time - before->last_time > widest)
            bytes_u8(out, '\n');
        put_column(column, out);
        before = column;
    }
}
