/* The store as the ingest path sees it: name series, gather a batch, submit it, be told when it is durable.
 *
 * Life of a batch: store_batch_new -> store_batch_* -> store_submit. The store's journal thread writes it and
 * syncs it together with every other batch that has arrived meanwhile, then calls options.wake (from that
 * thread). The owner's thread answers by store_poll, which, in the order of submission, makes each batch
 * visible, settles its producer and calls its done function. Visible implies durable.
 *
 * Threads: every function here is called by one thread, the owner's (the daemon's loop), but for
 * options.wake. Guarantees: (1) done(TM_OK) means: on disk, survives kill -9 and power loss, visible to
 * readers, exactly once. (2) done(error) means: never visible, not after a restart either, unless sent again.
 * (3) done is called exactly once for each batch submitted with TM_OK, at the latest from store_close. */
#ifndef TM_STORAGE_STORE_H
#define TM_STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/cell.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/event.h"
#include "storage/model/http_event.h"
#include "storage/groups/groups.h"
#include "storage/markers/markers.h"
#include "storage/model/labels.h"
#include "storage/model/number.h"
#include "storage/model/str.h"
#include "storage/selector/selector.h"

struct store;
struct batch;
struct finding;

/* Names a series inside one process; 0 is none. Valid until the next store_poll, or as long as a batch goes
 * on that was begun before it was found and that did not fail; a series without data leaves, and has another
 * number when it comes back. Not stable over restarts. */
typedef uint32_t series_id;

struct store_options {
    const char *dir; /* created if missing (0750); copied */
    const struct clock *clock;
    void (*wake)(void *arg); /* from the journal thread; must be safe there and not block */
    void *wake_arg;
    void (*log)(void *arg, int level, const char *id, const char *text); /* owner's or journal thread; may be
                                                                            NULL. level as in server/log */
    void *log_arg;
    int64_t max_series;
    int64_t max_series_per_service;
    int64_t min_free_bytes;          /* below: read only, until there is room again */
    size_t segment_bytes;            /* 0: the default, 64 MiB */
    size_t max_pending_bytes;        /* batches submitted and not yet durable; above: TM_BUSY. 0: 64 MiB */
    size_t head_bytes;               /* of memory: a flush begins. 0: 32 MiB */
    size_t journal_max_bytes;        /* of the journal: a flush begins. 0: 512 MiB */
    int64_t retention_raw_ms;        /* days older than this are removed. 0: never */
    int64_t retention_rollup_5m_ms;  /* the same for weeks of rollups of 5 minutes, */
    int64_t retention_rollup_1h_ms;  /* for months of rollups of an hour, */
    int64_t retention_events_ms;     /* for HTTP events and tallies, */
    int64_t retention_exceptions_ms; /* and for exceptions */
    int64_t retention_findings_ms;   /* and for what scoring found */
    int64_t max_disk_bytes;          /* above: the oldest days are removed. 0: no bound */
    /* For tests: called at each point of a flush at which a crash is of interest; any thread. NULL. */
    void (*fault_point)(void *arg, const char *name);
    void *fault_arg;
};

/* Opens or makes the folder, takes its lock, replays the journal. why: what stands in the way and what to do
 * (another daemon holds the lock; folder not writable; not ours). TM_BUSY, TM_IO, TM_NO_SPACE, TM_CORRUPT,
 * TM_NOMEM. Damage inside the journal is no error: it is logged, counted, and the other records are kept. */
enum tm_err store_open(const struct store_options *options, struct store **out,
                       struct tm_why *why) TM_MUST_CHECK;

/* Writes what was submitted, calls the remaining done functions, closes. NULL is allowed. */
void store_close(struct store *store);

/* ---- series ---- */

/* 128 bits over whatever identifies a series at the border (raw bytes of key and field name). The caller's
 * hash is keyed by store_hash_seed(), so that a sender can't make two keys meet. */
struct series_hash {
    uint64_t low;
    uint64_t high;
};

/* What keys that hash; one per start of the daemon, at random. */
uint64_t store_hash_seed(const struct store *store);

/* Hints that this hash will be looked up soon, so that the lookup need not wait for memory. */
void store_series_expect(const struct store *store, struct series_hash hash);

/* The series under this hash, 0 if unknown. O(1), one or two cache lines. One that is not durable yet may
 * change its meaning in store_poll: put it into a batch (store_batch_sample) before. */
series_id store_series_find(const struct store *store, struct series_hash hash);

/* The series of this sorted label set, made if new, and remembered under hash. Over a limit: TM_LIMIT, and
 * why names the limit, the service and its count. service names the owner for limits (may be empty). A series
 * made here is defined by the batch, and undone with it if that fails. */
enum tm_err store_series_intern(struct store *store, struct batch *batch, struct series_hash hash,
                                const struct labels *labels, struct str service, series_id *out,
                                struct tm_why *why) TM_MUST_CHECK;

/* The same for a series that stands for others which a limit refused (some of its labels say _overflow): it
 * may be one of spare beyond each limit. why comes in with the reason of the refusal, which is logged
 * (series.folded). */
enum tm_err store_series_fold(struct store *store, struct batch *batch, struct series_hash hash,
                              const struct labels *labels, struct str service, uint32_t spare, series_id *out,
                              struct tm_why *why) TM_MUST_CHECK;

/* The owning service of a series, as given to store_series_intern. Valid until the next store_poll. */
struct str store_series_service(const struct store *store, series_id id);

/* ---- producers ---- */

enum producer_state {
    PRODUCER_NEW,               /* take it; the seq follows the last one */
    PRODUCER_NEW_AFTER_GAP,     /* take it; seqs are missing in between */
    PRODUCER_DUPLICATE,         /* settled before: answer duplicate */
    PRODUCER_DUPLICATE_PENDING, /* the same batch waits for its sync: answer duplicate when that one is done
                                 */
    PRODUCER_STALE_EPOCH,       /* a later epoch is known */
    PRODUCER_SEQ_CONFLICT,      /* the last seq again, with other bytes */
    PRODUCER_TABLE_FULL         /* 100,000 producers are known */
};

struct producer_mark {
    struct str producer;
    uint64_t epoch;
    uint64_t seq;
    uint64_t body_hash; /* XXH3 of the message behind its header */
};

/* Where a batch stands against what was settled and what is under way. */
enum producer_state store_producer_check(struct store *store, const struct producer_mark *mark);

typedef void store_done_fn(void *arg, enum tm_err err);

/* Calls done when the pending batch of this producer, epoch and seq is durable or has failed. Only right
 * after PRODUCER_DUPLICATE_PENDING. TM_NOMEM. */
enum tm_err store_producer_await(struct store *store, const struct producer_mark *mark, store_done_fn *done,
                                 void *arg) TM_MUST_CHECK;

/* ---- batches ---- */

/* An empty batch, owned by the caller until submitted or dropped. NULL when out of memory. */
struct batch *store_batch_new(struct store *store);

/* Adds a sample. TM_NOMEM. */
enum tm_err store_batch_sample(struct batch *batch, series_id id, time_ms_t time,
                               struct number value) TM_MUST_CHECK;

/* Adds to the exact sum that a series has in one cell for the 10 s of event time that time lies in. Adds to
 * one cell become one; a batch is applied once, so whatever the order of batches, the sums are the same.
 * Cells: storage/model/cell.h. TM_LIMIT: what this batch adds to the cell does not fit in 64 bits, nothing is
 * changed; TM_NOMEM. */
enum tm_err store_batch_cell(struct batch *batch, series_id id, uint32_t cell, time_ms_t time,
                             int64_t add) TM_MUST_CHECK;

/* Adds an event, exception, tally or marker as the line it came as (without timestamp), with the time it
 * bears. Bytes are copied. TM_NOMEM. */
enum tm_err store_batch_event(struct batch *batch, enum event_kind kind, time_ms_t time,
                              struct str line) TM_MUST_CHECK;

/* Adds a raw HTTP event; it is found by storage/events/events.h. Bytes are copied. TM_INVALID (a number out
 * of its bounds), TM_NOMEM. */
enum tm_err store_batch_http(struct batch *batch, const struct http_event *event) TM_MUST_CHECK;

/* Adds a marker, under the id that it then bears, which is told (id may be NULL). The same marker again, or a
 * deploy of the same service, env, version and time, changes nothing (storage/markers/markers.h). It must
 * have passed marker_check. TM_NOMEM. */
enum tm_err store_batch_marker(struct batch *batch, const struct marker *marker, uint64_t *id) TM_MUST_CHECK;

/* Gives a marker the named fields of `to` (MARKER_HAS_..., at least one; its id is to->id).
 * at: when somebody wished that. Of an id that is none when the batch is applied: nothing. TM_NOMEM. */
enum tm_err store_batch_marker_change(struct batch *batch, time_ms_t at, const struct marker *to,
                                      uint32_t fields) TM_MUST_CHECK;

/* Removes the marker of this id, on the same terms. */
enum tm_err store_batch_marker_delete(struct batch *batch, time_ms_t at, uint64_t id) TM_MUST_CHECK;

/* Adds an exception, of which texts are cut to their bounds. TM_NOMEM. */
enum tm_err store_batch_exception(struct batch *batch, const struct exception *exception) TM_MUST_CHECK;
/* Adds what somebody does to a group of exceptions at a time; other: for GROUP_MERGE, the group that it
 * becomes part of. Of an id that is none when the batch is applied: nothing. TM_NOMEM. */
enum tm_err store_batch_group_edit(struct batch *batch, time_ms_t at, uint64_t id, enum group_edit edit,
                                   uint64_t other) TM_MUST_CHECK;

/* Adds what scoring found (storage/findings/findings.h). Bytes are copied. TM_INVALID (finding_is_valid),
 * TM_NOMEM. */
enum tm_err store_batch_finding(struct batch *batch, const struct finding *finding) TM_MUST_CHECK;
/* What is in it is the daemon's own doing: no news (store_news). */
void store_batch_own(struct batch *batch);

/* How many samples, cells and events it holds. */
size_t store_batch_count(const struct batch *batch);

/* Undoes the series it made, frees it. NULL is allowed. */
void store_batch_drop(struct store *store, struct batch *batch);

/* Hands the batch over (taken and *batch nulled on every result but TM_BUSY, TM_READ_ONLY, TM_NO_SPACE, where
 * it stays the caller's). mark may be NULL (no producer). An empty batch with a mark is journalled too: it
 * settles its seq. TM_BUSY: too much pending or unflushed, try later. TM_READ_ONLY, TM_NO_SPACE:
 * store_trouble() says why.
 */
enum tm_err store_submit(struct store *store, struct batch **batch, const struct producer_mark *mark,
                         store_done_fn *done, void *arg) TM_MUST_CHECK;

/* Applies what has become durable and calls done functions. After each options.wake, and once a second: it
 * also looks after the free-space floor and tries to end a read-only state where that is safe. */
void store_poll(struct store *store);

/* Writes all samples and events that are visible into partitions and catalog, and trims the journal. It waits
 * for that, a second or so; store_poll does the same beside the work, once an hour or when there is much.
 * What the files refused stays in the journal and is tried again: TM_NO_SPACE, TM_IO, TM_CORRUPT, TM_NOMEM,
 * TM_READ_ONLY. */
enum tm_err store_flush(struct store *store) TM_MUST_CHECK;

/* The same beside the work: done is called from store_poll once all that is visible now is in the files, or
 * with why it is not (it is tried again later all the same); TM_CLOSED if the store is closed before.
 * TM_BUSY: too many wait already; TM_READ_ONLY, TM_NOMEM: done is not called. */
enum tm_err store_flush_begin(struct store *store, store_done_fn *done, void *arg) TM_MUST_CHECK;

/* Answers all that still wait with TM_CLOSED: before what they would answer to closes. store_close does it
 * too. */
void store_flush_cancel(struct store *store);

/* The wall clock and the time that the store believes (storage/believed.h), which differ after a jump: what
 * lies within the bounds of either is to be taken. */
void store_time(const struct store *store, time_ms_t *earlier_ms, time_ms_t *later_ms);

/* ---- news ---- */

/* Is told the oldest and newest event time of a service's news; its name is valid during the call. */
typedef void store_news_fn(void *arg, struct str service, time_ms_t oldest, time_ms_t newest);

/* Tells, for each service of which samples or counts became visible since this was last asked, their oldest
 * and newest event time (of counts to the 10 s, but never later than the batch's newest). What replay brought
 * is no news, nor is what a batch of the daemon's own holds (store_batch_own). */
void store_news(struct store *store, store_news_fn *each, void *arg);

/* ---- markers ---- */

/* Those that are visible. Valid until the store is closed. */
const struct markers *store_markers(const struct store *store);

/* ---- groups of exceptions ---- */

/* Those that are visible, and the event time at which to look at them: the newest of all that was written.
 * Valid until the store is closed. */
struct groups *store_groups(struct store *store, time_ms_t *now);

/* ---- deleting ---- */

enum { DELETIONS_MAX = 64 };

/* What is to go of the series that any of the selectors takes: samples in span, cells of counts that begin in
 * it, and of days whose samples retention has removed the rollups whose bucket lies wholly in it. Events are
 * not touched. */
struct deletion_order {
    const struct selector *selectors;
    size_t count;
    struct span span;
};

struct deletion_result {
    uint64_t id;      /* of the delete, for the log; 0: there was nothing to delete */
    uint64_t series;  /* that the selectors take */
    const char *text; /* on failure: why; valid during the call */
};
typedef void store_deleted_fn(void *arg, enum tm_err err, const struct deletion_result *result);

/* Deletes, beside the work: what is in memory is flushed, then a tombstone hides all samples of these series
 * and this span that were applied until then; days are rewritten without them, and disk space is back, later.
 * done is called exactly once if this returned TM_OK, in store_poll or store_flush, at the latest in
 * store_close. done(TM_OK) means: gone for all readers who begin now, for good. On an error nothing is
 * deleted; after TM_IO it may be, after a restart. A sample of these series that is applied after this call
 * and before done may go too; what is applied later stays, whatever its time. TM_BUSY (too many deletes under
 * way, or files can't be written at present), TM_LIMIT (a regex is too costly), TM_NOMEM. */
enum tm_err store_delete(struct store *store, const struct deletion_order *order, store_deleted_fn *done,
                         void *arg, struct tm_why *why) TM_MUST_CHECK;

/* Makes DIR/frozen beside the work (storage/backup/freeze.h): all that is acknowledged at one moment behind
 * this call, and nothing else. done is called from store_poll, or at the latest from store_close; on failure
 * store_freeze_why tells why, until the next call. TM_BUSY: one is being made. TM_READ_ONLY: there are no
 * files. */
enum tm_err store_freeze(struct store *store, store_done_fn *done, void *arg) TM_MUST_CHECK;

/* Why the last frozen copy failed; "" if it did not, or there was none. Valid until the next one ends. */
const char *store_freeze_why(const struct store *store);

/* How long what is kept, and how much in all; see store_options. */
struct store_retention {
    int64_t raw_ms;
    int64_t rollup_5m_ms;
    int64_t rollup_1h_ms;
    int64_t events_ms;
    int64_t exceptions_ms;
    int64_t findings_ms;
    int64_t max_disk_bytes;
};

/* New bounds, from the next look at the files on. */
void store_set_retention(struct store *store, const struct store_retention *retention);

/* Bounds of what is taken in. */
struct store_limits {
    int64_t max_series;             /* as in store_options */
    int64_t max_series_per_service; /* likewise */
    int64_t min_free_bytes;         /* likewise */
};

/* New ones, from now on: what there is stays. Owner's thread. */
void store_set_limits(struct store *store, const struct store_limits *limits);

/* Why the store takes no batches, NULL if it does. One sentence; valid until the next call. */
const char *store_trouble(const struct store *store);

/* ---- figures ---- */

struct store_stats {
    uint64_t series;  /* known; those that left count no more */
    uint64_t samples; /* applied since start, replay included */
    uint64_t cells;   /* applied since start, replay included; adds to one cell in one batch are one */
    uint64_t cells_saturated; /* sums that did not fit in 64 bits and stay at the bound; since start */
    uint64_t events;          /* applied since start, replay included */
    uint64_t producers;
    uint64_t producer_gaps;  /* batches that came after a gap */
    uint64_t series_refused; /* over a limit */
    uint64_t series_folded;  /* of them counts that go on under _overflow */
    uint64_t series_left;    /* since start: without data, and forgotten */
    uint64_t pending_bytes;
    uint64_t journal_bytes; /* on disk, all segments, as allocated */
    uint64_t journal_written_bytes;
    uint64_t journal_records;
    uint64_t journal_syncs;
    uint64_t journal_sync_ns; /* summed */
    uint64_t journal_errors;  /* failed writes and syncs */
    uint64_t replayed_records;
    uint64_t damaged_records; /* found at replay, later ones kept */
    uint64_t torn_tails;      /* found at replay, cut */
    uint64_t disk_free_bytes;
    uint64_t data_bytes;      /* on disk: journal, catalog and partitions */
    uint64_t head_bytes;      /* of memory that holds what is not flushed, about */
    uint64_t flushes;         /* that went well */
    uint64_t flush_failures;  /* each is tried again */
    uint64_t flushed_samples; /* written to partitions */
    uint64_t flush_cpu_ns;    /* processor time of the thread that flushes and keeps order */
    uint64_t partitions;      /* days on disk, late ones apart */
    uint64_t quarantined;     /* partitions of all kinds on disk that were set aside as damaged */
    uint64_t partition_bytes; /* on disk */
    uint64_t count_days;      /* the same of counts */
    uint64_t count_bytes;
    uint64_t event_bytes;     /* of HTTP events, on disk */
    uint64_t flushed_cells;   /* written to partitions, rewritten ones too */
    uint64_t sealed_days;     /* since start: sealed or merged */
    uint64_t expired_days;    /* since start: removed by age */
    uint64_t crowded_days;    /* since start: removed for max_disk */
    uint64_t deletes;         /* that are not carried out in all files yet; they hide what they took */
    uint64_t readers_cleared; /* slots of readers that died in other processes */
    int64_t oldest_reader_ms; /* age of the oldest step of reading under way, in any process; 0: none */
    uint64_t rollup_bytes;    /* on disk */
    uint64_t rolled_days;     /* since start: days of which rollups were made, or made anew */
    uint64_t expired_rollups; /* since start: weeks and months of rollups removed by age */
    time_ms_t newest_ms;      /* newest sample or event time applied, markers apart; 0 if none */
    bool read_only;
};

/* The figures of now, a copy. */
void store_stats(const struct store *store, struct store_stats *out);

/* The service with the most series, and its count; empty view if none. */
struct str store_top_service(const struct store *store, uint64_t *series);

#endif
