/* Places of a service's targets: taken, given back, closed up; what all tables hold. */
#include <stdlib.h>

#include "server/detect/detect_private.h"

/* Fewer free places are not worth closing up. */
enum { COMPACT_FROM = 1024, ITEMS_LEAST = 8 };

/* A free place, taken; false without memory. */
bool detect_take_place(struct detect_service *service, uint32_t *out)
{
    if (service->free_first != 0) {
        *out = service->free_first - 1;
        service->free_first = service->targets[*out].part;
        service->free_count--;
        return true;
    }
    if (!detect_make_room((void **)&service->targets, service->target_count, &service->target_capacity,
                          sizeof *service->targets))
        return false;
    *out = (uint32_t)service->target_count++;
    service->targets[*out] = (struct detect_target){.is_used = false};
    return true;
}

void detect_empty_target(struct detect_engine *engine, struct detect_target *target)
{
    if (target->state)
        engine->memory_used -= DETECT_STATE_BYTES;
    detect_tip_drop(engine, target);
    free(target->state);
    free(target->told);
    free(target->labels);
    *target = (struct detect_target){.is_used = false};
}

void detect_free_target(struct detect_engine *engine, struct detect_service *service, uint32_t place)
{
    detect_empty_target(engine, &service->targets[place]);
    service->targets[place].part = service->free_first;
    service->free_first = place + 1;
    service->free_count++;
}

static void move_targets(struct detect_service *service, uint32_t *places)
{
    uint32_t kept = 0;
    for (size_t i = 0; i < service->target_count; i++) {
        places[i] = kept;
        if (service->targets[i].is_used)
            service->targets[kept++] = service->targets[i];
    }
    service->target_count = kept;
    service->free_first = service->free_count = 0;
    for (size_t i = 0; i < kept; i++) {
        service->targets[i].part = places[service->targets[i].part];
        service->targets[i].whole = places[service->targets[i].whole];
    }
    for (size_t i = 0; i < service->source_count; i++) {
        struct detect_source *source = &service->sources[i];
        for (uint32_t t = 0; t < source->target_count; t++)
            source->targets[t] = places[source->targets[t]];
        for (uint32_t t = 0; t < source->sum_count; t++)
            source->sums[t] = places[source->sums[t]];
    }
    for (size_t i = 0; i < service->derived_count; i++)
        service->derived[i] = places[service->derived[i]];
}

/* Gives back what an array has beyond its items; if that fails, it stays as it is. */
static void shrink(void **array, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = count > ITEMS_LEAST ? count : ITEMS_LEAST;
    void *smaller = wanted < *capacity / 2 ? realloc(*array, wanted * size) : NULL;
    if (!smaller)
        return;
    *array = smaller;
    *capacity = wanted;
}

void detect_compact(struct detect_service *service)
{
    if (service->free_count < COMPACT_FROM || service->free_count * 2 < service->target_count)
        return;
    uint32_t *places = malloc(service->target_count * sizeof *places);
    if (!places)
        return; /* another time */
    move_targets(service, places);
    free(places);
    shrink((void **)&service->targets, service->target_count, &service->target_capacity,
           sizeof *service->targets);
    shrink((void **)&service->sources, service->source_count, &service->source_capacity,
           sizeof *service->sources);
}

static size_t service_bytes(const struct detect_service *service)
{
    size_t bytes = sizeof *service + service->source_capacity * sizeof *service->sources +
                   service->asleep_capacity * sizeof *service->asleep +
                   service->target_capacity * sizeof *service->targets +
                   service->derived_capacity * sizeof *service->derived +
                   service->derived_slots * sizeof *service->derived_places;
    for (size_t i = 0; i < service->target_count; i++) {
        const struct detect_target *target = &service->targets[i];
        bytes += target->labels_len + target->told_count * sizeof *target->told;
    }
    return bytes;
}

size_t detect_tables_bytes(const struct detect_engine *engine)
{
    size_t bytes = engine->known_bytes + engine->service_slots * sizeof *engine->service_places +
                   engine->service_capacity * sizeof(struct detect_service *);
    for (size_t i = 0; i < engine->service_count; i++)
        bytes += service_bytes(engine->services[i]);
    return bytes;
}
