/* Expressions that stand more than once in a query are evaluated once: what they gave is kept and given
 * again. */
#include <stdlib.h>

#include "server/promql/eval.h"
#include "server/promql/print.h"

enum {
    SHARED_TEXT_BYTES_MAX = 4096, /* of a query that is looked at */
    SHARED_SEEN_MAX = 64,         /* expressions that are compared */
    SHARED_PART = 8               /* of max_samples may be kept, at most: so much less is left for the rest */
};

/* An expression; if it stands there once, it is only compared. */
struct part {
    const struct ast_node *first;
    size_t text_from, text_end; /* as it is printed */
    size_t left;                /* times that it will yet be asked for */
    struct series_table table;  /* what it gave over timeline; or empty */
    struct timeline timeline;
    bool is_full;
    bool is_busy; /* being read or written at this moment */
};

struct shared {
    struct part parts[SHARED_SEEN_MAX];
    size_t count;
    struct bytes texts;
    uint64_t kept_max; /* doubles of one table; 0: no bound */
    uint8_t *part_of;  /* of each node by its id, from 1; 0: none */
};

/* ---- finding ---- */

static bool is_worth_it(const struct ast_node *node)
{
    bool reads = node->kind == AST_SELECTOR_NODE || node->kind == AST_CALL_NODE ||
                 node->kind == AST_AGGREGATE_NODE || node->kind == AST_BINARY_NODE;
    return reads && node->type == AST_VECTOR;
}

/* The expression that reads like this node; a new one if there is room; NULL: none. *is_new tells. */
static struct part *find_part(struct shared *shared, const struct ast_node *node, bool *is_new)
{
    size_t from = shared->texts.len;
    ast_print(node, &shared->texts);
    size_t len = shared->texts.len - from;
    *is_new = false;
    if (bytes_error(&shared->texts))
        return NULL;
    for (size_t i = 0; i < shared->count; i++) {
        struct part *part = &shared->parts[i];
        if (part->text_end - part->text_from != len ||
            memcmp(shared->texts.data + part->text_from, shared->texts.data + from, len) != 0)
            continue;
        shared->texts.len = from;
        return part;
    }
    if (shared->count == SHARED_SEEN_MAX)
        return NULL;
    *is_new = true;
    struct part *part = &shared->parts[shared->count++];
    *part = (struct part){.first = node, .text_from = from, .text_end = from + len, .left = 1};
    return part;
}

static void look_at(struct shared *shared, const struct ast_node *node);

static void look_below(struct shared *shared, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_SUBQUERY_NODE:
        look_at(shared, node->subquery.inner);
        break;
    case AST_CALL_NODE:
        for (size_t i = 0; i < node->call.count; i++)
            look_at(shared, node->call.args[i]);
        break;
    case AST_AGGREGATE_NODE:
        if (node->aggregate.parameter)
            look_at(shared, node->aggregate.parameter);
        look_at(shared, node->aggregate.inner);
        break;
    case AST_BINARY_NODE:
        look_at(shared, node->binary.left);
        look_at(shared, node->binary.right);
        break;
    case AST_UNARY_NODE:
        look_at(shared, node->unary.inner);
        break;
    default:
        break;
    }
}

/* From above, so that of two that are the same what is in them is not looked at a second time. */
static void look_at(struct shared *shared, const struct ast_node *node)
{
    bool is_new = false;
    node = ast_unparen(node);
    struct part *part = is_worth_it(node) ? find_part(shared, node, &is_new) : NULL;
    if (!part || is_new) {
        look_below(shared, node);
        return;
    }
    uint8_t number = (uint8_t)(part - shared->parts + 1);
    shared->part_of[part->first->id] = number;
    shared->part_of[node->id] = number;
    part->left++;
}

struct shared *eval_shared_new(const struct ast *ast, uint64_t max_samples)
{
    const struct ast_node *root = ast->root;
    if (root->span.end - root->span.start > SHARED_TEXT_BYTES_MAX || ast->selector_count < 2)
        return NULL;
    struct shared *shared = calloc(1, sizeof *shared);
    uint8_t *part_of = calloc(ast->node_count, 1);
    if (!shared || !part_of) {
        free(shared);
        free(part_of);
        return NULL; /* so all is evaluated each time */
    }
    shared->part_of = part_of;
    shared->kept_max = max_samples / SHARED_PART;
    look_at(shared, root);
    bytes_fini(&shared->texts);
    return shared;
}

/* ---- keeping ---- */

static void forget(struct eval *eval, struct part *part)
{
    eval_table_fini(eval, &part->table);
    part->is_full = false;
}

void eval_shared_drop(struct eval *eval)
{
    for (size_t i = 0; eval->shared && i < eval->shared->count; i++) {
        struct part *part = &eval->shared->parts[i];
        if (part->is_busy || part->table.count == 0)
            continue;
        forget(eval, part);
        part->left = 0;
    }
}

void eval_shared_free(struct eval *eval)
{
    if (!eval->shared)
        return;
    for (size_t i = 0; i < eval->shared->count; i++)
        forget(eval, &eval->shared->parts[i]);
    free(eval->shared->part_of);
    free(eval->shared);
    eval->shared = NULL;
}

struct keeping {
    struct eval *eval;
    struct part *part;
    const struct sink *out;
    bool is_given_up;
};

/* Whatever hinders keeping hinders nothing else: then the expression is evaluated again. */
static void keep(struct keeping *keeping, struct str labels, const double *column)
{
    struct eval *eval = keeping->eval;
    struct part *part = keeping->part;
    struct tm_why *why = eval->why, unheard;
    uint64_t max = eval->shared->kept_max;
    if (keeping->is_given_up || part->left == 0 || !has_values(column, part->table.width))
        return;
    keeping->is_given_up = max && (part->table.count + 1) * part->table.width > max;
    if (!keeping->is_given_up) {
        part->is_busy = true;
        eval->why = &unheard;
        keeping->is_given_up = eval_merge(eval, &part->table, labels, column) != TM_OK;
        eval->why = why;
        part->is_busy = false;
    }
    if (keeping->is_given_up)
        forget(eval, part);
}

static enum tm_err keep_and_put(void *arg, struct str labels, const double *column)
{
    struct keeping *keeping = arg;
    keep(keeping, labels, column);
    return sink_put(keeping->out, labels, column);
}

static bool is_same_time(const struct timeline *a, const struct timeline *b)
{
    return a->start == b->start && a->step_ms == b->step_ms && a->count == b->count;
}

static enum tm_err put_again(struct eval *eval, struct part *part, const struct sink *out)
{
    part->is_busy = true;
    enum tm_err err = eval_put_rows(eval, &part->table, out);
    part->is_busy = false;
    if (part->left == 0)
        forget(eval, part);
    return err;
}

enum tm_err eval_shared(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out)
{
    struct part *part = &eval->shared->parts[eval->shared->part_of[node->id] - 1];
    part->left -= part->left > 0;
    if (part->is_full && is_same_time(&part->timeline, timeline))
        return put_again(eval, part, out);
    if (part->is_full || part->is_busy || part->left == 0)
        return eval_anew(eval, node, timeline, out);
    struct keeping keeping = {eval, part, out, false};
    part->timeline = *timeline;
    part->table.width = timeline->count;
    enum tm_err err = eval_anew(eval, node, timeline, &(struct sink){.each = keep_and_put, .arg = &keeping});
    part->is_full = !err && !keeping.is_given_up && part->left > 0;
    if (!part->is_full)
        forget(eval, part);
    return err;
}

bool eval_is_shared(const struct eval *eval, const struct ast_node *node)
{
    return eval->shared && eval->shared->part_of[node->id] != 0;
}
