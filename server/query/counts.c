/* Exact counts and sums, in integers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/endpoints.h"
#include "server/query/gap_json.h"
#include "server/query/params.h"
#include "server/query/request.h"
#include "server/wire/reply.h"
#include "storage/counts/counting.h"
#include "storage/model/when.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000 };

/* Of an answer, in one step. */
enum { STEP_ITEMS = 64 };

struct counts {
    struct counting *counting;
    int64_t step_ms;
    size_t skip; /* the cursor: so many items were given before */
    size_t limit;
    size_t passed; /* items passed over */
    size_t given;
    bool is_read;
    bool is_begun;
    struct bytes item; /* the one that tells that there are more */
};

static void free_counts(void *state)
{
    struct counts *c = state;
    counting_free(c->counting);
    bytes_fini(&c->item);
    free(c);
}

/* ---- the answer ---- */

static void put_time(struct bytes *out, const char *name, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == INT64_MIN || time == INT64_MAX)
        bytes_printf(out, ",\"%s\":null", name);
    else
        bytes_printf(out, ",\"%s\":\"%s\"", name, when_text(time, text));
}

/* What was counted: the span in whole cells, the step in seconds, and the unit of the integers. */
static void put_head(const struct counts *c, struct bytes *out)
{
    enum { MS_PER_S = 1000 };
    struct span span = counting_span(c->counting);
    bytes_printf(out, "{\"status\":\"success\",\"data\":{\"unit\":\"%s\"",
                 counting_is_time(c->counting) ? "us" : "1");
    put_time(out, "from", span.from);
    put_time(out, "to", span.to);
    if (c->step_ms > 0)
        bytes_printf(out, ",\"step\":%" PRId64, c->step_ms / MS_PER_S);
    else
        bytes_printf(out, ",\"step\":null");
    bytes_printf(out, ",\"items\":[");
}

/* is_done: none follow, or as many as asked for are out and *is_more tells whether there are others. */
static enum tm_err put_items(struct counts *c, struct bytes *out, bool *is_done, bool *is_more,
                             struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *is_more = false;
    for (size_t i = 0; i < STEP_ITEMS && !err; i++) {
        if (c->passed < c->skip || c->given == c->limit) {
            err = counting_next(c->counting, NULL, why);
            *is_more = *is_done = !err && c->passed == c->skip;
            c->passed += !err && !*is_done;
            if (*is_done)
                return TM_OK;
            continue;
        }
        bytes_clear(&c->item);
        err = counting_next(c->counting, &c->item, why);
        if (err)
            continue;
        if (c->given++ > 0)
            bytes_u8(out, ',');
        bytes_put(out, c->item.data, c->item.len);
    }
    *is_done = err == TM_NOT_FOUND;
    return *is_done ? TM_OK : err;
}

static enum tm_err step_counts(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                               struct tm_why *why)
{
    struct counts *c = state;
    bool is_more;
    if (!c->is_read)
        return counting_step(c->counting, reader, &c->is_read, why);
    if (!c->is_begun)
        put_head(c, out);
    c->is_begun = true;
    enum tm_err err = put_items(c, out, is_done, &is_more, why);
    if (err || !*is_done)
        return err;
    struct span span = counting_span(c->counting);
    if (is_more)
        bytes_printf(out, "],\"next\":\"%zu\"}", c->skip + c->given);
    else
        bytes_printf(out, "],\"next\":null}");
    err = gap_json_member(reader, READER_COUNTS, &span, 1, NULL, out, why);
    bytes_printf(out, "}\n");
    return err;
}

static const struct query_kind counts_kind = {.step = step_counts, .free = free_counts};

/* ---- the request ---- */

static enum tm_err read_by(const struct params *params, struct counting_request *request, struct tm_why *why)
{
    struct str text;
    if (!params_get(params, "by", &text))
        return TM_OK;
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.ptr) : text.len;
        if (request->by_count == COUNTING_BY_MAX)
            return tm_fail(why, TM_INVALID, "invalid parameter \"by\": at most %d labels", COUNTING_BY_MAX);
        request->by[request->by_count++] = (struct str){text.ptr, len};
        text = comma ? (struct str){comma + 1, text.len - len - 1} : (struct str){"", 0};
    }
    return TM_OK;
}

static enum tm_err read_matches(const struct params *params, struct counting_request *request,
                                struct tm_why *why)
{
    for (size_t i = 0; i < params->count; i++) {
        if (!str_equal(params->at[i].name, STR("match[]")))
            continue;
        if (request->match_count == COUNTING_MATCHES_MAX)
            return tm_fail(why, TM_INVALID, "a request has at most %d match[]", COUNTING_MATCHES_MAX);
        request->matches[request->match_count++] = params->at[i].value;
    }
    return TM_OK;
}

static void take_service_from(const struct config *config, struct counting_request *request)
{
    for (size_t i = 0; i < config->service_from.count && i < COUNTING_SERVICE_FROM_MAX; i++)
        request->service_from[request->service_from_count++] = str_of(config->service_from.at[i]);
}

static enum tm_err read_counts(struct counts *c, const struct params *params, const struct queries *queries,
                               struct tm_why *why)
{
    struct counting_request request = {0};
    enum tm_err err = params_from_to(params, queries_now_ms(queries), &request.span, why);
    if (!err)
        err = params_step(params, &request.step_ms, why);
    if (!err)
        err = params_page(params, LIMIT_DEFAULT, LIMIT_MAX, &c->limit, why);
    if (!err)
        err = params_count(params, "cursor", 0, &c->skip, why);
    if (!err)
        err = read_by(params, &request, why);
    if (!err)
        err = read_matches(params, &request, why);
    if (err)
        return err;
    (void)params_get(params, "name", &request.name);
    request.is_one_service = params_get(params, "service", &request.service) && request.service.len > 0;
    take_service_from(queries_config(queries), &request);
    c->step_ms = request.step_ms;
    return counting_new(&request, &c->counting, why);
}

void query_counts(struct queries *queries, struct http_exchange *exchange)
{
    struct params params;
    struct tm_why why = {""};
    struct counts *c = calloc(1, sizeof *c);
    enum tm_err err = request_begin(&params, exchange, c, &why);
    if (!err)
        err = read_counts(c, &params, queries, &why);
    params_fini(&params);
    request_end(queries, exchange, &counts_kind, c, err, &why);
}
