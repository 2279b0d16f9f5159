/* and, or, unless. */
#include <stdlib.h>

#include "server/promql/binary_sides.h"

/* For each match and step: has the side a value there? */
static uint8_t *mark_side(const struct sides *sides, const struct side *side)
{
    size_t width = side->series.width;
    uint8_t *marks = calloc(sides->matches.count * width + 1, 1);
    for (size_t row = 0; marks && row < side->series.count; row++) {
        const double *values = series_table_values(&side->series, row);
        for (size_t i = 0; i < width; i++)
            marks[side->match[row] * width + i] |= !is_absent(values[i]);
    }
    return marks;
}

/* Takes out of a side what has a mark, or what has none. */
static void mask_side(struct side *side, const uint8_t *marks, bool marked)
{
    size_t width = side->series.width;
    for (size_t row = 0; row < side->series.count; row++) {
        double *values = series_table_values(&side->series, row);
        for (size_t i = 0; i < width; i++) {
            if (marks[side->match[row] * width + i] == marked)
                values[i] = absent();
        }
    }
}

/* The left side and what is left of the right one; the same series may be in both, at different steps. */
static enum tm_err put_both(struct eval *eval, struct sides *sides, const struct sink *out)
{
    enum tm_err err = TM_OK;
    for (size_t row = 0; !err && row < sides->right.series.count; row++) {
        const double *values = series_table_values(&sides->right.series, row);
        if (has_values(values, sides->right.series.width))
            err =
                eval_merge(eval, &sides->left.series, series_table_labels(&sides->right.series, row), values);
    }
    return err ? err : eval_put_rows(eval, &sides->left.series, out);
}

enum tm_err eval_set_op(struct eval *eval, const struct ast_node *node, const struct timeline *timeline,
                        const struct sink *out)
{
    struct sides sides = {0};
    uint8_t *marks = NULL;
    bool is_or = node->binary.op == AST_OR;
    enum tm_err err = sides_read(&sides, eval, node, timeline);
    if (err)
        goto out;
    marks = mark_side(&sides, is_or ? &sides.left : &sides.right);
    if (!marks) {
        err = eval_no_memory(eval);
        goto out;
    }
    if (is_or)
        mask_side(&sides.right, marks, true);
    else
        mask_side(&sides.left, marks, node->binary.op == AST_UNLESS);
    err = is_or ? put_both(eval, &sides, out) : eval_put_rows(eval, &sides.left.series, out);
out:
    free(marks);
    sides_fini(&sides, eval);
    return err;
}
