#include "storage/tops/tops_hour.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

enum { CLASS = 100, PLACE_BYTES = sizeof(void *) };

void top_service_fini(struct top_service *service)
{
    for (size_t h = 0; h < TOPS_HOURS; h++) {
        struct top_hour *hour = &service->hours[h];
        for (size_t i = 0; i < hour->count; i++) {
            for (size_t d = 0; d < TOPS_PLAIN; d++)
                top_sketch_fini(&hour->cells[i]->plain[d]);
            for (size_t t = 0; t < TOPS_TAGS_MAX; t++)
                top_sketch_fini(&hour->cells[i]->tags[t]);
            free(hour->cells[i]);
        }
        free(hour->cells);
    }
    for (size_t t = 0; t < TOPS_TAGS_MAX; t++)
        bytes_fini(&service->tags[t]);
    *service = (struct top_service){.live_max = service->live_max};
}

static size_t find_cell(const struct top_hour *hour, int32_t status)
{
    if (hour->last < hour->count && hour->cells[hour->last]->status == status)
        return hour->last;
    size_t at = 0;
    while (at < hour->count && hour->cells[at]->status != status)
        at++;
    return at;
}

/* NULL: out of memory. */
static struct top_cell *take_cell(struct top_hour *hour, int32_t status)
{
    size_t at = find_cell(hour, status);
    if (at == hour->count && at >= TOPS_STATUSES_MAX && status >= 0) {
        status = -(status / CLASS); /* the others of its class share */
        at = find_cell(hour, status);
    }
    if (at == hour->count) {
        struct top_cell **cells = grow_array(hour->cells, &hour->capacity, hour->count + 1, PLACE_BYTES);
        if (!cells)
            return NULL;
        hour->cells = cells;
        cells[at] = calloc(1, sizeof *cells[at]);
        if (!cells[at])
            return NULL;
        cells[at]->status = status;
        hour->count++;
    }
    hour->last = at;
    return hour->cells[at];
}

/* ---- the bound on memory ---- */

static enum tm_err cut_one(struct top_sketch *sketch, size_t most, size_t *live)
{
    size_t before = sketch->count;
    if (before <= most)
        return TM_OK;
    enum tm_err err = top_sketch_cut(sketch, most);
    *live -= before - sketch->count;
    return err;
}

static enum tm_err cut_all(struct top_service *service, size_t most)
{
    enum tm_err err = TM_OK;
    for (size_t h = 0; h < TOPS_HOURS; h++) {
        for (size_t i = 0; i < service->hours[h].count && !err; i++) {
            struct top_cell *cell = service->hours[h].cells[i];
            for (size_t d = 1; d < TOPS_PLAIN && !err; d++)
                err = cut_one(&cell->plain[d], most, &service->live);
            for (size_t t = 0; t < service->tag_count && !err; t++)
                err = cut_one(&cell->tags[t], most, &service->live);
        }
    }
    return err;
}

/* Halves what is there, by cutting the largest sketches as far as that takes. */
static enum tm_err make_room(struct top_service *service)
{
    enum { FIRST = 1 << 16 };
    enum tm_err err = TM_OK;
    for (size_t most = FIRST; most > 0 && service->live > service->live_max / 2 && !err; most /= 2)
        err = cut_all(service, most);
    return err;
}

/* ---- counting ---- */

static enum tm_err count_key(struct top_service *service, struct top_sketch *sketch, struct str key,
                             uint64_t count)
{
    size_t before = sketch->count;
    if (before == TOP_KEYS_MAX)
        return TM_LIMIT; /* live_max is below that */
    enum tm_err err = top_sketch_add(sketch, key, count);
    service->live += sketch->count - before;
    return err;
}

/* The number of a tag's name; TOPS_TAGS_MAX: it has none, there are too many. */
static enum tm_err number_tag(struct top_service *service, struct str name, size_t *out)
{
    size_t at = 0;
    while (at < service->tag_count && !str_equal(bytes_view(&service->tags[at]), name))
        at++;
    *out = at;
    if (at < service->tag_count || at == TOPS_TAGS_MAX)
        return TM_OK;
    bytes_put(&service->tags[at], name.ptr, name.len);
    if (bytes_error(&service->tags[at]))
        return TM_NOMEM;
    service->tag_count++;
    return TM_OK;
}

static enum tm_err count_tags(struct top_service *service, struct top_hour *hour, struct top_cell *cell,
                              struct str encoded, uint64_t count)
{
    struct labels tags;
    bool is_untracked = false;
    enum tm_err err = TM_OK;
    if (labels_decode(encoded, &tags) != TM_OK)
        return TM_OK; /* ingest wrote none such */
    for (size_t i = 0; i < tags.count && !err; i++) {
        size_t number;
        err = number_tag(service, tags.at[i].name, &number);
        if (!err && number < TOPS_TAGS_MAX)
            err = count_key(service, &cell->tags[number], tags.at[i].value, count);
        is_untracked = is_untracked || number == TOPS_TAGS_MAX;
    }
    hour->untracked += is_untracked ? count : 0;
    return err;
}

/* ---- a block ---- */

/* The rows of a block by hour and status, and what is counted of one column. */
struct rows {
    struct place {
        struct top_hour *hour;
        struct top_cell *cell;
    } * places;
    size_t count;
    size_t capacity;
    uint16_t *of; /* the place of each row */
    uint64_t *sums;
    size_t sum_capacity;
};

static void free_rows(struct rows *rows)
{
    free(rows->places);
    free(rows->of);
    free(rows->sums);
}

static enum tm_err find_place(struct rows *rows, struct top_hour *hour, struct top_cell *cell, size_t *out)
{
    size_t at = rows->count;
    while (at > 0 && rows->places[at - 1].cell != cell) /* rows ascend by time: it is one of the last */
        at--;
    *out = at - 1;
    if (at > 0)
        return TM_OK;
    struct place *places = grow_array(rows->places, &rows->capacity, rows->count + 1, sizeof *places);
    if (!places)
        return TM_NOMEM;
    memset(places + rows->count, 0, (rows->capacity - rows->count) * sizeof *places);
    rows->places = places;
    places[rows->count] = (struct place){hour, cell};
    *out = rows->count++;
    return TM_OK;
}

/* At most TOPS_HOURS x (TOPS_STATUSES_MAX + 10) places: they fit. */
static enum tm_err place_rows(struct top_service *service, const struct events_block *block, time_ms_t day,
                              struct rows *rows)
{
    const int64_t *statuses = block->columns[EVENTS_STATUS].values;
    rows->of = calloc(block->head.count, sizeof *rows->of);
    if (!rows->of)
        return TM_NOMEM;
    for (size_t row = 0; row < block->head.count; row++) {
        time_ms_t time = block->times.values[row];
        if (time < day || time >= day + TOPS_HOURS * TOPS_HOUR_MS)
            return TM_CORRUPT;
        struct top_hour *hour = &service->hours[(time - day) / TOPS_HOUR_MS];
        struct top_cell *cell = take_cell(hour, (int32_t)statuses[row]);
        size_t place;
        enum tm_err err = cell ? find_place(rows, hour, cell, &place) : TM_NOMEM;
        if (err)
            return err;
        rows->of[row] = (uint16_t)place;
    }
    return TM_OK;
}

static enum tm_err count_text(struct top_service *service, const struct place *place,
                              enum events_column column, struct str text, uint64_t count)
{
    static const enum top_dimension dimensions[EVENTS_TAGS] = {
        [EVENTS_URL] = TOP_URL,
        [EVENTS_PAGE_GROUP] = TOP_PAGE_GROUP,
        [EVENTS_AGENT] = TOP_AGENT,
        [EVENTS_METHOD] = TOP_METHOD,
        [EVENTS_ENV] = TOP_ENV,
        [EVENTS_CACHE] = TOP_CACHE,
        [EVENTS_USER_AGENT] = TOP_USER_AGENT,
    };
    assert(place->cell);
    if (column == EVENTS_TAGS)
        return count_tags(service, place->hour, place->cell, text, count);
    return count_key(service, &place->cell->plain[dimensions[column]], text, count);
}

/* Sums by text, for one place after the other, while that takes little room; else each row by itself. */
static enum tm_err count_column(struct top_service *service, const struct events_block *block,
                                enum events_column column, struct rows *rows)
{
    enum { SUMS_MAX = 1 << 20 };
    const struct events_values *v = &block->columns[column];
    const int64_t *counts = block->columns[EVENTS_COUNT].values;
    size_t need = rows->count * v->text_count;
    enum tm_err err = TM_OK;
    if (need > SUMS_MAX) {
        for (size_t row = 0; row < block->head.count && !err; row++)
            err = count_text(service, &rows->places[rows->of[row]], column, v->texts[v->values[row]],
                             (uint64_t)counts[row]);
        return err;
    }
    uint64_t *sums = grow_array(rows->sums, &rows->sum_capacity, need, sizeof *sums);
    if (!sums)
        return TM_NOMEM;
    rows->sums = sums;
    memset(sums, 0, need * sizeof *sums);
    for (size_t row = 0; row < block->head.count; row++)
        sums[rows->of[row] * v->text_count + (size_t)v->values[row]] += (uint64_t)counts[row];
    for (size_t i = 0; i < need && !err; i++) {
        if (sums[i] > 0)
            err = count_text(service, &rows->places[i / v->text_count], column, v->texts[i % v->text_count],
                             sums[i]);
    }
    return err;
}

enum tm_err top_service_add(struct top_service *service, struct events_block *block, time_ms_t day)
{
    static const enum events_column columns[] = {EVENTS_URL,        EVENTS_PAGE_GROUP, EVENTS_AGENT,
                                                 EVENTS_METHOD,     EVENTS_ENV,        EVENTS_CACHE,
                                                 EVENTS_USER_AGENT, EVENTS_TAGS};
    struct rows rows = {.count = 0};
    enum tm_err err = events_block_read(block, EVENTS_BIT(EVENTS_STATUS) | EVENTS_BIT(EVENTS_COUNT));
    if (!err)
        err = place_rows(service, block, day, &rows);
    for (size_t c = 0; c < sizeof columns / sizeof columns[0] && !err; c++) {
        err = events_block_read(block, EVENTS_BIT(columns[c]));
        if (!err)
            err = count_column(service, block, columns[c], &rows);
        if (!err && service->live > service->live_max)
            err = make_room(service);
    }
    free_rows(&rows);
    return err;
}
