/* The series table: what a series is called (labels), who owns it (service), under which hashes of raw bytes
 * it is known, and whether it counts.
 *
 * Life of a number: IDLE (known, used by no batch, counts for nothing) -> FRESH (used by a batch that is not
 * durable yet; counts for the limits) -> DURABLE (stays). A batch that fails or is dropped releases its fresh
 * series; one that no other batch uses becomes IDLE again, which is the undo: lookups miss it, limits forget
 * it. Idle numbers are given back by series_sweep, and only there, so that a number can't change its meaning
 * between a lookup and the use of what it found.
 *
 * A durable series without data leaves (series_leave.c): LEAVING (lookups by hash miss it; whoever interns it
 * makes it DURABLE again; batches that found it before may still use it) -> GONE (nothing finds it; its
 * labels stay for readers that have its number) -> FREE, for good: its number is not given again.
 *
 * Threads: the owner's; but series_labels and series_owner may be called from any thread for numbers that are
 * durable, or in use by a batch that the thread was handed: entries never move and do not change meanwhile.
 * series_durable_count and series_durable_at may be called by whoever holds off series_settle (the lock of
 * storage/contents.h). */
#ifndef TM_STORAGE_SERIES_H
#define TM_STORAGE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/store.h"

/* From FRESH on, lookups by hash find it. */
enum series_state { SERIES_FREE, SERIES_GONE, SERIES_IDLE, SERIES_LEAVING, SERIES_FRESH, SERIES_DURABLE };

enum { SERIES_LABELS_MAX_BYTES = 1 << 16 };

struct series_table;

/* Limits of 0 are none. NULL when out of memory. */
struct series_table *series_new(int64_t max_series, int64_t max_series_per_service);

/* Other limits, from the next new series on. 0 or less: none. Owner's thread. */
void series_set_limits(struct series_table *table, int64_t max_series, int64_t max_series_per_service);

/* NULL is allowed. Batches end their uses in it: they go first. */
void series_free(struct series_table *table);

/* Keys the hash of labels; the caller's raw hash is keyed by it too. */
uint64_t series_seed(const struct series_table *table);

/* Hints that series_find is called with hash soon. */
void series_expect(const struct series_table *table, struct series_hash hash);

/* The FRESH or DURABLE series under hash, 0 if none. */
series_id series_find(const struct series_table *table, struct series_hash hash);

/* The series of these canonical labels, made IDLE if new, and remembered under hash (NULL: under none).
 * TM_LIMIT if it doesn't count yet and would pass a limit by more than spare, why names it; TM_TOO_LARGE;
 * TM_CORRUPT: no labels; TM_NOMEM. */
enum tm_err series_intern(struct series_table *table, const struct series_hash *hash, struct str labels,
                          struct str service, uint32_t spare, series_id *out,
                          struct tm_why *why) TM_MUST_CHECK;
/* The same without limits, and DURABLE at once: what was read from disk counts, whatever the limits are now.
 * TM_CORRUPT: no labels; TM_NOMEM. */
enum tm_err series_restore(struct series_table *table, struct str labels, struct str service,
                           series_id *out) TM_MUST_CHECK;

/* The same under a number of its own, into a table from which nothing was ever given back. TM_CORRUPT if this
 * number, or these labels, are known, or these are no labels. TM_NOMEM. */
enum tm_err series_restore_at(struct series_table *table, struct str labels, struct str service,
                              series_id id) TM_MUST_CHECK;

/* Hints that the series of these labels is restored soon. */
void series_expect_labels(const struct series_table *table, struct str labels);
/* Makes room for about so many series. False without memory; nothing is lost by that. */
bool series_reserve(struct series_table *table, size_t count);

/* Its state; SERIES_FREE for a number that was never given. */
enum series_state series_state(const struct series_table *table, series_id id);

/* A batch begins to use a series that is not durable; once per batch would do, more often is harmless if
 * released as often. */
void series_use(struct series_table *table, series_id id);
/* Ends one use. The last one of a fresh series makes it idle. */
void series_release(struct series_table *table, series_id id);
/* Ends one use of a series whose record is durable. */
void series_settle(struct series_table *table, series_id id);

/* Appends the encoded labels to out. While the number is in use or durable. */
void series_labels(const struct series_table *table, series_id id, struct bytes *out);
/* A view; valid while the number is in use or durable. */
struct str series_owner(const struct series_table *table, series_id id);

/* Gives idle numbers back if there are many. No caller may hold a number that is not in use. */
void series_sweep(struct series_table *table);

/* ---- news ---- */

/* Something of this time became visible of a series that is in use or durable. */
void series_note(struct series_table *table, series_id id, time_ms_t time);

/* Tells each service of which something was noted since the last call: the oldest and the newest time. A new
 * turn begins. */
void series_news(struct series_table *table, store_news_fn *each, void *arg);

/* The turn that is on, from 1 on. Any thread. */
uint32_t series_turn(const struct series_table *table);

/* The turn in which something of a series that is or was durable was noted last; 0: never. Any thread. */
uint32_t series_noted(const struct series_table *table, series_id id);

/* ---- leaving ---- */

/* DURABLE -> LEAVING. */
void series_leave(struct series_table *table, series_id id);

/* Back to DURABLE, if it still is LEAVING; else nothing. */
void series_stay(struct series_table *table, series_id id);

/* LEAVING -> GONE; place: where it stands in the order. Locked against readers. It counts no longer. */
void series_go(struct series_table *table, series_id id, size_t place);

/* GONE -> FREE: nobody has its number any more. */
void series_forget(struct series_table *table, series_id id);

/* Frees what only series that were forgotten needed. */
void series_trim(struct series_table *table);

/* How many of the first `end` places in the order are empty. */
size_t series_count_gaps(const struct series_table *table, size_t end);
/* Closes the gaps: places change. Locked against readers. */
void series_close_gaps(struct series_table *table);
/* Changes whenever the order did otherwise than by growing. Threads as series_durable_count. */
uint64_t series_moves(const struct series_table *table);

/* Numbers are below this. */
enum { SERIES_NUMBERS_MAX = 1 << 26 };

/* Numbers up to this one were in use once, and are not given. TM_NOMEM, TM_CORRUPT (out of range). */
enum tm_err series_skip(struct series_table *table, series_id last) TM_MUST_CHECK;

/* ---- reading ---- */

/* The highest number that was ever given; 0: none was. */
series_id series_last(const struct series_table *table);

/* How many places the order of first appearance has; durable series stand there. */
size_t series_durable_count(const struct series_table *table);

/* The series at place n, which must be below that; 0: it left. */
series_id series_durable_at(const struct series_table *table, size_t n);

/* How many count for the limits. */
uint64_t series_live_count(const struct series_table *table);

/* How often a limit refused one, since the table was made. */
uint64_t series_refused_count(const struct series_table *table);
/* The service with the most series that count; empty if none. */
struct str series_top_service(struct series_table *table, uint64_t *count);

#endif
