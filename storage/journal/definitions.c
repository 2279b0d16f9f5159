#include "storage/journal/definitions.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

/* Low bits of numbers that differ by less than 2^30 wherever they are compared: a segment has no room for
 * more records, a journal none for more segments. */
struct definition_mark {
    uint32_t segment_twice; /* segment * 2, plus 1 once two groups defined it */
    uint32_t lsn;           /* of the last record that defined it */
};

struct definition_use {
    uint32_t series;
    struct definition_mark before;
};

void definitions_start(struct definitions *definitions, const struct record_place *place)
{
    definitions->place = *place;
    definitions->fresh_count = 0;
}

static enum tm_err make_room(struct definitions *definitions, uint32_t series)
{
    size_t before = definitions->mark_capacity;
    struct definition_mark *marks =
        grow_array(definitions->marks, &definitions->mark_capacity, (size_t)series + 1, sizeof *marks);
    if (!marks)
        return TM_NOMEM;
    definitions->marks = marks;
    memset(marks + before, 0, (definitions->mark_capacity - before) * sizeof *marks);
    return TM_OK;
}

static enum tm_err define(struct definitions *definitions, uint32_t series, uint32_t segment_twice)
{
    struct definition_use *fresh = grow_array(definitions->fresh, &definitions->fresh_capacity,
                                              definitions->fresh_count + 1, sizeof *fresh);
    if (!fresh)
        return TM_NOMEM;
    definitions->fresh = fresh;
    struct definition_mark *mark = &definitions->marks[series];
    fresh[definitions->fresh_count++] = (struct definition_use){series, *mark};
    *mark = (struct definition_mark){segment_twice, (uint32_t)definitions->place.lsn};
    return TM_OK;
}

enum tm_err definitions_use(struct definitions *definitions, uint32_t series)
{
    if (series >= definitions->mark_capacity && make_room(definitions, series) != TM_OK)
        return TM_NOMEM;
    const struct definition_mark *mark = &definitions->marks[series];
    const struct record_place *place = &definitions->place;
    uint32_t once = (uint32_t)place->segment * 2;
    if (mark->segment_twice == once + 1)
        return TM_OK;
    if (mark->segment_twice != once)
        return define(definitions, series, once);
    if (mark->lsn == (uint32_t)place->lsn)
        return TM_OK;
    bool in_this_group = mark->lsn - (uint32_t)place->group_lsn < UINT32_MAX / 2;
    return define(definitions, series, in_this_group ? once : once + 1);
}

uint32_t definitions_fresh_at(const struct definitions *definitions, size_t n)
{
    return definitions->fresh[n].series;
}

void definitions_end(struct definitions *definitions, bool is_written)
{
    for (size_t i = definitions->fresh_count; i-- > 0 && !is_written;)
        definitions->marks[definitions->fresh[i].series] = definitions->fresh[i].before;
    definitions->fresh_count = 0;
}

void definitions_fini(struct definitions *definitions)
{
    free(definitions->marks);
    free(definitions->fresh);
    *definitions = (struct definitions){0};
}
