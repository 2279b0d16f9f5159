/* Writing packed blocks: residuals less the block's least, in fields of one width; the few that do not fit
 * are patched. Private to chunk_*.c. */
#ifndef TM_STORAGE_CHUNK_PACK_H
#define TM_STORAGE_CHUNK_PACK_H

#include "storage/chunk/chunk_format.h"

/* How one block is to be packed. */
struct pack_plan {
    uint64_t base;
    unsigned width;
    unsigned patch_count;
    unsigned patch_width;
    size_t bits; /* what the block costs, its head included, nearly */
};

/* The cheapest way to pack count (1 to CHUNK_BLOCK) residuals. Pure. */
void pack_plan_block(const uint64_t *residuals, unsigned count, struct pack_plan *plan);

/* Appends count (up to CHUNK_MAX_SAMPLES) residuals as packed blocks, by the plans of these blocks or, where
 * that is NULL, by new ones. A failed allocation shows in out. */
void pack_write(const uint64_t *residuals, size_t count, const struct pack_plan *plans, struct bytes *out);

/* Appends count fields of width (0 to 64) bits, the least significant bit first, up to a whole byte. */
void pack_fields(const uint64_t *fields, size_t count, unsigned width, struct bytes *out);

#endif
