/* Anomalies and incidents: lists, newest first; one incident by its id. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/query/endpoints.h"
#include "server/query/finding_json.h"
#include "server/query/params.h"
#include "server/query/request.h"
#include "server/wire/reply.h"
#include "storage/findings/findings.h"
#include "storage/model/marker.h"
#include "storage/model/number.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, NUMBER_BYTES = 64 };
#define DAY_MS INT64_C(86400000)

enum state_wanted { STATE_ANY, STATE_OPEN, STATE_CLOSED };

struct listing {
    struct findings_wanted wanted;
    struct bytes texts; /* service and env, which wanted shows */
    enum state_wanted state;
    size_t limit;
    size_t given;
    uint64_t damaged;
    bool is_begun;
    bool is_more;
    struct feedback_list feedback;
    bool has_feedback;
    struct bytes *out; /* during a step */
    size_t step_end;   /* of out */
};

static void free_listing(void *state)
{
    struct listing *l = state;
    feedback_fini(&l->feedback);
    bytes_fini(&l->texts);
    free(l);
}

/* ---- items ---- */

static void put_item(struct listing *l, const struct finding *finding)
{
    struct bytes said = {0};
    if (l->given++ > 0)
        bytes_u8(l->out, ',');
    if (finding->kind == FINDING_INCIDENT) {
        feedback_json(&l->feedback, finding->id, &said);
        struct str view = bytes_view(&said);
        finding_json(finding, &view, l->out);
    } else {
        finding_json(finding, NULL, l->out);
    }
    l->out->failed = l->out->failed || said.failed;
    bytes_fini(&said);
}

static bool is_in_state(const struct listing *l, const struct finding *finding)
{
    return l->state == STATE_ANY || (finding->end == 0) == (l->state == STATE_OPEN);
}

/* Stops before the first one that has no room here, and at the next call goes on behind the last that had. */
static bool give_item(void *arg, const struct finding *finding)
{
    struct listing *l = arg;
    if (!is_in_state(l, finding))
        return true;
    l->is_more = l->given == l->limit || l->out->len >= l->step_end;
    if (l->is_more)
        return false;
    put_item(l, finding);
    l->wanted.behind = (struct findings_place){finding->time, finding->id, true};
    return !l->out->failed;
}

/* ---- steps ---- */

static void put_end(struct listing *l)
{
    char id[MARKER_ID_TEXT + 1];
    if (l->is_more)
        bytes_printf(l->out, "],\"next\":\"%" PRId64 ".%s\"}", l->wanted.behind.time,
                     marker_id_text(l->wanted.behind.id, id));
    else
        bytes_printf(l->out, "],\"next\":null}");
    if (l->damaged > 0)
        bytes_printf(l->out,
                     ",\"warnings\":[\"%" PRIu64 " of what scoring found are damaged and left out; `tidemark "
                     "verify --data-dir` says which\"]",
                     l->damaged);
    bytes_printf(l->out, "}\n");
}

static enum tm_err load_feedback(struct listing *l, struct reader *reader, struct tm_why *why)
{
    if (l->has_feedback || l->wanted.kind != FINDING_INCIDENT)
        return TM_OK;
    l->has_feedback = true;
    return feedback_load(&l->feedback, reader, l->wanted.service, l->wanted.env, why);
}

static enum tm_err step_listing(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                struct tm_why *why)
{
    struct listing *l = state;
    enum tm_err err = load_feedback(l, reader, why);
    if (err)
        return err;
    if (!l->is_begun)
        bytes_printf(out, "{\"status\":\"success\",\"data\":{\"items\":[");
    l->is_begun = true;
    l->is_more = false;
    l->out = out;
    l->step_end = out->len + QUERY_PIECE_BYTES;
    l->wanted.damaged = &l->damaged;
    /* wanted changes while it is searched with: the search has a copy */
    const struct findings_wanted wanted = l->wanted;
    err = findings_search(reader, &wanted, give_item, l, why);
    if (err)
        return err;
    *is_done = !l->is_more || l->given == l->limit;
    if (*is_done)
        put_end(l);
    return TM_OK;
}

static const struct query_kind listing_kind = {.step = step_listing, .free = free_listing};

static bool give_one(void *arg, const struct finding *finding)
{
    struct listing *l = arg;
    bytes_printf(l->out, "{\"status\":\"success\",\"data\":");
    put_item(l, finding);
    bytes_printf(l->out, "}\n");
    return false;
}

static enum tm_err step_one(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                            struct tm_why *why)
{
    struct listing *l = state;
    enum tm_err err = load_feedback(l, reader, why);
    l->out = out;
    *is_done = true;
    if (!err)
        err = findings_search(reader, &l->wanted, give_one, l, why);
    if (!err && l->given == 0)
        return tm_fail(why, TM_NOT_FOUND,
                       "there is no incident of this id; GET /api/v1/incidents lists them");
    return err;
}

static const struct query_kind one_kind = {.step = step_one, .free = free_listing};

/* ---- the request ---- */

/* What is missing: the day before the end, or before now. */
static enum tm_err read_span(struct listing *l, const struct params *params, time_ms_t now,
                             struct tm_why *why)
{
    struct span *span = &l->wanted.span;
    enum tm_err err = params_from_to(params, now, span, why);
    if (err || span->from != INT64_MIN)
        return err;
    span->from = (span->to == INT64_MAX ? now : span->to) - DAY_MS;
    return TM_OK;
}

static enum tm_err read_score(struct listing *l, const struct params *params, struct tm_why *why)
{
    struct str text = {0};
    char copy[NUMBER_BYTES], *end = copy;
    if (!params_get(params, "min_score", &text) || text.len == 0)
        return TM_OK;
    if (text.len < sizeof copy) {
        (void)snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
        l->wanted.min_score = strtod(copy, &end);
    }
    if (end == copy || *end || !(l->wanted.min_score >= 0 && l->wanted.min_score <= 100))
        return tm_fail(why, TM_INVALID, "invalid parameter \"min_score\": it is a number from 0 to 100");
    return TM_OK;
}

static enum tm_err read_state(struct listing *l, const struct params *params, struct tm_why *why)
{
    struct str text = {0};
    if (l->wanted.kind != FINDING_INCIDENT || !params_get(params, "state", &text) || text.len == 0)
        return TM_OK;
    l->state = str_equal(text, STR("open")) ? STATE_OPEN : STATE_CLOSED;
    if (l->state == STATE_CLOSED && !str_equal(text, STR("closed")))
        return tm_fail(why, TM_INVALID, "invalid parameter \"state\": it is open or closed");
    return TM_OK;
}

/* "TIME.ID", as put_end wrote it. */
static enum tm_err read_cursor(struct listing *l, const struct params *params, struct tm_why *why)
{
    struct findings_place *place = &l->wanted.behind;
    struct str text = {0};
    char copy[NUMBER_BYTES] = "", *end = copy;
    if (!params_get(params, "cursor", &text) || text.len == 0)
        return TM_OK;
    if (text.len < sizeof copy)
        (void)snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    place->time = strtoll(copy, &end, 10);
    place->id = end > copy && *end == '.' ? marker_id_of(str_of(end + 1)) : 0;
    place->is_begun = true;
    return place->id != 0
               ? TM_OK
               : tm_fail(why, TM_INVALID, "invalid parameter \"cursor\": it is no \"next\" of a list before");
}

/* Copies of service and env: the parameters go when the request is submitted. */
static enum tm_err read_names(struct listing *l, const struct params *params, struct tm_why *why)
{
    struct str service = {0}, env = {0};
    (void)params_get(params, "service", &service);
    (void)params_get(params, "env", &env);
    bytes_put(&l->texts, service.ptr, service.len);
    bytes_put(&l->texts, env.ptr, env.len);
    if (bytes_error(&l->texts))
        return tm_fail(why, TM_NOMEM, "out of memory; try again");
    const char *at = (const char *)l->texts.data;
    l->wanted.service = (struct str){at, service.len};
    l->wanted.env = (struct str){env.len > 0 ? at + service.len : NULL, env.len};
    return TM_OK;
}

static enum tm_err read_listing(struct listing *l, const struct params *params, time_ms_t now,
                                struct tm_why *why)
{
    enum tm_err err = read_span(l, params, now, why);
    if (!err)
        err = params_page(params, LIMIT_DEFAULT, LIMIT_MAX, &l->limit, why);
    if (!err)
        err = read_score(l, params, why);
    if (!err)
        err = read_state(l, params, why);
    if (!err)
        err = read_cursor(l, params, why);
    return err ? err : read_names(l, params, why);
}

static void list(struct queries *queries, struct http_exchange *exchange, enum finding_kind kind)
{
    struct params params;
    struct tm_why why = {""};
    struct listing *l = calloc(1, sizeof *l);
    enum tm_err err = request_begin(&params, exchange, l, &why);
    if (!err) {
        l->wanted.kind = kind;
        err = read_listing(l, &params, queries_now_ms(queries), &why);
    }
    params_fini(&params);
    request_end(queries, exchange, &listing_kind, l, err, &why);
}

void query_anomalies(struct queries *queries, struct http_exchange *exchange)
{
    list(queries, exchange, FINDING_ANOMALY);
}

void query_incidents(struct queries *queries, struct http_exchange *exchange)
{
    list(queries, exchange, FINDING_INCIDENT);
}

void query_incident(struct queries *queries, struct http_exchange *exchange)
{
    struct listing *l = calloc(1, sizeof *l);
    if (!l) {
        const struct tm_why why = {"out of memory; try again"};
        params_refuse(exchange, TM_NOMEM, &why);
        return;
    }
    l->wanted = finding_by_id(FINDING_INCIDENT, http_path_part(exchange));
    queries_submit(queries, exchange, &one_kind, l);
}
