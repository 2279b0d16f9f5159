/* Labels without their name, and the series that then look alike. */
#include <assert.h>

#include "server/promql/eval.h"

static bool has_name(const struct ast_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->at[i], name))
            return true;
    }
    return false;
}

/* Pairs are copied as they stand. */
void eval_filter_labels(struct str labels, const struct ast_names *names, bool keep, bool and_name,
                        struct bytes *out)
{
    static_assert(LABELS_MAX < 0x80, "a count is one byte");
    struct cursor in = cursor_of(labels.ptr, labels.len);
    uint64_t count = keep && names->count == 0 ? 0 : cursor_varint(&in);
    uint8_t kept = 0;
    size_t place = out->len;
    bytes_u8(out, 0);
    for (uint64_t i = 0; i < count && !in.bad; i++) {
        const uint8_t *pair = in.at;
        struct str name = cursor_str(&in);
        (void)cursor_str(&in);
        if (has_name(names, name) != keep || (and_name && str_equal(name, STR(LABEL_NAME))))
            continue;
        bytes_put(out, pair, (size_t)(in.at - pair));
        kept++;
    }
    if (!out->failed)
        out->data[place] = kept;
}

void eval_drop_name(struct str labels, struct bytes *out)
{
    eval_filter_labels(labels, &(struct ast_names){0}, false, true, out);
}

/* ---- may they differ in the name alone? ---- */

static bool selects_one_name(const struct selector *selector)
{
    for (size_t i = 0; i < selector->count; i++) {
        const struct matcher *matcher = selector->matchers[i];
        if (matcher_op(matcher) == MATCH_EQUAL && str_equal(matcher_name(matcher), STR(LABEL_NAME)))
            return true;
    }
    return false;
}

static bool differ_in_call(const struct ast_node *node)
{
    switch (node->call.function->id) {
    case FUNCTION_LABEL_JOIN:
    case FUNCTION_LABEL_REPLACE:
        return true;
    case FUNCTION_LAST_OVER_TIME:
    case FUNCTION_SAME_TIME_LAST_WEEK:
    case FUNCTION_SORT:
    case FUNCTION_SORT_DESC:
        return eval_names_differ(node->call.args[0]);
    default:
        return false;
    }
}

static bool differ_in_aggregate(const struct ast_node *node)
{
    if (node->aggregate.op == AST_TOPK || node->aggregate.op == AST_BOTTOMK)
        return eval_names_differ(node->aggregate.inner);
    if (node->aggregate.op == AST_COUNT_VALUES)
        return true;
    return !node->aggregate.without && has_name(&node->aggregate.by, STR(LABEL_NAME));
}

static bool differ_in_binary(const struct ast_node *node)
{
    const struct ast_node *left = node->binary.left, *right = node->binary.right;
    if (binary_drops_name(node) && node->binary.include.count == 0)
        return false;
    if (node->binary.op == AST_AND || node->binary.op == AST_UNLESS)
        return eval_names_differ(left);
    if (left->type == AST_SCALAR)
        return eval_names_differ(right);
    return right->type != AST_SCALAR || eval_names_differ(left);
}

bool eval_names_differ(const struct ast_node *node)
{
    node = ast_unparen(node);
    switch (node->kind) {
    case AST_SELECTOR_NODE:
        return !selects_one_name(&node->vector.selector);
    case AST_RANGE_NODE:
        return eval_names_differ(node->range.selector);
    case AST_SUBQUERY_NODE:
        return eval_names_differ(node->subquery.inner);
    case AST_CALL_NODE:
        return differ_in_call(node);
    case AST_AGGREGATE_NODE:
        return differ_in_aggregate(node);
    case AST_BINARY_NODE:
        return differ_in_binary(node);
    case AST_UNARY_NODE:
        return !node->unary.negative && eval_names_differ(node->unary.inner);
    default:
        return true;
    }
}

/* ---- putting them together ---- */

void unname_init(struct unname *unname, struct eval *eval, const struct ast_node *inner,
                 const struct timeline *timeline, const struct sink *out)
{
    *unname = (struct unname){.eval = eval, .out = out, .merges = eval_names_differ(inner)};
    unname->merged.width = timeline->count;
}

enum tm_err unname_put(struct unname *unname, struct str labels, const double *column)
{
    if (!has_values(column, unname->merged.width))
        return TM_OK;
    if (!unname->merges && unname->out->is_blind)
        return sink_put(unname->out, labels, column);
    bytes_clear(&unname->labels);
    eval_drop_name(labels, &unname->labels);
    if (bytes_error(&unname->labels))
        return eval_no_memory(unname->eval);
    if (!unname->merges)
        return sink_put(unname->out, bytes_view(&unname->labels), column);
    size_t before = unname->merged.count;
    enum tm_err err = eval_merge(unname->eval, &unname->merged, bytes_view(&unname->labels), column);
    if (!err && unname->strict && unname->merged.count == before)
        return eval_same_labels(unname->eval);
    return err;
}

enum tm_err unname_end(struct unname *unname)
{
    return eval_put_rows(unname->eval, &unname->merged, unname->out);
}

void unname_fini(struct unname *unname)
{
    eval_table_fini(unname->eval, &unname->merged);
    bytes_fini(&unname->labels);
}
