/* Functions that Prometheus has not: same_time_last_week(), baseline() and anomaly_score(). They look up what
 * is stored about a series, so they take a selector, and keep its labels, the name among them. */
#include "server/promql/eval.h"
#include "server/promql/own.h"
#include "server/promql/window.h"

/* ---- same_time_last_week() ---- */

/* The selector, some weeks further back. */
static enum tm_err select_weeks_ago(struct eval *eval, const struct ast_node *selector, int weeks,
                                    const struct timeline *timeline, const struct sink *out)
{
    struct ast_node shifted = *selector;
    if (__builtin_add_overflow(shifted.vector.shift.offset_ms, weeks * OWN_WEEK_MS,
                               &shifted.vector.shift.offset_ms))
        return TM_OK;
    return eval_selector(eval, &shifted, timeline, false, out);
}

/* ---- baseline() ---- */

/* A row has a column for each of the weeks, behind each other. */
struct weeks {
    struct eval *eval;
    struct series_table table;
    size_t steps;
    size_t week; /* that is being filled */
};

static enum tm_err keep_week(void *arg, struct str labels, const double *column)
{
    struct weeks *weeks = arg;
    size_t row;
    bool is_new;
    if (!has_values(column, weeks->steps))
        return TM_OK;
    enum tm_err err = eval_row(weeks->eval, &weeks->table, labels, &row, &is_new);
    if (err)
        return err;
    memcpy(series_table_values(&weeks->table, row) + weeks->week * weeks->steps, column,
           weeks->steps * sizeof *column);
    return TM_OK;
}

/* Puts the medians of a row into its first column. */
static void find_medians(double *row, size_t steps)
{
    for (size_t step = 0; step < steps; step++) {
        double values[OWN_BASELINE_WEEKS];
        size_t count = 0;
        for (size_t week = 0; week < OWN_BASELINE_WEEKS; week++)
            if (!is_absent(row[week * steps + step]))
                values[count++] = row[week * steps + step];
        row[step] = count > 0 ? quantile_of(0.5, values, count) : absent();
    }
}

static enum tm_err find_baseline(struct eval *eval, const struct ast_node *selector,
                                 const struct timeline *timeline, const struct sink *out)
{
    struct weeks weeks = {
        .eval = eval, .table = {.width = timeline->count * OWN_BASELINE_WEEKS}, .steps = timeline->count};
    enum tm_err err = TM_OK;
    for (; !err && weeks.week < OWN_BASELINE_WEEKS; weeks.week++)
        err = select_weeks_ago(eval, selector, (int)weeks.week + 1, timeline,
                               &(struct sink){.each = keep_week, .arg = &weeks});
    for (size_t row = 0; !err && row < weeks.table.count; row++) {
        double *values = series_table_values(&weeks.table, row);
        find_medians(values, weeks.steps);
        err = eval_check(eval);
        if (!err)
            err = sink_put(out, series_table_labels(&weeks.table, row), values);
    }
    eval_table_fini(eval, &weeks.table);
    return err;
}

/* ---- anomaly_score() ---- */

/* What is asked of the metric is asked of the label that bears its name. */
static enum tm_err make_score_selector(const struct selector *of, struct selector *out, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    if (of->count == SELECTOR_MATCHERS_MAX)
        return tm_fail(why, TM_LIMIT, "anomaly_score() takes at most %d conditions",
                       SELECTOR_MATCHERS_MAX - 1);
    for (size_t i = 0; !err && i < of->count; i++) {
        const struct matcher *matcher = of->matchers[i];
        struct str name = matcher_name(matcher);
        err = matcher_new(matcher_op(matcher), str_equal(name, STR(LABEL_NAME)) ? STR("of") : name,
                          matcher_value(matcher), &out->matchers[out->count], why);
        out->count += !err;
    }
    if (!err)
        err =
            matcher_new(MATCH_EQUAL, STR(LABEL_NAME), STR("anomaly_score"), &out->matchers[out->count], why);
    out->count += !err;
    return err;
}

static enum tm_err select_scores(struct eval *eval, const struct ast_node *selector,
                                 const struct timeline *timeline, const struct sink *out)
{
    struct ast_node scores = *selector;
    scores.vector.selector = (struct selector){0};
    enum tm_err err = make_score_selector(&selector->vector.selector, &scores.vector.selector, eval->why);
    if (!err)
        err = eval_selector(eval, &scores, timeline, false, out);
    selector_fini(&scores.vector.selector);
    return err;
}

enum tm_err eval_own(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                     const struct sink *out)
{
    const struct ast_node *selector = ast_unparen(call->call.args[0]);
    switch (call->call.function->id) {
    case FUNCTION_BASELINE:
        return find_baseline(eval, selector, timeline, out);
    case FUNCTION_ANOMALY_SCORE:
        return select_scores(eval, selector, timeline, out);
    default:
        return select_weeks_ago(eval, selector, 1, timeline, out);
    }
}

void own_reach(enum function_id id, int64_t *nearest_ms, int64_t *farthest_ms)
{
    bool looks_back = id == FUNCTION_BASELINE || id == FUNCTION_SAME_TIME_LAST_WEEK;
    *nearest_ms = looks_back ? OWN_WEEK_MS : 0;
    *farthest_ms = id == FUNCTION_BASELINE ? OWN_BASELINE_WEEKS * OWN_WEEK_MS : *nearest_ms;
}
