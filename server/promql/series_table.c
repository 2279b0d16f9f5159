#include "server/promql/series_table.h"

#include <stdlib.h>

#include "server/promql/timeline.h"

enum { FIRST_SLOTS = 64, ROWS_MAX = INT32_MAX };

void series_table_fini(struct series_table *table)
{
    bytes_fini(&table->labels);
    free(table->ends);
    free(table->values);
    free(table->slots);
    *table = (struct series_table){.width = table->width};
}

struct str series_table_labels(const struct series_table *table, size_t row)
{
    size_t from = row ? table->ends[row - 1] : 0;
    return (struct str){(const char *)table->labels.data + from, table->ends[row] - from};
}

/* FNV-1a over words, then mixed: labels are short and hostile ones cost their sender alone. */
static uint64_t hash_labels(struct str labels)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ labels.len;
    size_t at = 0;
    for (; at + 8 <= labels.len; at += 8) {
        uint64_t word;
        memcpy(&word, labels.ptr + at, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    for (; at < labels.len; at++)
        hash = (hash ^ (unsigned char)labels.ptr[at]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

/* The slot of labels, or the free one where they belong. */
static size_t find_slot(const struct series_table *table, struct str labels)
{
    size_t mask = table->slot_count - 1;
    size_t at = (size_t)hash_labels(labels) & mask;
    while (table->slots[at] && !str_equal(series_table_labels(table, table->slots[at] - 1), labels))
        at = (at + 1) & mask;
    return at;
}

static enum tm_err grow_slots(struct series_table *table)
{
    size_t wanted = table->slot_count ? table->slot_count * 2 : FIRST_SLOTS;
    uint32_t *slots = calloc(wanted, sizeof *slots);
    if (!slots)
        return TM_NOMEM;
    free(table->slots);
    table->slots = slots;
    table->slot_count = wanted;
    for (size_t row = 0; row < table->count; row++)
        slots[find_slot(table, series_table_labels(table, row))] = (uint32_t)row + 1;
    return TM_OK;
}

static enum tm_err grow_rows(struct series_table *table)
{
    if (table->count == table->ends_capacity) {
        size_t wanted = table->ends_capacity * 2 + 16;
        size_t *ends = realloc(table->ends, wanted * sizeof *ends);
        if (!ends)
            return TM_NOMEM;
        table->ends = ends;
        table->ends_capacity = wanted;
    }
    if (table->width == 0 || table->count < table->values_capacity)
        return TM_OK;
    size_t wanted = table->values_capacity + table->values_capacity / 2 + 4;
    if (wanted > SIZE_MAX / sizeof(double) / table->width)
        return TM_NOMEM;
    double *values = realloc(table->values, wanted * table->width * sizeof *values);
    if (!values)
        return TM_NOMEM;
    table->values = values;
    table->values_capacity = wanted;
    return TM_OK;
}

enum tm_err series_table_row(struct series_table *table, struct str labels, size_t *row, bool *is_new)
{
    *is_new = false;
    if (table->count * 2 >= table->slot_count) {
        enum tm_err err = grow_slots(table);
        if (err)
            return err;
    }
    size_t slot = find_slot(table, labels);
    if (table->slots[slot]) {
        *row = table->slots[slot] - 1;
        return TM_OK;
    }
    if (table->count == ROWS_MAX)
        return TM_LIMIT;
    enum tm_err err = grow_rows(table);
    if (err)
        return err;
    bytes_put(&table->labels, labels.ptr, labels.len);
    if (bytes_error(&table->labels))
        return TM_NOMEM;
    table->ends[table->count] = table->labels.len;
    if (table->width)
        fill_absent(series_table_values(table, table->count), table->width);
    table->slots[slot] = (uint32_t)table->count + 1;
    *row = table->count++;
    *is_new = true;
    return TM_OK;
}
