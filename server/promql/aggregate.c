/* sum, avg, min, max, count, group, stddev and stdvar: each series is added to its group when it comes, and
 * forgotten. */
#include <math.h>

#include "server/promql/eval.h"

/* One value into its group. lanes are apart by stride: the result so far, how many, the mean. The first lane
 * is absent until the first value comes. */
typedef void add_fn(double *lanes, size_t stride, double value);

static void add_sum(double *lanes, size_t stride, double value)
{
    (void)stride;
    lanes[0] = is_absent(lanes[0]) ? value : lanes[0] + value;
}

static void add_count(double *lanes, size_t stride, double value)
{
    (void)stride, (void)value;
    lanes[0] = is_absent(lanes[0]) ? 1 : lanes[0] + 1;
}

static void add_group(double *lanes, size_t stride, double value)
{
    (void)stride, (void)value;
    lanes[0] = 1;
}

static void add_min(double *lanes, size_t stride, double value)
{
    (void)stride;
    if (is_absent(lanes[0]) || lanes[0] > value || isnan(lanes[0]))
        lanes[0] = value;
}

static void add_max(double *lanes, size_t stride, double value)
{
    (void)stride;
    if (is_absent(lanes[0]) || lanes[0] < value || isnan(lanes[0]))
        lanes[0] = value;
}

/* The mean moves, lest a sum overflow. An infinite one moves no more, but to NaN. */
static void add_avg(double *lanes, size_t stride, double value)
{
    double *count = lanes + stride;
    if (is_absent(lanes[0])) {
        lanes[0] = value;
        *count = 1;
        return;
    }
    ++*count;
    if (isinf(lanes[0])) {
        if (isinf(value) && (lanes[0] > 0) == (value > 0))
            return;
        if (isfinite(value))
            return;
    }
    lanes[0] += value / *count - lanes[0] / *count;
}

static void add_variance(double *lanes, size_t stride, double value)
{
    double *count = lanes + stride, *mean = lanes + 2 * stride;
    if (is_absent(lanes[0])) {
        lanes[0] = 0;
        *count = 1;
        *mean = value;
        return;
    }
    ++*count;
    double delta = value - *mean;
    *mean += delta / *count;
    lanes[0] += delta * (value - *mean);
}

struct adder {
    add_fn *add;
    size_t lanes;
};

static const struct adder adders[AST_AGGREGATE_OP_COUNT] = {
    [AST_SUM] = {.add = add_sum, .lanes = 1},         [AST_AVG] = {.add = add_avg, .lanes = 2},
    [AST_COUNT] = {.add = add_count, .lanes = 1},     [AST_MIN] = {.add = add_min, .lanes = 1},
    [AST_MAX] = {.add = add_max, .lanes = 1},         [AST_GROUP] = {.add = add_group, .lanes = 1},
    [AST_STDDEV] = {.add = add_variance, .lanes = 3}, [AST_STDVAR] = {.add = add_variance, .lanes = 3},
};

void aggregate_group(const struct ast_node *node, struct str labels, struct bytes *out)
{
    eval_filter_labels(labels, &node->aggregate.by, !node->aggregate.without, node->aggregate.without, out);
}

struct adding {
    struct eval *eval;
    const struct ast_node *node;
    const struct adder *adder;
    struct series_table groups;
    size_t steps;
    struct bytes key;
};

static enum tm_err add_series(void *arg, struct str labels, const double *column)
{
    struct adding *adding = arg;
    size_t row;
    bool is_new;
    if (!has_values(column, adding->steps))
        return TM_OK;
    bytes_clear(&adding->key);
    aggregate_group(adding->node, labels, &adding->key);
    if (bytes_error(&adding->key))
        return eval_no_memory(adding->eval);
    enum tm_err err = eval_row(adding->eval, &adding->groups, bytes_view(&adding->key), &row, &is_new);
    if (err)
        return err;
    double *lanes = series_table_values(&adding->groups, row);
    for (size_t i = 0; i < adding->steps; i++) {
        if (!is_absent(column[i]))
            adding->adder->add(lanes + i, adding->steps, column[i]);
    }
    return TM_OK;
}

static enum tm_err put_groups(struct adding *adding, const struct sink *out)
{
    bool is_deviation = adding->node->aggregate.op == AST_STDDEV;
    for (size_t row = 0; row < adding->groups.count; row++) {
        double *lanes = series_table_values(&adding->groups, row);
        for (size_t i = 0; adding->adder->lanes == 3 && i < adding->steps; i++) {
            double variance = lanes[i] / lanes[i + adding->steps];
            if (!is_absent(lanes[i]))
                lanes[i] = is_deviation ? sqrt(variance) : variance;
        }
        enum tm_err err = eval_check(adding->eval);
        if (!err)
            err = sink_put(out, series_table_labels(&adding->groups, row), lanes);
        if (err)
            return err;
    }
    return TM_OK;
}

enum tm_err eval_aggregate(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                           const struct sink *out)
{
    switch (node->aggregate.op) {
    case AST_TOPK:
    case AST_BOTTOMK:
        return eval_rank(eval, node, timeline, out);
    case AST_QUANTILE:
        return eval_quantile(eval, node, timeline, out);
    case AST_COUNT_VALUES:
        return eval_count_values(eval, node, timeline, out);
    default:
        break;
    }
    struct adding adding = {
        .eval = eval, .node = node, .adder = &adders[node->aggregate.op], .steps = timeline->count};
    adding.groups.width = timeline->count * adding.adder->lanes;
    enum tm_err err = eval_vector(eval, node->aggregate.inner, timeline, &(struct sink){add_series, &adding});
    if (!err)
        err = put_groups(&adding, out);
    eval_table_fini(eval, &adding.groups);
    bytes_fini(&adding.key);
    return err;
}
