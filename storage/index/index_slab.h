/* Small blocks of memory named by 32-bit numbers: label values and short lists of series, millions of them,
 * without an allocator's overhead on each, 8 GiB in all. Freed blocks are used again for the same size;
 * nothing moves. Threads: one takes and gives; others may meanwhile read blocks that they were handed behind
 * a lock. */
#ifndef TM_STORAGE_INDEX_SLAB_H
#define TM_STORAGE_INDEX_SLAB_H

#include <stddef.h>
#include <stdint.h>

enum {
    SLAB_UNIT = 8,
    SLAB_BLOCK_MAX = (1 << 16) + 64, /* bytes of one block */
    SLAB_CLASSES = SLAB_BLOCK_MAX / SLAB_UNIT + 1
};

/* Zero-initialised is empty. */
struct slab {
    uint8_t **chunks;
    size_t chunk_count;
    uint32_t next; /* first unit that was never given */
    uint32_t end;  /* of the chunk it is in */
    size_t used_bytes;
    uint32_t free_blocks[SLAB_CLASSES]; /* by units; each block names the next one */
};

/* Releases everything. */
void slab_fini(struct slab *slab);

/* A block of bytes (1..SLAB_BLOCK_MAX), aligned to 8; 0 when out of memory. */
uint32_t slab_take(struct slab *slab, size_t bytes);

/* Gives back a block that was taken with the same bytes. Never fails. */
void slab_give(struct slab *slab, uint32_t block, size_t bytes);

/* Where a block is; fixed until it is given back. */
void *slab_at(const struct slab *slab, uint32_t block);

/* What it takes from the system, in bytes. */
size_t slab_bytes(const struct slab *slab);

#endif
