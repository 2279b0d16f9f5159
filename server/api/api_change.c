#include "server/api/api_change.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/wire/reply.h"
#include "storage/model/marker.h"
#include "storage/model/when.h"

enum { OK = 200, FORBIDDEN = 403, NOT_FOUND = 404, UNAVAILABLE = 503, RETRY_S = 1 };

/* Freed when the store answers; the exchange may be answered before, at the end. */
struct api_change {
    struct api *api;
    struct http_exchange *exchange; /* NULL: answered */
    struct api_change *next;
    api_change_fn *answer;
    uint64_t id;
};

/* ---- submitting ---- */

static void refuse(const struct api *api, struct http_exchange *exchange, enum tm_err err)
{
    const char *trouble = store_trouble(api->store);
    const char *text = "more is waiting for the disk than the daemon may hold; try again";
    if (err == TM_NOMEM)
        text = "out of memory; try again";
    else if (err != TM_BUSY)
        text = trouble ? trouble : "the store could not write the change; try again";
    http_respond_error_retry(exchange, UNAVAILABLE, "unavailable", text, RETRY_S);
}

static void on_durable(void *arg, enum tm_err err)
{
    struct api_change *change = arg;
    struct api_change **at = &change->api->changes;
    while (*at && *at != change)
        at = &(*at)->next;
    if (*at)
        *at = change->next;
    if (change->exchange && err)
        refuse(change->api, change->exchange, err);
    else if (change->exchange)
        change->answer(change->api, change->exchange, change->id);
    free(change);
}

void api_change_submit(struct api *api, struct http_exchange *exchange, struct batch *batch, enum tm_err err,
                       api_change_fn *answer, uint64_t id)
{
    struct api_change *change = calloc(1, sizeof *change);
    if (!change || !batch)
        err = TM_NOMEM;
    else if (!err && api->is_stopping)
        err = TM_CLOSED;
    if (!err) {
        *change = (struct api_change){api, exchange, api->changes, answer, id};
        err = store_submit(api->store, &batch, NULL, on_durable, change);
    }
    if (!err) {
        api->changes = change;
        return;
    }
    store_batch_drop(api->store, batch);
    free(change);
    refuse(api, exchange, err);
}

void api_change_stop(struct api *api)
{
    while (api->changes) {
        struct api_change *change = api->changes;
        api->changes = change->next;
        http_respond_error(change->exchange, UNAVAILABLE, "unavailable",
                           "the daemon stops before the change is on the disk: look when it runs");
        change->exchange = NULL;
    }
}

/* ---- bodies ---- */

enum tm_err api_body_object(const struct http_exchange *exchange, json_t **out, struct tm_why *why)
{
    json_error_t error;
    struct str body = http_body(exchange);
    *out = json_loadb(body.len > 0 ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, &error);
    if (!*out)
        return tm_fail(why, TM_INVALID, "the body must be a JSON object; line %d, column %d: %s", error.line,
                       error.column, error.text);
    if (json_is_object(*out))
        return TM_OK;
    json_decref(*out);
    *out = NULL;
    return tm_fail(why, TM_INVALID, "the body must be a JSON object, like {\"name\":\"value\"}");
}

enum tm_err api_body_time(const struct api *api, const char *name, const json_t *value, time_ms_t *out,
                          struct tm_why *why)
{
    struct tm_why inner;
    char number[64];
    const char *text = json_string_value(value);
    if (json_is_number(value)) {
        (void)snprintf(number, sizeof number, "%.3f", json_number_value(value));
        text = number;
    }
    if (!text)
        return tm_fail(why, TM_INVALID, "%s must be a time: RFC 3339 in quotes, or unix seconds", name);
    if (when_parse(str_of(text), clock_wall_ms(api->clock), out, &inner) != TM_OK)
        return tm_fail(why, TM_INVALID, "%s: %s", name, inner.text);
    return TM_OK;
}

void api_not_found(struct http_exchange *exchange, const char *text)
{
    http_respond_error(exchange, NOT_FOUND, "not_found", text);
}

bool api_may_change(struct http_exchange *exchange, struct str service)
{
    const struct access *access = http_access(exchange);
    struct tm_why why;
    if (access_writes_all(access) || access_allows_service(access, service))
        return true;
    tm_why_write(&why, "this key may not write service \"%.*s\"",
                 (int)(service.len > 100 ? 100 : service.len), service.ptr);
    http_respond_error(exchange, FORBIDDEN, "forbidden", why.text);
    return false;
}

/* ---- lists ---- */

/* "TIME.ID", as api_page_end wrote it. */
static bool read_place(struct str text, struct api_place *out)
{
    char copy[64], *end;
    if (text.len >= sizeof copy)
        return false;
    (void)snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    out->time = strtoll(copy, &end, 10);
    out->id = *end == '.' && end > copy ? marker_id_of(str_of(end + 1)) : 0;
    out->is_begun = true;
    return out->id != 0;
}

enum tm_err api_page_read(const struct params *params, size_t *limit, struct api_place *place,
                          struct tm_why *why)
{
    struct str cursor = {0};
    *place = (struct api_place){.is_begun = false};
    enum tm_err err = params_count(params, "limit", API_LIST_LIMIT, limit, why);
    if (!err && (*limit == 0 || *limit > API_LIST_LIMIT_MAX))
        return tm_fail(why, TM_INVALID, "invalid parameter \"limit\": it is from 1 to %d",
                       API_LIST_LIMIT_MAX);
    if (!err && params_get(params, "cursor", &cursor) && cursor.len > 0 && !read_place(cursor, place))
        return tm_fail(why, TM_INVALID, "invalid parameter \"cursor\": it is no \"next\" of a list before");
    return err;
}

void api_page_end(struct bytes *out, const struct api_place *next)
{
    char id[MARKER_ID_TEXT + 1];
    if (next)
        bytes_printf(out, "],\"next\":\"%" PRId64 ".%s\"}}\n", next->time, marker_id_text(next->id, id));
    else
        bytes_printf(out, "],\"next\":null}}\n");
}

void api_respond_body(struct http_exchange *exchange, struct bytes *body)
{
    if (bytes_error(body))
        http_respond_error_retry(exchange, UNAVAILABLE, "unavailable", "out of memory; try again", RETRY_S);
    else
        http_respond(exchange, OK, NULL, bytes_view(body));
    bytes_fini(body);
}

void api_json_time(struct bytes *out, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == INT64_MIN)
        bytes_printf(out, "null");
    else
        bytes_printf(out, "\"%s\"", when_text(time, text));
}
