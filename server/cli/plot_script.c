/* The words for Gnuplot: axes, title, legend. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "server/cli/plot.h"
#include "server/cli/series_text.h"
#include "server/cli/units.h"
#include "storage/model/when.h"

enum { LEGEND_BYTES = 48, TITLE_BYTES = 100, TITLE_MARGIN_DUMB = 2 };

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static const char *const colours[PLOT_SERIES_MAX] = {"#1f6fb4", "#e07b1a", "#2a9d57", "#c8363c", "#7d5bb0",
                                                     "#8a5a44", "#d265ad", "#6b7280", "#a8a11f", "#18a5b8"};

/* ---- texts ---- */

/* In single quotes nothing is read by Gnuplot but a quote, which is doubled. Cut to max bytes at a
 * character's beginning. Control bytes become '?'. */
static void put_quoted(struct bytes *out, struct str text, size_t max)
{
    size_t len = text.len;
    if (len > max)
        for (len = max - 3; len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80; len--)
            ;
    bytes_u8(out, '\'');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\'')
            bytes_u8(out, c);
        bytes_u8(out, c < ' ' || c == 0x7f ? '?' : c);
    }
    if (len < text.len)
        bytes_put(out, "...", 3);
    bytes_u8(out, '\'');
}

/* The labels that all series share. */
static enum tm_err find_common(const struct plot *plot, struct labels *common)
{
    struct labels labels;
    enum tm_err err = labels_decode(bytes_view(&plot->series[0].labels), common);
    for (size_t i = 1; i < plot->series_count && !err; i++) {
        struct labels kept = {0};
        err = labels_decode(bytes_view(&plot->series[i].labels), &labels);
        for (size_t j = 0; j < common->count; j++)
            if (str_equal(labels_get(&labels, common->at[j].name), common->at[j].value))
                kept.at[kept.count++] = common->at[j];
        *common = kept;
    }
    return err;
}

/* What tells one series from the others; one label that differs shows its value alone. */
static void put_difference(const struct plot_series *series, const struct labels *common, struct bytes *out)
{
    struct labels labels;
    struct labels own = {0};
    if (labels_decode(bytes_view(&series->labels), &labels))
        return;
    for (size_t i = 0; i < labels.count; i++)
        if (!labels_get(common, labels.at[i].name).len)
            own.at[own.count++] = labels.at[i];
    if (own.count == 1)
        bytes_put(out, own.at[0].value.ptr, own.at[0].value.len);
    else
        series_text(&own, out);
}

static const char *unit_of(struct str metric)
{
    static const struct {
        const char *suffix;
        const char *unit;
    } units[] = {{"_seconds", "seconds"}, {"_ms", "ms"},           {"_milliseconds", "ms"},
                 {"_us", "µs"},           {"_ns", "ns"},           {"_bytes", "bytes"},
                 {"_bits", "bits"},       {"_percent", "percent"}, {"_ratio", "ratio"},
                 {"_celsius", "°C"},      {"_hertz", "Hz"},        {"_total", "count since the start"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t len = strlen(units[i].suffix);
        if (metric.len > len && memcmp(metric.ptr + metric.len - len, units[i].suffix, len) == 0)
            return units[i].unit;
    }
    return NULL;
}

/* ---- axes ---- */

static int64_t tic_step(struct span span, int tic_count)
{
    static const int64_t steps[] = {1,
                                    10,
                                    100,
                                    SECOND_MS,
                                    5 * SECOND_MS,
                                    15 * SECOND_MS,
                                    30 * SECOND_MS,
                                    MINUTE_MS,
                                    2 * MINUTE_MS,
                                    5 * MINUTE_MS,
                                    10 * MINUTE_MS,
                                    15 * MINUTE_MS,
                                    30 * MINUTE_MS,
                                    HOUR_MS,
                                    2 * HOUR_MS,
                                    3 * HOUR_MS,
                                    6 * HOUR_MS,
                                    12 * HOUR_MS,
                                    DAY_MS,
                                    2 * DAY_MS,
                                    7 * DAY_MS,
                                    14 * DAY_MS,
                                    28 * DAY_MS,
                                    91 * DAY_MS,
                                    364 * DAY_MS};
    enum { LAST = sizeof steps / sizeof steps[0] - 1 };
    double wanted = ((double)span.to - (double)span.from) / tic_count;
    for (int i = 0; i < LAST; i++)
        if ((double)steps[i] >= wanted)
            return steps[i];
    double years = ceil(wanted / (double)steps[LAST]);
    return (int64_t)years * steps[LAST];
}

/* The first tic: at a multiple of the step; weeks begin on Monday. */
static int64_t first_tic(time_ms_t from, int64_t step)
{
    const int64_t monday = 4 * DAY_MS;
    int64_t base = step % (7 * DAY_MS) == 0 ? monday : 0;
    int64_t behind = (from - base) % step;
    return behind > 0 ? from - behind + step : from - behind;
}

static void put_time_axis(const struct plot *plot, const struct plot_look *look, struct bytes *out)
{
    enum { PIXELS_A_TIC = 85, CHARACTERS_A_TIC = 10, TO_MINUTES = 16 };
    struct span span = plot->span;
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    int64_t step = tic_step(span, look->width / (look->kind == PLOT_DUMB ? CHARACTERS_A_TIC : PIXELS_A_TIC));
    const char *format = step >= 364 * DAY_MS           ? "%Y"
                         : step >= 91 * DAY_MS          ? "%b %Y"
                         : step >= DAY_MS               ? "%d %b"
                         : step < SECOND_MS             ? "%.3S"
                         : step < MINUTE_MS             ? "%H:%M:%S"
                         : span.to - span.from > DAY_MS ? "%H:%M\\n%d %b"
                                                        : "%H:%M";
    bytes_printf(out, "set xrange [%.3f:%.3f]\n", (double)span.from / 1e3, (double)span.to / 1e3);
    bytes_printf(out, "set format x \"%s\" timedate\n", format);
    bytes_printf(out, "set xtics %.3f, %.3f\n", (double)first_tic(span.from, step) / 1e3, (double)step / 1e3);
    (void)when_text(span.from, from);
    (void)when_text(span.to, to);
    from[10] = to[10] = ' ';
    bytes_printf(out, "set xlabel '%.*s to %.*s UTC%s%s'\n", TO_MINUTES, from, TO_MINUTES, to,
                 strcmp(look->tier, "raw") == 0 ? "" : ", tier ",
                 strcmp(look->tier, "raw") == 0 ? "" : look->tier);
}

static double largest(const struct plot *plot)
{
    double most = 0;
    for (size_t i = 0; i < plot->series_count; i++)
        for (size_t j = 0; j < plot->column_count; j++) {
            const struct plot_column *column = &plot->series[i].columns[j];
            most = fmax(most, fmax(fabs(column->min), fabs(column->max)));
        }
    return most;
}

static void put_value_axis(const struct plot *plot, const struct plot_look *look, const struct labels *common,
                           struct bytes *out)
{
    enum { LONG_NUMBER = 100000 };
    struct str metric = labels_get(common, STR(LABEL_NAME));
    const char *unit = unit_of(metric);
    if (largest(plot) >= LONG_NUMBER)
        bytes_printf(out, "set format y '%%.1s %%c'\n");
    if (look->kind == PLOT_DUMB && !unit)
        return; /* the metric stands in the title */
    bytes_printf(out, look->kind == PLOT_DUMB ? "set ylabel norotate " : "set ylabel ");
    put_quoted(out, unit ? str_of(unit) : metric.len ? metric : STR("value"), LEGEND_BYTES);
    bytes_printf(out, "\n");
}

/* ---- the whole ---- */

static void put_terminal(const struct plot_look *look, struct bytes *out)
{
    bytes_printf(out, "set encoding utf8\n");
    if (look->kind == PLOT_DUMB) {
        bytes_printf(out, "set terminal dumb noenhanced nofeed size %d,%d %s\nset tmargin 2\n", look->width,
                     look->height, look->colour ? "ansi256" : "mono");
        return;
    }
    if (look->kind == PLOT_PNG)
        bytes_printf(
            out, "set terminal pngcairo noenhanced size %d,%d font 'DejaVu Sans,11' background '#ffffff'\n",
            look->width, look->height);
    else
        bytes_printf(out,
                     "set terminal svg noenhanced size %d,%d font 'DejaVu Sans,Arial,sans-serif' "
                     "fontscale 0.9 background '#ffffff'\n",
                     look->width, look->height);
    bytes_printf(out,
                 "set border 3 lc rgb '#9aa0a6'\nset tics nomirror out scale 0.6 textcolor rgb '#3c4043'\n"
                 "set grid xtics ytics lt 1 lw 0.7 lc rgb '#e3e6ea'\n"
                 "set xlabel textcolor rgb '#3c4043'\nset ylabel textcolor rgb '#3c4043'\n"
                 "set rmargin 4\n");
}

static void put_title(const struct plot *plot, const struct plot_look *look, const struct labels *common,
                      struct bytes *out)
{
    struct bytes text = {0};
    if (look->asked && !labels_get(common, STR(LABEL_NAME)).len)
        bytes_put(&text, look->asked, strlen(look->asked));
    else
        series_text(common, &text);
    if (plot->series_total > plot->series_count)
        bytes_printf(&text, "  (%zu of %" PRIu64 " series)", plot->series_count, plot->series_total);
    bytes_printf(out, "set title ");
    put_quoted(out, bytes_view(&text),
               look->kind == PLOT_DUMB ? (size_t)(look->width - TITLE_MARGIN_DUMB) : TITLE_BYTES);
    bytes_printf(out, look->kind == PLOT_DUMB ? "\n" : " font 'DejaVu Sans,13' textcolor rgb '#202124'\n");
    out->failed = out->failed || text.failed;
    bytes_fini(&text);
}

static void put_key(const struct plot *plot, const struct plot_look *look, struct bytes *out)
{
    if (plot->series_total < 2)
        bytes_printf(out, "unset key\n");
    else if (look->kind == PLOT_DUMB)
        bytes_printf(out, "set key outside below center horizontal width 2\n");
    else
        bytes_printf(out, "set key outside above center horizontal Left reverse samplen 2 width 1 "
                          "textcolor rgb '#3c4043'\n");
}

static void put_line(const struct plot *plot, size_t i, const struct plot_look *look,
                     const struct labels *common, struct bytes *out)
{
    enum { FEW = 80 };
    struct bytes name = {0};
    bool is_few = look->kind != PLOT_DUMB && plot->series[i].count <= FEW;
    put_difference(&plot->series[i], common, &name);
    bytes_printf(out, "%s$s%zu using 1:2 with %s", i ? ", \\\n  " : "plot ", i,
                 is_few ? "linespoints" : "lines");
    if (look->kind != PLOT_DUMB)
        bytes_printf(out, " lw %s lc rgb '%s'%s", plot->series_count > 4 ? "1.2" : "1.4", colours[i],
                     is_few ? " pt 7 ps 0.5" : "");
    bytes_printf(out, " title ");
    put_quoted(out, bytes_view(&name), LEGEND_BYTES);
    out->failed = out->failed || name.failed;
    bytes_fini(&name);
}

enum tm_err plot_script(const struct plot *plot, const struct plot_look *look, struct bytes *out,
                        struct tm_why *why)
{
    struct labels common;
    enum tm_err err = find_common(plot, &common);
    if (err)
        return tm_fail(why, err, "the labels of a series are damaged");
    put_terminal(look, out);
    put_title(plot, look, &common, out);
    put_key(plot, look, out);
    put_time_axis(plot, look, out);
    put_value_axis(plot, look, &common, out);
    for (size_t i = 0; i < plot->series_count; i++) {
        bytes_printf(out, "$s%zu << END\n", i);
        plot_points(plot, &plot->series[i], out);
        bytes_printf(out, "END\n");
    }
    for (size_t i = 0; i < plot->series_count; i++)
        put_line(plot, i, look, &common, out);
    bytes_printf(out, "\n");
    return bytes_error(out) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}
