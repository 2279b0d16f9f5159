#include "server/query/deploy_gauges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/reply.h"

#define RATE_GAP_MS INT64_C(300000) /* an increase over a longer time is none of a minute */

/* Samples of one series by minute. */
struct minutes {
    double sum[DEPLOY_GAUGE_MINUTES];
    uint32_t count[DEPLOY_GAUGE_MINUTES];
};

void deploy_gauges_fini(struct deploy_gauges *gauges)
{
    for (size_t i = 0; i < gauges->count; i++) {
        free(gauges->at[i].name);
        free(gauges->at[i].limit_name);
    }
    free(gauges->at);
    *gauges = (struct deploy_gauges){.count = 0};
}

/* ---- which metrics ---- */

/* The series of the service that bear one more condition, named by what owns them: the first of these labels
 * that is there. */
static enum tm_err make_selector(const struct deploy *deploy, unsigned owner, struct str name,
                                 struct selector *out, struct tm_why *why)
{
    static const char *const owners[] = {"{service=", "{service=\"\",job=", "{service=\"\",job=\"\",app="};
    struct bytes text = {0};
    bytes_printf(&text, "%s", owners[owner]);
    bytes_json_string(&text, str_of(deploy->text[DEPLOY_SERVICE]));
    if (deploy->text[DEPLOY_ENV][0]) {
        bytes_printf(&text, ",env=");
        bytes_json_string(&text, str_of(deploy->text[DEPLOY_ENV]));
    }
    if (name.len > 0) {
        bytes_printf(&text, ",__name__=");
        bytes_json_string(&text, name);
    }
    bytes_u8(&text, '}');
    enum tm_err err = bytes_error(&text) ? tm_fail(why, TM_NOMEM, "out of memory; try again")
                                         : selector_parse(bytes_view(&text), out, why);
    bytes_fini(&text);
    return err;
}

struct candidate {
    struct str name;
    struct deploy_gauge_kind kind;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->kind.place != y->kind.place)
        return x->kind.place < y->kind.place ? -1 : 1;
    return str_compare(x->name, y->name);
}

static enum tm_err take_candidate(const struct candidate *from, const struct index_list *names,
                                  struct deploy_gauges *out)
{
    struct deploy_gauge *gauge = &out->at[out->count];
    gauge->direction = from->kind.direction;
    gauge->is_filling = from->kind.is_filling;
    gauge->is_rate = from->kind.is_rate;
    gauge->name = strndup(from->name.ptr, from->name.len);
    if (!gauge->name)
        return TM_NOMEM;
    out->count++;
    for (size_t i = 0; i < names->count && gauge->is_filling && !gauge->limit_name; i++) {
        struct str other = names->items[i].text;
        if (!deploy_gauge_is_limit(from->name, other))
            continue;
        gauge->limit_name = strndup(other.ptr, other.len);
        if (!gauge->limit_name)
            return TM_NOMEM;
    }
    return TM_OK;
}

static enum tm_err choose(const struct index_list *names, struct deploy_gauges *out, struct tm_why *why)
{
    size_t count = 0;
    enum tm_err err = TM_OK;
    struct candidate *candidates = calloc(names->count + 1, sizeof *candidates);
    out->at = calloc(DEPLOY_GAUGES_MAX, sizeof *out->at);
    if (!candidates || !out->at)
        err = TM_NOMEM;
    for (size_t i = 0; i < names->count && !err; i++) {
        candidates[count].name = names->items[i].text;
        count += deploy_gauge_kind(candidates[count].name, &candidates[count].kind);
    }
    if (!err && count > 1)
        qsort(candidates, count, sizeof *candidates, compare_candidates);
    for (size_t i = 0; i < count && out->count < DEPLOY_GAUGES_MAX && !err; i++)
        err = take_candidate(&candidates[i], names, out);
    out->left_out = count - out->count;
    free(candidates);
    return err ? tm_fail(why, err, "out of memory; try again") : TM_OK;
}

/* ---- samples ---- */

/* Where a time stands; DEPLOY_GAUGE_MINUTES: nowhere. */
static size_t place_of(const struct score_deploy_windows *w, time_ms_t after_to, time_ms_t time)
{
    int64_t before = (time - w->before_from_ms) / DEPLOY_MINUTE_MS;
    int64_t after = (time - w->after_from_ms) / DEPLOY_MINUTE_MS + DEPLOY_MINUTES;
    if (time >= w->after_from_ms && time < after_to && after < DEPLOY_GAUGE_MINUTES)
        return (size_t)after;
    if (time >= w->before_from_ms && time < w->before_to_ms && before < DEPLOY_MINUTES)
        return (size_t)before;
    return DEPLOY_GAUGE_MINUTES;
}

/* Reading one metric. */
struct reading {
    struct reader *reader;
    const struct deploy_scope *scope;
    struct deploy_gauge *gauge;
    time_ms_t after_to;
    time_ms_t newest; /* of the samples behind the deploy */
    struct minutes minutes;
};

static void take_samples(struct reading *r, int64_t shift_ms, const time_ms_t *times, const double *values,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = place_of(&r->scope->windows, r->after_to, times[i] + shift_ms);
        double value = values[i];
        if (r->gauge->is_rate) {
            if (i == 0 || times[i] - times[i - 1] > RATE_GAP_MS)
                continue;
            double rise = value >= values[i - 1] ? value - values[i - 1] : value;
            value = rise * 1000 / (double)(times[i] - times[i - 1]);
        }
        if (shift_ms == 0 && times[i] >= r->scope->windows.after_from_ms && times[i] > r->newest)
            r->newest = times[i];
        if (place == DEPLOY_GAUGE_MINUTES || !isfinite(value))
            continue;
        r->minutes.sum[place] += value;
        r->minutes.count[place]++;
    }
}

static enum tm_err read_series(struct reading *r, uint32_t series, bool is_week, struct tm_why *why)
{
    int64_t shift_ms = is_week ? DEPLOY_WEEK_MS : 0;
    const struct score_deploy_windows *w = &r->scope->windows;
    struct deploy_level *levels = is_week ? r->gauge->week : r->gauge->now;
    struct reader_walk walk;
    const time_ms_t *times;
    const double *values;
    size_t count;
    enum tm_err err;
    memset(&r->minutes, 0, sizeof r->minutes);
    /* A minute more, as what comes behind the last one tells that it is whole. */
    reader_walk_init(&walk, series,
                     (struct span){w->before_from_ms - shift_ms, r->after_to + DEPLOY_MINUTE_MS - shift_ms});
    while ((err = reader_walk_next(r->reader, &walk, &times, &values, &count, why)) == TM_OK)
        take_samples(r, shift_ms, times, values, count);
    for (size_t m = 0; m < DEPLOY_GAUGE_MINUTES; m++) {
        if (r->minutes.count[m] == 0)
            continue;
        levels[m].sum += r->minutes.sum[m] / r->minutes.count[m];
        levels[m].series += 1;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err select_series(struct reading *r, unsigned owner, const char *name, struct index_ids *out,
                                 struct tm_why *why)
{
    struct selector selector = {.count = 0};
    enum tm_err err = make_selector(r->scope->deploy, owner, str_of(name), &selector, why);
    if (!err)
        err = reader_select(r->reader, &selector, out, why);
    selector_fini(&selector);
    return err;
}

/* The mean of the newest samples of each series of the limit. */
static enum tm_err read_limit(struct reading *r, unsigned owner, struct tm_why *why)
{
    struct index_ids ids = {0};
    struct score_moments moments = {0, 0, 0};
    enum tm_err err = select_series(r, owner, r->gauge->limit_name, &ids, why);
    for (size_t i = 0; i < ids.count && i < DEPLOY_GAUGE_SERIES_MAX && !err; i++) {
        const time_ms_t *times;
        const double *values;
        size_t count;
        struct span span = {r->scope->windows.before_from_ms, r->after_to};
        err = reader_samples(r->reader, ids.ids[i], span, &times, &values, &count);
        if (err)
            tm_why_write(why, "the samples of a limit could not be read; try again");
        else if (count > 0 && values[count - 1] > 0)
            score_moments_add(&moments, values[count - 1]);
    }
    r->gauge->limit = moments.mean;
    index_ids_fini(&ids);
    return err;
}

static enum tm_err read_gauge(struct reading *r, unsigned owner, struct tm_why *why)
{
    struct index_ids ids = {0};
    enum tm_err err = select_series(r, owner, r->gauge->name, &ids, why);
    for (size_t i = 0; i < ids.count && i < DEPLOY_GAUGE_SERIES_MAX && !err; i++) {
        err = read_series(r, ids.ids[i], false, why);
        if (!err && r->scope->has_week)
            err = read_series(r, ids.ids[i], true, why);
    }
    index_ids_fini(&ids);
    return !err && r->gauge->limit_name ? read_limit(r, owner, why) : err;
}

/* ---- all of it ---- */

static enum tm_err find_names(struct reader *reader, const struct deploy_scope *scope, unsigned owner,
                              struct deploy_gauges *out, struct tm_why *why)
{
    struct selector selector = {.count = 0};
    struct index_list names = {.count = 0};
    enum tm_err err = make_selector(scope->deploy, owner, (struct str){"", 0}, &selector, why);
    const struct reader_listing listing = {
        .filter = {.selectors = &selector, .selector_count = 1, .span = READER_ALWAYS},
        .order = INDEX_BY_TEXT,
        .limit = DEPLOY_GAUGE_NAMES_MAX,
    };
    if (!err)
        err = reader_values(reader, STR(LABEL_NAME), &listing, &names, why);
    if (!err)
        err = choose(&names, out, why);
    index_list_fini(&names);
    selector_fini(&selector);
    return err;
}

/* Until when gauges are looked at. */
static time_ms_t find_end(const struct deploy_scope *scope)
{
    const struct score_deploy_windows *w = &scope->windows;
    time_ms_t next = scope->deploy->next, end = w->after_from_ms + DEPLOY_LEAK_MS;
    if (scope->is_pseudo)
        return w->after_to_ms;
    return next != SCORE_NEVER && next < end ? w->after_to_ms : end;
}

static enum tm_err read_all(struct reading *r, unsigned owner, struct deploy_gauges *out, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < out->count && !err; i++) {
        r->gauge = &out->at[i];
        err = read_gauge(r, owner, why);
    }
    out->newest = r->newest;
    if (out->newest == INT64_MIN)
        return err;
    out->newest -= (out->newest - r->scope->windows.after_from_ms) % DEPLOY_MINUTE_MS;
    if (out->newest > r->after_to)
        out->newest = r->after_to;
    return err;
}

enum tm_err deploy_gauges_read(struct reader *reader, const struct deploy_scope *scope,
                               struct deploy_gauges *out, struct tm_why *why)
{
    enum { OWNERS = 3 };
    struct reading *r = calloc(1, sizeof *r);
    enum tm_err err = r ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory; try again");
    *out = (struct deploy_gauges){.newest = INT64_MIN};
    /* Whoever has gauges under one label is not asked for the next. */
    for (unsigned owner = 0; owner < OWNERS && !err && out->count == 0; owner++) {
        deploy_gauges_fini(out);
        out->newest = INT64_MIN;
        err = find_names(reader, scope, owner, out, why);
        if (err || out->count == 0)
            continue;
        r->reader = reader;
        r->scope = scope;
        r->newest = INT64_MIN;
        r->after_to = find_end(scope);
        err = read_all(r, owner, out, why);
    }
    free(r);
    return err;
}
