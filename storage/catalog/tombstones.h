/* What deletes hide. A tombstone names series, a span and an lsn: of those series, samples within the span
 * that were written up to that lsn are not there any more. What is written later for the same time is new
 * data and stays. Days (partitions of raw data) that may still hold such samples are listed with it; each
 * leaves the list once it was rewritten without them, and the tombstone goes with the last one.
 *
 * Threads: the flush thread (at start: the one that loads) changes the set; tombstones_cover and
 * tombstones_count may run in any number of threads meanwhile. */
#ifndef TM_STORAGE_TOMBSTONES_H
#define TM_STORAGE_TOMBSTONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"

/* Deletes that are not wholly carried out, and series in one of them. */
enum { TOMBSTONES_MAX = 1000, TOMBSTONES_SERIES_MAX = 1 << 25 };

struct tombstone_day {
    uint32_t day;
    bool is_needed; /* it was looked at, and holds something to hide */
};

struct tombstone {
    uint64_t id; /* ascending; about the time of the delete in ms */
    uint64_t lsn;
    struct span span;
    uint32_t *series; /* ascending; owned */
    size_t series_count;
    struct tombstone_day *days; /* ascending; owned */
    size_t day_count;
    bool is_everywhere; /* its days are not known (their list is damaged): all that there are */
    bool is_dirty;      /* the days differ from what the catalog has */
};
/* NULL is allowed. */
void tombstone_free(struct tombstone *tombstone);

struct tombstones;

/* NULL when out of memory. */
struct tombstones *tombstones_new(void);
/* NULL is allowed. */
void tombstones_free(struct tombstones *set);

/* Makes room for one more, of so many series. TM_LIMIT: there are TOMBSTONES_MAX, or they would name more
 * than TOMBSTONES_SERIES_MAX series. TM_NOMEM. */
enum tm_err tombstones_reserve(struct tombstones *set, size_t series_count) TM_MUST_CHECK;
/* Adds one, for which there is room; taken over, *tombstone is nulled. Its id must be above all others. */
void tombstones_add(struct tombstones *set, struct tombstone **tombstone);

/* How many there are. Any thread. NULL: none. */
size_t tombstones_count(const struct tombstones *set);

/* The i-th by id; to be changed by the functions below only. Flush thread. */
struct tombstone *tombstones_at(const struct tombstones *set, size_t i);

/* This tombstone, or all of them, need not hide anything in day any more. */
void tombstones_settle_one(struct tombstones *set, struct tombstone *tombstone, uint32_t day);
void tombstones_settle_day(struct tombstones *set, uint32_t day);
/* Gives one its list of days; taken over, *days is nulled. */
void tombstones_set_days(struct tombstones *set, struct tombstone *tombstone, struct tombstone_day **days,
                         size_t count);
/* Removes those that have no day left. */
void tombstones_drop_done(struct tombstones *set);

/* What is hidden of one series on one day. */
struct tombstone_hidden {
    struct span span;
    uint64_t lsn;
};

/* Zero-initialised is empty; the holder owns the memory. */
struct tombstone_cover {
    struct tombstone_hidden *items;
    size_t count;
    size_t capacity;
};
void tombstone_cover_fini(struct tombstone_cover *cover);

/* Appends what hides samples of series in span on day. To be called before the day's partitions are read: a
 * day that was rewritten since then is hidden from twice, never not at all. Any thread. NULL: nothing.
 * TM_NOMEM. */
enum tm_err tombstones_cover(struct tombstones *set, uint32_t day, uint32_t series, struct span span,
                             struct tombstone_cover *out) TM_MUST_CHECK;

/* Whether a sample of this time that was flushed with this tag is hidden. */
bool tombstone_hides(const struct tombstone_cover *cover, time_ms_t time, uint64_t tag);

#endif
