/* Events on their way into the files, and out of them: what the flush thread does. */
#ifndef TM_STORAGE_EVENTS_FLUSH_H
#define TM_STORAGE_EVENTS_FLUSH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/events/events_block.h"
#include "storage/flush/head.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/partition/partition.h"

/* A day this long over and not written to is merged. */
#define EVENTS_SETTLE_MS INT64_C(3600000)
enum { EVENTS_RECENT_DAYS = 64 };

/* What it works with; the first members are set anew before each job. */
struct events_work {
    struct partitions *partitions;
    pthread_rwlock_t *readers; /* contents.h: events_lock */
    const atomic_bool *stop;
    void (*fault_point)(void *arg, const char *name);
    void *fault_arg;
    void (*log)(void *arg, int level, const char *id, const char *text);
    void *log_arg;
    time_ms_t now_ms;
    int64_t mono_ms;
    int64_t keep_ms;      /* 0: for ever */
    int64_t keep_tops_ms; /* the rankings of days that went; 0: for ever */
    struct events_encoder *encoder;
    struct bytes block;
    int64_t retry_ms;      /* monotonic; sealing failed: not before */
    int64_t tops_retry_ms; /* monotonic; there was no memory for rankings: not before */
    struct {
        uint32_t day;
        int64_t written_ms;       /* monotonic */
    } recent[EVENTS_RECENT_DAYS]; /* days written since the start */
    size_t recent_count;
    int64_t all_recent_ms; /* monotonic; until then any other day may have been */
    uint64_t written;      /* events, since start */
    uint64_t sealed;       /* days, since start */
    uint64_t expired;      /* days dropped by age, since start */
    uint64_t ranked;       /* days of which rankings were made before they went, since start */
    uint64_t unstorable;   /* events outside the years 1970 to 9999 */
    uint64_t bytes;        /* on disk, when it was looked last */
};

/* Frees encoder and block; to be called once, at the end. */
void events_work_fini(struct events_work *work);

/* Writes the HTTP events of a head that nobody fills, a window a day with this tag. *days_done of them are
 * there already, and it goes on counting: a failed job goes on where it stopped. Errors as
 * partition_writer_open; TM_CLOSED: told to stop. */
enum tm_err events_flush(struct events_work *work, const struct head *head, uint64_t tag, size_t *days_done,
                         struct tm_why *why) TM_MUST_CHECK;

/* Merges a day that is over (events_merge.h), drops what is too old: of a day of events its rankings are made
 * first (storage/tops), which go when they are too old themselves. True: more is to be done, call again.
 * Errors are logged.
 */
bool events_keep(struct events_work *work);

/* Bytes on disk, with the rankings. */
uint64_t events_bytes(struct events_work *work);

/* Drops the oldest day, never the present one, once its rankings are made; name is set to it. False: there is
 * none, or not yet. */
bool events_drop_crowded(struct events_work *work, char name[PARTITION_PERIOD_NAME_BYTES]);

#endif
