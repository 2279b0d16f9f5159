/* What a query gives. */
#ifndef TM_PROMQL_RESULT_H
#define TM_PROMQL_RESULT_H

#include "server/promql/ast.h"
#include "storage/model/bytes.h"

struct promql_result;

/* NULL is allowed. */
void promql_result_free(struct promql_result *result);

/* What it is. Of a query over a range always AST_MATRIX; else what the expression gives. */
enum ast_type promql_result_type(const struct promql_result *result);

/* AST_STRING: its text, a view. Else empty. */
struct str promql_result_string(const struct promql_result *result);

/* AST_SCALAR: its one value is that of series 0, which has no labels. */

/* How many series; each has a sample at least. Of a query over a range they are in the order of their labels,
 * else in that of the evaluation: sort() and topk() decide it. */
size_t promql_result_count(const struct promql_result *result);

/* The encoded labels of a series (labels_decode), a view. */
struct str promql_result_labels(const struct promql_result *result, size_t series);

/* The next sample of a series, by time. *position is 0 at first. false: there are no more. */
bool promql_result_next(const struct promql_result *result, size_t series, size_t *position, time_ms_t *time,
                        double *value);

/* What it takes, counted as in promql_limits.max_samples. */
uint64_t promql_result_held(const struct promql_result *result);

/* How many samples there are in all. */
uint64_t promql_result_samples(const struct promql_result *result);

#endif
