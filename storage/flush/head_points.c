#include "storage/flush/head_points.h"

#include <sys/mman.h>

#include "storage/chunk/chunk.h"

enum { SMALL_MAX = 256 };
#define REGION_BYTES ((size_t)2 << 20)
#define ARRAY_BYTES  (CHUNK_BLOCK * sizeof(struct point))

/* Takes the place of the first array. */
struct points_region {
    struct points_region *older;
};

/* Aligned to its size, which is that of a huge page: twice as much is mapped and the rest given back. */
static struct points_region *make_region(void)
{
    uint8_t *map = mmap(NULL, 2 * REGION_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    size_t before = (REGION_BYTES - (uintptr_t)map % REGION_BYTES) % REGION_BYTES;
    if (before)
        (void)munmap(map, before);
    (void)munmap(map + before + REGION_BYTES, REGION_BYTES - before);
    (void)madvise(map + before, REGION_BYTES, MADV_HUGEPAGE);
    return (struct points_region *)(void *)(map + before);
}

struct point *head_points_take(struct head_points *pool)
{
    if (pool->small < SMALL_MAX) {
        pool->small++;
        return NULL;
    }
    if (!pool->newest || pool->used == REGION_BYTES / ARRAY_BYTES) {
        struct points_region *region = make_region();
        if (!region)
            return NULL;
        region->older = pool->newest;
        pool->newest = region;
        pool->used = 1;
    }
    return (struct point *)(void *)((uint8_t *)pool->newest + ARRAY_BYTES * pool->used++);
}

void head_points_fini(struct head_points *pool)
{
    while (pool->newest) {
        struct points_region *region = pool->newest;
        pool->newest = region->older;
        (void)munmap(region, REGION_BYTES);
    }
    *pool = (struct head_points){0};
}
