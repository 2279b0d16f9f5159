#include "storage/journal/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/grow.h"

struct batch *batch_new(struct series_table *series)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch)
        batch->series = series;
    return batch;
}

static void end_uses(struct batch *batch)
{
    for (size_t i = 0; i < batch->fresh_count; i++)
        series_release(batch->series, batch->fresh[i]);
    batch->fresh_count = 0;
}

void batch_clear(struct batch *batch)
{
    end_uses(batch);
    bytes_clear(&batch->lines);
    batch_cells_clear(&batch->cells);
    free(batch->producer);
    *batch = (struct batch){.series = batch->series,
                            .turn = batch->turn,
                            .samples = batch->samples,
                            .sample_capacity = batch->sample_capacity,
                            .cells = batch->cells,
                            .events = batch->events,
                            .event_capacity = batch->event_capacity,
                            .lines = batch->lines,
                            .fresh = batch->fresh,
                            .fresh_capacity = batch->fresh_capacity};
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    batch_clear(batch);
    free(batch->samples);
    batch_cells_fini(&batch->cells);
    free(batch->events);
    free(batch->fresh);
    bytes_fini(&batch->lines);
    free(batch);
}

enum tm_err batch_use(struct batch *batch, series_id id)
{
    enum series_state state = series_state(batch->series, id);
    assert(id != 0 && state != SERIES_FREE);
    if (state == SERIES_DURABLE || state == SERIES_LEAVING)
        return TM_OK;
    uint32_t *fresh = grow_array(batch->fresh, &batch->fresh_capacity, batch->fresh_count + 1, sizeof *fresh);
    if (!fresh)
        return TM_NOMEM;
    batch->fresh = fresh;
    fresh[batch->fresh_count++] = id;
    series_use(batch->series, id);
    return TM_OK;
}

void batch_settle_series(struct batch *batch)
{
    for (size_t i = 0; i < batch->fresh_count; i++)
        series_settle(batch->series, batch->fresh[i]);
    batch->fresh_count = 0;
}

size_t batch_bytes(const struct batch *batch)
{
    return sizeof *batch + batch->sample_count * sizeof *batch->samples +
           batch->cells.count * sizeof *batch->cells.at + batch->event_count * sizeof *batch->events +
           batch->lines.len;
}

enum tm_err store_batch_sample(struct batch *batch, series_id id, time_ms_t time, struct number value)
{
    enum tm_err err = batch_use(batch, id);
    if (err)
        return err;
    if (batch->sample_count == batch->sample_capacity) {
        struct sample *samples =
            grow_array(batch->samples, &batch->sample_capacity, batch->sample_count + 1, sizeof *samples);
        if (!samples)
            return TM_NOMEM;
        batch->samples = samples;
    }
    batch->samples[batch->sample_count++] = (struct sample){value, time, id};
    return TM_OK;
}

enum tm_err store_batch_cell(struct batch *batch, series_id id, uint32_t cell, time_ms_t time, int64_t add)
{
    enum tm_err err = batch_use(batch, id);
    return err ? err : batch_cells_add(&batch->cells, id, cell, time, add);
}

enum tm_err store_batch_event(struct batch *batch, enum event_kind kind, time_ms_t time, struct str line)
{
    struct batch_event *events =
        grow_array(batch->events, &batch->event_capacity, batch->event_count + 1, sizeof *events);
    if (!events)
        return TM_NOMEM;
    batch->events = events;
    bytes_put(&batch->lines, line.ptr, line.len);
    if (batch->lines.failed) {
        batch->lines.failed = false;
        return TM_NOMEM;
    }
    events[batch->event_count++] = (struct batch_event){time, (uint32_t)line.len, (uint8_t)kind};
    return TM_OK;
}

enum tm_err store_batch_http(struct batch *batch, const struct http_event *event)
{
    struct batch_event *events =
        grow_array(batch->events, &batch->event_capacity, batch->event_count + 1, sizeof *events);
    size_t before = batch->lines.len;
    if (!events)
        return TM_NOMEM;
    batch->events = events;
    enum tm_err err = http_event_encode(event, &batch->lines);
    batch->lines.failed = false;
    if (err)
        return err;
    events[batch->event_count++] =
        (struct batch_event){event->time, (uint32_t)(batch->lines.len - before), EVENT_REQUEST};
    return TM_OK;
}

void store_batch_own(struct batch *batch)
{
    batch->is_own = true;
}

size_t store_batch_count(const struct batch *batch)
{
    return batch->sample_count + batch->cells.count + batch->event_count;
}

/* ---- encoding, on the journal thread ---- */

/* Fresh series first: one that was interned becomes durable with the batch even if no sample names it. */
static enum tm_err define_series(struct batch_encoder *encoder, const struct batch *batch)
{
    struct definitions *definitions = &encoder->definitions;
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < batch->fresh_count && !err; i++)
        err = definitions_use(definitions, batch->fresh[i]);
    for (size_t i = 0; i < batch->sample_count && !err; i++)
        err = definitions_use(definitions, batch->samples[i].series);
    for (size_t i = 0; i < batch->cells.count && !err; i++)
        err = definitions_use(definitions, batch->cells.at[i].series);
    if (err)
        return err;
    struct batch_definition *list =
        grow_array(encoder->list, &encoder->list_capacity, definitions->fresh_count, sizeof *list);
    if (!list)
        return TM_NOMEM;
    encoder->list = list;
    bytes_clear(&encoder->labels);
    for (size_t i = 0; i < definitions->fresh_count; i++) {
        uint32_t id = definitions_fresh_at(definitions, i);
        size_t before = encoder->labels.len;
        series_labels(batch->series, id, &encoder->labels);
        list[i] = (struct batch_definition){
            id, {NULL, encoder->labels.len - before}, series_owner(batch->series, id)};
    }
    const char *at = (const char *)encoder->labels.data; /* it moves no more */
    for (size_t i = 0; i < definitions->fresh_count; i++) {
        list[i].labels.ptr = at;
        at += list[i].labels.len;
    }
    return bytes_error(&encoder->labels);
}

/* A copy in order, without what became 0: the owner may read the batch's own. */
static enum tm_err sort_cells(struct batch_encoder *encoder, const struct batch_cells *cells)
{
    struct batch_cell *at = grow_array(encoder->cells, &encoder->cell_capacity, cells->count, sizeof *at);
    if (!at)
        return TM_NOMEM;
    encoder->cells = at;
    encoder->cell_count = 0;
    for (size_t i = 0; i < cells->count; i++) {
        if (cells->at[i].value != 0)
            at[encoder->cell_count++] = cells->at[i];
    }
    if (encoder->cell_count > 1)
        qsort(at, encoder->cell_count, sizeof *at, batch_cells_compare);
    return TM_OK;
}

enum tm_err batch_encoder_run(struct batch_encoder *encoder, const struct batch *batch,
                              const struct record_place *place, struct bytes *body)
{
    definitions_start(&encoder->definitions, place);
    enum tm_err err = define_series(encoder, batch);
    if (!err)
        err = sort_cells(encoder, &batch->cells);
    if (err)
        return err;
    struct batch_content content = {
        .written_ms = batch->written_ms,
        .is_marked = batch->is_marked,
        .mark = {{batch->producer, batch->producer_len},
                 batch->pending.epoch,
                 batch->pending.seq,
                 batch->pending.body_hash},
        .samples = batch->samples,
        .sample_count = batch->sample_count,
        .cells = encoder->cells,
        .cell_count = encoder->cell_count,
        .newest_cell_ms = batch->cells.newest_ms,
        .events = batch->events,
        .event_count = batch->event_count,
        .lines = bytes_view(&batch->lines),
        .definitions = encoder->list,
        .definition_count = encoder->definitions.fresh_count,
    };
    batch_encode(&content, body);
    return bytes_error(body);
}

void batch_encoder_fini(struct batch_encoder *encoder)
{
    definitions_fini(&encoder->definitions);
    free(encoder->list);
    free(encoder->cells);
    bytes_fini(&encoder->labels);
    *encoder = (struct batch_encoder){0};
}
