/* Weekday by hour of the day: when it fails. */
#include <math.h>
#include <stdio.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { DAYS = 7, HOURS = 24, STEPS = INK_HEAT_STEPS - 1 };

struct sums {
    double total, days[DAYS], hours[HOURS], most; /* NAN: nothing is known of that day or hour */
    int day, hour;                                /* of the most */
    bool is_known;
};

static struct sums add_up(const struct figure_heat *heat)
{
    struct sums sums = {.most = -1};
    for (int i = 0; i < HOURS; i++)
        sums.hours[i] = sums.days[i % DAYS] = NAN;
    for (int day = 0; heat->count && day < DAYS; day++)
        for (int hour = 0; hour < HOURS; hour++) {
            double count = heat->count[day][hour];
            if (!isfinite(count))
                continue;
            sums.is_known = true;
            sums.total += count;
            sums.days[day] = count + (isfinite(sums.days[day]) ? sums.days[day] : 0);
            sums.hours[hour] = count + (isfinite(sums.hours[hour]) ? sums.hours[hour] : 0);
            if (count > sums.most) {
                sums.most = count;
                sums.day = day;
                sums.hour = hour;
            }
        }
    return sums;
}

/* Where a step of the scale ends: by squares, as one hour of a fault would leave all others pale, and rounded
 * to two digits, as it stands in the legend. */
static double bound(double most, int step)
{
    double exact = most * step * step / (STEPS * STEPS);
    if (step == STEPS || exact <= 1)
        return step == STEPS ? most : ceil(exact);
    double unit = pow(10, floor(log10(exact)) - 1);
    return ceil(ceil(exact / unit) * unit);
}

static enum ink ink_of(double count, double most)
{
    int step = 0;
    if (!isfinite(count))
        return INK_ABSENT;
    while (step < STEPS && count > (step ? bound(most, step) : 0))
        step++;
    return (enum ink)(INK_HEAT + step);
}

struct grid {
    double left, top, cell_width, cell_height;
};

static struct frame cell(const struct grid *grid, int day, int hour)
{
    double left = grid->left + hour * grid->cell_width, top = grid->top + day * grid->cell_height;
    return (struct frame){left, left + grid->cell_width - 1.5, top, top + grid->cell_height - 1.5};
}

static void put_rows(struct drawing *drawing, const struct figure_heat *heat, const struct grid *grid,
                     const struct sums *sums)
{
    char text[AMOUNT_BYTES];
    for (int day = 0; day < DAYS; day++) {
        double y = grid->top + (day + 0.5) * grid->cell_height - 0.7;
        drawing_note(
            drawing,
            (struct note){.x = grid->left - 8, .y = y, .anchor = ANCHOR_RIGHT, .ink = INK_TEXT, .size = 11},
            words_weekday(drawing->language, day));
        for (int hour = 0; hour < HOURS; hour++)
            drawing_box(drawing, cell(grid, day, hour), ink_of(heat->count[day][hour], sums->most));
        drawing_note(
            drawing,
            (struct note){.x = drawing->width, .y = y, .anchor = ANCHOR_RIGHT, .ink = INK_MUTED, .size = 11},
            amount_short(sums->days[day], drawing->language, text));
    }
}

static void put_hours(struct drawing *drawing, const struct grid *grid)
{
    struct note note = {.y = grid->top + DAYS * grid->cell_height + 10,
                        .anchor = ANCHOR_CENTRE,
                        .ink = INK_MUTED,
                        .size = 11};
    for (int hour = 0; hour < HOURS; hour += 3) {
        char text[16];
        int len = snprintf(text, sizeof text, drawing->is_narrow ? "%d" : "%02d:00", hour);
        note.x = grid->left + (hour + 0.5) * grid->cell_width;
        if (!drawing->is_narrow) { /* where the hour begins */
            note.x = grid->left + hour * grid->cell_width;
            note.anchor = ANCHOR_LEFT;
        }
        drawing_note(drawing, note, (struct str){text, (size_t)len});
    }
}

/* A step of the scale, and below it how far it reaches. */
static void put_step(struct drawing *drawing, struct frame box, int step, double to)
{
    char number[AMOUNT_BYTES], text[AMOUNT_BYTES + 4];
    struct str shown = amount_short(to, drawing->language, number);
    int len = snprintf(text, sizeof text, "%s%.*s", step ? "\xe2\x89\xa4" : "", STR_ARG(shown));
    drawing_box(drawing, box, (enum ink)(INK_HEAT + step));
    drawing_note(drawing,
                 (struct note){.x = (box.left + box.right) / 2,
                               .y = box.bottom + 9,
                               .anchor = ANCHOR_CENTRE,
                               .ink = INK_MUTED,
                               .size = 10,
                               .room = box.right - box.left + 6},
                 (struct str){text, (size_t)len});
}

/* The steps side by side; then what is not known. */
static void put_scale(struct drawing *drawing, double y, const struct sums *sums, bool absent)
{
    double width = drawing->is_narrow ? 42 : 54, x = 0, last = -1;
    for (int step = 0; step <= STEPS; step++) {
        double to = step ? bound(sums->most, step) : 0;
        if (to <= last)
            continue;
        last = to;
        put_step(drawing, (struct frame){x, x + width - 2, y, y + 12}, step, to);
        x += width;
    }
    struct legend_item item = {.swatch = SWATCH_BOX, .ink = INK_ABSENT, .word = WORD_UNKNOWN};
    if (absent)
        (void)drawing_legend(drawing, drawing->is_narrow ? 0 : x + 12, drawing->is_narrow ? y + 30 : y - 4,
                             &item, 1);
}

static bool has_absent(const struct figure_heat *heat)
{
    for (int i = 0; i < DAYS * HOURS; i++)
        if (!isfinite(heat->count[i / HOURS][i % HOURS]))
            return true;
    return false;
}

void heat_draw(struct drawing *drawing, const struct figures *figures)
{
    struct sums sums = add_up(&figures->heat);
    if (!sums.is_known) {
        drawing_nothing(drawing);
        return;
    }
    bool absent = has_absent(&figures->heat);
    struct grid grid = {.left = 34, .top = 20, .cell_height = drawing->is_narrow ? 22 : 25};
    double legend = grid.top + DAYS * grid.cell_height + 34;
    drawing_page(drawing, (int)legend + 12 + 20 + (drawing->is_narrow && absent ? 22 : 0));
    grid.cell_width = (drawing->width - grid.left - 52) / HOURS;
    drawing_word(drawing, (struct note){.x = grid.left, .y = 8, .ink = INK_MUTED, .size = 11},
                 WORD_HEAT_CELL);
    drawing_word(
        drawing,
        (struct note){.x = drawing->width, .y = 8, .anchor = ANCHOR_RIGHT, .ink = INK_MUTED, .size = 11},
        WORD_TOTAL);
    put_rows(drawing, &figures->heat, &grid, &sums);
    put_hours(drawing, &grid);
    if (sums.most > 0) {
        struct frame most = cell(&grid, sums.day, sums.hour);
        drawing_outline(drawing, (struct frame){most.left - 1, most.right + 1, most.top - 1, most.bottom + 1},
                        INK_ALERT);
    }
    put_scale(drawing, legend, &sums, absent);
    drawing_no_plot(drawing);
    drawing_page_end(drawing);
}

void heat_tell(const struct telling *telling, const struct figures *figures)
{
    char most[AMOUNT_BYTES], share[AMOUNT_BYTES], hour[16];
    struct sums sums = add_up(&figures->heat);
    size_t day = 0, of_day = 0;
    if (!sums.is_known || sums.most <= 0) {
        if (sums.is_known)
            telling_say(telling, WORD_TELL_NO_FAILURES, NULL, 0);
        return;
    }
    int len = snprintf(hour, sizeof hour, "%02d", sums.hour);
    struct str peak[] = {
        amount_exact(sums.most, most), words_weekday(telling->language, sums.day), {hour, (size_t)len}};
    telling_say(telling, WORD_TELL_HEAT_PEAK, peak, 3);
    double of_days = series_most(sums.days, DAYS, &day), of_hours = series_most(sums.hours, HOURS, &of_day);
    struct str days[] = {words_weekday(telling->language, (int)day), amount_exact(of_days, most),
                         amount_percent(of_days / sums.total, share)};
    telling_say(telling, WORD_TELL_HEAT_DAY, days, 3);
    len = snprintf(hour, sizeof hour, "%02d", (int)of_day);
    struct str hours[] = {{hour, (size_t)len}, amount_exact(of_hours, most)};
    telling_say(telling, WORD_TELL_HEAT_HOUR, hours, 2);
}
