/* Two rows of the same markers: by id, and by time and id. */
#include "storage/markers/markers_table.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

enum { PLACE_BYTES = sizeof(void *) }; /* of a place in a row */

/* A marker with its texts behind it. */
struct entry {
    struct marker marker;
    char texts[];
};

struct markers {
    struct entry **by_id;
    struct entry **by_time;
    size_t count;
    size_t id_capacity;
    size_t time_capacity;
    uint64_t unreadable;
    uint64_t version; /* changes, from 1 */
};

struct markers *markers_new(void)
{
    return calloc(1, sizeof(struct markers));
}

void markers_free(struct markers *markers)
{
    if (!markers)
        return;
    for (size_t i = 0; i < markers->count; i++)
        free(markers->by_id[i]);
    free(markers->by_id);
    free(markers->by_time);
    free(markers);
}

size_t markers_count(const struct markers *markers)
{
    return markers->count;
}

uint64_t markers_version(const struct markers *markers)
{
    return markers->version + 1;
}

uint64_t markers_unreadable(const struct markers *markers)
{
    return markers->unreadable;
}

/* ---- places ---- */

static size_t find_id(const struct markers *markers, uint64_t id)
{
    size_t low = 0, high = markers->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (markers->by_id[middle]->marker.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first place that is not before (time, id). */
static size_t find_time(const struct markers *markers, time_ms_t time, uint64_t id)
{
    size_t low = 0, high = markers->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct marker *m = &markers->by_time[middle]->marker;
        if (m->time < time || (m->time == time && m->id < id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct entry **row, size_t count, size_t at, struct entry *entry)
{
    memmove(row + at + 1, row + at, (count - at) * PLACE_BYTES);
    row[at] = entry;
}

static void cut(struct entry **row, size_t count, size_t at)
{
    memmove(row + at, row + at + 1, (count - at - 1) * PLACE_BYTES);
}

const struct marker *markers_find(const struct markers *markers, uint64_t id)
{
    size_t at = find_id(markers, id);
    bool is_there = at < markers->count && markers->by_id[at]->marker.id == id;
    return is_there ? &markers->by_id[at]->marker : NULL;
}

/* ---- changing ---- */

static struct entry *copy_marker(const struct marker *marker)
{
    size_t len = 0;
    for (int i = 0; i < MARKER_TEXT_COUNT; i++)
        len += marker->text[i].len;
    struct entry *entry = malloc(sizeof *entry + len);
    if (!entry)
        return NULL;
    entry->marker = *marker;
    char *at = entry->texts;
    for (int i = 0; i < MARKER_TEXT_COUNT; i++) {
        struct str *text = &entry->marker.text[i];
        if (text->len > 0)
            memcpy(at, text->ptr, text->len);
        text->ptr = at;
        at += text->len;
    }
    return entry;
}

static enum tm_err reserve_one(struct markers *markers)
{
    struct entry **by_id = grow_array(markers->by_id, &markers->id_capacity, markers->count + 1, PLACE_BYTES);
    if (!by_id)
        return TM_NOMEM;
    markers->by_id = by_id;
    struct entry **by_time =
        grow_array(markers->by_time, &markers->time_capacity, markers->count + 1, PLACE_BYTES);
    if (!by_time)
        return TM_NOMEM;
    markers->by_time = by_time;
    return TM_OK;
}

static enum tm_err add(struct markers *markers, const struct marker *marker)
{
    if (reserve_one(markers) != TM_OK)
        return TM_NOMEM;
    struct entry *entry = copy_marker(marker);
    if (!entry)
        return TM_NOMEM;
    insert(markers->by_id, markers->count, find_id(markers, marker->id), entry);
    insert(markers->by_time, markers->count, find_time(markers, marker->time, marker->id), entry);
    markers->count++;
    return TM_OK;
}

static void drop(struct markers *markers, const struct marker *marker)
{
    size_t at_id = find_id(markers, marker->id);
    size_t at_time = find_time(markers, marker->time, marker->id);
    struct entry *entry = markers->by_id[at_id];
    cut(markers->by_id, markers->count, at_id);
    cut(markers->by_time, markers->count, at_time);
    markers->count--;
    free(entry);
}

/* Only its place in time may change: there is room for it. */
static enum tm_err change(struct markers *markers, const struct marker *old,
                          const struct marker_change *change)
{
    struct marker merged = *old;
    marker_merge(&merged, &change->to, change->fields);
    struct entry *entry = copy_marker(&merged);
    if (!entry)
        return TM_NOMEM;
    size_t at_id = find_id(markers, old->id);
    size_t at_time = find_time(markers, old->time, old->id);
    struct entry *before = markers->by_id[at_id];
    markers->by_id[at_id] = entry;
    cut(markers->by_time, markers->count, at_time);
    markers->count--;
    at_time = find_time(markers, entry->marker.time, entry->marker.id);
    insert(markers->by_time, markers->count, at_time, entry);
    markers->count++;
    free(before);
    return TM_OK;
}

enum tm_err markers_apply(struct markers *markers, struct str bytes)
{
    struct marker_change told;
    if (marker_change_decode(bytes, &told) != TM_OK) {
        markers->unreadable++;
        return TM_OK;
    }
    const struct marker *old = markers_find(markers, told.to.id);
    markers->version++;
    if (told.op == MARKER_MADE)
        return old ? TM_OK : add(markers, &told.to);
    if (old && told.op == MARKER_CHANGED)
        return change(markers, old, &told);
    if (old)
        drop(markers, old);
    return TM_OK;
}

/* ---- listing ---- */

static bool is_wanted_text(struct str wanted, struct str text)
{
    return wanted.len == 0 || str_equal(wanted, text);
}

static bool is_wanted(const struct marker *m, const struct markers_wanted *wanted)
{
    if (wanted->kind != MARKER_KIND_COUNT && wanted->kind != m->kind)
        return false;
    if (m->time >= wanted->span.to)
        return false;
    if (m->end == MARKER_NO_END ? m->time < wanted->span.from : m->end <= wanted->span.from)
        return false;
    return is_wanted_text(wanted->service, m->text[MARKER_SERVICE]) &&
           is_wanted_text(wanted->env, m->text[MARKER_ENV]) &&
           is_wanted_text(wanted->version, m->text[MARKER_VERSION]);
}

const struct marker *markers_next(const struct markers *markers, const struct markers_wanted *wanted,
                                  struct markers_place *place)
{
    size_t at = place->is_begun ? find_time(markers, place->time, place->id) : markers->count;
    while (at-- > 0) {
        const struct marker *marker = &markers->by_time[at]->marker;
        if (!is_wanted(marker, wanted))
            continue;
        *place = (struct markers_place){marker->time, marker->id, true};
        return marker;
    }
    return NULL;
}
