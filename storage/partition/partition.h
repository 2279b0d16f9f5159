/* Partitions: stretches of time on disk, one LMDB environment each. storage/partition/README.md has every
 * byte and every rule.
 *
 *     DIR/<tier>/<period>/        what was flushed while the period was current, later sealed
 *     DIR/<tier>/<period>.late/   what came after it was sealed
 *
 * A value is an opaque chunk; its own checksum, which covers its key, is the caller's matter. A window is one
 * flush's share of a partition: keys are (window, series, part), so that a flush is appended at the end.
 * After a rewrite a partition holds one window, 0, and so is ordered by series.
 *
 * Threads: one thread, the owner, opens, writes, seals, rewrites, drops, copies, ticks and closes. Read
 * steps, partitions_list and partitions_stats: any thread, at the same time. A step may move between threads,
 * but is used by one at a time. A thread that is inside a step of a partition must not begin another one of
 * the same partition, nor call a function of the owner's: they wait for steps to end.
 *
 * Guarantees: (1) partition_writer_commit returned TM_OK: the window is on disk and survives kill -9 and
 * power loss. (2) A reader sees all of a window or nothing of it. (3) Seal, rewrite and drop happen wholly or
 * not at all; whatever was interrupted is finished or undone by the next partitions_open. (4) Damage of a
 * sealed partition gives TM_CORRUPT, never a missing chunk, as far as it lies in pages that are read; one
 * damaged partition does not touch the others. The same holds for one that is still written, of damage that
 * was there when a window of it was read first since its environment was opened. */
#ifndef TM_STORAGE_PARTITION_H
#define TM_STORAGE_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/partition/partition_period.h"

struct partitions;
struct partition;
struct partition_writer;
struct partition_rewrite;

enum { PARTITION_KEY_BYTES = 12, PARTITION_MAX_VALUE_BYTES = 1 << 20, PARTITION_MAX_OPEN = 64 };

struct partition_id {
    enum partition_tier tier;
    uint32_t period;
    bool late;
};

struct partition_key {
    uint32_t window;
    uint32_t series;
    uint32_t part;
};

/* What a chunk holds, for the totals of its window. */
struct partition_extent {
    time_ms_t first;
    time_ms_t last; /* inclusive */
    uint64_t samples;
};

struct partition_item {
    struct partition_key key;
    struct str value; /* valid until the step ends */
};

struct partitions_options {
    const char *dir; /* made if missing (0750), its parent must exist; copied */
    const struct clock *clock;
    bool read_only;     /* another process owns the folder: nothing is made, mended, removed or noted */
    unsigned max_open;  /* environments; 0: PARTITION_MAX_OPEN */
    size_t map_bytes;   /* first map of a writable environment; 0: 64 MiB. It doubles up to steps of 1 GiB */
    size_t txn_bytes;   /* values in one transaction; 0: 4 MiB */
    unsigned txn_count; /* chunks in one transaction; 0: 16,384 */
    uint64_t reserve_bytes; /* free space below which a failed write counts as a full disk; 0: 1 MiB */
    void (*log)(void *arg, int level, const char *id, const char *text); /* any thread; may be NULL */
    void *log_arg;
    /* For tests: called with the name of each point at which a crash is of interest. NULL in production. */
    void (*fault_point)(void *arg, const char *name);
    void *fault_arg;
};

/* Opens the folder: finishes or undoes what was interrupted, quarantines what killed this program twice (it
 * is tried in a forked child first: call this before there are other threads), lists what there is. No
 * environment is opened yet. TM_IO, TM_NO_SPACE, TM_NOMEM; TM_NOT_FOUND if read_only and there is no such
 * folder. */
enum tm_err partitions_open(const struct partitions_options *options, struct partitions **out,
                            struct tm_why *why) TM_MUST_CHECK;

/* Closes all environments. No step, writer or rewrite may be left. NULL is allowed. */
void partitions_close(struct partitions *set);

/* Once a minute: clears the slots of dead readers, watches the oldest reader, renames damaged partitions to
 * `.quarantine`. Owner. */
void partitions_tick(struct partitions *set);

/* Gives back up to 32 MiB of the disk space of what was dropped or replaced, in about 10 ms. False: nothing
 * is left. partitions_close gives back the rest. Owner. */
bool partitions_sweep(struct partitions *set);

/* With read_only: looks at the folder again. Otherwise nothing. TM_IO, TM_NOMEM. Any thread. */
enum tm_err partitions_refresh(struct partitions *set, struct tm_why *why) TM_MUST_CHECK;

/* What stands in the folder for one period, for readers in another process: what they read holds if it is the
 * same before and after. */
struct partition_view {
    uint64_t main; /* inode, 0: there is none */
    uint64_t late;
    const char *suffix; /* of the main one's folder: after a crash its successor may not stand in its place */
    bool is_changing;   /* it is being replaced this moment */
};

/* With read_only: looks, and brings the table up to what is there. Otherwise out is all zeros: steps keep
 * changes away. TM_NOMEM. Any thread. */
enum tm_err partitions_view(struct partitions *set, enum partition_tier tier, uint32_t period,
                            struct partition_view *out, struct tm_why *why) TM_MUST_CHECK;

struct partition_entry {
    struct partition_id id;
    struct span span;
    bool sealed;
    bool damaged;   /* steps give TM_CORRUPT; renamed by the next tick */
    uint64_t bytes; /* on disk */
};

/* The partitions of a tier whose period overlaps span, oldest first, a late one behind its main one. *count
 * of them, of which up to room are written. Any thread. */
void partitions_list(struct partitions *set, enum partition_tier tier, struct span span,
                     struct partition_entry *out, size_t room, size_t *count);

/* The first period from `from` on that has a partition. TM_NOT_FOUND. Any thread, quick. */
enum tm_err partitions_next(struct partitions *set, enum partition_tier tier, uint32_t from,
                            uint32_t *out) TM_MUST_CHECK;

/* A partition that was set aside as damaged: nobody reads it. */
struct partition_gap {
    struct partition_id id;
    struct span span;
    char name[48]; /* of its folder: "2026-11-20.quarantine" */
};

/* Those of a tier whose period overlaps span, as the folder has them now, in no order: *count, of which up to
 * room are written. One that was removed or put back is none. TM_IO, TM_NOMEM. Any thread, any process. */
enum tm_err partitions_gaps(struct partitions *set, enum partition_tier tier, struct span span,
                            struct partition_gap *out, size_t room, size_t *count,
                            struct tm_why *why) TM_MUST_CHECK;

/* How many there are, of all tiers; what can't be listed counts as none. Any thread. */
uint64_t partitions_gap_count(struct partitions *set);

struct partitions_stats {
    uint64_t open;            /* environments */
    uint64_t opened;          /* since start */
    uint64_t map_growths;     /* since start */
    uint64_t quarantined;     /* since start */
    uint64_t damaged;         /* found and not yet renamed */
    uint64_t reopened;        /* environments, after a failed write of their meta page */
    uint64_t readers_cleared; /* slots of dead processes */
    uint64_t steps;           /* begun since start */
    uint64_t txns;            /* write transactions committed since start */
    int64_t oldest_reader_ms; /* age of the oldest read step, or of another process's transaction */
};

/* Any thread. */
void partitions_stats(struct partitions *set, struct partitions_stats *out);

/* ---- writing: owner ---- */

/* A new window of this period: of its late partition if it is sealed, else of the main one, which is made if
 * it is missing. What an interrupted window left is removed. One writer per period at a time. TM_BUSY (a
 * writer or rewrite is under way), TM_READ_ONLY, TM_CORRUPT, TM_IO, TM_NO_SPACE, TM_NOMEM, TM_INVALID
 * (period). */
enum tm_err partition_writer_open(struct partitions *set, enum partition_tier tier, uint32_t period,
                                  struct partition_writer **out, struct tm_why *why) TM_MUST_CHECK;

/* Which window is being written, and where. */
struct partition_id partition_writer_id(const struct partition_writer *writer);

/* The number of the window that it writes. */
uint32_t partition_writer_window(const struct partition_writer *writer);

/* Adds a chunk; copied. Ascending by (series, part). A full buffer is written as one transaction, invisible
 * to readers. After an error only abort is allowed. TM_INVALID (order, extent), TM_TOO_LARGE, TM_IO,
 * TM_NO_SPACE, TM_CORRUPT, TM_NOMEM. */
enum tm_err partition_writer_put(struct partition_writer *writer, uint32_t series, uint32_t part,
                                 struct str value, const struct partition_extent *extent,
                                 struct tm_why *why) TM_MUST_CHECK;

/* Writes the rest with the window's entry and frees the writer, whatever the result. tag: the caller's mark
 * (how far the journal is flushed), kept with the window. Without chunks nothing is written. Errors as put:
 * the window is then not there, not after a restart either. */
enum tm_err partition_writer_commit(struct partition_writer **writer, uint64_t tag,
                                    struct tm_why *why) TM_MUST_CHECK;

/* Gives the window up, frees the writer. NULL inside is allowed. */
void partition_writer_abort(struct partition_writer **writer);

struct present;
/* From now on every series that is written to a partition of these tiers (a bit each), or put by a rewrite,
 * is also added to present; NULL ends that. Owner. */
void partitions_watch(struct partitions *set, unsigned tiers, struct present *present);

/* Whether the folder holds partitions that were set aside (quarantined): what is in them is not known. Owner.
 * TM_IO. */
enum tm_err partitions_find_aside(const struct partitions *set, bool *any, struct tm_why *why) TM_MUST_CHECK;

/* ---- sealing and removing: owner ---- */

/* Writes the manifest and ends writing into the main partition of this period. Sealed already: TM_OK.
 * TM_NOT_FOUND, TM_BUSY, TM_READ_ONLY, TM_CORRUPT, TM_IO, TM_NO_SPACE, TM_NOMEM. */
enum tm_err partition_seal(struct partitions *set, enum partition_tier tier, uint32_t period,
                           struct tm_why *why) TM_MUST_CHECK;

/* Reads the main and the late partition of the period in steps of its own and puts what is to be kept. */
typedef enum tm_err partition_rewrite_fn(void *arg, struct partition_rewrite *rewrite, struct tm_why *why);

/* Replaces the main and the late partition of a period by what fn puts, sealed and ordered by series. If fn
 * or anything else fails, all stays as it was. If only the last renames fail (TM_IO) the period can't be read
 * or written until partitions_open finishes the job. Errors as partition_seal, or fn's. */
enum tm_err partition_rewrite(struct partitions *set, enum partition_tier tier, uint32_t period,
                              partition_rewrite_fn *fn, void *arg, struct tm_why *why) TM_MUST_CHECK;

/* As partition_writer_put, into window 0. */
enum tm_err partition_rewrite_put(struct partition_rewrite *rewrite, uint32_t series, uint32_t part,
                                  struct str value, const struct partition_extent *extent,
                                  struct tm_why *why) TM_MUST_CHECK;

/* Removes main and late partition; waits for read steps on them. Their disk space is back on return, that
 * of big ones with partitions_sweep. TM_NOT_FOUND, TM_BUSY, TM_READ_ONLY, TM_IO. */
enum tm_err partition_drop(struct partitions *set, enum partition_tier tier, uint32_t period,
                           struct tm_why *why) TM_MUST_CHECK;

/* Never reads it again: for the caller who found damage in its chunks. Renamed at once by the owner's next
 * tick. Any thread, inside a step too. */
void partition_quarantine(struct partitions *set, struct partition_id id, const char *reason);

/* A copy of one partition into the folder `to`, which is made and must not exist; compact if it is writable,
 * byte by byte if it is sealed. Durable on return. TM_NOT_FOUND, TM_EXISTS, TM_CORRUPT, TM_IO, TM_NO_SPACE.
 */
enum tm_err partition_copy(struct partitions *set, struct partition_id id, const char *to,
                           struct tm_why *why) TM_MUST_CHECK;

/* ---- reading: any thread ---- */

struct MDB_txn;
struct MDB_cursor;
struct partition_windows;

/* Where a cursor stands, and what lies before it. Private to partition_read.c. */
struct partition_lane {
    struct MDB_cursor *cursor; /* NULL: not yet */
    bool is_at;
    bool is_behind; /* it came from `before`: there is nothing between the two */
    uint8_t before[PARTITION_KEY_BYTES];
    uint8_t at[PARTITION_KEY_BYTES];
    struct str value;
};

/* One bounded step of reading: a transaction of a few milliseconds, never over output. The caller's memory;
 * its members are private. */
struct partition_step {
    struct partitions *set;
    struct partition *partition;
    struct MDB_txn *txn;
    struct partition_lane own;
    struct partition_lane *lanes; /* of windows, by their numbers; NULL: own is that of all */
    struct partition_lane *lane;  /* of the lookup under way */
    struct partition_windows *windows;
    size_t window_count;
    int64_t begun_ns;
    uint64_t generation;
    uint64_t tag;
    uint32_t sound_to; /* windows up to this one were compared with their entries */
    uint64_t page;     /* the last one that was checked, plus one */
    bool series_major;
    bool owns_windows; /* they are not the partition's */
    struct partition_step *older;
    struct partition_step *newer;
};

/* Comes into a partition, which stays as it is until the step ends: keep it short. *step is the caller's and
 * must not move meanwhile. TM_NOT_FOUND (no such partition, or dropped meanwhile), TM_CORRUPT (damaged: it is
 * not read any more), TM_BUSY (max_open partitions were inside steps for a second), TM_IO, TM_NOMEM. On error
 * there is nothing to end. */
enum tm_err partition_step_begin(struct partitions *set, struct partition_id id, struct partition_step *step,
                                 struct tm_why *why) TM_MUST_CHECK;

/* Ends it: what was read in it is not valid any more. Once, by the thread that began it. */
void partition_step_end(struct partition_step *step);

/* For who looks up many series, by ascending number: each window has a place of its own from now on, from
 * where its next lookup goes on. Without memory all stays as it is. */
void partition_step_follow(struct partition_step *step);

/* A window as readers see it. */
struct partition_window {
    uint32_t window;
    time_ms_t first; /* oldest sample */
    time_ms_t last;  /* newest sample */
    uint64_t chunks;
    uint64_t samples;
    uint64_t tag;
    uint64_t keys_hash; /* 0: not known, of a window of an earlier version */
};

/* The windows of the partition, ascending; valid until the step ends. */
const struct partition_window *partition_step_windows(const struct partition_step *step, size_t *count);

/* The highest tag of its windows, the ones that a rewrite merged too; 0: none. */
uint64_t partition_step_tag(const struct partition_step *step);

/* One chunk. TM_NOT_FOUND, TM_CORRUPT. */
enum tm_err partition_get(struct partition_step *step, const struct partition_key *key, struct str *out,
                          struct tm_why *why) TM_MUST_CHECK;

/* The chunks of one series in the windows that overlap span, by (window, part). Chunks may lie outside span:
 * their own heads tell. Zero cost to copy; stays valid over steps of the same partition. */
struct partition_cursor {
    uint32_t series;
    struct span span;
    uint64_t generation;     /* 0: not begun */
    struct partition_key at; /* given last */
};

/* Stands before the first chunk; nothing is looked up yet. */
void partition_cursor_init(struct partition_cursor *cursor, uint32_t series, struct span span);

/* The next chunk; TM_NOT_FOUND at the end; TM_CORRUPT; TM_CLOSED: the partition was replaced since this
 * cursor began: begin anew in it. */
enum tm_err partition_cursor_next(struct partition_step *step, struct partition_cursor *cursor,
                                  struct partition_item *out, struct tm_why *why) TM_MUST_CHECK;

/* All chunks in key order. Zero-initialised stands before the first one. */
struct partition_scan {
    uint64_t generation;
    struct partition_key at; /* given last */
};

/* As partition_cursor_next. */
enum tm_err partition_scan_next(struct partition_step *step, struct partition_scan *scan,
                                struct partition_item *out, struct tm_why *why) TM_MUST_CHECK;

/* ---- checking: any process, but not one that has the partition open ---- */

struct partition_check_options {
    /* Checks a chunk (its checksum, its content) and tells its extent. TM_CORRUPT: counted and told. NULL:
     * only keys and manifest are checked. */
    enum tm_err (*chunk)(void *arg, const struct partition_item *item, struct partition_extent *out);
    /* One sentence about each damage, at most 100 of them. */
    void (*report)(void *arg, const char *text);
    void *arg;
};

struct partition_check_result {
    uint64_t chunks;
    uint64_t samples;
    uint64_t bytes;   /* of chunks */
    uint64_t damages; /* sentences, the ones over 100 too */
    bool sealed;
};

/* Walks everything in the partition's folder: pages, meta, order and reachability of keys, windows against
 * chunks, manifest. Damage can end the process by a signal: call it in a child. TM_OK: sound; TM_CORRUPT: see
 * report; TM_NOT_FOUND, TM_IO, TM_NOMEM. */
enum tm_err partition_check(const char *path, struct partition_id id,
                            const struct partition_check_options *options,
                            struct partition_check_result *result, struct tm_why *why) TM_MUST_CHECK;

#endif
