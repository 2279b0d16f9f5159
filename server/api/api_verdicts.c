/* GET /api/v1/verdicts: by marker, or by service, env, version and span. */
#include "server/api/api_change.h"
#include "server/query/verdicts.h"
#include "server/wire/reply.h"

enum { VERDICTS_LISTED = 20 };

static enum tm_err add_listed(const struct api *api, const struct params *params, struct verdicts *verdicts,
                              struct tm_why *why)
{
    struct markers_wanted wanted = {.kind = MARKER_DEPLOY};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    size_t limit;
    (void)params_get(params, "service", &wanted.service);
    (void)params_get(params, "env", &wanted.env);
    (void)params_get(params, "version", &wanted.version);
    enum tm_err err = params_from_to(params, clock_wall_ms(api->clock), &wanted.span, why);
    if (!err)
        err = params_page(params, VERDICTS_LISTED, VERDICTS_MAX, &limit, why);
    if (err)
        return err;
    while (limit-- > 0 && (marker = markers_next(store_markers(api->store), &wanted, &place)) != NULL) {
        err = verdicts_add(verdicts, api->store, marker);
        if (err)
            return tm_fail(why, TM_NOMEM, "out of memory; try again");
    }
    return TM_OK;
}

static enum tm_err add_wanted(const struct api *api, const struct params *params, struct verdicts *verdicts,
                              struct tm_why *why)
{
    struct str id = {0};
    if (!params_get(params, "marker", &id))
        return add_listed(api, params, verdicts, why);
    const struct marker *marker = markers_find(store_markers(api->store), marker_id_of(id));
    if (!marker || marker->kind != MARKER_DEPLOY)
        return tm_fail(why, TM_NOT_FOUND,
                       "there is no deploy of this id; GET /api/v1/markers?kind=deploy lists them");
    return verdicts_add(verdicts, api->store, marker) ? tm_fail(why, TM_NOMEM, "out of memory; try again")
                                                      : TM_OK;
}

void api_verdicts(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct params params = {.count = 0};
    struct tm_why why = {""};
    int64_t raw_ms = api->config->storage.retention.raw_ms;
    struct verdicts *verdicts = verdicts_new(raw_ms > 0 ? clock_wall_ms(api->clock) - raw_ms : INT64_MIN);
    enum tm_err err =
        verdicts ? params_read(&params, exchange, &why) : tm_fail(&why, TM_NOMEM, "out of memory; try again");
    if (!err)
        err = add_wanted(api, &params, verdicts, &why);
    if (err == TM_NOT_FOUND)
        api_not_found(exchange, why.text);
    else if (err)
        params_refuse(exchange, err, &why);
    else
        verdicts_submit(verdicts, api->queries, exchange);
    if (err)
        verdicts_free(verdicts);
    params_fini(&params);
}
