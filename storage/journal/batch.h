/* A batch as the owner gathers it and the journal thread encodes it. store.h speaks of its life. */
#ifndef TM_STORAGE_BATCH_H
#define TM_STORAGE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/journal/batch_codec.h"
#include "storage/journal/definitions.h"
#include "storage/journal/journal.h"
#include "storage/model/bytes.h"
#include "storage/catalog/producers.h"
#include "storage/catalog/series.h"
#include "storage/store.h"

struct batch {
    struct journal_item item; /* first: the journal links batches by it */
    struct series_table *series;
    unsigned turn; /* the store's: in which it was begun */
    struct sample *samples;
    size_t sample_count;
    size_t sample_capacity;
    struct batch_cells cells;
    struct batch_event *events;
    size_t event_count;
    size_t event_capacity;
    struct bytes lines;
    uint32_t *fresh; /* uses of series that were not durable, each to be ended */
    size_t fresh_count;
    size_t fresh_capacity;
    time_ms_t written_ms;
    char *producer; /* a copy, owned; NULL if there is no mark */
    size_t producer_len;
    bool is_marked;
    bool is_own; /* the daemon made it itself: no news */
    struct pending pending;
    store_done_fn *done;
    void *done_arg;
    size_t pending_bytes; /* what it counts for while under way */
    /* How much of it was made visible; applying goes on here after a failed allocation. */
    size_t applied_samples;
    size_t applied_cells;
    size_t applied_events;
    size_t applied_line_bytes;
};

/* NULL when out of memory. */
struct batch *batch_new(struct series_table *series);
/* Ends its uses of series, and forgets the content; the memory is kept for the next. */
void batch_clear(struct batch *batch);

/* NULL is allowed. Ends its uses of series first, as batch_clear. */
void batch_free(struct batch *batch);

/* Notes that it uses a series, if that is not durable. TM_NOMEM. */
enum tm_err batch_use(struct batch *batch, series_id id) TM_MUST_CHECK;
/* Its series are durable now. */
void batch_settle_series(struct batch *batch);

/* What it takes in memory, roughly; the unit of max_pending_bytes. */
size_t batch_bytes(const struct batch *batch);

/* What encoding needs, kept from one record to the next. Zero-initialised is ready. Journal thread. */
struct batch_encoder {
    struct definitions definitions;
    struct batch_definition *list;
    size_t list_capacity;
    struct bytes labels; /* of the list */
    struct batch_cell *cells;
    size_t cell_count;
    size_t cell_capacity;
};

/* Appends batch as the body of a record that will stand at place, with the series that the record has to
 * define. TM_NOMEM: body is of no use. definitions_end is then told whether it was written. */
enum tm_err batch_encoder_run(struct batch_encoder *encoder, const struct batch *batch,
                              const struct record_place *place, struct bytes *body) TM_MUST_CHECK;

/* Frees it; it is ready for another journal then. */
void batch_encoder_fini(struct batch_encoder *encoder);

#endif
