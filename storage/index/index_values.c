#include "storage/index/index_values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"

enum { FEW = 8, COUNT_MAX = 1 << 30 };

void values_fini(struct slab *slab, struct values *values)
{
    for (uint32_t i = 0; i < values->count; i++)
        postings_fini(slab, &values->at[i].postings);
    free(values->at);
    free(values->slots);
    *values = (struct values){0};
}

uint32_t values_hash(struct str text, uint64_t seed)
{
    return (uint32_t)XXH3_64bits_withSeed(text.ptr, text.len, seed);
}

struct str values_text(const struct slab *slab, const struct values *values, uint32_t at)
{
    const char *block = slab_at(slab, values->at[at].text);
    uint16_t len;
    memcpy(&len, block, sizeof len);
    return (struct str){block + sizeof len, len};
}

static bool is_at(const struct slab *slab, const struct values *values, uint32_t at, struct str text,
                  uint32_t hash)
{
    return values->at[at].hash == hash && str_equal(values_text(slab, values, at), text);
}

uint32_t values_find(const struct slab *slab, const struct values *values, struct str text, uint32_t hash)
{
    if (!values->slots) {
        for (uint32_t i = 0; i < values->count; i++) {
            if (is_at(slab, values, i, text, hash))
                return i;
        }
        return VALUES_NONE;
    }
    size_t mask = values->slot_count - 1;
    for (size_t slot = hash & mask; values->slots[slot] != 0; slot = (slot + 1) & mask) {
        if (is_at(slab, values, values->slots[slot] - 1, text, hash))
            return values->slots[slot] - 1;
    }
    return VALUES_NONE;
}

static void put_slot(struct values *values, uint32_t at)
{
    size_t mask = values->slot_count - 1;
    size_t slot = values->at[at].hash & mask;
    while (values->slots[slot] != 0)
        slot = (slot + 1) & mask;
    values->slots[slot] = at + 1;
}

/* Room for one more in the slots, at three quarters full at most. */
static bool grow_slots(struct values *values)
{
    if (values->count < FEW || (values->slots && ((size_t)values->count + 1) * 4 <= values->slot_count * 3))
        return true;
    size_t count = values->slots ? values->slot_count * 2 : FEW * 4;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(values->slots);
    values->slots = slots;
    values->slot_count = count;
    for (uint32_t i = 0; i < values->count; i++)
        put_slot(values, i);
    return true;
}

static bool grow_entries(struct values *values)
{
    if (values->count < values->capacity)
        return true;
    uint32_t capacity = values->capacity + values->capacity / 4 + 2;
    struct value *at = realloc(values->at, capacity * sizeof *at);
    if (!at)
        return false;
    values->at = at;
    values->capacity = capacity;
    return true;
}

enum tm_err values_add(struct slab *slab, struct values *values, struct str text, uint32_t hash, uint32_t *at)
{
    assert(text.len <= VALUES_TEXT_MAX_BYTES);
    if (values->count == COUNT_MAX)
        return TM_LIMIT;
    if (!grow_entries(values) || !grow_slots(values))
        return TM_NOMEM;
    uint16_t len = (uint16_t)text.len;
    uint32_t block = slab_take(slab, sizeof len + text.len);
    if (block == 0)
        return TM_NOMEM;
    char *to = slab_at(slab, block);
    memcpy(to, &len, sizeof len);
    if (text.len > 0)
        memcpy(to + sizeof len, text.ptr, text.len);
    *at = values->count++;
    values->at[*at] = (struct value){.hash = hash, .text = block};
    if (values->slots)
        put_slot(values, *at);
    return TM_OK;
}

static size_t slot_of(const struct values *values, uint32_t at)
{
    size_t mask = values->slot_count - 1;
    size_t slot = values->at[at].hash & mask;
    while (values->slots[slot] != at + 1)
        slot = (slot + 1) & mask;
    return slot;
}

/* Empties a slot and moves back those behind it that would not be found any more. */
static void clear_slot(struct values *values, size_t slot)
{
    size_t mask = values->slot_count - 1;
    for (size_t next = (slot + 1) & mask; values->slots[next] != 0; next = (next + 1) & mask) {
        size_t home = values->at[values->slots[next] - 1].hash & mask;
        if (((next - home) & mask) < ((next - slot) & mask))
            continue;
        values->slots[slot] = values->slots[next];
        slot = next;
    }
    values->slots[slot] = 0;
}

/* Gives memory back when most of it is unused; keeps it if that fails. */
static void shrink_entries(struct values *values)
{
    if (values->capacity <= FEW || values->count > values->capacity / 4)
        return;
    uint32_t capacity = values->capacity / 2;
    struct value *at = realloc(values->at, capacity * sizeof *at);
    if (!at)
        return;
    values->at = at;
    values->capacity = capacity;
    size_t count = values->slot_count / 2;
    uint32_t *slots = values->slots && count >= FEW * 4 ? calloc(count, sizeof *slots) : NULL;
    if (!slots)
        return;
    free(values->slots);
    values->slots = slots;
    values->slot_count = count;
    for (uint32_t i = 0; i < values->count; i++)
        put_slot(values, i);
}

void values_remove(struct slab *slab, struct values *values, uint32_t at)
{
    uint32_t last = values->count - 1;
    if (values->slots) {
        clear_slot(values, slot_of(values, at));
        if (last != at)
            values->slots[slot_of(values, last)] = at + 1;
    }
    postings_fini(slab, &values->at[at].postings);
    slab_give(slab, values->at[at].text, sizeof(uint16_t) + values_text(slab, values, at).len);
    values->at[at] = values->at[last];
    values->count--;
    shrink_entries(values);
}

size_t values_bytes(const struct slab *slab, const struct values *values)
{
    size_t bytes = values->capacity * sizeof *values->at + values->slot_count * sizeof *values->slots;
    for (uint32_t i = 0; i < values->count; i++)
        bytes += postings_bytes(slab, &values->at[i].postings);
    return bytes;
}
