/* Series that an operator keeps. */
#include "server/promql/eval.h"

/* A sample stands for 16 bytes. A row whose labels make it larger than its samples say counts as what it
 * takes: millions of series at one moment are labels above all, and so the limit of samples bounds memory
 * too. */
static uint64_t count_row(const struct series_table *table, struct str labels)
{
    enum { SAMPLE_BYTES = 16, ROW_BYTES = 16 /* its end and its slots */ };
    uint64_t taken = (ROW_BYTES + labels.len + table->width * sizeof(double)) / SAMPLE_BYTES;
    return taken > table->width ? taken : table->width;
}

enum tm_err eval_row(struct eval *eval, struct series_table *table, struct str labels, size_t *row,
                     bool *is_new)
{
    enum tm_err err = series_table_row(table, labels, row, is_new);
    if (err)
        return eval_no_memory(eval);
    if (!*is_new)
        return TM_OK;
    err = eval_hold(eval, count_row(table, labels));
    if (err)
        table->count--;
    else
        table->held += count_row(table, labels);
    return err;
}

void eval_table_fini(struct eval *eval, struct series_table *table)
{
    eval_release(eval, table->held);
    series_table_fini(table);
}

enum tm_err eval_merge(struct eval *eval, struct series_table *table, struct str labels, const double *column)
{
    size_t row;
    bool is_new;
    enum tm_err err = eval_row(eval, table, labels, &row, &is_new);
    if (err)
        return err;
    double *values = series_table_values(table, row);
    for (size_t i = 0; i < table->width; i++) {
        if (is_absent(column[i]))
            continue;
        if (!is_absent(values[i]))
            return eval_same_labels(eval);
        values[i] = column[i];
    }
    return TM_OK;
}

struct collecting {
    struct eval *eval;
    struct series_table *table;
};

static enum tm_err collect_series(void *arg, struct str labels, const double *column)
{
    struct collecting *collecting = arg;
    if (!has_values(column, collecting->table->width))
        return TM_OK;
    return eval_merge(collecting->eval, collecting->table, labels, column);
}

enum tm_err eval_collect(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                         struct series_table *table)
{
    struct collecting collecting = {eval, table};
    return eval_vector(eval, node, timeline, &(struct sink){.each = collect_series, .arg = &collecting});
}

enum tm_err eval_put_rows(struct eval *eval, const struct series_table *table, const struct sink *out)
{
    enum tm_err err = TM_OK;
    for (size_t row = 0; !err && row < table->count; row++) {
        const double *values = series_table_values(table, row);
        err = eval_check(eval);
        if (!err && has_values(values, table->width))
            err = sink_put(out, series_table_labels(table, row), values);
    }
    return err;
}
