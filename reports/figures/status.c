/* Share of each status class, hour by hour: a panel each, as one scale would hide the rare ones. */
#include <math.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { HOUR_MS = 3600000, PANEL = 66, PANEL_GAP = 20 };

static const char *const names[FIGURE_CLASSES] = {"2xx", "3xx", "4xx", "5xx"};

static double responses(const struct figure_status *status, size_t hour)
{
    double sum = 0;
    for (size_t c = 0; c < FIGURE_CLASSES; c++)
        if (status->count[c] && isfinite(status->count[c][hour]))
            sum += status->count[c][hour];
    return sum;
}

static double share_at(const struct figure_status *status, size_t class_, size_t hour)
{
    double all = responses(status, hour);
    return all > 0 && status->count[class_] ? status->count[class_][hour] / all : NAN;
}

static double sum_of(const struct figure_status *status, size_t class_)
{
    return status->count[class_] ? series_sum(status->count[class_], status->hours) : 0;
}

static double sum_of_all(const struct figure_status *status)
{
    double sum = 0;
    for (size_t c = 0; c < FIGURE_CLASSES; c++)
        sum += sum_of(status, c);
    return sum;
}

/* The lowest and the highest share of a class; false if none is known. */
static bool find_bounds(const struct figure_status *status, size_t class_, double *low, double *high,
                        size_t *at)
{
    *low = 1;
    *high = -1;
    for (size_t i = 0; i < status->hours; i++) {
        double share = share_at(status, class_, i);
        *low = share < *low ? share : *low;
        if (share > *high) {
            *high = share;
            *at = i;
        }
    }
    return *high >= 0;
}

static void put_label(struct drawing *drawing, const struct figure_status *status, size_t class_,
                      struct frame panel)
{
    char text[AMOUNT_BYTES];
    double y = panel.top + 12, sum = sum_of(status, class_);
    drawing_note(drawing, (struct note){.x = 0, .y = y, .ink = INK_TEXT, .size = 13, .is_bold = true},
                 str_of(names[class_]));
    drawing_note(drawing, (struct note){.x = 0, .y = y + 17, .ink = INK_TEXT, .size = 12},
                 amount_percent(sum / sum_of_all(status), text));
    drawing_note(drawing, (struct note){.x = 0, .y = y + 33, .ink = INK_MUTED, .size = 11},
                 amount_short(sum, drawing->language, text));
}

static void put_numbers(struct drawing *drawing, const struct figure_status *status, size_t class_,
                        double base)
{
    bytes_printf(&drawing->script, "$d << EOD\n");
    for (size_t i = 0; i < status->hours; i++) {
        double share = share_at(status, class_, i);
        if (isfinite(share))
            bytes_printf(&drawing->script, "%zu %.9g %.9g\n%zu %.9g %.9g\n", i, base, share, i + 1, base,
                         share);
        else
            bytes_printf(&drawing->script, "\n");
    }
    bytes_printf(&drawing->script, "EOD\n");
}

/* The axis begins at zero but for 2xx, which is nearly everything: there a dip is what matters, and no area
 * is drawn, as its size would say nothing. */
static void put_panel(struct drawing *drawing, const struct figures *figures, size_t class_,
                      struct frame panel, bool is_last)
{
    const struct figure_status *status = &figures->status;
    double low, high;
    size_t at = 0;
    bool known = find_bounds(status, class_, &low, &high, &at) && sum_of(status, class_) > 0;
    put_label(drawing, status, class_, panel);
    drawing_days(drawing, panel, &figures->week, is_last);
    if (!known) {
        drawing_line(drawing, (struct frame){panel.left, panel.right, panel.bottom, panel.bottom}, INK_AXIS,
                     1, 0);
        drawing_word(drawing,
                     (struct note){.x = panel.left + 8, .y = panel.bottom - 12, .ink = INK_MUTED, .size = 11},
                     WORD_NONE);
        drawing_no_plot(drawing);
        return;
    }
    bool whole = class_ == 0 && low > 0.5;
    double step = whole ? amount_step(fmax(1 - low, 0.01)) : amount_step(high / 2);
    double base = whole ? fmax(0, 1 - step) : 0, top = whole ? 1 : step * ceil(high / step);
    drawing_y_grid(drawing, panel, base, top, whole ? 1 - base : top > 2 * step * 1.01 ? top : step, true);
    drawing_axes(drawing, panel,
                 (struct span){0, (figures->week.span.to - figures->week.span.from) / HOUR_MS}, base, top);
    put_numbers(drawing, status, class_, base);
    enum ink ink = class_ == 3 ? INK_ALERT : INK_MAIN;
    bytes_printf(&drawing->script, "plot ");
    if (!whole)
        bytes_printf(&drawing->script, "$d using 1:2:3 with filledcurves fc " INK_RGB ", ",
                     class_ == 3 ? INK_INCIDENT : INK_BAND);
    bytes_printf(&drawing->script, "$d using 1:3 with lines lw 1.4 lc " INK_RGB "\n", (unsigned)ink);
}

void status_draw(struct drawing *drawing, const struct figures *figures)
{
    if (!(sum_of_all(&figures->status) > 0)) {
        drawing_nothing(drawing);
        return;
    }
    struct str head = words_of(drawing->language, WORD_SHARE_OF_RESPONSES);
    double top = lettering_width(head) * 11 > drawing->width ? 42 : 28;
    int below = drawing->is_narrow ? 36 : 26;
    drawing_page(drawing, (int)top + FIGURE_CLASSES * (PANEL + PANEL_GAP) - PANEL_GAP + below);
    drawing_note_wrapped(
        drawing, (struct note){.x = 0, .y = 8, .ink = INK_MUTED, .size = 11, .room = drawing->width}, head);
    for (size_t i = 0; i < FIGURE_CLASSES; i++) {
        double at = top + (double)i * (PANEL + PANEL_GAP);
        struct frame panel = {drawing->is_narrow ? 108 : 130, drawing->width - 4, at, at + PANEL};
        put_panel(drawing, figures, FIGURE_CLASSES - 1 - i, panel, i == FIGURE_CLASSES - 1);
        drawing_panel(drawing);
    }
    drawing_page_end(drawing);
}

void status_tell(const struct telling *telling, const struct figures *figures)
{
    const struct figure_status *status = &figures->status;
    char first[AMOUNT_BYTES], second[AMOUNT_BYTES];
    double all = sum_of_all(status), low, high;
    struct bytes when = {0};
    size_t at = 0;
    if (!(all > 0))
        return;
    telling_say(telling, WORD_TELL_STATUS, (struct str[]){amount_exact(all, first)}, 1);
    for (size_t i = 0; i < FIGURE_CLASSES; i++)
        telling_say(telling, WORD_TELL_STATUS_CLASS,
                    (struct str[]){str_of(names[i]), amount_exact(sum_of(status, i), first),
                                   amount_percent(sum_of(status, i) / all, second)},
                    3);
    if (find_bounds(status, FIGURE_CLASSES - 1, &low, &high, &at) && high > 0)
        telling_say(telling, WORD_TELL_STATUS_PEAK,
                    (struct str[]){amount_percent(high, first),
                                   telling_time(telling, &figures->week,
                                                figures->week.span.from + (time_ms_t)at * HOUR_MS, &when)},
                    2);
    bytes_fini(&when);
}
