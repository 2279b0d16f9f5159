/* Which time a query looks at. */
#ifndef TM_PROMQL_REACH_H
#define TM_PROMQL_REACH_H

#include "server/promql/engine.h"

/* The span in which every sample lies that the query may read: with its ranges, offsets, @ and the lookback
 * of 5 minutes; an empty one if it reads none. Any thread. */
struct span promql_reach(const struct promql_query *query);

#endif
