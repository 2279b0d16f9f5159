/* Samples as lines of JSON: one series after the other, by labels; a line has at most LINE_SAMPLES of one UTC
 * day of one. */
#include <inttypes.h>
#include <stdlib.h>

#include "server/query/endpoints.h"
#include "server/query/label_json.h"
#include "server/query/params.h"
#include "storage/model/number.h"

struct export
{
    struct params_matches matches;
    struct span span;
    struct index_ids ids;
    bool is_begun;
    size_t at; /* in ids */
    bool is_walking;
    struct reader_walk walk;
    struct bytes labels; /* scratch */
    /* What was read and not written yet; the reader's, until it is used again. */
    const time_ms_t *times;
    const double *values;
    size_t count;
};

enum { LINE_SAMPLES = 10000 };

static void free_export(void *state)
{
    struct export *e = state;
    params_matches_fini(&e->matches);
    index_ids_fini(&e->ids);
    bytes_fini(&e->labels);
    free(e);
}

static void put_int(struct bytes *out, int64_t value)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        text[--at] = '-';
    bytes_put(out, text + at, sizeof text - at);
}

static void put_samples(struct bytes *out, const time_ms_t *times, const double *values, size_t count)
{
    char text[NUMBER_TEXT_BYTES];
    bytes_printf(out, ",\"times\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        put_int(out, times[i]);
    }
    bytes_printf(out, "],\"values\":[");
    for (size_t i = 0; i < count; i++) {
        bytes_put(out, i > 0 ? ",\"" : "\"", i > 0 ? 2 : 1);
        bytes_put(out, text, number_text(values[i], text));
        bytes_u8(out, '"');
    }
    bytes_printf(out, "]}\n");
}

static void put_line(struct export *e, const struct reader *reader, struct bytes *out)
{
    size_t count = e->count < LINE_SAMPLES ? e->count : LINE_SAMPLES;
    bytes_printf(out, "{\"metric\":");
    label_json(reader, e->walk.series, &e->labels, out);
    put_samples(out, e->times, e->values, count);
    e->times += count;
    e->values += count;
    e->count -= count;
}

static enum tm_err begin_export(struct export *e, struct reader *reader, struct tm_why *why)
{
    const struct reader_filter filter = {e->matches.at, e->matches.count, READER_ALWAYS};
    e->is_begun = true;
    enum tm_err err = reader_find(reader, &filter, &e->ids, why);
    if (!err && reader_sort(reader, &e->ids) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for a list of series");
    return err;
}

/* The place for other tiers: each has a walk of its own, and the same lines. */
static enum tm_err step_export(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                               struct tm_why *why)
{
    struct export *e = state;
    if (!e->is_begun)
        return begin_export(e, reader, why);
    if (e->count > 0) {
        put_line(e, reader, out);
        return TM_OK;
    }
    *is_done = e->at == e->ids.count;
    if (*is_done)
        return TM_OK;
    if (!e->is_walking)
        reader_walk_init(&e->walk, e->ids.ids[e->at], e->span);
    e->is_walking = true;
    enum tm_err err = reader_walk_next(reader, &e->walk, &e->times, &e->values, &e->count, why);
    if (err == TM_NOT_FOUND) {
        e->is_walking = false;
        e->at++;
        return TM_OK;
    }
    return err;
}

static const struct query_kind export_kind = {
    .content_type = "application/x-ndjson",
    .is_stream = true,
    .step = step_export,
    .free = free_export,
};

static enum tm_err read_export(struct export *e, const struct params *params, time_ms_t now,
                               struct tm_why *why)
{
    struct str tier;
    enum tm_err err = params_from_to(params, now, &e->span, why);
    if (!err)
        err = params_matches(params, &e->matches, why);
    if (!err && e->matches.count == 0)
        err = tm_fail(why, TM_INVALID, "no match[] parameter provided");
    if (!err && params_get(params, "tier", &tier) && !str_equal(tier, STR("raw")))
        err = tm_fail(why, TM_INVALID, "invalid parameter \"tier\": \"%.*s\" is not known; there is raw",
                      (int)(tier.len > 100 ? 100 : tier.len), tier.ptr);
    return err;
}

void query_export(struct queries *queries, struct http_exchange *exchange)
{
    struct params params;
    struct tm_why why = {""};
    struct export *e = calloc(1, sizeof *e);
    enum tm_err err = params_read(&params, exchange, &why);
    if (!err && !e)
        err = tm_fail(&why, TM_NOMEM, "out of memory; try again");
    if (!err)
        err = read_export(e, &params, queries_now_ms(queries), &why);
    params_fini(&params);
    if (!err) {
        queries_submit(queries, exchange, &export_kind, e);
        return;
    }
    if (e)
        free_export(e);
    params_refuse(exchange, err, &why);
}
