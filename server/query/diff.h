/* GET, POST /api/v1/diff: what differs in a window of time. */
#ifndef TM_QUERY_DIFF_H
#define TM_QUERY_DIFF_H

#include "server/http/http.h"
#include "server/query/queries.h"
#include "storage/markers/markers.h"

/* Reads the parameters and refuses or submits the query. markers are asked during the call only. Loop thread.
 */
void query_diff(struct queries *queries, const struct markers *markers, struct http_exchange *exchange);

#endif
