/* Bytes of keys, windows and meta. Pure. Private to storage/partition*.c and its tests. */
#ifndef TM_STORAGE_PARTITION_FORMAT_H
#define TM_STORAGE_PARTITION_FORMAT_H

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "storage/partition/partition.h"

enum {
    PARTITION_FORMAT = 1,
    PARTITION_WINDOW_BYTES = 56,     /* with the hash of its keys, */
    PARTITION_OLD_WINDOW_BYTES = 48, /* and without, as it once was */
    PARTITION_META_BYTES = 76,
    PARTITION_SERIES_MAJOR_WINDOW = 0
};

/* What a sealed partition holds. */
struct partition_manifest {
    uint64_t chunks;
    uint64_t hash; /* over key, length and hash of each value, in key order */
    uint64_t bytes;
    uint8_t first[PARTITION_KEY_BYTES];
    uint8_t last[PARTITION_KEY_BYTES];
};

struct partition_meta {
    struct partition_id id;
    bool sealed;
    bool series_major;
    uint64_t tag; /* the highest tag of windows that a rewrite merged */
    struct partition_manifest manifest;
};

/* Gathers a manifest. */
struct manifest_hash {
    XXH3_state_t state;
    struct partition_manifest manifest;
};

/* Big endian, so that LMDB keeps chunks in the order of key_compare. */
void key_encode(const struct partition_key *key, uint8_t out[PARTITION_KEY_BYTES]);
/* TM_CORRUPT: another length. */
enum tm_err key_decode(struct str bytes, struct partition_key *out) TM_MUST_CHECK;
/* < 0, 0, > 0 */
int key_compare(const struct partition_key *a, const struct partition_key *b);

/* The hash of the keys of a window, gathered chunk by chunk in their order; it begins with 0, is never 0
 * after, and covers the lengths of the values. */
uint64_t keys_hash_add(uint64_t hash, const uint8_t key[PARTITION_KEY_BYTES], uint32_t value_bytes);

/* Returns its length: shorter if there is no keys_hash. */
size_t window_encode(const struct partition_window *window, uint8_t out[PARTITION_WINDOW_BYTES]);
/* key: the four bytes it is stored under. TM_CORRUPT. */
enum tm_err window_decode(struct str key, struct str bytes, struct partition_window *out) TM_MUST_CHECK;

/* All bytes of the entry, its checksum included (FORMAT.md). */
void meta_encode(const struct partition_meta *meta, uint8_t out[PARTITION_META_BYTES]);
/* TM_CORRUPT: damaged, of another version, or of another partition than id. */
enum tm_err meta_decode(struct str bytes, struct partition_id id, struct partition_meta *out) TM_MUST_CHECK;

/* Begins one. Before the first chunk; also to begin anew. */
void manifest_init(struct manifest_hash *m);
/* The next chunk, in the order of keys; key as key_encode wrote it. */
void manifest_add(struct manifest_hash *m, const uint8_t key[PARTITION_KEY_BYTES], struct str value);
/* The manifest of all that was added; more may be added after it. */
struct partition_manifest manifest_finish(struct manifest_hash *m);

#endif
