#include "storage/index/index_slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_UNITS = 1 << 15, CHUNKS_MAX = 1 << 15, FIRST_UNIT = 1 };

static size_t units_of(size_t bytes)
{
    return (bytes + SLAB_UNIT - 1) / SLAB_UNIT;
}

void slab_fini(struct slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    *slab = (struct slab){0};
}

void *slab_at(const struct slab *slab, uint32_t block)
{
    return slab->chunks[block / CHUNK_UNITS] + (size_t)(block % CHUNK_UNITS) * SLAB_UNIT;
}

static void keep_free(struct slab *slab, uint32_t block, size_t units)
{
    memcpy(slab_at(slab, block), &slab->free_blocks[units], sizeof block);
    slab->free_blocks[units] = block;
}

/* Begins a chunk; what was left of the last one is kept as one free block. */
static int add_chunk(struct slab *slab)
{
    if (slab->chunk_count == CHUNKS_MAX)
        return 0;
    /* At once for ever: it must not move while others read. Memory for what is not used is never touched. */
    if (!slab->chunks)
        slab->chunks = calloc(CHUNKS_MAX, sizeof *slab->chunks);
    if (!slab->chunks)
        return 0;
    uint8_t *chunk = malloc((size_t)CHUNK_UNITS * SLAB_UNIT);
    if (!chunk)
        return 0;
    size_t left = slab->end - slab->next;
    if (left > 0)
        keep_free(slab, slab->next, left);
    slab->next = (uint32_t)slab->chunk_count * CHUNK_UNITS;
    slab->end = slab->next + CHUNK_UNITS;
    slab->next += slab->chunk_count == 0 ? FIRST_UNIT : 0;
    slab->chunks[slab->chunk_count++] = chunk;
    return 1;
}

uint32_t slab_take(struct slab *slab, size_t bytes)
{
    assert(bytes > 0 && bytes <= SLAB_BLOCK_MAX);
    size_t units = units_of(bytes);
    uint32_t block = slab->free_blocks[units];
    if (block != 0) {
        memcpy(&slab->free_blocks[units], slab_at(slab, block), sizeof block);
    } else {
        if (slab->end - slab->next < units && !add_chunk(slab))
            return 0;
        block = slab->next;
        slab->next += (uint32_t)units;
    }
    slab->used_bytes += units * SLAB_UNIT;
    return block;
}

void slab_give(struct slab *slab, uint32_t block, size_t bytes)
{
    assert(block != 0);
    size_t units = units_of(bytes);
    slab->used_bytes -= units * SLAB_UNIT;
    keep_free(slab, block, units);
}

size_t slab_bytes(const struct slab *slab)
{
    return slab->chunk_count * CHUNK_UNITS * SLAB_UNIT;
}
