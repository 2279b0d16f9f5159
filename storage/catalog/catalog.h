/* The catalog: one small LMDB environment, DIR/index, that says what the partitions do not: which series has
 * which number, which events there are, how far the journal is flushed and who sent what until then. Every
 * value carries a checksum that covers its key.
 *
 * Threads: loading, adding and closing are for one thread at a time; catalog_events_next, catalog_bytes may
 * run in others meanwhile. No LMDB transaction outlives a call. One process opens a folder's catalog once. */
#ifndef TM_STORAGE_CATALOG_H
#define TM_STORAGE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/believed.h"
#include "storage/flush/head.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/event.h"
#include "storage/catalog/producers.h"
#include "storage/catalog/series.h"
#include "storage/catalog/tombstones.h"

struct catalog;
struct groups;

struct catalog_options {
    const char *dir; /* the data folder; copied */
    bool make;
    bool read_only;
    void (*log)(void *arg, int level, const char *id, const char *text); /* thread of writes; may be NULL */
    void *log_arg;
};

/* Opens DIR/index. TM_NOT_FOUND if there is none and make is false, or, for reading, if it was never
 * finished. TM_IO, TM_NO_SPACE, TM_CORRUPT, TM_NOMEM; *out is NULL then. */
enum tm_err catalog_open(const struct catalog_options *options, struct catalog **out,
                         struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void catalog_close(struct catalog *catalog);

/* How far the files go. Zero-initialised: nothing was ever flushed. */
struct catalog_mark {
    uint64_t flushed_lsn;     /* all up to here is in partitions and catalog; the journal may end there */
    uint64_t promised_lsn;    /* a flush up to here was begun: some days may have it */
    time_ms_t newest_ms;      /* newest sample or event up to flushed_lsn */
    struct believed believed; /* the clock, when that was */
    uint64_t damaged;         /* values of series that were left out when loading */
    uint64_t damaged_deletes; /* tombstones that were left out, or whose days are unknown */
};

/* Fills empty tables of series, producers and tombstones, all from one moment. TM_CORRUPT, TM_IO, TM_NOMEM.
 * Damaged values of series and tombstones are left out and counted: a damaged delete hides nothing. */
enum tm_err catalog_load(struct catalog *catalog, struct series_table *series, struct producers *producers,
                         struct tombstones *tombstones, struct catalog_mark *out,
                         struct tm_why *why) TM_MUST_CHECK;

/* Begins a flush: makes these series and promised_lsn durable. The ids ascend. Errors as catalog_open. */
enum tm_err catalog_begin(struct catalog *catalog, const struct series_table *series, const uint32_t *ids,
                          size_t count, uint64_t promised_lsn, struct tm_why *why) TM_MUST_CHECK;

/* Removes series; their numbers are never given again. The ids ascend. In several transactions: what an error
 * left is removed at the next call. Errors as catalog_open. */
enum tm_err catalog_remove_series(struct catalog *catalog, const uint32_t *ids, size_t count,
                                  struct tm_why *why) TM_MUST_CHECK;

/* Ends it, wholly or not at all: the events of head, mark, the table of producers (producers_save) and the
 * groups of exceptions that changed (groups_save). Errors as catalog_open. */
enum tm_err catalog_finish(struct catalog *catalog, const struct head *head, const struct catalog_mark *mark,
                           struct str producers, struct str groups, struct tm_why *why) TM_MUST_CHECK;

/* Takes all groups of exceptions in; damaged ones are left out and counted. The catalog must have been opened
 * to write. Errors as catalog_load. */
enum tm_err catalog_load_groups(struct catalog *catalog, struct groups *groups, uint64_t *damaged,
                                struct tm_why *why) TM_MUST_CHECK;

/* Makes a tombstone durable, or not at all. Errors as catalog_open. */
enum tm_err catalog_bury(struct catalog *catalog, const struct tombstone *tombstone,
                         struct tm_why *why) TM_MUST_CHECK;
/* Writes what changed in the days of tombstones, and removes those that have none left, here and in the set.
 * After an error all is tried again at the next call. Errors as catalog_open. */
enum tm_err catalog_keep_tombstones(struct catalog *catalog, struct tombstones *set,
                                    struct tm_why *why) TM_MUST_CHECK;

/* Removes the blocks of events of a kind that are all older than time. Errors as catalog_open. */
enum tm_err catalog_forget(struct catalog *catalog, enum event_kind kind, time_ms_t time,
                           struct tm_why *why) TM_MUST_CHECK;

/* Where a reader of events stands. Zero-initialised: before the first. */
struct catalog_position {
    uint8_t key[16];
    bool is_begun;
};

/* Which events are wanted: of kind, in span, and with an lsn up to until. */
struct catalog_wanted {
    enum event_kind kind;
    struct span span;
    uint64_t until;
    uint64_t *damaged; /* counts blocks that are damaged, which are left out then; NULL: they are an error */
};

/* The next block with wanted events, decoded into out: per event zigzag time and the line as bytes_str.
 * TM_NOT_FOUND at the end, TM_CORRUPT, TM_IO, TM_NOMEM. */
enum tm_err catalog_events_next(struct catalog *catalog, struct catalog_position *position,
                                const struct catalog_wanted *wanted, struct bytes *out,
                                struct tm_why *why) TM_MUST_CHECK;

/* A compact copy of it as the only content of the folder `to`, which is there and empty. Not synced. Not
 * beside catalog_begin, catalog_finish or catalog_forget. Errors as catalog_open. */
enum tm_err catalog_copy(struct catalog *catalog, const char *to, struct tm_why *why) TM_MUST_CHECK;

/* Bytes on disk. */
uint64_t catalog_bytes(const struct catalog *catalog);

#endif
