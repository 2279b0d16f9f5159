/* All that is stored: series and producers from the catalog and the journal, samples and events in
 * partitions, catalog and the heads. The store has one that it goes on filling, a reader beside it has one of
 * its own.
 *
 * Threads: the owner's, and readers on any. One lock stands over both heads, the marks, the list of durable
 * series, the index, and the pointers to partitions and catalog. Whoever changes one of them holds it alone,
 * for a bounded number of changes; a reader shares it for one bounded step (the samples of one series, one
 * selection). A waiting owner goes before readers. The owner reads without it. Nobody holds it while he waits
 * for a file, for another lock but a short one, or for a callback.
 *
 * A reader's step takes the heads first and then, without the lock, the files: what a flush carries over
 * meanwhile it meets twice, never not at all. */
#ifndef TM_STORAGE_CONTENTS_H
#define TM_STORAGE_CONTENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/journal/batch_codec.h"
#include "storage/catalog/catalog.h"
#include "storage/flush/head.h"
#include "storage/index/index.h"
#include "storage/journal/journal_read.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/partition/partition.h"
#include "storage/catalog/producers.h"
#include "storage/catalog/series.h"

struct markers;

/* Up to which lsn a day has what the journal holds too. */
struct day_tag {
    enum partition_tier tier;
    uint32_t day;
    uint64_t tag;
};

struct contents {
    pthread_rwlock_t lock;
    /* Shared by whoever passes over events, for the whole pass: he holds places of blocks. Alone, for the
     * moment in which a day's blocks are replaced. Taken before `lock`. */
    pthread_rwlock_t events_lock;
    bool has_lock;
    struct series_table *series;
    struct producers *producers;
    struct head head;
    struct head flushing;          /* older than head; nobody fills it */
    struct partitions *partitions; /* owned; NULL: there are none */
    struct catalog *catalog;       /* owned; NULL: nothing was ever flushed */
    struct tombstones *tombstones; /* what of the partitions is deleted */
    struct markers *markers;       /* owned; NULL: a reader's, which does not gather them */
    struct groups *groups;         /* likewise */
    bool is_grouped;               /* the event being applied is in its group, and not yet in the head */
    struct catalog_mark mark;      /* how far these go */
    uint32_t stored_series;        /* numbers above are this process's own: partitions know others by them */
    /* No flush of this process, and none before it, knew numbers above: partitions have nothing of them.
     * Raised by the owner before the flush that does; to be asked behind the heads. */
    atomic_uint flushed_series;
    unsigned reader_turn;        /* 0 or 1; changes when all readers opened before are awaited */
    atomic_size_t readers[2];    /* of the store, opened in each turn and not closed */
    atomic_size_t walkers;       /* that hold a place in the order of series between two steps */
    struct index *index;         /* of the first indexed_count durable series; made when first asked for */
    atomic_size_t indexed_count; /* changed under the lock, read anywhere */
    uint64_t samples;
    uint64_t cells;
    uint64_t saturated; /* sums of heads that are gone which did not fit in 64 bits */
    uint64_t events;
    struct day_tag *stored; /* of a flush that was interrupted, as replay met it; const from then on */
    size_t stored_count;
    time_ms_t newest_ms;
    time_ms_t written_ms; /* believed time of the last record replayed; 0: there was none */
    uint64_t replayed_records;
    uint64_t damaged_records;
    uint64_t torn_tails;
};

/* Limits of 0 are none. TM_NOMEM. */
enum tm_err contents_init(struct contents *contents, int64_t max_series,
                          int64_t max_series_per_service) TM_MUST_CHECK;

/* Frees all, and closes catalog and partitions if they are open; zeroed then. Nobody may be reading. */
void contents_fini(struct contents *contents);

/* The lock, alone: to change. Not twice by one thread, in either way. */
void contents_lock(struct contents *contents);

/* The lock, shared: to read. */
void contents_lock_shared(struct contents *contents);

/* Gives either back. */
void contents_unlock(struct contents *contents);

/* Makes a sample visible and counts it. The lock is held alone, as for cells and events. TM_NOMEM: it is not
 * there. */
enum tm_err contents_sample(struct contents *contents, uint32_t series, time_ms_t time,
                            const struct number *number) TM_MUST_CHECK;

/* The same of an add to a cell; one of 0 counts only. age: as in struct count_add. TM_NOMEM. */
enum tm_err contents_cell(struct contents *contents, const struct batch_cell *cell,
                          uint32_t age) TM_MUST_CHECK;
/* Notes the time of something that was made visible. */
void contents_note_time(struct contents *contents, time_ms_t time);

/* The same of an event, with its len bytes at line. TM_NOMEM: to be tried again with this event before any
 * other, as markers and groups may have it by then. */
enum tm_err contents_event(struct contents *contents, const struct batch_event *event,
                           const char *line) TM_MUST_CHECK;
/* Puts an event into markers and groups alone, if these are gathered. Owner's thread. TM_NOMEM: nothing was
 * changed. */
enum tm_err contents_gather_event(struct contents *contents, const struct batch_event *event,
                                  struct str text) TM_MUST_CHECK;

/* Up to which lsn a day's windows were there when replay left out what they hold; 0: it left out nothing. */
uint64_t contents_stored_tag(const struct contents *contents, enum partition_tier tier, uint32_t day);

/* Loads what the catalog says, if there is one. Into empty contents, before the replay. Errors as
 * catalog_load. */
enum tm_err contents_load(struct contents *contents, struct tm_why *why) TM_MUST_CHECK;

/* From now on markers and groups are gathered: those that the catalog has, and what the replay brings.
 * Between contents_load and contents_replay. Damaged ones are left out and counted. Errors as catalog_load.
 */
enum tm_err contents_gather(struct contents *contents, uint64_t *damaged, struct tm_why *why) TM_MUST_CHECK;

/* Adds up to most durable series to the index that are not in it. Locked alone. TM_NOMEM: try again. */
enum tm_err contents_index(struct contents *contents, size_t most) TM_MUST_CHECK;

/* Told of what replay found; may be NULL. Level, id and text as store_options.log. */
typedef void contents_log_fn(void *arg, int level, const char *id, const char *text);

/* Replays the part of the journal in a folder that is not flushed. Damage is logged and counted, and no
 * error. end may be NULL; then this is a reader's, and TM_BUSY also says that the journal was trimmed since
 * contents_load: begin anew. Errors as journal_replay. */
enum tm_err contents_replay(struct contents *contents, int folder, contents_log_fn *log, void *log_arg,
                            struct journal_end *end, struct tm_why *why) TM_MUST_CHECK;

#endif
