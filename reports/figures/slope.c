/* The ten with the most: last week on the left, this week on the right. */
#include <math.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { SLOPES_MAX = 10, LINE = 18, SIZE = 12 };

enum change { RISEN, FALLEN, STEADY, NEW, CHANGE_COUNT };

static enum change change_of(const struct figure_group *group)
{
    if (!(group->last_week > 0))
        return group->count > 0 ? NEW : STEADY;
    double ratio = group->count / group->last_week;
    return ratio >= 1.2 ? RISEN : ratio <= 0.8 ? FALLEN : STEADY;
}

static size_t slope_count(const struct figure_groups *groups)
{
    return groups->count < SLOPES_MAX ? groups->count : SLOPES_MAX;
}

static const struct {
    enum ink ink;
    double width;
    const char *dash;
} looks[CHANGE_COUNT] = {[RISEN] = {INK_ALERT, 2.2, ""},
                         [FALLEN] = {INK_CALM, 2, " dt (5,4)"},
                         [STEADY] = {INK_AXIS, 1.2, ""},
                         [NEW] = {INK_ALERT, 2.2, ""}};

struct layout {
    struct frame frame;
    double low, high; /* log10(1 + count) at the lower and upper end */
    double name_left, change_right, count_right;
};

static double height_of(const struct layout *layout, double count)
{
    double part = (log10(1 + fmax(count, 0)) - layout->low) / (layout->high - layout->low);
    return layout->frame.bottom - part * (layout->frame.bottom - layout->frame.top);
}

/* Labels are moved apart until no two overlap, as little as that takes: those that touch become one block
 * about their mean (isotonic regression). ys are sorted; each then is at least LINE behind the one before. */
static void move_apart(double *ys, size_t count, double top, double bottom)
{
    struct {
        double sum;
        size_t count;
    } blocks[SLOPES_MAX];
    size_t block_count = 0;
    for (size_t i = 0; i < count; i++) {
        blocks[block_count].sum = ys[i] - (double)i * LINE;
        blocks[block_count++].count = 1;
        while (block_count > 1 && blocks[block_count - 2].sum / (double)blocks[block_count - 2].count >=
                                      blocks[block_count - 1].sum / (double)blocks[block_count - 1].count) {
            block_count--;
            blocks[block_count - 1].sum += blocks[block_count].sum;
            blocks[block_count - 1].count += blocks[block_count].count;
        }
    }
    size_t i = 0;
    for (size_t block = 0; block < block_count; block++)
        for (size_t of = 0; of < blocks[block].count; of++, i++)
            ys[i] = fmin(fmax(blocks[block].sum / (double)blocks[block].count, top),
                         bottom - (double)(count - 1) * LINE) +
                    (double)i * LINE;
}

static void put_change(struct drawing *drawing, const struct layout *layout, const struct figure_group *group,
                       double y)
{
    char percent[AMOUNT_BYTES];
    enum change change = change_of(group);
    struct note note = {.x = layout->change_right,
                        .y = y,
                        .anchor = ANCHOR_RIGHT,
                        .ink = change == RISEN || change == NEW ? INK_STRONG : INK_MUTED,
                        .size = 11,
                        .is_bold = change == NEW};
    if (!(group->last_week > 0)) {
        if (change == NEW)
            drawing_word(drawing, note, WORD_NEW);
        return;
    }
    drawing_note(drawing, note, amount_change(group->count, group->last_week, percent));
}

/* Groups come sorted by this week's count, so their labels run downwards. */
static void put_right(struct drawing *drawing, const struct layout *layout,
                      const struct figure_groups *groups)
{
    double ys[SLOPES_MAX];
    char text[AMOUNT_BYTES];
    size_t count = slope_count(groups);
    for (size_t i = 0; i < count; i++)
        ys[i] = height_of(layout, groups->groups[i].count);
    move_apart(ys, count, layout->frame.top, layout->frame.bottom);
    for (size_t i = 0; i < count; i++) {
        const struct figure_group *group = &groups->groups[i];
        double from = height_of(layout, group->count);
        drawing_line(drawing, (struct frame){layout->frame.right + 5, layout->frame.right + 14, from, ys[i]},
                     INK_AXIS, 1, 0);
        drawing_note(drawing,
                     (struct note){.x = layout->count_right,
                                   .y = ys[i],
                                   .anchor = ANCHOR_RIGHT,
                                   .ink = INK_TEXT,
                                   .size = drawing->is_narrow ? 11 : SIZE},
                     amount_short(group->count, drawing->language, text));
        put_change(drawing, layout, group, ys[i]);
        drawing_note(drawing,
                     (struct note){.x = layout->name_left,
                                   .y = ys[i],
                                   .ink = INK_TEXT,
                                   .size = drawing->is_narrow ? 11 : SIZE,
                                   .room = drawing->width - layout->name_left},
                     group->name);
    }
}

/* Last week's counts by size; those of zero need no label. */
static size_t sort_left(const struct figure_groups *groups, double counts[SLOPES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < slope_count(groups); i++) {
        size_t at = count;
        if (!(groups->groups[i].last_week > 0))
            continue;
        for (; at > 0 && counts[at - 1] < groups->groups[i].last_week; at--)
            counts[at] = counts[at - 1];
        counts[at] = groups->groups[i].last_week;
        count++;
    }
    return count;
}

static void put_left(struct drawing *drawing, const struct layout *layout, const struct figure_groups *groups)
{
    double counts[SLOPES_MAX], ys[SLOPES_MAX];
    char text[AMOUNT_BYTES];
    size_t count = sort_left(groups, counts);
    for (size_t i = 0; i < count; i++)
        ys[i] = height_of(layout, counts[i]);
    move_apart(ys, count, layout->frame.top, layout->frame.bottom);
    for (size_t i = 0; i < count; i++) {
        drawing_line(drawing,
                     (struct frame){layout->frame.left - 14, layout->frame.left - 5, ys[i],
                                    height_of(layout, counts[i])},
                     INK_AXIS, 1, 0);
        drawing_note(drawing,
                     (struct note){.x = layout->frame.left - 18,
                                   .y = ys[i],
                                   .anchor = ANCHOR_RIGHT,
                                   .ink = INK_MUTED,
                                   .size = 11},
                     amount_short(counts[i], drawing->language, text));
    }
}

/* What is new has no line, only where it ends. */
static void plot(struct drawing *drawing, const struct figure_groups *groups)
{
    size_t count = slope_count(groups);
    for (size_t i = 0; i < count; i++) {
        bytes_printf(&drawing->script, "$s%zu << EOD\n", i);
        if (groups->groups[i].last_week > 0)
            bytes_printf(&drawing->script, "0 %.9g\n", log10(1 + groups->groups[i].last_week));
        bytes_printf(&drawing->script, "1 %.9g\nEOD\n", log10(1 + fmax(0, groups->groups[i].count)));
    }
    bytes_printf(&drawing->script, "plot ");
    for (size_t i = count; i-- > 0;) {
        enum change change = change_of(&groups->groups[i]);
        bytes_printf(&drawing->script,
                     "$s%zu using 1:2 with lines lw %g%s lc " INK_RGB
                     ", $s%zu using 1:2 with points pt 7 ps 0.55 lc " INK_RGB "%s",
                     i, looks[change].width, looks[change].dash, (unsigned)looks[change].ink, i,
                     (unsigned)looks[change].ink, i ? ", " : "\n");
    }
}

static struct layout lay_out(const struct drawing *drawing, const struct figure_groups *groups, double top)
{
    double low = 1e9, high = 1;
    size_t count = slope_count(groups);
    for (size_t i = 0; i < count; i++) {
        high = fmax(high, fmax(groups->groups[i].count, groups->groups[i].last_week));
        low = fmin(low, groups->groups[i].count);
        if (groups->groups[i].last_week > 0)
            low = fmin(low, groups->groups[i].last_week);
    }
    double left = drawing->is_narrow ? 60 : 70, right = drawing->is_narrow ? 106 : 270;
    double counts = right + (drawing->is_narrow ? 56 : 62), changes = counts + (drawing->is_narrow ? 44 : 50);
    struct layout layout = {.frame = {left, right, top, top + fmax(60, (double)(count - 1) * LINE * 1.35)},
                            .low = log10(1 + fmax(low, 0)),
                            .high = log10(1 + high),
                            .count_right = counts,
                            .change_right = changes,
                            .name_left = changes + (drawing->is_narrow ? 6 : 12)};
    if (layout.high - layout.low < 0.3)
        layout.low = fmax(0, layout.high - 0.3);
    return layout;
}

void slope_draw(struct drawing *drawing, const struct figures *figures)
{
    const struct figure_groups *groups = &figures->groups;
    bool seen[CHANGE_COUNT] = {false};
    size_t count = slope_count(groups);
    if (!count) {
        drawing_nothing(drawing);
        return;
    }
    for (size_t i = 0; i < count; i++)
        seen[change_of(&groups->groups[i])] = true;
    struct legend_item items[] = {
        {.swatch = SWATCH_LINE,
         .ink = INK_ALERT,
         .word = WORD_RISEN,
         .is_absent = !seen[RISEN] && !seen[NEW]},
        {.swatch = SWATCH_DASHED, .ink = INK_CALM, .word = WORD_FALLEN, .is_absent = !seen[FALLEN]},
        {.swatch = SWATCH_LINE, .ink = INK_AXIS, .word = WORD_STEADY, .is_absent = !seen[STEADY]}};
    double top = drawing_legend_height(drawing, items, 3) + 34;
    struct layout layout = lay_out(drawing, groups, top);
    drawing_page(drawing, (int)layout.frame.bottom + 36);
    (void)drawing_legend(drawing, 0, 0, items, 3);
    struct note head = {
        .x = layout.frame.left, .y = top - 20, .anchor = ANCHOR_RIGHT, .ink = INK_MUTED, .size = 11};
    drawing_word(drawing, head, WORD_LAST_WEEK);
    head.x = layout.frame.right - (drawing->is_narrow ? 10 : 0);
    head.anchor = ANCHOR_LEFT;
    drawing_word(drawing, head, WORD_THIS_WEEK);
    drawing_word(drawing, (struct note){.y = layout.frame.bottom + 26, .ink = INK_MUTED, .size = 11},
                 WORD_LOGARITHMIC);
    put_left(drawing, &layout, groups);
    put_right(drawing, &layout, groups);
    drawing_axes(drawing, layout.frame, (struct span){0, 1}, layout.low, layout.high);
    plot(drawing, groups);
    drawing_page_end(drawing);
}

void slope_tell(const struct telling *telling, const struct figures *figures)
{
    enum { TOLD = 3 };
    const struct figure_groups *groups = &figures->groups;
    char text[4][AMOUNT_BYTES];
    double changes[CHANGE_COUNT] = {0};
    struct bytes name = {0};
    size_t count = slope_count(groups);
    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        changes[change_of(&groups->groups[i])]++;
    telling_say(telling, WORD_TELL_SLOPE,
                (struct str[]){amount_exact((double)count, text[0]), amount_exact(changes[RISEN], text[1]),
                               amount_exact(changes[FALLEN], text[2]), amount_exact(changes[NEW], text[3])},
                4);
    for (size_t i = 0; i < count && i < TOLD; i++) {
        const struct figure_group *group = &groups->groups[i];
        struct str now = amount_exact(group->count, text[0]);
        struct str shown = telling_name(telling, group->name, &name);
        if (change_of(group) == NEW)
            telling_say(telling, WORD_TELL_SLOPE_NEW, (struct str[]){shown, now}, 2);
        else
            telling_say(telling, WORD_TELL_SLOPE_ONE,
                        (struct str[]){shown, amount_exact(group->last_week, text[1]), now}, 3);
    }
    bytes_fini(&name);
}
