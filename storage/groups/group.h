/* One group. Private to storage/groups. */
#ifndef TM_STORAGE_GROUP_H
#define TM_STORAGE_GROUP_H

#include "storage/groups/group_order.h"
#include "storage/groups/groups_table.h"

/* All texts are copies of its own. */
struct group {
    uint64_t id;
    uint64_t parent; /* it was merged into this one; 0: it is shown */
    time_ms_t resolved_ms;
    time_ms_t reopened_ms;
    uint64_t count;
    time_ms_t first;
    time_ms_t last;
    uint64_t sample_hash; /* of message and stack: of two at the same time the greater one is shown */
    char *service;        /* all texts end in NUL and hold none */
    char *env;
    char *type;
    char *fingerprint;
    char *message;
    char *stack;
    struct group_hour *hours; /* ascending */
    size_t hour_count;
    size_t hour_capacity;
    struct group_release *releases; /* names owned */
    size_t release_count;
    size_t release_capacity;
    struct group_label *labels; /* names and values owned */
    size_t label_count;
    size_t label_capacity;
    size_t bytes;  /* that it takes, about */
    bool is_dirty; /* it changed since it was saved */
};

/* NULL when out of memory. */
struct group *group_new(uint64_t id, const struct exception *exception);

/* NULL is allowed. */
void group_free(struct group *group);

/* Counts an exception in. TM_NOMEM: nothing was changed. */
enum tm_err group_add(struct group *group, const struct exception *exception) TM_MUST_CHECK;
/* Leaves the newest hours, at most this many. */
void group_cut_hours(struct group *group, size_t most);
/* Adds what another one knows; for a group that is shown only. TM_NOMEM: part of it may be in. */
enum tm_err group_absorb(struct group *group, const struct group *other) TM_MUST_CHECK;

/* Takes in message and stack as they were stored, copied. TM_NOMEM. */
enum tm_err group_put_sample(struct group *group, struct str message, struct str stack) TM_MUST_CHECK;

/* The same of a release, to which its count is added. TM_NOMEM. */
enum tm_err group_put_release(struct group *group, const struct group_release *release) TM_MUST_CHECK;

/* The same of the count of a label's value. TM_NOMEM. */
enum tm_err group_put_label(struct group *group, const struct group_label *label) TM_MUST_CHECK;

/* Appends its value in the catalog; without memory out fails. */
void group_encode(const struct group *group, struct bytes *out);

/* A group of such a value, the caller's (group_free). TM_CORRUPT, TM_NOMEM: *out is NULL. */
enum tm_err group_decode(uint64_t id, struct cursor in, struct group **out) TM_MUST_CHECK;

/* The moment at which it had been resolved when it came back in span; GROUP_NEVER: it did not. order is
 * refreshed. */
time_ms_t group_came_back(const struct group *group, struct span span, const struct group_order *order);

/* The state at event time now. order is refreshed. */
enum group_state group_judge(const struct group *group, time_ms_t now, const struct group_order *order);

#endif
