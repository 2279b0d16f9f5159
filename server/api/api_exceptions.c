/* GET /api/v1/exceptions; GET, POST /api/v1/exceptions/ID. */
#include <inttypes.h>
#include <stdlib.h>

#include "server/api/api_change.h"
#include "server/wire/reply.h"
#include "storage/model/marker.h"

static const char no_group[] =
    "there is no group of exceptions of this id; GET /api/v1/exceptions lists them";

/* ---- answers ---- */

static void put_releases(struct bytes *out, const struct group_view *view)
{
    bytes_printf(out, ",\"releases\":[");
    for (size_t i = 0; i < view->release_count; i++) {
        const struct group_release *r = &view->releases[i];
        bytes_printf(out, "%s{\"release\":", i > 0 ? "," : "");
        bytes_json_string(out, r->name);
        bytes_printf(out, ",\"count\":%" PRIu64 ",\"first\":", r->count);
        api_json_time(out, r->first);
        bytes_printf(out, ",\"last\":");
        api_json_time(out, r->last);
        bytes_u8(out, '}');
    }
    bytes_u8(out, ']');
}

static void put_labels(struct bytes *out, const struct group_view *view)
{
    bytes_printf(out, ",\"labels\":[");
    for (size_t i = 0; i < view->label_count; i++) {
        bytes_printf(out, "%s{\"name\":", i > 0 ? "," : "");
        bytes_json_string(out, view->labels[i].name);
        bytes_printf(out, ",\"value\":");
        bytes_json_string(out, view->labels[i].value);
        bytes_printf(out, ",\"count\":%" PRIu64 "}", view->labels[i].count);
    }
    bytes_u8(out, ']');
}

static void put_text(struct bytes *out, const char *name, struct str text)
{
    bytes_printf(out, ",\"%s\":", name);
    bytes_json_string(out, text);
}

static void put_group(struct bytes *out, const struct group_view *view)
{
    char id[MARKER_ID_TEXT + 1];
    bytes_printf(out, "{\"id\":\"%s\"", marker_id_text(view->id, id));
    put_text(out, "service", view->service);
    put_text(out, "env", view->env);
    put_text(out, "type", view->type);
    put_text(out, "fingerprint", view->fingerprint);
    put_text(out, "message", view->message);
    put_text(out, "state", group_state_name(view->state));
    bytes_printf(out, ",\"count\":%" PRIu64 ",\"first\":", view->count);
    api_json_time(out, view->first);
    bytes_printf(out, ",\"last\":");
    api_json_time(out, view->last);
    put_releases(out, view);
    put_text(out, "stack", view->stack);
    put_labels(out, view);
    bytes_printf(out, ",\"members\":[");
    for (size_t i = 0; i < view->member_count; i++)
        bytes_printf(out, "%s\"%s\"", i > 0 ? "," : "", marker_id_text(view->members[i], id));
    bytes_u8(out, ']');
}

/* The hours as [unix seconds, count]. */
static void put_hours(struct bytes *out, const struct group_view *view)
{
    bytes_printf(out, ",\"hours\":[");
    for (size_t i = 0; i < view->hour_count; i++)
        bytes_printf(out, "%s[%" PRId64 ",%" PRIu64 "]", i > 0 ? "," : "",
                     view->hours[i].hour * (GROUP_HOUR_MS / 1000), view->hours[i].count);
    bytes_u8(out, ']');
}

static void refuse_memory(struct http_exchange *exchange)
{
    struct tm_why why;
    params_refuse(exchange, tm_fail(&why, TM_NOMEM, "out of memory; try again"), &why);
}

static void answer_group(struct api *api, struct http_exchange *exchange, uint64_t id)
{
    struct bytes body = {0};
    struct group_view view;
    time_ms_t now;
    struct groups *groups = store_groups(api->store, &now);
    enum tm_err err = groups_view(groups, groups_root(groups, id), now, &view);
    if (err == TM_NOT_FOUND) {
        api_not_found(exchange, no_group);
        return;
    }
    if (err) {
        refuse_memory(exchange);
        return;
    }
    bytes_printf(&body, "{\"status\":\"success\",\"data\":");
    put_group(&body, &view);
    put_hours(&body, &view);
    bytes_printf(&body, "}}\n");
    api_respond_body(exchange, &body);
}

/* ---- the list ---- */

struct wanted {
    struct str service;
    struct span span; /* seen in it, from first to last */
    enum group_state state;
    struct api_place place;
    size_t limit;
};

struct found {
    uint64_t id;
    time_ms_t last;
};

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->last != y->last)
        return x->last < y->last ? 1 : -1;
    return (x->id < y->id) - (x->id > y->id);
}

static bool is_behind(const struct found *found, const struct api_place *place)
{
    return !place->is_begun || found->last < place->time ||
           (found->last == place->time && found->id < place->id);
}

/* Those that may be wanted, newest first; the caller frees. NULL without memory. */
static struct found *find_groups(const struct groups *groups, const struct wanted *wanted, size_t *count)
{
    size_t all = groups_count(groups);
    struct found *list = calloc(all + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; list && i < all; i++) {
        struct found found;
        struct str service;
        found.id = groups_at(groups, i, &found.last, &service);
        if (found.id == 0 || (wanted->service.len > 0 && !str_equal(wanted->service, service)) ||
            found.last < wanted->span.from || !is_behind(&found, &wanted->place))
            continue;
        list[(*count)++] = found;
    }
    if (list && *count > 1)
        qsort(list, *count, sizeof *list, compare_found);
    return list;
}

/* Puts the list up to the limit; false without memory. *last: the last one put; *is_more: others follow. */
static bool put_list(struct groups *groups, time_ms_t now, const struct wanted *wanted, struct bytes *body,
                     struct api_place *last, bool *is_more)
{
    size_t count, put = 0;
    struct found *list = find_groups(groups, wanted, &count);
    enum tm_err err = list ? TM_OK : TM_NOMEM;
    *is_more = false;
    for (size_t i = 0; i < count && !err && !*is_more; i++) {
        struct group_view view;
        err = groups_view(groups, list[i].id, now, &view);
        if (err || view.first >= wanted->span.to ||
            (wanted->state != GROUP_STATE_COUNT && wanted->state != view.state))
            continue;
        *is_more = put == wanted->limit || body->len > API_LIST_BYTES;
        if (*is_more)
            break;
        if (put++ > 0)
            bytes_u8(body, ',');
        put_group(body, &view);
        bytes_u8(body, '}');
        *last = (struct api_place){list[i].last, list[i].id, true};
    }
    free(list);
    return !err;
}

static enum tm_err read_wanted(const struct api *api, const struct params *params, struct wanted *wanted,
                               struct tm_why *why)
{
    struct str state = {0};
    wanted->state = GROUP_STATE_COUNT;
    (void)params_get(params, "service", &wanted->service);
    if (params_get(params, "state", &state) && state.len > 0 &&
        (wanted->state = group_state_of(state)) == GROUP_STATE_COUNT)
        return tm_fail(why, TM_INVALID,
                       "invalid parameter \"state\": it is new, ongoing, escalating, regressed or resolved");
    enum tm_err err = params_from_to(params, clock_wall_ms(api->clock), &wanted->span, why);
    return err ? err : api_page_read(params, &wanted->limit, &wanted->place, why);
}

static void answer_list(const struct api *api, struct http_exchange *exchange, const struct wanted *wanted)
{
    struct bytes body = {0};
    struct api_place last;
    bool is_more;
    time_ms_t now;
    struct groups *groups = store_groups(api->store, &now);
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{\"items\":[");
    if (!put_list(groups, now, wanted, &body, &last, &is_more)) {
        bytes_fini(&body);
        refuse_memory(exchange);
        return;
    }
    api_page_end(&body, is_more ? &last : NULL);
    api_respond_body(exchange, &body);
}

void api_exceptions(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    struct params params = {.count = 0};
    struct wanted wanted = {.limit = 0};
    struct tm_why why = {""};
    enum tm_err err = params_read(&params, exchange, &why);
    if (!err)
        err = read_wanted(api, &params, &wanted, &why);
    if (err)
        params_refuse(exchange, err, &why);
    else
        answer_list(api, exchange, &wanted);
    params_fini(&params);
}

void api_exception(void *arg, struct http_exchange *exchange)
{
    answer_group(arg, exchange, marker_id_of(http_path_part(exchange)));
}

/* ---- what somebody does to one ---- */

static enum tm_err read_action(const json_t *root, enum group_edit *edit, uint64_t *other, struct tm_why *why)
{
    static const char *const names[GROUP_EDIT_COUNT] = {[GROUP_RESOLVE] = "resolve",
                                                        [GROUP_REOPEN] = "reopen",
                                                        [GROUP_MERGE] = "merge",
                                                        [GROUP_SPLIT] = "split"};
    const char *action = json_string_value(json_object_get(root, "action"));
    const char *into = json_string_value(json_object_get(root, "into"));
    int which = GROUP_RESOLVE;
    while (action && which < GROUP_EDIT_COUNT && !str_equal(str_of(action), str_of(names[which])))
        which++;
    if (!action || which == GROUP_EDIT_COUNT)
        return tm_fail(why, TM_INVALID, "action must be resolve, reopen, merge (with into) or split");
    *edit = (enum group_edit)which;
    *other = into ? marker_id_of(str_of(into)) : 0;
    if (*edit == GROUP_MERGE && *other == 0)
        return tm_fail(why, TM_INVALID, "into is missing: the id of the group that this one becomes part of");
    return TM_OK;
}

/* Whether it can be done to these groups as they are. */
static enum tm_err check_action(struct groups *groups, uint64_t id, enum group_edit edit, uint64_t other,
                                struct tm_why *why)
{
    uint64_t root = groups_root(groups, id), into = groups_root(groups, other);
    if (edit == GROUP_MERGE && into == 0)
        return tm_fail(why, TM_INVALID, "into: %s", no_group);
    if (edit == GROUP_MERGE && into == root)
        return tm_fail(why, TM_INVALID, "both are one group already");
    if (edit == GROUP_SPLIT && root == id)
        return tm_fail(why, TM_INVALID,
                       "this group is no part of another: split takes the id of a member, as `members` lists "
                       "them");
    return TM_OK;
}

static void submit(struct api *api, struct http_exchange *exchange, uint64_t id, enum group_edit edit,
                   uint64_t other, time_ms_t now)
{
    struct batch *batch = store_batch_new(api->store);
    enum tm_err err = batch ? store_batch_group_edit(batch, now, id, edit, other) : TM_NOMEM;
    api_change_submit(api, exchange, batch, err, answer_group, id);
}

void api_exception_post(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct tm_why why = {""};
    json_t *root = NULL;
    enum group_edit edit = GROUP_RESOLVE;
    uint64_t id = marker_id_of(http_path_part(exchange)), other = 0;
    time_ms_t now;
    struct groups *groups = store_groups(api->store, &now);
    struct group_view view;
    enum tm_err found = groups_view(groups, groups_root(groups, id), now, &view);
    if (found) {
        if (found == TM_NOT_FOUND)
            api_not_found(exchange, no_group);
        else
            refuse_memory(exchange);
        return;
    }
    enum tm_err err = api_body_object(exchange, &root, &why);
    if (!err)
        err = read_action(root, &edit, &other, &why);
    if (!err)
        err = check_action(groups, id, edit, other, &why);
    if (err)
        params_refuse(exchange, err, &why);
    else if (api_may_change(exchange, view.service))
        submit(api, exchange, edit == GROUP_SPLIT ? id : view.id, edit, other, now);
    json_decref(root);
}
