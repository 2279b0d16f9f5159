/* The two vectors of an operator, whose series are grouped by the labels that must agree. */
#ifndef TM_PROMQL_BINARY_SIDES_H
#define TM_PROMQL_BINARY_SIDES_H

#include "server/promql/eval.h"

struct side {
    struct series_table series;
    uint32_t *match; /* the number of each series' matching labels */
};

/* Zero-initialised is empty. */
struct sides {
    struct side left;
    struct side right;
    struct series_table matches; /* matching labels by number; width 0 */
};

/* Evaluates both operands. To be released whatever it returns. */
enum tm_err sides_read(struct sides *sides, struct eval *eval, const struct ast_node *node,
                       const struct timeline *timeline) TM_MUST_CHECK;
/* Frees both sides, whose samples count no longer against the query's bound. */
void sides_fini(struct sides *sides, struct eval *eval);

#endif
