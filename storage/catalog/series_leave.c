/* Series without data leave the table. */
#include <assert.h>

#include "storage/catalog/series_private.h"

void series_leave(struct series_table *table, series_id id)
{
    assert(series_state(table, id) == SERIES_DURABLE);
    table->states[id] = SERIES_LEAVING;
}

void series_stay(struct series_table *table, series_id id)
{
    if (series_state(table, id) == SERIES_LEAVING)
        table->states[id] = SERIES_DURABLE;
}

void series_go(struct series_table *table, series_id id, size_t place)
{
    assert(series_state(table, id) == SERIES_LEAVING && series_durable_at(table, place) == id);
    struct series_entry *entry = series_entry_at(table, id);
    struct bytes labels = {0};
    series_labels(table, id, &labels);
    if (bytes_error(&labels) == TM_OK)
        id_table_remove(&table->by_labels, series_hash_labels(table, bytes_view(&labels)), id);
    else
        id_table_remove_slowly(&table->by_labels, id);
    bytes_fini(&labels);
    table->order[place / SERIES_CHUNK][place % SERIES_CHUNK] = 0;
    table->states[id] = SERIES_GONE;
    table->raw_is_stale = true;
    table->live--;
    table->moves++;
    services_at(&table->services, entry->service)->live--;
    table->top_is_stale = table->top_is_stale || entry->service == table->top_service;
}

void series_forget(struct series_table *table, series_id id)
{
    assert(series_state(table, id) == SERIES_GONE);
    struct series_entry *entry = series_entry_at(table, id);
    services_at(&table->services, entry->service)->references--;
    label_sets_give(&table->label_sets, entry->labels);
    *entry = (struct series_entry){0};
    table->states[id] = SERIES_FREE;
}

void series_trim(struct series_table *table)
{
    (void)series_rebuild_raw(table, table->raw_capacity);
    services_sweep(&table->services);
    label_sets_sweep(&table->label_sets);
}

size_t series_count_gaps(const struct series_table *table, size_t end)
{
    size_t gaps = 0;
    for (size_t i = 0; i < end; i++)
        gaps += series_durable_at(table, i) == 0;
    return gaps;
}

void series_close_gaps(struct series_table *table)
{
    size_t to = 0;
    for (size_t from = 0; from < table->order_count; from++) {
        series_id id = series_durable_at(table, from);
        table->order[to / SERIES_CHUNK][to % SERIES_CHUNK] = id;
        to += id != 0;
    }
    table->gone += (uint32_t)(table->order_count - to);
    table->order_count = to;
    table->moves++;
}

uint64_t series_moves(const struct series_table *table)
{
    return table->moves;
}

enum tm_err series_skip(struct series_table *table, series_id last)
{
    if (last >= SERIES_NUMBERS_MAX)
        return TM_CORRUPT;
    while (table->count <= last) {
        if (!series_make_room(table, table->count))
            return TM_NOMEM;
        table->count++;
    }
    return TM_OK;
}
