/* A vector selector: of each series the newest sample within the lookback, unless it says stale. */
#include <stdlib.h>

#include "server/promql/eval.h"
#include "server/promql/window.h"

struct window_plan eval_plan(const struct eval *eval, const struct ast_shift *shift,
                             const struct timeline *timeline, int64_t range_ms)
{
    struct window_plan plan = {
        .timeline = *timeline, .offset_ms = shift->offset_ms, .range_ms = range_ms, .is_fixed = true};
    switch (shift->at) {
    case AST_AT_TIME:
        plan.fixed_ms = shift->at_ms - shift->offset_ms;
        break;
    case AST_AT_START:
        plan.fixed_ms = eval->query->start - shift->offset_ms;
        break;
    case AST_AT_END:
        plan.fixed_ms = eval->query->end - shift->offset_ms;
        break;
    case AST_AT_NONE:
        plan.is_fixed = false;
        break;
    }
    return plan;
}

/* ---- instant vectors ---- */

struct selecting {
    struct window_plan plan;
    const struct sink *out;
    bool its_time;
};

static enum tm_err select_samples(void *arg, const struct samples *samples, double *column,
                                  struct tm_why *why)
{
    const struct selecting *selecting = arg;
    struct window window = {0};
    (void)why;
    for (size_t step = 0; step < selecting->plan.timeline.count; step++) {
        window_move(&window, &selecting->plan, samples, step);
        size_t last = window.to - 1;
        bool is_there = window_count(&window) > 0 && !is_absent(samples->values[last]);
        if (!is_there)
            column[step] = absent();
        else
            column[step] = selecting->its_time ? (double)samples->times[last] / 1000 : samples->values[last];
    }
    return TM_OK;
}

static enum tm_err put_selected(void *arg, struct str labels, const double *column)
{
    const struct selecting *selecting = arg;
    return sink_put(selecting->out, labels, column);
}

/* timestamp() of a selector with @ and offset: Prometheus forgets the offset, but has loaded no samples
 * behind the moment that the offset leads back to. */
static void forget_offset(const struct ast_shift *shift, struct window_plan *plan)
{
    if (shift->at == AST_AT_NONE)
        return;
    if (shift->offset_ms < 0)
        plan->fixed_ms += shift->offset_ms;
    else
        plan->range_ms -= shift->offset_ms;
}

enum tm_err eval_selector(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                          bool its_time, const struct sink *out)
{
    struct selecting selecting = {
        .plan = eval_plan(eval, &node->vector.shift, timeline, eval->limits.lookback_ms),
        .out = out,
        .its_time = its_time};
    if (its_time)
        forget_offset(&node->vector.shift, &selecting.plan);
    if (selecting.plan.range_ms < 0)
        return TM_OK;
    return eval_load(eval, &(struct load){.selector = node,
                                          .span = window_span(&selecting.plan),
                                          .steps = timeline->count,
                                          .plan = its_time ? NULL : &selecting.plan,
                                          .function = FUNCTION_COUNT,
                                          .keeps_stale = true,
                                          .is_blind = out->is_blind,
                                          .compute = select_samples,
                                          .deliver = put_selected,
                                          .arg = &selecting});
}

/* ---- range vectors ---- */

/* A subquery's columns as samples. */
struct gathered {
    struct eval *eval;
    const struct samples_sink *out;
    struct timeline timeline; /* of the columns */
    time_ms_t *times;
    double *values;
    size_t capacity;
};

static enum tm_err make_room(struct gathered *gathered, size_t count)
{
    if (count <= gathered->capacity)
        return TM_OK;
    free(gathered->times);
    free(gathered->values);
    gathered->times = malloc(count * sizeof *gathered->times);
    gathered->values = malloc(count * sizeof *gathered->values);
    gathered->capacity = gathered->times && gathered->values ? count : 0;
    return gathered->capacity ? TM_OK : eval_no_memory(gathered->eval);
}

static enum tm_err give_column(void *arg, struct str labels, const double *column)
{
    struct gathered *gathered = arg;
    enum tm_err err = make_room(gathered, gathered->timeline.count);
    if (err)
        return err;
    size_t count = 0;
    for (size_t i = 0; i < gathered->timeline.count; i++) {
        if (is_absent(column[i]))
            continue;
        gathered->times[count] = timeline_at(&gathered->timeline, i);
        gathered->values[count++] = column[i];
    }
    return gathered->out->each(gathered->out->arg, labels,
                               &(struct samples){gathered->times, gathered->values, count});
}

/* Its steps are multiples of the step, whatever the query's are. */
static enum tm_err find_inner_steps(struct eval *eval, const struct ast_node *subquery,
                                    const struct window_plan *plan, struct timeline *out)
{
    struct span span = window_span(plan);
    int64_t step_ms = subquery->subquery.step_ms ? subquery->subquery.step_ms : eval->limits.subquery_step_ms;
    int64_t start = span.from / step_ms * step_ms;
    if (start < span.from)
        start += step_ms;
    *out = (struct timeline){start, step_ms, 0};
    if (start < span.to)
        out->count = (size_t)((span.to - 1 - start) / step_ms + 1);
    enum tm_err err = eval_hold(eval, out->count); /* would it ever be held? */
    if (!err)
        eval_release(eval, out->count);
    return err;
}

enum tm_err eval_ranges(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        struct window_plan *plan, const struct samples_sink *out)
{
    enum tm_err err = TM_OK;
    node = ast_unparen(node);
    struct gathered gathered = {.eval = eval, .out = out};
    if (node->kind == AST_RANGE_NODE) {
        const struct ast_node *selector = node->range.selector;
        *plan = eval_plan(eval, &selector->vector.shift, timeline, node->range.range_ms);
        const struct load load = {.selector = selector, .span = window_span(plan)};
        err = eval_load_samples(eval, &load, out);
    } else {
        *plan = eval_plan(eval, &node->subquery.shift, timeline, node->subquery.range_ms);
        err = find_inner_steps(eval, node, plan, &gathered.timeline);
        if (!err && gathered.timeline.count)
            err = eval_vector(eval, node->subquery.inner, &gathered.timeline,
                              &(struct sink){.each = give_column, .arg = &gathered});
    }
    free(gathered.times);
    free(gathered.values);
    return err;
}
