/* PromQL over HTTP: /api/v1/query, /api/v1/query_range, /api/v1/format_query. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/promql/engine.h"
#include "server/promql/parse.h"
#include "server/promql/print.h"
#include "server/promql/reach.h"
#include "server/query/endpoints.h"
#include "server/query/gap_json.h"
#include "server/query/params.h"
#include "server/query/promql_json.h"
#include "server/query/promql_params.h"
#include "server/wire/reply.h"

enum { POINTS_MAX = 11000 };

enum { OK = 200, UNAVAILABLE = 503 };

struct evaluation {
    struct queries *queries;
    uint64_t held; /* counted in queries_hold */
    struct ast *ast;
    struct promql_query query;
    struct promql_limits limits;
    struct promql_result *result;
    struct promql_cost cost;
    struct promql_json json;
    bool wants_stats;
    bool wants_trace;
    struct promql_trace trace;
};

static void free_evaluation(void *state)
{
    struct evaluation *e = state;
    promql_result_free(e->result);
    if (e->held)
        queries_release(e->queries, e->held);
    ast_free(e->ast);
    bytes_fini(&e->json.labels);
    free(e->trace.at);
    free(e);
}

/* ---- the work ---- */

static bool is_stopped(void *arg)
{
    return reader_is_stopped(arg);
}

/* Threads that read series at the same time: what the machine has, within a bound. */
static unsigned thread_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 2 ? 1 : processors < QUERY_WORKERS_MAX ? (unsigned)processors : QUERY_WORKERS_MAX;
}

/* What can't be evaluated is an error of the execution (422) even where its cause is in the text. */
static enum tm_err run_evaluation(struct evaluation *e, struct reader *reader, struct tm_why *why)
{
    struct source source = source_of_reader(reader);
    e->limits.stop = is_stopped;
    e->limits.stop_arg = reader;
    e->limits.threads = thread_count();
    reader_limit_samples(reader, 0); /* Prometheus' bound is on what is held at once: the evaluation's */
    enum tm_err err = promql_run(&source, &e->query, &e->limits, &e->result, &e->cost, why);
    if (err)
        return err == TM_INVALID ? TM_LIMIT : err;
    err = queries_hold(e->queries, promql_result_held(e->result), why);
    if (!err)
        e->held = promql_result_held(e->result);
    return err;
}

static enum tm_err end_answer(const struct evaluation *e, struct reader *reader, struct bytes *out,
                              struct tm_why *why)
{
    const struct span span = promql_reach(&e->query);
    if (e->wants_stats) {
        bytes_printf(out, ",\"stats\":");
        promql_stats_json(&e->cost, e->wants_trace ? &e->trace : NULL, out);
    }
    bytes_u8(out, '}');
    char note[PROMQL_NOTE_BYTES];
    bool has_note = promql_note(&e->cost, note);
    enum tm_err err = gap_json_member(reader, READER_RAW, &span, 1, has_note ? note : NULL, out, why);
    bytes_u8(out, '}');
    return err;
}

static enum tm_err step_evaluation(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                                   struct tm_why *why)
{
    struct evaluation *e = state;
    if (!e->result) {
        enum tm_err err = run_evaluation(e, reader, why);
        if (!err)
            bytes_printf(out, "{\"status\":\"success\",\"data\":");
        return err;
    }
    int64_t begun_ns = trace_now_ns();
    *is_done = promql_json_step(&e->json, e->result, e->query.start, out);
    e->trace.print_ns += trace_now_ns() - begun_ns;
    return *is_done ? end_answer(e, reader, out, why) : TM_OK;
}

static const struct query_kind evaluation_kind = {.step = step_evaluation, .free = free_evaluation};

/* ---- the requests ---- */

static const char query_prefix[] = "invalid parameter \"query\": ";

/* prefix: how Prometheus names the parameter where it does. */
static enum tm_err read_query(const struct params *params, const char *prefix, struct ast **out,
                              struct tm_why *why)
{
    struct str text = {"", 0};
    struct tm_why inner = {""};
    (void)params_get(params, "query", &text);
    enum tm_err err = promql_parse(text, out, &inner);
    return err ? tm_fail(why, err, "%s%s", prefix, inner.text) : TM_OK;
}

static enum tm_err read_instant(struct evaluation *e, const struct params *params, time_ms_t now,
                                struct tm_why *why)
{
    enum tm_err err = promql_params_time(params, "time", now, &e->query.start, why);
    e->query.end = e->query.start;
    return err ? err : read_query(params, query_prefix, &e->ast, why);
}

static enum tm_err check_range(const struct promql_query *query, struct tm_why *why)
{
    if (query->end < query->start)
        return tm_fail(why, TM_INVALID,
                       "invalid parameter \"end\": end timestamp must not be before start time");
    if (query->step_ms <= 0)
        return tm_fail(why, TM_INVALID,
                       "invalid parameter \"step\": zero or negative query resolution step widths are not "
                       "accepted. Try a positive integer");
    if ((query->end - query->start) / query->step_ms > POINTS_MAX)
        return tm_fail(
            why, TM_INVALID,
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
            "resolution (?step=XX)");
    return TM_OK;
}

static enum tm_err read_range(struct evaluation *e, const struct params *params, struct tm_why *why)
{
    enum tm_err err = promql_params_time_needed(params, "start", &e->query.start, why);
    if (!err)
        err = promql_params_time_needed(params, "end", &e->query.end, why);
    if (!err && e->query.end >= e->query.start)
        err = promql_params_duration(params, "step", &e->query.step_ms, why);
    if (!err)
        err = check_range(&e->query, why);
    if (!err)
        err = read_query(params, "", &e->ast, why);
    if (err)
        return err;
    enum ast_type type = e->ast->root->type;
    if (type == AST_SCALAR || type == AST_VECTOR)
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                   ast_type_text(type));
}

/* `timeout`; INT64_MAX: there is none. */
static enum tm_err read_timeout(const struct params *params, int64_t *out_ms, struct tm_why *why)
{
    struct str text;
    *out_ms = INT64_MAX;
    if (!params_get(params, "timeout", &text) || text.len == 0)
        return TM_OK;
    return promql_params_duration(params, "timeout", out_ms, why);
}

/* `stats`: any value asks for sums, `all` for what each selector read and how long each stage took. */
static enum tm_err read_stats(struct evaluation *e, const struct params *params, struct tm_why *why)
{
    struct str stats;
    e->wants_stats = params_get(params, "stats", &stats) && stats.len > 0;
    e->wants_trace = e->wants_stats && str_equal(stats, STR("all"));
    if (!e->wants_trace)
        return TM_OK;
    e->trace.room = e->ast->selector_count;
    e->trace.at = calloc(e->trace.room + 1, sizeof *e->trace.at);
    e->query.trace = &e->trace;
    return e->trace.at ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory; try again");
}

static enum tm_err read_evaluation(struct evaluation *e, const struct params *params,
                                   const struct queries *queries, bool is_range, int64_t *timeout_ms,
                                   struct tm_why *why)
{
    int64_t begun_ns = trace_now_ns();
    enum tm_err err =
        is_range ? read_range(e, params, why) : read_instant(e, params, queries_now_ms(queries), why);
    if (!err)
        err = read_timeout(params, timeout_ms, why);
    e->trace.parse_ns = trace_now_ns() - begun_ns;
    if (!err)
        err = read_stats(e, params, why);
    e->query.ast = e->ast;
    e->limits.max_samples = (uint64_t)queries_config(queries)->limits.query_max_samples;
    return err;
}

static void take_request(struct queries *queries, struct http_exchange *exchange, bool is_range)
{
    struct params params;
    struct tm_why why = {""};
    int64_t timeout_ms = INT64_MAX;
    struct evaluation *e = calloc(1, sizeof *e);
    enum tm_err err = params_read(&params, exchange, &why);
    if (!err && !e)
        err = tm_fail(&why, TM_NOMEM, "out of memory; try again");
    if (!err)
        err = read_evaluation(e, &params, queries, is_range, &timeout_ms, &why);
    if (e)
        e->queries = queries;
    params_fini(&params);
    if (!err && timeout_ms > 0) {
        queries_submit_within(queries, exchange, &evaluation_kind, e, timeout_ms);
        return;
    }
    if (e)
        free_evaluation(e);
    if (err)
        params_refuse(exchange, err, &why);
    else
        http_respond_error(exchange, UNAVAILABLE, "timeout", "query timed out in query execution");
}

void query_instant(struct queries *queries, struct http_exchange *exchange)
{
    take_request(queries, exchange, false);
}

void query_range(struct queries *queries, struct http_exchange *exchange)
{
    take_request(queries, exchange, true);
}

/* ---- formatting ---- */

static enum tm_err format_query(struct http_exchange *exchange, struct bytes *out, struct tm_why *why)
{
    struct params params;
    struct ast *ast = NULL;
    struct bytes text = {0};
    enum tm_err err = params_read(&params, exchange, why);
    if (!err)
        err = read_query(&params, query_prefix, &ast, why);
    if (!err) {
        ast_print_lines(ast->root, &text);
        bytes_printf(out, "{\"status\":\"success\",\"data\":");
        bytes_json_string(out, bytes_view(&text));
        bytes_printf(out, "}");
        out->failed = out->failed || text.failed;
        err = bytes_error(out) ? tm_fail(why, TM_NOMEM, "out of memory; try again") : TM_OK;
    }
    params_fini(&params);
    ast_free(ast);
    bytes_fini(&text);
    return err;
}

void query_format(struct http_exchange *exchange)
{
    struct tm_why why = {""};
    struct bytes out = {0};
    enum tm_err err = format_query(exchange, &out, &why);
    if (err)
        params_refuse(exchange, err, &why);
    else
        http_respond(exchange, OK, NULL, bytes_view(&out));
    bytes_fini(&out);
}
