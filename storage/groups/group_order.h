/* Which release of a service is older: by its deploys, else by when it was first seen. Private to
 * storage/groups. */
#ifndef TM_STORAGE_GROUP_ORDER_H
#define TM_STORAGE_GROUP_ORDER_H

#include "storage/markers/markers_table.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

#define GROUP_NEVER INT64_MIN

/* Zero-initialise; the holder owns it. */
struct group_order {
    struct order_seen {
        uint64_t key; /* hash of service and release; ascending */
        uint64_t service;
        time_ms_t first;
    } * seen;
    size_t seen_count;
    size_t seen_capacity;
    const struct markers *markers; /* borrowed; NULL: there are none */
    uint64_t markers_version;      /* that deployed was made of */
    struct order_deploy {
        uint64_t service; /* ascending, then by time */
        uint64_t key;
        uint64_t env; /* hash; of the empty one: every env */
        time_ms_t time;
    } * deployed;
    size_t deployed_count;
    size_t deployed_capacity;
};

/* Frees it; it is empty then and follows no markers. */
void group_order_fini(struct group_order *order);

/* Notes when a release was seen. TM_NOMEM. */
enum tm_err group_order_note(struct group_order *order, struct str service, struct str release,
                             time_ms_t first) TM_MUST_CHECK;

/* Takes in what became of the markers: before the next two. TM_NOMEM: try again. */
enum tm_err group_order_refresh(struct group_order *order) TM_MUST_CHECK;

/* Since when a release is in place, as it was at a moment: its last deploy (or rollback to it) up to that,
 * else its first one; of one that nobody told of, when it was first seen. GROUP_NEVER: not known. */
time_ms_t group_order_of(const struct group_order *order, struct str service, struct str env,
                         struct str release, time_ms_t moment);
/* The same of the newest release at a moment; GROUP_NEVER: there was none. */
time_ms_t group_order_newest(const struct group_order *order, struct str service, struct str env,
                             time_ms_t moment);

#endif
