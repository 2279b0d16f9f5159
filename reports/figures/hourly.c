/* Failures per hour, over the range that was expected, with deploys and incidents. */
#include <math.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

#define BOLDER 1.12 /* wider by */

enum { HOUR_MS = 3600000, MARK_SIZE = 11, MARK_LINE = 14, MARK_ROWS = 2 };

double series_most(const double *values, size_t count, size_t *at)
{
    double most = NAN;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]) && !(values[i] <= most)) {
            most = values[i];
            *at = i;
        }
    return most;
}

double series_sum(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            sum += values[i];
    return sum;
}

static bool is_above(const struct figure_hourly *hourly, size_t i)
{
    return hourly->high && hourly->count[i] > hourly->high[i];
}

static size_t count_hours(const struct figure_hourly *hourly, bool above)
{
    size_t count = 0;
    for (size_t i = 0; i < hourly->hours; i++)
        count += (above ? is_above(hourly, i) : !isfinite(hourly->count[i])) ? 1 : 0;
    return count;
}

/* ---- the picture ---- */

struct layout {
    struct frame frame;
    double high, step;
    size_t marks, shades; /* that are drawn */
};

static double legend(struct drawing *drawing, const struct figure_hourly *hourly, const struct layout *layout)
{
    bool good = false, bad = false, planned = false, incident = false;
    for (size_t i = 0; i < layout->marks; i++)
        hourly->marks[i].is_bad ? (bad = true) : (good = true);
    for (size_t i = 0; i < layout->shades; i++)
        hourly->shades[i].is_planned ? (planned = true) : (incident = true);
    struct legend_item items[] = {
        {.swatch = SWATCH_LINE, .ink = INK_MAIN, .word = WORD_FAILURES_PER_HOUR},
        {.swatch = SWATCH_BOX, .ink = INK_BAND, .word = WORD_EXPECTED, .is_absent = !hourly->high},
        {.swatch = SWATCH_BOX, .ink = INK_ALERT, .word = WORD_ABOVE, .is_absent = !count_hours(hourly, true)},
        {.swatch = SWATCH_MARK, .ink = INK_MUTED, .word = WORD_DEPLOY, .is_absent = !good},
        {.swatch = SWATCH_MARK_BAD, .ink = INK_ALERT, .word = WORD_BAD_DEPLOY, .is_absent = !bad},
        {.swatch = SWATCH_BOX, .ink = INK_INCIDENT, .word = WORD_INCIDENT, .is_absent = !incident},
        {.swatch = SWATCH_BOX, .ink = INK_PLANNED, .word = WORD_PLANNED, .is_absent = !planned}};
    return drawing_legend(drawing, 0, 0, items, sizeof items / sizeof items[0]);
}

static void put_shades(struct drawing *drawing, const struct figures *figures, const struct layout *layout)
{
    const double least = 3; /* pixels */
    for (size_t i = 0; i < layout->shades; i++) {
        const struct figure_shade *shade = &figures->hourly.shades[i];
        struct frame box = layout->frame;
        box.left = fmax(box.left, drawing_x(layout->frame, &figures->week, shade->span.from));
        box.right = fmin(box.right, drawing_x(layout->frame, &figures->week, shade->span.to));
        if (box.right < layout->frame.left || box.left > layout->frame.right)
            continue;
        box.right = fmin(fmax(box.right, box.left + least), layout->frame.right);
        drawing_box(drawing, box, shade->is_planned ? INK_PLANNED : INK_INCIDENT);
    }
}

static double label_room(const struct drawing *drawing)
{
    return drawing->is_narrow ? 60 : 110;
}

/* The row above the frame where a label still has room; MARK_ROWS: none has. */
static int find_row(double ends[MARK_ROWS], double left, double right)
{
    for (int row = 0; row < MARK_ROWS; row++)
        if (left > ends[row]) {
            ends[row] = right + 6;
            return row;
        }
    return MARK_ROWS;
}

/* Too many lines would hide what they are to explain: then each is only a stroke above the frame, but for the
 * bad ones while those are few. */
static bool has_line(const struct figure_hourly *hourly, const struct layout *layout,
                     const struct figure_mark *mark)
{
    enum { LINES_MAX = 24 };
    size_t bad = 0;
    if (layout->marks <= LINES_MAX)
        return true;
    for (size_t i = 0; i < layout->marks; i++)
        bad += hourly->marks[i].is_bad ? 1 : 0;
    return mark->is_bad && bad <= LINES_MAX;
}

static void put_mark_line(struct drawing *drawing, const struct figures *figures, const struct layout *layout,
                          const struct figure_mark *mark)
{
    double x = drawing_x(layout->frame, &figures->week, mark->time);
    if (x < layout->frame.left || x > layout->frame.right)
        return;
    if (!has_line(&figures->hourly, layout, mark)) {
        drawing_line(drawing, (struct frame){x, x, layout->frame.top - 12, layout->frame.top - 3},
                     mark->is_bad ? INK_ALERT : INK_AXIS, mark->is_bad ? 2 : 1, 0);
        return;
    }
    drawing_line(drawing, (struct frame){x, x, layout->frame.top - 4, layout->frame.bottom},
                 mark->is_bad ? INK_ALERT : INK_AXIS, 1.4, mark->is_bad ? 0 : 2);
    drawing_sign(drawing, x, layout->frame.top - 7, mark->is_bad ? SWATCH_MARK_BAD : SWATCH_MARK,
                 mark->is_bad ? INK_ALERT : INK_MUTED);
}

/* Where the label of a mark begins, and the row that has room for it; MARK_ROWS: none has, or it has none. */
static int place_label(struct drawing *drawing, const struct figures *figures, const struct layout *layout,
                       const struct figure_mark *mark, double ends[MARK_ROWS], double *left)
{
    double x = drawing_x(layout->frame, &figures->week, mark->time);
    if (x < layout->frame.left || x > layout->frame.right ||
        (!mark->is_bad && !has_line(&figures->hourly, layout, mark)))
        return MARK_ROWS;
    bytes_clear(&drawing->scratch);
    lettering_put(&drawing->lettering, &drawing->scratch, mark->label, label_room(drawing) / MARK_SIZE);
    drawing->texts.failed = drawing->texts.failed || drawing->scratch.failed;
    double width = lettering_width(bytes_view(&drawing->scratch)) * MARK_SIZE * (mark->is_bad ? BOLDER : 1);
    *left = fmax(0, fmin(x - width / 2, drawing->width - width));
    return find_row(ends, *left, *left + width);
}

static int count_rows(struct drawing *drawing, const struct figures *figures, const struct layout *layout)
{
    double ends[MARK_ROWS] = {-1e9, -1e9}, left;
    int rows = 0;
    for (size_t i = 0; i < layout->marks && rows < MARK_ROWS; i++) {
        int row = place_label(drawing, figures, layout, &figures->hourly.marks[i], ends, &left);
        if (row < MARK_ROWS && row >= rows)
            rows = row + 1;
    }
    return rows;
}

static void put_marks(struct drawing *drawing, const struct figures *figures, const struct layout *layout)
{
    double ends[MARK_ROWS] = {-1e9, -1e9}, left;
    for (size_t i = 0; i < layout->marks; i++) {
        const struct figure_mark *mark = &figures->hourly.marks[i];
        put_mark_line(drawing, figures, layout, mark);
        int row = place_label(drawing, figures, layout, mark, ends, &left);
        if (row == MARK_ROWS)
            continue;
        drawing_note(drawing,
                     (struct note){.x = left,
                                   .y = layout->frame.top - 21 - row * MARK_LINE,
                                   .ink = mark->is_bad ? INK_STRONG : INK_MUTED,
                                   .size = MARK_SIZE,
                                   .room = label_room(drawing) * (BOLDER + 0.01),
                                   .is_bold = mark->is_bad},
                     mark->label);
    }
}

/* ---- the numbers ---- */

/* An hour is as wide as it is long: two points each, an empty line where one is not known. What stands alone
 * is drawn from the ground up, as nobody would see it else. */
static void put_line(struct bytes *out, const char *name, const double *values, size_t count)
{
    enum { ALONE = 2 };
    bytes_printf(out, "$%s << EOD\n", name);
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && isfinite(values[end]))
            end++;
        if (end > i && end - i <= ALONE)
            bytes_printf(out, "%zu 0\n", i);
        for (size_t j = i; j < end; j++)
            bytes_printf(out, "%zu %.9g\n%zu %.9g\n", j, values[j], j + 1, values[j]);
        if (end > i && end - i <= ALONE)
            bytes_printf(out, "%zu 0\n", end);
        bytes_printf(out, "\n");
        i = end + 1;
    }
    bytes_printf(out, "EOD\n");
}

static void put_area(struct bytes *out, const char *name, const double *low, const double *high, size_t count,
                     bool only_above)
{
    bytes_printf(out, "$%s << EOD\n", name);
    for (size_t i = 0; i < count; i++)
        if (isfinite(low[i]) && isfinite(high[i]) && !(only_above && high[i] <= low[i]))
            bytes_printf(out, "%zu %.9g %.9g\n%zu %.9g %.9g\n", i, low[i], high[i], i + 1, low[i], high[i]);
        else
            bytes_printf(out, "\n");
    bytes_printf(out, "EOD\n");
}

static void plot(struct drawing *drawing, const struct figure_hourly *hourly)
{
    struct bytes *out = &drawing->script;
    bool expected = hourly->low && hourly->high;
    bool above = expected && count_hours(hourly, true);
    put_line(out, "count", hourly->count, hourly->hours);
    if (expected)
        put_area(out, "band", hourly->low, hourly->high, hourly->hours, false);
    if (above)
        put_area(out, "above", hourly->high, hourly->count, hourly->hours, true);
    bytes_printf(out, "plot ");
    if (expected)
        bytes_printf(out, "$band using 1:2:3 with filledcurves fc " INK_RGB ", ", INK_BAND);
    if (above)
        bytes_printf(out, "$above using 1:2:3 with filledcurves fc " INK_RGB ", ", INK_ALERT);
    bytes_printf(out, "$count using 1:2 with lines lw 1.6 lc " INK_RGB "\n", INK_MAIN);
}

void hourly_draw(struct drawing *drawing, const struct figures *figures)
{
    const struct figure_hourly *hourly = &figures->hourly;
    size_t at = 0;
    double most = series_most(hourly->count, hourly->hours, &at);
    if (!isfinite(most)) {
        drawing_nothing(drawing);
        return;
    }
    if (hourly->high)
        most = fmax(most, series_most(hourly->high, hourly->hours, &at));
    struct layout layout = {
        .step = amount_step(fmax(most, 4) / 4),
        .marks = hourly->mark_count < FIGURE_MARKS_MAX ? hourly->mark_count : FIGURE_MARKS_MAX,
        .shades = hourly->shade_count < FIGURE_MARKS_MAX ? hourly->shade_count : FIGURE_MARKS_MAX};
    layout.high = ceil(fmax(most, 1) / layout.step) * layout.step;
    drawing_page(drawing, drawing->is_narrow ? 320 : 310);
    layout.frame = (struct frame){drawing_y_room(drawing, layout.high, layout.step, false),
                                  drawing->width - 4, legend(drawing, hourly, &layout) + 8,
                                  drawing->height - (drawing->is_narrow ? 36 : 26)};
    if (layout.marks)
        layout.frame.top += 14 + count_rows(drawing, figures, &layout) * MARK_LINE;
    put_shades(drawing, figures, &layout);
    drawing_days(drawing, layout.frame, &figures->week, true);
    drawing_y_grid(drawing, layout.frame, 0, layout.high, layout.step, false);
    put_marks(drawing, figures, &layout);
    drawing_axes(drawing, layout.frame,
                 (struct span){0, (figures->week.span.to - figures->week.span.from) / HOUR_MS}, 0,
                 layout.high);
    plot(drawing, hourly);
    drawing_page_end(drawing);
}

/* ---- the text ---- */

static void tell_peak(const struct telling *telling, const struct figures *figures, size_t at,
                      struct bytes *buffer)
{
    const struct figure_hourly *hourly = &figures->hourly;
    char most[AMOUNT_BYTES], low[AMOUNT_BYTES], high[AMOUNT_BYTES];
    bool expected = hourly->low && hourly->high && isfinite(hourly->low[at]) && isfinite(hourly->high[at]);
    struct str args[] = {
        amount_exact(hourly->count[at], most),
        telling_time(telling, &figures->week, figures->week.span.from + (time_ms_t)at * HOUR_MS, buffer),
        expected ? amount_exact(round(hourly->low[at]), low) : STR(""),
        expected ? amount_exact(round(hourly->high[at]), high) : STR("")};
    telling_say(telling, expected ? WORD_TELL_PEAK_EXPECTED : WORD_TELL_PEAK, args, 4);
}

static void tell_around(const struct telling *telling, const struct figures *figures, struct bytes *buffer)
{
    const struct figure_hourly *hourly = &figures->hourly;
    char first[AMOUNT_BYTES], second[AMOUNT_BYTES];
    size_t bad = 0, planned = 0, incidents = 0;
    time_ms_t from = INT64_MAX;
    for (size_t i = 0; i < hourly->mark_count; i++)
        bad += hourly->marks[i].is_bad;
    for (size_t i = 0; i < hourly->shade_count; i++) {
        const struct figure_shade *shade = &hourly->shades[i];
        shade->is_planned ? planned++ : incidents++;
        if (!shade->is_planned && shade->span.from < from)
            from = shade->span.from;
    }
    if (hourly->mark_count)
        telling_say(telling, WORD_TELL_DEPLOYS,
                    (struct str[]){amount_exact((double)hourly->mark_count, first),
                                   amount_exact((double)bad, second)},
                    2);
    if (hourly->rollback_count)
        telling_say(telling, WORD_TELL_ROLLBACKS,
                    (struct str[]){amount_exact((double)hourly->rollback_count, first)}, 1);
    if (incidents)
        telling_say(telling, WORD_TELL_INCIDENTS,
                    (struct str[]){amount_exact((double)incidents, first),
                                   telling_time(telling, &figures->week, from, buffer)},
                    2);
    if (planned)
        telling_say(telling, WORD_TELL_PLANNED, (struct str[]){amount_exact((double)planned, first)}, 1);
}

void hourly_tell(const struct telling *telling, const struct figures *figures)
{
    const struct figure_hourly *hourly = &figures->hourly;
    const struct figure_week *week = &figures->week;
    struct bytes from = {0}, to = {0}, zone = {0};
    char text[AMOUNT_BYTES];
    size_t at = 0;
    if (!isfinite(series_most(hourly->count, hourly->hours, &at)))
        return;
    struct str args[] = {amount_exact(series_sum(hourly->count, hourly->hours), text),
                         telling_day(telling, week, week->span.from, &from),
                         telling_day(telling, week, week->span.to - 1, &to),
                         telling_name(telling, week->zone, &zone)};
    telling_say(telling, WORD_TELL_TOTAL, args, 4);
    if (hourly->count[at] > 0)
        tell_peak(telling, figures, at, &from);
    if (hourly->high)
        telling_say(telling, WORD_TELL_ABOVE,
                    (struct str[]){amount_exact((double)count_hours(hourly, true), text)}, 1);
    tell_around(telling, figures, &from);
    if (count_hours(hourly, false))
        telling_say(telling, WORD_TELL_UNKNOWN,
                    (struct str[]){amount_exact((double)count_hours(hourly, false), text)}, 1);
    bytes_fini(&from);
    bytes_fini(&to);
    bytes_fini(&zone);
}
