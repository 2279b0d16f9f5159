/* Listing names, values and services, with how many series bear them. */
#include <stdlib.h>

#include "storage/index/index_private.h"

/* What is being listed. */
struct lister {
    const struct index *ix;
    const struct values *values;
    const struct values *tables; /* of the names; NULL otherwise */
    const struct index_listing *how;
    struct id_bits selected; /* with a query only */
    struct tm_why *why;
};

void index_list_fini(struct index_list *list)
{
    free(list->items);
    free(list->texts);
    *list = (struct index_list){0};
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(((const struct index_item *)a)->text, ((const struct index_item *)b)->text);
}

static int compare_series(const void *a, const void *b)
{
    const struct index_item *x = a;
    const struct index_item *y = b;
    if (x->series != y->series)
        return x->series < y->series ? 1 : -1;
    return compare_texts(a, b);
}

static int compare_values(const void *a, const void *b)
{
    const struct index_item *x = a;
    const struct index_item *y = b;
    if (x->values != y->values)
        return x->values < y->values ? 1 : -1;
    return compare_texts(a, b);
}

static void sort_items(struct index_list *list, enum index_order order)
{
    static int (*const compare[])(const void *, const void *) = {
        [INDEX_BY_TEXT] = compare_texts,
        [INDEX_BY_SERIES] = compare_series,
        [INDEX_BY_VALUES] = compare_values,
    };
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare[order]);
}

/* The texts so far are the index's: now they become the list's own, so that it outlives the caller's lock. */
static enum tm_err own_texts(struct index_list *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++)
        bytes += list->items[i].text.len;
    list->texts = malloc(bytes + 1);
    if (!list->texts)
        return TM_NOMEM;
    char *to = list->texts;
    for (size_t i = 0; i < list->count; i++) {
        struct str *text = &list->items[i].text;
        if (text->len > 0)
            memcpy(to, text->ptr, text->len);
        text->ptr = to;
        to += text->len;
    }
    return TM_OK;
}

static enum tm_err set_bits(struct lister *l, const struct index_ids *ids)
{
    enum tm_err err = id_bits_init(&l->selected, l->ix);
    for (size_t i = 0; i < ids->count && !err; i++) {
        if (ids->ids[i] / 64 < l->selected.count)
            l->selected.words[ids->ids[i] / 64] |= UINT64_C(1) << (ids->ids[i] % 64);
    }
    return err;
}

static enum tm_err select_bits(struct lister *l)
{
    const struct index_query *query = l->how->query;
    struct index_ids ids;
    if (l->how->ids)
        return set_bits(l, l->how->ids);
    if (!query || query->count == 0)
        return TM_OK;
    enum tm_err err = index_select(l->ix, query, &ids, l->why);
    if (err)
        return err;
    err = set_bits(l, &ids);
    index_ids_fini(&ids);
    return err;
}

static void add_items(const struct lister *l, struct index_list *out)
{
    for (uint32_t i = 0; i < l->values->count; i++) {
        const struct postings *p = &l->values->at[i].postings;
        size_t series =
            l->selected.words ? postings_count_bits(&l->ix->slab, p, l->selected.words) : postings_count(p);
        if (series == 0)
            continue;
        out->items[out->count++] = (struct index_item){
            .text = values_text(&l->ix->slab, l->values, i),
            .series = series,
            .values = l->tables ? l->tables[i].count : 0,
        };
    }
}

static enum tm_err list_values(struct lister *l, struct index_list *out)
{
    *out = (struct index_list){0};
    enum tm_err err = select_bits(l);
    if (err)
        goto out;
    err = TM_NOMEM;
    out->items = calloc((size_t)l->values->count + 1, sizeof *out->items);
    if (!out->items)
        goto out;
    add_items(l, out);
    sort_items(out, l->how->order);
    out->total = out->count;
    if (l->how->limit > 0 && out->count > l->how->limit)
        out->count = l->how->limit;
    err = own_texts(out);
out:
    id_bits_fini(&l->selected);
    if (err)
        index_list_fini(out);
    return err == TM_NOMEM ? tm_fail(l->why, err, "no memory for the list") : err;
}

enum tm_err index_names(const struct index *ix, const struct index_listing *how, struct index_list *out,
                        struct tm_why *why)
{
    struct lister l = {.ix = ix, .values = &ix->names, .tables = ix->tables, .how = how, .why = why};
    return list_values(&l, out);
}

enum tm_err index_values(const struct index *ix, struct str name, const struct index_listing *how,
                         struct index_list *out, struct tm_why *why)
{
    static const struct values none;
    uint32_t at = index_find_name(ix, name);
    struct lister l = {
        .ix = ix, .values = at == VALUES_NONE ? &none : &ix->tables[at], .how = how, .why = why};
    return list_values(&l, out);
}

enum tm_err index_services(const struct index *ix, const struct index_listing *how, struct index_list *out,
                           struct tm_why *why)
{
    struct lister l = {.ix = ix, .values = &ix->services, .how = how, .why = why};
    return list_values(&l, out);
}
