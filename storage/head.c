#include "storage/head.h"

#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

enum { POINTS_FIRST = 1, EVENT_BLOCK_BYTES = 1 << 18, POINTS_MAX = INT32_MAX };

struct head_series {
    struct point *points;
    uint32_t count;
    uint32_t capacity : 31;
    uint32_t is_unsorted : 1;
};

struct event_block {
    struct event_block *next;
    size_t used;
    size_t capacity;
    uint8_t bytes[];
};

struct event_header {
    time_ms_t time;
    uint32_t len;
    uint32_t kind;
};

void head_fini(struct head *head)
{
    for (size_t i = 0; i < head->series_capacity; i++)
        free(head->series[i].points);
    free(head->series);
    while (head->first_events) {
        struct event_block *next = head->first_events->next;
        free(head->first_events);
        head->first_events = next;
    }
    *head = (struct head){0};
}

/* ---- samples ---- */

static enum tm_err make_room(struct head *head, uint32_t series)
{
    size_t before = head->series_capacity;
    struct head_series *at =
        grow_array(head->series, &head->series_capacity, (size_t)series + 1, sizeof *head->series);
    if (!at)
        return TM_NOMEM;
    head->series = at;
    memset(at + before, 0, (head->series_capacity - before) * sizeof *at);
    return TM_OK;
}

static enum tm_err grow_points(struct head_series *series)
{
    size_t capacity = series->capacity ? (size_t)series->capacity * 3 / 2 + 1 : (size_t)POINTS_FIRST;
    struct point *points = capacity <= POINTS_MAX ? realloc(series->points, capacity * sizeof *points) : NULL;
    if (!points)
        return TM_NOMEM;
    series->points = points;
    series->capacity = (uint32_t)capacity & 0x7fffffffu;
    return TM_OK;
}

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

enum tm_err head_sample(struct head *head, uint32_t id, time_ms_t time, double value)
{
    if (id >= head->series_capacity && make_room(head, id) != TM_OK)
        return TM_NOMEM;
    struct head_series *series = &head->series[id];
    if (series->count > 0) {
        struct point *last = &series->points[series->count - 1];
        if (time == last->time) {
            last->value = value;
            return TM_OK;
        }
        if (time < last->time)
            series->is_unsorted = 1;
    }
    if (series->count == series->capacity && grow_points(series) != TM_OK)
        return TM_NOMEM;
    series->points[series->count++] = (struct point){time, value};
    return TM_OK;
}

/* Stable, so that of equal times the one written last stays last. */
static void merge_runs(const struct point *from, struct point *to, size_t begin, size_t middle, size_t end)
{
    size_t left = begin;
    size_t right = middle;
    for (size_t i = begin; i < end; i++) {
        if (left < middle && (right >= end || from[left].time <= from[right].time))
            to[i] = from[left++];
        else
            to[i] = from[right++];
    }
}

static enum tm_err sort_points(struct head_series *series)
{
    size_t count = series->count;
    struct point *from = series->points;
    struct point *spare = malloc(count * sizeof *spare);
    if (!spare)
        return TM_NOMEM;
    struct point *to = spare;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = begin + 2 * width < count ? begin + 2 * width : count;
            merge_runs(from, to, begin, middle, end);
        }
        struct point *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != series->points)
        memcpy(series->points, from, count * sizeof *from);
    free(spare);
    return TM_OK;
}

static void drop_overwritten(struct head_series *series)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < series->count; i++) {
        if (kept > 0 && series->points[kept - 1].time == series->points[i].time)
            kept--;
        series->points[kept++] = series->points[i];
    }
    series->count = kept;
}

enum tm_err head_points(struct head *head, uint32_t id, const struct point **points, size_t *count)
{
    *points = NULL;
    *count = 0;
    if (id >= head->series_capacity)
        return TM_OK;
    struct head_series *series = &head->series[id];
    if (series->is_unsorted) {
        enum tm_err err = sort_points(series);
        if (err)
            return err;
        drop_overwritten(series);
        series->is_unsorted = 0;
    }
    *points = series->points;
    *count = series->count;
    return TM_OK;
}

/* ---- events ---- */

static size_t event_bytes(size_t len)
{
    return (sizeof(struct event_header) + len + 7) / 8 * 8;
}

enum tm_err head_event(struct head *head, uint8_t kind, time_ms_t time, struct str line)
{
    size_t need = event_bytes(line.len);
    struct event_block *block = head->last_events;
    if (!block || block->capacity - block->used < need) {
        size_t capacity = need > EVENT_BLOCK_BYTES ? need : EVENT_BLOCK_BYTES;
        block = malloc(sizeof *block + capacity);
        if (!block)
            return TM_NOMEM;
        *block = (struct event_block){.capacity = capacity};
        if (head->last_events)
            head->last_events->next = block;
        else
            head->first_events = block;
        head->last_events = block;
    }
    struct event_header header = {time, (uint32_t)line.len, kind};
    memcpy(block->bytes + block->used, &header, sizeof header);
    if (line.len > 0)
        memcpy(block->bytes + block->used + sizeof header, line.ptr, line.len);
    block->used += need;
    return TM_OK;
}

void head_events(const struct head *head, enum event_kind kind, struct span span, reader_event_fn *each,
                 void *arg)
{
    for (const struct event_block *block = head->first_events; block; block = block->next) {
        for (size_t at = 0; at < block->used;) {
            struct event_header header;
            memcpy(&header, block->bytes + at, sizeof header);
            struct str line = {(const char *)block->bytes + at + sizeof header, header.len};
            at += event_bytes(header.len);
            if (header.kind != (uint32_t)kind || header.time < span.from || header.time >= span.to)
                continue;
            if (!each(arg, kind, header.time, line))
                return;
        }
    }
}
