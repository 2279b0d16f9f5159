#include "server/promql/ast.h"

#include <assert.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 4096, ALIGN_BYTES = 16 };

struct ast_block {
    struct ast_block *older;
    size_t size; /* of data */
    _Alignas(ALIGN_BYTES) unsigned char data[];
};

struct ast_chain {
    struct ast_chain *older;
    struct ast_node *node;
};

struct ast *ast_new(void)
{
    return calloc(1, sizeof(struct ast));
}

void ast_free(struct ast *ast)
{
    if (!ast)
        return;
    for (struct ast_chain *c = ast->selectors; c; c = c->older)
        selector_fini(&c->node->vector.selector);
    for (struct ast_block *block = ast->blocks; block;) {
        struct ast_block *older = block->older;
        free(block);
        block = older;
    }
    free(ast);
}

void *ast_alloc(struct ast *ast, size_t bytes)
{
    size_t need = (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    if (need > ast->left_bytes) {
        size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;
        struct ast_block *block = calloc(1, sizeof *block + size);
        if (!block)
            return NULL;
        block->older = ast->blocks;
        block->size = size;
        ast->blocks = block;
        ast->left_bytes = size;
    }
    unsigned char *at = ast->blocks->data + ast->blocks->size - ast->left_bytes;
    ast->left_bytes -= need;
    return at;
}

struct str ast_copy(struct ast *ast, struct str text)
{
    char *at = ast_alloc(ast, text.len + 1);
    if (!at)
        return (struct str){NULL, 0};
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return (struct str){at, text.len};
}

enum tm_err ast_node_new(struct ast *ast, enum ast_kind kind, struct ast_span span, struct ast_node **out)
{
    if (ast->node_count == AST_NODES_MAX)
        return TM_LIMIT;
    struct ast_node *node = ast_alloc(ast, sizeof *node);
    struct ast_chain *link = kind == AST_SELECTOR_NODE ? ast_alloc(ast, sizeof *link) : NULL;
    if (!node || (kind == AST_SELECTOR_NODE && !link))
        return TM_NOMEM;
    node->kind = kind;
    node->span = span;
    node->depth = 1;
    node->id = ast->node_count++;
    if (link) {
        *link = (struct ast_chain){.older = ast->selectors, .node = node};
        ast->selectors = link;
        ast->selector_count++;
    }
    *out = node;
    return TM_OK;
}

const char *ast_aggregate_text(enum ast_aggregate_op op)
{
    static const char *const texts[AST_AGGREGATE_OP_COUNT] = {[AST_SUM] = "sum",
                                                              [AST_AVG] = "avg",
                                                              [AST_COUNT] = "count",
                                                              [AST_MIN] = "min",
                                                              [AST_MAX] = "max",
                                                              [AST_GROUP] = "group",
                                                              [AST_STDDEV] = "stddev",
                                                              [AST_STDVAR] = "stdvar",
                                                              [AST_TOPK] = "topk",
                                                              [AST_BOTTOMK] = "bottomk",
                                                              [AST_COUNT_VALUES] = "count_values",
                                                              [AST_QUANTILE] = "quantile"};
    assert(op < AST_AGGREGATE_OP_COUNT);
    return texts[op];
}

const char *ast_binary_text(enum ast_binary_op op)
{
    static const char *const texts[AST_BINARY_OP_COUNT] = {
        [AST_OR] = "or",  [AST_AND] = "and", [AST_UNLESS] = "unless", [AST_EQL] = "==",
        [AST_NEQ] = "!=", [AST_LTE] = "<=",  [AST_LSS] = "<",         [AST_GTE] = ">=",
        [AST_GTR] = ">",  [AST_ADD] = "+",   [AST_SUB] = "-",         [AST_MUL] = "*",
        [AST_DIV] = "/",  [AST_MOD] = "%",   [AST_ATAN2] = "atan2",   [AST_POW] = "^"};
    assert(op < AST_BINARY_OP_COUNT);
    return texts[op];
}

const char *ast_type_text(enum ast_type type)
{
    static const char *const texts[] = {[AST_NONE] = "none",
                                        [AST_SCALAR] = "scalar",
                                        [AST_VECTOR] = "instant vector",
                                        [AST_MATRIX] = "range vector",
                                        [AST_STRING] = "string"};
    return texts[type];
}
