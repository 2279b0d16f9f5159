#include "server/query/diff.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "server/query/diff_request.h"
#include "server/query/gap_json.h"
#include "server/query/request.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

enum { STEP_SERIES = 32, STEP_ITEMS = 64 };

#define MINUTE_MS 60000.0

/* ---- reading ---- */

static enum tm_err begin_reading(struct diff *d, struct tm_why *why)
{
    if (d->is_normal)
        d->is_day_before = diff_weeks_fill(&d->weeks, &d->windows);
    struct span window = d->windows.observed;
    d->windows.before = (struct span){window.from - (window.to - window.from), window.from};
    d->windows.bin_ms = diff_bin_ms(&d->windows);
    d->room = diff_room_new(&d->windows);
    d->phase = DIFF_READ;
    d->at = 0;
    return d->room ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory; try again");
}

/* Is there data in the week at hand? The first series that has some tells. */
static enum tm_err probe(struct diff *d, struct reader *reader, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    bool has_some = false;
    if (d->week == DIFF_NORMALS_MAX)
        return begin_reading(d, why);
    for (size_t i = 0; i < STEP_SERIES && d->at < d->count && !err && !has_some; i++, d->at++)
        err = diff_probe(reader, d->rows[d->at].series, d->rows[d->at].kind, d->weeks.at[d->week], &has_some,
                         why);
    bool is_over = has_some || d->at == d->count || d->weeks.state[d->week] != DIFF_WEEK_USED;
    if (err || !is_over)
        return err;
    if (!has_some && d->weeks.state[d->week] == DIFF_WEEK_USED)
        d->weeks.state[d->week] = DIFF_WEEK_EMPTY;
    d->week++;
    d->at = 0;
    return TM_OK;
}

static enum tm_err read_some(struct diff *d, struct reader *reader, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < STEP_SERIES && d->at < d->count && !err; i++, d->at++) {
        const struct diff_row *row = &d->rows[d->at];
        err = diff_read(reader, row->series, row->kind, &d->windows, d->room, &d->diffs[d->at], why);
    }
    if (d->at == d->count)
        d->phase = DIFF_RANK;
    return err;
}

/* ---- the answer ---- */

static void put_span(const char *prefix, struct span span, struct bytes *out)
{
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    bytes_printf(out, "%s\"from\":\"%s\",\"to\":\"%s\"", prefix, when_text(span.from, from),
                 when_text(span.to, to));
}

static enum tm_err put_head(struct diff *d, struct reader *reader, struct bytes *out, struct tm_why *why)
{
    const struct diff_rows rows = {d->rows, d->diffs, d->count,
                                   (double)(d->windows.observed.to - d->windows.observed.from) / MINUTE_MS};
    struct bytes text = {0};
    put_span("{\"status\":\"success\",\"data\":{", d->windows.observed, out);
    bytes_printf(out, ",\"against\":[");
    for (size_t i = 0; i < d->windows.normal_count; i++) {
        put_span(i > 0 ? ",{" : "{", d->windows.normal[i], out);
        bytes_u8(out, '}');
    }
    if (d->is_normal)
        diff_weeks_text(&d->weeks, d->is_day_before, &text);
    else
        bytes_printf(&text, "normal is the span that was named");
    bytes_printf(out, "],\"text\":");
    bytes_json_string(out, bytes_view(&text));
    bytes_printf(out, ",\"series\":%zu,\"causes\":[", d->count);
    enum tm_err err = bytes_error(&text) ? tm_fail(why, TM_NOMEM, "out of memory; try again")
                                         : diff_causes(&rows, reader, out, why);
    bytes_fini(&text);
    bytes_printf(out, "],\"items\":[");
    return err;
}

static enum tm_err rank(struct diff *d, struct reader *reader, struct bytes *out, struct tm_why *why)
{
    for (size_t i = 0; i < d->count; i++)
        d->order[i] = (uint32_t)i;
    score_diff_rank(d->diffs, d->order, d->count);
    d->phase = DIFF_ITEMS;
    d->at = d->skip < d->count ? d->skip : d->count;
    return put_head(d, reader, out, why);
}

static enum tm_err put_items(struct diff *d, struct reader *reader, struct bytes *out, bool *is_done,
                             struct tm_why *why)
{
    for (size_t i = 0; i < STEP_ITEMS && d->at < d->count && d->given < d->limit; i++, d->given++) {
        bytes_printf(out, "%s", d->given > 0 ? "," : "");
        diff_item_json(d, reader, d->at++, out);
    }
    if (d->at < d->count && d->given < d->limit)
        return TM_OK;
    if (d->at < d->count)
        bytes_printf(out, "],\"next\":\"%zu\"}", d->at);
    else
        bytes_printf(out, "],\"next\":null}");
    struct span spans[1 + DIFF_NORMALS_MAX] = {d->windows.observed};
    for (size_t i = 0; i < d->windows.normal_count; i++)
        spans[i + 1] = d->windows.normal[i];
    enum tm_err err = gap_json_member(reader, READER_RAW, spans, 1 + d->windows.normal_count, NULL, out, why);
    bytes_printf(out, "}\n");
    *is_done = true;
    return err;
}

static enum tm_err step_diff(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                             struct tm_why *why)
{
    struct diff *d = state;
    enum tm_err err;
    switch (d->phase) {
    case DIFF_FIND:
        err = diff_find(d, reader, why);
        d->phase = DIFF_JUDGE;
        return err;
    case DIFF_JUDGE:
        d->phase = DIFF_PROBE;
        if (!d->is_normal)
            return begin_reading(d, why);
        return diff_weeks_judge(&d->weeks, reader, str_of(d->service), str_of(d->env), why);
    case DIFF_PROBE:
        return probe(d, reader, why);
    case DIFF_READ:
        return read_some(d, reader, why);
    case DIFF_RANK:
        return rank(d, reader, out, why);
    case DIFF_ITEMS:
    default:
        return put_items(d, reader, out, is_done, why);
    }
}

static void free_diff(void *state)
{
    diff_free(state);
}

static const struct query_kind diff_query = {.step = step_diff, .free = free_diff};

void query_diff(struct queries *queries, const struct markers *markers, struct http_exchange *exchange)
{
    struct params params = {.count = 0};
    struct tm_why why = {""};
    struct diff *d = calloc(1, sizeof *d);
    enum tm_err err = request_begin(&params, exchange, d, &why);
    if (!err)
        err = diff_request_read(d, &params, queries, markers, &why);
    params_fini(&params);
    request_end(queries, exchange, &diff_query, d, err, &why);
}
