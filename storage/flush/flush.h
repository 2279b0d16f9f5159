/* From the head into the files. The owner cuts: the head that was filled becomes the one being flushed, a new
 * one begins. The flush thread writes it: new series and a promise into the catalog, a window a day into the
 * partitions, then events, producers and the lsn reached into the catalog in one transaction. Only then the
 * owner drops that head and trims the journal. The same thread keeps the files in order between flushes: it
 * seals days that are over, merges what came late, drops what is too old or too much.
 *
 * A kill at any point loses nothing and doubles nothing: what the catalog says is flushed is skipped at
 * replay, and of records behind it the samples whose day bears a tag not below their lsn. */
#ifndef TM_STORAGE_FLUSH_H
#define TM_STORAGE_FLUSH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/believed.h"
#include "storage/chunk/chunk.h"
#include "storage/chunk/columns.h"
#include "storage/contents.h"
#include "storage/events/events_flush.h"
#include "storage/partition/days.h"
#include "storage/partition/present.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/rollup/rollup_roll.h"
#include "storage/store.h"

/* A day this long over is sealed; a late one this long quiet is merged. */
#define FLUSH_SETTLE_MS INT64_C(3600000)

enum { FLUSH_LINES = 32, FLUSH_CHUNK_SAMPLES = 2000, FLUSH_LATE_DAYS = 64 };

/* A delete under way: the owner's, the flush thread's while it is in a running job. */
struct deletion {
    struct deletion *next;
    struct tombstone *tombstone; /* NULL: it is in the set */
    uint64_t id;
    size_t series;
    store_deleted_fn *done;
    void *arg;
    enum tm_err err; /* how it went */
    struct tm_why why;
};

enum census_state { CENSUS_NONE, CENSUS_RUNNING, CENSUS_DONE };

/* Which series are in partitions (flush_census.c). Counted by the flush thread; once it is done the owner
 * looks at it between two jobs, and ends it. All that is written from its beginning to its end is added. */
struct census {
    enum census_state state;
    bool is_wanted;         /* something was removed since the last one began */
    int64_t due_ms;         /* monotonic; not before. 0: no job has run yet */
    size_t tier;            /* place in the list of tiers; */
    struct partition_id at; /* all before this partition are counted */
    struct present present;
};

enum leaving_state { LEAVING_NONE, LEAVING_WAITS, LEAVING_GOES, LEAVING_ENDS };

/* Series that leave (flush_leave.c). The owner's; list and is_removed are the flush thread's while a job
 * runs. */
struct leaving {
    enum leaving_state state;
    size_t place; /* in the order of series; all before were looked at */
    struct leaving_series {
        uint32_t series;
        size_t place;
    } * list;
    size_t count;
    size_t at;     /* in the list: looked at again, one by one */
    uint32_t *ids; /* that are gone from memory; to be removed from the catalog */
    size_t id_count;
    bool is_removed;   /* from the catalog */
    bool has_gaps;     /* in the order of series */
    unsigned old_turn; /* of batches, or of readers, whose end is awaited */
    uint64_t total;    /* that left since start */
};

/* One thing to do, filled by the owner. What is done of it stays noted, so that a failed one goes on. */
struct flush_job {
    bool has_head;
    bool is_begun;
    size_t days_done;
    size_t count_days_done;
    size_t event_days_done;
    uint64_t lsn;
    uint32_t *ids; /* new series, ascending */
    size_t id_count;
    struct bytes producers;
    struct bytes groups;        /* that changed */
    struct deletion *deletions; /* to be made once the head is written */
    uint64_t deletion_lsn;      /* they hide what was written up to here */
    time_ms_t newest_ms;
    time_ms_t now_ms; /* the earlier of wall clock and belief */
    int64_t mono_ms;
    struct believed believed;
    uint64_t journal_bytes;
    bool is_interrupted; /* an earlier life's flush was not ended yet: its tag will be written once more */
    struct store_retention limits;
};

struct flush_figures {
    uint64_t samples;         /* written */
    uint64_t cells;           /* written */
    uint64_t saturated;       /* sums of windows that did not fit in 64 bits */
    uint64_t chunks;          /* written */
    uint64_t busy_ns;         /* of the thread's processor time */
    uint64_t unstorable;      /* samples outside the years 1970 to 9999 */
    uint64_t sealed_days;     /* sealed and rewritten */
    uint64_t expired_days;    /* dropped by age */
    uint64_t crowded_days;    /* dropped for room */
    uint64_t partitions;      /* there now */
    uint64_t quarantined;     /* of all tiers, set aside as damaged, there now */
    uint64_t partition_bytes; /* on disk now */
    uint64_t count_days;      /* the same of counts */
    uint64_t count_bytes;
    uint64_t event_bytes; /* of HTTP events, on disk now */
    uint64_t catalog_bytes;
    uint64_t deletes;         /* tombstones */
    uint64_t rolled_days;     /* rollups of a day made, or made anew */
    uint64_t rollup_bytes;    /* on disk now */
    uint64_t expired_rollups; /* partitions of rollups dropped by age */
};

struct flush_line {
    int level;
    char id[48];
    char text[400];
};

enum flush_freeze_state { FREEZE_NONE, FREEZE_WANTED, FREEZE_RUNNING };

/* A frozen copy that somebody waits for (flush_freeze.c). */
struct flush_freeze {
    enum flush_freeze_state state; /* the owner's; RUNNING: the job that runs is this and nothing else */
    uint64_t lsn;
    time_ms_t time;
    void (*done)(void *arg, enum tm_err err);
    void *arg;
    struct tm_why why; /* of the last one */
};

/* What the flush thread works with. */
struct flush_work {
    struct partitions *partitions;
    struct catalog *catalog;
    struct tombstones *tombstones;
    const struct series_table *series;
    const struct head *head;
    struct flush_job *job;
    const atomic_bool *stop;
    void (*fault_point)(void *arg, const char *name);
    void *fault_arg;
    void (*log)(void *arg, int level, const char *id, const char *text);
    void *log_arg;
    struct flush_figures *figures; /* the thread's own copy */
    struct chunk_scratch *scratch;
    struct columns columns;
    struct cells cells;
    struct bytes chunk;
    struct rollup_work rollups;
    struct events_work events;
    struct {
        enum partition_tier tier;
        uint32_t day;
        int64_t written_ms;  /* monotonic */
    } late[FLUSH_LATE_DAYS]; /* late partitions written since the start; the oldest is overwritten */
    size_t late_next;
    int64_t rewrite_after_ms; /* monotonic; a rewrite failed: not before */
    int64_t rewrite_counts_after_ms;
    struct census census;
    struct leaving *leaving;
    bool is_more;   /* more is to be kept in order: call again */
    bool is_freeze; /* the job is a frozen copy: nothing is written */
};

/* Does job: on the flush thread. The first error ends it. */
enum tm_err flush_write(struct flush_work *work, struct tm_why *why) TM_MUST_CHECK;
/* Keeps the files in order: at most one day is rewritten. Errors are logged. */
void flush_keep(struct flush_work *work);

/* Frees what it works with. The flush thread has ended. */
void flush_work_fini(struct flush_work *work);

/* Makes the job's deletes durable, then hides what they took. What became of each stands in it. */
void flush_bury(struct flush_work *work);
/* Finds the partitions in which tombstones hide nothing (any more), and forgets tombstones that are carried
 * out. */
void flush_keep_tombstones(struct flush_work *work);

/* Writes the head's cells: a window a day. Errors as flush_write. */
enum tm_err flush_write_counts(struct flush_work *work, struct tm_why *why) TM_MUST_CHECK;
/* Drops days of counts that are too old, rewrites at most one that is over, and takes its figures. */
void flush_keep_counts(struct flush_work *work);
/* Drops a day of counts; false: it is not there, or could not be (logged). */
bool flush_drop_counts(struct flush_work *work, uint32_t day);
/* The oldest day of counts; false: there is none. */
bool flush_oldest_counts(struct flush_work *work, uint32_t *day);

/* Notes that a late partition was written to just now. */
void flush_note_late(struct flush_work *work, enum partition_tier tier, uint32_t day);

/* Whether none of this day was noted within FLUSH_SETTLE_MS: it may be merged. */
bool flush_is_quiet(const struct flush_work *work, enum partition_tier tier, uint32_t day);

/* Takes a chunk: a writer's or a rewrite's put. */
typedef enum tm_err flush_put_fn(void *arg, uint32_t series, uint32_t part, struct str value,
                                 const struct partition_extent *extent, struct tm_why *why);

/* Removes the series that are gone from memory from the catalog, before others may take their labels. Errors
 * as catalog_remove_series. */
enum tm_err flush_remove_series(struct flush_work *work, struct tm_why *why) TM_MUST_CHECK;
/* A series may have lost its last sample: a census is wanted. */
void flush_want_census(struct flush_work *work);
/* One bounded step of a census, if one is due. Errors end it; it is begun anew in an hour. */
void flush_census(struct flush_work *work);
/* Ends it and frees what it counted. */
void flush_end_census(struct flush_work *work);

/* How much room the present page has; starts at 0. */
struct flush_fill {
    size_t left;
};

/* How chunks are made and where they go: of at most `most` samples each. */
struct flush_put {
    void *arg;
    flush_put_fn *put;
    struct partition_id id;
    uint32_t window;
    uint32_t series;
    enum chunk_effort effort;
    int32_t exponent;
    size_t most;
    struct flush_fill *fill; /* fills pages, for some more time: of one that puts in order. NULL: does not */
};

/* Encodes work->columns[from, to) as chunks, short enough for LMDB's leaf pages, and puts each. TM_NOMEM, or
 * what put returned: some may have been put. */
enum tm_err flush_put_columns(struct flush_work *work, const struct flush_put *put, size_t from, size_t to,
                              struct tm_why *why) TM_MUST_CHECK;

/* Tells tests that work comes by. */
void flush_pass(const struct flush_work *work, const char *name);

/* A line for the log, as printf; cut at 400 bytes. Flush thread. */
void flush_log(const struct flush_work *work, int level, const char *id, const char *format, ...)
    TM_PRINTF(4, 5);

enum flush_state { FLUSH_IDLE, FLUSH_RUNNING, FLUSH_DONE };

struct flush {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop;
    /* Under the mutex. */
    enum flush_state state;
    enum tm_err result;
    struct tm_why why;
    struct flush_figures figures;
    struct flush_line lines[FLUSH_LINES];
    size_t line_count;
    bool is_more;
    /* The thread's while RUNNING, else the owner's. */
    struct flush_work work;
    struct flush_job job;
    struct head garbage; /* a head that was flushed; freed by the thread */
    /* The owner's. */
    uint64_t applied_lsn;
    size_t saved_series;          /* the first so many durable ones are in the catalog */
    size_t cut_series;            /* and so many once the job is done */
    int64_t since_ns;             /* when the oldest sample of the head came; 0: it is empty */
    int64_t retry_ns;             /* after a failure: not before */
    int64_t retry_wait_ns;        /* 0: the last one went well */
    int64_t kept_ns;              /* when the files were put in order last */
    struct flush_waiter *waiters; /* to be answered when all they saw is flushed */
    size_t waiter_count;
    struct deletion *deletions; /* that wait for a job, in order */
    size_t deletion_count;      /* not answered */
    struct flush_freeze freeze;
    struct leaving leaving;
    bool asked_more;
    uint64_t count;
    uint64_t failures;
    struct store_retention limits;
};

#endif
