/* promql: evaluates PromQL over samples from stdin, for the comparison with Prometheus. Lines:
 *   s<TAB>name=value<TAB>name=value...    begins a series
 *   p time_ms value                       a sample of it (a value as strtod reads it, or `stale`)
 *   q start_ms end_ms step_ms text        a query (step 0: instant at start)
 * Of each query a line of JSON as Prometheus' API gives it, with "status", "data" or "errorType", "error". */
#include <inttypes.h>
#include <stdio.h>

#include "server/promql/engine.h"
#include "server/promql/parse.h"
#include "server/promql/timeline.h"
#include "storage/model/number.h"
#include "tests/unit/promql/memory_source.h"

static void put_text(struct str text)
{
    (void)putchar('"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            (void)printf("\\%c", c);
        else if (c < 0x20)
            (void)printf("\\u%04x", c);
        else
            (void)putchar(c);
    }
    (void)putchar('"');
}

static void put_value(time_ms_t time, double value)
{
    char text[NUMBER_TEXT_BYTES];
    size_t len = number_text(value, text);
    (void)printf("[%.3f,\"%.*s\"]", (double)time / 1000, (int)len, text);
}

static void put_labels(struct str encoded)
{
    struct labels set;
    if (labels_decode(encoded, &set))
        set.count = 0;
    (void)printf("{");
    for (size_t i = 0; i < set.count; i++) {
        (void)printf(i ? "," : "");
        put_text(set.at[i].name);
        (void)putchar(':');
        put_text(set.at[i].value);
    }
    (void)printf("}");
}

static void put_series(const struct promql_result *result, size_t series, bool one)
{
    size_t position = 0;
    time_ms_t time;
    double value;
    bool first = true;
    (void)printf("%s{\"metric\":", series ? "," : "");
    put_labels(promql_result_labels(result, series));
    (void)printf(one ? ",\"value\":" : ",\"values\":[");
    while (promql_result_next(result, series, &position, &time, &value)) {
        (void)printf(first ? "" : ",");
        put_value(time, value);
        first = false;
    }
    (void)printf(one ? "}" : "]}");
}

static void put_result(const struct promql_result *result, time_ms_t at)
{
    static const char *const names[] = {
        [AST_SCALAR] = "scalar", [AST_VECTOR] = "vector", [AST_MATRIX] = "matrix", [AST_STRING] = "string"};
    enum ast_type type = promql_result_type(result);
    size_t position = 0;
    time_ms_t time;
    double value;
    (void)printf("{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":", names[type]);
    if (type == AST_STRING) {
        (void)printf("[%.3f,", (double)at / 1000);
        put_text(promql_result_string(result));
        (void)printf("]");
    } else if (type == AST_SCALAR) {
        if (promql_result_next(result, 0, &position, &time, &value))
            put_value(time, value);
    } else {
        (void)printf("[");
        for (size_t i = 0; i < promql_result_count(result); i++)
            put_series(result, i, type == AST_VECTOR);
        (void)printf("]");
    }
    (void)printf("}}\n");
}

static void put_error(enum tm_err err, bool is_asked, const struct tm_why *why)
{
    const char *type = !is_asked                              ? "bad_data"
                       : err == TM_INVALID || err == TM_LIMIT ? "execution"
                                                              : "internal";
    (void)printf("{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", type);
    put_text(str_of(why->text));
    (void)printf("}\n");
}

static void ask(struct memory *memory, char *line)
{
    struct ast *ast = NULL;
    struct promql_result *result = NULL;
    struct tm_why why = {""};
    char *at = line;
    struct promql_query query = {.start = strtoll(at, &at, 10)};
    query.end = strtoll(at, &at, 10);
    query.step_ms = strtoll(at, &at, 10);
    struct source source = memory_source(memory);
    const struct promql_limits limits = {.max_samples = 50000000, .threads = 2};
    enum tm_err err = promql_parse(str_of(at + (*at == ' ')), &ast, &why);
    query.ast = ast;
    if (!err && query.step_ms)
        err = promql_check_range(ast, &why);
    bool is_asked = !err;
    if (!err)
        err = promql_run(&source, &query, &limits, &result, NULL, &why);
    if (err)
        put_error(err, is_asked, &why);
    else
        put_result(result, query.start);
    (void)fflush(stdout);
    promql_result_free(result);
    ast_free(ast);
}

static void begin_series(struct memory *memory, char *line)
{
    struct labels labels = {.count = 0};
    char *rest = NULL;
    for (char *pair = strtok_r(line, "\t", &rest); pair; pair = strtok_r(NULL, "\t", &rest)) {
        char *equals = strchr(pair, '=');
        if (!equals)
            continue;
        *equals = '\0';
        if (labels_add(&labels, str_of(pair), str_of(equals + 1)))
            return;
    }
    memory_series(memory, &labels);
}

static void add_sample(struct memory *memory, char *line)
{
    char *at = line;
    time_ms_t time = strtoll(at, &at, 10);
    memory_sample(memory, time, strstr(at, "stale") ? absent() : strtod(at, NULL));
}

int main(void)
{
    struct memory memory = {0};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    while ((len = getline(&line, &capacity, stdin)) > 1) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (line[0] == 's')
            begin_series(&memory, line + 1);
        else if (line[0] == 'p')
            add_sample(&memory, line + 1);
        else if (line[0] == 'q')
            ask(&memory, line + 1);
    }
    free(line);
    memory_fini(&memory);
    return 0;
}
