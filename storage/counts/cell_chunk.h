/* The codec of cells: cells of one series and day -> few bytes -> the same cells. Pure; any thread.
 * storage/counts/README.md has every byte. */
#ifndef TM_STORAGE_CELL_CHUNK_H
#define TM_STORAGE_CELL_CHUNK_H

#include "storage/chunk/chunk.h"
#include "storage/counts/cells.h"
#include "storage/model/bytes.h"

enum { CELL_CHUNK_MAX = CHUNK_MAX_SAMPLES };

/* What the first bytes tell. */
struct cell_chunk_head {
    uint32_t count;
    int64_t first; /* slots */
    int64_t last;
};

/* Appends one chunk to out. The cells are settled, 1 to CELL_CHUNK_MAX, their slots those of the day that
 * begins at slot `day`; else TM_INVALID. TM_NOMEM. On failure out is as before. */
enum tm_err cell_chunk_encode(struct chunk_scratch *scratch, const struct chunk_key *key, int64_t day,
                              const struct cell *cells, size_t count, enum chunk_effort effort,
                              struct bytes *out) TM_MUST_CHECK;

/* Checks the checksum of a chunk under key and reads its head. TM_CORRUPT. */
enum tm_err cell_chunk_peek(const struct chunk_key *key, int64_t day, struct str chunk,
                            struct cell_chunk_head *out) TM_MUST_CHECK;

/* Appends all cells of a chunk to out. TM_CORRUPT, TM_NOMEM; on failure out is as before. */
enum tm_err cell_chunk_decode(const struct chunk_key *key, int64_t day, struct str chunk,
                              struct cells *out) TM_MUST_CHECK;

#endif
