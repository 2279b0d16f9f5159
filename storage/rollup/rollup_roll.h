/* Making rollups: a day's rows from its raw samples, a period's partition from its windows. On the flush
 * thread, which owns the partitions. */
#ifndef TM_STORAGE_ROLLUP_ROLL_H
#define TM_STORAGE_ROLLUP_ROLL_H

#include <stdatomic.h>

#include "storage/partition/present.h"
#include "storage/rollup/rollup_files.h"

enum { ROLLUP_WRITTEN = 32 };

/* What the flush thread makes rollups with. The first part is set before each job, the rest begins as zeros
 * and is released by rollup_work_fini. */
struct rollup_work {
    struct partitions *partitions;
    struct catalog *catalog; /* NULL: nothing was ever flushed */
    struct tombstones *tombstones;
    const atomic_bool *stop;
    void (*fault_point)(void *arg, const char *name); /* may be NULL */
    void *fault_arg;
    void (*log)(void *arg, int level, const char *id, const char *text);
    void *log_arg;
    time_ms_t now_ms;
    int64_t mono_ms;
    int64_t keep_ms[PARTITION_TIERS]; /* 0: for ever */

    struct present rolled; /* days known to be done; what is written to a day takes it and the next one out */
    struct present series;
    struct chunk_scratch *scratch;
    struct columns columns;
    struct rollup_reading reading;
    struct rollup_rows rows;
    struct rollup_rows stored;
    struct rollup_rows changed;
    struct bytes chunk;
    struct {
        struct partition_id id; /* its period, late or not */
        int64_t mono_ms;
        bool is_rewrite;
    } written[ROLLUP_WRITTEN]; /* what was written when; the oldest is overwritten */
    size_t written_next;
    int64_t retry_ms; /* monotonic; something failed: not before */
    uint64_t days;    /* rolled since start */
    uint64_t rows_written;
    uint64_t expired; /* partitions dropped by age */
    uint64_t bytes;   /* of rollups, on disk */
};

/* Frees what it works with; to be called once, at the end. */
void rollup_work_fini(struct rollup_work *work);

/* Whether the rows of a tier's day are to be kept, by the tier's age. */
bool rollup_is_kept(const struct rollup_work *work, enum partition_tier tier, uint32_t day);

/* Makes what is missing or old of the rows of a day, sealed or not. A day without raw samples stays as it is.
 * TM_CLOSED: the store closes. Errors as partition_writer_put. */
enum tm_err rollup_day(struct rollup_work *work, uint32_t day, struct tm_why *why) TM_MUST_CHECK;

/* Samples are taken out of a day: makes those of its rows anew that were made, and of the next day's first
 * hour. Errors as rollup_day. */
enum tm_err rollup_redo(struct rollup_work *work, uint32_t day, struct tm_why *why) TM_MUST_CHECK;

/* Replaces the partitions of a period by one, ordered by series; nothing, if a day of it has rows of samples
 * that were dropped and rows of others that were not. Errors as partition_rewrite. */
enum tm_err rollup_rewrite(struct rollup_work *work, enum partition_tier tier, uint32_t period,
                           struct tm_why *why) TM_MUST_CHECK;

/* Drops the raw samples of a day, with rollups made before. Errors as rollup_day and partition_drop. */
enum tm_err rollup_retire(struct rollup_work *work, uint32_t day, struct tm_why *why) TM_MUST_CHECK;

/* Before anything is written to a raw day: ends a retirement that was interrupted, and notes that the rows
 * will be old. Errors as rollup_retire. */
enum tm_err rollup_expect(struct rollup_work *work, uint32_t day, struct tm_why *why) TM_MUST_CHECK;

/* One step of keeping rollups in order: rolls a day that is settled, or rewrites a period, or drops what is
 * too old. entries: the raw partitions, by day. True: there may be more to do. Errors are logged. */
bool rollup_keep(struct rollup_work *work, const struct partition_entry *entries, size_t count);

/* What all partitions of rollups take on disk; also in work->bytes. */
uint64_t rollup_bytes(struct rollup_work *work);

/* Drops the oldest partition of five minutes that is over, for room. False: there is none, or it failed.
 * name: what it was called. */
bool rollup_drop_crowded(struct rollup_work *work, char name[PARTITION_PERIOD_NAME_BYTES]);

#endif
