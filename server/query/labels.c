/* Label names and values, and series, as Prometheus lists them. */
#include <stdlib.h>
#include <string.h>

#include "server/query/endpoints.h"
#include "server/query/gap_json.h"
#include "server/query/label_json.h"
#include "server/query/params.h"
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
    struct index_ids ids; /* of LIST_SERIES, in the order of labels */
    struct index_list list;
    struct bytes labels; /* scratch */
    size_t count;
    size_t at;
};

static void free_listing(void *state)
{
    struct listing *l = state;
    params_matches_fini(&l->matches);
    index_ids_fini(&l->ids);
    index_list_fini(&l->list);
    bytes_fini(&l->labels);
    free(l->name);
    free(l);
}

static enum tm_err begin_listing(struct listing *l, struct reader *reader, struct tm_why *why)
{
    const struct reader_listing how = {.filter = {l->matches.at, l->matches.count, l->span},
                                       .order = INDEX_BY_TEXT};
    enum tm_err err;
    l->is_begun = true;
    if (l->what == LIST_SERIES) {
        err = reader_find(reader, &how.filter, &l->ids, why);
        if (!err && reader_sort(reader, &l->ids) != TM_OK)
            err = tm_fail(why, TM_NOMEM, "out of memory for a list of series");
        l->count = l->ids.count;
        return err;
    }
    if (l->what == LIST_NAMES)
        err = reader_names(reader, &how, &l->list, why);
    else
        err = reader_values(reader, str_of(l->name), &how, &l->list, why);
    l->count = l->list.count;
    return err;
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
    size_t end = l->limit > 0 && l->limit < l->count ? l->limit : l->count;
    for (size_t i = 0; i < STEP_ITEMS && l->at < end; i++, l->at++) {
        if (l->at > 0)
            bytes_u8(out, ',');
        if (l->what == LIST_SERIES)
            label_json(reader, l->ids.ids[l->at], &l->labels, out);
        else
            bytes_json_string(out, l->list.items[l->at].text);
    }
    if (l->at < end)
        return TM_OK;
    *is_done = true;
    return end_listing(l, reader, end < l->count, out, why);
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
    enum tm_err err = params_read(&params, exchange, &why);
    if (!err && l)
        l->name = strndup(name.ptr, name.len);
    if (!err && (!l || !l->name))
        err = tm_fail(&why, TM_NOMEM, "out of memory; try again");
    if (!err) {
        l->what = what;
        err = read_listing(l, &params, queries_now_ms(queries), &why);
    }
    params_fini(&params);
    if (!err) {
        queries_submit(queries, exchange, &listing_kind, l);
        return;
    }
    if (l)
        free_listing(l);
    params_refuse(exchange, err, &why);
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
