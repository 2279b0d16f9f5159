/* What deletes hide. A tombstone names series, a span and an lsn: of those series, what lies in the span and
 * was written up to that lsn is not there any more: samples, cells of counts that begin in it, rows of
 * rollups whose bucket lies wholly in it. What is written later for the same time is new data and stays.
 * Periods (days of samples and counts, weeks and months of rollups) whose partitions may still hold some of
 * it are listed with it; each leaves its list once it was rewritten without, and the tombstone goes with the
 * last one.
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
#include "storage/partition/partition_period.h"

/* Deletes that are not wholly carried out, and series in one of them. */
enum { TOMBSTONES_MAX = 1000, TOMBSTONES_SERIES_MAX = 1 << 25 };

/* The tiers that have series: the first ones, in the order in which their lists stand on disk. */
enum { TOMBSTONE_TIERS = PARTITION_COUNTS + 1 };

struct tombstone_period {
    uint32_t period;
    bool is_needed; /* it was looked at, and holds something to hide */
};

/* Periods of one tier, ascending. */
struct tombstone_list {
    struct tombstone_period *at; /* owned */
    size_t count;
};

struct tombstone {
    uint64_t id; /* ascending; about the time of the delete in ms */
    uint64_t lsn;
    struct span span;
    uint32_t *series; /* ascending; owned */
    size_t series_count;
    struct tombstone_list lists[TOMBSTONE_TIERS];
    bool is_everywhere; /* its periods are not known (their lists are damaged): all that there are */
    bool is_dirty;      /* the lists differ from what the catalog has */
};
/* Whether no period is left that it may hide something in. */
bool tombstone_is_done(const struct tombstone *tombstone);
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

/* This tombstone need not hide anything in a period any more. */
void tombstones_settle_one(struct tombstones *set, struct tombstone *tombstone, enum partition_tier tier,
                           uint32_t period);

/* Nor need any of them: the period was rewritten, or has gone. */
void tombstones_settle(struct tombstones *set, enum partition_tier tier, uint32_t period);
/* Gives one its lists, by tier; taken over, those in lists are emptied. */
void tombstones_set_lists(struct tombstones *set, struct tombstone *tombstone,
                          struct tombstone_list lists[TOMBSTONE_TIERS]);
/* Whether one of them was found to have something to hide in a period. Flush thread. NULL: none. */
bool tombstones_need(const struct tombstones *set, enum partition_tier tier, uint32_t period);
/* Removes those that have no period left. */
void tombstones_drop_done(struct tombstones *set);

/* What is hidden of one series in one period. */
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

/* Frees it; it is empty then. */
void tombstone_cover_fini(struct tombstone_cover *cover);

/* Appends what hides something of series in span in the partitions of a period. To be called before these are
 * read: a period that was rewritten since then is hidden from twice, never not at all. Any thread. NULL:
 * nothing. TM_NOMEM. */
enum tm_err tombstones_cover(struct tombstones *set, enum partition_tier tier, uint32_t period,
                             uint32_t series, struct span span, struct tombstone_cover *out) TM_MUST_CHECK;

/* Whether a sample of this time, or a cell that begins then, that was flushed with this tag is hidden. */
bool tombstone_hides(const struct tombstone_cover *cover, time_ms_t time, uint64_t tag);
/* Whether a row of rollups is, of samples up to this tag: its bucket lies wholly in the span of one delete.
 */
bool tombstone_hides_bucket(const struct tombstone_cover *cover, struct span bucket, uint64_t tag);

#endif
