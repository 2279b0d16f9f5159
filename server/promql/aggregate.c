/* sum, avg, min, max, count, group, stddev and stdvar: each series is added to its group when it comes, and
 * forgotten. */
#include <math.h>

#include "server/promql/eval.h"

/* A column into its group, value by value. lanes are apart by steps: the result so far, how many, the mean.
 * The first lane is absent until the first value comes. */
typedef void add_fn(double *lanes, size_t steps, const double *column);

static void add_sum(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]))
            lanes[i] = is_absent(lanes[i]) ? column[i] : lanes[i] + column[i];
    }
}

static void add_count(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]))
            lanes[i] = is_absent(lanes[i]) ? 1 : lanes[i] + 1;
    }
}

static void add_group(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]))
            lanes[i] = 1;
    }
}

static void add_min(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]) && (is_absent(lanes[i]) || lanes[i] > column[i] || isnan(lanes[i])))
            lanes[i] = column[i];
    }
}

static void add_max(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]) && (is_absent(lanes[i]) || lanes[i] < column[i] || isnan(lanes[i])))
            lanes[i] = column[i];
    }
}

/* The mean moves, lest a sum overflow. An infinite one moves no more, but to NaN. */
static void move_mean(double *mean, double *count, double value)
{
    if (is_absent(*mean)) {
        *mean = value;
        *count = 1;
        return;
    }
    ++*count;
    if (isinf(*mean)) {
        if (isinf(value) && (*mean > 0) == (value > 0))
            return;
        if (isfinite(value))
            return;
    }
    *mean += value / *count - *mean / *count;
}

static void add_avg(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]))
            move_mean(&lanes[i], &lanes[i + steps], column[i]);
    }
}

static void move_variance(double *sum, double *count, double *mean, double value)
{
    if (is_absent(*sum)) {
        *sum = 0;
        *count = 1;
        *mean = value;
        return;
    }
    ++*count;
    double delta = value - *mean;
    *mean += delta / *count;
    *sum += delta * (value - *mean);
}

static void add_variance(double *lanes, size_t steps, const double *column)
{
    for (size_t i = 0; i < steps; i++) {
        if (!is_absent(column[i]))
            move_variance(&lanes[i], &lanes[i + steps], &lanes[i + 2 * steps], column[i]);
    }
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
    adding->adder->add(series_table_values(&adding->groups, row), adding->steps, column);
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
    const struct sink sink = {.each = add_series,
                              .arg = &adding,
                              .is_blind = !node->aggregate.without && node->aggregate.by.count == 0};
    enum tm_err err = eval_vector(eval, node->aggregate.inner, timeline, &sink);
    if (!err)
        err = put_groups(&adding, out);
    eval_table_fini(eval, &adding.groups);
    bytes_fini(&adding.key);
    return err;
}
