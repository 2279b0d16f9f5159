#include "storage/catalog/services.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"

enum { INDEX_FIRST = 64 };

struct service *services_at(const struct services *services, uint32_t slot)
{
    return &services->chunks[slot / SERVICE_CHUNK][slot % SERVICE_CHUNK];
}

/* Where name stands in the index, or the empty place where it belongs. */
static size_t find_place(const struct services *services, struct str name)
{
    size_t mask = services->index_capacity - 1;
    size_t at = XXH3_64bits_withSeed(name.ptr, name.len, services->seed) & mask;
    for (; services->index[at] != 0; at = (at + 1) & mask) {
        const struct service *service = services_at(services, services->index[at] - 1);
        if (str_equal((struct str){service->name, service->len}, name))
            break;
    }
    return at;
}

static void fill_index(struct services *services)
{
    services->index_used = 0;
    for (uint32_t slot = 0; slot < services->count; slot++) {
        const struct service *service = services_at(services, slot);
        if (!service->name)
            continue;
        services->index[find_place(services, (struct str){service->name, service->len})] = slot + 1;
        services->index_used++;
    }
}

static enum tm_err grow_index(struct services *services)
{
    if ((services->index_used + 1) * 4 <= services->index_capacity * 3)
        return TM_OK;
    size_t capacity = services->index_capacity ? services->index_capacity * 2 : INDEX_FIRST;
    uint32_t *index = calloc(capacity, sizeof *index);
    if (!index)
        return TM_NOMEM;
    free(services->index);
    services->index = index;
    services->index_capacity = capacity;
    fill_index(services);
    return TM_OK;
}

static enum tm_err take_slot(struct services *services, uint32_t *out)
{
    if (services->free_count > 0) {
        *out = services->free_list[--services->free_count];
        return TM_OK;
    }
    uint32_t slot = services->count;
    if (slot == (uint32_t)SERVICE_CHUNK * SERVICE_CHUNKS)
        return TM_LIMIT;
    struct service **chunk = &services->chunks[slot / SERVICE_CHUNK];
    if (!*chunk)
        *chunk = calloc(SERVICE_CHUNK, sizeof **chunk);
    if (!*chunk)
        return TM_NOMEM;
    services->count++;
    *out = slot;
    return TM_OK;
}

enum tm_err services_intern(struct services *services, struct str name, uint32_t *out)
{
    enum tm_err err = grow_index(services);
    if (err)
        return err;
    size_t place = find_place(services, name);
    if (services->index[place] != 0) {
        *out = services->index[place] - 1;
        return TM_OK;
    }
    char *copy = malloc(name.len + 1);
    if (!copy)
        return TM_NOMEM;
    err = take_slot(services, out);
    if (err) {
        free(copy);
        return err;
    }
    if (name.len > 0)
        memcpy(copy, name.ptr, name.len);
    *services_at(services, *out) = (struct service){.name = copy, .len = (uint32_t)name.len};
    services->index[place] = *out + 1;
    services->index_used++;
    return TM_OK;
}

void services_sweep(struct services *services)
{
    for (uint32_t slot = 0; slot < services->count; slot++) {
        struct service *service = services_at(services, slot);
        if (!service->name || service->references > 0)
            continue;
        uint32_t *grown = grow_array(services->free_list, &services->free_capacity, services->free_count + 1,
                                     sizeof *grown);
        if (!grown)
            break;
        services->free_list = grown;
        grown[services->free_count++] = slot;
        free(service->name);
        *service = (struct service){0};
    }
    if (services->index) {
        memset(services->index, 0, services->index_capacity * sizeof *services->index);
        fill_index(services);
    }
}

void services_fini(struct services *services)
{
    for (uint32_t slot = 0; slot < services->count; slot++)
        free(services_at(services, slot)->name);
    for (size_t i = 0; i < SERVICE_CHUNKS && services->chunks[i]; i++)
        free(services->chunks[i]);
    free(services->free_list);
    free(services->index);
}
