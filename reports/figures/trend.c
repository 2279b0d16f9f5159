/* The weeks up to this one: how many failures, and how many per request. */
#include <math.h>
#include <stdio.h>

#include "reports/figures/amount.h"
#include "reports/figures/kinds.h"

enum { BARS_TALL = 130, RATES_TALL = 64, GAP = 40 };

static size_t find_most(const struct figure_trend *trend, double *most)
{
    size_t at = 0;
    *most = NAN;
    for (size_t i = 0; i < trend->count; i++)
        if (isfinite(trend->weeks[i].failures) && !(trend->weeks[i].failures <= *most)) {
            *most = trend->weeks[i].failures;
            at = i;
        }
    return at;
}

static double most_per_10k(const struct figure_trend *trend)
{
    double most = NAN;
    for (size_t i = 0; i < trend->count; i++)
        most = fmax(most, trend->weeks[i].per_10k);
    return most;
}

static double middle_of(const struct figure_trend *trend, struct frame frame, size_t week)
{
    return frame.left + ((double)week + 0.5) / (double)trend->count * (frame.right - frame.left);
}

static void put_bars(struct drawing *drawing, const struct figure_trend *trend, struct frame frame,
                     double most)
{
    char text[AMOUNT_BYTES];
    double width = (frame.right - frame.left) / (double)trend->count;
    struct note note = {.anchor = ANCHOR_CENTRE, .size = 11, .room = width};
    for (size_t i = 0; i < trend->count; i++) {
        const struct figure_trend_week *week = &trend->weeks[i];
        bool is_this = i + 1 == trend->count;
        double part = isfinite(week->failures) && most > 0 ? week->failures / most : 0;
        note.x = middle_of(trend, frame, i);
        note.y = frame.bottom - part * (frame.bottom - frame.top) - 9;
        note.ink = is_this ? INK_TEXT : INK_MUTED;
        note.is_bold = is_this;
        drawing_note(drawing, note, amount_short(week->failures, drawing->language, text));
        int len = snprintf(text, sizeof text, "%d", week->week);
        struct bytes name = {0};
        words_put(&name, drawing->language, WORD_WEEK, &(struct str){text, (size_t)len}, 1);
        note.y = frame.bottom + 12;
        drawing_note(drawing, note, bytes_view(&name));
        drawing->texts.failed = drawing->texts.failed || name.failed;
        bytes_fini(&name);
    }
    drawing_line(drawing, (struct frame){frame.left, frame.right, frame.bottom, frame.bottom}, INK_AXIS, 1,
                 0);
}

/* Bars of earlier weeks are paler than this one's. */
static void plot_bars(struct drawing *drawing, const struct figure_trend *trend, struct frame frame,
                      double most)
{
    drawing_axes(drawing, frame, (struct span){0, (int64_t)trend->count}, 0, fmax(most, 1));
    bytes_printf(&drawing->script,
                 "set boxwidth 0.6\nplot '-' using 1:2 with boxes fc " INK_RGB
                 ", '-' using 1:2 with boxes fc " INK_RGB "\n",
                 INK_LIGHT, INK_MAIN);
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < trend->count; i++)
            if ((i + 1 == trend->count) == (part == 1))
                bytes_printf(&drawing->script, "%.1f %.9g\n", (double)i + 0.5,
                             isfinite(trend->weeks[i].failures) ? trend->weeks[i].failures : 0);
        bytes_printf(&drawing->script, "e\n");
    }
}

static void put_rates(struct drawing *drawing, const struct figure_trend *trend, struct frame frame)
{
    char text[AMOUNT_BYTES];
    double most = most_per_10k(trend), width = (frame.right - frame.left) / (double)trend->count;
    drawing_line(drawing, (struct frame){frame.left, frame.right, frame.bottom, frame.bottom}, INK_AXIS, 1,
                 0);
    for (size_t i = 0; i < trend->count; i++) {
        double rate = trend->weeks[i].per_10k;
        bool is_this = i + 1 == trend->count;
        double part = isfinite(rate) && most > 0 ? rate / most : 0;
        drawing_note(drawing,
                     (struct note){.x = middle_of(trend, frame, i),
                                   .y = frame.bottom - part * (frame.bottom - frame.top) - 14,
                                   .anchor = ANCHOR_CENTRE,
                                   .ink = is_this ? INK_TEXT : INK_MUTED,
                                   .size = 11,
                                   .room = width,
                                   .is_bold = is_this},
                     amount_short(rate, drawing->language, text));
    }
    drawing_axes(drawing, frame, (struct span){0, (int64_t)trend->count}, 0, fmax(most, 1e-9));
    bytes_printf(&drawing->script, "$r << EOD\n");
    for (size_t i = 0; i < trend->count; i++)
        if (isfinite(trend->weeks[i].per_10k))
            bytes_printf(&drawing->script, "%.1f %.9g\n", (double)i + 0.5, trend->weeks[i].per_10k);
        else
            bytes_printf(&drawing->script, "\n");
    bytes_printf(&drawing->script,
                 "EOD\nplot $r using 1:2 with lines lw 1.6 lc " INK_RGB
                 ", $r using 1:2 with points pt 7 ps 0.6 lc " INK_RGB "\n",
                 INK_MAIN, INK_MAIN);
}

void trend_draw(struct drawing *drawing, const struct figures *figures)
{
    const struct figure_trend *trend = &figures->trend;
    double most;
    (void)find_most(trend, &most);
    if (!isfinite(most)) {
        drawing_nothing(drawing);
        return;
    }
    bool rates = isfinite(most_per_10k(trend));
    struct frame bars = {0, drawing->width, 40, 40 + BARS_TALL};
    struct frame below = {0, drawing->width, bars.bottom + GAP + 34, bars.bottom + GAP + 34 + RATES_TALL};
    drawing_page(drawing, (int)(rates ? below.bottom + 6 : bars.bottom + 24));
    drawing_word(drawing, (struct note){.y = 8, .ink = INK_TEXT, .size = 12}, WORD_FAILURES);
    put_bars(drawing, trend, bars, most);
    plot_bars(drawing, trend, bars, most);
    drawing_panel(drawing);
    if (rates) {
        drawing_word(drawing, (struct note){.y = bars.bottom + GAP, .ink = INK_TEXT, .size = 12},
                     WORD_PER_10K);
        put_rates(drawing, trend, below);
    }
    drawing_page_end(drawing);
}

/* ---- the text ---- */

static void tell_previous(const struct telling *telling, const struct figure_trend_week *now,
                          const struct figure_trend_week *before)
{
    char first[AMOUNT_BYTES], second[AMOUNT_BYTES];
    if (isfinite(now->failures) && before->failures > 0)
        telling_say(telling, WORD_TELL_TREND_PREVIOUS,
                    (struct str[]){amount_exact(before->failures, first),
                                   amount_change(now->failures, before->failures, second)},
                    2);
    if (isfinite(now->per_10k) && isfinite(before->per_10k))
        telling_say(telling, WORD_TELL_TREND_RATE,
                    (struct str[]){amount_exact(now->per_10k, first), amount_exact(before->per_10k, second)},
                    2);
}

void trend_tell(const struct telling *telling, const struct figures *figures)
{
    const struct figure_trend *trend = &figures->trend;
    char text[4][AMOUNT_BYTES];
    double most;
    size_t at = find_most(trend, &most);
    if (!isfinite(most))
        return;
    const struct figure_trend_week *now = &trend->weeks[trend->count - 1], *peak = &trend->weeks[at];
    struct str args[] = {amount_exact(now->failures, text[0]),
                         {text[1], (size_t)snprintf(text[1], AMOUNT_BYTES, "%d", now->week)},
                         {text[2], (size_t)snprintf(text[2], AMOUNT_BYTES, "%d", now->year)}};
    telling_say(telling, WORD_TELL_TREND, args, 3);
    if (trend->count > 1)
        tell_previous(telling, now, now - 1);
    struct str most_args[] = {amount_exact((double)trend->count, text[0]),
                              {text[1], (size_t)snprintf(text[1], AMOUNT_BYTES, "%d", peak->week)},
                              {text[2], (size_t)snprintf(text[2], AMOUNT_BYTES, "%d", peak->year)},
                              amount_exact(most, text[3])};
    telling_say(telling, WORD_TELL_TREND_WEEK, most_args, 4);
}
