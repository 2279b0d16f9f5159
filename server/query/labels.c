/* Label names and values, and series, as Prometheus lists them. */
#include <stdlib.h>
#include <string.h>

#include "server/query/endpoints.h"
#include "server/query/gap_json.h"
#include "server/query/label_json.h"
#include "server/query/params.h"
#include "server/query/request.h"
#include "server/wire/reply.h"

enum list_what { LIST_SERIES, LIST_NAMES, LIST_VALUES };

/* Of an answer, in one step. */
enum { STEP_ITEMS = 256 };

struct listing {
    enum list_what what;
    struct params_matches matches;
    struct span span;
    size_t limit;
    char *name; /* of LIST_VALUES */
    bool is_begun;
    struct reader_views views; /* of LIST_SERIES, in the order of labels */
    uint32_t bucket;           /* of the view at hand: the next bound */
    struct index_list list;
    struct bytes labels; /* scratch */
    size_t count;        /* of views or items */
    size_t at;
    size_t given;
};

static void free_listing(void *state)
{
    struct listing *l = state;
    params_matches_fini(&l->matches);
    reader_views_fini(&l->views);
    index_list_fini(&l->list);
    bytes_fini(&l->labels);
    free(l->name);
    free(l);
}

static enum tm_err begin_listing(struct listing *l, struct reader *reader, struct tm_why *why)
{
    const struct reader_filter filter = {l->matches.at, l->matches.count, l->span};
    enum tm_err err;
    l->is_begun = true;
    if (l->what == LIST_SERIES) {
        err = reader_views_find(reader, &filter, &l->views, why);
        l->count = l->views.count;
        return err;
    }
    if (l->what == LIST_NAMES)
        err = reader_view_names(reader, &filter, &l->list, why);
    else
        err = reader_view_values(reader, str_of(l->name), &filter, &l->list, why);
    l->count = l->list.count;
    return err;
}

/* The bound of the view at hand that is to be given next; HISTOGRAM_BUCKETS: none is left. */
static uint32_t next_bound(const struct listing *l)
{
    const struct reader_view *view = &l->views.at[l->at];
    uint32_t bucket = l->bucket;
    if (view->view != HISTOGRAM_BUCKET)
        return bucket == 0 ? 0 : HISTOGRAM_BUCKETS;
    while (bucket < HISTOGRAM_BUCKETS && !reader_bounds_has(&l->views.bounds[view->bounds], bucket))
        bucket++;
    return bucket;
}

static void put_series(struct listing *l, const struct reader *reader, struct bytes *out)
{
    uint32_t bucket = next_bound(l);
    bytes_printf(out, "%s", l->given++ > 0 ? "," : "");
    bytes_clear(&l->labels);
    reader_view_labels(reader, &l->views.at[l->at], bucket, &l->labels);
    encoded_label_json(&l->labels, out);
    l->bucket = bucket + 1;
}

static void put_text(struct listing *l, struct bytes *out)
{
    bytes_printf(out, "%s", l->given++ > 0 ? "," : "");
    bytes_json_string(out, l->list.items[l->at++].text);
}

static bool is_full(const struct listing *l)
{
    return l->limit > 0 && l->given == l->limit;
}

/* Whether something is left to be given. */
static bool is_left(struct listing *l)
{
    while (l->what == LIST_SERIES && l->at < l->count && next_bound(l) == HISTOGRAM_BUCKETS) {
        l->at++;
        l->bucket = 0;
    }
    return l->at < l->count;
}

/* The end of the answer, with what is missing in it. */
static enum tm_err end_listing(const struct listing *l, struct reader *reader, bool is_cut, struct bytes *out,
                               struct tm_why *why)
{
    struct reader_gaps gaps;
    enum tm_err err = reader_gaps(reader, READER_SERIES, l->span, &gaps, why);
    if (err)
        return err;
    bytes_u8(out, ']');
    if (is_cut || gaps.count)
        bytes_printf(out, ",\"warnings\":[%s%s", is_cut ? "\"results truncated due to limit\"" : "",
                     is_cut && gaps.count ? "," : "");
    gap_json(&gaps, out);
    bytes_printf(out, "%s}\n", is_cut || gaps.count ? "]" : "");
    return TM_OK;
}

static enum tm_err step_listing(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                struct tm_why *why)
{
    struct listing *l = state;
    if (!l->is_begun) {
        enum tm_err err = begin_listing(l, reader, why);
        bytes_printf(out, "{\"status\":\"success\",\"data\":[");
        return err;
    }
    for (size_t i = 0; i < STEP_ITEMS && is_left(l) && !is_full(l); i++) {
        if (l->what == LIST_SERIES)
            put_series(l, reader, out);
        else
            put_text(l, out);
    }
    if (is_left(l) && !is_full(l))
        return TM_OK;
    *is_done = true;
    return end_listing(l, reader, is_left(l), out, why);
}

static const struct query_kind listing_kind = {.step = step_listing, .free = free_listing};

static enum tm_err read_listing(struct listing *l, const struct params *params, time_ms_t now,
                                struct tm_why *why)
{
    enum tm_err err = params_start_end(params, now, &l->span, why);
    if (!err)
        err = params_count(params, "limit", 0, &l->limit, why);
    if (!err)
        err = params_matches(params, &l->matches, why);
    if (!err && l->what == LIST_SERIES && l->matches.count == 0)
        err = tm_fail(why, TM_INVALID, "no match[] parameter provided");
    return err;
}

/* name: of LIST_VALUES. */
static void list(struct queries *queries, struct http_exchange *exchange, enum list_what what,
                 struct str name)
{
    struct params params;
    struct tm_why why = {""};
    struct listing *l = calloc(1, sizeof *l);
    enum tm_err err = request_begin(&params, exchange, l, &why);
    if (!err)
        l->name = strndup(name.ptr, name.len);
    if (!err && !l->name)
        err = tm_fail(&why, TM_NOMEM, "out of memory; try again");
    if (!err) {
        l->what = what;
        err = read_listing(l, &params, queries_now_ms(queries), &why);
    }
    params_fini(&params);
    request_end(queries, exchange, &listing_kind, l, err, &why);
}

void query_series(struct queries *queries, struct http_exchange *exchange)
{
    list(queries, exchange, LIST_SERIES, STR(""));
}

void query_labels(struct queries *queries, struct http_exchange *exchange)
{
    list(queries, exchange, LIST_NAMES, STR(""));
}

void query_label_values(struct queries *queries, struct http_exchange *exchange)
{
    struct str name = http_path_part(exchange);
    struct tm_why why;
    if (label_name_valid(name))
        list(queries, exchange, LIST_VALUES, name);
    else
        params_refuse(exchange,
                      tm_fail(&why, TM_INVALID, "invalid label name: \"%.*s\"",
                              (int)(name.len > 100 ? 100 : name.len), name.ptr),
                      &why);
}
