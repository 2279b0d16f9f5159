/* Times and durations of Prometheus' parameters, with its sentences. Loop thread. */
#ifndef TM_QUERY_PROMQL_PARAMS_H
#define TM_QUERY_PROMQL_PARAMS_H

#include "server/query/params.h"

/* Unix seconds with decimals (rounded to milliseconds) or RFC 3339; missing: otherwise. TM_INVALID. */
enum tm_err promql_params_time(const struct params *params, const char *name, time_ms_t otherwise,
                               time_ms_t *out, struct tm_why *why) TM_MUST_CHECK;
/* The same, and it must be there. */
enum tm_err promql_params_time_needed(const struct params *params, const char *name, time_ms_t *out,
                                      struct tm_why *why) TM_MUST_CHECK;

/* Seconds with decimals, or a duration like 1m30s; it must be there. What is above 0 and below a millisecond
 * is one. TM_INVALID. */
enum tm_err promql_params_duration(const struct params *params, const char *name, int64_t *out_ms,
                                   struct tm_why *why) TM_MUST_CHECK;

#endif
