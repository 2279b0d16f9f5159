/* Asking in unit tests: series from short texts, results as text. To be included once in a program. */
#ifndef TM_TESTS_PROMQL_ASKING_H
#define TM_TESTS_PROMQL_ASKING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/promql/engine.h"
#include "server/promql/parse.h"
#include "server/promql/print_labels.h"
#include "server/promql/timeline.h"
#include "storage/model/number.h"
#include "tests/unit/promql/memory_source.h"

enum { ASKING_TEXT_BYTES = 4096, ASKING_STEP_MS = 60000 };

/* A series `name,label=value,...` with values a minute apart from 0 on: "1 2 _ stale NaN". */
static inline void load(struct memory *memory, const char *name, const char *values)
{
    char names[256], copy[ASKING_TEXT_BYTES];
    struct labels labels = {.count = 0};
    char *rest = NULL;
    assert_true(snprintf(names, sizeof names, "%s", name) < (int)sizeof names);
    assert_true(snprintf(copy, sizeof copy, "%s", values) < (int)sizeof copy);
    char *word = strtok_r(names, ",", &rest);
    assert_int_equal(labels_add(&labels, STR(LABEL_NAME), str_of(word)), TM_OK);
    while ((word = strtok_r(NULL, ",", &rest))) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        *equals = '\0';
        assert_int_equal(labels_add(&labels, str_of(word), str_of(equals + 1)), TM_OK);
    }
    memory_series(memory, &labels);
    time_ms_t time = 0;
    for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "_") != 0)
            memory_sample(memory, time, strcmp(word, "stale") == 0 ? absent() : strtod(word, NULL));
        time += ASKING_STEP_MS;
    }
}

static inline void write_result(const struct promql_result *result, struct bytes *out)
{
    bool is_points = promql_result_type(result) == AST_MATRIX;
    for (size_t i = 0; i < promql_result_count(result); i++) {
        size_t position = 0;
        time_ms_t time;
        double value;
        bytes_printf(out, "%s", i ? "; " : "");
        if (promql_result_type(result) != AST_SCALAR)
            print_labels(promql_result_labels(result, i), out);
        while (promql_result_next(result, i, &position, &time, &value)) {
            char text[NUMBER_TEXT_BYTES];
            size_t len = number_text(value, text);
            bytes_printf(out, "%s%.*s", out->len ? " " : "", (int)len, text);
            if (is_points)
                bytes_printf(out, "@%g", (double)time / 1000);
        }
    }
    struct str string = promql_result_string(result);
    bytes_put(out, string.ptr, string.len);
}

/* Asks with bounds; the result as text, or "error: ..." . */
static inline void ask_within(struct memory *memory, const char *text, time_ms_t start, time_ms_t end,
                              int64_t step_ms, const struct promql_limits *limits, struct bytes *out)
{
    struct ast *ast = NULL;
    struct promql_result *result = NULL;
    struct tm_why why = {""};
    struct source source = memory_source(memory);
    bytes_clear(out);
    enum tm_err err = promql_parse(str_of(text), &ast, &why);
    if (!err) {
        struct promql_query query = {ast, start, end, step_ms, NULL};
        err = promql_run(&source, &query, limits, &result, NULL, &why);
    }
    if (err)
        bytes_printf(out, "error: %s", why.text);
    else
        write_result(result, out);
    bytes_u8(out, 0);
    promql_result_free(result);
    ast_free(ast);
}

/* An instant query at a minute gives exactly this text. */
static inline void expect_at(struct memory *memory, int minute, const char *text, const char *expected)
{
    struct bytes out = {0};
    time_ms_t at = (time_ms_t)minute * 60000;
    ask_within(memory, text, at, at, 0, NULL, &out);
    if (strcmp((const char *)out.data, expected) != 0)
        print_error("%s\n", text);
    assert_string_equal((const char *)out.data, expected);
    bytes_fini(&out);
}

/* A query over [from, to] minutes by one minute gives exactly this text. */
static inline void expect_range(struct memory *memory, int from, int to, const char *text,
                                const char *expected)
{
    struct bytes out = {0};
    ask_within(memory, text, (time_ms_t)from * 60000, (time_ms_t)to * 60000, 60000, NULL, &out);
    if (strcmp((const char *)out.data, expected) != 0)
        print_error("%s\n", text);
    assert_string_equal((const char *)out.data, expected);
    bytes_fini(&out);
}

#endif
