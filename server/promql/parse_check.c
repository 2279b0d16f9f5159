/* Types, and the rules that a tree must keep as a whole; in the order in which Prometheus looks. */
#include "server/promql/functions.h"
#include "server/promql/parse_private.h"
#include "server/promql/text.h"
#include "storage/model/labels.h"

static enum tm_err expect_type(struct parser *p, struct ast_node *node, enum ast_type want,
                               const char *context)
{
    enum tm_err err = parse_check(p, node);
    if (err || node->type == want)
        return err;
    return parse_fail(p, node->span.start, "expected type %s in %s, got %s", ast_type_text(want), context,
                      ast_type_text(node->type));
}

static enum tm_err check_aggregate(struct parser *p, struct ast_node *node)
{
    enum ast_aggregate_op op = node->aggregate.op;
    enum tm_err err = expect_type(p, node->aggregate.inner, AST_VECTOR, "aggregation expression");
    if (err || !ast_has_parameter(op))
        return err;
    return expect_type(p, node->aggregate.parameter, op == AST_COUNT_VALUES ? AST_STRING : AST_SCALAR,
                       "aggregation parameter");
}

/* ---- operators ---- */

/* Where the operator stands. */
static uint32_t find_operator(const struct parser *p, const struct ast_node *node)
{
    uint32_t at = node->binary.left->span.end;
    while (at < p->lexer.text.len && strchr(" \t\n\r", p->lexer.text.ptr[at]))
        at++;
    return at;
}

static enum tm_err check_bool(struct parser *p, const struct ast_node *node)
{
    bool compares = ast_compares(node->binary.op);
    if (node->binary.returns_bool && !compares)
        return parse_fail(p, find_operator(p, node),
                          "bool modifier can only be used on comparison operators");
    if (compares && !node->binary.returns_bool && node->type == AST_SCALAR)
        return parse_fail(p, find_operator(p, node), "comparisons between scalars must use BOOL modifier");
    return TM_OK;
}

/* No label is both in on(...) and in group_left(...). */
static enum tm_err check_names(struct parser *p, const struct ast_node *node)
{
    const struct ast_names *names = &node->binary.names;
    const struct ast_names *include = &node->binary.include;
    for (size_t i = 0; i < names->count && node->binary.on; i++) {
        for (size_t j = 0; j < include->count; j++) {
            if (str_equal(names->at[i], include->at[j]))
                return parse_fail_text(p, find_operator(p, node), "label ", names->at[i],
                                       " must not occur in ON and GROUP clause at once");
        }
    }
    return TM_OK;
}

static enum tm_err check_operand(struct parser *p, const struct ast_node *node)
{
    if (node->type == AST_SCALAR || node->type == AST_VECTOR)
        return TM_OK;
    return parse_fail(p, node->span.start,
                      "binary expression must contain only scalar and instant vector types");
}

/* Vectors match, or nothing says how. */
static enum tm_err check_matching(struct parser *p, struct ast_node *node)
{
    struct str word = str_of(ast_binary_text(node->binary.op));
    bool is_set = ast_is_set_op(node->binary.op);
    bool of_vectors = node->binary.left->type == AST_VECTOR && node->binary.right->type == AST_VECTOR;
    if (of_vectors && is_set && node->binary.card != AST_ONE_TO_ONE)
        return parse_fail_text(p, node->span.start, "no grouping allowed for ", word, " operation");
    if (of_vectors) {
        node->binary.card = is_set ? AST_MANY_TO_MANY : node->binary.card;
        return TM_OK;
    }
    if (node->binary.names.count > 0)
        return parse_fail(p, node->span.start, "vector matching only allowed between instant vectors");
    if (is_set)
        return parse_fail_text(p, node->span.start, "set operator ", word,
                               " not allowed in binary scalar expression");
    node->binary.card = AST_ONE_TO_ONE;
    node->binary.on = false;
    node->binary.include = (struct ast_names){NULL, 0};
    return TM_OK;
}

static enum tm_err check_binary(struct parser *p, struct ast_node *node)
{
    enum tm_err err = parse_check(p, node->binary.left);
    if (!err)
        err = parse_check(p, node->binary.right);
    if (!err)
        err = check_bool(p, node);
    if (!err)
        err = check_names(p, node);
    if (!err)
        err = check_operand(p, node->binary.left);
    if (!err)
        err = check_operand(p, node->binary.right);
    return err ? err : check_matching(p, node);
}

/* ---- calls ---- */

static enum tm_err check_count(struct parser *p, const struct ast_node *node)
{
    const struct function *f = node->call.function;
    size_t named = (size_t)f->arg_count;
    size_t given = node->call.count;
    size_t least = f->variadic == 0 ? named : named - 1;
    const char *how = f->variadic == 0 ? "" : given < least ? "at least " : "at most ";
    if (given >= least && (given <= named || f->variadic < 0))
        return TM_OK;
    return parse_fail(p, node->span.start, "expected %s%zu argument(s) in call to \"%s\", got %zu", how,
                      given < least ? least : named, f->name, given);
}

static enum tm_err check_call(struct parser *p, struct ast_node *node)
{
    const struct function *f = node->call.function;
    enum tm_err err = check_count(p, node);
    for (size_t i = 0; i < node->call.count && !err; i++) {
        struct ast_node *arg = node->call.args[i];
        enum ast_type want = f->args[i < (size_t)f->arg_count ? i : (size_t)f->arg_count - 1];
        err = parse_check(p, arg);
        if (!err && arg->type != want)
            err = parse_fail(p, arg->span.start, "expected type %s in call to function \"%s\", got %s",
                             ast_type_text(want), f->name, ast_type_text(arg->type));
        if (!err && f->takes_selector && ast_unparen(arg)->kind != AST_SELECTOR_NODE)
            err = parse_fail(
                p, arg->span.start,
                "expected a vector selector in call to function \"%s\": it looks up what is stored "
                "about a series, and a computed vector has none",
                f->name);
    }
    return err;
}

/* ---- the rest ---- */

static enum tm_err fail_two_names(struct parser *p, const struct ast_node *node, struct str other)
{
    struct bytes both = {0};
    text_quote(&both, node->vector.name, 0);
    bytes_put(&both, " or ", 4);
    text_quote(&both, other, 0);
    enum tm_err err = bytes_error(&both);
    if (!err)
        err = parse_fail(p, node->span.start, "metric name must not be set twice: %.*s",
                         STR_ARG(bytes_view(&both)));
    bytes_fini(&both);
    return err;
}

static enum tm_err check_selector(struct parser *p, const struct ast_node *node)
{
    const struct selector *selector = &node->vector.selector;
    bool is_bound = node->vector.name.len > 0;
    for (size_t i = 0; i + 1 < selector->count && is_bound; i++) {
        if (str_equal(matcher_name(selector->matchers[i]), STR(LABEL_NAME)))
            return fail_two_names(p, node, matcher_value(selector->matchers[i]));
    }
    for (size_t i = 0; i < selector->count && !is_bound; i++)
        is_bound = !matcher_takes_empty(selector->matchers[i]);
    if (is_bound)
        return TM_OK;
    return parse_fail(p, node->span.start, "vector selector must contain at least one non-empty matcher");
}

static enum tm_err check_unary(struct parser *p, struct ast_node *node)
{
    enum tm_err err = parse_check(p, node->unary.inner);
    enum ast_type type = node->unary.inner->type;
    if (err || type == AST_SCALAR || type == AST_VECTOR)
        return err;
    return parse_fail(p, node->span.start,
                      "unary expression only allowed on expressions of type scalar or instant vector, got "
                      "\"%s\"",
                      ast_type_text(type));
}

static enum tm_err check_subquery(struct parser *p, struct ast_node *node)
{
    static const char *const short_texts[] = {[AST_NONE] = "none",
                                              [AST_SCALAR] = "scalar",
                                              [AST_VECTOR] = "vector",
                                              [AST_MATRIX] = "matrix",
                                              [AST_STRING] = "string"};
    enum tm_err err = parse_check(p, node->subquery.inner);
    if (err || node->subquery.inner->type == AST_VECTOR)
        return err;
    return parse_fail(p, node->span.start, "subquery is only allowed on instant vector, got %s instead",
                      short_texts[node->subquery.inner->type]);
}

enum tm_err parse_check(struct parser *p, struct ast_node *node)
{
    switch (node->kind) {
    case AST_SELECTOR_NODE:
        return check_selector(p, node);
    case AST_RANGE_NODE:
        return check_selector(p, node->range.selector);
    case AST_SUBQUERY_NODE:
        return check_subquery(p, node);
    case AST_CALL_NODE:
        return check_call(p, node);
    case AST_AGGREGATE_NODE:
        return check_aggregate(p, node);
    case AST_BINARY_NODE:
        return check_binary(p, node);
    case AST_UNARY_NODE:
        return check_unary(p, node);
    case AST_PAREN_NODE:
        return parse_check(p, node->paren);
    default:
        return TM_OK;
    }
}
