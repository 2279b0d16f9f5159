/* An expression of PromQL as a tree. parse.h makes it, print.h writes it, the evaluation walks it; nobody
 * changes it after that.
 *
 * All nodes, strings and arrays of one tree live in its arena and die with it (ast_free). Any number of
 * threads may read one tree at the same time, except that matchers hold scratch memory: selecting by one
 * tree is for one thread at a time. */
#ifndef TM_PROMQL_AST_H
#define TM_PROMQL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/selector/selector.h"

struct function;

enum {
    AST_TEXT_MAX_BYTES = 1 << 20,
    AST_DEPTH_MAX =
        500, /* nodes above each other, the root counted: recursion over a tree is bounded by it */
    AST_NODES_MAX = 50000
};

/* What an expression gives. */
enum ast_type { AST_NONE, AST_SCALAR, AST_VECTOR, AST_MATRIX, AST_STRING };

enum ast_kind {
    AST_NUMBER_NODE,
    AST_STRING_NODE,
    AST_SELECTOR_NODE, /* a vector selector */
    AST_RANGE_NODE,    /* a range (matrix) selector: a vector selector with [5m] */
    AST_SUBQUERY_NODE,
    AST_CALL_NODE,
    AST_AGGREGATE_NODE,
    AST_BINARY_NODE,
    AST_UNARY_NODE,
    AST_PAREN_NODE,
    AST_KIND_COUNT
};

enum ast_aggregate_op {
    AST_SUM,
    AST_AVG,
    AST_COUNT,
    AST_MIN,
    AST_MAX,
    AST_GROUP,
    AST_STDDEV,
    AST_STDVAR,
    AST_TOPK,         /* parameter: scalar */
    AST_BOTTOMK,      /* parameter: scalar */
    AST_COUNT_VALUES, /* parameter: string */
    AST_QUANTILE,     /* parameter: scalar */
    AST_AGGREGATE_OP_COUNT
};

enum ast_binary_op {
    AST_OR,
    AST_AND,
    AST_UNLESS,
    AST_EQL,
    AST_NEQ,
    AST_LTE,
    AST_LSS,
    AST_GTE,
    AST_GTR,
    AST_ADD,
    AST_SUB,
    AST_MUL,
    AST_DIV,
    AST_MOD,
    AST_ATAN2,
    AST_POW,
    AST_BINARY_OP_COUNT
};

/* The part of the text that a node was made of: [start, end) in bytes. */
struct ast_span {
    uint32_t start;
    uint32_t end;
};

/* `@`: which moment instead of that of the evaluation. */
enum ast_at { AST_AT_NONE, AST_AT_TIME, AST_AT_START, AST_AT_END };

/* offset and @ of a selector or subquery. */
struct ast_shift {
    int64_t offset_ms; /* 0: none; > 0 looks back */
    enum ast_at at;
    time_ms_t at_ms; /* of AST_AT_TIME */
};

/* How samples of two vectors meet. */
enum ast_card {
    AST_ONE_TO_ONE,
    AST_MANY_TO_ONE /* group_left */,
    AST_ONE_TO_MANY /* group_right */,
    AST_MANY_TO_MANY /* and, or, unless */
};

struct ast_names {
    const struct str *at;
    size_t count;
};

struct ast_node {
    enum ast_kind kind;
    enum ast_type type; /* what it gives */
    uint32_t id;        /* from 0, below ast.node_count: no two nodes of a tree have the same */
    uint32_t depth;     /* 1: nothing below it */
    struct ast_span span;
    union {
        double number;
        struct str string;
        /* AST_SELECTOR_NODE. The name before the braces is also the last matcher, on __name__. */
        struct {
            struct str name; /* empty: none */
            struct selector selector;
            struct ast_shift shift;
        } vector;
        /* AST_RANGE_NODE. offset and @ stand in the selector's shift. */
        struct {
            struct ast_node *selector; /* AST_SELECTOR_NODE */
            int64_t range_ms;          /* > 0 */
        } range;
        struct {
            struct ast_node *inner; /* gives a vector */
            int64_t range_ms;       /* > 0 */
            int64_t step_ms;        /* 0: the default */
            struct ast_shift shift;
        } subquery;
        struct {
            const struct function *function; /* functions.h */
            struct ast_node *const *args;
            size_t count;
        } call;
        struct {
            enum ast_aggregate_op op;
            bool without; /* else by */
            struct ast_names by;
            struct ast_node *parameter; /* NULL: none; type as at the operator */
            struct ast_node *inner;     /* gives a vector */
        } aggregate;
        struct {
            enum ast_binary_op op;
            bool returns_bool; /* `bool` */
            struct ast_node *left;
            struct ast_node *right;
            /* Of two vectors only: else AST_ONE_TO_ONE without names. */
            enum ast_card card;
            bool on;                  /* names are those of on(...), else of ignoring(...) */
            struct ast_names names;   /* on() without names: on, count 0 */
            struct ast_names include; /* of group_left(...), group_right(...) */
        } binary;
        struct {
            bool negative; /* else + */
            struct ast_node *inner;
        } unary;
        struct ast_node *paren;
    };
};

struct ast_block;
struct ast_chain;

/* A tree and its memory. */
struct ast {
    struct ast_node *root;
    uint32_t node_count;
    uint32_t selector_count;     /* vector selectors in it */
    struct ast_block *blocks;    /* the arena; ast.c's */
    struct ast_chain *selectors; /* nodes with matchers to release; ast.c's */
    size_t left_bytes;           /* in the newest block */
};

/* An empty tree; NULL without memory. */
struct ast *ast_new(void);
/* Releases the tree with all its nodes. NULL is allowed. */
void ast_free(struct ast *ast);

/* Memory of the tree, set to 0, aligned for any type; NULL without memory. */
void *ast_alloc(struct ast *ast, size_t bytes);
/* A copy of text in the tree; ptr NULL without memory. */
struct str ast_copy(struct ast *ast, struct str text);
/* A new node. TM_NOMEM; TM_LIMIT: the tree has AST_NODES_MAX. */
enum tm_err ast_node_new(struct ast *ast, enum ast_kind kind, struct ast_span span,
                         struct ast_node **out) TM_MUST_CHECK;

/* The word of the language: "sum"; static, as the next two. */
const char *ast_aggregate_text(enum ast_aggregate_op op);

/* "unless", ">=". */
const char *ast_binary_text(enum ast_binary_op op);

/* "scalar", "instant vector": as error messages say. */
const char *ast_type_text(enum ast_type type);

/* == != > < >= <= */
static inline bool ast_compares(enum ast_binary_op op)
{
    return op >= AST_EQL && op <= AST_GTR;
}

/* and, or, unless */
static inline bool ast_is_set_op(enum ast_binary_op op)
{
    return op <= AST_UNLESS;
}

/* Has the operator a parameter before the vector? */
static inline bool ast_has_parameter(enum ast_aggregate_op op)
{
    return op >= AST_TOPK && op <= AST_QUANTILE;
}

/* The node without the parentheses around it. */
static inline const struct ast_node *ast_unparen(const struct ast_node *node)
{
    while (node->kind == AST_PAREN_NODE)
        node = node->paren;
    return node;
}

#endif
