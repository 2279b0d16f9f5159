#include "server/query/deploy_ids.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* Its place, or where it belongs. */
static size_t find(const struct deploy_ids *ids, uint64_t id)
{
    size_t low = 0, high = ids->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids->at[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool deploy_ids_has(const struct deploy_ids *ids, uint64_t id)
{
    size_t at = find(ids, id);
    return at < ids->count && ids->at[at] == id;
}

void deploy_ids_add(struct deploy_ids *ids, uint64_t id)
{
    size_t at = find(ids, id);
    if (at < ids->count && ids->at[at] == id)
        return;
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? 2 * ids->capacity : FIRST_CAPACITY;
        uint64_t *larger = realloc(ids->at, capacity * sizeof *larger);
        if (!larger)
            return;
        ids->at = larger;
        ids->capacity = capacity;
    }
    memmove(ids->at + at + 1, ids->at + at, (ids->count - at) * sizeof *ids->at);
    ids->at[at] = id;
    ids->count++;
}

void deploy_ids_drop(struct deploy_ids *ids, uint64_t id)
{
    size_t at = find(ids, id);
    if (at == ids->count || ids->at[at] != id)
        return;
    ids->count--;
    memmove(ids->at + at, ids->at + at + 1, (ids->count - at) * sizeof *ids->at);
}

void deploy_ids_fini(struct deploy_ids *ids)
{
    free(ids->at);
    *ids = (struct deploy_ids){.count = 0};
}
