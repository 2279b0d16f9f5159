/* Groups as the store fills and keeps them, and what changes them as bytes. storage/ only. */
#ifndef TM_STORAGE_GROUPS_TABLE_H
#define TM_STORAGE_GROUPS_TABLE_H

#include "storage/groups/groups.h"
#include "storage/model/bytes.h"

/* NULL when out of memory. */
struct groups *groups_new(void);
/* Sets the bounds, before anything is in; those of groups.h hold unless this is called. For tests. */
void groups_limit(struct groups *groups, size_t count, size_t bytes);
/* NULL is allowed. */
void groups_free(struct groups *groups);

struct markers;
/* From now on releases are ordered by these markers' deploys first; they must live as long. NULL: by none. */
void groups_follow(struct groups *groups, const struct markers *markers);

/* ---- events: an exception, or an edit (storage/FORMAT.md) ---- */

/* Appends it without its time, texts cut to their bounds; out->failed without memory. */
void exception_encode(const struct exception *exception, struct bytes *out);

struct group_change {
    uint64_t id;
    enum group_edit edit;
    uint64_t other; /* GROUP_MERGE: into this one */
};

/* Appends an edit as an event's bytes; without memory out fails. */
void group_change_encode(const struct group_change *change, struct bytes *out);

/* Reads them. TM_CORRUPT: they are no edit, or one that makes no sense. */
enum tm_err group_change_decode(struct str bytes, struct group_change *out) TM_MUST_CHECK;

/* Applies what an event of kind EVENT_EXCEPTION bears; bytes that are none are counted. TM_NOMEM: nothing was
 * changed that can be seen. */
enum tm_err groups_apply(struct groups *groups, time_ms_t time, struct str bytes) TM_MUST_CHECK;
/* The same for an event of kind EVENT_REQUEST; those below status 400 change nothing. */
enum tm_err groups_apply_request(struct groups *groups, time_ms_t time, struct str bytes) TM_MUST_CHECK;

/* ---- keeping ---- */

/* Forgets groups of which nothing was seen since oldest. */
void groups_forget(struct groups *groups, time_ms_t oldest);

/* Appends every group that changed since the last groups_saved: 8 bytes id, string value (empty: it is gone).
 * out->failed without memory. */
void groups_save(struct groups *groups, struct bytes *out);
/* What was appended last counts as saved. */
void groups_saved(struct groups *groups);

/* Takes a saved value in. TM_CORRUPT, TM_NOMEM. */
enum tm_err groups_load(struct groups *groups, uint64_t id, struct cursor in) TM_MUST_CHECK;

/* Events that could not be read. */
uint64_t groups_unreadable(const struct groups *groups);

#endif
