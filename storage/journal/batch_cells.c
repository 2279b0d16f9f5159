#include "storage/journal/batch_cells.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

enum { PLACES_FIRST = 256, CELL_MIN_BYTES = 4 };

void batch_cells_fini(struct batch_cells *cells)
{
    free(cells->at);
    free(cells->places);
    *cells = (struct batch_cells){0};
}

void batch_cells_clear(struct batch_cells *cells)
{
    if (cells->count > 0)
        memset(cells->places, 0, cells->place_count * sizeof *cells->places);
    cells->count = 0;
    cells->newest_ms = 0;
}

/* ---- gathering ---- */

static size_t place_of(const struct batch_cells *cells, const struct batch_cell *cell)
{
    uint64_t mixed = (uint64_t)cell->series << 32 ^ cell->cell;
    mixed = (mixed ^ (uint64_t)cell->slot * UINT64_C(0xff51afd7ed558ccd)) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed ^ mixed >> 32) & (cells->place_count - 1);
}

/* Where it stands in the table, or where it would. */
static size_t find_place(const struct batch_cells *cells, const struct batch_cell *wanted)
{
    size_t place = place_of(cells, wanted);
    while (cells->places[place] != 0) {
        const struct batch_cell *at = &cells->at[cells->places[place] - 1];
        if (at->series == wanted->series && at->cell == wanted->cell && at->slot == wanted->slot)
            break;
        place = (place + 1) & (cells->place_count - 1);
    }
    return place;
}

static enum tm_err grow_places(struct batch_cells *cells)
{
    size_t count = cells->place_count ? cells->place_count * 2 : PLACES_FIRST;
    uint32_t *places = calloc(count, sizeof *places);
    if (!places)
        return TM_NOMEM;
    free(cells->places);
    cells->places = places;
    cells->place_count = count;
    for (size_t i = 0; i < cells->count; i++)
        places[find_place(cells, &cells->at[i])] = (uint32_t)i + 1;
    return TM_OK;
}

static enum tm_err make_room(struct batch_cells *cells)
{
    if (cells->count * 2 >= cells->place_count && grow_places(cells) != TM_OK)
        return TM_NOMEM;
    struct batch_cell *at = grow_array(cells->at, &cells->capacity, cells->count + 1, sizeof *at);
    if (!at)
        return TM_NOMEM;
    cells->at = at;
    return TM_OK;
}

enum tm_err batch_cells_add(struct batch_cells *cells, uint32_t series, uint32_t cell, time_ms_t time,
                            int64_t add)
{
    const struct batch_cell new = {cell_slot(time), add, series, cell};
    bool is_first = cells->count == 0;
    enum tm_err err = make_room(cells);
    if (err)
        return err;
    size_t place = find_place(cells, &new);
    if (cells->places[place] != 0) {
        struct batch_cell *at = &cells->at[cells->places[place] - 1];
        int64_t sum;
        if (__builtin_add_overflow(at->value, add, &sum))
            return TM_LIMIT;
        at->value = sum;
    } else {
        cells->at[cells->count++] = new;
        cells->places[place] = (uint32_t)cells->count;
    }
    if (is_first || time > cells->newest_ms)
        cells->newest_ms = time;
    return TM_OK;
}

/* ---- the section ---- */

int batch_cells_compare(const void *a, const void *b)
{
    const struct batch_cell *x = a, *y = b;
    if (x->series != y->series)
        return x->series < y->series ? -1 : 1;
    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* Differences wrap at 64 bits, so that any two have one. */
static void put_difference(struct bytes *out, uint64_t *last, uint64_t now)
{
    bytes_zigzag(out, (int64_t)(now - *last));
    *last = now;
}

void batch_cells_encode(const struct batch_cell *cells, size_t count, time_ms_t newest_ms, struct bytes *out)
{
    uint64_t series = 0, slot = 0;
    bytes_varint(out, count);
    bytes_zigzag(out, newest_ms);
    for (size_t i = 0; i < count; i++)
        put_difference(out, &series, cells[i].series);
    for (size_t i = 0; i < count; i++)
        put_difference(out, &slot, (uint64_t)cells[i].slot);
    for (size_t i = 0; i < count; i++)
        bytes_varint(out, cells[i].cell);
    for (size_t i = 0; i < count; i++)
        bytes_zigzag(out, cells[i].value);
}

static bool is_in_order(const struct batch_cell_array *cells)
{
    const int64_t bound =
        INT64_MAX / CELL_MS; /* the first and the last 10 s of all time are not told apart */
    bool good = true;
    for (size_t i = 0; i < cells->count && good; i++) {
        good = cells->at[i].slot >= -bound - 1 && cells->at[i].slot <= bound;
        good = good && (i == 0 || batch_cells_compare(&cells->at[i - 1], &cells->at[i]) < 0);
    }
    return good;
}

enum tm_err batch_cells_decode(struct cursor *c, struct batch_cell_array *out)
{
    uint64_t count = cursor_varint(c), series = 0, slot = 0;
    out->newest_ms = cursor_zigzag(c);
    out->count = 0;
    if (c->bad || count > cursor_left(c) / CELL_MIN_BYTES)
        return TM_CORRUPT;
    struct batch_cell *at = grow_array(out->at, &out->capacity, (size_t)count, sizeof *at);
    if (!at)
        return TM_NOMEM;
    out->at = at;
    for (size_t i = 0; i < count && !c->bad; i++) {
        series += (uint64_t)cursor_zigzag(c);
        c->bad = c->bad || series > UINT32_MAX;
        at[i].series = (uint32_t)series;
    }
    for (size_t i = 0; i < count && !c->bad; i++) {
        slot += (uint64_t)cursor_zigzag(c);
        at[i].slot = (int64_t)slot;
    }
    for (size_t i = 0; i < count && !c->bad; i++) {
        uint64_t cell = cursor_varint(c);
        c->bad = c->bad || cell > UINT32_MAX;
        at[i].cell = (uint32_t)cell;
    }
    for (size_t i = 0; i < count && !c->bad; i++)
        at[i].value = cursor_zigzag(c);
    out->count = c->bad ? 0 : (size_t)count;
    return c->bad || !is_in_order(out) ? TM_CORRUPT : TM_OK;
}
