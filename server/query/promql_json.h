/* What a PromQL query gives, as JSON in Prometheus' form, piece by piece. Any thread. */
#ifndef TM_QUERY_PROMQL_JSON_H
#define TM_QUERY_PROMQL_JSON_H

#include "server/promql/result.h"
#include "storage/model/bytes.h"

/* How far the writing is. Zero-initialised: at the beginning. */
struct promql_json {
    bool is_begun;
    size_t series;
    size_t position;     /* within it */
    bool is_inside;      /* of the series' values */
    struct bytes labels; /* scratch; the holder's */
};

/* Appends the next part of `{"resultType":...,"result":...`, of some thousand samples at most; true: that
 * was the last one, and the closing brace is the caller's. time is that of an instant query. Without memory
 * out fails. */
bool promql_json_step(struct promql_json *json, const struct promql_result *result, time_ms_t time,
                      struct bytes *out);

/* A moment as unix seconds: 12, 12.500. */
void promql_json_time(time_ms_t time, struct bytes *out);

#endif
