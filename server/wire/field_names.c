#include "server/wire/field_names.h"

#include <string.h>

/* FNV-1a over at most the first and last 16 bytes: names differ at either end, and a sender who makes them
 * collide on purpose gains no more than comparing each with each. */
static uint32_t hash_name(struct str name)
{
    enum { EDGE = 16 };
    uint32_t hash = UINT32_C(2166136261) ^ (uint32_t)name.len;
    for (size_t i = 0; i < name.len; i++) {
        if (i == EDGE && name.len > 2 * EDGE)
            i = name.len - EDGE;
        hash = (hash ^ (unsigned char)name.ptr[i]) * UINT32_C(16777619);
    }
    return hash ^ hash >> 15;
}

static bool insert(struct field_names *names, const struct line_field *field, size_t index)
{
    uint32_t at = hash_name(field[index].name) % FIELD_NAMES_SLOTS;
    /* At most half of the slots are taken, so a free one is found. */
    while (names->slot[at] != 0) {
        if (str_equal(field[names->slot[at] - 1].name, field[index].name))
            return false;
        at = (at + 1) % FIELD_NAMES_SLOTS;
    }
    names->slot[at] = (uint16_t)(index + 1);
    return true;
}

bool field_names_add_many(struct field_names *names, const struct line_field *field, size_t index)
{
    if (index == FIELD_NAMES_FEW) {
        memset(names, 0, sizeof *names);
        for (size_t i = 0; i < FIELD_NAMES_FEW; i++)
            (void)insert(names, field, i);
    }
    return insert(names, field, index);
}
