/* A counting's request, checked and kept. */
#include "storage/counts/counting.h"

#include <stdlib.h>
#include <string.h>

#include "storage/counts/counting_private.h"

/* For "%.*s" of what somebody sent. */
enum { SHOWN_BYTES = 100 };
#define SHOWN(text) (int)((text).len > SHOWN_BYTES ? SHOWN_BYTES : (text).len), (text).ptr

/* ---- texts ---- */

/* The texts' room is made before the first one is kept, so that none moves. */
static struct str keep(struct counting *c, struct str text)
{
    size_t from = c->texts.len;
    bytes_put(&c->texts, text.ptr, text.len);
    return (struct str){(const char *)c->texts.data + from, text.len};
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static enum tm_err keep_texts(struct counting *c, const struct counting_request *request, struct tm_why *why)
{
    size_t need = request->service.len + 1;
    for (size_t i = 0; i < request->by_count; i++)
        need += request->by[i].len;
    for (size_t i = 0; i < request->service_from_count; i++)
        need += request->service_from[i].len;
    if (!bytes_reserve(&c->texts, need))
        return tm_fail(why, TM_NOMEM, "out of memory; try again");
    c->is_one_service = request->is_one_service;
    c->service = keep(c, request->service);
    for (size_t i = 0; i < request->service_from_count; i++)
        c->service_from[c->service_from_count++] = keep(c, request->service_from[i]);
    for (size_t i = 0; i < request->by_count; i++) {
        if (!label_name_valid(request->by[i]))
            return tm_fail(why, TM_INVALID, "invalid parameter \"by\": \"%.*s\" is no name of a label",
                           SHOWN(request->by[i]));
        c->by[c->by_count++] = keep(c, request->by[i]);
    }
    qsort(c->by, c->by_count, sizeof *c->by, compare_texts);
    size_t kept = 0;
    for (size_t i = 0; i < c->by_count; i++) {
        if (kept == 0 || !str_equal(c->by[kept - 1], c->by[i]))
            c->by[kept++] = c->by[i];
    }
    c->by_count = kept;
    return TM_OK;
}

/* ---- selectors ---- */

/* What stands for a view in the store, from now on the view of all. */
static enum tm_err take_view(struct counting *c, const char *param, struct str name, struct str *stored,
                             struct tm_why *why)
{
    enum histogram_view view = histogram_view_of(name, stored);
    if (histogram_is_base(name))
        return tm_fail(why, TM_INVALID,
                       "invalid parameter \"%s\": %.*s is a histogram: ask for its _bucket, _sum or _count",
                       param, SHOWN(name));
    if (view == HISTOGRAM_NONE) {
        *stored = name;
        return TM_OK;
    }
    if (c->view != HISTOGRAM_NONE && c->view != view)
        return tm_fail(why, TM_INVALID,
                       "invalid parameter \"%s\": ask for one of _bucket, _sum and _count at a time", param);
    c->view = view;
    return TM_OK;
}

static enum tm_err add_name(struct selector *selector, struct str name, struct tm_why *why)
{
    if (selector->count == SELECTOR_MATCHERS_MAX)
        return tm_fail(why, TM_LIMIT, "invalid parameter \"match[]\": over %d conditions",
                       SELECTOR_MATCHERS_MAX - 1);
    enum tm_err err =
        matcher_new(MATCH_EQUAL, STR(LABEL_NAME), name, &selector->matchers[selector->count], why);
    selector->count += !err;
    return err;
}

/* A name that the store knows by another stands as that one. */
static enum tm_err take_selector(struct counting *c, struct selector *selector, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < selector->count && !err; i++) {
        struct matcher *matcher = selector->matchers[i], *other = NULL;
        struct str stored;
        if (matcher_op(matcher) != MATCH_EQUAL || !str_equal(matcher_name(matcher), STR(LABEL_NAME)))
            continue;
        err = take_view(c, "match[]", matcher_value(matcher), &stored, why);
        if (err || str_equal(stored, matcher_value(matcher)))
            continue;
        err = matcher_new(MATCH_EQUAL, STR(LABEL_NAME), stored, &other, why);
        if (err)
            continue;
        matcher_free(matcher);
        selector->matchers[i] = other;
    }
    return err;
}

static enum tm_err refuse_le(const struct counting *c, const struct selector *selector, struct tm_why *why)
{
    for (size_t i = 0; i < selector->count && c->view == HISTOGRAM_BUCKET; i++) {
        if (str_equal(matcher_name(selector->matchers[i]), STR("le")))
            return tm_fail(why, TM_INVALID,
                           "invalid parameter \"match[]\": le cannot be chosen; take it from the answer");
    }
    return TM_OK;
}

static enum tm_err read_selectors(struct counting *c, const struct counting_request *request,
                                  struct tm_why *why)
{
    struct str stored = {0};
    struct tm_why inner;
    enum tm_err err = request->name.len > 0 ? take_view(c, "name", request->name, &stored, why) : TM_OK;
    for (size_t i = 0; i < request->match_count && !err; i++) {
        struct selector *selector = &c->selectors[c->selector_count++];
        err = selector_parse(request->matches[i], selector, &inner);
        if (err)
            return tm_fail(why, err, "invalid parameter \"match[]\": %s", inner.text);
        err = take_selector(c, selector, why);
    }
    if (request->match_count == 0 && stored.len > 0)
        c->selector_count = 1;
    for (size_t i = 0; i < c->selector_count && !err; i++) {
        if (stored.len > 0)
            err = add_name(&c->selectors[i], stored, why);
        if (!err)
            err = refuse_le(c, &c->selectors[i], why);
    }
    return err;
}

/* ---- time ---- */

/* The next multiple of 10 s; what is unbounded stays so. */
static time_ms_t round_up(time_ms_t time)
{
    if (time == INT64_MIN || time == INT64_MAX)
        return time;
    return cell_time(cell_slot(time) + (time % CELL_MS != 0));
}

static enum tm_err read_span(struct counting *c, const struct counting_request *request, struct tm_why *why)
{
    c->span = (struct span){round_up(request->span.from), round_up(request->span.to)};
    c->step_ms = request->step_ms;
    if (c->step_ms < 0 || c->step_ms % CELL_MS != 0)
        return tm_fail(
            why, TM_INVALID,
            "invalid parameter \"step\": counts are kept by 10 s, so it must be a multiple of 10 s");
    if (c->span.from > c->span.to)
        return tm_fail(why, TM_INVALID, "invalid parameter \"to\": it is before from");
    return TM_OK;
}

struct span counting_span(const struct counting *counting)
{
    return counting->span;
}

bool counting_is_time(const struct counting *counting)
{
    return counting->view == HISTOGRAM_SUM;
}

/* ---- life ---- */

enum tm_err counting_new(const struct counting_request *request, struct counting **out, struct tm_why *why)
{
    struct counting *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return tm_fail(why, TM_NOMEM, "out of memory; try again");
    c->first_ms = INT64_MAX;
    enum tm_err err = keep_texts(c, request, why);
    if (!err)
        err = read_selectors(c, request, why);
    if (!err)
        err = read_span(c, request, why);
    if (err)
        counting_free(c);
    else
        *out = c;
    return err;
}

void counting_free(struct counting *counting)
{
    if (!counting)
        return;
    for (size_t i = 0; i < counting->selector_count; i++)
        selector_fini(&counting->selectors[i]);
    index_ids_fini(&counting->ids);
    bytes_fini(&counting->texts);
    bytes_fini(&counting->labels);
    bytes_fini(&counting->key);
    counting_sums_fini(&counting->sums);
    counting_groups_fini(&counting->groups);
    free(counting->order);
    free(counting->running);
    free(counting);
}
