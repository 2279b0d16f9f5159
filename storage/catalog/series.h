/* The series table: what a series is called (labels), who owns it (service), under which hashes of raw bytes
 * it is known, and whether it counts.
 *
 * Life of a number: IDLE (known, used by no batch, counts for nothing) -> FRESH (used by a batch that is not
 * durable yet; counts for the limits) -> DURABLE (stays). A batch that fails or is dropped releases its fresh
 * series; one that no other batch uses becomes IDLE again, which is the undo: lookups miss it, limits forget
 * it. Idle numbers are given back by series_sweep, and only there, so that a number can't change its meaning
 * between a lookup and the use of what it found.
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

enum series_state { SERIES_FREE, SERIES_IDLE, SERIES_FRESH, SERIES_DURABLE };

enum { SERIES_LABELS_MAX_BYTES = 1 << 16 };

struct series_table;

/* Limits of 0 are none. NULL when out of memory. */
struct series_table *series_new(int64_t max_series, int64_t max_series_per_service);
void series_free(struct series_table *table);

/* Keys the hash of labels; the caller's raw hash is keyed by it too. */
uint64_t series_seed(const struct series_table *table);

/* Hints that series_find is called with hash soon. */
void series_expect(const struct series_table *table, struct series_hash hash);

/* The FRESH or DURABLE series under hash, 0 if none. */
series_id series_find(const struct series_table *table, struct series_hash hash);

/* The series of these canonical labels, made IDLE if new, and remembered under hash (NULL: under none).
 * TM_LIMIT if it doesn't count yet and would pass a limit, why names it; TM_TOO_LARGE; TM_CORRUPT: no labels;
 * TM_NOMEM. */
enum tm_err series_intern(struct series_table *table, const struct series_hash *hash, struct str labels,
                          struct str service, series_id *out, struct tm_why *why) TM_MUST_CHECK;
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

/* Durable series in order of first appearance: how many, and the n-th. */
size_t series_durable_count(const struct series_table *table);
series_id series_durable_at(const struct series_table *table, size_t n);

/* How many count for the limits, and how often a limit refused one. */
uint64_t series_live_count(const struct series_table *table);
uint64_t series_refused_count(const struct series_table *table);
/* The service with the most series that count; empty if none. */
struct str series_top_service(struct series_table *table, uint64_t *count);

#endif
