/* Operators between a vector and a scalar; what they give of two values. */
#include <math.h>

#include "server/promql/eval.h"

bool binary_value(enum ast_binary_op op, double left, double right, double *value)
{
    *value = left;
    switch (op) {
    case AST_ADD:
        *value = left + right;
        return true;
    case AST_SUB:
        *value = left - right;
        return true;
    case AST_MUL:
        *value = left * right;
        return true;
    case AST_DIV:
        *value = left / right;
        return true;
    case AST_MOD:
        *value = fmod(left, right);
        return true;
    case AST_POW:
        *value = pow(left, right);
        return true;
    case AST_ATAN2:
        *value = atan2(left, right);
        return true;
    case AST_EQL:
        return left == right;
    case AST_NEQ:
        return left != right;
    case AST_LTE:
        return left <= right;
    case AST_LSS:
        return left < right;
    case AST_GTE:
        return left >= right;
    case AST_GTR:
        return left > right;
    default:
        return false; /* and, or, unless are not between values */
    }
}

bool binary_drops_name(const struct ast_node *node)
{
    switch (node->binary.op) {
    case AST_ADD:
    case AST_SUB:
    case AST_MUL:
    case AST_DIV:
    case AST_MOD:
    case AST_POW:
        return true;
    default:
        return node->binary.returns_bool;
    }
}

struct scaling {
    const struct ast_node *node;
    const struct sink *out;
    struct unname unname;
    double *scalar;
    double *column;
    size_t count;
    bool swaps; /* the scalar stands on the left */
};

/* The value at a step; absent if a comparison does not hold. */
static double scale(const struct scaling *scaling, double vector, double scalar)
{
    const struct ast_node *node = scaling->node;
    double value;
    bool holds = scaling->swaps ? binary_value(node->binary.op, scalar, vector, &value)
                                : binary_value(node->binary.op, vector, scalar, &value);
    if (!ast_compares(node->binary.op))
        return value;
    if (node->binary.returns_bool)
        return holds;
    return holds ? vector : absent();
}

static enum tm_err scale_series(void *arg, struct str labels, const double *column)
{
    struct scaling *scaling = arg;
    for (size_t i = 0; i < scaling->count; i++)
        scaling->column[i] = is_absent(column[i]) ? column[i] : scale(scaling, column[i], scaling->scalar[i]);
    if (binary_drops_name(scaling->node))
        return unname_put(&scaling->unname, labels, scaling->column);
    return sink_put(scaling->out, labels, scaling->column);
}

static enum tm_err eval_scaled(struct eval *eval, const struct ast_node *node,
                               const struct timeline *timeline, const struct sink *out)
{
    struct scaling scaling = {.node = node, .out = out, .count = timeline->count};
    scaling.swaps = node->binary.left->type == AST_SCALAR;
    const struct ast_node *scalar = scaling.swaps ? node->binary.left : node->binary.right;
    const struct ast_node *vector = scaling.swaps ? node->binary.right : node->binary.left;
    enum tm_err err = eval_scalar_column(eval, scalar, timeline, &scaling.scalar);
    if (err)
        return err;
    unname_init(&scaling.unname, eval, vector, timeline, out);
    scaling.column = eval_column(eval, timeline->count, &err);
    if (!err)
        err = eval_vector(eval, vector, timeline, &(struct sink){.each = scale_series, .arg = &scaling});
    if (!err)
        err = unname_end(&scaling.unname);
    unname_fini(&scaling.unname);
    eval_column_free(eval, scaling.column, timeline->count);
    eval_column_free(eval, scaling.scalar, timeline->count);
    return err;
}

enum tm_err eval_binary(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out)
{
    if (ast_is_set_op(node->binary.op))
        return eval_set_op(eval, node, timeline, out);
    if (node->binary.left->type == AST_SCALAR || node->binary.right->type == AST_SCALAR)
        return eval_scaled(eval, node, timeline, out);
    return eval_match(eval, node, timeline, out);
}
