/* GET, POST /api/v1/markers; GET, PATCH, DELETE /api/v1/markers/ID. */
#include "server/api/api_change.h"
#include "server/query/expected.h"
#include "server/wire/reply.h"

static const char no_marker[] = "there is no marker of this id; GET /api/v1/markers lists them";

/* ---- answers ---- */

static void put_marker(struct bytes *out, const struct marker *marker)
{
    /* After class come the times, as people read them. */
    static const enum marker_text before[] = {MARKER_SERVICE, MARKER_ENV, MARKER_VERSION, MARKER_CLASS};
    static const enum marker_text behind[] = {MARKER_BY, MARKER_NOTE};
    char id[MARKER_ID_TEXT + 1];
    bytes_printf(out, "{\"id\":\"%s\",\"kind\":\"%s\"", marker_id_text(marker->id, id),
                 marker_kind_name(marker->kind).ptr);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        bytes_printf(out, ",\"%s\":", marker_text_name(before[i]).ptr);
        bytes_json_string(out, marker->text[before[i]]);
    }
    bytes_printf(out, ",\"time\":");
    api_json_time(out, marker->time);
    bytes_printf(out, ",\"end\":");
    api_json_time(out, marker->end);
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        bytes_printf(out, ",\"%s\":", marker_text_name(behind[i]).ptr);
        bytes_json_string(out, marker->text[behind[i]]);
    }
    bytes_u8(out, '}');
}

static void answer_marker(struct api *api, struct http_exchange *exchange, uint64_t id)
{
    struct bytes body = {0};
    const struct marker *marker = markers_find(store_markers(api->store), id);
    if (!marker) {
        api_not_found(exchange, no_marker);
        return;
    }
    bytes_printf(&body, "{\"status\":\"success\",\"data\":");
    put_marker(&body, marker);
    bytes_printf(&body, "}\n");
    api_respond_body(exchange, &body);
}

static void answer_deleted(struct api *api, struct http_exchange *exchange, uint64_t id)
{
    struct bytes body = {0};
    char text[MARKER_ID_TEXT + 1];
    (void)api;
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{\"id\":\"%s\"}}\n", marker_id_text(id, text));
    api_respond_body(exchange, &body);
}

/* ---- GET ---- */

static enum tm_err read_wanted(const struct api *api, const struct params *params,
                               struct markers_wanted *wanted, struct tm_why *why)
{
    struct str kind = {0};
    wanted->kind = MARKER_KIND_COUNT;
    (void)params_get(params, "service", &wanted->service);
    (void)params_get(params, "env", &wanted->env);
    (void)params_get(params, "version", &wanted->version);
    if (params_get(params, "kind", &kind) && kind.len > 0 &&
        (wanted->kind = marker_kind_of(kind)) == MARKER_KIND_COUNT)
        return tm_fail(why, TM_INVALID,
                       "invalid parameter \"kind\": it is deploy, rollback, config, event, maintenance or "
                       "incident");
    return params_from_to(params, clock_wall_ms(api->clock), &wanted->span, why);
}

static void answer_list(const struct api *api, struct http_exchange *exchange,
                        const struct markers_wanted *wanted, const struct api_place *from, size_t limit)
{
    const struct markers *markers = store_markers(api->store);
    struct markers_place place = {from->time, from->id, from->is_begun};
    struct bytes body = {0};
    const struct marker *marker = markers_next(markers, wanted, &place);
    struct api_place last = *from;
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{\"items\":[");
    for (size_t count = 0; marker && count < limit && body.len < API_LIST_BYTES; count++) {
        if (count > 0)
            bytes_u8(&body, ',');
        put_marker(&body, marker);
        last = (struct api_place){marker->time, marker->id, true};
        marker = markers_next(markers, wanted, &place);
    }
    api_page_end(&body, marker ? &last : NULL);
    api_respond_body(exchange, &body);
}

void api_markers(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct params params = {.count = 0};
    struct markers_wanted wanted = {.kind = MARKER_KIND_COUNT};
    struct api_place place = {0};
    size_t limit = 0;
    struct tm_why why = {""};
    enum tm_err err = params_read(&params, exchange, &why);
    if (!err)
        err = read_wanted(api, &params, &wanted, &why);
    if (!err)
        err = api_page_read(&params, &limit, &place, &why);
    if (err)
        params_refuse(exchange, err, &why);
    else
        answer_list(api, exchange, &wanted, &place, limit);
    params_fini(&params);
}

void api_marker(void *arg, struct http_exchange *exchange)
{
    answer_marker(arg, exchange, marker_id_of(http_path_part(exchange)));
}

void api_marker_expected(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    const struct markers *markers = store_markers(api->store);
    const struct marker *marker = markers_find(markers, marker_id_of(http_path_part(exchange)));
    if (!marker || marker->kind != MARKER_EVENT)
        api_not_found(exchange, "there is no event of this id; GET /api/v1/markers?kind=event lists them");
    else
        query_expected(api->queries, markers, marker, exchange);
}

/* ---- POST and PATCH ---- */

static enum tm_err read_kind(const json_t *value, struct marker *out, struct tm_why *why)
{
    const char *name = json_string_value(value);
    out->kind = name ? marker_kind_of(str_of(name)) : MARKER_KIND_COUNT;
    if (out->kind == MARKER_KIND_COUNT)
        return tm_fail(why, TM_INVALID,
                       "kind must be deploy, rollback, config, event, maintenance or incident");
    return TM_OK;
}

static enum tm_err read_text(const char *name, const json_t *value, struct marker *out, uint32_t *fields,
                             struct tm_why *why)
{
    int which = 0;
    while (which < MARKER_TEXT_COUNT && !str_equal(marker_text_name((enum marker_text)which), str_of(name)))
        which++;
    if (which == MARKER_TEXT_COUNT)
        return tm_fail(
            why, TM_INVALID,
            "\"%.60s\" is no field of a marker; they are kind, service, env, version, class, time, "
            "end, by and note",
            name);
    if (!json_is_string(value) && !json_is_null(value))
        return tm_fail(why, TM_INVALID, "%s must be a text in quotes", name);
    out->text[which] = (struct str){json_is_null(value) ? "" : json_string_value(value),
                                    json_is_null(value) ? 0 : json_string_length(value)};
    *fields |= 1u << which;
    return TM_OK;
}

static enum tm_err read_field(const struct api *api, const char *name, const json_t *value,
                              struct marker *out, uint32_t *fields, struct tm_why *why)
{
    struct str field = str_of(name);
    if (str_equal(field, STR("kind"))) {
        *fields |= MARKER_HAS_KIND;
        return read_kind(value, out, why);
    }
    if (str_equal(field, STR("time"))) {
        *fields |= MARKER_HAS_TIME;
        return api_body_time(api, name, value, &out->time, why);
    }
    if (str_equal(field, STR("end"))) {
        *fields |= MARKER_HAS_END;
        out->end = MARKER_NO_END;
        return json_is_null(value) ? TM_OK : api_body_time(api, name, value, &out->end, why);
    }
    return read_text(name, value, out, fields, why);
}

/* Views in out point into root. */
static enum tm_err read_fields(const struct api *api, json_t *root, struct marker *out, uint32_t *fields,
                               struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *fields = 0;
    for (void *at = json_object_iter(root); at && !err; at = json_object_iter_next(root, at))
        err = read_field(api, json_object_iter_key(at), json_object_iter_value(at), out, fields, why);
    return err;
}

static enum tm_err check_lengths(const struct api *api, const struct marker *marker, struct tm_why *why)
{
    int64_t max = api->config->limits.max_label_value_bytes;
    for (int i = MARKER_SERVICE; i <= MARKER_ENV; i++) {
        if ((int64_t)marker->text[i].len > max)
            return tm_fail(why, TM_INVALID, "%s has %zu bytes, more than limits.max_label_value (%lld)",
                           marker_text_name((enum marker_text)i).ptr, marker->text[i].len, (long long)max);
    }
    return marker_check(marker, why);
}

static void submit_new(struct api *api, struct http_exchange *exchange, const struct marker *marker)
{
    uint64_t id = 0;
    struct batch *batch = store_batch_new(api->store);
    enum tm_err err = batch ? store_batch_marker(batch, marker, &id) : TM_NOMEM;
    api_change_submit(api, exchange, batch, err, answer_marker, id);
}

void api_markers_post(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct marker marker = {.time = clock_wall_ms(api->clock), .end = MARKER_NO_END};
    struct tm_why why = {""};
    json_t *root = NULL;
    uint32_t fields = 0;
    enum tm_err err = api_body_object(exchange, &root, &why);
    if (!err)
        err = read_fields(api, root, &marker, &fields, &why);
    if (!err && !(fields & MARKER_HAS_KIND))
        err = tm_fail(&why, TM_INVALID,
                      "kind is missing: deploy, rollback, config, event, maintenance or "
                      "incident");
    if (!err)
        err = check_lengths(api, &marker, &why);
    if (!err && markers_count(store_markers(api->store)) >= MARKERS_MAX)
        err = tm_fail(&why, TM_LIMIT, "there are %d markers, which is all that there may be: delete some",
                      MARKERS_MAX);
    if (err)
        params_refuse(exchange, err, &why);
    else if (api_may_change(exchange, marker.text[MARKER_SERVICE]))
        submit_new(api, exchange, &marker);
    json_decref(root);
}

static void submit_change(struct api *api, struct http_exchange *exchange, const struct marker *to,
                          uint32_t fields)
{
    struct batch *batch = store_batch_new(api->store);
    enum tm_err err =
        batch ? store_batch_marker_change(batch, clock_wall_ms(api->clock), to, fields) : TM_NOMEM;
    api_change_submit(api, exchange, batch, err, answer_marker, to->id);
}

void api_marker_patch(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct marker to = {.id = marker_id_of(http_path_part(exchange)), .end = MARKER_NO_END};
    struct tm_why why = {""};
    json_t *root = NULL;
    uint32_t fields = 0;
    const struct marker *old = markers_find(store_markers(api->store), to.id);
    if (!old) {
        api_not_found(exchange, no_marker);
        return;
    }
    struct marker merged = *old;
    enum tm_err err = api_body_object(exchange, &root, &why);
    if (!err)
        err = read_fields(api, root, &to, &fields, &why);
    if (!err && !fields)
        err = tm_fail(&why, TM_INVALID, "the body names no field to change");
    marker_merge(&merged, &to, fields);
    if (!err)
        err = check_lengths(api, &merged, &why);
    if (err)
        params_refuse(exchange, err, &why);
    else if (api_may_change(exchange, old->text[MARKER_SERVICE]) &&
             api_may_change(exchange, merged.text[MARKER_SERVICE]))
        submit_change(api, exchange, &to, fields);
    json_decref(root);
}

void api_marker_delete(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    uint64_t id = marker_id_of(http_path_part(exchange));
    const struct marker *marker = markers_find(store_markers(api->store), id);
    if (!marker) {
        api_not_found(exchange, no_marker);
        return;
    }
    if (!api_may_change(exchange, marker->text[MARKER_SERVICE]))
        return;
    struct batch *batch = store_batch_new(api->store);
    enum tm_err err = batch ? store_batch_marker_delete(batch, clock_wall_ms(api->clock), id) : TM_NOMEM;
    api_change_submit(api, exchange, batch, err, answer_deleted, id);
}
