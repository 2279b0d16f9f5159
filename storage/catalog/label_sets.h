/* The labels of many series in little memory: each pair of name and value is kept once, a series is a list of
 * their numbers. A million series of six labels take 32 bytes each instead of 150.
 *
 * Threads: the owner adds, gives back and sweeps; others may read a set meanwhile, as long as it is in use
 * and was handed to them behind a lock. Nothing moves. */
#ifndef TM_STORAGE_LABEL_SETS_H
#define TM_STORAGE_LABEL_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/index/index_slab.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* Zero-initialised is empty, apart from the seed. */
struct label_sets {
    struct slab slab;
    uint32_t *pairs; /* open addressing: blocks of the slab; power of two */
    size_t pair_capacity;
    size_t pair_count;
    uint64_t seed; /* of the caller's; keys the hash of pairs */
};

/* Frees all sets and pairs; it is empty then and keeps the seed. */
void label_sets_fini(struct label_sets *sets);

/* Keeps encoded labels (labels_encode); *out is never 0. TM_CORRUPT if the bytes are no such list, TM_NOMEM.
 */
enum tm_err label_sets_add(struct label_sets *sets, struct str labels, uint32_t *out) TM_MUST_CHECK;
/* Gives a set back. Never fails. */
void label_sets_give(struct label_sets *sets, uint32_t set);
/* Frees pairs that no set has any more. */
void label_sets_sweep(struct label_sets *sets);

/* Appends the encoded labels, byte for byte as they were added. */
void label_sets_read(const struct label_sets *sets, uint32_t set, struct bytes *out);
/* Whether a set is these encoded labels. */
bool label_sets_equal(const struct label_sets *sets, uint32_t set, struct str labels);

/* Bytes of memory, about. */
size_t label_sets_bytes(const struct label_sets *sets);

#endif
