/* Some series as one value of the catalog: many share most of their text, so that together they take a
 * twentieth of what they take alone. Threads: anyone's own objects. */
#ifndef TM_STORAGE_CATALOG_BLOCK_H
#define TM_STORAGE_CATALOG_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* A block is full with so many series, or with so many bytes before packing. */
enum { CATALOG_BLOCK_SERIES = 256, CATALOG_BLOCK_BYTES = 1 << 16 };

struct catalog_series {
    uint32_t number;
    struct str service;
    struct str labels; /* encoded */
};

/* Fills a block; zero-initialised is empty. */
struct catalog_packer {
    struct bytes raw;
    uint32_t first; /* the key */
    uint32_t last;
    uint32_t count;
    void *zstd;
};

/* Adds a series; numbers ascend. True: the block is full, pack it. */
bool catalog_packer_add(struct catalog_packer *packer, const struct catalog_series *series);
/* Appends the block to out and begins the next one. TM_NOMEM. */
enum tm_err catalog_packer_pack(struct catalog_packer *packer, struct bytes *out) TM_MUST_CHECK;
/* Frees its memory; a block that was not packed is lost. It is empty then. */
void catalog_packer_fini(struct catalog_packer *packer);

/* Reads blocks; zero-initialised is ready. */
struct catalog_unpacker {
    struct bytes raw;
    struct cursor at;
    uint32_t number;
    uint32_t left;
    void *zstd;
};

/* Opens the block behind key. TM_CORRUPT, TM_NOMEM. */
enum tm_err catalog_unpacker_open(struct catalog_unpacker *unpacker, uint32_t key,
                                  struct cursor packed) TM_MUST_CHECK;
/* The next series, valid until the next block is opened. TM_NOT_FOUND at the end, TM_CORRUPT. */
enum tm_err catalog_unpacker_next(struct catalog_unpacker *unpacker,
                                  struct catalog_series *out) TM_MUST_CHECK;
/* Frees its memory, and with it what it gave. It is ready for another block then. */
void catalog_unpacker_fini(struct catalog_unpacker *unpacker);

#endif
