/* histogram_quantile() and histogram_fraction() of classic buckets: series that differ in `le` alone. */
#include <math.h>
#include <stdlib.h>

#include "server/promql/eval.h"

/* One series of buckets. */
struct bucket_row {
    double bound;
    size_t series;
    size_t group;
};

/* A bucket at a step. */
struct bucket {
    double bound;
    double count; /* in it and those below */
};

struct bucketing {
    struct eval *eval;
    const struct ast_node *call;
    size_t steps;
    struct series_table series;
    struct series_table groups; /* labels without le */
    struct bucket_row *rows;    /* by group, then bound */
    size_t row_count;
    double *params[2];
    struct bucket *buckets; /* of one group and step */
};

/* As Go's ParseFloat: all of it. */
static bool read_bound(struct str text, double *bound)
{
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy || strchr(" \t\n\v\f\r", text.ptr[0]))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    *bound = strtod(copy, &end);
    return end == copy + text.len;
}

static int compare_rows(const void *a, const void *b)
{
    const struct bucket_row *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (x->bound != y->bound)
        return x->bound < y->bound ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

/* Which series are buckets, and of what. */
static enum tm_err find_buckets(struct bucketing *bucketing)
{
    static const struct str le[] = {{"le", 2}};
    const struct ast_names names = {le, 1};
    struct bytes key = {0};
    enum tm_err err = TM_OK;
    bucketing->rows = calloc(bucketing->series.count + 1, sizeof *bucketing->rows);
    bucketing->buckets = calloc(bucketing->series.count + 1, sizeof *bucketing->buckets);
    if (!bucketing->rows || !bucketing->buckets)
        return eval_no_memory(bucketing->eval);
    for (size_t i = 0; !err && i < bucketing->series.count; i++) {
        struct labels set;
        struct str labels = series_table_labels(&bucketing->series, i);
        struct bucket_row row = {.series = i};
        bool is_new;
        if (labels_decode(labels, &set) || !read_bound(labels_get(&set, le[0]), &row.bound))
            continue;
        bytes_clear(&key);
        eval_filter_labels(labels, &names, false, false, &key);
        err = bytes_error(&key);
        if (!err)
            err = series_table_row(&bucketing->groups, bytes_view(&key), &row.group, &is_new);
        bucketing->rows[bucketing->row_count++] = row;
    }
    bytes_fini(&key);
    if (err)
        return eval_no_memory(bucketing->eval);
    qsort(bucketing->rows, bucketing->row_count, sizeof *bucketing->rows, compare_rows);
    return TM_OK;
}

/* The buckets of rows [first, end) at a step, those of the same bound added up; returns how many. */
static size_t take_step(const struct bucketing *bucketing, size_t first, size_t end, size_t step)
{
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        const struct bucket_row *row = &bucketing->rows[i];
        double value = series_table_values(&bucketing->series, row->series)[step];
        if (is_absent(value))
            continue;
        if (count > 0 && bucketing->buckets[count - 1].bound == row->bound)
            bucketing->buckets[count - 1].count += value;
        else
            bucketing->buckets[count++] = (struct bucket){row->bound, value};
    }
    return count;
}

/* Buckets are read one after the other, so one may have counted what the one below has not yet. */
static void make_monotonic(struct bucket *buckets, size_t count)
{
    double most = buckets[0].count;
    for (size_t i = 1; i < count; i++) {
        if (buckets[i].count > most)
            most = buckets[i].count;
        else if (buckets[i].count < most)
            buckets[i].count = most;
    }
}

static double find_quantile(double q, struct bucket *buckets, size_t count)
{
    if (isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    if (buckets[count - 1].bound != (double)INFINITY)
        return NAN;
    make_monotonic(buckets, count);
    if (count < 2)
        return NAN;
    double observations = buckets[count - 1].count;
    if (observations == 0)
        return NAN;
    double rank = q * observations;
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (buckets[middle].count >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == count - 1)
        return buckets[count - 2].bound;
    if (low == 0 && buckets[0].bound <= 0)
        return buckets[0].bound;
    double start = 0, width = buckets[low].count;
    if (low > 0) {
        start = buckets[low - 1].bound;
        width -= buckets[low - 1].count;
        rank -= buckets[low - 1].count;
    }
    return start + (buckets[low].bound - start) * (rank / width);
}

/* How many observations are at or below value, evenly spread within a bucket. */
static double find_rank(double value, const struct bucket *buckets, size_t count)
{
    double below = 0;
    for (size_t i = 0; i < count; i++) {
        double start = i ? buckets[i - 1].bound : (buckets[0].bound > 0 ? 0 : -INFINITY);
        if (value >= buckets[i].bound) {
            below = buckets[i].count;
            continue;
        }
        if (value <= start || isinf(start) || isinf(buckets[i].bound))
            return below;
        return below + (buckets[i].count - below) * (value - start) / (buckets[i].bound - start);
    }
    return below;
}

static double find_fraction(double lower, double upper, struct bucket *buckets, size_t count)
{
    if (buckets[count - 1].bound != (double)INFINITY || isnan(lower) || isnan(upper))
        return NAN;
    make_monotonic(buckets, count);
    double observations = buckets[count - 1].count;
    if (count < 2 || observations == 0)
        return NAN;
    if (lower >= upper)
        return 0;
    return (find_rank(upper, buckets, count) - find_rank(lower, buckets, count)) / observations;
}

static enum tm_err put_group(struct bucketing *bucketing, size_t first, size_t end, double *column,
                             struct unname *out)
{
    bool is_fraction = bucketing->call->call.function->id == FUNCTION_HISTOGRAM_FRACTION;
    for (size_t step = 0; step < bucketing->steps; step++) {
        size_t count = take_step(bucketing, first, end, step);
        double a = bucketing->params[0][step];
        if (count == 0)
            column[step] = absent();
        else if (is_fraction)
            column[step] = find_fraction(a, bucketing->params[1][step], bucketing->buckets, count);
        else
            column[step] = find_quantile(a, bucketing->buckets, count);
    }
    struct str labels = series_table_labels(&bucketing->groups, bucketing->rows[first].group);
    enum tm_err err = eval_check(bucketing->eval);
    return err ? err : unname_put(out, labels, column);
}

static enum tm_err put_groups(struct bucketing *bucketing, struct unname *out)
{
    enum tm_err err;
    double *column = eval_column(bucketing->eval, bucketing->steps, &err);
    for (size_t first = 0; !err && first < bucketing->row_count;) {
        size_t end = first + 1;
        while (end < bucketing->row_count && bucketing->rows[end].group == bucketing->rows[first].group)
            end++;
        err = put_group(bucketing, first, end, column, out);
        first = end;
    }
    eval_column_free(bucketing->eval, column, bucketing->steps);
    return err ? err : unname_end(out);
}

enum tm_err eval_histogram(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                           const struct sink *out)
{
    struct bucketing bucketing = {.eval = eval, .call = call, .steps = timeline->count};
    size_t params = call->call.count - 1;
    struct unname unname;
    enum tm_err err = TM_OK;
    unname_init(&unname, eval, call->call.args[params], timeline, out);
    bucketing.series.width = timeline->count;
    for (size_t i = 0; !err && i < params; i++)
        err = eval_scalar_column(eval, call->call.args[i], timeline, &bucketing.params[i]);
    if (!err)
        err = eval_collect(eval, call->call.args[params], timeline, &bucketing.series);
    if (!err)
        err = find_buckets(&bucketing);
    if (!err)
        err = put_groups(&bucketing, &unname);
    unname_fini(&unname);
    for (size_t i = 0; i < sizeof bucketing.params / sizeof bucketing.params[0]; i++)
        eval_column_free(eval, bucketing.params[i], timeline->count);
    eval_table_fini(eval, &bucketing.series);
    series_table_fini(&bucketing.groups);
    free(bucketing.rows);
    free(bucketing.buckets);
    return err;
}
