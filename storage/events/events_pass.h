/* One way past all events that a query means. Private to storage/events. */
#ifndef TM_STORAGE_EVENTS_PASS_H
#define TM_STORAGE_EVENTS_PASS_H

#include "storage/events/events.h"
#include "storage/events/events_files.h"

/* Where events go. */
struct events_sink {
    void *arg;
    uint32_t columns; /* that event looks at; 0: all */
    /* An event that is meant; false ends the pass. TM errors are the sink's to keep. */
    bool (*event)(void *arg, const struct http_event *event);
    /* Whether events up to this time are of no use any more; blocks come by falling last time within a day,
     * days newest first, behind what is in memory. NULL: never. */
    bool (*is_enough)(void *arg, time_ms_t newest);
};

/* Errors as reader_walk_next. */
enum tm_err events_pass(struct reader *reader, const struct events_query *query,
                        const struct events_sink *sink, struct tm_why *why) TM_MUST_CHECK;

#endif
