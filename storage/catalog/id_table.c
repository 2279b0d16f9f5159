#include "storage/catalog/id_table.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 1024 };

void id_table_fini(struct id_table *table)
{
    free(table->slots);
    *table = (struct id_table){0};
}

static void put(struct id_table *table, struct id_slot slot)
{
    size_t mask = table->capacity - 1;
    size_t at = slot.hash & mask;
    while (table->slots[at].id != 0)
        at = (at + 1) & mask;
    table->slots[at] = slot;
}

bool id_table_reserve(struct id_table *table, size_t count)
{
    struct id_table grown = {.capacity = table->capacity ? table->capacity : CAPACITY_FIRST,
                             .used = table->used};
    while (count > grown.capacity / 4 * 3)
        grown.capacity *= 2;
    if (grown.capacity == table->capacity)
        return true;
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].id != 0)
            put(&grown, table->slots[i]);
    }
    free(table->slots);
    *table = grown;
    return true;
}

void id_table_add(struct id_table *table, uint32_t hash, uint32_t id)
{
    assert(id != 0 && table->used < table->capacity / 4 * 3);
    put(table, (struct id_slot){hash, id});
    table->used++;
}

uint32_t id_table_next(const struct id_table *table, uint32_t hash, size_t *at)
{
    size_t mask = table->capacity - 1;
    if (table->used == 0)
        return 0;
    for (;;) {
        struct id_slot slot = table->slots[(hash + *at) & mask];
        ++*at;
        if (slot.id == 0 || slot.hash == hash)
            return slot.id;
    }
}

void id_table_sweep(struct id_table *table, id_table_keep_fn *keep, const void *arg)
{
    size_t mask = table->capacity - 1;
    size_t start = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        struct id_slot *slot = &table->slots[i];
        if (slot->id != 0 && !keep(arg, slot->id)) {
            *slot = (struct id_slot){0};
            table->used--;
        }
        if (slot->id == 0)
            start = i;
    }
    /* From behind an empty place on, each goes as near to its home as it can: no run is broken any more. */
    for (size_t i = 1; i < table->capacity; i++) {
        struct id_slot *slot = &table->slots[(start + i) & mask];
        struct id_slot moved = *slot;
        *slot = (struct id_slot){0};
        if (moved.id != 0)
            put(table, moved);
    }
}

/* What stands behind an emptied place moves up, unless that is before its home. */
static void close_hole(struct id_table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].id != 0; at = (at + 1) & mask) {
        size_t home = table->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        table->slots[hole] = table->slots[at];
        hole = at;
    }
    table->slots[hole] = (struct id_slot){0};
    table->used--;
}

void id_table_remove(struct id_table *table, uint32_t hash, uint32_t id)
{
    size_t mask = table->capacity - 1;
    if (table->used == 0)
        return;
    for (size_t at = hash & mask; table->slots[at].id != 0; at = (at + 1) & mask) {
        if (table->slots[at].id == id && table->slots[at].hash == hash) {
            close_hole(table, at);
            return;
        }
    }
}

void id_table_remove_slowly(struct id_table *table, uint32_t id)
{
    for (size_t at = 0; at < table->capacity; at++) {
        if (table->slots[at].id == id) {
            close_hole(table, at);
            return;
        }
    }
}
