/* All figures of a report: one script, one process, then each picture and its text. */
#include <math.h>
#include <stdio.h>

#include "reports/figures/figures.h"
#include "reports/figures/gnuplot.h"
#include "reports/figures/kinds.h"
#include "reports/figures/picture.h"

enum {
    WIDTH_USUAL = 720,
    TIME_USUAL_MS = 20000,
    OUTPUT_BYTES_MAX = 16 << 20,
    ID_BYTES_MAX = 64,
    PAGES_MAX = 2 * FIGURE_COUNT
};

static const struct {
    const char *name;
    void (*draw)(struct drawing *drawing, const struct figures *figures);
    void (*tell)(const struct telling *telling, const struct figures *figures);
} kinds[FIGURE_COUNT] = {
    [FIGURE_HOURLY] = {"hourly", hourly_draw, hourly_tell},
    [FIGURE_HEAT] = {"heat", heat_draw, heat_tell},
    [FIGURE_PARETO] = {"pareto", pareto_draw, pareto_tell},
    [FIGURE_SLOPE] = {"slope", slope_draw, slope_tell},
    [FIGURE_STATUS] = {"status", status_draw, status_tell},
    [FIGURE_DEPLOYS] = {"deploys", deploys_draw, deploys_tell},
    [FIGURE_TREND] = {"trend", trend_draw, trend_tell},
    [FIGURE_LATENCY] = {"latency", latency_draw, latency_tell},
};

/* What is drawn where. */
struct page {
    enum figure_kind kind;
    bool is_narrow;
    int width, height;
};

struct work {
    const struct figures *figures;
    struct figures_options options; /* with the usual values where none were given */
    struct drawing drawing;
    struct bytes written; /* by Gnuplot */
    struct page pages[PAGES_MAX];
    size_t page_count;
    struct figures_out *out;
};

const char *figure_name(enum figure_kind kind)
{
    return kinds[kind].name;
}

void figures_fini(struct figures_out *out)
{
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        bytes_fini(&out->at[i].title);
        bytes_fini(&out->at[i].text);
        bytes_fini(&out->at[i].svg);
        bytes_fini(&out->at[i].svg_narrow);
    }
    *out = (struct figures_out){0};
}

/* ---- what is asked for ---- */

static bool is_width(int width)
{
    return width >= FIGURE_WIDTH_MIN && width <= FIGURE_WIDTH_MAX;
}

static bool is_id(const char *id)
{
    size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    return len && len <= ID_BYTES_MAX && !id[len] && ((id[0] | 32) >= 'a' && (id[0] | 32) <= 'z');
}

static enum tm_err settle(struct work *work, const struct figures_options *options, struct tm_why *why)
{
    struct figures_options *settled = &work->options;
    *settled = *options;
    settled->width = options->width ? options->width : WIDTH_USUAL;
    settled->time_limit_ms = options->time_limit_ms ? options->time_limit_ms : TIME_USUAL_MS;
    settled->id = options->id ? options->id : "fig";
    if (!is_width(settled->width) || (settled->width_narrow && !is_width(settled->width_narrow)))
        return tm_fail(why, TM_INVALID, "a figure is %d to %d pixels wide", FIGURE_WIDTH_MIN,
                       FIGURE_WIDTH_MAX);
    if (settled->time_limit_ms < 0 || !is_id(settled->id))
        return tm_fail(why, TM_INVALID, "the id of figures is a letter and then letters, digits or '-'");
    const struct figures *figures = work->figures;
    if (figures->week.span.to <= figures->week.span.from || figures->hourly.hours > FIGURE_HOURS_MAX ||
        figures->status.hours > FIGURE_HOURS_MAX || figures->latency.hours > FIGURE_HOURS_MAX ||
        figures->trend.count > FIGURE_WEEKS_MAX)
        return tm_fail(why, TM_INVALID, "a figure has at most %d hours and %d weeks", FIGURE_HOURS_MAX,
                       FIGURE_WEEKS_MAX);
    return TM_OK;
}

/* ---- texts ---- */

static enum tm_err tell_all(struct work *work)
{
    enum tm_err err = TM_OK;
    for (size_t kind = 0; kind < FIGURE_COUNT && !err; kind++) {
        struct figure_out *out = &work->out->at[kind];
        struct telling telling = {&work->drawing.lettering, work->options.language, &out->text};
        words_put(&out->title, work->options.language, WORD_TITLE + (enum word)kind, NULL, 0);
        kinds[kind].tell(&telling, work->figures);
        if (out->text.len == 0)
            telling_say(&telling, WORD_NO_DATA, NULL, 0);
        err = out->title.failed || out->text.failed ? TM_NOMEM : TM_OK;
    }
    return err;
}

/* ---- pictures ---- */

static void write_script(struct work *work, int width, bool is_narrow)
{
    enum { NARROW_BELOW = 540 };
    work->drawing.width = width;
    work->drawing.is_narrow = width < NARROW_BELOW;
    for (size_t kind = 0; kind < FIGURE_COUNT; kind++) {
        kinds[kind].draw(&work->drawing, work->figures);
        work->pages[work->page_count++] =
            (struct page){(enum figure_kind)kind, is_narrow, width, work->drawing.height};
    }
}

static enum tm_err write_pictures(struct work *work, struct tm_why *why)
{
    struct str written = bytes_view(&work->written);
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < work->page_count && !err; i++) {
        const struct page *page = &work->pages[i];
        struct figure_out *out = &work->out->at[page->kind];
        char name[32];
        (void)snprintf(name, sizeof name, "%s%s", kinds[page->kind].name, page->is_narrow ? "-narrow" : "");
        struct picture picture = {.drawing = &work->drawing,
                                  .id = work->options.id,
                                  .name = name,
                                  .theme = work->options.theme,
                                  .title = bytes_view(&out->title),
                                  .text = bytes_view(&out->text),
                                  .width = page->width,
                                  .height = page->height};
        err = picture_write(&picture, picture_next(&written), page->is_narrow ? &out->svg_narrow : &out->svg,
                            why);
    }
    return err;
}

static void forget_pictures(struct figures_out *out)
{
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        bytes_fini(&out->at[i].svg);
        bytes_fini(&out->at[i].svg_narrow);
    }
}

enum tm_err figures_draw(const struct figures *figures, const struct figures_options *options,
                         struct figures_out *out, struct tm_why *why)
{
    struct work work = {.figures = figures, .out = out};
    *out = (struct figures_out){0};
    enum tm_err err = settle(&work, options, why);
    if (err)
        return err;
    err = drawing_open(&work.drawing, options->language);
    if (!err)
        err = tell_all(&work);
    if (!err) {
        write_script(&work, work.options.width, false);
        if (options->width_narrow)
            write_script(&work, options->width_narrow, true);
        err = drawing_error(&work.drawing);
    }
    struct gnuplot_bounds bounds = {work.options.time_limit_ms, OUTPUT_BYTES_MAX};
    if (!err)
        err = gnuplot_run(bytes_view(&work.drawing.script), &bounds, &work.written, why);
    if (!err)
        err = write_pictures(&work, why);
    if (err == TM_NOMEM)
        tm_why_write(why, "out of memory for the figures");
    if (err)
        forget_pictures(out);
    bytes_fini(&work.written);
    drawing_close(&work.drawing);
    return err;
}
