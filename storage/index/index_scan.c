/* Costly patterns, judged outside the reader's lock. */
#include <stdlib.h>

#include "storage/grow.h"
#include "storage/index/index_private.h"

enum { SCAN_VALUES = 256, SCAN_BYTES = 1 << 18 };

bool index_scan_pays(const struct matcher *matcher)
{
    return matcher_shape(matcher)->kind == SHAPE_OTHER;
}

void index_scan_fini(struct index_scan *scan)
{
    free(scan->places);
    bytes_fini(&scan->texts);
    *scan = (struct index_scan){0};
}

enum tm_err index_scan_copy(const struct index *ix, struct index_scan *scan)
{
    uint32_t name = index_find_name(ix, matcher_name(scan->matcher));
    const struct values *values = name == VALUES_NONE ? NULL : &ix->tables[name];
    if (scan->removals != ix->removals) { /* places have moved: from the beginning */
        scan->removals = ix->removals;
        scan->next = 0;
        scan->count = 0;
    }
    bytes_clear(&scan->texts);
    scan->copied = 0;
    uint32_t end = values ? values->count : 0;
    for (uint32_t at = scan->next; at < end && scan->copied < SCAN_VALUES && scan->texts.len < SCAN_BYTES;
         at++, scan->copied++)
        bytes_str(&scan->texts, values_text(&ix->slab, values, at));
    return bytes_error(&scan->texts);
}

static enum tm_err note_place(struct index_scan *scan, uint32_t place)
{
    uint32_t *places = grow_array(scan->places, &scan->capacity, scan->count + 1, sizeof *places);
    if (!places)
        return TM_NOMEM;
    scan->places = places;
    places[scan->count++] = place;
    return TM_OK;
}

enum tm_err index_scan_judge(struct index_scan *scan, struct tm_why *why)
{
    struct cursor in = cursor_of(scan->texts.data, scan->texts.len);
    bool wanted = !matcher_takes_empty(scan->matcher);
    for (; scan->copied > 0; scan->copied--, scan->next++) {
        bool takes;
        struct str text = cursor_str(&in);
        enum tm_err err = matcher_takes(scan->matcher, text, &takes);
        if (!err && takes == wanted)
            err = note_place(scan, scan->next);
        if (err == TM_LIMIT)
            return index_fail_costly(why, scan->matcher, text);
        if (err)
            return tm_fail(why, err, "no memory for the selection");
    }
    return TM_OK;
}
