/* Any bytes as an expression of PromQL. A fault has its place within the text, or names the bound that is
 * passed; what is read prints as a text that is read and prints the same, in one line and in more; the tree
 * keeps its bounds and its types. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/promql/functions.h"
#include "server/promql/parse.h"
#include "server/promql/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes text;
static struct bytes again;
static struct bytes lines;

/* ---- the tree ---- */

static void check_below(const struct ast_node *node, const struct ast_node *child);

static void check_node(const struct ast *ast, const struct ast_node *node)
{
    assert(node->id < ast->node_count && node->depth >= 1 && node->depth <= AST_DEPTH_MAX);
    assert(node->type != AST_NONE && node->span.start <= node->span.end);
}

static void check_below(const struct ast_node *node, const struct ast_node *child)
{
    assert(child && child->depth < node->depth && child->span.start >= node->span.start);
}

static void check_tree(const struct ast *ast, const struct ast_node *node, const struct ast_node *parent)
{
    check_node(ast, node);
    if (parent)
        check_below(parent, node);
    switch (node->kind) {
    case AST_RANGE_NODE:
        assert(node->range.range_ms > 0 && node->range.selector->kind == AST_SELECTOR_NODE);
        check_tree(ast, node->range.selector, node);
        break;
    case AST_SUBQUERY_NODE:
        assert(node->subquery.range_ms > 0 && node->subquery.inner->type == AST_VECTOR);
        check_tree(ast, node->subquery.inner, node);
        break;
    case AST_CALL_NODE:
        for (size_t i = 0; i < node->call.count; i++)
            check_tree(ast, node->call.args[i], node);
        break;
    case AST_AGGREGATE_NODE:
        assert(!node->aggregate.parameter == !ast_has_parameter(node->aggregate.op));
        check_tree(ast, node->aggregate.inner, node);
        break;
    case AST_BINARY_NODE:
        assert((node->binary.card == AST_MANY_TO_MANY) == ast_is_set_op(node->binary.op));
        check_tree(ast, node->binary.left, node);
        check_tree(ast, node->binary.right, node);
        break;
    case AST_UNARY_NODE:
        check_tree(ast, node->unary.inner, node);
        break;
    case AST_PAREN_NODE:
        check_tree(ast, node->paren, node);
        break;
    default:
        break;
    }
}

/* ---- the text ---- */

/* LINE:COLUMN are those of a byte of input, or of its end. */
static void check_fault(struct str input, enum tm_err err, const struct tm_why *why)
{
    size_t line;
    size_t column;
    size_t at = 0;
    if (err != TM_INVALID) {
        assert((err == TM_LIMIT || err == TM_TOO_LARGE) && why->text[0]);
        return;
    }
    assert(sscanf(why->text, "%zu:%zu: parse error: ", &line, &column) == 2 && line >= 1 && column >= 1);
    for (; line > 1; line--, at++) {
        const char *end = memchr(input.ptr + at, '\n', input.len - at);
        assert(end);
        at = (size_t)(end - input.ptr);
    }
    assert(at + column - 1 <= input.len);
}

/* What is printed is read, and prints the same once more. */
static void check_again(struct str printed, struct str expected)
{
    struct ast *ast;
    struct tm_why why = {{0}};
    if (promql_parse(printed, &ast, &why) != TM_OK) {
        fprintf(stderr, "%.*s\n%s\n", STR_ARG(printed), why.text);
        abort();
    }
    bytes_clear(&again);
    ast_print(ast->root, &again);
    if (!str_equal(bytes_view(&again), expected)) {
        fprintf(stderr, "%.*s\n%.*s\n", STR_ARG(expected), STR_ARG(bytes_view(&again)));
        abort();
    }
    ast_free(ast);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ast *ast;
    struct tm_why why = {{0}};
    char *copy = malloc(size ? size : 1);
    assert(copy);
    if (size > 0)
        memcpy(copy, data, size);
    struct str input = {copy, size};
    enum tm_err err = promql_parse(input, &ast, &why);
    if (err) {
        assert(!ast);
        check_fault(input, err, &why);
    } else {
        check_tree(ast, ast->root, NULL);
        bytes_clear(&text);
        bytes_clear(&lines);
        ast_print(ast->root, &text);
        ast_print_lines(ast->root, &lines);
        check_again(bytes_view(&text), bytes_view(&text));
        check_again(bytes_view(&lines), bytes_view(&text));
        ast_free(ast);
    }
    free(copy);
    return 0;
}
