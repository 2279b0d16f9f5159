/* A block: sketches of what one service's requests of one hour were about, as bytes. storage/tops/README.md
 * has every byte. Pure; any thread, with a packer or block of its own. */
#ifndef TM_STORAGE_TOPS_BLOCK_H
#define TM_STORAGE_TOPS_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/chunk/chunk.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/tops/top_sketch.h"

#define TOPS_HOUR_MS INT64_C(3600000)

/* What is ranked. On disk: the numbers must not change. */
enum top_dimension {
    TOP_URL = 1,
    TOP_PAGE_GROUP,
    TOP_AGENT,
    TOP_METHOD,
    TOP_ENV,
    TOP_CACHE,
    TOP_USER_AGENT,
    TOP_TAG, /* one of the other tags, by its name */
    TOP_DIMENSIONS
};

enum {
    TOPS_BLOCK_RAW_MAX = 1 << 20, /* before it is compressed */
    TOPS_BLOCK_FULL = 640 << 10   /* then it is ended */
};

/* Which sketch. Of TOP_TAG only events that bear the tag are counted; in every other dimension all are. */
struct top_place {
    enum top_dimension dimension;
    struct str tag; /* of TOP_TAG; else empty */
    int32_t status; /* -1 to -9: those of status 100 to 999, by class, that have no sketch of their own */
};

struct tops_head {
    int64_t hour; /* since 1970 */
    struct str service;
    uint64_t untracked; /* events with tags of which no sketches were made; in one block of the hour */
};

/* Zero-initialise; ended by tops_packer_fini. */
struct tops_packer {
    struct bytes raw;
    uint32_t count;
    void *zstd;
};

/* Frees it; a block that was not packed is lost. It is empty then. */
void tops_packer_fini(struct tops_packer *packer);
/* Adds a sketch; TOPS_BLOCK_FULL bytes should be packed before the next. Memory: see tops_packer_pack. */
void tops_packer_add(struct tops_packer *packer, const struct top_place *place,
                     const struct top_sketch *sketch);
/* Appends the block to out and begins the next one. TM_NOMEM, TM_TOO_LARGE. */
enum tm_err tops_packer_pack(struct tops_packer *packer, const struct chunk_key *key,
                             const struct tops_head *head, struct bytes *out) TM_MUST_CHECK;

/* A block being read. Zero-initialise, use for one after the other, end by tops_block_fini. */
struct tops_block {
    struct tops_head head; /* views */
    struct bytes raw;
    struct cursor at;
    uint32_t left;
    void *zstd;
};

/* Frees its memory; it can be used for another block then. */
void tops_block_fini(struct tops_block *block);
/* Checks a block, which must stay, and stands before its first sketch. TM_CORRUPT, TM_NOMEM. */
enum tm_err tops_block_open(struct tops_block *block, const struct chunk_key *key,
                            struct str bytes) TM_MUST_CHECK;
/* The next sketch: its place and its bytes, for top_summary_read or top_sketch_decode. Views. TM_NOT_FOUND at
 * the end, TM_CORRUPT. */
enum tm_err tops_block_next(struct tops_block *block, struct top_place *place,
                            struct cursor *sketch) TM_MUST_CHECK;

#endif
