/* The kinds of line a sender may push, and of what is kept of them. */
#ifndef TM_MODEL_EVENT_H
#define TM_MODEL_EVENT_H

enum event_kind {
    EVENT_METRIC = 0, /* becomes samples; never kept as an event */
    EVENT_HTTP,       /* HTTP status event, as its line */
    EVENT_EXCEPTION,
    EVENT_TALLY,
    EVENT_MARKER,  /* deploys, rollbacks and other points or spans in time */
    EVENT_REQUEST, /* HTTP status event, as http_event_encode writes it (storage/model/http_event.h) */
    EVENT_FINDING, /* what scoring found (storage/findings/findings.h) */
    EVENT_KIND_COUNT
};

#endif
