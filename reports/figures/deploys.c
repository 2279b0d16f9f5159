/* Rate of failures before and after each deploy, with their intervals. */
#include <math.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { ROWS_MAX = 12, TOLD_MAX = 5, ROW_WIDE = 34, ROW_NARROW = 52 };

static const double unit = 1e4; /* requests */

struct layout {
    struct frame frame;
    double row_height, low, high; /* the scale; low 0: linear */
    size_t rows[ROWS_MAX], row_count, rows_max;
};

static const struct {
    enum word word;
    enum ink ink;
    bool is_bold;
} verdicts[] = {[FIGURE_OK] = {WORD_VERDICT_OK, INK_MAIN, false},
                [FIGURE_SUSPECT] = {WORD_VERDICT_SUSPECT, INK_ALERT, false},
                [FIGURE_BAD] = {WORD_VERDICT_BAD, INK_ALERT, true},
                [FIGURE_UNDECIDED] = {WORD_VERDICT_UNDECIDED, INK_AXIS, false}};

/* Those that are drawn: the bad ones first if there are too many, in the order of time. */
static void choose(const struct figure_deploys *deploys, struct layout *layout)
{
    static const enum figure_verdict order[] = {FIGURE_BAD, FIGURE_SUSPECT, FIGURE_OK, FIGURE_UNDECIDED};
    for (size_t v = 0; v < sizeof order / sizeof order[0]; v++)
        for (size_t i = deploys->count; i-- > 0 && layout->row_count < layout->rows_max;) {
            if (deploys->deploys[i].verdict != order[v])
                continue;
            size_t at = layout->row_count++;
            for (; at > 0 && layout->rows[at - 1] > i; at--)
                layout->rows[at] = layout->rows[at - 1];
            layout->rows[at] = i;
        }
}

/* Widens the bounds by what of a rate is above zero. */
static void reach(struct figure_rate rate, double *low, double *high)
{
    const double values[] = {rate.rate, rate.low, rate.high};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i] > 0) {
            *low = fmin(*low, values[i] * unit);
            *high = fmax(*high, values[i] * unit);
        }
}

/* From zero while all can be read there; from 15 times on by powers of ten. */
static void find_scale(const struct figure_deploys *deploys, struct layout *layout)
{
    double low = 1e9, high = 0, lowest_high = 1e9;
    for (size_t i = 0; i < layout->row_count; i++) {
        const struct figure_deploy *deploy = &deploys->deploys[layout->rows[i]];
        reach(deploy->before, &low, &high);
        reach(deploy->after, &low, &high);
        lowest_high = fmin(lowest_high, fmin(deploy->before.high > 0 ? deploy->before.high * unit : 1e9,
                                             deploy->after.high > 0 ? deploy->after.high * unit : 1e9));
    }
    if (high <= 0)
        high = 1;
    if (high / lowest_high < 15) {
        double step = amount_step(high / 4);
        layout->high = ceil(high / step) * step;
        return;
    }
    layout->low = pow(10, floor(log10(fmax(low, high / 1e5))));
    layout->high = pow(10, ceil(log10(high)));
}

static double place(const struct layout *layout, double rate)
{
    double value = rate * unit, part;
    if (layout->low > 0)
        part = value > layout->low ? log10(value / layout->low) / log10(layout->high / layout->low) : 0;
    else
        part = value / layout->high;
    return layout->frame.left + fmin(fmax(part, 0), 1) * (layout->frame.right - layout->frame.left);
}

static void put_tick(struct drawing *drawing, const struct layout *layout, double value, bool first)
{
    char text[AMOUNT_BYTES];
    double x = place(layout, value / unit);
    struct str name = first && layout->low > 0 ? STR("0") : amount_short(value, drawing->language, text);
    double room = drawing->width - lettering_width(name) * 11 / 2; /* the last one must not be cut */
    drawing_line(drawing, (struct frame){x, x, layout->frame.top, layout->frame.bottom},
                 first ? INK_AXIS : INK_GRID, 1, 0);
    drawing_note(drawing,
                 (struct note){.x = fmin(x, room),
                               .y = layout->frame.bottom + 11,
                               .anchor = ANCHOR_CENTRE,
                               .ink = INK_MUTED,
                               .size = 11},
                 name);
}

static void put_scale(struct drawing *drawing, const struct layout *layout)
{
    enum { TICKS_MAX = 12 };
    double step = layout->low > 0 ? 0 : amount_step(layout->high / 4);
    for (int i = 0; i < TICKS_MAX; i++) {
        double value = layout->low > 0 ? layout->low * pow(10, i) : i * step;
        if (value > layout->high * 1.001)
            break;
        put_tick(drawing, layout, value, i == 0);
    }
    drawing_word(drawing,
                 (struct note){.x = layout->frame.right,
                               .y = layout->frame.bottom + 27,
                               .anchor = ANCHOR_RIGHT,
                               .ink = INK_MUTED,
                               .size = 11},
                 WORD_PER_10K);
}

/* A thin line with a ring before, a thick one with a dot after. */
static void put_rate(struct drawing *drawing, const struct layout *layout, struct figure_rate rate, double y,
                     bool is_after, enum ink ink)
{
    if (!isfinite(rate.rate))
        return;
    drawing_line(drawing, (struct frame){place(layout, rate.low), place(layout, rate.high), y, y}, ink,
                 is_after ? 3 : 1.4, 0);
    drawing_sign(drawing, place(layout, rate.rate), y, is_after ? SWATCH_DOT : SWATCH_RING, ink);
}

static void put_row(struct drawing *drawing, const struct figures *figures, const struct layout *layout,
                    size_t row)
{
    const struct figure_deploy *deploy = &figures->deploys.deploys[layout->rows[row]];
    double top = layout->frame.top + (double)row * layout->row_height;
    double middle = top + layout->row_height / 2 + (drawing->is_narrow ? 10 : 0);
    double name_room = drawing->is_narrow ? drawing->width * 0.36 : layout->frame.left - 14;
    struct bytes when = {0};
    words_put_time(&when, drawing->language, words_clock(&figures->week, deploy->time));
    drawing_note(drawing,
                 (struct note){.x = drawing->is_narrow ? layout->frame.left + 6 : 0,
                               .y = drawing->is_narrow ? top + 10 : middle - 7,
                               .ink = INK_TEXT,
                               .size = 12,
                               .room = name_room,
                               .is_bold = true},
                 deploy->label);
    drawing_note(drawing,
                 (struct note){.x = drawing->is_narrow ? drawing->width * 0.41 : 0,
                               .y = drawing->is_narrow ? top + 10 : middle + 8,
                               .ink = INK_MUTED,
                               .size = 11},
                 bytes_view(&when));
    drawing_word(drawing,
                 (struct note){.x = drawing->width,
                               .y = drawing->is_narrow ? top + 10 : middle,
                               .anchor = ANCHOR_RIGHT,
                               .ink = deploy->verdict == FIGURE_BAD || deploy->verdict == FIGURE_SUSPECT
                                          ? INK_STRONG
                                          : INK_TEXT,
                               .size = 12,
                               .is_bold = verdicts[deploy->verdict].is_bold},
                 verdicts[deploy->verdict].word);
    put_rate(drawing, layout, deploy->before, middle - 6, false, INK_MUTED);
    put_rate(drawing, layout, deploy->after, middle + 6, true, verdicts[deploy->verdict].ink);
    drawing->texts.failed = drawing->texts.failed || when.failed;
    bytes_fini(&when);
}

void deploys_draw(struct drawing *drawing, const struct figures *figures)
{
    static const struct legend_item items[] = {{.swatch = SWATCH_RING, .ink = INK_MUTED, .word = WORD_BEFORE},
                                               {.swatch = SWATCH_DOT, .ink = INK_MAIN, .word = WORD_AFTER}};
    struct layout layout = {.rows_max = ROWS_MAX, .row_height = drawing->is_narrow ? ROW_NARROW : ROW_WIDE};
    choose(&figures->deploys, &layout);
    if (!layout.row_count) {
        drawing_nothing(drawing);
        return;
    }
    find_scale(&figures->deploys, &layout);
    double left = drawing->is_narrow ? 6 : drawing->width * 0.26,
           right = drawing->width - (drawing->is_narrow ? 16 : 128);
    double top = drawing_legend_height(drawing, items, 2) + 8;
    layout.frame = (struct frame){left, right, top, top + (double)layout.row_count * layout.row_height};
    drawing_page(drawing, (int)layout.frame.bottom + 38);
    (void)drawing_legend(drawing, 0, 0, items, 2);
    put_scale(drawing, &layout);
    for (size_t row = 0; row < layout.row_count; row++)
        put_row(drawing, figures, &layout, row);
    drawing_no_plot(drawing);
    drawing_page_end(drawing);
}

/* ---- the text ---- */

static void tell_one(const struct telling *telling, const struct figures *figures,
                     const struct figure_deploy *deploy)
{
    struct bytes name = {0}, when = {0};
    char text[6][AMOUNT_BYTES];
    struct str args[] = {telling_name(telling, deploy->label, &name),
                         telling_time(telling, &figures->week, deploy->time, &when),
                         amount_exact(deploy->before.rate * unit, text[0]),
                         amount_exact(deploy->before.low * unit, text[1]),
                         amount_exact(deploy->before.high * unit, text[2]),
                         amount_exact(deploy->after.rate * unit, text[3]),
                         amount_exact(deploy->after.low * unit, text[4]),
                         amount_exact(deploy->after.high * unit, text[5]),
                         words_of(telling->language, verdicts[deploy->verdict].word)};
    telling_say(telling, WORD_TELL_RATE, args, sizeof args / sizeof args[0]);
    bytes_fini(&name);
    bytes_fini(&when);
}

void deploys_tell(const struct telling *telling, const struct figures *figures)
{
    const struct figure_deploys *deploys = &figures->deploys;
    struct layout layout = {.rows_max = TOLD_MAX};
    char text[AMOUNT_BYTES];
    choose(deploys, &layout);
    if (!layout.row_count)
        return;
    telling_say(telling, WORD_TELL_RATES, (struct str[]){amount_exact((double)deploys->count, text)}, 1);
    if (figures->hourly.rollback_count)
        telling_say(telling, WORD_TELL_ROLLBACKS,
                    (struct str[]){amount_exact((double)figures->hourly.rollback_count, text)}, 1);
    for (size_t i = 0; i < layout.row_count; i++)
        tell_one(telling, figures, &deploys->deploys[layout.rows[i]]);
    if (deploys->count > layout.row_count)
        telling_say(telling, WORD_TELL_RATE_MORE,
                    (struct str[]){amount_exact((double)(deploys->count - layout.row_count), text)}, 1);
}
