/* Samples, or rollups, as lines of JSON: one series after the other, by labels; a line has at most
 * LINE_SAMPLES of one UTC day of one. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/endpoints.h"
#include "server/query/gap_json.h"
#include "server/query/label_json.h"
#include "server/query/params.h"
#include "server/query/request.h"
#include "storage/model/number.h"

struct export
{
    struct params_matches matches;
    struct span span;
    enum reader_tier tier;
    struct index_ids ids;
    bool is_begun;
    size_t at; /* in ids */
    bool is_walking;
    struct reader_walk walk;
    struct bytes labels; /* scratch */
    /* What was read and not written yet; the reader's, until it is used again. */
    const time_ms_t *times;
    const double *values;
    const struct rollup *rows; /* in place of both, of another tier */
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

/* A double as text, since JSON has no NaN. */
static void put_number(struct bytes *out, bool is_first, double value)
{
    char text[NUMBER_TEXT_BYTES];
    bytes_put(out, is_first ? "\"" : ",\"", is_first ? 1 : 2);
    bytes_put(out, text, number_text(value, text));
    bytes_u8(out, '"');
}

static void put_samples(struct bytes *out, const time_ms_t *times, const double *values, size_t count)
{
    bytes_printf(out, ",\"times\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        put_int(out, times[i]);
    }
    bytes_printf(out, "],\"values\":[");
    for (size_t i = 0; i < count; i++)
        put_number(out, i == 0, values[i]);
    bytes_printf(out, "]}\n");
}

/* Columns: starts and counts as integers, then one of doubles each. */
static void put_rollups(struct bytes *out, const struct rollup *rows, size_t count)
{
    static const struct {
        const char *name;
        size_t offset;
    } columns[] = {{"sum", offsetof(struct rollup, sum)},
                   {"min", offsetof(struct rollup, min)},
                   {"max", offsetof(struct rollup, max)},
                   {"last", offsetof(struct rollup, last)},
                   {"increase", offsetof(struct rollup, increase)}};
    bytes_printf(out, ",\"times\":[");
    for (size_t i = 0; i < count; i++)
        bytes_printf(out, i > 0 ? ",%" PRId64 : "%" PRId64, rows[i].start);
    bytes_printf(out, "],\"count\":[");
    for (size_t i = 0; i < count; i++)
        bytes_printf(out, i > 0 ? ",%" PRIu64 : "%" PRIu64, rows[i].count);
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        bytes_printf(out, "],\"%s\":[", columns[c].name);
        for (size_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, (const char *)&rows[i] + columns[c].offset, sizeof value);
            put_number(out, i == 0, value);
        }
    }
    bytes_printf(out, "]}\n");
}

static void put_line(struct export *e, const struct reader *reader, struct bytes *out)
{
    size_t count = e->count < LINE_SAMPLES ? e->count : LINE_SAMPLES;
    bytes_printf(out, "{\"metric\":");
    label_json(reader, e->walk.series, &e->labels, out);
    if (e->tier == READER_RAW) {
        put_samples(out, e->times, e->values, count);
        e->times += count;
        e->values += count;
    } else {
        put_rollups(out, e->rows, count);
        e->rows += count;
    }
    e->count -= count;
}

/* What is missing is told before what is there. */
static enum tm_err put_warnings(const struct export *e, struct reader *reader, struct bytes *out,
                                struct tm_why *why)
{
    struct reader_gaps gaps;
    enum tm_err err = reader_gaps(reader, e->tier, e->span, &gaps, why);
    if (err || gaps.count == 0)
        return err;
    bytes_printf(out, "{\"status\":\"warning\",\"warnings\":[");
    gap_json(&gaps, out);
    bytes_printf(out, "]}\n");
    return TM_OK;
}

static enum tm_err begin_export(struct export *e, struct reader *reader, struct bytes *out,
                                struct tm_why *why)
{
    const struct reader_filter filter = {e->matches.at, e->matches.count, READER_ALWAYS};
    e->is_begun = true;
    enum tm_err err = reader_find(reader, &filter, &e->ids, why);
    if (!err && reader_sort(reader, &e->ids) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for a list of series");
    return err ? err : put_warnings(e, reader, out, why);
}

static enum tm_err read_on(struct export *e, struct reader *reader, struct tm_why *why)
{
    return e->tier == READER_RAW ? reader_walk_next(reader, &e->walk, &e->times, &e->values, &e->count, why)
                                 : reader_rollup_next(reader, &e->walk, e->tier, &e->rows, &e->count, why);
}

static enum tm_err step_export(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                               struct tm_why *why)
{
    struct export *e = state;
    if (!e->is_begun)
        return begin_export(e, reader, out, why);
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
    enum tm_err err = read_on(e, reader, why);
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

static bool read_tier(struct str text, enum reader_tier *out)
{
    static const struct {
        struct str text;
        enum reader_tier tier;
    } tiers[] = {{STR("raw"), READER_RAW}, {STR("5m"), READER_5M}, {STR("1h"), READER_1H}};
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0]; i++) {
        if (str_equal(text, tiers[i].text)) {
            *out = tiers[i].tier;
            return true;
        }
    }
    return false;
}

static enum tm_err read_export(struct export *e, const struct params *params, time_ms_t now,
                               struct tm_why *why)
{
    struct str tier;
    enum tm_err err = params_from_to(params, now, &e->span, why);
    if (!err)
        err = params_matches(params, &e->matches, why);
    if (!err && e->matches.count == 0)
        err = tm_fail(why, TM_INVALID, "no match[] parameter provided");
    if (!err && params_get(params, "tier", &tier) && !read_tier(tier, &e->tier))
        err = tm_fail(why, TM_INVALID,
                      "invalid parameter \"tier\": \"%.*s\" is not known; there are raw, 5m and 1h",
                      (int)(tier.len > 100 ? 100 : tier.len), tier.ptr);
    return err;
}

void query_export(struct queries *queries, struct http_exchange *exchange)
{
    struct params params;
    struct tm_why why = {""};
    struct export *e = calloc(1, sizeof *e);
    enum tm_err err = request_begin(&params, exchange, e, &why);
    if (!err)
        err = read_export(e, &params, queries_now_ms(queries), &why);
    params_fini(&params);
    request_end(queries, exchange, &export_kind, e, err, &why);
}
