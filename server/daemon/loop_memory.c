/* libuv calls abort() when its table of descriptors can't grow. The table is small, grows rarely and lives as
 * long as the loop, so blocks handed out one after the other, and reused once all are back, are enough. */
#include "server/daemon/loop_memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { RESERVE_BYTES = 256 << 10, ALIGN_BYTES = 16 };

/* Stands before each block of the reserve. */
struct block {
    _Alignas(ALIGN_BYTES) size_t size;
};

static _Alignas(ALIGN_BYTES) uint8_t reserve[RESERVE_BYTES];
static size_t reserve_used;
static unsigned blocks_out;

static bool is_reserved(const void *at)
{
    uintptr_t address = (uintptr_t)at;
    return address >= (uintptr_t)reserve && address < (uintptr_t)reserve + sizeof reserve;
}

static void *take_reserve(size_t size)
{
    size_t padded = (size + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES + sizeof(struct block);
    if (size > RESERVE_BYTES || padded > RESERVE_BYTES - reserve_used) {
        errno = ENOMEM;
        return NULL;
    }
    struct block *block = (struct block *)(void *)(reserve + reserve_used);
    block->size = size;
    reserve_used += padded;
    blocks_out++;
    return block + 1;
}

static void *allocate(size_t size)
{
    void *at = malloc(size);
    /* cppcheck-suppress memleak ; it is handed out */
    return at ? at : take_reserve(size);
}

static void *allocate_zeroed(size_t count, size_t size)
{
    void *at = calloc(count, size);
    if (at || (size > 0 && count > SIZE_MAX / size))
        return at;
    at = take_reserve(count * size);
    return at ? memset(at, 0, count * size) : NULL;
}

static void release(void *at)
{
    if (!at || !is_reserved(at)) {
        free(at);
        return;
    }
    if (--blocks_out == 0)
        reserve_used = 0;
}

static void *resize(void *old, size_t size)
{
    if (!old || !is_reserved(old)) {
        void *grown = realloc(old, size);
        if (grown || size == 0)
            return grown;
        /* How long the old block is malloc knows alone. */
        grown = take_reserve(size);
        if (grown && old) {
            size_t had = malloc_usable_size(old);
            memcpy(grown, old, had < size ? had : size);
            free(old);
        }
        return grown;
    }
    size_t had = ((struct block *)old - 1)->size;
    void *grown = allocate(size);
    if (!grown)
        return NULL;
    memcpy(grown, old, had < size ? had : size);
    release(old);
    return grown;
}

void loop_memory_install(void)
{
    (void)uv_replace_allocator(allocate, resize, allocate_zeroed, release);
}
