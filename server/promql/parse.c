#include "server/promql/parse.h"

#include <stdarg.h>
#include <stdio.h>

#include "server/promql/functions.h"
#include "server/promql/literal.h"
#include "server/promql/parse_private.h"
#include "server/promql/text.h"

/* ---- faults ---- */

enum tm_err parse_fail(const struct parser *p, uint32_t start, const char *format, ...)
{
    char what[sizeof p->why->text];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    size_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < start; i++) {
        if (p->lexer.text.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    return tm_fail(p->why, TM_INVALID, "%zu:%zu: parse error: %s", line, start - line_start + 1, what);
}

enum tm_err parse_fail_text(const struct parser *p, uint32_t start, const char *what, struct str text,
                            const char *behind)
{
    struct bytes quoted = {0};
    text_quote(&quoted, text, 0);
    enum tm_err err = bytes_error(&quoted);
    if (!err)
        err = parse_fail(p, start, "%s%.*s%s", what, STR_ARG(bytes_view(&quoted)), behind);
    bytes_fini(&quoted);
    return err;
}

enum tm_err parse_unexpected(const struct parser *p, const char *context, const char *expected)
{
    struct bytes word = {0};
    if (!context[0] && p->aggregates > 0)
        context = "aggregation";
    token_describe(&p->token, &word);
    enum tm_err err = bytes_error(&word);
    if (!err)
        err = parse_fail(p, p->token.start, "unexpected %.*s%s%s%s%s", STR_ARG(bytes_view(&word)),
                         context[0] ? " in " : "", context, expected[0] ? ", expected " : "", expected);
    bytes_fini(&word);
    return err;
}

/* ---- words ---- */

enum tm_err parse_look(struct parser *p)
{
    if (p->is_ahead)
        return TM_OK;
    p->token = lex_next(&p->lexer);
    p->is_ahead = true;
    enum token_kind kind = p->token.kind;
    if (kind == TOKEN_RIGHT_BRACE || kind == TOKEN_RIGHT_PAREN || kind == TOKEN_RIGHT_BRACKET ||
        kind == TOKEN_DURATION || kind == TOKEN_NUMBER)
        p->closing = p->token.start + (uint32_t)p->token.text.len;
    if (kind != TOKEN_ERROR)
        return TM_OK;
    enum tm_err err = bytes_error(&p->lexer.fault);
    return err ? err : parse_fail(p, p->lexer.fault_start, "%.*s", STR_ARG(bytes_view(&p->lexer.fault)));
}

struct token parse_take(struct parser *p)
{
    p->is_ahead = false;
    return p->token;
}

/* ---- nodes ---- */

enum tm_err parse_node(struct parser *p, enum ast_kind kind, struct ast_span span, struct ast_node **out)
{
    enum tm_err err = ast_node_new(p->ast, kind, span, out);
    if (err == TM_LIMIT)
        return tm_fail(p->why, err, "the expression has more than %d parts: split it", AST_NODES_MAX);
    return err;
}

enum tm_err parse_adopt(struct parser *p, struct ast_node *node, const struct ast_node *child)
{
    if (node->depth <= child->depth)
        node->depth = child->depth + 1;
    if (node->depth > AST_DEPTH_MAX)
        return tm_fail(p->why, TM_LIMIT, "the expression nests more than %d deep: split it", AST_DEPTH_MAX);
    return TM_OK;
}

void *parse_grow(struct parser *p, void *at, size_t count, size_t size)
{
    enum { FIRST = 4 };
    bool is_full = count == 0 || (count >= FIRST && (count & (count - 1)) == 0);
    if (!is_full)
        return at;
    void *more = ast_alloc(p->ast, (count == 0 ? FIRST : 2 * count) * size);
    if (more && count > 0)
        memcpy(more, at, count * size);
    return more;
}

/* ---- literals ---- */

enum tm_err parse_string_value(struct parser *p, const struct token *token, struct str *out)
{
    struct bytes value = {0};
    literal_string(token->text, &value);
    enum tm_err err = bytes_error(&value);
    if (!err)
        *out = ast_copy(p->ast, bytes_view(&value));
    bytes_fini(&value);
    return err || !out->ptr ? TM_NOMEM : TM_OK;
}

enum tm_err parse_number_value(struct parser *p, const struct token *token, double *out)
{
    const char *fault = literal_number(token->text, out);
    if (!fault)
        return TM_OK;
    char behind[64];
    snprintf(behind, sizeof behind, ": %s", fault);
    return parse_fail_text(p, token->start, "error parsing number: strconv.ParseFloat: parsing ", token->text,
                           behind);
}

enum tm_err parse_duration_value(struct parser *p, const struct token *token, int64_t *out_ms)
{
    const char *fault = literal_duration(token->text, out_ms);
    if (!fault)
        return TM_OK;
    if (fault[0])
        return parse_fail(p, token->start, "%s", fault);
    return parse_fail_text(p, token->start, "not a valid duration string: ", token->text, "");
}

static struct ast_span span_of(const struct token *token)
{
    return (struct ast_span){token->start, token->start + (uint32_t)token->text.len};
}

static enum tm_err read_number(struct parser *p, struct ast_node **out)
{
    struct token token = parse_take(p);
    enum tm_err err = parse_node(p, AST_NUMBER_NODE, span_of(&token), out);
    if (err)
        return err;
    (*out)->type = AST_SCALAR;
    return parse_number_value(p, &token, &(*out)->number);
}

static enum tm_err read_string(struct parser *p, struct ast_node **out)
{
    struct token token = parse_take(p);
    enum tm_err err = parse_node(p, AST_STRING_NODE, span_of(&token), out);
    if (err)
        return err;
    (*out)->type = AST_STRING;
    return parse_string_value(p, &token, &(*out)->string);
}

/* ---- calls and aggregations ---- */

static bool begins_expression(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_BINARY:
        return token->which == AST_ADD || token->which == AST_SUB ||
               ast_is_set_op((enum ast_binary_op)token->which);
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_LEFT_PAREN:
    case TOKEN_LEFT_BRACE:
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
    case TOKEN_AGGREGATE:
    case TOKEN_BY:
    case TOKEN_WITHOUT:
    case TOKEN_OFFSET:
    case TOKEN_START:
    case TOKEN_STOP:
        return true;
    default:
        return false;
    }
}

struct args {
    struct ast_node **at;
    size_t count;
};

static enum tm_err add_arg(struct parser *p, struct args *args)
{
    struct ast_node *arg;
    enum tm_err err = parse_expression(p, 0, &arg);
    if (err)
        return err;
    args->at = parse_grow(p, args->at, args->count, sizeof(void *));
    if (!args->at)
        return TM_NOMEM;
    args->at[args->count++] = arg;
    return parse_look(p);
}

/* ( ... ), the opening one looked at. */
static enum tm_err read_args(struct parser *p, struct args *args)
{
    *args = (struct args){NULL, 0};
    (void)parse_take(p);
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind == TOKEN_RIGHT_PAREN) {
        (void)parse_take(p);
        return TM_OK;
    }
    err = add_arg(p, args);
    while (!err && p->token.kind == TOKEN_COMMA) {
        struct token comma = parse_take(p);
        err = parse_look(p);
        if (!err && !begins_expression(&p->token))
            return parse_fail(p, comma.start, "trailing commas not allowed in function call args");
        if (!err)
            err = add_arg(p, args);
    }
    if (err)
        return err;
    if (p->token.kind != TOKEN_RIGHT_PAREN)
        return parse_unexpected(p, "", "");
    (void)parse_take(p);
    return TM_OK;
}

/* The name is taken, the parenthesis looked at. */
static enum tm_err read_call(struct parser *p, const struct token *name, struct ast_node **out)
{
    struct args args;
    enum tm_err err = read_args(p, &args);
    if (err)
        return err;
    const struct function *function = function_find(name->text);
    if (!function)
        return parse_fail_text(p, name->start, "unknown function with name ", name->text, "");
    err = parse_node(p, AST_CALL_NODE, (struct ast_span){name->start, p->closing}, out);
    if (err)
        return err;
    (*out)->type = function->returns;
    (*out)->call.function = function;
    (*out)->call.args = args.at;
    (*out)->call.count = args.count;
    for (size_t i = 0; i < args.count && !err; i++)
        err = parse_adopt(p, *out, args.at[i]);
    return err;
}

/* by (...) or without (...), if they stand here. */
static enum tm_err read_grouping(struct parser *p, struct ast_node *node, bool *found)
{
    enum tm_err err = parse_look(p);
    *found = !err && (p->token.kind == TOKEN_BY || p->token.kind == TOKEN_WITHOUT);
    if (!*found)
        return err;
    node->aggregate.without = p->token.kind == TOKEN_WITHOUT;
    (void)parse_take(p);
    return parse_labels(p, &node->aggregate.by);
}

static enum tm_err set_aggregate(struct parser *p, struct ast_node *node, const struct args *args)
{
    size_t wanted = ast_has_parameter(node->aggregate.op) ? 2 : 1;
    node->span.end = p->closing;
    if (args->count == 0)
        return parse_fail(p, node->span.start, "no arguments for aggregate expression provided");
    if (args->count != wanted)
        return parse_fail(
            p, node->span.start,
            "wrong number of arguments for aggregate expression provided, expected %zu, got %zu", wanted,
            args->count);
    node->aggregate.inner = args->at[wanted - 1];
    node->aggregate.parameter = wanted == 2 ? args->at[0] : NULL;
    enum tm_err err = parse_adopt(p, node, node->aggregate.inner);
    return err || wanted == 1 ? err : parse_adopt(p, node, node->aggregate.parameter);
}

/* The operator is taken; what is looked at makes an aggregation of it. */
static enum tm_err read_aggregate(struct parser *p, const struct token *op, struct ast_node **out)
{
    struct args args;
    bool is_grouped;
    enum tm_err err = parse_node(p, AST_AGGREGATE_NODE, span_of(op), out);
    if (err)
        return err;
    (*out)->type = AST_VECTOR;
    (*out)->aggregate.op = (enum ast_aggregate_op)op->which;
    p->aggregates++;
    err = read_grouping(p, *out, &is_grouped);
    if (!err && is_grouped)
        err = parse_look(p);
    if (!err && p->token.kind != TOKEN_LEFT_PAREN)
        err = parse_unexpected(p, "", "");
    if (!err)
        err = read_args(p, &args);
    if (!err && !is_grouped)
        err = read_grouping(p, *out, &is_grouped);
    p->aggregates--;
    return err ? err : set_aggregate(p, *out, &args);
}

/* ---- what stands between operators ---- */

static enum tm_err read_paren(struct parser *p, struct ast_node **out)
{
    struct ast_node *inner;
    uint32_t start = parse_take(p).start;
    enum tm_err err = parse_expression(p, 0, &inner);
    if (!err)
        err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind != TOKEN_RIGHT_PAREN)
        return parse_unexpected(p, "", "");
    uint32_t end = parse_take(p).start + 1;
    err = parse_node(p, AST_PAREN_NODE, (struct ast_span){start, end}, out);
    if (err)
        return err;
    (*out)->type = inner->type;
    (*out)->paren = inner;
    return parse_adopt(p, *out, inner);
}

/* A name: a call, an aggregation or a selector, as the word behind it says. */
static enum tm_err read_name(struct parser *p, struct ast_node **out)
{
    struct token name = parse_take(p);
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    enum token_kind next = p->token.kind;
    if (name.kind == TOKEN_IDENTIFIER && next == TOKEN_LEFT_PAREN)
        return read_call(p, &name, out);
    if (name.kind == TOKEN_AGGREGATE &&
        (next == TOKEN_LEFT_PAREN || next == TOKEN_BY || next == TOKEN_WITHOUT))
        return read_aggregate(p, &name, out);
    return parse_selector(p, name.text, name.start, out);
}

static enum tm_err read_primary(struct parser *p, struct ast_node **out)
{
    if (!begins_expression(&p->token))
        return parse_unexpected(p, "", "");
    switch (p->token.kind) {
    case TOKEN_NUMBER:
        return read_number(p, out);
    case TOKEN_STRING:
        return read_string(p, out);
    case TOKEN_LEFT_PAREN:
        return read_paren(p, out);
    case TOKEN_LEFT_BRACE:
        return parse_selector(p, (struct str){NULL, 0}, p->token.start, out);
    default:
        return read_name(p, out);
    }
}

/* ---- operators ---- */

enum { PRECEDENCE_POW = 6 };

static int precedence_of(enum ast_binary_op op)
{
    static const int precedences[AST_BINARY_OP_COUNT] = {
        [AST_OR] = 1,  [AST_AND] = 2, [AST_UNLESS] = 2, [AST_EQL] = 3,
        [AST_NEQ] = 3, [AST_LTE] = 3, [AST_LSS] = 3,    [AST_GTE] = 3,
        [AST_GTR] = 3, [AST_ADD] = 4, [AST_SUB] = 4,    [AST_MUL] = 5,
        [AST_DIV] = 5, [AST_MOD] = 5, [AST_ATAN2] = 5,  [AST_POW] = PRECEDENCE_POW};
    return precedences[op];
}

/* + or - before an expression; it binds as * does. A number takes the sign in. */
static enum tm_err read_unary(struct parser *p, struct ast_node **out)
{
    struct token sign = parse_take(p);
    struct ast_node *inner;
    bool is_negative = sign.which == AST_SUB;
    enum tm_err err = parse_expression(p, PRECEDENCE_POW, &inner);
    if (err)
        return err;
    if (inner->kind == AST_NUMBER_NODE) {
        inner->number = is_negative ? -inner->number : inner->number;
        inner->span.start = sign.start;
        *out = inner;
        return TM_OK;
    }
    err = parse_node(p, AST_UNARY_NODE, (struct ast_span){sign.start, inner->span.end}, out);
    if (err)
        return err;
    (*out)->type = inner->type;
    (*out)->unary.negative = is_negative;
    (*out)->unary.inner = inner;
    return parse_adopt(p, *out, inner);
}

/* group_left (...), group_right (...), if they stand here. */
static enum tm_err read_group_side(struct parser *p, struct ast_node *node)
{
    enum tm_err err = parse_look(p);
    if (err || (p->token.kind != TOKEN_GROUP_LEFT && p->token.kind != TOKEN_GROUP_RIGHT))
        return err;
    node->binary.card = p->token.kind == TOKEN_GROUP_LEFT ? AST_MANY_TO_ONE : AST_ONE_TO_MANY;
    (void)parse_take(p);
    err = parse_look(p);
    if (err || (p->token.kind != TOKEN_LEFT_PAREN && begins_expression(&p->token)))
        return err;
    return parse_labels(p, &node->binary.include);
}

/* bool, on, ignoring and what belongs to them. */
static enum tm_err read_matching(struct parser *p, struct ast_node *node)
{
    enum tm_err err = parse_look(p);
    if (!err && p->token.kind == TOKEN_BOOL) {
        node->binary.returns_bool = true;
        (void)parse_take(p);
        err = parse_look(p);
    }
    if (err || (p->token.kind != TOKEN_ON && p->token.kind != TOKEN_IGNORING))
        return err;
    node->binary.on = p->token.kind == TOKEN_ON;
    (void)parse_take(p);
    err = parse_labels(p, &node->binary.names);
    return err ? err : read_group_side(p, node);
}

/* The operator is looked at; left becomes the whole. */
static enum tm_err read_binary(struct parser *p, struct ast_node **left)
{
    enum ast_binary_op op = (enum ast_binary_op)parse_take(p).which;
    struct ast_node *node;
    enum tm_err err = parse_node(p, AST_BINARY_NODE, (*left)->span, &node);
    if (err)
        return err;
    node->binary.op = op;
    node->binary.left = *left;
    err = read_matching(p, node);
    if (!err)
        err = parse_expression(p, precedence_of(op) + (op != AST_POW), &node->binary.right);
    if (err)
        return err;
    node->span.end = node->binary.right->span.end;
    bool is_scalar = (*left)->type == AST_SCALAR && node->binary.right->type == AST_SCALAR;
    node->type = is_scalar ? AST_SCALAR : AST_VECTOR;
    err = parse_adopt(p, node, *left);
    *left = node;
    return err ? err : parse_adopt(p, node, node->binary.right);
}

static enum tm_err read_operand(struct parser *p, struct ast_node **out)
{
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind == TOKEN_BINARY && (p->token.which == AST_ADD || p->token.which == AST_SUB))
        return read_unary(p, out);
    err = read_primary(p, out);
    return err ? err : parse_suffixes(p, out);
}

enum tm_err parse_expression(struct parser *p, int precedence, struct ast_node **out)
{
    if (p->depth == AST_DEPTH_MAX)
        return tm_fail(p->why, TM_LIMIT, "the expression nests more than %d deep: split it", AST_DEPTH_MAX);
    p->depth++;
    enum tm_err err = read_operand(p, out);
    while (!err) {
        err = parse_look(p);
        if (err || p->token.kind != TOKEN_BINARY ||
            precedence_of((enum ast_binary_op)p->token.which) < precedence)
            break;
        err = read_binary(p, out);
    }
    p->depth--;
    return err;
}

/* ---- the whole ---- */

static enum tm_err read_whole(struct parser *p)
{
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind == TOKEN_END)
        return parse_fail(p, 0, "no expression found in input");
    err = parse_expression(p, 0, &p->ast->root);
    if (err)
        return err;
    if (p->token.kind != TOKEN_END)
        return parse_unexpected(p, "", "");
    return parse_check(p, p->ast->root);
}

enum tm_err promql_parse(struct str text, struct ast **out, struct tm_why *why)
{
    struct tm_why unused = {{0}};
    *out = NULL;
    if (text.len > AST_TEXT_MAX_BYTES)
        return tm_fail(why, TM_TOO_LARGE, "an expression of %zu bytes; at most %d are taken", text.len,
                       AST_TEXT_MAX_BYTES);
    struct parser p = {.lexer = {.text = text}, .why = why ? why : &unused, .ast = ast_new()};
    enum tm_err err = p.ast ? read_whole(&p) : TM_NOMEM;
    bytes_fini(&p.lexer.fault);
    if (err == TM_NOMEM)
        tm_why_write(p.why, "out of memory while an expression was read: try again");
    if (err) {
        ast_free(p.ast);
        return err;
    }
    *out = p.ast;
    return TM_OK;
}
