/* Functions of a range vector: rate() and its like. */
#include "server/promql/eval.h"
#include "server/promql/window.h"

/* One call being evaluated. */
struct sliding_call {
    struct eval *eval;
    window_fn *function;
    struct window_call window;
    struct window_plan plan;
    double *params[2];
    double *column;
    bool keeps_name; /* last_over_time() is like a shifted selector */
    struct unname unname;
};

static enum tm_err slide_over(void *arg, struct str labels, const struct samples *samples)
{
    struct sliding_call *call = arg;
    call->window.samples = samples;
    enum tm_err err = call->function(&call->window, call->column);
    if (err == TM_NOMEM)
        return eval_no_memory(call->eval);
    if (err)
        return err;
    if (call->keeps_name)
        return sink_put(call->unname.out, labels, call->column);
    return unname_put(&call->unname, labels, call->column);
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

enum tm_err eval_range_call(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                            const struct sink *out)
{
    struct sliding_call call = {.eval = eval, .function = window_function(node->call.function->id)};
    const struct ast_node *range = node->call.args[0];
    enum tm_err err = read_args(&call, node, timeline, &range);
    unname_init(&call.unname, eval, range, timeline, out);
    call.unname.strict = true;
    call.keeps_name = node->call.function->id == FUNCTION_LAST_OVER_TIME;
    call.window.plan = &call.plan;
    call.window.why = eval->why;
    if (!err)
        call.column = eval_column(eval, timeline->count, &err);
    if (!err)
        err = eval_ranges(eval, range, timeline, &call.plan, &(struct samples_sink){slide_over, &call});
    if (!err)
        err = unname_end(&call.unname);
    unname_fini(&call.unname);
    eval_column_free(eval, call.column, timeline->count);
    for (size_t i = 0; i < sizeof call.params / sizeof call.params[0]; i++)
        eval_column_free(eval, call.params[i], timeline->count);
    return err;
}
