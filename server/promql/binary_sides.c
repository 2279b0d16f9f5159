#include "server/promql/binary_sides.h"

#include <stdlib.h>

static enum tm_err read_side(struct sides *sides, struct side *side, struct eval *eval,
                             const struct ast_node *node, const struct ast_node *operand,
                             const struct timeline *timeline)
{
    struct bytes key = {0};
    side->series.width = timeline->count;
    enum tm_err err = eval_collect(eval, operand, timeline, &side->series);
    if (err)
        return err;
    side->match = malloc((side->series.count + 1) * sizeof *side->match);
    if (!side->match)
        return eval_no_memory(eval);
    for (size_t i = 0; !err && i < side->series.count; i++) {
        size_t row;
        bool is_new;
        bytes_clear(&key);
        eval_filter_labels(series_table_labels(&side->series, i), &node->binary.names, node->binary.on,
                           !node->binary.on, &key);
        err = bytes_error(&key);
        if (!err)
            err = series_table_row(&sides->matches, bytes_view(&key), &row, &is_new);
        if (!err)
            side->match[i] = (uint32_t)row;
    }
    bytes_fini(&key);
    return err ? eval_no_memory(eval) : TM_OK;
}

enum tm_err sides_read(struct sides *sides, struct eval *eval, const struct ast_node *node,
                       const struct timeline *timeline)
{
    enum tm_err err = read_side(sides, &sides->left, eval, node, node->binary.left, timeline);
    if (err)
        return err;
    return read_side(sides, &sides->right, eval, node, node->binary.right, timeline);
}

void sides_fini(struct sides *sides, struct eval *eval)
{
    eval_table_fini(eval, &sides->left.series);
    eval_table_fini(eval, &sides->right.series);
    free(sides->left.match);
    free(sides->right.match);
    series_table_fini(&sides->matches);
}
