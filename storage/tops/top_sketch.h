/* The most frequent texts of a stream, in bounded memory, with bounds that are stated: a mergeable summary.
 *
 * A sketch knows some keys. Of each it has a count and an error: the true count lies in [count, count +
 * error]. A key that it does not know has at most floor. The sum of all counts (total) is exact. Cutting a
 * sketch down to m keys keeps those with the greatest count + error, and raises floor to the greatest of the
 * others, so that floor <= total / m if it held all keys before. Merging adds counts, errors and floors up;
 * whatever the order, all of this holds.
 *
 * Pure; one thread at a time. */
#ifndef TM_STORAGE_TOP_SKETCH_H
#define TM_STORAGE_TOP_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { TOP_KEY_MAX_BYTES = 512, TOP_KEYS_MAX = 1 << 20 };

struct top_entry {
    uint32_t at; /* of the key, in texts */
    uint32_t len;
    uint64_t count;
    uint64_t error;
};

/* Zero-initialised is empty. The holder owns it. */
struct top_sketch {
    struct top_entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* place + 1; 0: free */
    size_t slot_count;
    struct bytes texts;
    uint64_t total;
    uint64_t floor;
};

/* Frees it; it is empty then. */
void top_sketch_fini(struct top_sketch *sketch);

/* The key of an entry; valid until the next call that changes the sketch. */
struct str top_sketch_key(const struct top_sketch *sketch, const struct top_entry *entry);

/* Counts a key, of which TOP_KEY_MAX_BYTES count; sums stay at UINT64_MAX. TM_LIMIT: over TOP_KEYS_MAX keys
 * or 1 GiB of texts (cut it before), TM_NOMEM: nothing has changed. */
enum tm_err top_sketch_add(struct top_sketch *sketch, struct str key, uint64_t count) TM_MUST_CHECK;

/* Puts the keys in order, by count + error, most first, ties by key, and keeps at most `most` of them.
 * TM_NOMEM: nothing has changed. */
enum tm_err top_sketch_cut(struct top_sketch *sketch, size_t most) TM_MUST_CHECK;

/* Adds what another one counted. Errors as top_sketch_add: then `into` is of no use any more. */
enum tm_err top_sketch_merge(struct top_sketch *into, const struct top_sketch *from) TM_MUST_CHECK;

/* Appends its bytes (storage/tops/README.md); without memory out fails. */
void top_sketch_encode(const struct top_sketch *sketch, struct bytes *out);

/* Reads them into an empty one. TM_CORRUPT, TM_NOMEM: part of it may be in. */
enum tm_err top_sketch_decode(struct cursor *in, struct top_sketch *out) TM_MUST_CHECK;

/* One entry while it is read without a sketch: views. */
struct top_view {
    struct str key;
    uint64_t count;
    uint64_t error;
};
/* What stands before the entries. */
struct top_summary {
    uint64_t total;
    uint64_t floor;
    uint64_t count; /* of entries */
};

/* Reads that: top_view_read gives so many entries then. Damage sets in->bad. */
struct top_summary top_summary_read(struct cursor *in);

/* Reads the next entry, views of what in reads. Damage sets in->bad. */
struct top_view top_view_read(struct cursor *in);

#endif
