/* A ranking being made. Private to storage/events. */
#ifndef TM_STORAGE_EVENTS_RANKING_H
#define TM_STORAGE_EVENTS_RANKING_H

#include "storage/events/events.h"
#include "storage/tops/tops_files.h"

struct events_arena;

struct events_ranking {
    struct events_rank
        *ranks; /* while it is made, error is how much of `error` is known not to be the key's */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* place + 1; 0: free */
    size_t slot_count;
    struct events_arena *arenas;
    size_t arena_left;
    struct events_ranking_total total;
    struct events_ranking_by by;
    enum tm_err err;
};

/* Adds to the count of a key, and to what of total.error is known not to be the key's. TM_LIMIT, TM_NOMEM. */
enum tm_err events_ranking_add(struct events_ranking *ranking, struct str key, uint64_t count,
                               uint64_t known) TM_MUST_CHECK;

/* Adds what the rankings of days say that count in the plan, in the query's span, which begins and ends with
 * an hour there. The query has no condition but service and status. Errors as reader_walk_next, TM_LIMIT. */
enum tm_err events_rank_tops(struct reader *reader, const struct events_query *query,
                             const struct tops_plan *plan, struct events_ranking *ranking,
                             struct tm_why *why) TM_MUST_CHECK;

#endif
