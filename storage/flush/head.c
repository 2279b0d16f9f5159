#include "storage/flush/head.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/chunk/chunk.h"
#include "storage/grow.h"

enum {
    OPEN_MAX = CHUNK_BLOCK, /* samples of a series before they are sealed */
    OPEN_FIRST = 3,         /* 64 bytes with what malloc takes */
    SEAL_MIN = OPEN_MAX / 2,
    MALLOC_BYTES = 16 /* what an allocation costs besides its bytes, about */
};
#define DAY_MS INT64_C(86400000)

/* Encoded samples; a ring, the last points at the first. */
struct head_block {
    struct head_block *next;
    time_ms_t first;
    time_ms_t last;
    uint32_t len;
    uint32_t count;
    uint8_t bytes[];
};

struct head_series {
    struct point *points;
    struct head_block *last;
    uint16_t count;
    uint16_t capacity;
    bool is_unsorted;
    bool is_pooled; /* points are the pool's */
    int8_t exponent;
};

static void free_blocks(struct head_series *series)
{
    struct head_block *at = series->last ? series->last->next : NULL;
    while (at) {
        struct head_block *next = at == series->last ? NULL : at->next;
        free(at);
        at = next;
    }
}

void head_fini(struct head *head)
{
    for (size_t i = 0; i < head->series_capacity; i++) {
        if (!head->series[i].is_pooled)
            free(head->series[i].points);
        free_blocks(&head->series[i]);
    }
    free(head->series);
    head_points_fini(&head->points);
    head_free_events(head);
    count_head_fini(&head->counts);
    free(head->scratch);
    free(head->days);
    bytes_fini(&head->packed);
    *head = (struct head){0};
}

bool head_is_empty(const struct head *head)
{
    return head->samples == 0 && head->events == 0 && head->counts.cells == 0;
}

/* ---- room ---- */

static enum tm_err make_room(struct head *head, uint32_t series)
{
    size_t before = head->series_capacity;
    struct head_series *at =
        grow_array(head->series, &head->series_capacity, (size_t)series + 1, sizeof *head->series);
    if (!at)
        return TM_NOMEM;
    head->series = at;
    memset(at + before, 0, (head->series_capacity - before) * sizeof *at);
    head->bytes += (head->series_capacity - before) * sizeof *at;
    return TM_OK;
}

static enum tm_err grow_points(struct head *head, struct head_series *series)
{
    size_t capacity = series->capacity ? (size_t)series->capacity * 3 / 2 + 1 : OPEN_FIRST;
    if (capacity > OPEN_MAX * 3 / 4) /* what malloc gets back then lies about: the less, the better */
        capacity = OPEN_MAX;
    struct point *points = capacity == OPEN_MAX ? head_points_take(&head->points) : NULL;
    series->is_pooled = points != NULL;
    if (points) {
        memcpy(points, series->points, series->count * sizeof *points);
        free(series->points);
    } else {
        points = realloc(series->points, capacity * sizeof *points);
    }
    if (!points)
        return TM_NOMEM;
    head->bytes += (capacity - series->capacity) * sizeof *points + (series->points ? 0 : MALLOC_BYTES);
    series->points = points;
    series->capacity = (uint16_t)capacity;
    return TM_OK;
}

static int64_t day_of(time_ms_t time)
{
    return time / DAY_MS - (time % DAY_MS < 0);
}

/* Notes the day of a sample. */
static enum tm_err enter_day(struct head *head, time_ms_t time)
{
    int64_t day = day_of(time);
    size_t at = head->day_count;
    while (at > 0 && head->days[at - 1] > day)
        at--;
    if (at == 0 || head->days[at - 1] != day) {
        int64_t *days = grow_array(head->days, &head->day_capacity, head->day_count + 1, sizeof *days);
        if (!days)
            return TM_NOMEM;
        head->days = days;
        memmove(days + at + 1, days + at, (head->day_count - at) * sizeof *days);
        days[at] = day;
        head->day_count++;
    }
    /* The first and the last day of all time stay empty spans: looked up each time, never overflowing. */
    head->day = (struct span){0, 0};
    if (day > INT64_MIN / DAY_MS && day < INT64_MAX / DAY_MS)
        head->day = (struct span){day * DAY_MS, (day + 1) * DAY_MS};
    return TM_OK;
}

/* ---- sealing ---- */

static void sort_open(struct head_series *series)
{
    struct point *points = series->points;
    uint16_t kept = 0;
    for (uint16_t i = 1; i < series->count; i++) { /* few, and nearly sorted; stable */
        struct point point = points[i];
        uint16_t at = i;
        for (; at > 0 && points[at - 1].time > point.time; at--)
            points[at] = points[at - 1];
        points[at] = point;
    }
    for (uint16_t i = 0; i < series->count; i++) {
        if (kept > 0 && points[kept - 1].time == points[i].time)
            kept--;
        points[kept++] = points[i];
    }
    series->count = kept;
    series->is_unsorted = false;
}

static enum tm_err add_block(struct head *head, struct head_series *series)
{
    struct head_block *block = malloc(sizeof *block + head->packed.len);
    if (!block)
        return TM_NOMEM;
    *block = (struct head_block){.first = series->points[0].time,
                                 .last = series->points[series->count - 1].time,
                                 .len = (uint32_t)head->packed.len,
                                 .count = series->count};
    memcpy(block->bytes, head->packed.data, head->packed.len);
    block->next = series->last ? series->last->next : block;
    if (series->last)
        series->last->next = block;
    series->last = block;
    head->blocks++;
    series->count = 0;
    head->bytes += sizeof *block + head->packed.len + MALLOC_BYTES;
    return TM_OK;
}

/* Encodes the open samples of a full series; nothing changes without memory. */
static enum tm_err seal_points(struct head *head, struct head_series *series, uint32_t id)
{
    time_ms_t times[OPEN_MAX];
    double values[OPEN_MAX];
    if (series->is_unsorted)
        sort_open(series);
    if (series->count < SEAL_MIN)
        return TM_OK; /* that many were written twice: there is room now */
    if (!head->scratch)
        head->scratch = malloc(sizeof *head->scratch);
    if (!head->scratch)
        return TM_NOMEM;
    for (uint16_t i = 0; i < series->count; i++) {
        times[i] = series->points[i].time;
        values[i] = series->points[i].value;
    }
    struct chunk_key key = {.series = id};
    struct chunk_columns columns = {times, values, series->count, series->exponent};
    bytes_clear(&head->packed);
    enum tm_err err = chunk_encode(head->scratch, &key, &columns, CHUNK_FAST, &head->packed);
    return err ? err : add_block(head, series);
}

/* ---- samples ---- */

void head_expect_series(const struct head *head, uint32_t id)
{
    if (id < head->series_capacity)
        __builtin_prefetch(&head->series[id], 1);
}

void head_expect_sample(const struct head *head, uint32_t id)
{
    if (id >= head->series_capacity || !head->series[id].points)
        return;
    const struct point *next = head->series[id].points + head->series[id].count;
    __builtin_prefetch(next - 1, 1);
    __builtin_prefetch(next, 1);
}

enum tm_err head_sample(struct head *head, uint32_t id, time_ms_t time, const struct number *number)
{
    if (id >= head->series_capacity && make_room(head, id) != TM_OK)
        return TM_NOMEM;
    if ((time < head->day.from || time >= head->day.to) && enter_day(head, time) != TM_OK)
        return TM_NOMEM;
    struct head_series *series = &head->series[id];
    if (series->count > 0) {
        struct point *last = &series->points[series->count - 1];
        if (time == last->time) {
            last->value = number->value;
            return TM_OK;
        }
    }
    enum tm_err err = TM_OK;
    if (series->count == OPEN_MAX)
        err = seal_points(head, series, id);
    else if (series->count == series->capacity)
        err = grow_points(head, series);
    if (err)
        return err;
    if (series->count > 0 && time < series->points[series->count - 1].time)
        series->is_unsorted = true;
    if (number->exponent > series->exponent)
        series->exponent = (int8_t)number->exponent;
    series->points[series->count++] = (struct point){time, number->value};
    head->samples++;
    return TM_OK;
}

enum tm_err head_cell(struct head *head, const struct count_add *add)
{
    size_t before = head->counts.bytes;
    enum tm_err err = count_head_add(&head->counts, add);
    head->bytes += head->counts.bytes - before;
    return err;
}

static enum tm_err collect_block(const struct head_block *block, uint32_t id, struct columns *out)
{
    size_t count;
    struct chunk_key key = {.series = id};
    enum tm_err err = columns_reserve(out, block->count);
    if (!err)
        err = chunk_decode(&key, (struct str){(const char *)block->bytes, block->len},
                           out->times + out->count, out->values + out->count, block->count, &count);
    if (!err)
        out->count += count;
    return err;
}

enum tm_err head_collect(const struct head *head, uint32_t id, struct span span, struct columns *out)
{
    if (id >= head->series_capacity)
        return TM_OK;
    const struct head_series *series = &head->series[id];
    const struct head_block *block = series->last ? series->last->next : NULL;
    enum tm_err err = TM_OK;
    while (block && !err) {
        if (block->last >= span.from && block->first < span.to)
            err = collect_block(block, id, out);
        block = block == series->last ? NULL : block->next;
    }
    if (!err)
        err = columns_reserve(out, series->count);
    if (err)
        return err;
    for (uint16_t i = 0; i < series->count; i++) {
        if (series->points[i].time >= span.from && series->points[i].time < span.to)
            columns_add(out, series->points[i].time, series->points[i].value);
    }
    return TM_OK;
}

bool head_first(const struct head *head, uint32_t id, struct span span, time_ms_t *out)
{
    time_ms_t first = span.to;
    if (id >= head->series_capacity || span.from >= span.to)
        return false;
    const struct head_series *series = &head->series[id];
    const struct head_block *block = series->last ? series->last->next : NULL;
    while (block) {
        time_ms_t at = block->first > span.from ? block->first : span.from;
        if (block->last >= span.from && at < first)
            first = at;
        block = block == series->last ? NULL : block->next;
    }
    for (uint16_t i = 0; i < series->count; i++) {
        if (series->points[i].time >= span.from && series->points[i].time < first)
            first = series->points[i].time;
    }
    *out = first;
    return first < span.to;
}

int32_t head_exponent(const struct head *head, uint32_t id)
{
    return id < head->series_capacity ? head->series[id].exponent : 0;
}
