/* sort() and sort_desc(): by value, of an instant query; over a range the order is that of labels. */
#include <math.h>
#include <stdlib.h>

#include "server/promql/eval.h"

struct sorted {
    double value; /* turned round for sort_desc */
    size_t row;
};

/* NaN last. */
static int compare_sorted(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) - isnan(y->value);
    if (x->value != y->value && !isnan(x->value))
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Gives the rows of a table of one column by value. */
static enum tm_err put_sorted(struct eval *eval, const struct series_table *table, double sign,
                              const struct sink *out)
{
    enum tm_err err = TM_OK;
    struct sorted *sorted = calloc(table->count + 1, sizeof *sorted);
    if (!sorted)
        return eval_no_memory(eval);
    for (size_t row = 0; row < table->count; row++)
        sorted[row] = (struct sorted){series_table_values(table, row)[0] * sign, row};
    qsort(sorted, table->count, sizeof *sorted, compare_sorted);
    for (size_t i = 0; !err && i < table->count; i++)
        err = sink_put(out, series_table_labels(table, sorted[i].row),
                       series_table_values(table, sorted[i].row));
    free(sorted);
    return err;
}

enum tm_err eval_sort(struct eval *eval, const struct ast_node *call, const struct timeline *timeline,
                      const struct sink *out)
{
    const struct ast_node *inner = call->call.args[0];
    if (timeline->count > 1)
        return eval_vector(eval, inner, timeline, out);
    struct series_table table = {.width = 1};
    enum tm_err err = eval_collect(eval, inner, timeline, &table);
    if (!err)
        err = put_sorted(eval, &table, call->call.function->id == FUNCTION_SORT ? 1 : -1, out);
    eval_table_fini(eval, &table);
    return err;
}
