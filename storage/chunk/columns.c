#include "storage/chunk/columns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/chunk/chunk_kernels.h"
#include "storage/grow.h"

struct point {
    time_ms_t time;
    double value;
};

void columns_fini(struct columns *columns)
{
    free(columns->times);
    free(columns->values);
    *columns = (struct columns){0};
}

enum tm_err columns_reserve(struct columns *columns, size_t more)
{
    size_t need = columns->count + more;
    time_ms_t *times = grow_array(columns->times, &columns->time_capacity, need, sizeof *times);
    if (!times)
        return TM_NOMEM;
    columns->times = times;
    double *values = grow_array(columns->values, &columns->value_capacity, need, sizeof *values);
    if (!values)
        return TM_NOMEM;
    columns->values = values;
    return TM_OK;
}

/* Block by block; one begins with the last time of the one before it. */
static bool is_settled(const struct columns *columns)
{
    const struct chunk_kernels *kernels = chunk_kernels_best();
    for (size_t at = 0; at + 1 < columns->count; at += CHUNK_BLOCK - 1) {
        size_t left = columns->count - at;
        if (!kernels->ascends(columns->times + at, left < CHUNK_BLOCK ? (unsigned)left : CHUNK_BLOCK))
            return false;
    }
    return true;
}

/* Stable, so that of equal times the one added last stays last. */
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

/* Sorts points with the room of as many behind them; returns where the result stands. */
static struct point *sort_points(struct point *points, size_t count)
{
    struct point *from = points;
    struct point *to = points + count;
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
    return from;
}

enum tm_err columns_settle(struct columns *columns)
{
    size_t count = columns->count;
    if (is_settled(columns))
        return TM_OK;
    struct point *points = malloc(2 * count * sizeof *points);
    if (!points)
        return TM_NOMEM;
    for (size_t i = 0; i < count; i++)
        points[i] = (struct point){columns->times[i], columns->values[i]};
    const struct point *sorted = sort_points(points, count);
    columns->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (columns->count > 0 && columns->times[columns->count - 1] == sorted[i].time)
            columns->count--;
        columns_add(columns, sorted[i].time, sorted[i].value);
    }
    free(points);
    return TM_OK;
}

size_t columns_find(const struct columns *columns, size_t from, time_ms_t time)
{
    size_t count = columns->count - from;
    while (count > 0) {
        size_t half = count / 2;
        if (columns->times[from + half] < time) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return from;
}
