#include "server/cli/promql_ask.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/http.h"
#include "server/cli/promql_private.h"
#include "server/cli/series_text.h"
#include "server/promql/parse.h"
#include "server/promql/reach.h"

enum {
    TIMEOUT_MS = 3600 * 1000, /* the daemon ends a query by itself, far earlier */
    MAX_SAMPLES = 50000000,   /* held at once, as limits.query_max_samples */
    THREADS_MAX = 8
};

enum tm_err promql_read(const char *text, struct ast **out, struct tm_why *why)
{
    enum tm_err err = promql_parse(str_of(text), out, why);
    return err == TM_LIMIT || err == TM_TOO_LARGE ? TM_INVALID : err;
}

/* ---- a folder ---- */

static enum tm_err add_gaps(struct reader *reader, const struct promql_query *query, json_t *warnings,
                            struct tm_why *why)
{
    struct reader_gaps gaps;
    enum tm_err err = reader_gaps(reader, READER_RAW, promql_reach(query), &gaps, why);
    for (size_t i = 0; !err && i < gaps.listed; i++)
        if (json_array_append_new(warnings, json_string(gaps.at[i].text)))
            err = tm_fail(why, TM_NOMEM, "out of memory");
    return err;
}

static enum tm_err keep_stats(const struct promql_cost *cost, const struct promql_trace *trace,
                              struct promql_answer *answer, struct tm_why *why)
{
    struct bytes text = {0};
    promql_stats_json(cost, trace, &text);
    if (!bytes_error(&text))
        answer->stats = json_loadb((const char *)text.data, text.len, 0, NULL);
    bytes_fini(&text);
    return answer->stats ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
}

static enum tm_err evaluate(struct reader *reader, const struct promql_query *query,
                            struct promql_answer *answer, struct tm_why *why)
{
    struct promql_cost cost;
    char note[PROMQL_NOTE_BYTES];
    const struct source source = source_of_reader(reader);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const struct promql_limits limits = {.max_samples = MAX_SAMPLES,
                                         .threads = processors < 2             ? 1
                                                    : processors < THREADS_MAX ? (unsigned)processors
                                                                               : THREADS_MAX};
    enum tm_err err = promql_run(&source, query, &limits, &answer->result, &cost, why);
    if (err == TM_INVALID)
        err = TM_LIMIT; /* it was well written, but can't be evaluated on this */
    if (!err)
        answer->type = promql_result_type(answer->result);
    if (!err && promql_note(&cost, note) && json_array_append_new(answer->warnings, json_string(note)))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    if (!err && query->trace)
        err = keep_stats(&cost, query->trace, answer, why);
    return err ? err : add_gaps(reader, query, answer->warnings, why);
}

static enum tm_err ask_folder(const char *dir, const struct promql_request *request,
                              struct promql_answer *answer, struct tm_why *why)
{
    struct promql_query query = {.start = request->start, .end = request->end, .step_ms = request->step_ms};
    struct promql_trace trace = {0};
    struct ast *ast = NULL;
    struct reader *reader = NULL;
    int64_t begun_ns = trace_now_ns();
    answer->warnings = json_array();
    enum tm_err err = answer->warnings ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
    if (!err)
        err = promql_read(request->text, &ast, why);
    query.ast = ast;
    trace.parse_ns = trace_now_ns() - begun_ns;
    if (!err && request->wants_stats) {
        trace.room = ast->selector_count;
        trace.at = calloc(trace.room + 1, sizeof *trace.at);
        query.trace = &trace;
        err = trace.at ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
    }
    if (!err && request->step_ms > 0)
        err = promql_check_range(ast, why);
    if (!err)
        err = reader_open(dir, &reader, why);
    if (!err)
        err = evaluate(reader, &query, answer, why);
    reader_close(reader);
    ast_free(ast);
    free(trace.at);
    return err;
}

/* ---- a daemon ---- */

static void put_time(struct bytes *out, const char *name, int64_t ms)
{
    enum { MS_PER_S = 1000 };
    uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    bytes_printf(out, "&%s=%s%llu.%03u", name, ms < 0 ? "-" : "", (unsigned long long)(size / MS_PER_S),
                 (unsigned)(size % MS_PER_S));
}

static void put_form(const struct promql_request *request, struct bytes *out)
{
    bytes_printf(out, "query=");
    http_escape(str_of(request->text), out);
    put_time(out, request->step_ms ? "start" : "time", request->start);
    if (request->step_ms) {
        put_time(out, "end", request->end);
        put_time(out, "step", request->step_ms);
    }
    bytes_printf(out, "%s", request->wants_stats ? "&stats=all" : "");
}

static enum tm_err read_answer(const struct http_answer *told, struct promql_answer *answer,
                               struct tm_why *why)
{
    enum { OK = 200, BAD_REQUEST = 400 };
    if (told->status != OK) {
        http_error_text(told, why);
        return told->status == BAD_REQUEST ? TM_INVALID : TM_IO;
    }
    answer->root = json_loadb((const char *)told->body.data, told->body.len, 0, NULL);
    return promql_answer_check(answer, why);
}

static enum tm_err ask_daemon(const struct args *args, const struct promql_request *request,
                              struct promql_answer *answer, struct tm_why *why)
{
    struct http *http = NULL;
    struct bytes form = {0};
    struct http_answer told = {0};
    enum tm_err err = command_connect(args, &http, why);
    put_form(request, &form);
    if (!err && bytes_error(&form))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    if (!err)
        err = http_post_form(http, request->step_ms ? "/api/v1/query_range" : "/api/v1/query",
                             bytes_view(&form), TIMEOUT_MS, &told, why);
    if (!err)
        err = read_answer(&told, answer, why);
    bytes_fini(&form);
    bytes_fini(&told.body);
    http_close(http);
    return err;
}

/* ---- both ---- */

static void print_warnings(const json_t *warnings)
{
    const json_t *text;
    size_t i;
    json_array_foreach(warnings, i, text)
    {
        struct bytes plain = {0};
        series_text_plain((struct str){json_string_value(text), json_string_length(text)}, &plain);
        source_warn(NULL, bytes_view(&plain));
        bytes_fini(&plain);
    }
}

enum tm_err promql_ask(const struct args *args, const struct promql_request *request,
                       struct promql_answer **out, struct tm_why *why)
{
    const char *dir = options_text(args, "data-dir");
    *out = NULL;
    if (dir && options_given(args, "server"))
        return tm_fail(why, TM_INVALID, "--data-dir reads a folder, --server asks a daemon; leave out one");
    struct promql_answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return tm_fail(why, TM_NOMEM, "out of memory");
    enum tm_err err = dir ? ask_folder(dir, request, answer, why) : ask_daemon(args, request, answer, why);
    if (err) {
        promql_answer_free(answer);
        return err;
    }
    print_warnings(answer->warnings);
    *out = answer;
    return TM_OK;
}
