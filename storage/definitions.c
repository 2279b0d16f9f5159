#include "storage/definitions.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

/* A mark is the segment's number times 4 (it may wrap: a journal of 2^30 segments is not met), plus: */
enum mark_state { MARK_NONE, MARK_ONCE, MARK_TWICE, MARK_OPEN /* first defined in the record being made */ };
enum { MARK_STATES = 4 };

static uint32_t mark_of(const struct definitions *definitions, enum mark_state state)
{
    return (uint32_t)definitions->segment * MARK_STATES + (uint32_t)state;
}

void definitions_start(struct definitions *definitions, uint64_t segment)
{
    definitions->segment = segment;
    definitions->fresh_count = 0;
}

static enum tm_err make_room(struct definitions *definitions, uint32_t series)
{
    size_t before = definitions->mark_capacity;
    uint32_t *marks =
        grow_array(definitions->marks, &definitions->mark_capacity, (size_t)series + 1, sizeof *marks);
    if (!marks)
        return TM_NOMEM;
    definitions->marks = marks;
    memset(marks + before, 0, (definitions->mark_capacity - before) * sizeof *marks);
    return TM_OK;
}

enum tm_err definitions_use(struct definitions *definitions, uint32_t series)
{
    if (series >= definitions->mark_capacity && make_room(definitions, series) != TM_OK)
        return TM_NOMEM;
    uint32_t *mark = &definitions->marks[series];
    if (*mark == mark_of(definitions, MARK_TWICE) || *mark == mark_of(definitions, MARK_OPEN))
        return TM_OK;
    uint32_t *fresh = grow_array(definitions->fresh, &definitions->fresh_capacity,
                                 definitions->fresh_count + 1, sizeof *fresh);
    if (!fresh)
        return TM_NOMEM;
    definitions->fresh = fresh;
    fresh[definitions->fresh_count++] = series;
    bool again = *mark == mark_of(definitions, MARK_ONCE);
    *mark = mark_of(definitions, again ? MARK_TWICE : MARK_OPEN);
    return TM_OK;
}

void definitions_end(struct definitions *definitions, bool is_written)
{
    for (size_t i = 0; i < definitions->fresh_count; i++) {
        uint32_t *mark = &definitions->marks[definitions->fresh[i]];
        bool was_open = *mark == mark_of(definitions, MARK_OPEN);
        if (is_written)
            *mark = mark_of(definitions, was_open ? MARK_ONCE : MARK_TWICE);
        else
            *mark = mark_of(definitions, was_open ? MARK_NONE : MARK_ONCE);
    }
    definitions->fresh_count = 0;
}

void definitions_fini(struct definitions *definitions)
{
    free(definitions->marks);
    free(definitions->fresh);
    *definitions = (struct definitions){0};
}
