/* The functions that Prometheus has not. Private to this folder. */
#ifndef TM_PROMQL_OWN_H
#define TM_PROMQL_OWN_H

#include "server/promql/functions.h"

#define OWN_WEEK_MS (INT64_C(7) * 24 * 3600 * 1000)

/* baseline() is the median of the same time in so many weeks. */
enum { OWN_BASELINE_WEEKS = 6 };

/* How far before its argument's moments a function looks: from nearest to farthest. Any thread. */
void own_reach(enum function_id id, int64_t *nearest_ms, int64_t *farthest_ms);

#endif
