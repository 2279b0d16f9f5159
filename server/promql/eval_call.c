/* Which function is evaluated where, and those that need nobody else. */
#include "server/promql/eval.h"
#include "server/promql/window.h"

/* vector(): a series without labels. */
static enum tm_err make_vector(struct eval *eval, const struct ast_node *call,
                               const struct timeline *timeline, const struct sink *out)
{
    double *column;
    const uint8_t no_labels[] = {0};
    enum tm_err err = eval_scalar_column(eval, call->call.args[0], timeline, &column);
    if (err)
        return err;
    err = sink_put(out, (struct str){(const char *)no_labels, sizeof no_labels}, column);
    eval_column_free(eval, column, timeline->count);
    return err;
}

/* ---- timestamp() ---- */

struct stamping {
    struct unname unname;
    const struct timeline *timeline;
    double *column; /* NULL: the columns are times already */
};

static enum tm_err stamp_series(void *arg, struct str labels, const double *column)
{
    struct stamping *stamping = arg;
    if (!stamping->column)
        return unname_put(&stamping->unname, labels, column);
    for (size_t i = 0; i < stamping->timeline->count; i++) {
        stamping->column[i] =
            is_absent(column[i]) ? column[i] : (double)timeline_at(stamping->timeline, i) / 1000;
    }
    return unname_put(&stamping->unname, labels, stamping->column);
}

/* Of a selector the times of its samples, of anything else those of the evaluation. */
static enum tm_err stamp(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                         const struct sink *out)
{
    const struct ast_node *inner = ast_unparen(call->call.args[0]);
    struct stamping stamping = {.timeline = timeline};
    struct sink sink = {.each = stamp_series, .arg = &stamping};
    enum tm_err err = TM_OK;
    unname_init(&stamping.unname, eval, inner, timeline, out);
    if (inner->kind == AST_SELECTOR_NODE) {
        err = eval_selector(eval, inner, timeline, true, &sink);
    } else {
        stamping.column = eval_column(eval, timeline->count, &err);
        if (!err)
            err = eval_vector(eval, inner, timeline, &sink);
    }
    if (!err)
        err = unname_end(&stamping.unname);
    unname_fini(&stamping.unname);
    eval_column_free(eval, stamping.column, timeline->count);
    return err;
}

enum tm_err eval_call(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                      const struct sink *out)
{
    enum function_id id = call->call.function->id;
    if (window_function(id))
        return eval_range_call(eval, call, timeline, out);
    if (math_has(id))
        return eval_math(eval, call, timeline, out);
    switch (id) {
    case FUNCTION_VECTOR:
        return make_vector(eval, call, timeline, out);
    case FUNCTION_TIMESTAMP:
        return stamp(eval, call, timeline, out);
    case FUNCTION_LABEL_REPLACE:
        return eval_label_replace(eval, call, timeline, out);
    case FUNCTION_LABEL_JOIN:
        return eval_label_join(eval, call, timeline, out);
    case FUNCTION_HISTOGRAM_QUANTILE:
    case FUNCTION_HISTOGRAM_FRACTION:
        return eval_histogram(eval, call, timeline, out);
    case FUNCTION_HISTOGRAM_COUNT:
    case FUNCTION_HISTOGRAM_SUM:
        return TM_OK; /* of native histograms, which are not stored */
    case FUNCTION_SAME_TIME_LAST_WEEK:
    case FUNCTION_ANOMALY_SCORE:
    case FUNCTION_BASELINE:
        return eval_own(eval, call, timeline, out);
    case FUNCTION_ABSENT:
        return eval_absent(eval, call, timeline, out);
    case FUNCTION_ABSENT_OVER_TIME:
        return eval_absent_over_time(eval, call, timeline, out);
    case FUNCTION_SORT:
    case FUNCTION_SORT_DESC:
        return eval_sort(eval, call, timeline, out);
    default:
        return tm_fail(eval->why, TM_INVALID, "%s() is not available yet", call->call.function->name);
    }
}
