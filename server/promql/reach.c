#include "server/promql/reach.h"

#include "server/promql/own.h"

enum { LOOKBACK_MS = 5 * 60 * 1000 };

/* From first to last, both inclusive. */
struct moments {
    time_ms_t first;
    time_ms_t last;
};

struct reaching {
    const struct promql_query *query;
    struct moments sum;
    bool is_any;
};

static time_ms_t add_capped(time_ms_t time, int64_t ms)
{
    time_ms_t sum;
    if (!__builtin_add_overflow(time, ms, &sum))
        return sum;
    return ms < 0 ? INT64_MIN : INT64_MAX;
}

/* When a selector is looked at whose node is evaluated at moments, and that looks range_ms back. */
static struct moments shift_moments(const struct reaching *r, struct moments moments,
                                    const struct ast_shift *shift, int64_t range_ms)
{
    time_ms_t at = shift->at == AST_AT_TIME    ? shift->at_ms
                   : shift->at == AST_AT_START ? r->query->start
                                               : r->query->end;
    if (shift->at != AST_AT_NONE)
        moments = (struct moments){at, at};
    moments.first = add_capped(add_capped(moments.first, -shift->offset_ms), -range_ms);
    moments.last = add_capped(moments.last, -shift->offset_ms);
    return moments;
}

static void add_selector(struct reaching *r, struct moments moments, const struct ast_node *selector,
                         int64_t range_ms)
{
    moments = shift_moments(r, moments, &selector->vector.shift, range_ms);
    if (!r->is_any || moments.first < r->sum.first)
        r->sum.first = moments.first;
    if (!r->is_any || moments.last > r->sum.last)
        r->sum.last = moments.last;
    r->is_any = true;
}

/* When the arguments of a function are looked at. */
static struct moments call_moments(struct moments moments, const struct ast_node *call)
{
    int64_t nearest_ms, farthest_ms;
    own_reach(call->call.function->id, &nearest_ms, &farthest_ms);
    return (struct moments){add_capped(moments.first, -farthest_ms), add_capped(moments.last, -nearest_ms)};
}

static void add_node(struct reaching *r, struct moments moments, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_SELECTOR_NODE:
        add_selector(r, moments, node, LOOKBACK_MS);
        break;
    case AST_RANGE_NODE:
        add_selector(r, moments, node->range.selector, node->range.range_ms);
        break;
    case AST_SUBQUERY_NODE:
        add_node(r, shift_moments(r, moments, &node->subquery.shift, node->subquery.range_ms),
                 node->subquery.inner);
        break;
    case AST_CALL_NODE:
        for (size_t i = 0; i < node->call.count; i++)
            add_node(r, call_moments(moments, node), node->call.args[i]);
        break;
    case AST_AGGREGATE_NODE:
        add_node(r, moments, node->aggregate.inner);
        if (node->aggregate.parameter)
            add_node(r, moments, node->aggregate.parameter);
        break;
    case AST_BINARY_NODE:
        add_node(r, moments, node->binary.left);
        add_node(r, moments, node->binary.right);
        break;
    case AST_UNARY_NODE:
        add_node(r, moments, node->unary.inner);
        break;
    case AST_PAREN_NODE:
        add_node(r, moments, node->paren);
        break;
    default:
        break;
    }
}

struct span promql_reach(const struct promql_query *query)
{
    struct reaching r = {.query = query};
    add_node(&r, (struct moments){query->start, query->end}, query->ast->root);
    if (!r.is_any)
        return (struct span){query->start, query->start};
    return (struct span){r.sum.first, add_capped(r.sum.last, 1)};
}
