/* The five kinds of line a sender may push. */
#ifndef TM_MODEL_EVENT_H
#define TM_MODEL_EVENT_H

enum event_kind {
    EVENT_METRIC = 0, /* becomes samples; never kept as an event */
    EVENT_HTTP,       /* HTTP status event */
    EVENT_EXCEPTION,
    EVENT_TALLY,
    EVENT_MARKER, /* deploys, rollbacks and other points or spans in time */
    EVENT_KIND_COUNT
};

#endif
