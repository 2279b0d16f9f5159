#include "reports/figure_fill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define Z_95    1.959964

enum {
    PLACE_BYTES = sizeof(void *),
    TOP_GROUPS = 40,
    NAME_BYTES = 300,
    MARKS = 64,
    SHADES = 120,
    WIDTH = 720,
    WIDTH_NARROW = 360
};

/* All that the figures point to. */
struct filling {
    struct figures figures;
    double count[REPORT_HOURS_MAX], low[REPORT_HOURS_MAX], high[REPORT_HOURS_MAX];
    double classes[FIGURE_CLASSES][REPORT_HOURS_MAX];
    double latency[REPORT_LATENCIES][REPORT_HOURS_MAX];
    struct figure_mark marks[MARKS];
    struct figure_deploy deploys[MARKS];
    struct figure_shade shades[SHADES];
    struct figure_group groups[TOP_GROUPS];
    char names[TOP_GROUPS][NAME_BYTES];
    struct figure_trend_week weeks[REPORT_TREND_WEEKS];
};

/* ---- the week ---- */

static void fill_week(const struct report *r, struct figure_week *out)
{
    int before = week_clock(r->span.from).offset_s;
    *out = (struct figure_week){.span = r->span,
                                .offset_s = before,
                                .shift = r->span.to,
                                .offset_after_s = before,
                                .zone = str_of(r->zone)};
    for (size_t i = 1; i < r->hour_count; i++) {
        int offset = week_clock(r->hours[i].start).offset_s;
        if (offset == before)
            continue;
        out->shift = r->hours[i].start;
        out->offset_after_s = offset;
        return;
    }
}

static void fill_hours(const struct report *r, struct filling *f)
{
    bool has_band = false, has_latency = false, has_requests = false;
    for (size_t i = 0; i < r->hour_count; i++) {
        const struct report_hour *h = &r->hours[i];
        f->count[i] = h->failures;
        f->low[i] = h->low;
        f->high[i] = h->high;
        for (int c = 0; c < FIGURE_CLASSES; c++)
            f->classes[c][i] = (double)h->classes[c + 1];
        for (int q = 0; q < REPORT_LATENCIES; q++)
            f->latency[q][i] = h->latency_ms[q];
        has_band = has_band || isfinite(h->high);
        has_latency = has_latency || isfinite(h->latency_ms[0]);
        has_requests = has_requests || h->requests > 0;
    }
    f->figures.hourly = (struct figure_hourly){.count = f->count,
                                               .low = has_band ? f->low : NULL,
                                               .high = has_band ? f->high : NULL,
                                               .hours = r->hour_count,
                                               .marks = f->marks,
                                               .shades = f->shades};
    f->figures.heat.count = r->quality.has_data ? r->heat : NULL;
    for (int c = 0; c < FIGURE_CLASSES; c++)
        f->figures.status.count[c] = has_requests ? f->classes[c] : NULL;
    f->figures.status.hours = r->hour_count;
    f->figures.latency = (struct figure_latency){.p50 = has_latency ? f->latency[0] : NULL,
                                                 .p90 = has_latency ? f->latency[1] : NULL,
                                                 .p99 = has_latency ? f->latency[2] : NULL,
                                                 .hours = r->hour_count};
}

static void fill_shades(const struct report *r, struct filling *f)
{
    size_t n = 0;
    for (size_t i = 0; i < r->incident_count && n < SHADES; i++) {
        const struct report_incident *one = &r->incidents[i];
        f->shades[n++] =
            (struct figure_shade){{one->start, one->end == INT64_MIN ? r->span.to : one->end}, false};
    }
    for (size_t i = 0; i < r->event_count && n < SHADES; i++) {
        const struct report_event *one = &r->events[i];
        if (!one->is_coming)
            f->shades[n++] = (struct figure_shade){
                {one->time, one->end == INT64_MIN ? one->time + HOUR_MS : one->end}, true};
    }
    f->figures.hourly.shade_count = n;
}

/* ---- deploys ---- */

/* The share of failures with Wilson's interval. */
static struct figure_rate rate_of(double k, double n)
{
    if (!(n > 0))
        return (struct figure_rate){NAN, NAN, NAN};
    double p = fmin(1, k / n), z2 = Z_95 * Z_95;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    double reach = Z_95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    return (struct figure_rate){p, fmin(p, fmax(0, middle - reach)), fmax(p, fmin(1, middle + reach))};
}

static enum figure_verdict verdict_of(const char *name)
{
    if (strcmp(name, "bad") == 0)
        return FIGURE_BAD;
    if (strcmp(name, "suspect") == 0)
        return FIGURE_SUSPECT;
    return strcmp(name, "ok") == 0 ? FIGURE_OK : FIGURE_UNDECIDED;
}

static void fill_deploys(const struct report *r, struct filling *f)
{
    size_t n = 0, rollbacks = 0;
    for (; n < r->deploy_count && n < MARKS; n++) {
        const struct report_deploy *d = &r->deploys[n];
        rollbacks += d->is_rollback;
        f->marks[n] = (struct figure_mark){d->time, str_of(d->label), strcmp(d->verdict, "bad") == 0};
        f->deploys[n] = (struct figure_deploy){.time = d->time,
                                               .label = str_of(d->label),
                                               .verdict = verdict_of(d->verdict),
                                               .before = rate_of(d->before_k, d->before_n),
                                               .after = rate_of(d->after_k, d->after_n)};
    }
    f->figures.hourly.mark_count = n;
    f->figures.hourly.rollback_count = rollbacks;
    f->figures.deploys = (struct figure_deploys){f->deploys, n};
}

/* ---- groups ---- */

static int compare_counts(const void *a, const void *b)
{
    const struct report_group *x = *(const struct report_group *const *)a,
                              *y = *(const struct report_group *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static enum tm_err fill_groups(const struct report *r, struct filling *f)
{
    const struct report_group **all = calloc(r->group_count + 1, PLACE_BYTES);
    size_t count = 0;
    if (!all)
        return TM_NOMEM;
    for (size_t i = 0; i < r->group_count; i++)
        if (r->groups[i].count > 0)
            all[count++] = &r->groups[i];
    if (count > 1)
        qsort(all, count, PLACE_BYTES, compare_counts);
    size_t shown = count < TOP_GROUPS ? count : TOP_GROUPS;
    for (size_t i = 0; i < shown; i++) {
        const struct report_group *g = all[i];
        if (g->is_request)
            (void)snprintf(f->names[i], NAME_BYTES, "%s", g->message);
        else
            (void)snprintf(f->names[i], NAME_BYTES, "%s: %s", g->type, g->message);
        f->groups[i] = (struct figure_group){str_of(f->names[i]), (double)g->count, (double)g->last_week};
    }
    free(all);
    for (size_t i = 0; i < LIST_COUNT; i++)
        if (i != LIST_RESOLVED) /* of which there are none this week */
            count += r->rest[i].groups;
    f->figures.groups = (struct figure_groups){f->groups, shown, count, (double)r->total};
    return TM_OK;
}

static void fill_trend(const struct report *r, struct filling *f)
{
    for (size_t i = 0; i < REPORT_TREND_WEEKS; i++) {
        const struct report_trend *t = &r->trend[i];
        f->weeks[i] = (struct figure_trend_week){t->week.year, t->week.week, t->failures,
                                                 t->requests > 0 ? t->failures / t->requests * 1e4 : NAN};
    }
    f->figures.trend = (struct figure_trend){f->weeks, REPORT_TREND_WEEKS};
}

enum tm_err figure_fill(const struct report *report, struct figures_out *out,
                        struct render_picture pictures[FIGURE_COUNT], bool *drawn, struct tm_why *why)
{
    const struct figures_options options = {.width = WIDTH,
                                            .width_narrow = WIDTH_NARROW,
                                            .theme = FIGURE_BOTH,
                                            .language = strcmp(report->language, "ko") == 0 ? FIGURE_KOREAN
                                                                                            : FIGURE_ENGLISH};
    struct filling *f = calloc(1, sizeof *f);
    enum tm_err err = f ? fill_groups(report, f) : TM_NOMEM;
    *drawn = false;
    if (!err) {
        fill_week(report, &f->figures.week);
        fill_hours(report, f);
        fill_shades(report, f);
        fill_deploys(report, f);
        fill_trend(report, f);
        err = figures_draw(&f->figures, &options, out, why);
        *drawn = err == TM_OK;
    }
    free(f);
    if (err == TM_NOMEM)
        return tm_fail(why, err, "out of memory for the figures");
    for (int i = 0; i < FIGURE_COUNT; i++) {
        struct figure_out *one = &out->at[i];
        bytes_u8(&one->title, 0);
        bytes_u8(&one->text, 0);
        if (bytes_error(&one->title) || bytes_error(&one->text))
            return tm_fail(why, TM_NOMEM, "out of memory for the figures");
        pictures[i] = (struct render_picture){.title = (const char *)one->title.data,
                                              .svg = bytes_view(&one->svg),
                                              .svg_narrow = bytes_view(&one->svg_narrow),
                                              .text = (const char *)one->text.data};
    }
    return TM_OK;
}
