/* Series in memory as a source of the evaluation. To be included once in a program. */
#ifndef TM_TESTS_PROMQL_MEMORY_SOURCE_H
#define TM_TESTS_PROMQL_MEMORY_SOURCE_H

#include <stdlib.h>
#include <string.h>

#include "server/promql/source.h"
#include "storage/model/labels.h"

struct memory_series {
    struct bytes labels;
    time_ms_t *times;
    double *values;
    size_t count;
    size_t capacity;
};

/* Zero-initialised is empty. Out of memory it aborts. */
struct memory {
    struct memory_series *series;
    size_t count;
    size_t capacity;
};

static void *memory_grow(void *array, size_t bytes)
{
    void *grown = realloc(array, bytes);
    if (!grown)
        abort();
    return grown;
}

/* Begins a series; labels need not be sorted. */
static inline void memory_series(struct memory *memory, struct labels *labels)
{
    struct str twice;
    if (memory->count == memory->capacity) {
        memory->capacity = memory->capacity * 2 + 16;
        memory->series = memory_grow(memory->series, memory->capacity * sizeof *memory->series);
    }
    struct memory_series *series = &memory->series[memory->count++];
    memset(series, 0, sizeof *series);
    if (labels_sort(labels, &twice))
        abort();
    labels_encode(labels, &series->labels);
}

/* Adds a sample to the newest series. */
static inline void memory_sample(struct memory *memory, time_ms_t time, double value)
{
    struct memory_series *series = &memory->series[memory->count - 1];
    if (series->count == series->capacity) {
        series->capacity = series->capacity * 2 + 16;
        series->times = memory_grow(series->times, series->capacity * sizeof *series->times);
        series->values = memory_grow(series->values, series->capacity * sizeof *series->values);
    }
    series->times[series->count] = time;
    series->values[series->count++] = value;
}

static inline void memory_fini(struct memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        bytes_fini(&memory->series[i].labels);
        free(memory->series[i].times);
        free(memory->series[i].values);
    }
    free(memory->series);
    memset(memory, 0, sizeof *memory);
}

static enum tm_err memory_select(void *self, const struct selector *selector, struct span span,
                                 struct source_series *out, struct tm_why *why)
{
    const struct memory *memory = self;
    (void)span;
    *out = (struct source_series){0};
    out->at = malloc((memory->count + 1) * sizeof *out->at);
    if (!out->at)
        return tm_fail(why, TM_NOMEM, "no room for %zu series", memory->count);
    for (size_t i = 0; i < memory->count; i++) {
        struct labels set;
        bool takes = labels_decode(bytes_view(&memory->series[i].labels), &set) == TM_OK;
        for (size_t m = 0; takes && m < selector->count; m++) {
            if (matcher_takes_labels(selector->matchers[m], &set, &takes))
                abort();
        }
        if (takes)
            out->at[out->count++] = i;
    }
    return TM_OK;
}

static void memory_labels(void *self, uint64_t series, struct bytes *out)
{
    const struct memory *memory = self;
    bytes_put(out, memory->series[series].labels.data, memory->series[series].labels.len);
}

static enum tm_err memory_samples(void *self, uint64_t series, struct span span, struct samples *out,
                                  struct tm_why *why)
{
    const struct memory_series *from = &((const struct memory *)self)->series[series];
    size_t first = 0, end = from->count;
    (void)why;
    while (first < end && from->times[first] < span.from)
        first++;
    while (end > first && from->times[end - 1] >= span.to)
        end--;
    *out = (struct samples){from->times + first, from->values + first, end - first};
    return TM_OK;
}

/* At most three at once. */
static enum tm_err memory_rows(void *self, const uint64_t *series, size_t count, struct span span,
                               struct samples *out, size_t *given, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *given = count < 3 ? count : 3;
    for (size_t i = 0; i < *given && !err; i++)
        err = memory_samples(self, series[i], span, &out[i], why);
    return err;
}

static void *memory_beside(void *self)
{
    return self;
}

static void memory_leave(void *beside)
{
    (void)beside;
}

static inline struct source memory_source(struct memory *memory)
{
    return (struct source){.self = memory,
                           .select = memory_select,
                           .labels = memory_labels,
                           .samples = memory_samples,
                           .rows = memory_rows,
                           .beside = memory_beside,
                           .leave = memory_leave};
}

#endif
