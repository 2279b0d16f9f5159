#include "server/query/expected.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/planned.h"
#include "scoring/compare/diff_read.h"
#include "server/query/params.h"
#include "server/query/request.h"
#include "server/wire/reply.h"
#include "storage/model/cell.h"
#include "storage/model/labels.h"
#include "storage/model/when.h"

enum { STEP_SERIES = 32, POINTS_MAX = 2000, SERIES_MAX = 20000 };

#define MINUTE_MS INT64_C(60000)
#define RUN_UP_MS (15 * MINUTE_MS)
#define BEHIND_MS (30 * MINUTE_MS)
#define POINT_MS  (60 * MINUTE_MS) /* of an event without an end */

/* The state of a query; zero-initialised. Owns all it points to. */
struct expected {
    char id[MARKER_ID_TEXT + 1];
    char *class, *service;
    struct params_matches matches;
    int64_t step_ms, before_ms; /* the curve begins so long before the start */
    struct {
        time_ms_t start;
        char id[MARKER_ID_TEXT + 1];
    } earlier[SCORE_PLANNED_EVENTS];
    size_t count, points;
    struct index_ids ids;
    bool is_found;
    size_t event, series; /* being read */
    double *values;       /* points of one event behind the other */
    double *bins;
    struct diff_room *room;
    struct diff_windows windows;
};

static void free_expected(void *state)
{
    struct expected *e = state;
    free(e->class);
    free(e->service);
    params_matches_fini(&e->matches);
    index_ids_fini(&e->ids);
    free(e->values);
    free(e->bins);
    diff_room_free(e->room);
    free(e);
}

/* ---- reading ---- */

static struct span span_of(const struct expected *e)
{
    time_ms_t from = e->earlier[e->event].start - e->before_ms;
    return (struct span){from, from + (int64_t)e->points * e->step_ms};
}

static enum tm_err find(struct expected *e, struct reader *reader, struct tm_why *why)
{
    const struct reader_filter filter = {e->matches.at, e->matches.count, READER_ALWAYS};
    e->is_found = true;
    if (e->count == 0)
        return TM_OK;
    enum tm_err err = reader_find(reader, &filter, &e->ids, why);
    if (!err && e->ids.count > SERIES_MAX)
        err = tm_fail(why, TM_LIMIT, "%zu series are more than %d; name a match[] that takes fewer",
                      e->ids.count, SERIES_MAX);
    e->windows = (struct diff_windows){.observed = span_of(e), .bin_ms = e->step_ms};
    e->room = diff_room_new(&e->windows);
    e->bins = calloc(e->points, sizeof *e->bins);
    e->values = calloc(e->points * e->count, sizeof *e->values);
    for (size_t i = 0; e->values && i < e->points * e->count; i++)
        e->values[i] = NAN;
    if (!err && (!e->room || !e->bins || !e->values))
        err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    return err;
}

/* Adds one series to the curve of the event at hand. */
static enum tm_err add_series(struct expected *e, struct reader *reader, uint32_t series, struct tm_why *why)
{
    struct bytes encoded = {0};
    struct labels labels = {.count = 0};
    struct span span = span_of(e);
    reader_labels(reader, series, &encoded);
    enum tm_err err = bytes_error(&encoded) ? TM_NOMEM : labels_decode(bytes_view(&encoded), &labels);
    enum diff_kind kind =
        err ? DIFF_LEFT_OUT
            : diff_kind_of(labels_get(&labels, STR(LABEL_NAME)), labels_get(&labels, STR("le")).len > 0);
    bytes_fini(&encoded);
    if (err)
        return tm_fail(why, err, "out of memory; try again");
    if (kind == DIFF_LEFT_OUT || kind == DIFF_HISTOGRAM)
        return TM_OK;
    err = diff_bins(reader, series, kind, &span, e->step_ms, e->room, e->bins, why);
    double *curve = e->values + e->event * e->points;
    for (size_t i = 0; i < e->points && !err; i++)
        if (!isnan(e->bins[i]))
            curve[i] = (isnan(curve[i]) ? 0 : curve[i]) + e->bins[i];
    return err;
}

static enum tm_err read_some(struct expected *e, struct reader *reader, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < STEP_SERIES && e->series < e->ids.count && !err; i++, e->series++)
        err = add_series(e, reader, e->ids.ids[e->series], why);
    if (e->series == e->ids.count) {
        e->series = 0;
        e->event++;
    }
    return err;
}

/* ---- the answer ---- */

static void put_number(double value, struct bytes *out)
{
    if (isnan(value))
        bytes_printf(out, ",null");
    else
        bytes_printf(out, ",%.9g", value);
}

static void put_points(const struct expected *e, struct bytes *out)
{
    for (size_t i = 0; i < e->points && e->count > 0; i++) {
        double values[SCORE_PLANNED_EVENTS];
        for (size_t k = 0; k < e->count; k++)
            values[k] = e->values[k * e->points + i];
        struct score_planned step = score_planned_step(values, e->count);
        bytes_printf(out, "%s[%" PRId64, i > 0 ? "," : "", ((int64_t)i * e->step_ms - e->before_ms) / 1000);
        put_number(step.expected, out);
        put_number(step.low, out);
        put_number(step.high, out);
        bytes_u8(out, ']');
    }
}

static void put_answer(const struct expected *e, struct bytes *out)
{
    char text[WHEN_TEXT_BYTES];
    bytes_printf(out, "{\"status\":\"success\",\"data\":{\"marker\":\"%s\",\"class\":", e->id);
    bytes_json_string(out, str_of(e->class));
    bytes_printf(out, ",\"service\":");
    bytes_json_string(out, str_of(e->service));
    bytes_printf(out, ",\"step\":%" PRId64 ",\"earlier\":[", e->step_ms / 1000);
    for (size_t i = 0; i < e->count; i++)
        bytes_printf(out, "%s{\"marker\":\"%s\",\"time\":\"%s\"}", i > 0 ? "," : "", e->earlier[i].id,
                     when_text(e->earlier[i].start, text));
    if (e->count == 0)
        bytes_printf(out, "],\"text\":\"there is no earlier event of this class, so nothing is expected\"");
    else
        bytes_printf(out, "],\"text\":\"median of %zu earlier event%s of this class%s\"", e->count,
                     e->count == 1 ? "" : "s",
                     e->count == 1 ? "; one has no interval" : ", with the least and the most of them");
    bytes_printf(out, ",\"points\":[");
    put_points(e, out);
    bytes_printf(out, "]}}\n");
}

static enum tm_err step_expected(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                 struct tm_why *why)
{
    struct expected *e = state;
    if (!e->is_found)
        return find(e, reader, why);
    if (e->event < e->count)
        return read_some(e, reader, why);
    put_answer(e, out);
    *is_done = true;
    return TM_OK;
}

static const struct query_kind expected_query = {.step = step_expected, .free = free_expected};

/* ---- the request ---- */

static time_ms_t end_of(const struct marker *marker)
{
    return marker->end == MARKER_NO_END ? marker->time + POINT_MS : marker->end;
}

static void find_earlier(struct expected *e, const struct markers *markers, const struct marker *own)
{
    const struct markers_wanted wanted = {
        .service = own->text[MARKER_SERVICE], .kind = MARKER_EVENT, .span = {INT64_MIN, own->time}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    while (e->count < SCORE_PLANNED_EVENTS && (marker = markers_next(markers, &wanted, &place)) != NULL) {
        if (marker->id == own->id || end_of(marker) > own->time ||
            !str_equal(marker->text[MARKER_CLASS], own->text[MARKER_CLASS]) ||
            !str_equal(marker->text[MARKER_ENV], own->text[MARKER_ENV]))
            continue;
        e->earlier[e->count].start = marker->time / CELL_MS * CELL_MS;
        (void)marker_id_text(marker->id, e->earlier[e->count++].id);
    }
}

/* match[], or all requests of the event's service and env. */
static enum tm_err read_matches(struct expected *e, const struct params *params, const struct marker *marker,
                                struct tm_why *why)
{
    static const enum marker_text names[] = {MARKER_SERVICE, MARKER_ENV};
    struct bytes text = {0};
    enum tm_err err = params_matches(params, &e->matches, why);
    if (err || e->matches.count > 0)
        return err;
    bytes_printf(&text, "{__name__=\"http_events_total\"");
    for (size_t i = 0; i < 2; i++) {
        if (marker->text[names[i]].len == 0)
            continue;
        bytes_printf(&text, ",%s=", marker_text_name(names[i]).ptr);
        bytes_json_string(&text, marker->text[names[i]]);
    }
    bytes_u8(&text, '}');
    err = bytes_error(&text) ? tm_fail(why, TM_NOMEM, "out of memory; try again")
                             : selector_parse(bytes_view(&text), &e->matches.at[0], why);
    e->matches.count = !err;
    bytes_fini(&text);
    return err;
}

static enum tm_err read_request(struct expected *e, const struct params *params, const struct marker *marker,
                                struct tm_why *why)
{
    struct str class = marker->text[MARKER_CLASS], service = marker->text[MARKER_SERVICE];
    (void)marker_id_text(marker->id, e->id);
    e->class = strndup(class.len > 0 ? class.ptr : "", class.len);
    e->service = strndup(service.len > 0 ? service.ptr : "", service.len);
    if (!e->class || !e->service)
        return tm_fail(why, TM_NOMEM, "out of memory; try again");
    enum tm_err err = params_step(params, &e->step_ms, why);
    if (err)
        return err;
    int64_t length = end_of(marker) - marker->time + RUN_UP_MS + BEHIND_MS;
    e->step_ms = e->step_ms > 0 ? e->step_ms : MINUTE_MS * (1 + length / (240 * MINUTE_MS));
    if (e->step_ms % CELL_MS != 0)
        return tm_fail(why, TM_INVALID, "invalid parameter \"step\": it must be a multiple of 10 s");
    e->before_ms = (RUN_UP_MS + e->step_ms - 1) / e->step_ms * e->step_ms;
    e->points = (size_t)((length - RUN_UP_MS + e->before_ms + e->step_ms - 1) / e->step_ms);
    if (e->points > POINTS_MAX)
        return tm_fail(why, TM_INVALID, "invalid parameter \"step\": the curve would have over %d points",
                       POINTS_MAX);
    return read_matches(e, params, marker, why);
}

void query_expected(struct queries *queries, const struct markers *markers, const struct marker *marker,
                    struct http_exchange *exchange)
{
    struct params params = {.count = 0};
    struct tm_why why = {""};
    struct expected *e = calloc(1, sizeof *e);
    enum tm_err err = request_begin(&params, exchange, e, &why);
    if (!err)
        err = read_request(e, &params, marker, &why);
    params_fini(&params);
    if (!err)
        find_earlier(e, markers, marker);
    request_end(queries, exchange, &expected_query, e, err, &why);
}
