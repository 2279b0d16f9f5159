/* Evaluation by kind of node; bounds. */
#include "server/promql/eval.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum tm_err eval_check(struct eval *eval)
{
    if (eval->limits.stop && eval->limits.stop(eval->limits.stop_arg))
        return tm_fail(eval->why, TM_CLOSED, "query was canceled in query execution");
    return TM_OK;
}

enum tm_err eval_hold(struct eval *eval, uint64_t count)
{
    if (eval->limits.max_samples && eval->held + count > eval->limits.max_samples)
        eval_shared_drop(eval);
    if (eval->limits.max_samples && eval->held + count > eval->limits.max_samples)
        return tm_fail(eval->why, TM_LIMIT,
                       "query processing would load too many samples into memory in query execution");
    eval->held += count;
    if (eval->held > eval->cost.peak_samples)
        eval->cost.peak_samples = eval->held;
    return TM_OK;
}

void eval_release(struct eval *eval, uint64_t count)
{
    assert(eval->held >= count);
    eval->held -= count;
}

enum tm_err eval_no_memory(struct eval *eval)
{
    return tm_fail(eval->why, TM_NOMEM, "out of memory: ask for less time, fewer series or a longer step");
}

enum tm_err eval_same_labels(struct eval *eval)
{
    return tm_fail(eval->why, TM_INVALID, "vector cannot contain metrics with the same labelset");
}

double *eval_column(struct eval *eval, size_t count, enum tm_err *err)
{
    *err = eval_hold(eval, count);
    if (*err)
        return NULL;
    double *column = malloc(count * sizeof *column);
    if (column)
        return column;
    eval_release(eval, count);
    *err = eval_no_memory(eval);
    return NULL;
}

void eval_column_free(struct eval *eval, double *column, size_t count)
{
    if (column)
        eval_release(eval, count);
    free(column);
}

/* ---- scalars ---- */

/* scalar(): the value of the one series of each step. */
struct lone {
    double *column;
    uint8_t *seen; /* series with a value at the step, up to 2 */
    size_t count;
};

static enum tm_err note_lone(void *arg, struct str labels, const double *column)
{
    struct lone *lone = arg;
    (void)labels;
    for (size_t i = 0; i < lone->count; i++) {
        if (is_absent(column[i]))
            continue;
        lone->column[i] = lone->seen[i] ? (double)NAN : column[i];
        lone->seen[i] = 1;
    }
    return TM_OK;
}

static enum tm_err find_lone(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                             double *out)
{
    struct lone lone = {out, calloc(timeline->count, 1), timeline->count};
    if (!lone.seen)
        return eval_no_memory(eval);
    for (size_t i = 0; i < timeline->count; i++)
        out[i] = NAN;
    enum tm_err err = eval_vector(eval, node, timeline, &(struct sink){.each = note_lone, .arg = &lone});
    free(lone.seen);
    return err;
}

static enum tm_err call_scalar(struct eval *eval, const struct ast_node *node,
                               const struct timeline *timeline, double *out)
{
    switch (node->call.function->id) {
    case FUNCTION_TIME:
        for (size_t i = 0; i < timeline->count; i++)
            out[i] = (double)timeline_at(timeline, i) / 1000;
        return TM_OK;
    case FUNCTION_PI:
        for (size_t i = 0; i < timeline->count; i++)
            out[i] = M_PI;
        return TM_OK;
    case FUNCTION_SCALAR:
        return find_lone(eval, node->call.args[0], timeline, out);
    default:
        return tm_fail(eval->why, TM_INVALID, "%s() is not known to give a scalar",
                       node->call.function->name);
    }
}

static enum tm_err combine_scalars(struct eval *eval, const struct ast_node *node,
                                   const struct timeline *timeline, double *out)
{
    double *right;
    enum tm_err err = eval_scalar(eval, node->binary.left, timeline, out);
    if (!err)
        err = eval_scalar_column(eval, node->binary.right, timeline, &right);
    if (err)
        return err;
    for (size_t i = 0; i < timeline->count; i++) {
        double value;
        bool holds = binary_value(node->binary.op, out[i], right[i], &value);
        out[i] = ast_compares(node->binary.op) ? (double)holds : value;
    }
    eval_column_free(eval, right, timeline->count);
    return TM_OK;
}

enum tm_err eval_scalar(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        double *out)
{
    enum tm_err err;
    node = ast_unparen(node);
    switch (node->kind) {
    case AST_NUMBER_NODE:
        for (size_t i = 0; i < timeline->count; i++)
            out[i] = node->number;
        return TM_OK;
    case AST_CALL_NODE:
        return call_scalar(eval, node, timeline, out);
    case AST_BINARY_NODE:
        return combine_scalars(eval, node, timeline, out);
    case AST_UNARY_NODE:
        err = eval_scalar(eval, node->unary.inner, timeline, out);
        for (size_t i = 0; !err && node->unary.negative && i < timeline->count; i++)
            out[i] = -out[i];
        return err;
    default:
        return tm_fail(eval->why, TM_INVALID, "this expression gives no scalar");
    }
}

enum tm_err eval_scalar_column(struct eval *eval, const struct ast_node *node,
                               const struct timeline *timeline, double **out)
{
    enum tm_err err;
    *out = eval_column(eval, timeline->count, &err);
    if (!*out)
        return err;
    err = eval_scalar(eval, node, timeline, *out);
    if (err) {
        eval_column_free(eval, *out, timeline->count);
        *out = NULL;
    }
    return err;
}

struct str eval_string(const struct ast_node *node)
{
    return ast_unparen(node)->string;
}

/* ---- vectors ---- */

/* -x: the other sign, and no name. */
struct negation {
    struct unname unname;
    double *column;
    size_t count;
};

static enum tm_err negate_series(void *arg, struct str labels, const double *column)
{
    struct negation *negation = arg;
    for (size_t i = 0; i < negation->count; i++)
        negation->column[i] = is_absent(column[i]) ? column[i] : -column[i];
    return unname_put(&negation->unname, labels, negation->column);
}

static enum tm_err negate(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                          const struct sink *out)
{
    enum tm_err err;
    struct negation negation = {.count = timeline->count};
    negation.column = eval_column(eval, timeline->count, &err);
    if (!negation.column)
        return err;
    unname_init(&negation.unname, eval, node->unary.inner, timeline, out);
    negation.unname.strict = true;
    err = eval_vector(eval, node->unary.inner, timeline,
                      &(struct sink){.each = negate_series, .arg = &negation});
    if (!err)
        err = unname_end(&negation.unname);
    unname_fini(&negation.unname);
    eval_column_free(eval, negation.column, timeline->count);
    return err;
}

enum tm_err eval_vector(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out)
{
    node = ast_unparen(node);
    return eval_is_shared(eval, node) ? eval_shared(eval, node, timeline, out)
                                      : eval_anew(eval, node, timeline, out);
}

enum tm_err eval_anew(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                      const struct sink *out)
{
    enum tm_err err = eval_check(eval);
    if (err)
        return err;
    switch (node->kind) {
    case AST_SELECTOR_NODE:
        return eval_selector(eval, node, timeline, false, out);
    case AST_CALL_NODE:
        return eval_call(eval, node, timeline, out);
    case AST_AGGREGATE_NODE:
        return eval_aggregate(eval, node, timeline, out);
    case AST_BINARY_NODE:
        return eval_binary(eval, node, timeline, out);
    case AST_UNARY_NODE:
        if (node->unary.negative)
            return negate(eval, node, timeline, out);
        return eval_vector(eval, node->unary.inner, timeline, out);
    default:
        return tm_fail(eval->why, TM_INVALID, "this expression gives no instant vector");
    }
}
