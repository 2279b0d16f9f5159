/* The sketches of one service while they are made. Private to storage/tops. */
#ifndef TM_STORAGE_TOPS_HOUR_H
#define TM_STORAGE_TOPS_HOUR_H

#include "storage/events/events_block.h"
#include "storage/tops/tops_block.h"
#include "storage/tops/tops_make.h"

enum { TOPS_HOURS = 24, TOPS_PLAIN = TOP_TAG /* dimensions below it have a sketch each */ };

/* Of one status in one hour. */
struct top_cell {
    int32_t status;
    struct top_sketch plain[TOPS_PLAIN]; /* by dimension; [0] is empty */
    struct top_sketch tags[TOPS_TAGS_MAX];
};

struct top_hour {
    struct top_cell **cells;
    size_t count;
    size_t capacity;
    size_t last; /* found last */
    uint64_t untracked;
};

/* Zero-initialise, but for live_max. */
struct top_service {
    struct top_hour hours[TOPS_HOURS];
    struct bytes tags[TOPS_TAGS_MAX]; /* their names */
    size_t tag_count;
    size_t live; /* keys in all sketches */
    size_t live_max;
};
void top_service_fini(struct top_service *service);

/* Columns of an event that it looks at, as EVENTS_BIT. */
uint32_t top_columns(void);

/* Counts an event of that hour of the day. TM_NOMEM. */
enum tm_err top_service_add(struct top_service *service, uint32_t hour,
                            const struct http_event *event) TM_MUST_CHECK;

#endif
