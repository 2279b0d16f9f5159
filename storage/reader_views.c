/* Series as PromQL knows them: a stored histogram stands for three, of which one has a bound each. */
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"
#include "storage/model/labels.h"
#include "storage/reader_private.h"

void reader_views_fini(struct reader_views *views)
{
    free(views->at);
    free(views->bounds);
    *views = (struct reader_views){0};
}

bool reader_bounds_has(const struct reader_bounds *bounds, uint32_t bucket)
{
    return bounds->bits[bucket / 8] >> bucket % 8 & 1;
}

static enum tm_err no_memory(struct tm_why *why)
{
    return tm_fail(why, TM_NOMEM, "out of memory for a list of series");
}

/* ---- conditions ---- */

/* Whether every condition on a label takes a value. */
static enum tm_err takes(const struct selector *selector, struct str label, struct str value, bool *yes,
                         struct tm_why *why)
{
    *yes = true;
    for (size_t i = 0; i < selector->count && *yes; i++) {
        enum tm_err err = TM_OK;
        if (str_equal(matcher_name(selector->matchers[i]), label))
            err = matcher_takes(selector->matchers[i], value, yes);
        if (err)
            return tm_fail(why, err, "a condition on %.*s: %s", (int)label.len, label.ptr, tm_err_text(err));
    }
    return TM_OK;
}

/* The bounds that the conditions on le take; *any: at least one. */
static enum tm_err find_bounds(const struct selector *selector, struct reader_bounds *out, bool *any,
                               struct tm_why *why)
{
    char le[HISTOGRAM_LE_BYTES];
    enum tm_err err = TM_OK;
    *out = (struct reader_bounds){{0}};
    *any = false;
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS && !err; bucket++) {
        bool yes;
        err = takes(selector, STR("le"), str_of(histogram_le(bucket, le)), &yes, why);
        if (err || !yes)
            continue;
        out->bits[bucket / 8] = (uint8_t)(out->bits[bucket / 8] | 1u << bucket % 8);
        *any = true;
    }
    return err;
}

/* ---- finding ---- */

struct finding {
    struct reader *reader;
    const struct selector *selector; /* the one at hand */
    struct span span;
    bool keeps_empty; /* plain series without samples in span too */
    struct reader_views *out;
};

static enum tm_err add_views(const struct finding *f, const struct index_ids *ids, enum histogram_view view,
                             uint32_t bounds, struct tm_why *why)
{
    struct reader_views *out = f->out;
    struct reader_view *at = grow_array(out->at, &out->capacity, out->count + ids->count, sizeof *at);
    if (!at)
        return no_memory(why);
    out->at = at;
    for (size_t i = 0; i < ids->count; i++)
        at[out->count++] = (struct reader_view){ids->ids[i], view, bounds};
    return TM_OK;
}

static enum tm_err add_bounds(const struct finding *f, const struct reader_bounds *bounds, uint32_t *place,
                              struct tm_why *why)
{
    struct reader_views *out = f->out;
    struct reader_bounds *all =
        grow_array(out->bounds, &out->bounds_capacity, out->bounds_count + 1, sizeof *all);
    if (!all)
        return no_memory(why);
    out->bounds = all;
    all[out->bounds_count] = *bounds;
    *place = (uint32_t)out->bounds_count++;
    return TM_OK;
}

/* Leaves of ids the numbers that the other has too, or those that it has not; both ascend. */
static void sift(struct index_ids *ids, const struct index_ids *other, bool keeps_common)
{
    size_t kept = 0;
    for (size_t i = 0, k = 0; i < ids->count; i++) {
        while (k < other->count && other->ids[k] < ids->ids[i])
            k++;
        bool is_common = k < other->count && other->ids[k] == ids->ids[i];
        if (is_common == keeps_common)
            ids->ids[kept++] = ids->ids[i];
    }
    ids->count = kept;
}

/* All series of one stored histogram. */
static enum tm_err find_base(struct reader *reader, struct str base, struct index_ids *out,
                             struct tm_why *why)
{
    struct selector selector = {.count = 1};
    *out = (struct index_ids){0};
    enum tm_err err = matcher_new(MATCH_EQUAL, STR(LABEL_NAME), base, &selector.matchers[0], why);
    if (err)
        return err;
    err = reader_select(reader, &selector, out, why);
    matcher_free(selector.matchers[0]);
    return err;
}

/* Those of them that the other conditions take; where there is no room for one more, that is found behind. */
static enum tm_err find_stored(const struct finding *f, struct str base, struct index_ids *out,
                               struct tm_why *why)
{
    struct selector narrowed = {.count = 0}; /* borrows all but the name */
    struct matcher *named = NULL;
    struct index_ids all = {0};
    const struct reader_filter filter = {&narrowed, 1, f->span};
    enum tm_err err = TM_OK;
    *out = (struct index_ids){0};
    for (size_t i = 0; i < f->selector->count; i++) {
        struct str name = matcher_name(f->selector->matchers[i]);
        if (!str_equal(name, STR(LABEL_NAME)) && !str_equal(name, STR("le")))
            narrowed.matchers[narrowed.count++] = f->selector->matchers[i];
    }
    if (narrowed.count < SELECTOR_MATCHERS_MAX) {
        err = matcher_new(MATCH_EQUAL, STR(LABEL_NAME), base, &named, why);
        if (!err)
            narrowed.matchers[narrowed.count++] = named;
    } else {
        err = find_base(f->reader, base, &all, why);
    }
    if (!err)
        err = reader_find(f->reader, &filter, out, why);
    if (!named)
        sift(out, &all, true);
    matcher_free(named);
    index_ids_fini(&all);
    return err;
}

/* Which views of a histogram the conditions take. */
static enum tm_err choose(const struct finding *f, size_t place, bool wanted[HISTOGRAM_COUNT + 1],
                          uint32_t *bounds, struct tm_why *why)
{
    struct reader_bounds found;
    bool no_le;
    enum tm_err err = takes(f->selector, STR("le"), STR(""), &no_le, why);
    for (int view = HISTOGRAM_BUCKET; view <= HISTOGRAM_COUNT && !err; view++) {
        struct str name = histogram_view_name(place, (enum histogram_view)view);
        err = takes(f->selector, STR(LABEL_NAME), name, &wanted[view], why);
        wanted[view] = wanted[view] && (no_le || view == HISTOGRAM_BUCKET);
    }
    if (err || !wanted[HISTOGRAM_BUCKET])
        return err;
    err = find_bounds(f->selector, &found, &wanted[HISTOGRAM_BUCKET], why);
    return err ? err : add_bounds(f, &found, bounds, why);
}

static enum tm_err find_histogram(const struct finding *f, size_t place, struct tm_why *why)
{
    bool wanted[HISTOGRAM_COUNT + 1] = {false};
    struct index_ids ids = {0};
    uint32_t bounds = 0;
    enum tm_err err = choose(f, place, wanted, &bounds, why);
    if (!err && (wanted[HISTOGRAM_BUCKET] || wanted[HISTOGRAM_SUM] || wanted[HISTOGRAM_COUNT]))
        err = find_stored(f, histogram_base(place), &ids, why);
    for (int view = HISTOGRAM_BUCKET; view <= HISTOGRAM_COUNT && !err; view++) {
        if (wanted[view] && ids.count > 0)
            err = add_views(f, &ids, (enum histogram_view)view, bounds, why);
    }
    index_ids_fini(&ids);
    return err;
}

/* All but the stored histograms. */
static enum tm_err find_plain(const struct finding *f, struct tm_why *why)
{
    const struct reader_filter filter = {f->selector, 1, f->span};
    struct index_ids ids = {0};
    enum tm_err err = f->keeps_empty ? reader_select(f->reader, f->selector, &ids, why)
                                     : reader_find(f->reader, &filter, &ids, why);
    for (size_t place = 0; place < HISTOGRAM_BASES && !err; place++) {
        struct index_ids stored;
        err = find_base(f->reader, histogram_base(place), &stored, why);
        if (!err)
            sift(&ids, &stored, false);
        index_ids_fini(&stored);
    }
    if (!err && ids.count > 0)
        err = add_views(f, &ids, HISTOGRAM_NONE, 0, why);
    index_ids_fini(&ids);
    return err;
}

/* ---- in order, each once ---- */

struct sorting {
    struct str labels;
    struct reader_view view;
};

static int compare_sorting(const void *a, const void *b)
{
    const struct sorting *x = a, *y = b;
    int order = labels_compare(x->labels, y->labels);
    if (order)
        return order;
    return (x->view.bounds > y->view.bounds) - (x->view.bounds < y->view.bounds);
}

static void encode_labels(const struct reader *reader, const struct reader_view *view, struct str le,
                          struct bytes *out)
{
    struct bytes stored = {0};
    struct labels labels = {.count = 0};
    struct str twice;
    if (view->view == HISTOGRAM_NONE) {
        reader_labels(reader, view->series, out);
        return;
    }
    reader_labels(reader, view->series, &stored);
    if (bytes_error(&stored) || labels_decode(bytes_view(&stored), &labels) != TM_OK)
        labels.count = 0; /* the series table holds none but sound ones */
    for (size_t i = 0; i < labels.count; i++) {
        for (size_t p = 0; p < HISTOGRAM_BASES && str_equal(labels.at[i].name, STR(LABEL_NAME)); p++) {
            if (str_equal(labels.at[i].value, histogram_base(p)))
                labels.at[i].value = histogram_view_name(p, view->view);
        }
    }
    if (labels_add(&labels, STR("le"), le) != TM_OK || labels_sort(&labels, &twice) != TM_OK)
        labels.count = 0; /* a stored histogram has few labels, and no le */
    labels_encode(&labels, out);
    out->failed = out->failed || stored.failed;
    bytes_fini(&stored);
}

void reader_view_labels(const struct reader *reader, const struct reader_view *view, uint32_t bucket,
                        struct bytes *out)
{
    char le[HISTOGRAM_LE_BYTES] = "";
    if (view->view == HISTOGRAM_BUCKET)
        (void)histogram_le(bucket, le);
    encode_labels(reader, view, str_of(le), out);
}

/* Joins views of several selectors that are the same. */
static enum tm_err join_same(const struct finding *f, struct sorting *sorted, struct tm_why *why)
{
    struct reader_views *out = f->out;
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        struct reader_view view = sorted[i].view, *last = kept > 0 ? &out->at[kept - 1] : NULL;
        if (!last || last->series != view.series || last->view != view.view) {
            out->at[kept++] = view;
            continue;
        }
        if (view.view != HISTOGRAM_BUCKET || view.bounds == last->bounds)
            continue;
        struct reader_bounds joined = out->bounds[last->bounds];
        for (size_t b = 0; b < sizeof joined.bits; b++)
            joined.bits[b] |= out->bounds[view.bounds].bits[b];
        enum tm_err err = add_bounds(f, &joined, &last->bounds, why);
        if (err)
            return err;
    }
    out->count = kept;
    return TM_OK;
}

static enum tm_err sort_views(const struct finding *f, struct tm_why *why)
{
    struct reader_views *out = f->out;
    struct bytes labels = {0};
    struct sorting *sorting = malloc((out->count + 1) * sizeof *sorting);
    if (!sorting)
        return no_memory(why);
    for (size_t i = 0; i < out->count; i++) {
        size_t before = labels.len;
        encode_labels(f->reader, &out->at[i], STR(""), &labels);
        sorting[i] = (struct sorting){{NULL, labels.len - before}, out->at[i]};
    }
    enum tm_err err = bytes_error(&labels) ? no_memory(why) : TM_OK;
    const char *at = (const char *)labels.data; /* it moves no more */
    for (size_t i = 0; i < out->count && !err; at += sorting[i++].labels.len)
        sorting[i].labels.ptr = at;
    if (!err && out->count > 1)
        qsort(sorting, out->count, sizeof *sorting, compare_sorting);
    if (!err)
        err = join_same(f, sorting, why);
    bytes_fini(&labels);
    free(sorting);
    return err;
}

static enum tm_err find_all(const struct finding *f, struct tm_why *why)
{
    enum tm_err err = find_plain(f, why);
    for (size_t place = 0; place < HISTOGRAM_BASES && !err; place++)
        err = find_histogram(f, place, why);
    return err;
}

enum tm_err reader_views_select(struct reader *reader, const struct selector *selector, struct span span,
                                struct reader_views *out, struct tm_why *why)
{
    const struct finding f = {
        .reader = reader, .selector = selector, .span = span, .keeps_empty = true, .out = out};
    *out = (struct reader_views){0};
    enum tm_err err = find_all(&f, why);
    if (err)
        reader_views_fini(out);
    return err;
}

enum tm_err reader_views_find(struct reader *reader, const struct reader_filter *filter,
                              struct reader_views *out, struct tm_why *why)
{
    const struct selector all = {.count = 0};
    enum tm_err err = TM_OK;
    *out = (struct reader_views){0};
    struct finding f = {.reader = reader, .selector = &all, .span = filter->span, .out = out};
    for (size_t i = 0; (i < filter->selector_count || i == 0) && !err; i++) {
        if (filter->selector_count > 0)
            f.selector = &filter->selectors[i];
        err = find_all(&f, why);
    }
    if (!err)
        err = sort_views(&f, why);
    if (err)
        reader_views_fini(out);
    return err;
}
