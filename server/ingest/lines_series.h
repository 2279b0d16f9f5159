/* Series that the daemon makes from events: their names, and what becomes of them over a limit. */
#ifndef TM_INGEST_LINES_SERIES_H
#define TM_INGEST_LINES_SERIES_H

#include "server/ingest/lines.h"

/* A series that is counted in. */
struct counted {
    struct series_hash hash;
    struct labels set; /* with its name; need not be sorted */
    struct str service;
    struct str service_label; /* which label names the service; empty: none */
};

/* Names or makes it. Over a limit the values of its labels fold into _overflow, as few as help: first all but
 * service, env and status; then all but the service; then all. So totals stay exact. TM_LIMIT: not even so
 * (too many metric names, or too many labels); TM_NOMEM. counted->set is changed. */
enum tm_err lines_count_in(struct lines *lines, struct counted *counted, series_id *id,
                           struct tm_why *why) TM_MUST_CHECK;

#endif
