/* GET /api/v1/markers/ID/expected: what a planned event is expected to bring. */
#ifndef TM_QUERY_EXPECTED_H
#define TM_QUERY_EXPECTED_H

#include "server/http/http.h"
#include "server/query/queries.h"
#include "storage/markers/markers.h"

/* Of a marker (of kind event, and of markers, which are asked during the call only); reads the parameters and
 * refuses or submits the query. Loop thread. */
void query_expected(struct queries *queries, const struct markers *markers, const struct marker *marker,
                    struct http_exchange *exchange);

#endif
