/* How a read request becomes a query: its parameters are read into the query's state, which is submitted or
 * refused. Loop thread. */
#ifndef TM_QUERY_REQUEST_H
#define TM_QUERY_REQUEST_H

#include "server/query/params.h"
#include "server/query/queries.h"

/* Reads the parameters as params_read. state: what the query will be, NULL without memory: TM_NOMEM. The
 * parameters are to be released whatever it returns. */
enum tm_err request_begin(struct params *params, const struct http_exchange *exchange, const void *state,
                          struct tm_why *why) TM_MUST_CHECK;

/* Takes state over: submits it, or, where reading the request failed, frees it by kind and answers why. state
 * NULL: only with an error. */
void request_end(struct queries *queries, struct http_exchange *exchange, const struct query_kind *kind,
                 void *state, enum tm_err err, const struct tm_why *why);

#endif
