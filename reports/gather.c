#include "reports/gather.h"

#include <stdlib.h>
#include <string.h>

#include "scoring/compare/diff_read.h"

enum { GROWS = 2, FIRST = 64 };

static const char *const metric_names[GATHER_MEASURES] = {
    [GATHER_REQUESTS] = "http_events_total",
    [GATHER_EXCEPTIONS] = "exception_events_total",
    [GATHER_DURATIONS] = "http_event_duration_seconds",
};

/* ---- lists ---- */

static void *make_room(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    size_t more = *capacity > 0 ? *capacity * GROWS : FIRST;
    void *grown = reallocarray(list, more, size);
    if (grown)
        *capacity = more;
    return grown;
}

/* The place of a unit among those found so far, which are few; SIZE_MAX without memory. */
static size_t find_unit(struct gather *g, struct str service, struct str env)
{
    for (size_t i = g->unit_count; i-- > 0;)
        if (str_equal(str_of(g->units[i].service), service) && str_equal(str_of(g->units[i].env), env))
            return i;
    struct unit *units = make_room(g->units, g->unit_count, &g->unit_capacity, sizeof *units);
    if (!units)
        return SIZE_MAX;
    g->units = units;
    units[g->unit_count].service = arena_text(&g->arena, service, 0);
    units[g->unit_count].env = arena_text(&g->arena, env, 0);
    return g->unit_count++;
}

/* ---- series ---- */

static enum tm_err add_series(struct gather *g, uint32_t series, enum gather_measure measure,
                              const struct labels *labels)
{
    struct str status = labels_get(labels, STR("status")), group = labels_get(labels, STR("page_group"));
    struct gather_series *list = make_room(g->series, g->series_count, &g->series_capacity, sizeof *list);
    if (!list)
        return TM_NOMEM;
    g->series = list;
    size_t unit = find_unit(g, labels_get(labels, STR("service")), labels_get(labels, STR("env")));
    if (unit == SIZE_MAX)
        return TM_NOMEM;
    struct gather_series one = {.unit = (uint32_t)unit, .series = series, .measure = (uint8_t)measure};
    if (status.len > 0 && status.ptr[0] >= '1' && status.ptr[0] <= '5')
        one.status_class = (uint8_t)(status.ptr[0] - '1');
    one.is_unnamed = measure == GATHER_REQUESTS && group.len == 0;
    for (size_t i = 0; i < labels->count; i++)
        one.is_overflow = one.is_overflow || str_equal(labels->at[i].value, STR("_overflow"));
    list[g->series_count++] = one;
    return TM_OK;
}

static enum tm_err list_measure(struct gather *g, enum gather_measure measure, struct tm_why *why)
{
    struct selector selector = {.count = 0};
    struct index_ids ids = {0};
    struct bytes encoded = {0};
    struct labels labels = {.count = 0};
    enum tm_err err = selector_parse(str_of(metric_names[measure]), &selector, why);
    if (!err)
        err = reader_select(g->reader, &selector, &ids, why);
    for (size_t i = 0; i < ids.count && !err; i++) {
        bytes_clear(&encoded);
        reader_labels(g->reader, ids.ids[i], &encoded);
        err = bytes_error(&encoded) ? TM_NOMEM : labels_decode(bytes_view(&encoded), &labels);
        if (!err)
            err = add_series(g, ids.ids[i], measure, &labels);
        if (err)
            tm_why_write(why, "listing what is counted: %s", tm_err_text(err));
    }
    bytes_fini(&encoded);
    index_ids_fini(&ids);
    selector_fini(&selector);
    return err;
}

/* ---- all other series ---- */

/* What stands in groups is left out, and what can't be compared. */
static bool is_compared(const struct labels *labels, enum diff_kind *kind)
{
    struct str metric = labels_get(labels, STR(LABEL_NAME));
    *kind = diff_kind_of(metric, labels_get(labels, STR("le")).len > 0);
    return *kind != DIFF_LEFT_OUT && !str_equal(metric, str_of(metric_names[GATHER_EXCEPTIONS]));
}

static bool add_other(struct gather *g, size_t unit, uint32_t series)
{
    struct gather_other *list = make_room(g->others, g->other_count, &g->other_capacity, sizeof *list);
    g->arena.failed = g->arena.failed || !list;
    if (!list)
        return false;
    g->others = list;
    list[g->other_count++] = (struct gather_other){(uint32_t)unit, series};
    return true;
}

/* A gauge that names no env is of each env of its service. */
static bool take_other(void *arg, uint32_t series, struct str encoded)
{
    struct gather *g = arg;
    struct labels labels = {.count = 0};
    enum diff_kind kind;
    if (labels_decode(encoded, &labels) != TM_OK || !is_compared(&labels, &kind))
        return true;
    struct str service = reader_owner(g->reader, series), env = labels_get(&labels, STR("env"));
    bool is_of_all = env.len == 0 && (kind == DIFF_GAUGE || kind == DIFF_COUNTER), is_done = true;
    for (size_t i = 0; i < g->unit_count && is_done; i++)
        if (str_equal(str_of(g->units[i].service), service) &&
            (is_of_all || str_equal(str_of(g->units[i].env), env)))
            is_done = add_other(g, i, series);
    return is_done;
}

static int compare_others(const void *a, const void *b)
{
    const struct gather_other *x = a, *y = b;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

/* The units are known and in order. */
static enum tm_err list_others(struct gather *g)
{
    enum tm_err err = reader_series(g->reader, take_other, g);
    if (!err && g->other_count > 0)
        qsort(g->others, g->other_count, sizeof *g->others, compare_others);
    return err ? err : g->arena.failed ? TM_NOMEM : TM_OK;
}

/* ---- in order ---- */

static int compare_units(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    int order = strcmp(x->service, y->service);
    return order ? order : strcmp(x->env, y->env);
}

static int compare_series(const void *a, const void *b)
{
    const struct gather_series *x = a, *y = b;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

/* Puts the units in order, and the series' numbers of them with them. */
static enum tm_err sort(struct gather *g)
{
    size_t count = g->unit_count;
    struct unit *before = malloc((count + 1) * sizeof *before);
    uint32_t *places = malloc((count + 1) * sizeof *places);
    if (before && places && count > 0) {
        memcpy(before, g->units, count * sizeof *before);
        qsort(g->units, count, sizeof *g->units, compare_units);
        for (size_t i = 0; i < count; i++) {
            const struct unit *at = bsearch(&before[i], g->units, count, sizeof *at, compare_units);
            places[i] = at ? (uint32_t)(at - g->units) : 0;
        }
        for (size_t i = 0; i < g->series_count; i++)
            g->series[i].unit = places[g->series[i].unit];
        if (g->series_count > 0)
            qsort(g->series, g->series_count, sizeof *g->series, compare_series);
    }
    bool failed = !before || !places || g->arena.failed;
    free(before);
    free(places);
    return failed ? TM_NOMEM : TM_OK;
}

static enum tm_err list_groups(struct gather *g)
{
    for (size_t i = 0; i < groups_count(g->groups); i++) {
        time_ms_t last;
        struct str service;
        struct group_view view;
        uint64_t id = groups_at(g->groups, i, &last, &service);
        if (id == 0)
            continue;
        enum tm_err err = groups_view(g->groups, id, last, &view);
        if (!err && find_unit(g, view.service, view.env) == SIZE_MAX)
            err = TM_NOMEM;
        if (err && err != TM_NOT_FOUND)
            return err;
    }
    return TM_OK;
}

static enum tm_err list_wanted(struct gather *g, const char *const *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_there = false;
        for (size_t u = 0; u < g->unit_count; u++)
            is_there = is_there || strcmp(g->units[u].service, wanted[i]) == 0;
        if (!is_there && find_unit(g, str_of(wanted[i]), STR("")) == SIZE_MAX)
            return TM_NOMEM;
    }
    return TM_OK;
}

enum tm_err gather_open(const char *dir, const char *const *wanted, size_t wanted_count, struct gather *out,
                        struct tm_why *why)
{
    struct reader_head head;
    *out = (struct gather){.newest_ms = INT64_MIN};
    enum tm_err err = reader_open_gathered(dir, &out->reader, why);
    if (!err)
        err = reader_head(out->reader, &head, why);
    if (err)
        return err;
    out->newest_ms = head.newest_ms;
    out->markers = reader_markers(out->reader);
    out->groups = reader_groups(out->reader);
    for (int m = 0; m < GATHER_MEASURES && !err; m++)
        err = list_measure(out, (enum gather_measure)m, why);
    if (err)
        return err;
    err = list_groups(out);
    if (!err)
        err = list_wanted(out, wanted, wanted_count);
    if (!err)
        err = sort(out);
    if (!err)
        err = list_others(out);
    return err ? tm_fail(why, err, "finding the services: %s", tm_err_text(err)) : TM_OK;
}

void gather_close(struct gather *gather)
{
    reader_close(gather->reader);
    arena_fini(&gather->arena);
    free(gather->units);
    free(gather->series);
    free(gather->others);
    *gather = (struct gather){.newest_ms = INT64_MIN};
}

/* Where a unit stands in a list by units, whose items of size bytes begin with theirs; *length: how many it
 * has. */
static size_t part_of_unit(const void *list, size_t count, size_t size, size_t unit, size_t *length)
{
    const char *items = list;
    uint32_t at;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        memcpy(&at, items + middle * size, sizeof at);
        if (at < unit)
            low = middle + 1;
        else
            high = middle;
    }
    for (*length = 0; low + *length < count; ++*length) {
        memcpy(&at, items + (low + *length) * size, sizeof at);
        if (at != unit)
            break;
    }
    return low;
}

const struct gather_series *gather_unit(const struct gather *gather, size_t unit, size_t *count)
{
    size_t at = part_of_unit(gather->series, gather->series_count, sizeof *gather->series, unit, count);
    return gather->series ? gather->series + at : NULL;
}

const struct gather_other *gather_others(const struct gather *gather, size_t unit, size_t *count)
{
    size_t at = part_of_unit(gather->others, gather->other_count, sizeof *gather->others, unit, count);
    return gather->others ? gather->others + at : NULL;
}

bool gather_touches(const struct unit *unit, const struct marker *marker)
{
    struct str service = marker->text[MARKER_SERVICE], env = marker->text[MARKER_ENV];
    return (service.len == 0 || str_equal(service, str_of(unit->service))) &&
           (env.len == 0 || str_equal(env, str_of(unit->env)));
}
