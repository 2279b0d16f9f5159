/* Which raw events a request means: service, span, status and filter. */
#ifndef TM_QUERY_EVENT_CHOICE_H
#define TM_QUERY_EVENT_CHOICE_H

#include "server/events/filter.h"
#include "server/query/params.h"
#include "storage/events/events.h"

/* The holder owns it. Zero-initialised is empty. */
struct event_choice {
    struct span span;
    char *service; /* NULL: all */
    struct filter *filter;
    uint32_t needs; /* columns that the filter looks at */
    struct filter_statuses statuses;
};

/* Reads service, status (404, 4xx) and filter; not the span. TM_INVALID with the place in the filter;
 * TM_NOMEM. To be released whatever it returns. */
enum tm_err event_choice_read(const struct params *params, struct event_choice *out,
                              struct tm_why *why) TM_MUST_CHECK;

/* Frees filter and service; it is empty then. */
void event_choice_fini(struct event_choice *choice);

/* The query over the choice's span; it borrows from the choice. One thread at a time. */
struct events_query event_choice_query(struct event_choice *choice);

/* The column of a field, as filters, items and `by` name it; TM_NOT_FOUND. */
enum tm_err event_column(struct str name, enum events_column *out) TM_MUST_CHECK;

#endif
