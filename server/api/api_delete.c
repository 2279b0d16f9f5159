/* POST /api/v1/admin/delete: match[]=SELECTOR... [from=] [to=] [all=1], answered once the delete is durable.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/api/api.h"
#include "server/api/api_change.h"
#include "server/query/params.h"

enum { OK = 200, ERROR = 500, UNAVAILABLE = 503 };

/* One that is under way. Freed when the store answers; the exchange may be answered before, at the end. */
struct api_deletion {
    struct api *api;
    struct http_exchange *exchange; /* NULL: answered */
    struct api_deletion *next;
};

/* ---- answers ---- */

static void unlink_deletion(struct api_deletion *deletion)
{
    struct api_deletion **at = &deletion->api->deletions;
    while (*at && *at != deletion)
        at = &(*at)->next;
    if (*at)
        *at = deletion->next;
}

static void respond(struct http_exchange *exchange, enum tm_err err, const struct deletion_result *result)
{
    struct bytes body = {0};
    if (err) {
        bool is_passing = err == TM_BUSY || err == TM_NOMEM || err == TM_CLOSED;
        http_respond_error(exchange, is_passing ? UNAVAILABLE : ERROR,
                           is_passing ? "unavailable" : "internal", result->text);
        return;
    }
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{\"id\":%" PRIu64 ",\"series\":%" PRIu64 "}}\n",
                 result->id, result->series);
    if (bytes_error(&body))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "deleted, but out of memory for the answer");
    else
        http_respond(exchange, OK, NULL, bytes_view(&body));
    bytes_fini(&body);
}

static void on_deleted(void *arg, enum tm_err err, const struct deletion_result *result)
{
    struct api_deletion *deletion = arg;
    if (deletion->exchange) {
        unlink_deletion(deletion);
        respond(deletion->exchange, err, result);
    }
    free(deletion);
}

void api_stop(struct api *api)
{
    api->is_stopping = true;
    api_change_stop(api);
    while (api->deletions) {
        struct api_deletion *deletion = api->deletions;
        api->deletions = deletion->next;
        http_respond_error(deletion->exchange, UNAVAILABLE, "unavailable",
                           "the daemon stops before the delete is done: try again when it runs");
        deletion->exchange = NULL;
    }
}

/* ---- the request ---- */

/* Whether it takes about every series: none of its conditions refuses a value that nobody uses. */
static enum tm_err is_wide(const struct selector *selector, bool *wide)
{
    *wide = true;
    for (size_t i = 0; i < selector->count && *wide; i++) {
        enum tm_err err = matcher_takes(selector->matchers[i], STR("\x01 no such value \x01"), wide);
        if (err)
            return err;
    }
    return TM_OK;
}

/* A span given on both sides, or all=1, says that somebody meant it. */
static enum tm_err check_width(const struct params *params, const struct params_matches *matches,
                               struct tm_why *why)
{
    struct str from = {0}, to = {0}, all = {0};
    bool wide = false;
    if (params_get(params, "all", &all) && str_equal(all, STR("1")))
        return TM_OK;
    if (params_get(params, "from", &from) && params_get(params, "to", &to) && from.len > 0 && to.len > 0)
        return TM_OK;
    for (size_t i = 0; i < matches->count; i++) {
        enum tm_err err = is_wide(&matches->at[i], &wide);
        if (err)
            return tm_fail(why, err, "the selector is too costly: %s", tm_err_text(err));
        if (wide)
            return tm_fail(why, TM_INVALID,
                           "this selector takes every series: give from and to, or all=1 (--all) if all of "
                           "it is to go");
    }
    return TM_OK;
}

static enum tm_err read_order(const struct api *api, const struct params *params,
                              struct params_matches *matches, struct deletion_order *order,
                              struct tm_why *why)
{
    enum tm_err err = params_from_to(params, clock_wall_ms(api->clock), &order->span, why);
    if (!err && order->span.from >= order->span.to)
        err = tm_fail(why, TM_INVALID, "the span is empty: from is to lie before to");
    if (!err)
        err = params_matches(params, matches, why);
    if (!err && matches->count == 0)
        err = tm_fail(why, TM_INVALID, "match[] is missing: it says which series, match[]=cpu{host=\"a\"}");
    order->selectors = matches->at;
    order->count = matches->count;
    return err ? err : check_width(params, matches, why);
}

/* Takes the request over, or says why not. */
static enum tm_err begin(struct api *api, struct http_exchange *exchange, const struct deletion_order *order,
                         struct tm_why *why)
{
    if (api->is_stopping)
        return tm_fail(why, TM_BUSY, "the daemon stops: try again when it runs");
    struct api_deletion *deletion = calloc(1, sizeof *deletion);
    if (!deletion)
        return tm_fail(why, TM_NOMEM, "out of memory for a delete");
    *deletion = (struct api_deletion){api, exchange, api->deletions};
    enum tm_err err = store_delete(api->store, order, on_deleted, deletion, why);
    if (err)
        free(deletion);
    else
        api->deletions = deletion;
    return err;
}

void api_delete(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct params params = {.count = 0};
    struct params_matches matches = {0};
    struct deletion_order order = {0};
    struct tm_why why = {""};
    enum tm_err err = params_read(&params, exchange, &why);
    if (!err)
        err = read_order(api, &params, &matches, &order, &why);
    if (!err)
        err = begin(api, exchange, &order, &why);
    params_matches_fini(&matches);
    params_fini(&params);
    if (err == TM_BUSY)
        http_respond_error(exchange, UNAVAILABLE, "unavailable", why.text);
    else if (err)
        params_refuse(exchange, err, &why);
}
