/* The groups with the most, and how much of all they are together. */
#include <math.h>
#include <stdio.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { ROWS_MAX = 12, NAME_SIZE = 12 };

struct rows {
    size_t count;  /* of groups */
    size_t others; /* that are summed up in one more row */
    double others_count;
};

static double share_of(const struct figure_groups *groups, double count)
{
    return groups->total > 0 ? count / groups->total : 0;
}

static struct rows choose(const struct figure_groups *groups)
{
    struct rows rows = {.count = groups->count < ROWS_MAX ? groups->count : ROWS_MAX};
    double sum = 0;
    for (size_t i = 0; i < rows.count; i++)
        sum += groups->groups[i].count;
    rows.others = groups->total_count > rows.count ? groups->total_count - rows.count : 0;
    rows.others_count = fmax(0, groups->total - sum);
    return rows;
}

/* Wide: name, bar, count side by side. Narrow: the bar below the name. */
struct layout {
    struct frame bars;
    double row_height, name_room, bar_top, bar_bottom; /* of a row */
};

static struct layout lay_out(const struct drawing *drawing, double top)
{
    if (drawing->is_narrow)
        return (struct layout){.bars = {0, drawing->width - 4, top, 0},
                               .row_height = 38,
                               .name_room = drawing->width - 112,
                               .bar_top = 20,
                               .bar_bottom = 32};
    double left = drawing->width * 0.42;
    return (struct layout){.bars = {left, drawing->width - 112, top, 0},
                           .row_height = 25,
                           .name_room = left - 12,
                           .bar_top = 5,
                           .bar_bottom = 20};
}

static void put_row(struct drawing *drawing, const struct layout *layout, size_t row, struct str name,
                    double count, double share)
{
    char text[AMOUNT_BYTES], percent[AMOUNT_BYTES];
    double top = layout->bars.top + (double)row * layout->row_height;
    double y = top + (drawing->is_narrow ? 9 : layout->row_height / 2);
    drawing_note(drawing,
                 (struct note){.x = 0, .y = y, .ink = INK_TEXT, .size = NAME_SIZE, .room = layout->name_room},
                 name);
    drawing_note(
        drawing,
        (struct note){
            .x = drawing->width - 48, .y = y, .anchor = ANCHOR_RIGHT, .ink = INK_TEXT, .size = NAME_SIZE},
        amount_short(count, drawing->language, text));
    drawing_note(
        drawing,
        (struct note){.x = drawing->width, .y = y, .anchor = ANCHOR_RIGHT, .ink = INK_MUTED, .size = 11},
        amount_percent(share, percent));
}

/* Bars in data of Gnuplot: share against the row's upper and lower end. */
static void put_bar(struct drawing *drawing, const struct layout *layout, size_t row, double share)
{
    double at = (double)row * layout->row_height;
    bytes_printf(&drawing->script, "%.6g %.6g 0 %.6g %.6g %.6g\n", share / 2, at + layout->bar_top, share,
                 at + layout->bar_top, at + layout->bar_bottom);
}

static void plot(struct drawing *drawing, const struct figure_groups *groups, const struct rows *rows,
                 const struct layout *layout)
{
    double middle = (layout->bar_top + layout->bar_bottom) / 2, running = 0;
    bytes_printf(&drawing->script, "$bars << EOD\n");
    for (size_t i = 0; i < rows->count; i++)
        put_bar(drawing, layout, i, 100 * share_of(groups, groups->groups[i].count));
    bytes_printf(&drawing->script, "EOD\n$running << EOD\n");
    for (size_t i = 0; i < rows->count; i++) {
        running += groups->groups[i].count;
        bytes_printf(&drawing->script, "%.6g %.6g\n", 100 * share_of(groups, running),
                     (double)i * layout->row_height + middle);
    }
    bytes_printf(&drawing->script, "EOD\nplot $bars using 1:2:3:4:5:6 with boxxyerror fc " INK_RGB, INK_MAIN);
    if (rows->others) {
        bytes_printf(&drawing->script, ", '-' using 1:2:3:4:5:6 with boxxyerror fc " INK_RGB, INK_REST);
    }
    if (!drawing->is_narrow) /* there it would run through the names */
        bytes_printf(&drawing->script, ", $running using 1:2 with lines lw 1.2 dt (4,3) lc " INK_RGB,
                     INK_STRONG);
    bytes_printf(&drawing->script, ", $running using 1:2 with points pt 7 ps 0.5 lc " INK_RGB "\n",
                 INK_STRONG);
    if (rows->others) {
        put_bar(drawing, layout, rows->count, 100 * share_of(groups, rows->others_count));
        bytes_printf(&drawing->script, "e\n");
    }
}

static void put_scale(struct drawing *drawing, struct frame frame)
{
    for (int percent = 0; percent <= 100; percent += 20) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d%%", percent);
        double x = frame.left + percent / 100.0 * (frame.right - frame.left);
        drawing_line(drawing, (struct frame){x, x, frame.top, frame.bottom}, percent ? INK_GRID : INK_AXIS, 1,
                     0);
        drawing_note(drawing,
                     (struct note){.x = x,
                                   .y = frame.bottom + 10,
                                   .anchor = drawing->is_narrow && !percent         ? ANCHOR_LEFT
                                             : drawing->is_narrow && percent == 100 ? ANCHOR_RIGHT
                                                                                    : ANCHOR_CENTRE,
                                   .ink = INK_MUTED,
                                   .size = 11},
                     (struct str){text, (size_t)len});
    }
}

static void put_others(struct drawing *drawing, const struct figure_groups *groups, const struct rows *rows,
                       const struct layout *layout)
{
    char text[AMOUNT_BYTES];
    struct bytes name = {0};
    struct str args[] = {amount_exact((double)rows->others, text)};
    words_put(&name, drawing->language, WORD_OTHERS, args, 1);
    put_row(drawing, layout, rows->count, bytes_view(&name), rows->others_count,
            share_of(groups, rows->others_count));
    drawing->texts.failed = drawing->texts.failed || name.failed;
    bytes_fini(&name);
}

void pareto_draw(struct drawing *drawing, const struct figures *figures)
{
    static const struct legend_item items[] = {
        {.swatch = SWATCH_BOX, .ink = INK_MAIN, .word = WORD_SHARE},
        {.swatch = SWATCH_DOT, .ink = INK_STRONG, .word = WORD_RUNNING_SHARE}};
    const struct figure_groups *groups = &figures->groups;
    struct rows rows = choose(groups);
    if (!rows.count) {
        drawing_nothing(drawing);
        return;
    }
    size_t count = rows.count + (rows.others ? 1 : 0);
    struct layout layout = lay_out(drawing, drawing_legend_height(drawing, items, 2) + 8);
    layout.bars.bottom = layout.bars.top + (double)count * layout.row_height;
    drawing_page(drawing, (int)layout.bars.bottom + 20);
    (void)drawing_legend(drawing, 0, 0, items, 2);
    put_scale(drawing, layout.bars);
    for (size_t i = 0; i < rows.count; i++)
        put_row(drawing, &layout, i, groups->groups[i].name, groups->groups[i].count,
                share_of(groups, groups->groups[i].count));
    if (rows.others)
        put_others(drawing, groups, &rows, &layout);
    drawing_axes(drawing, layout.bars, (struct span){0, 100}, (double)count * layout.row_height, 0);
    plot(drawing, groups, &rows, &layout);
    drawing_page_end(drawing);
}

void pareto_tell(const struct telling *telling, const struct figures *figures)
{
    enum { TOLD = 3 };
    const struct figure_groups *groups = &figures->groups;
    struct rows rows = choose(groups);
    struct bytes name = {0};
    char first[AMOUNT_BYTES], second[AMOUNT_BYTES], third[AMOUNT_BYTES];
    double sum = 0;
    if (!rows.count)
        return;
    telling_say(
        telling, WORD_TELL_GROUPS,
        (struct str[]){amount_exact((double)groups->total_count, first), amount_exact(groups->total, second)},
        2);
    for (size_t i = 0; i < rows.count; i++) {
        double count = groups->groups[i].count;
        sum += count;
        if (i < TOLD)
            telling_say(telling, WORD_TELL_GROUP,
                        (struct str[]){amount_exact((double)i + 1, first),
                                       telling_name(telling, groups->groups[i].name, &name),
                                       amount_exact(count, second),
                                       amount_percent(share_of(groups, count), third)},
                        4);
    }
    if (rows.count > TOLD && rows.others)
        telling_say(telling, WORD_TELL_TOP,
                    (struct str[]){amount_exact((double)rows.count, first),
                                   amount_percent(share_of(groups, sum), second)},
                    2);
    bytes_fini(&name);
}
