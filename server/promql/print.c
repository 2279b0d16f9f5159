#include "server/promql/print.h"

#include <math.h>
#include <stdlib.h>

#include "server/promql/functions.h"
#include "server/promql/lex.h"
#include "server/promql/text.h"
#include "storage/model/labels.h"

static void put(struct bytes *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}

static void put_str(struct bytes *out, struct str text)
{
    bytes_put(out, text.ptr, text.len);
}

/* ---- names ---- */

/* A word that is read as a metric's name where an expression may begin. */
static bool stands_bare(struct str name)
{
    if (name.len == 0)
        return false;
    struct lexer lexer = {.text = name};
    struct token token = lex_next(&lexer);
    bytes_fini(&lexer.fault);
    if (token.text.len != name.len)
        return false;
    switch (token.kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
    case TOKEN_AGGREGATE:
    case TOKEN_BY:
    case TOKEN_WITHOUT:
    case TOKEN_OFFSET:
    case TOKEN_START:
    case TOKEN_STOP:
        return true;
    case TOKEN_BINARY:
        return ast_is_set_op((enum ast_binary_op)token.which);
    default:
        return false;
    }
}

static void put_label(struct bytes *out, struct str name)
{
    if (label_name_valid(name))
        put_str(out, name);
    else
        text_quote(out, name, 0);
}

static void put_labels(struct bytes *out, const struct ast_names *names)
{
    put(out, "(");
    for (size_t i = 0; i < names->count; i++) {
        put(out, i > 0 ? ", " : "");
        put_label(out, names->at[i]);
    }
    put(out, ")");
}

/* ---- selectors ---- */

/* A matcher's text within the buffer that has all of them. */
struct part {
    const struct bytes *texts;
    size_t from;
    size_t to;
};

static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a;
    const struct part *y = b;
    struct str left = {(const char *)x->texts->data + x->from, x->to - x->from};
    struct str right = {(const char *)y->texts->data + y->from, y->to - y->from};
    return str_compare(left, right);
}

/* Appends the text of each matcher but that of the name to texts; returns how many. */
static size_t write_matchers(const struct ast_node *node, struct bytes *texts, struct part *parts)
{
    const struct selector *selector = &node->vector.selector;
    size_t count = 0;
    size_t named = node->vector.name.len > 0 ? 1 : 0;
    for (size_t i = 0; i + named < selector->count; i++) {
        const struct matcher *m = selector->matchers[i];
        size_t from = texts->len;
        put_label(texts, matcher_name(m));
        put_str(texts, matcher_op_text(matcher_op(m)));
        text_quote(texts, matcher_value(m), 0);
        parts[count++] = (struct part){.texts = texts, .from = from, .to = texts->len};
    }
    return count;
}

static void print_matchers(const struct ast_node *node, struct bytes *out)
{
    struct part parts[SELECTOR_MATCHERS_MAX];
    struct bytes texts = {0};
    bool is_bare = stands_bare(node->vector.name);
    bool is_quoted = node->vector.name.len > 0 && !is_bare;
    size_t count = write_matchers(node, &texts, parts);
    out->failed = out->failed || texts.failed;
    if (is_bare)
        put_str(out, node->vector.name);
    if (!texts.failed && (count > 0 || is_quoted)) {
        put(out, "{");
        if (is_quoted)
            text_quote(out, node->vector.name, 0);
        if (count > 1)
            qsort(parts, count, sizeof *parts, compare_parts);
        for (size_t i = 0; i < count; i++) {
            put(out, i > 0 || is_quoted ? "," : "");
            bytes_put(out, texts.data + parts[i].from, parts[i].to - parts[i].from);
        }
        put(out, "}");
    }
    bytes_fini(&texts);
}

/* ` @ 1.000 offset 5m` */
static void print_shift(const struct ast_shift *shift, struct bytes *out)
{
    if (shift->at == AST_AT_TIME)
        bytes_printf(out, " @ %.3f", (double)shift->at_ms / 1000.0);
    else if (shift->at != AST_AT_NONE)
        put(out, shift->at == AST_AT_START ? " @ start()" : " @ end()");
    if (shift->offset_ms == 0)
        return;
    put(out, shift->offset_ms > 0 ? " offset " : " offset -");
    text_duration(out, llabs(shift->offset_ms));
}

static void print_range(const struct ast_node *node, struct bytes *out)
{
    print_matchers(node->range.selector, out);
    put(out, "[");
    text_duration(out, node->range.range_ms);
    put(out, "]");
    print_shift(&node->range.selector->vector.shift, out);
}

/* `[5m:1m] offset 1h` */
static void print_subquery_end(const struct ast_node *node, struct bytes *out)
{
    put(out, "[");
    text_duration(out, node->subquery.range_ms);
    put(out, ":");
    if (node->subquery.step_ms > 0)
        text_duration(out, node->subquery.step_ms);
    put(out, "]");
    print_shift(&node->subquery.shift, out);
}

/* ---- the rest, in one line ---- */

/* The operator with its grouping. */
static void print_aggregate_head(const struct ast_node *node, struct bytes *out)
{
    put(out, ast_aggregate_text(node->aggregate.op));
    if (!node->aggregate.without && node->aggregate.by.count == 0)
        return;
    put(out, node->aggregate.without ? " without " : " by ");
    put_labels(out, &node->aggregate.by);
    put(out, " ");
}

static void print_aggregate(const struct ast_node *node, struct bytes *out)
{
    print_aggregate_head(node, out);
    put(out, "(");
    if (node->aggregate.parameter) {
        ast_print(node->aggregate.parameter, out);
        put(out, ", ");
    }
    ast_print(node->aggregate.inner, out);
    put(out, ")");
}

/* The operator with what says how vectors match. */
static void print_operator(const struct ast_node *node, struct bytes *out)
{
    enum ast_card card = node->binary.card;
    bool is_grouped = card == AST_MANY_TO_ONE || card == AST_ONE_TO_MANY;
    put(out, ast_binary_text(node->binary.op));
    put(out, node->binary.returns_bool ? " bool" : "");
    if (node->binary.names.count > 0 || node->binary.on || is_grouped) {
        put(out, node->binary.on ? " on " : " ignoring ");
        put_labels(out, &node->binary.names);
    }
    if (!is_grouped)
        return;
    put(out, card == AST_MANY_TO_ONE ? " group_left " : " group_right ");
    put_labels(out, &node->binary.include);
}

static void print_call(const struct ast_node *node, struct bytes *out)
{
    put(out, node->call.function->name);
    put(out, "(");
    for (size_t i = 0; i < node->call.count; i++) {
        put(out, i > 0 ? ", " : "");
        ast_print(node->call.args[i], out);
    }
    put(out, ")");
}

/* A sign before ^ would be read as one of the whole power: +Inf goes without. */
static bool is_infinite_base(const struct ast_node *node)
{
    const struct ast_node *left = node->binary.left;
    return node->binary.op == AST_POW && left->kind == AST_NUMBER_NODE && isinf(left->number);
}

static void print_left(const struct ast_node *node, struct bytes *out)
{
    if (is_infinite_base(node))
        put(out, "Inf");
    else
        ast_print(node->binary.left, out);
}

static void print_binary(const struct ast_node *node, struct bytes *out)
{
    print_left(node, out);
    put(out, " ");
    print_operator(node, out);
    put(out, " ");
    ast_print(node->binary.right, out);
}

void ast_print(const struct ast_node *node, struct bytes *out)
{
    switch (node->kind) {
    case AST_NUMBER_NODE:
        text_float(out, node->number);
        break;
    case AST_STRING_NODE:
        text_quote(out, node->string, 0);
        break;
    case AST_SELECTOR_NODE:
        print_matchers(node, out);
        print_shift(&node->vector.shift, out);
        break;
    case AST_RANGE_NODE:
        print_range(node, out);
        break;
    case AST_SUBQUERY_NODE:
        ast_print(node->subquery.inner, out);
        print_subquery_end(node, out);
        break;
    case AST_CALL_NODE:
        print_call(node, out);
        break;
    case AST_AGGREGATE_NODE:
        print_aggregate(node, out);
        break;
    case AST_BINARY_NODE:
        print_binary(node, out);
        break;
    case AST_UNARY_NODE:
        put(out, node->unary.negative ? "-" : "+");
        ast_print(node->unary.inner, out);
        break;
    case AST_PAREN_NODE:
    default:
        put(out, "(");
        ast_print(node->paren, out);
        put(out, ")");
        break;
    }
}

/* ---- over more lines ---- */

static void print_level(const struct ast_node *node, int level, struct bytes *out);

static void indent(struct bytes *out, int level)
{
    for (int i = 0; i < level; i++)
        put(out, "  ");
}

static bool is_long(const struct ast_node *node, struct bytes *out)
{
    struct bytes line = {0};
    ast_print(node, &line);
    bool result = line.len > PRINT_LINE_MAX_BYTES;
    out->failed = out->failed || line.failed;
    bytes_fini(&line);
    return result;
}

static void close_paren(struct bytes *out, int level)
{
    put(out, "\n");
    indent(out, level);
    put(out, ")");
}

static void print_aggregate_lines(const struct ast_node *node, int level, struct bytes *out)
{
    indent(out, level);
    print_aggregate_head(node, out);
    put(out, "(\n");
    if (node->aggregate.parameter) {
        print_level(node->aggregate.parameter, level + 1, out);
        put(out, ",\n");
    }
    print_level(node->aggregate.inner, level + 1, out);
    close_paren(out, level);
}

static void print_call_lines(const struct ast_node *node, int level, struct bytes *out)
{
    indent(out, level);
    put(out, node->call.function->name);
    put(out, "(\n");
    for (size_t i = 0; i < node->call.count; i++) {
        put(out, i > 0 ? ",\n" : "");
        print_level(node->call.args[i], level + 1, out);
    }
    close_paren(out, level);
}

static void print_binary_lines(const struct ast_node *node, int level, struct bytes *out)
{
    if (is_infinite_base(node)) {
        indent(out, level + 1);
        put(out, "Inf");
    } else {
        print_level(node->binary.left, level + 1, out);
    }
    put(out, "\n");
    indent(out, level);
    print_operator(node, out);
    put(out, "\n");
    print_level(node->binary.right, level + 1, out);
}

/* The sign stands right before what it belongs to, which is indented as it is itself. */
static void print_unary_lines(const struct ast_node *node, int level, struct bytes *out)
{
    struct bytes inner = {0};
    print_level(node->unary.inner, level, &inner);
    struct str text = bytes_view(&inner);
    while (text.len > 0 && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    indent(out, level);
    put(out, node->unary.negative ? "-" : "+");
    put_str(out, text);
    out->failed = out->failed || inner.failed;
    bytes_fini(&inner);
}

static void print_long(const struct ast_node *node, int level, struct bytes *out)
{
    switch (node->kind) {
    case AST_AGGREGATE_NODE:
        print_aggregate_lines(node, level, out);
        break;
    case AST_CALL_NODE:
        print_call_lines(node, level, out);
        break;
    case AST_BINARY_NODE:
        print_binary_lines(node, level, out);
        break;
    case AST_PAREN_NODE:
        indent(out, level);
        put(out, "(\n");
        print_level(node->paren, level + 1, out);
        close_paren(out, level);
        break;
    case AST_SUBQUERY_NODE:
        print_level(node->subquery.inner, level, out);
        print_subquery_end(node, out);
        break;
    default:
        indent(out, level);
        ast_print(node, out);
        break;
    }
}

static void print_level(const struct ast_node *node, int level, struct bytes *out)
{
    if (node->kind == AST_UNARY_NODE) {
        print_unary_lines(node, level, out);
    } else if (is_long(node, out)) {
        print_long(node, level, out);
    } else {
        indent(out, node->kind == AST_SUBQUERY_NODE ? 0 : level);
        ast_print(node, out);
    }
}

void ast_print_lines(const struct ast_node *node, struct bytes *out)
{
    print_level(node, 0, out);
}
