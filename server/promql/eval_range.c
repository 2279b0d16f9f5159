/* Functions of a range vector: rate() and its like. */
#include "server/promql/eval.h"
#include "server/promql/window.h"

/* One call being evaluated. */
struct sliding_call {
    struct eval *eval;
    window_fn *function;
    enum function_id id;
    struct window_call window;
    struct window_plan plan;
    double *params[2];
    double *column;  /* of a subquery */
    bool keeps_name; /* last_over_time() is like a shifted selector */
    struct unname unname;
};

/* Any thread. */
static enum tm_err slide_over(void *arg, const struct samples *samples, double *column, struct tm_why *why)
{
    const struct sliding_call *call = arg;
    struct window_call window = call->window;
    window.samples = samples;
    window.why = why;
    return call->function(&window, column);
}

static enum tm_err put_column(void *arg, struct str labels, const double *column)
{
    struct sliding_call *call = arg;
    if (call->keeps_name)
        return sink_put(call->unname.out, labels, column);
    return unname_put(&call->unname, labels, column);
}

/* The windows of a subquery slide over one series at a time. */
static enum tm_err slide_over_subquery(void *arg, struct str labels, const struct samples *samples)
{
    struct sliding_call *call = arg;
    enum tm_err err = slide_over(call, samples, call->column, call->eval->why);
    if (err == TM_NOMEM)
        return eval_no_memory(call->eval);
    return err ? err : put_column(call, labels, call->column);
}

/* The scalars among the arguments, and the range vector. */
static enum tm_err read_args(struct sliding_call *call, const struct ast_node *node,
                             const struct timeline *timeline, const struct ast_node **range)
{
    size_t params = 0;
    for (size_t i = 0; i < node->call.count; i++) {
        if (node->call.args[i]->type == AST_MATRIX) {
            *range = node->call.args[i];
            continue;
        }
        enum tm_err err = eval_scalar_column(call->eval, node->call.args[i], timeline, &call->params[params]);
        if (err)
            return err;
        call->window.params[params] = call->params[params];
        params++;
    }
    return TM_OK;
}

static enum tm_err slide_over_all(struct sliding_call *call, const struct ast_node *range,
                                  const struct timeline *timeline)
{
    enum tm_err err;
    range = ast_unparen(range);
    if (range->kind == AST_RANGE_NODE) {
        const struct ast_node *selector = range->range.selector;
        call->plan = eval_plan(call->eval, &selector->vector.shift, timeline, range->range.range_ms);
        return eval_load(call->eval,
                         &(struct load){.selector = selector,
                                        .span = window_span(&call->plan),
                                        .steps = timeline->count,
                                        .plan = &call->plan,
                                        .function = call->id,
                                        .is_blind = call->unname.out->is_blind && !call->unname.merges,
                                        .compute = slide_over,
                                        .deliver = put_column,
                                        .arg = call});
    }
    call->column = eval_column(call->eval, timeline->count, &err);
    if (!err)
        err = eval_ranges(call->eval, range, timeline, &call->plan,
                          &(struct samples_sink){slide_over_subquery, call});
    eval_column_free(call->eval, call->column, timeline->count);
    return err;
}

enum tm_err eval_range_call(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                            const struct sink *out)
{
    struct sliding_call call = {
        .eval = eval, .function = window_function(node->call.function->id), .id = node->call.function->id};
    const struct ast_node *range = node->call.args[0];
    enum tm_err err = read_args(&call, node, timeline, &range);
    unname_init(&call.unname, eval, range, timeline, out);
    call.unname.strict = true;
    call.keeps_name = node->call.function->id == FUNCTION_LAST_OVER_TIME;
    call.window.plan = &call.plan;
    if (!err)
        err = slide_over_all(&call, range, timeline);
    if (!err)
        err = unname_end(&call.unname);
    unname_fini(&call.unname);
    for (size_t i = 0; i < sizeof call.params / sizeof call.params[0]; i++)
        eval_column_free(eval, call.params[i], timeline->count);
    return err;
}
