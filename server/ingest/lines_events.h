/* Events: HTTP status events are counted and kept raw, tallies are summed, exceptions are counted and kept;
 * one file for each. */
#ifndef TM_INGEST_LINES_EVENTS_H
#define TM_INGEST_LINES_EVENTS_H

#include "server/ingest/lines.h"

/* A line whose raw key begins with `http,`. *is_metric: it is no event, nothing was done. Else it was taken,
 * or TM_INVALID, TM_FORBIDDEN, TM_LIMIT with why: then the batch is as before. TM_NOMEM. */
enum tm_err lines_take_http(struct lines *lines, const struct line *line, bool *is_metric,
                            struct tm_why *why) TM_MUST_CHECK;

/* The same for `tally,`. */
enum tm_err lines_take_tally(struct lines *lines, const struct line *line, bool *is_metric,
                             struct tm_why *why) TM_MUST_CHECK;

/* The same for `exception,`. */
enum tm_err lines_take_exception(struct lines *lines, const struct line *line, bool *is_metric,
                                 struct tm_why *why) TM_MUST_CHECK;

#endif
