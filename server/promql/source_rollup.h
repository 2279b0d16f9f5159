/* Rollups of the store's reader for a source: struct source's functions of that name. */
#ifndef TM_PROMQL_SOURCE_ROLLUP_H
#define TM_PROMQL_SOURCE_ROLLUP_H

#include "server/promql/source.h"
#include "storage/query.h"

/* As source.raw_from. */
enum tm_err source_reader_raw_from(void *self, time_ms_t *out, struct tm_why *why) TM_MUST_CHECK;
/* As source.rollups. */
enum tm_err source_reader_rollups(void *self, uint64_t series, int64_t bucket_ms, struct span span,
                                  source_rows_fn *each, void *arg, struct tm_why *why) TM_MUST_CHECK;

#endif
