/* From a Prometheus remote write request to a batch, by the rules of metric lines. Loop thread. */
#ifndef TM_INGEST_REMOTE_H
#define TM_INGEST_REMOTE_H

#include "server/ingest/lines.h"
#include "server/ingest/metadata.h"

/* Adds every good sample of a body (snappy, protobuf) to lines->batch. A series or a sample that is refused
 * is rejected into lines->reply under the series' number, from 1; accepted counts samples. NaN, Inf and
 * staleness markers are taken. TM_INVALID, TM_TOO_LARGE: the body as a whole, with why, nothing was added;
 * TM_NOMEM: the batch is incomplete, drop it. */
enum tm_err remote_take(struct lines *lines, struct str body, struct metadata *metadata,
                        struct tm_why *why) TM_MUST_CHECK;

#endif
