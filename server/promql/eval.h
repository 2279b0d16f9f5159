/* The evaluation's own parts. An operator hands its series over one by one, each as a column over the
 * timeline, to whoever asked: what an aggregation sums is never there all at once. Private to this folder. */
#ifndef TM_PROMQL_EVAL_H
#define TM_PROMQL_EVAL_H

#include "server/promql/engine.h"
#include "server/promql/functions.h"
#include "server/promql/series_table.h"
#include "server/promql/timeline.h"
#include "storage/model/labels.h"

/* One evaluation. One thread. */
struct eval {
    const struct source *source;
    const struct promql_query *query;
    struct promql_limits limits; /* without zeros but for max_samples */
    struct promql_cost cost;
    struct tm_why *why;
    uint64_t held;         /* doubles kept by operators at this moment */
    struct shared *shared; /* NULL: nothing stands there twice */
};

/* Takes one series: its encoded labels and a column, both valid during the call. A column may be all absent.
 * An error ends the evaluation. */
struct sink {
    enum tm_err (*each)(void *arg, struct str labels, const double *column);
    void *arg;
    bool is_blind; /* looks at no labels: it may be given none */
};

static inline enum tm_err sink_put(const struct sink *sink, struct str labels, const double *column)
{
    return sink->each(sink->arg, labels, column);
}

/* Every function here that returns an error has its sentence in eval->why. */

/* TM_CLOSED when the query is to stop. */
enum tm_err eval_check(struct eval *eval) TM_MUST_CHECK;
/* Counts doubles that are about to be kept; TM_LIMIT over max_samples. */
enum tm_err eval_hold(struct eval *eval, uint64_t count) TM_MUST_CHECK;
/* Counts them no more; they must have been counted. */
void eval_release(struct eval *eval, uint64_t count);
/* The sentence of TM_NOMEM. */
enum tm_err eval_no_memory(struct eval *eval);
/* "vector cannot contain metrics with the same labelset", TM_INVALID. */
enum tm_err eval_same_labels(struct eval *eval);
/* A column of the timeline's length, counted; NULL without memory or over the bound, then *err says which. */
double *eval_column(struct eval *eval, size_t count, enum tm_err *err);
/* Frees it and counts it no more; NULL is allowed. count: as it was made with. */
void eval_column_free(struct eval *eval, double *column, size_t count);

/* ---- eval.c: by kind of node ---- */

/* A node that gives a vector: each series once, no two with the same labels and a value at the same step. */
enum tm_err eval_vector(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out) TM_MUST_CHECK;
/* A node that gives a scalar; out has the timeline's length. */
enum tm_err eval_scalar(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        double *out) TM_MUST_CHECK;
/* The same into a new column, which the caller frees (eval_column_free). */
enum tm_err eval_scalar_column(struct eval *eval, const struct ast_node *node,
                               const struct timeline *timeline, double **out) TM_MUST_CHECK;
/* The text of a node that gives a string. */
struct str eval_string(const struct ast_node *node);

/* eval_names.c. Could two series of what node gives agree in all labels but the name? */
bool eval_names_differ(const struct ast_node *node);

/* The same as eval_vector, of a node without parentheses and without looking at what is shared. */
enum tm_err eval_anew(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                      const struct sink *out) TM_MUST_CHECK;

/* ---- eval_shared.c: expressions that stand there more than once ---- */

/* Finds them. NULL: there are none, or no memory: then all is evaluated as often as it stands there. */
struct shared *eval_shared_new(const struct ast *ast, uint64_t max_samples);
/* Frees it with all that is kept, which counts no more. None: nothing. */
void eval_shared_free(struct eval *eval);
/* Gives up what is kept, where room is needed for what has to be. */
void eval_shared_drop(struct eval *eval);
/* Does this node stand there more than once, so that eval_shared is to be asked? */
bool eval_is_shared(const struct eval *eval, const struct ast_node *node);
/* eval_vector of such a node. */
enum tm_err eval_shared(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out) TM_MUST_CHECK;

/* ---- eval_tables.c: keeping series ---- */

/* A row of labels, counted against max_samples. */
enum tm_err eval_row(struct eval *eval, struct series_table *table, struct str labels, size_t *row,
                     bool *is_new) TM_MUST_CHECK;
/* Frees and stops counting. */
void eval_table_fini(struct eval *eval, struct series_table *table);
/* Puts a column into the row of labels; where both have a value: eval_same_labels. */
enum tm_err eval_merge(struct eval *eval, struct series_table *table, struct str labels,
                       const double *column) TM_MUST_CHECK;
/* Evaluates a node and keeps all its series that have a value. table->width is set. */
enum tm_err eval_collect(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                         struct series_table *table) TM_MUST_CHECK;
/* Gives every row with a value to out. */
enum tm_err eval_put_rows(struct eval *eval, const struct series_table *table,
                          const struct sink *out) TM_MUST_CHECK;

/* ---- labels ---- */

/* Appends labels without the name; scratch for one series at a time. Errors of encoding show in out. */
void eval_drop_name(struct str labels, struct bytes *out);
/* Appends labels without (or, with keep, none but) some names. and_name: __name__ goes as well. */
void eval_filter_labels(struct str labels, const struct ast_names *names, bool keep, bool and_name,
                        struct bytes *out);

/* Between an operator that drops the name and who takes its series: the series of different names that come
 * to the same labels are put together, or found to clash. */
struct unname {
    struct eval *eval;
    const struct sink *out;
    struct series_table merged; /* used if names may differ */
    struct bytes labels;
    bool merges;
    bool strict; /* two of the same labels clash even without a common step */
};

/* inner: the operand, which tells whether names may differ. out is borrowed. To be ended by unname_fini. */
void unname_init(struct unname *unname, struct eval *eval, const struct ast_node *inner,
                 const struct timeline *timeline, const struct sink *out);
/* Drops the name and gives the series on, now or at the end. */
enum tm_err unname_put(struct unname *unname, struct str labels, const double *column) TM_MUST_CHECK;
/* Gives on what was kept. */
enum tm_err unname_end(struct unname *unname) TM_MUST_CHECK;
/* Frees what was kept, which counts no more. */
void unname_fini(struct unname *unname);

/* ---- the operators, each with the contract of eval_vector ---- */

/* eval_selector.c. With its_time the value is the sample's time in seconds (timestamp()). */
enum tm_err eval_selector(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                          bool its_time, const struct sink *out) TM_MUST_CHECK;
/* eval_range.c: functions of a range vector. */
enum tm_err eval_range_call(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                            const struct sink *out) TM_MUST_CHECK;

/* Takes the samples of one series of a range vector, without staleness markers. */
struct samples_sink {
    enum tm_err (*each)(void *arg, struct str labels, const struct samples *samples);
    void *arg;
};
struct window_plan;
/* Where the windows of a selector or subquery end. */
struct window_plan eval_plan(const struct eval *eval, const struct ast_shift *shift,
                             const struct timeline *timeline, int64_t range_ms);
/* Gives each series of a range selector or subquery, with all samples that any window has; plan is filled. */
enum tm_err eval_ranges(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        struct window_plan *plan, const struct samples_sink *out) TM_MUST_CHECK;

struct tier;
/* What is loaded, and what is made of it. */
struct load {
    const struct ast_node *selector;
    struct span span;               /* of the samples that are read */
    size_t steps;                   /* of a column */
    bool keeps_stale;               /* staleness markers are among the samples */
    const struct window_plan *plan; /* of the columns; NULL: there are none */
    enum function_id function;      /* over the windows; FUNCTION_COUNT: a selector by itself */
    const struct tier *tier;        /* found by eval_load and eval_load_samples */
    bool is_blind;                  /* deliver looks at no labels, which are empty then */
    /* Makes the column of one series. Any thread, several at the same time. */
    enum tm_err (*compute)(void *arg, const struct samples *samples, double *column, struct tm_why *why);
    /* Takes a column with values; the caller's thread, in the order of the selection. */
    enum tm_err (*deliver)(void *arg, struct str labels, const double *column);
    void *arg;
};

/* eval_load.c: from the series of a selector to columns, by several threads if the bounds say so and there
 * are many series. */
enum tm_err eval_load(struct eval *eval, const struct load *load) TM_MUST_CHECK;
/* The same without columns: calls each for every series that has samples in span, with its samples. */
enum tm_err eval_load_samples(struct eval *eval, const struct load *load,
                              const struct samples_sink *each) TM_MUST_CHECK;

/* eval_call.c: functions of instant vectors and scalars. */
enum tm_err eval_call(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                      const struct sink *out) TM_MUST_CHECK;
/* Is this function one of eval_math's? */
bool math_has(enum function_id id);
/* func_math.c: functions of one value at a time, abs() to year(); also of none, for the time of the step. */
enum tm_err eval_math(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                      const struct sink *out) TM_MUST_CHECK;
/* func_labels.c: label_replace(). TM_INVALID: a label name or the regex. */
enum tm_err eval_label_replace(struct eval *eval, const struct ast_node *call,
                               const struct timeline *timeline, const struct sink *out) TM_MUST_CHECK;
/* label_join(). TM_INVALID: a label name. */
enum tm_err eval_label_join(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                            const struct sink *out) TM_MUST_CHECK;
/* func_histogram.c: histogram_quantile(), histogram_fraction(). */
enum tm_err eval_histogram(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                           const struct sink *out) TM_MUST_CHECK;
/* func_absent.c: absent(). */
enum tm_err eval_absent(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                        const struct sink *out) TM_MUST_CHECK;
/* absent_over_time(): of a range vector. */
enum tm_err eval_absent_over_time(struct eval *eval, const struct ast_node *call,
                                  const struct timeline *timeline, const struct sink *out) TM_MUST_CHECK;
/* func_sort.c: sort(), sort_desc(); of more than one step nothing is sorted, as in Prometheus. */
enum tm_err eval_sort(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                      const struct sink *out) TM_MUST_CHECK;

/* func_own.c: same_time_last_week(), baseline(), anomaly_score() */
enum tm_err eval_own(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                     const struct sink *out) TM_MUST_CHECK;

/* aggregate.c: sum, avg, min, max, count, group, stddev, stdvar; the others by one of the next three. */
enum tm_err eval_aggregate(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                           const struct sink *out) TM_MUST_CHECK;
/* aggregate_rank.c: topk and bottomk. */
enum tm_err eval_rank(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                      const struct sink *out) TM_MUST_CHECK;
/* aggregate_rank.c: quantile, whose parameter may differ from step to step. */
enum tm_err eval_quantile(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                          const struct sink *out) TM_MUST_CHECK;
/* aggregate_values.c: count_values. TM_INVALID: the label name. */
enum tm_err eval_count_values(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                              const struct sink *out) TM_MUST_CHECK;
/* Appends the labels of the group that a series belongs to. */
void aggregate_group(const struct ast_node *node, struct str labels, struct bytes *out);

/* binary.c: an operator with a scalar at least; of two vectors by one of the next two. */
enum tm_err eval_binary(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out) TM_MUST_CHECK;
/* binary_match.c: arithmetic and comparison of two vectors. TM_INVALID: several series match on a side of
 * one. */
enum tm_err eval_match(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                       const struct sink *out) TM_MUST_CHECK;
/* binary_set.c: and, or, unless. */
enum tm_err eval_set_op(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out) TM_MUST_CHECK;
/* The value of `left op right`; of a comparison left. false: a comparison that does not hold. */
bool binary_value(enum ast_binary_op op, double left, double right, double *value);
/* Does the operator take the name away? */
bool binary_drops_name(const struct ast_node *node);

#endif
