/* An expression of PromQL, asked of the daemon or evaluated here over a data folder. */
#ifndef TM_CLI_PROMQL_ASK_H
#define TM_CLI_PROMQL_ASK_H

#include <jansson.h>

#include "server/cli/options.h"
#include "server/cli/source.h"
#include "server/promql/ast.h"

struct promql_request {
    const char *text; /* parses */
    time_ms_t start;
    time_ms_t end;    /* inclusive; of one moment: start */
    int64_t step_ms;  /* 0: at one moment */
    bool wants_stats; /* how it was done */
};

struct promql_answer;

/* Asks by --data-dir if that was given, else --server. *out is the caller's. TM_INVALID: what was asked for
 * is wrong (exit code 2); else TM_IO, TM_LIMIT, TM_NOMEM, ... with one sentence in why. */
enum tm_err promql_ask(const struct args *args, const struct promql_request *request,
                       struct promql_answer **out, struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void promql_answer_free(struct promql_answer *answer);

/* What it is. */
enum ast_type promql_answer_type(const struct promql_answer *answer);

/* Of AST_VECTOR and AST_MATRIX: gives each series with its samples. What the sink returns; TM_CORRUPT: the
 * daemon's answer is damaged. */
enum tm_err promql_answer_series(const struct promql_answer *answer, const struct source_sink *sink,
                                 struct tm_why *why) TM_MUST_CHECK;

/* Of AST_SCALAR. TM_CORRUPT. */
enum tm_err promql_answer_scalar(const struct promql_answer *answer, double *value,
                                 struct tm_why *why) TM_MUST_CHECK;

/* Of AST_STRING; a view. */
struct str promql_answer_string(const struct promql_answer *answer);

/* What it can't see, sentence by sentence: an array of strings, the answer's. */
const json_t *promql_answer_warnings(const struct promql_answer *answer);

/* The `stats` of an answer (server/query/README.md), the answer's; NULL: there are none. */
const json_t *promql_answer_stats(const struct promql_answer *answer);

/* Parses. TM_INVALID: why is the parser's sentence. *out is the caller's (ast_free). */
enum tm_err promql_read(const char *text, struct ast **out, struct tm_why *why) TM_MUST_CHECK;

/* Prints a sentence of the parser, and below it the line of the expression that it means with a caret where
 * it says `LINE:COLUMN`. Returns the exit code of wrong usage. */
int promql_fail(const char *text, const struct tm_why *why);

#endif
