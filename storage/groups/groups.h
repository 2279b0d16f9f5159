/* Exceptions in groups: one per service, env and fingerprint, and one per service, env, status and page group
 * of failed HTTP requests. What a group knows depends on which exceptions there were, not on their order of
 * arrival (but for what is left out once a bound is passed).
 *
 * Groups may be merged by hand: a merged one goes on counting for itself and is shown as part of the other,
 * so that a split gives back exactly what was put together.
 *
 * State, by event time: `resolved` if somebody resolved it, or it was quiet for GROUP_QUIET_MS, and nothing
 * that counts was seen behind that moment: what counts is of a release that is not older than the newest one
 * of its service at that moment, or of none. A release's age is that of its last deploy (marker of kind
 * deploy or rollback with that version, of the group's env or of none) up to the moment, else of its first
 * one; of a release that no marker names, when it was first seen. Seen again: `regressed` for GROUP_FRESH_MS,
 * then as any other. `new` for GROUP_NEW_MS from its first time; `escalating` if the last 24 h brought 20 or
 * more, and over three times the daily mean of the 7 days before; else `ongoing`.
 *
 * Threads: the store's owner alone. What is returned is valid until the next store_poll. */
#ifndef TM_STORAGE_GROUPS_H
#define TM_STORAGE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/exception.h"
#include "storage/model/str.h"

struct groups;

#define GROUP_HOUR_MS  INT64_C(3600000)
#define GROUP_NEW_MS   (24 * GROUP_HOUR_MS)
#define GROUP_FRESH_MS (7 * 24 * GROUP_HOUR_MS)
#define GROUP_QUIET_MS (14 * 24 * GROUP_HOUR_MS)

/* Above GROUPS_MAX groups, or GROUPS_BYTES_MAX in memory, new fingerprints count in the group `_overflow` of
 * their service and env; hours, the newest; releases and labels, the first ones, the others count as
 * `_overflow`. Past the bytes a group that is there keeps as many hours as it has, the newest. A group of a
 * busy week is about 1.5 KiB, and 16 bytes for each hour in which it was seen. */
#define GROUPS_BYTES_MAX ((size_t)384 << 20)
enum { GROUPS_MAX = 150000, GROUP_HOURS_MAX = 1000, GROUP_RELEASES_MAX = 100, GROUP_LABELS_MAX = 64 };

enum group_state {
    GROUP_NEW,
    GROUP_ONGOING,
    GROUP_ESCALATING,
    GROUP_REGRESSED,
    GROUP_RESOLVED,
    GROUP_STATE_COUNT
};

/* "new", "ongoing" and so on; static. */
struct str group_state_name(enum group_state state);
/* GROUP_STATE_COUNT if there is none of this name. */
enum group_state group_state_of(struct str name);

struct group_hour {
    int64_t hour; /* since 1970 */
    uint64_t count;
};

struct group_release {
    struct str name; /* empty: without one */
    uint64_t count;
    time_ms_t first;
    time_ms_t last;
};

struct group_label {
    struct str name;
    struct str value;
    uint64_t count;
};

/* One group with all that was merged into it. */
struct group_view {
    uint64_t id;
    struct str service;
    struct str env;
    struct str type;
    struct str fingerprint;
    struct str message; /* of the newest that is known */
    struct str stack;
    uint64_t count;
    time_ms_t first;
    time_ms_t last;
    enum group_state state;
    const struct group_hour *hours; /* ascending */
    size_t hour_count;
    bool has_all_hours; /* none was left out for a bound */
    const struct group_release *releases;
    size_t release_count;
    const struct group_label *labels;
    size_t label_count;
    const uint64_t *members; /* ids of what was merged into it */
    size_t member_count;
};

/* The shown group that this one is part of, or itself; 0 if there is none of this id. */
uint64_t groups_root(const struct groups *groups, uint64_t id);

/* The group of this id as it stands at event time now. *out is valid until the next call. TM_NOT_FOUND,
 * TM_NOMEM. */
enum tm_err groups_view(struct groups *groups, uint64_t id, time_ms_t now,
                        struct group_view *out) TM_MUST_CHECK;

/* Whether the group of this id came back in span: seen for the first time behind a moment at which it was
 * resolved, by hand or by quiet, by what counts. *resolved is that moment. TM_NOT_FOUND: it did not;
 * TM_NOMEM.
 */
enum tm_err groups_came_back(struct groups *groups, uint64_t id, struct span span,
                             time_ms_t *resolved) TM_MUST_CHECK;

/* How many there are, parts of others included. */
size_t groups_count(const struct groups *groups);

/* What they take in memory, about. */
size_t groups_bytes(const struct groups *groups);

/* The i-th shown group, in no order that means anything: its id and the time of its newest exception, members
 * included; 0 for one that is part of another. */
uint64_t groups_at(const struct groups *groups, size_t i, time_ms_t *last, struct str *service);

/* The newest time of all exceptions; INT64_MIN: none. */
time_ms_t groups_newest(const struct groups *groups);

/* What an event of kind EVENT_EXCEPTION bears; views into bytes. TM_CORRUPT: it is none, but what somebody
 * did to a group, or damage. Any thread. */
enum tm_err exception_decode(struct str bytes, struct exception *out) TM_MUST_CHECK;

/* What somebody may do with a group. */
enum group_edit { GROUP_RESOLVE = 1, GROUP_REOPEN, GROUP_MERGE, GROUP_SPLIT, GROUP_EDIT_COUNT };

#endif
