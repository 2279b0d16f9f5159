#include "server/query/request.h"

enum tm_err request_begin(struct params *params, const struct http_exchange *exchange, const void *state,
                          struct tm_why *why)
{
    enum tm_err err = params_read(params, exchange, why);
    return err || state ? err : tm_fail(why, TM_NOMEM, "out of memory; try again");
}

void request_end(struct queries *queries, struct http_exchange *exchange, const struct query_kind *kind,
                 void *state, enum tm_err err, const struct tm_why *why)
{
    if (!err) {
        queries_submit(queries, exchange, kind, state);
        return;
    }
    if (state)
        kind->free(state);
    params_refuse(exchange, err, why);
}
