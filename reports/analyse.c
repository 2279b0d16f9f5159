#include "reports/analyse.h"

#include <math.h>
#include <stdlib.h>

#include "reports/analyse_private.h"

void report_free(struct report *report)
{
    if (!report)
        return;
    arena_fini(&report->arena);
    free(report);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double analyse_median(double *values, size_t count)
{
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double analyse_exposure(const struct analysis *a, size_t week)
{
    if (!a->is_base[week] && week != TALLY_THIS)
        return 0;
    if (a->by_requests)
        return isnan(a->requests[week]) ? 0 : a->requests[week];
    return (double)a->tally->hour_count[week];
}

static void fill_head(struct analysis *a)
{
    struct report *r = a->report;
    const struct analyse_settings *s = a->settings;
    r->service = arena_text(&r->arena, str_of(a->unit->service), 0);
    r->env = arena_text(&r->arena, str_of(a->unit->env), 0);
    r->owner = arena_text(&r->arena, str_of(s->owner), 0);
    r->zone = arena_text(&r->arena, str_of(s->zone), 0);
    r->language = arena_text(&r->arena, str_of(s->language), 0);
    r->week = s->week;
    r->span = s->span;
    r->is_custom = s->is_custom;
}

static void find_requests(struct analysis *a)
{
    for (size_t w = 0; w < REPORT_TREND_WEEKS; w++) {
        struct tally_hour sum = tally_week(a->tally, w);
        a->requests[w] = a->tally->is_kept[w] ? (double)tally_requests(&sum) : NAN;
        a->has_data[w] = a->tally->has_data[w];
    }
    a->by_requests = a->requests[TALLY_THIS] > 0;
}

/* A week in which the service began or was silent for most of it is no measure. */
static void choose_base(struct analysis *a)
{
    for (size_t w = 0; w < REPORT_TREND_WEEKS; w++) {
        size_t seen = 0;
        for (size_t i = 0; i < a->tally->hour_count[w]; i++)
            seen += tally_requests(&a->tally->hours[w][i]) > 0;
        a->is_base[w] = a->has_data[w] && (!a->by_requests || 2 * seen >= a->tally->hour_count[w]);
    }
}

static enum tm_err work_out(struct analysis *a, struct tm_why *why)
{
    enum tm_err err = analyse_find_deploys(a);
    if (!err)
        err = tally_read(a->tally, a->gather, (size_t)(a->unit - a->gather->units), why);
    if (err)
        return err;
    find_requests(a);
    err = analyse_groups(a);
    choose_base(a);
    if (!err)
        err = analyse_lists(a);
    if (!err)
        err = analyse_hours(a, why);
    if (!err)
        err = analyse_deploys(a);
    if (!err)
        err = analyse_events(a);
    if (!err)
        err = analyse_incidents(a, why);
    if (!err)
        analyse_strip(a);
    return err ? err : analyse_actions(a);
}

enum tm_err analyse(const struct gather *gather, size_t unit, const struct analyse_settings *settings,
                    struct report **out, struct tm_why *why)
{
    struct analysis a = {.gather = gather, .unit = &gather->units[unit], .settings = settings};
    enum tm_err err = TM_NOMEM;
    why->text[0] = '\0';
    *out = NULL;
    a.report = calloc(1, sizeof *a.report);
    a.tally = calloc(1, sizeof *a.tally);
    if (!a.report || !a.tally)
        goto out;
    fill_head(&a);
    tally_spans(settings->span, a.tally->spans);
    err = work_out(&a, why);
    if (!err && a.report->arena.failed)
        err = TM_NOMEM;
    if (err)
        goto out;
    *out = a.report;
    a.report = NULL;
out:
    if (err && why->text[0] == '\0')
        tm_why_write(why, "working out the report of %s: %s", a.unit->service, tm_err_text(err));
    if (a.tally)
        free(a.tally->moments);
    free(a.tally);
    free(a.groups);
    index_ids_fini(&a.series);
    report_free(a.report);
    return err;
}
