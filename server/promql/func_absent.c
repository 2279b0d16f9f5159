/* absent() and absent_over_time(): a series where there is none. */
#include <stdlib.h>

#include "server/promql/eval.h"
#include "server/promql/window.h"

/* Does matcher i say what its label is? The first `=` of a label does, if no other matcher of it follows. */
static bool says_label(const struct selector *selector, size_t i)
{
    struct str name = matcher_name(selector->matchers[i]);
    if (matcher_op(selector->matchers[i]) != MATCH_EQUAL || str_equal(name, STR(LABEL_NAME)))
        return false;
    for (size_t other = 0; other < selector->count; other++) {
        const struct matcher *matcher = selector->matchers[other];
        bool decides = other > i || (other < i && matcher_op(matcher) == MATCH_EQUAL);
        if (decides && str_equal(matcher_name(matcher), name))
            return false;
    }
    return true;
}

/* The labels that the argument's selector asks for. */
static enum tm_err put_asked(struct eval *eval, const struct ast_node *node, struct bytes *out)
{
    struct labels asked = {.count = 0};
    node = ast_unparen(node);
    if (node->kind == AST_RANGE_NODE)
        node = node->range.selector;
    const struct selector *selector = node->kind == AST_SELECTOR_NODE ? &node->vector.selector : NULL;
    for (size_t i = 0; selector && i < selector->count; i++) {
        const struct matcher *matcher = selector->matchers[i];
        if (says_label(selector, i) && labels_add(&asked, matcher_name(matcher), matcher_value(matcher)))
            return tm_fail(eval->why, TM_INVALID, "a selector with more than %d labels", LABELS_MAX);
    }
    struct str twice;
    if (labels_sort(&asked, &twice))
        return tm_fail(eval->why, TM_INVALID, "a label stands twice");
    labels_encode(&asked, out);
    return bytes_error(out) ? eval_no_memory(eval) : TM_OK;
}

struct absence {
    double *column;
    size_t count;
    struct window_call window;
};

static enum tm_err note_present(void *arg, struct str labels, const double *column)
{
    struct absence *absence = arg;
    (void)labels;
    for (size_t i = 0; i < absence->count; i++) {
        if (!is_absent(column[i]))
            absence->column[i] = absent();
    }
    return TM_OK;
}

static enum tm_err note_windows(void *arg, struct str labels, const struct samples *samples)
{
    struct absence *absence = arg;
    struct window window = {0};
    (void)labels;
    for (size_t step = 0; step < absence->count; step++) {
        window_move(&window, absence->window.plan, samples, step);
        if (window_count(&window))
            absence->column[step] = absent();
    }
    return TM_OK;
}

static enum tm_err put_absence(struct eval *eval, const struct ast_node *call,
                               const struct timeline *timeline, bool over_time, const struct sink *out)
{
    struct window_plan plan;
    struct bytes labels = {0};
    struct absence absence = {.count = timeline->count, .window.plan = &plan};
    enum tm_err err;
    absence.column = eval_column(eval, timeline->count, &err);
    if (!absence.column)
        return err;
    for (size_t i = 0; i < timeline->count; i++)
        absence.column[i] = 1;
    if (over_time)
        err = eval_ranges(eval, call->call.args[0], timeline, &plan,
                          &(struct samples_sink){note_windows, &absence});
    else
        err = eval_vector(eval, call->call.args[0], timeline,
                          &(struct sink){.each = note_present, .arg = &absence});
    if (!err)
        err = put_asked(eval, call->call.args[0], &labels);
    if (!err && has_values(absence.column, timeline->count))
        err = sink_put(out, bytes_view(&labels), absence.column);
    bytes_fini(&labels);
    eval_column_free(eval, absence.column, timeline->count);
    return err;
}

enum tm_err eval_absent(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                        const struct sink *out)
{
    return put_absence(eval, call, timeline, false, out);
}

enum tm_err eval_absent_over_time(struct eval *eval, const struct ast_node *call,
                                  const struct timeline *timeline, const struct sink *out)
{
    return put_absence(eval, call, timeline, true, out);
}
