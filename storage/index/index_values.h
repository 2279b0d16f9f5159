/* A set of texts, each with its postings: the values of one label, and likewise the labels' names and the
 * services. A text is found by its keyed hash; entries lie in one array in no order, and the last one moves
 * into the place of one that goes. Threads: the index's. */
#ifndef TM_STORAGE_INDEX_VALUES_H
#define TM_STORAGE_INDEX_VALUES_H

#include "storage/index/index_postings.h"
#include "storage/model/str.h"

enum { VALUES_NONE = UINT32_MAX, VALUES_TEXT_MAX_BYTES = UINT16_MAX };

struct value {
    uint32_t hash;
    uint32_t text; /* block of the slab: 16-bit length, bytes */
    struct postings postings;
};

/* Zero-initialised is empty. */
struct values {
    struct value *at;
    uint32_t *slots; /* open addressing: place + 1, 0 is empty; none while there are few */
    size_t slot_count;
    uint32_t count;
    uint32_t capacity;
};

/* Releases everything, postings included. */
void values_fini(struct slab *slab, struct values *values);

/* Where text is, VALUES_NONE if it isn't. hash is values_hash's. */
uint32_t values_find(const struct slab *slab, const struct values *values, struct str text, uint32_t hash);

/* The hash of text under an index's seed. */
uint32_t values_hash(struct str text, uint64_t seed);

/* Adds text, which is not in it and not over VALUES_TEXT_MAX_BYTES, without series: its place in *at.
 * TM_NOMEM: as before. */
enum tm_err values_add(struct slab *slab, struct values *values, struct str text, uint32_t hash,
                       uint32_t *at) TM_MUST_CHECK;

/* Removes the entry at a place; the last entry (place count after the call) moves there. Never fails. */
void values_remove(struct slab *slab, struct values *values, uint32_t at);

/* The text at a place; valid until it is removed. */
struct str values_text(const struct slab *slab, const struct values *values, uint32_t at);

/* Bytes outside the slab. */
size_t values_bytes(const struct slab *slab, const struct values *values);

#endif
