/* A query from its beginning to its result. */
#include "server/promql/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/promql/eval.h"
#include "server/promql/result_private.h"
#include "server/promql/window.h"
#include "storage/model/when.h"

enum { LOOKBACK_MS = 5 * 60 * 1000, SUBQUERY_STEP_MS = 60 * 1000 };

static const uint8_t no_labels[] = {0};

static struct promql_limits fill_limits(const struct promql_limits *given)
{
    struct promql_limits limits = given ? *given : (struct promql_limits){0};
    if (limits.lookback_ms == 0)
        limits.lookback_ms = LOOKBACK_MS;
    if (limits.subquery_step_ms == 0)
        limits.subquery_step_ms = SUBQUERY_STEP_MS;
    return limits;
}

/* ---- by what the expression gives ---- */

struct giving {
    struct eval *eval;
    struct promql_result *result;
};

static enum tm_err keep_column(void *arg, struct str labels, const double *column)
{
    struct giving *giving = arg;
    struct promql_result *result = giving->result;
    if (!has_values(column, result->timeline.count))
        return TM_OK;
    for (size_t i = 0; i < result->timeline.count; i++)
        result->samples += !is_absent(column[i]);
    return eval_merge(giving->eval, &result->series, labels, column);
}

/* Samples of a range selector at the root: as they are. */
static enum tm_err keep_samples(void *arg, struct str labels, const struct samples *samples)
{
    struct giving *giving = arg;
    struct promql_result *result = giving->result;
    size_t row;
    bool is_new;
    if (samples->count == 0)
        return TM_OK;
    enum tm_err err = eval_hold(giving->eval, samples->count);
    if (!err)
        err = eval_row(giving->eval, &result->series, labels, &row, &is_new);
    if (err)
        return err;
    if (!is_new)
        return eval_same_labels(giving->eval);
    if (!result_add_samples(result, samples))
        return eval_no_memory(giving->eval);
    result->samples += samples->count;
    return TM_OK;
}

static enum tm_err run_matrix(struct eval *eval, const struct ast_node *root, struct promql_result *result)
{
    struct giving giving = {eval, result};
    struct window_plan plan;
    result->series.width = 0;
    return eval_ranges(eval, root, &result->timeline, &plan, &(struct samples_sink){keep_samples, &giving});
}

static enum tm_err run_scalar(struct eval *eval, const struct ast_node *root, struct promql_result *result)
{
    struct giving giving = {eval, result};
    double *column;
    enum tm_err err = eval_scalar_column(eval, root, &result->timeline, &column);
    if (err)
        return err;
    err = keep_column(&giving, (struct str){(const char *)no_labels, sizeof no_labels}, column);
    eval_column_free(eval, column, result->timeline.count);
    return err;
}

static enum tm_err run_root(struct eval *eval, const struct ast_node *root, struct promql_result *result)
{
    struct giving giving = {eval, result};
    switch (root->type) {
    case AST_SCALAR:
        return run_scalar(eval, root, result);
    case AST_STRING:
        bytes_put(&result->text, eval_string(root).ptr, eval_string(root).len);
        return bytes_error(&result->text) ? eval_no_memory(eval) : TM_OK;
    case AST_MATRIX:
        return run_matrix(eval, root, result);
    default:
        return eval_vector(eval, root, &result->timeline,
                           &(struct sink){.each = keep_column, .arg = &giving});
    }
}

enum tm_err promql_check_range(const struct ast *ast, struct tm_why *why)
{
    enum ast_type type = ast->root->type;
    if (type == AST_SCALAR || type == AST_VECTOR)
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                   ast_type_text(type));
}

bool promql_note(const struct promql_cost *cost, char text[PROMQL_NOTE_BYTES])
{
    enum { DATE = 10 };
    char when[WHEN_TEXT_BYTES];
    if (cost->rows == 0)
        return false;
    (void)snprintf(text, PROMQL_NOTE_BYTES,
                   "samples before %.*s UTC are no longer kept: rollups of 5 minutes or an hour stand for "
                   "them, and windows that reach there are moved to whole rows",
                   DATE, when_text(cost->raw_ms, when));
    return true;
}

enum tm_err promql_run(const struct source *source, const struct promql_query *query,
                       const struct promql_limits *limits, struct promql_result **out,
                       struct promql_cost *cost, struct tm_why *why)
{
    const struct ast_node *root = query->ast->root;
    struct eval eval = {.source = source, .query = query, .limits = fill_limits(limits), .why = why};
    bool is_range = query->step_ms > 0;
    int64_t begun_ns = query->trace ? trace_now_ns() : 0;
    *out = NULL;
    enum tm_err err = is_range ? promql_check_range(query->ast, why) : TM_OK;
    if (err)
        return err;
    struct promql_result *result = calloc(1, sizeof *result);
    if (!result)
        return eval_no_memory(&eval);
    result->type = is_range ? AST_MATRIX : root->type;
    result->timeline = (struct timeline){query->start, is_range ? query->step_ms : 1, 1};
    if (is_range && query->end > query->start)
        result->timeline.count = (size_t)((query->end - query->start) / query->step_ms) + 1;
    result->series.width = result->timeline.count;
    eval.shared = eval_shared_new(query->ast, eval.limits.max_samples);
    err = eval_check(&eval);
    if (!err)
        err = run_root(&eval, root, result);
    if (!err && is_range)
        err = result_sort(result) ? TM_OK : eval_no_memory(&eval);
    eval_shared_free(&eval);
    if (cost)
        *cost = eval.cost;
    if (query->trace)
        query->trace->run_ns = trace_now_ns() - begun_ns;
    if (err)
        promql_result_free(result);
    else
        *out = result;
    return err;
}
