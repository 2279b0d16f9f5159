#include "server/query/diff_request.h"

#include <stdlib.h>
#include <string.h>

#include "server/wire/reply.h"
#include "storage/model/labels.h"
#include "storage/model/when.h"

void diff_free(struct diff *d)
{
    free(d->service);
    free(d->env);
    params_matches_fini(&d->services);
    params_matches_fini(&d->matches);
    free(d->rows);
    free(d->diffs);
    free(d->order);
    diff_room_free(d->room);
    bytes_fini(&d->scratch);
    free(d);
}

/* ---- spans ---- */

static enum tm_err fail_span(const char *name, const char *what, struct tm_why *why)
{
    return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": %s", name, what);
}

/* FROM..TO, moved to multiples of 10 s. */
static enum tm_err read_span(const char *name, struct str text, time_ms_t now, struct span *out,
                             struct tm_why *why)
{
    enum tm_err err = params_two_times(name, text, "no FROM..TO, for example -30m..now", now, out, why);
    if (err)
        return err;
    if (out->to - out->from > DIFF_SPAN_MAX_MS)
        return fail_span(name, "it is longer than 31 days", why);
    *out = diff_align(*out);
    return out->from < out->to ? TM_OK : fail_span(name, "it holds no whole 10 s", why);
}

static enum tm_err read_spans(struct diff *d, const struct params *params, time_ms_t now,
                              const struct markers *markers, struct tm_why *why)
{
    struct str window = {0}, against = {0};
    if (!params_get(params, "window", &window) || window.len == 0)
        return fail_span("window", "it is missing; FROM..TO, for example -30m..now", why);
    enum tm_err err = read_span("window", window, now, &d->windows.observed, why);
    if (err)
        return err;
    (void)params_get(params, "against", &against);
    d->is_normal = against.len == 0 || str_equal(against, STR("normal"));
    if (d->is_normal) {
        diff_weeks_init(&d->weeks, d->windows.observed, markers, str_of(d->service), str_of(d->env));
        return TM_OK;
    }
    d->windows.normal_count = 1;
    return read_span("against", against, now, &d->windows.normal[0], why);
}

/* ---- whose series ---- */

static enum tm_err read_name(const struct params *params, const char *name, char **out, struct tm_why *why)
{
    struct str text = {0};
    if (!params_get(params, name, &text) || text.len == 0)
        return TM_OK;
    if (text.len > DIFF_NAME_MAX)
        return fail_span(name, "it is too long", why);
    *out = strndup(text.ptr, text.len);
    return *out ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory; try again");
}

/* Series whose owner is read from this label: the ones before it are absent. */
static void put_selector(const struct diff *d, const struct config *config, size_t owner, struct bytes *out)
{
    bytes_printf(out, "{__name__!=\"\"");
    for (size_t i = 0; d->service && i <= owner; i++) {
        bytes_printf(out, ",%s=", config->service_from.at[i]);
        bytes_json_string(out, str_of(i == owner ? d->service : ""));
    }
    if (d->env) {
        bytes_printf(out, ",env=");
        bytes_json_string(out, str_of(d->env));
    }
    bytes_u8(out, '}');
}

static enum tm_err make_selectors(struct diff *d, const struct config *config, struct tm_why *why)
{
    size_t count = d->service ? config->service_from.count : 1;
    d->services.at = calloc(count + 1, sizeof *d->services.at);
    enum tm_err err = d->services.at ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory; try again");
    for (size_t i = 0; i < count && !err; i++) {
        struct bytes text = {0};
        put_selector(d, config, i, &text);
        err = bytes_error(&text) ? tm_fail(why, TM_NOMEM, "out of memory; try again")
                                 : selector_parse(bytes_view(&text), &d->services.at[i], why);
        d->services.count += !err;
        bytes_fini(&text);
    }
    return err;
}

enum tm_err diff_request_read(struct diff *d, const struct params *params, const struct queries *queries,
                              const struct markers *markers, struct tm_why *why)
{
    enum tm_err err = read_name(params, "service", &d->service, why);
    if (!err)
        err = read_name(params, "env", &d->env, why);
    if (!err)
        err = read_spans(d, params, queries_now_ms(queries), markers, why);
    if (!err)
        err = params_page(params, DIFF_LIMIT_DEFAULT, DIFF_LIMIT_MAX, &d->limit, why);
    if (!err)
        err = params_count(params, "cursor", 0, &d->skip, why);
    if (!err)
        err = params_matches(params, &d->matches, why);
    return err ? err : make_selectors(d, queries_config(queries), why);
}

/* ---- finding them ---- */

/* What is in both; both sorted by number. */
static void intersect(struct index_ids *ids, const struct index_ids *others)
{
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < ids->count; i++) {
        while (at < others->count && others->ids[at] < ids->ids[i])
            at++;
        if (at < others->count && others->ids[at] == ids->ids[i])
            ids->ids[kept++] = ids->ids[i];
    }
    ids->count = kept;
}

static enum tm_err select_ids(struct diff *d, struct reader *reader, struct index_ids *ids,
                              struct tm_why *why)
{
    const struct reader_filter own = {d->services.at, d->services.count, READER_ALWAYS};
    const struct reader_filter asked = {d->matches.at, d->matches.count, READER_ALWAYS};
    struct index_ids others = {0};
    enum tm_err err = reader_find(reader, &own, ids, why);
    if (!err && d->matches.count > 0) {
        err = reader_find(reader, &asked, &others, why);
        if (!err)
            intersect(ids, &others);
        index_ids_fini(&others);
    }
    if (!err && reader_sort(reader, ids))
        err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    return err;
}

static enum tm_err add_row(struct diff *d, const struct reader *reader, uint32_t series)
{
    struct labels labels = {.count = 0};
    bytes_clear(&d->scratch);
    reader_labels(reader, series, &d->scratch);
    if (bytes_error(&d->scratch))
        return TM_NOMEM;
    if (labels_decode(bytes_view(&d->scratch), &labels) != TM_OK)
        return TM_OK;
    enum diff_kind kind =
        diff_kind_of(labels_get(&labels, STR(LABEL_NAME)), labels_get(&labels, STR("le")).len > 0);
    if (kind != DIFF_LEFT_OUT)
        d->rows[d->count++] = (struct diff_row){series, kind};
    return TM_OK;
}

enum tm_err diff_find(struct diff *d, struct reader *reader, struct tm_why *why)
{
    struct index_ids ids = {0};
    enum tm_err err = select_ids(d, reader, &ids, why);
    if (!err && ids.count > DIFF_SERIES_MAX)
        err = tm_fail(why, TM_LIMIT,
                      "%zu series are more than %d; name a service, an env or a match[] that takes fewer",
                      ids.count, DIFF_SERIES_MAX);
    if (!err) {
        d->rows = calloc(ids.count + 1, sizeof *d->rows);
        d->diffs = calloc(ids.count + 1, sizeof *d->diffs);
        d->order = calloc(ids.count + 1, sizeof *d->order);
        if (!d->rows || !d->diffs || !d->order)
            err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    }
    for (size_t i = 0; i < ids.count && !err; i++)
        if (add_row(d, reader, ids.ids[i]))
            err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    index_ids_fini(&ids);
    return err;
}
