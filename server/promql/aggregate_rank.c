/* topk, bottomk and quantile: the series of a group are kept, and looked at step by step. */
#include <math.h>
#include <stdlib.h>

#include "server/promql/eval.h"
#include "server/promql/window.h"

/* The series by group. */
struct ranking {
    struct eval *eval;
    const struct ast_node *node;
    size_t steps;
    struct series_table series;
    struct series_table groups; /* by labels; width 0 */
    size_t *group;              /* of each series */
    size_t *member;             /* the series, group after group */
    size_t *first;              /* of each group, in member; one more for the end */
    double *parameter;
};

static enum tm_err find_groups(struct ranking *ranking)
{
    size_t count = ranking->series.count;
    struct bytes key = {0};
    enum tm_err err = TM_OK;
    ranking->group = malloc((count + 1) * sizeof *ranking->group);
    ranking->member = malloc((count + 1) * sizeof *ranking->member);
    if (!ranking->group || !ranking->member)
        return eval_no_memory(ranking->eval);
    for (size_t i = 0; !err && i < count; i++) {
        bool is_new;
        bytes_clear(&key);
        aggregate_group(ranking->node, series_table_labels(&ranking->series, i), &key);
        err = bytes_error(&key);
        if (!err)
            err = series_table_row(&ranking->groups, bytes_view(&key), &ranking->group[i], &is_new);
    }
    bytes_fini(&key);
    return err ? eval_no_memory(ranking->eval) : TM_OK;
}

/* Counts, then places: members of a group stay in the order in which they came. */
static enum tm_err place_members(struct ranking *ranking)
{
    size_t *next = calloc(ranking->groups.count + 1, sizeof *next);
    ranking->first = calloc(ranking->groups.count + 2, sizeof *ranking->first);
    if (!ranking->first || !next) {
        free(next);
        return eval_no_memory(ranking->eval);
    }
    for (size_t i = 0; i < ranking->series.count; i++)
        ranking->first[ranking->group[i] + 1]++;
    for (size_t g = 0; g < ranking->groups.count; g++) {
        ranking->first[g + 1] += ranking->first[g];
        next[g] = ranking->first[g];
    }
    for (size_t i = 0; i < ranking->series.count; i++)
        ranking->member[next[ranking->group[i]]++] = i;
    free(next);
    return TM_OK;
}

static enum tm_err rank_begin(struct ranking *ranking, const struct timeline *timeline)
{
    ranking->series.width = timeline->count;
    ranking->steps = timeline->count;
    enum tm_err err =
        eval_scalar_column(ranking->eval, ranking->node->aggregate.parameter, timeline, &ranking->parameter);
    if (!err)
        err = eval_collect(ranking->eval, ranking->node->aggregate.inner, timeline, &ranking->series);
    if (!err)
        err = find_groups(ranking);
    if (!err)
        err = place_members(ranking);
    return err;
}

static void rank_end(struct ranking *ranking)
{
    eval_column_free(ranking->eval, ranking->parameter, ranking->steps);
    eval_table_fini(ranking->eval, &ranking->series);
    series_table_fini(&ranking->groups);
    free(ranking->group);
    free(ranking->member);
    free(ranking->first);
}

/* ---- topk, bottomk ---- */

#define INT64_BOUND 9223372036854775808.0

/* A value of a step. */
struct ranked {
    size_t series;
    double value; /* turned round for bottomk: the largest are the first */
};

/* The best first, NaN last; of equals the one that came first. */
static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) - isnan(y->value);
    if (x->value != y->value && !isnan(x->value))
        return x->value > y->value ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

static enum tm_err find_k(struct ranking *ranking, size_t step, size_t *k)
{
    double wanted = ranking->parameter[step];
    *k = 0;
    if (!(wanted >= -INT64_BOUND && wanted < INT64_BOUND))
        return tm_fail(ranking->eval->why, TM_INVALID, "Scalar value %g overflows int64", wanted);
    if (wanted >= 1)
        *k = wanted < (double)SIZE_MAX ? (size_t)wanted : SIZE_MAX;
    return TM_OK;
}

/* Takes the values out of a step that are not among the k first of their group. best has them in order
 * afterwards; returns how many. */
static size_t rank_step(struct ranking *ranking, size_t group, size_t step, size_t k, struct ranked *best)
{
    double sign = ranking->node->aggregate.op == AST_TOPK ? 1 : -1;
    size_t count = 0;
    for (size_t m = ranking->first[group]; m < ranking->first[group + 1]; m++) {
        size_t series = ranking->member[m];
        double value = series_table_values(&ranking->series, series)[step];
        if (!is_absent(value))
            best[count++] = (struct ranked){series, value * sign};
    }
    qsort(best, count, sizeof *best, compare_ranked);
    for (size_t i = k; i < count; i++)
        series_table_values(&ranking->series, best[i].series)[step] = absent();
    return k < count ? k : count;
}

/* An instant query gives them in the order of their rank. */
static enum tm_err put_best(struct ranking *ranking, const struct ranked *best, size_t count,
                            const struct sink *out)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; !err && i < count; i++)
        err = sink_put(out, series_table_labels(&ranking->series, best[i].series),
                       series_table_values(&ranking->series, best[i].series));
    return err;
}

/* Where a few are wanted of many series, some steps at a time are looked at: a column is in memory by steps,
 * and so what was read of it is used. */
enum { BLOCK_STEPS = 8, FEW_MAX = 64 };

struct few {
    struct ranked best[BLOCK_STEPS][FEW_MAX]; /* in order */
    size_t count[BLOCK_STEPS];
    size_t k[BLOCK_STEPS];
};

/* Puts a value among the best of a step, or takes it or the one that it pushes out of the step. */
static void rank_value(struct ranking *ranking, struct few *few, size_t first_step, size_t i,
                       struct ranked value)
{
    struct ranked *best = few->best[i];
    size_t count = few->count[i], at = count;
    if (count == few->k[i] && (count == 0 || compare_ranked(&value, &best[count - 1]) > 0)) {
        series_table_values(&ranking->series, value.series)[first_step + i] = absent();
        return;
    }
    if (count == few->k[i])
        series_table_values(&ranking->series, best[--at].series)[first_step + i] = absent();
    else
        few->count[i]++;
    for (; at > 0 && compare_ranked(&value, &best[at - 1]) < 0; at--)
        best[at] = best[at - 1];
    best[at] = value;
}

static void rank_block(struct ranking *ranking, struct few *few, size_t first_step, size_t steps)
{
    double sign = ranking->node->aggregate.op == AST_TOPK ? 1 : -1;
    for (size_t group = 0; group < ranking->groups.count; group++) {
        memset(few->count, 0, sizeof few->count);
        for (size_t m = ranking->first[group]; m < ranking->first[group + 1]; m++) {
            size_t series = ranking->member[m];
            const double *values = series_table_values(&ranking->series, series) + first_step;
            for (size_t i = 0; i < steps; i++) {
                if (!is_absent(values[i]))
                    rank_value(ranking, few, first_step, i, (struct ranked){series, values[i] * sign});
            }
        }
    }
}

/* Ranks some steps from `step` on, if few series are wanted at each; *steps is 0 if not. */
static enum tm_err rank_few(struct ranking *ranking, struct few *few, size_t step, size_t *steps)
{
    size_t count = ranking->steps - step < BLOCK_STEPS ? ranking->steps - step : BLOCK_STEPS;
    *steps = 0;
    for (size_t i = 0; i < count; i++) {
        enum tm_err err = find_k(ranking, step + i, &few->k[i]);
        if (err || few->k[i] > FEW_MAX)
            return err;
    }
    rank_block(ranking, few, step, count);
    *steps = count;
    return TM_OK;
}

/* Ranks one step by sorting it. out: of an instant query. */
static enum tm_err rank_sorted(struct ranking *ranking, struct ranked *best, size_t step,
                               const struct sink *out)
{
    size_t k = 0;
    enum tm_err err = find_k(ranking, step, &k);
    for (size_t group = 0; !err && group < ranking->groups.count; group++) {
        size_t count = rank_step(ranking, group, step, k, best);
        if (ranking->steps == 1)
            err = put_best(ranking, best, count, out);
    }
    return err;
}

static enum tm_err rank_all(struct ranking *ranking, const struct sink *out)
{
    enum tm_err err = TM_OK;
    struct ranked *best = malloc((ranking->series.count + 1) * sizeof *best);
    struct few few;
    if (!best)
        return eval_no_memory(ranking->eval);
    for (size_t step = 0; !err && step < ranking->steps;) {
        size_t done = 0;
        err = eval_check(ranking->eval);
        if (!err && ranking->steps > 1)
            err = rank_few(ranking, &few, step, &done);
        if (!err && done == 0)
            err = rank_sorted(ranking, best, step, out);
        step += done ? done : 1;
    }
    free(best);
    return err;
}

enum tm_err eval_rank(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                      const struct sink *out)
{
    struct ranking ranking = {.eval = eval, .node = node};
    enum tm_err err = rank_begin(&ranking, timeline);
    if (!err)
        err = rank_all(&ranking, out);
    if (!err && ranking.steps > 1)
        err = eval_put_rows(eval, &ranking.series, out);
    rank_end(&ranking);
    return err;
}

/* ---- quantile ---- */

static enum tm_err put_quantiles(struct ranking *ranking, double *column, double *values,
                                 const struct sink *out)
{
    enum tm_err err = TM_OK;
    for (size_t group = 0; !err && group < ranking->groups.count; group++) {
        for (size_t step = 0; step < ranking->steps; step++) {
            size_t count = 0;
            for (size_t m = ranking->first[group]; m < ranking->first[group + 1]; m++) {
                double value = series_table_values(&ranking->series, ranking->member[m])[step];
                if (!is_absent(value))
                    values[count++] = value;
            }
            column[step] = count ? quantile_of(ranking->parameter[step], values, count) : absent();
        }
        err = eval_check(ranking->eval);
        if (!err)
            err = sink_put(out, series_table_labels(&ranking->groups, group), column);
    }
    return err;
}

enum tm_err eval_quantile(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                          const struct sink *out)
{
    struct ranking ranking = {.eval = eval, .node = node};
    double *values = NULL, *column = NULL;
    enum tm_err err = rank_begin(&ranking, timeline);
    if (!err) {
        values = malloc((ranking.series.count + 1) * sizeof *values);
        column = malloc(timeline->count * sizeof *column);
        if (!values || !column)
            err = eval_no_memory(eval);
    }
    if (!err)
        err = put_quantiles(&ranking, column, values, out);
    free(values);
    free(column);
    rank_end(&ranking);
    return err;
}
