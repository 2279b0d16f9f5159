/* Label names and values of the series as PromQL knows them. */
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"
#include "storage/reader_private.h"

/* Texts being gathered. */
struct gathering {
    struct bytes texts;
    struct str *at; /* places instead of pointers, until all are there */
    size_t count;
    size_t capacity;
    bool failed;
};

static void gather(struct gathering *g, struct str text)
{
    struct str *at = grow_array(g->at, &g->capacity, g->count + 1, sizeof *at);
    if (!at) {
        g->failed = true;
        return;
    }
    g->at = at;
    at[g->count++] = (struct str){NULL, text.len};
    bytes_put(&g->texts, text.ptr, text.len);
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Sorted, each once; the list takes the texts. */
static enum tm_err finish(struct gathering *g, struct index_list *out, struct tm_why *why)
{
    struct index_item *items = calloc(g->count + 1, sizeof *items);
    enum tm_err err = TM_OK;
    *out = (struct index_list){0};
    if (!items || g->failed || bytes_error(&g->texts)) {
        free(items);
        bytes_fini(&g->texts);
        err = tm_fail(why, TM_NOMEM, "out of memory for a list of labels");
    } else {
        const char *from = (const char *)g->texts.data;
        for (size_t i = 0; i < g->count; from += g->at[i++].len)
            g->at[i].ptr = from;
        if (g->count > 1)
            qsort(g->at, g->count, sizeof *g->at, compare_texts);
        *out = (struct index_list){.items = items, .texts = (char *)g->texts.data};
        for (size_t i = 0; i < g->count; i++) {
            if (out->count == 0 || !str_equal(items[out->count - 1].text, g->at[i]))
                items[out->count++].text = g->at[i];
        }
        out->total = out->count;
    }
    free(g->at);
    return err;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The numbers of the series behind views, ascending, each once. */
static enum tm_err take_ids(const struct reader_views *views, bool plain_only, struct index_ids *out,
                            struct tm_why *why)
{
    *out = (struct index_ids){malloc((views->count + 1) * sizeof *out->ids), 0};
    if (!out->ids)
        return tm_fail(why, TM_NOMEM, "out of memory for a list of series");
    for (size_t i = 0; i < views->count; i++) {
        if (!plain_only || views->at[i].view == HISTOGRAM_NONE)
            out->ids[out->count++] = views->at[i].series;
    }
    if (out->count > 1)
        qsort(out->ids, out->count, sizeof *out->ids, compare_numbers);
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (kept == 0 || out->ids[kept - 1] != out->ids[i])
            out->ids[kept++] = out->ids[i];
    }
    out->count = kept;
    return TM_OK;
}

static void gather_bounds(const struct reader_bounds *bounds, struct gathering *g)
{
    char le[HISTOGRAM_LE_BYTES];
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        if (!bounds || reader_bounds_has(bounds, bucket))
            gather(g, str_of(histogram_le(bucket, le)));
    }
}

/* What views add to what the index says of the stored series. */
static void gather_views(const struct reader *reader, const struct reader_views *views,
                         enum reader_list_what what, struct str name, struct gathering *g)
{
    struct bytes encoded = {0};
    struct labels labels;
    uint32_t bounds = UINT32_MAX; /* gathered last */
    for (size_t i = 0; i < views->count; i++) {
        const struct reader_view *view = &views->at[i];
        if (view->view == HISTOGRAM_NONE)
            continue;
        if (view->view == HISTOGRAM_BUCKET && what == READER_LIST_NAMES && bounds == UINT32_MAX) {
            gather(g, STR("le"));
            bounds = view->bounds;
        }
        if (view->view == HISTOGRAM_BUCKET && str_equal(name, STR("le")) && bounds != view->bounds) {
            gather_bounds(&views->bounds[view->bounds], g);
            bounds = view->bounds;
        }
        if (!str_equal(name, STR(LABEL_NAME)))
            continue;
        bytes_clear(&encoded);
        reader_view_labels(reader, view, 0, &encoded);
        if (!bytes_error(&encoded) && labels_decode(bytes_view(&encoded), &labels) == TM_OK)
            gather(g, labels_get(&labels, STR(LABEL_NAME)));
        else
            g->failed = true;
    }
    bytes_fini(&encoded);
}

/* Without a filter: the index knows all. */
static void gather_stored_bases(const struct index_list *metrics, enum reader_list_what what, struct str name,
                                struct gathering *g)
{
    bool any = false;
    for (size_t i = 0; i < metrics->count; i++) {
        any = any || histogram_is_base(metrics->items[i].text);
        for (size_t p = 0; p < HISTOGRAM_BASES && str_equal(name, STR(LABEL_NAME)); p++) {
            for (int view = HISTOGRAM_BUCKET; view <= HISTOGRAM_COUNT; view++) {
                if (str_equal(metrics->items[i].text, histogram_base(p)))
                    gather(g, histogram_view_name(p, (enum histogram_view)view));
            }
        }
    }
    if (any && what == READER_LIST_NAMES)
        gather(g, STR("le"));
    if (any && str_equal(name, STR("le")))
        gather_bounds(NULL, g);
}

static void gather_list(const struct index_list *list, struct str name, struct gathering *g)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!str_equal(name, STR(LABEL_NAME)) || !histogram_is_base(list->items[i].text))
            gather(g, list->items[i].text);
    }
}

static enum tm_err list_all(struct reader *reader, enum reader_list_what what, struct str name,
                            struct gathering *g, struct tm_why *why)
{
    const struct index_listing how = {.order = INDEX_BY_TEXT};
    struct index_list list = {0}, metrics = {0};
    enum tm_err err = reader_list(reader, what, name, &how, &list, why);
    if (!err)
        err = reader_list(reader, READER_LIST_VALUES, STR(LABEL_NAME), &how, &metrics, why);
    gather_list(&list, name, g);
    gather_stored_bases(&metrics, what, name, g);
    index_list_fini(&list);
    index_list_fini(&metrics);
    return err;
}

static enum tm_err list_found(struct reader *reader, const struct reader_filter *filter,
                              enum reader_list_what what, struct str name, struct gathering *g,
                              struct tm_why *why)
{
    struct index_ids ids = {0};
    struct index_list list = {0};
    struct reader_views views;
    bool plain_only = str_equal(name, STR(LABEL_NAME));
    enum tm_err err = reader_views_find(reader, filter, &views, why);
    if (!err)
        err = take_ids(&views, plain_only, &ids, why);
    const struct index_listing how = {.ids = &ids, .order = INDEX_BY_TEXT};
    if (!err)
        err = reader_list(reader, what, name, &how, &list, why);
    if (!err) {
        gather_list(&list, name, g);
        gather_views(reader, &views, what, name, g);
    }
    index_list_fini(&list);
    index_ids_fini(&ids);
    reader_views_fini(&views);
    return err;
}

static enum tm_err list_views(struct reader *reader, const struct reader_filter *filter,
                              enum reader_list_what what, struct str name, struct index_list *out,
                              struct tm_why *why)
{
    struct gathering g = {.count = 0};
    bool is_all =
        filter->selector_count == 0 && filter->span.from == INT64_MIN && filter->span.to == INT64_MAX;
    enum tm_err err =
        is_all ? list_all(reader, what, name, &g, why) : list_found(reader, filter, what, name, &g, why);
    struct tm_why later = {""};
    enum tm_err finished = finish(&g, out, err ? &later : why);
    if (err)
        index_list_fini(out);
    return err ? err : finished;
}

enum tm_err reader_view_names(struct reader *reader, const struct reader_filter *filter,
                              struct index_list *out, struct tm_why *why)
{
    return list_views(reader, filter, READER_LIST_NAMES, STR(""), out, why);
}

enum tm_err reader_view_values(struct reader *reader, struct str name, const struct reader_filter *filter,
                               struct index_list *out, struct tm_why *why)
{
    return list_views(reader, filter, READER_LIST_VALUES, name, out, why);
}
