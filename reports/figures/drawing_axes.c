/* Axes, days, legends. */
#include <math.h>

#include "reports/figures/amount.h"
#include "reports/figures/drawing.h"

enum { AXIS_SIZE = 11, LEGEND_SIZE = 12, LEGEND_LINE = 20, SWATCH_WIDTH = 18, GAP = 6 };

static struct str axis_text(const struct drawing *drawing, double value, bool percent,
                            char text[AMOUNT_BYTES])
{
    return percent ? amount_percent(value, text) : amount_short(value, drawing->language, text);
}

double drawing_y_room(struct drawing *drawing, double high, double step, bool percent)
{
    enum { LABELS = 6 };
    char text[AMOUNT_BYTES];
    double room = 0;
    for (int i = 0; i < LABELS && high - i * step >= 0; i++)
        room = fmax(room, lettering_width(axis_text(drawing, high - i * step, percent, text)));
    return room * AXIS_SIZE + GAP + 2;
}

void drawing_y_grid(struct drawing *drawing, struct frame frame, double low, double high, double step,
                    bool percent)
{
    enum { LINES_MAX = 20 };
    for (int i = 0; i < LINES_MAX; i++) {
        char text[AMOUNT_BYTES];
        double value = low + i * step;
        if (value > high + step / 1e3)
            break;
        double y = frame.bottom - (value - low) / (high - low) * (frame.bottom - frame.top);
        drawing_line(drawing, (struct frame){frame.left, frame.right, y, y}, i ? INK_GRID : INK_AXIS, 1, 0);
        drawing_note(
            drawing,
            (struct note){
                .x = frame.left - GAP, .y = y, .anchor = ANCHOR_RIGHT, .ink = INK_MUTED, .size = AXIS_SIZE},
            axis_text(drawing, fabs(value) < step / 1e6 ? 0 : value, percent, text));
    }
}

double drawing_x(struct frame frame, const struct figure_week *week, time_ms_t time)
{
    double whole = (double)(week->span.to - week->span.from);
    return frame.left + (double)(time - week->span.from) / whole * (frame.right - frame.left);
}

/* A day's name in the room of its width: with the month, over two lines, or the weekday alone. */
static void put_day(struct drawing *drawing, double x, double y, double room, struct local_time day)
{
    struct bytes text = {0};
    struct note note = {
        .x = x, .y = y, .anchor = ANCHOR_CENTRE, .ink = INK_MUTED, .size = AXIS_SIZE, .room = room};
    words_put_day(&text, drawing->language, day);
    if (lettering_width(bytes_view(&text)) * AXIS_SIZE < room) {
        drawing_note(drawing, note, bytes_view(&text));
    } else if (room > 12) {
        drawing_note(drawing, note, words_weekday(drawing->language, day.weekday));
        bytes_clear(&text);
        bytes_printf(&text, "%d", day.day);
        note.y += AXIS_SIZE + 3;
        drawing_note(drawing, note, bytes_view(&text));
    }
    drawing->texts.failed = drawing->texts.failed || text.failed;
    bytes_fini(&text);
}

void drawing_days(struct drawing *drawing, struct frame frame, const struct figure_week *week,
                  bool with_names)
{
    enum { DAYS_MAX = 40 };
    const time_ms_t day_ms = 86400000;
    int skip = 1 + (int)((week->span.to - week->span.from) / day_ms) / (DAYS_MAX - 1);
    for (int i = 0; i < DAYS_MAX; i++) {
        time_ms_t from = i ? words_midnight(week, i * skip) : week->span.from;
        time_ms_t to = words_midnight(week, (i + 1) * skip);
        if (from >= week->span.to)
            break;
        double left = drawing_x(frame, week, from);
        double right = drawing_x(frame, week, to < week->span.to ? to : week->span.to);
        if (i)
            drawing_line(drawing, (struct frame){left, left, frame.top, frame.bottom}, INK_GRID, 1, 0);
        if (with_names)
            put_day(drawing, (left + right) / 2, frame.bottom + 14, right - left, words_clock(week, from));
    }
}

/* ---- legends ---- */

static void put_swatch(struct drawing *drawing, double x, double y, const struct legend_item *item)
{
    struct frame line = {x, x + SWATCH_WIDTH, y, y};
    switch (item->swatch) {
    case SWATCH_LINE:
        drawing_line(drawing, line, item->ink, 2, 0);
        break;
    case SWATCH_DASHED:
        drawing_line(drawing, line, item->ink, 2, 3);
        break;
    case SWATCH_BOX:
        drawing_box(drawing, (struct frame){x + 2, x + SWATCH_WIDTH - 2, y - 6, y + 6}, item->ink);
        break;
    case SWATCH_DOT:
    case SWATCH_RING:
    case SWATCH_MARK:
    case SWATCH_MARK_BAD:
        drawing_sign(drawing, x + SWATCH_WIDTH / 2.0, y, item->swatch, item->ink);
        break;
    }
}

/* Where the items stand, and where the last line ends. */
static double walk(struct drawing *drawing, double left, double y, const struct legend_item *items,
                   size_t count, bool is_drawn)
{
    double x = left;
    y += LEGEND_LINE / 2.0;
    for (size_t i = 0; i < count; i++) {
        struct str text = words_of(drawing->language, items[i].word);
        double width = lettering_width(text) * LEGEND_SIZE;
        if (items[i].is_absent)
            continue;
        if (x > left && x + SWATCH_WIDTH + GAP + width > drawing->width) {
            x = left;
            y += LEGEND_LINE;
        }
        if (is_drawn) {
            put_swatch(drawing, x, y, &items[i]);
            drawing_note(drawing,
                         (struct note){.x = x + SWATCH_WIDTH + GAP,
                                       .y = y,
                                       .ink = INK_TEXT,
                                       .size = LEGEND_SIZE,
                                       .room = drawing->width - x - SWATCH_WIDTH - GAP},
                         text);
        }
        x += SWATCH_WIDTH + GAP + width + 10;
    }
    return y + LEGEND_LINE / 2.0;
}

double drawing_legend(struct drawing *drawing, double left, double y, const struct legend_item *items,
                      size_t count)
{
    return walk(drawing, left, y, items, count, true);
}

double drawing_legend_height(struct drawing *drawing, const struct legend_item *items, size_t count)
{
    return walk(drawing, 0, 0, items, count, false);
}
