#include "server/cli/query_promql.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/query_vector.h"
#include "server/cli/series_text.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

enum { MS_PER_S = 1000, POINTS_MAX = 11000, POINTS_WANTED = 240 };

/* ---- what is meant ---- */

/* Is it what samples are listed of: a name, labels in braces, or both? */
static bool is_plain_selector(const char *text)
{
    struct selector selector = {0};
    bool is_plain = selector_parse(str_of(text), &selector, NULL) == TM_OK;
    selector_fini(&selector);
    return is_plain;
}

static enum tm_err check_options(const struct args *args, enum query_mode mode, bool is_plain,
                                 struct tm_why *why)
{
    static const char *const of_range[] = {"from", "to", "step"};
    static const char *const of_raw[] = {"tier", "of"};
    bool has_at = options_given(args, "at");
    for (size_t i = 0; has_at && i < sizeof of_range / sizeof of_range[0]; i++)
        if (options_given(args, of_range[i]))
            return tm_fail(why, TM_INVALID, "--at asks for one moment and --%s for many; leave out one",
                           of_range[i]);
    if (has_at && options_given(args, "plot"))
        return tm_fail(why, TM_INVALID,
                       "one moment is no chart; ask --plot with --from and --to instead of --at");
    for (size_t i = 0; mode != QUERY_RAW && i < sizeof of_raw / sizeof of_raw[0]; i++)
        if (options_given(args, of_raw[i]))
            return tm_fail(why, TM_INVALID,
                           is_plain ? "--%s lists what is stored, so --at and --step say nothing; leave them "
                                      "out, or leave it out"
                                    : "--%s lists what is stored and needs a plain selector, not an "
                                      "expression; leave it out",
                           of_raw[i]);
    return TM_OK;
}

/* A range needs an expression that has one value a series at a moment. */
int query_promql_check(const char *text, enum query_mode mode)
{
    struct tm_why why = {0};
    struct ast *ast = NULL;
    enum tm_err err = promql_read(text, &ast, &why);
    bool is_range_only = !err && mode == QUERY_RANGE && ast->root->type == AST_MATRIX;
    ast_free(ast);
    if (err == TM_INVALID)
        return promql_fail(text, &why);
    if (err)
        return command_fail(EXIT_FAILED, &why);
    if (!is_range_only)
        return EXIT_OK;
    tm_why_write(&why, "a range selector has many values at one moment: ask with --at, put a function around "
                       "it, or leave out the range to list samples");
    return command_fail(EXIT_USAGE, &why);
}

int query_promql_mode(const struct args *args, const char *text, enum query_mode *out)
{
    static const char *const of_range[] = {"from", "to", "step", "plot"};
    struct tm_why why = {0};
    bool is_plain = is_plain_selector(text);
    bool has_range = false;
    for (size_t i = 0; i < sizeof of_range / sizeof of_range[0]; i++)
        has_range = has_range || options_given(args, of_range[i]);
    *out = has_range ? QUERY_RANGE : QUERY_MOMENT;
    if (is_plain && !options_given(args, "at") && !options_given(args, "step"))
        *out = QUERY_RAW;
    if (check_options(args, *out, is_plain, &why))
        return command_fail(EXIT_USAGE, &why);
    return *out == QUERY_RAW ? EXIT_OK : query_promql_check(text, *out);
}

/* ---- when ---- */

/* A length that people use, so that there are some POINTS_WANTED in span. */
static int64_t choose_step(int64_t span_ms)
{
    static const int64_t steps_s[] = {1,   2,    5,    10,   15,    30,    60,    120,   300,
                                      600, 1800, 3600, 7200, 21600, 43200, 86400, 604800};
    enum { COUNT = sizeof steps_s / sizeof steps_s[0] };
    for (size_t i = 0; i < COUNT; i++)
        if (span_ms / (steps_s[i] * MS_PER_S) <= POINTS_WANTED)
            return steps_s[i] * MS_PER_S;
    return (span_ms / POINTS_WANTED / (steps_s[COUNT - 1] * MS_PER_S) + 1) * steps_s[COUNT - 1] * MS_PER_S;
}

static time_ms_t align_down(time_ms_t time, int64_t step_ms)
{
    int64_t rest = time % step_ms;
    return time - (rest < 0 ? rest + step_ms : rest);
}

/* Was it said in words that hang on the clock? */
static bool is_relative(const char *text)
{
    return *text == '-' || *text == '+' || *text == 'n';
}

static enum tm_err read_time(const struct args *args, const char *name, time_ms_t now, time_ms_t *out,
                             struct tm_why *why)
{
    struct tm_why reason;
    const char *text = options_text(args, name);
    if (!text || when_parse(str_of(text), now, out, &reason) == TM_OK)
        return TM_OK;
    return tm_fail(why, TM_INVALID, "--%s: %s", name, reason.text);
}

static enum tm_err read_step(const struct args *args, struct promql_request *out, struct tm_why *why)
{
    struct tm_why reason;
    const char *text = options_text(args, "step");
    int64_t span_ms = out->end - out->start;
    out->step_ms = choose_step(span_ms);
    if (text && when_parse_duration(str_of(text), &out->step_ms, &reason))
        return tm_fail(why, TM_INVALID, "--step: %s", reason.text);
    if (out->step_ms <= 0)
        return tm_fail(why, TM_INVALID, "--step must be longer than nothing, for example 1m");
    if (span_ms / out->step_ms > POINTS_MAX)
        return tm_fail(why, TM_INVALID,
                       "--step %s makes over 11,000 moments of that span; ask for a longer step or less time",
                       text);
    return TM_OK;
}

enum tm_err query_promql_times(const struct args *args, enum query_mode mode, time_ms_t now,
                               struct promql_request *out, struct tm_why *why)
{
    out->start = out->end = now;
    out->step_ms = 0;
    if (mode == QUERY_MOMENT) {
        enum tm_err err = read_time(args, "at", now, &out->start, why);
        out->end = out->start;
        return err;
    }
    enum tm_err err = read_time(args, "from", now, &out->start, why);
    if (!err)
        err = read_time(args, "to", now, &out->end, why);
    if (!err && out->end < out->start)
        err = tm_fail(why, TM_INVALID, "--from %s is not before --to %s; swap them or widen the span",
                      options_text(args, "from"), options_text(args, "to"));
    if (!err)
        err = read_step(args, out, why);
    if (!err && is_relative(options_text(args, "from")))
        out->start = align_down(out->start, out->step_ms);
    return err;
}

/* ---- printing ---- */

static void print_json_point(const char *type, time_ms_t time, struct str value)
{
    struct bytes text = {0};
    bytes_json_string(&text, value);
    printf("{\"resultType\":\"%s\",\"result\":[", type);
    query_print_seconds(stdout, time);
    printf(",%.*s]}\n", (int)text.len, text.len ? (const char *)text.data : "\"\"");
    bytes_fini(&text);
}

static enum tm_err print_scalar(const struct promql_answer *answer, time_ms_t at, enum query_format format,
                                struct tm_why *why)
{
    double value;
    char text[VALUE_TEXT_BYTES], when[WHEN_TEXT_BYTES];
    enum tm_err err = promql_answer_scalar(answer, &value, why);
    if (err)
        return err;
    (void)value_text(value, text);
    if (format == QUERY_JSON)
        print_json_point("scalar", at, str_of(text));
    else if (format == QUERY_CSV)
        printf("time,value\n%s,%s\n", when_text(at, when), text);
    else
        printf("%s\n", text);
    return TM_OK;
}

static void print_string(const struct promql_answer *answer, time_ms_t at, enum query_format format)
{
    struct bytes plain = {0};
    struct str text = promql_answer_string(answer);
    series_text_plain(text, &plain);
    if (format == QUERY_JSON)
        print_json_point("string", at, text);
    else
        printf("%.*s\n", (int)plain.len, plain.len ? (const char *)plain.data : "");
    bytes_fini(&plain);
}

static void say_nothing_there(const struct promql_request *request)
{
    enum { TO_SECONDS = 19 };
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
    (void)when_text(request->start, from);
    (void)when_text(request->end, to);
    if (request->step_ms == 0)
        fprintf(stderr,
                "tidemark: no series has a value at %.*s UTC; --at sets the moment, `tidemark series` lists "
                "what there is\n",
                TO_SECONDS, from);
    else
        fprintf(stderr,
                "tidemark: no series has a value from %.*s to %.*s UTC; --from and --to set the span, "
                "`tidemark series` lists what there is\n",
                TO_SECONDS, from, TO_SECONDS, to);
}

static enum tm_err print_vector(const struct promql_answer *answer, const struct promql_request *request,
                                enum query_format format, bool colour, struct tm_why *why)
{
    struct query_vector *print = query_vector_new(format, request->start, colour);
    if (!print)
        return tm_fail(why, TM_NOMEM, "out of memory");
    struct source_sink sink = query_vector_sink(print);
    enum tm_err err = promql_answer_series(answer, &sink, why);
    if (!err)
        err = query_vector_end(print, why);
    if (!err && query_vector_count(print) == 0)
        say_nothing_there(request);
    query_vector_free(print);
    return err;
}

static enum tm_err print_matrix(const struct promql_answer *answer, const struct promql_request *request,
                                enum query_format format, size_t limit, bool colour, struct tm_why *why)
{
    struct query_print *print = query_print_new(format, limit, colour, stdout);
    if (!print)
        return tm_fail(why, TM_NOMEM, "out of memory");
    struct source_sink sink = query_print_sink(print);
    enum tm_err err = promql_answer_series(answer, &sink, why);
    if (!err)
        err = query_print_end(print, why);
    if (!err && query_print_series(print) == 0)
        say_nothing_there(request);
    query_print_free(print);
    return err;
}

enum tm_err query_promql_print(const struct promql_answer *answer, const struct promql_request *request,
                               enum query_format format, size_t limit, struct tm_why *why)
{
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    switch (promql_answer_type(answer)) {
    case AST_SCALAR:
        return print_scalar(answer, request->start, format, why);
    case AST_STRING:
        print_string(answer, request->start, format);
        return TM_OK;
    case AST_VECTOR:
        return print_vector(answer, request, format, colour, why);
    default:
        return print_matrix(answer, request, format, limit, colour, why);
    }
}
