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

/* Frees all sketches and tag names; it is empty then and keeps live_max. */
void top_service_fini(struct top_service *service);

/* Counts the events of a block of the day that begins at that time; its columns are read as needed. Column by
 * column, so that a text is looked up once for all its rows of one hour and status. TM_CORRUPT (a time lies
 * in another day), TM_NOMEM. */
enum tm_err top_service_add(struct top_service *service, struct events_block *block,
                            time_ms_t day) TM_MUST_CHECK;

#endif
