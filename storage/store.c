/* The owner's side of a batch's life, and the figures. */
#include "storage/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/log_level.h"
#include "storage/store_private.h"

/* What is applied, or indexed, in one go while readers wait: under 2 ms. */
enum { GROUP_BATCHES = 64, GROUP_SAMPLES = 20000, GROUP_SERIES = 2000 };

/* ---- memory ---- */

/* Without it the last bytes would go to data, and none would be left to say so to anyone. */
bool store_has_memory(struct store *store)
{
    if (store->reserve)
        return true;
    void *twice = malloc(2 * (size_t)RESERVE_BYTES);
    free(twice);
    if (twice)
        store->reserve = malloc(RESERVE_BYTES);
    return store->reserve != NULL;
}

static enum tm_err note_memory(struct store *store, enum tm_err err)
{
    if (err == TM_NOMEM) {
        free(store->reserve);
        store->reserve = NULL;
    }
    return err;
}

/* ---- series ---- */

uint64_t store_hash_seed(const struct store *store)
{
    return series_seed(store->contents.series);
}

void store_series_expect(const struct store *store, struct series_hash hash)
{
    series_expect(store->contents.series, hash);
}

series_id store_series_find(const struct store *store, struct series_hash hash)
{
    return series_find(store->contents.series, hash);
}

/* A series that may be spare beyond each limit. */
static enum tm_err intern(struct store *store, struct batch *batch, struct series_hash hash,
                          const struct labels *labels, struct str service, uint32_t spare, series_id *out,
                          struct tm_why *why)
{
    *out = 0;
    bytes_clear(&store->labels);
    labels_encode(labels, &store->labels);
    enum tm_err err = bytes_error(&store->labels);
    if (err)
        return tm_fail(why, err, "out of memory for a series' labels");
    series_id id;
    if (!store->reserve)
        return tm_fail(why, TM_NOMEM,
                       "out of memory for new series: raise the limit or lower limits.max_series");
    err = series_intern(store->contents.series, &hash, bytes_view(&store->labels), service, spare, &id, why);
    if (err)
        return note_memory(store, err);
    err = batch_use(batch, id);
    if (err)
        return tm_fail(why, err, "out of memory for a new series");
    *out = id;
    return TM_OK;
}

enum tm_err store_series_intern(struct store *store, struct batch *batch, struct series_hash hash,
                                const struct labels *labels, struct str service, series_id *out,
                                struct tm_why *why)
{
    return intern(store, batch, hash, labels, service, 0, out, why);
}

enum tm_err store_series_fold(struct store *store, struct batch *batch, struct series_hash hash,
                              const struct labels *labels, struct str service, uint32_t spare, series_id *out,
                              struct tm_why *why)
{
    struct tm_why limit = *why;
    enum tm_err err = intern(store, batch, hash, labels, service, spare, out, why);
    store->series_folded += !err;
    if (!err)
        store_log(store, STORE_LOG_WARNING, "series.folded", limit.text);
    return err;
}

struct str store_series_service(const struct store *store, series_id id)
{
    return series_owner(store->contents.series, id);
}

struct str store_top_service(const struct store *store, uint64_t *series)
{
    return series_top_service(store->contents.series, series);
}

/* ---- producers ---- */

enum producer_state store_producer_check(struct store *store, const struct producer_mark *mark)
{
    return producers_check(store->contents.producers, mark, store->believed.time_ms);
}

enum tm_err store_producer_await(struct store *store, const struct producer_mark *mark, store_done_fn *done,
                                 void *arg)
{
    return producers_await(store->contents.producers, mark, done, arg);
}

/* ---- batches ---- */

struct batch *store_batch_new(struct store *store)
{
    struct batch *batch =
        store->spare_count > 0 ? store->spare[--store->spare_count] : batch_new(store->contents.series);
    if (!batch)
        return NULL;
    batch->turn = store->batch_turn;
    store->batches[batch->turn]++;
    return batch;
}

static void recycle_batch(struct store *store, struct batch *batch)
{
    store->batches[batch->turn]--;
    if (store->spare_count == SPARE_BATCHES_MAX || batch->sample_capacity > SPARE_SAMPLES_MAX ||
        batch->cells.capacity > SPARE_SAMPLES_MAX) {
        batch_free(batch);
        return;
    }
    batch_clear(batch);
    store->spare[store->spare_count++] = batch;
}

void store_batch_drop(struct store *store, struct batch *batch)
{
    if (batch)
        recycle_batch(store, batch);
}

/* Whether the store takes a batch now; the journal has the last word. */
static enum tm_err check_room(const struct store *store, size_t bytes)
{
    if (store->is_closing)
        return TM_READ_ONLY;
    if (store->is_below_floor)
        return TM_NO_SPACE;
    if (store->is_behind)
        return store->flush.retry_wait_ns > 0 ? TM_NO_SPACE : TM_BUSY;
    /* One batch is taken whatever its size, or a large one would wait for ever. */
    bool full = store->pending_bytes > 0 && store->pending_bytes + bytes > store->options.max_pending_bytes;
    return full ? TM_BUSY : TM_OK;
}

static enum tm_err mark_batch(struct store *store, struct batch *batch, const struct producer_mark *mark)
{
    time_ms_t now = batch->written_ms;
    enum producer_state state = producers_check(store->contents.producers, mark, now);
    if (state == PRODUCER_TABLE_FULL)
        return TM_LIMIT;
    if (state != PRODUCER_NEW && state != PRODUCER_NEW_AFTER_GAP)
        return TM_INVALID;
    batch->producer = malloc(mark->producer.len + 1);
    if (!batch->producer)
        return TM_NOMEM;
    if (mark->producer.len > 0)
        memcpy(batch->producer, mark->producer.ptr, mark->producer.len);
    batch->producer_len = mark->producer.len;
    enum tm_err err = producers_begin(store->contents.producers, mark, &batch->pending, now);
    batch->is_marked = !err;
    return err;
}

static void unmark_batch(struct store *store, struct batch *batch)
{
    producers_end(store->contents.producers, &batch->pending, false, batch->written_ms);
    free(batch->producer);
    batch->producer = NULL;
    batch->is_marked = false;
}

enum tm_err store_submit(struct store *store, struct batch **batch, const struct producer_mark *mark,
                         store_done_fn *done, void *arg)
{
    struct batch *taken = *batch;
    size_t bytes = batch_bytes(taken);
    enum tm_err err = check_room(store, bytes);
    if (err)
        return err;
    taken->written_ms = store->believed.time_ms;
    err = mark ? mark_batch(store, taken, mark) : TM_OK;
    if (err) {
        *batch = NULL;
        recycle_batch(store, taken);
        return err;
    }
    taken->done = done;
    taken->done_arg = arg;
    taken->pending_bytes = bytes;
    taken->item.kind = RECORD_BATCH;
    err = journal_submit(store->journal, &taken->item);
    if (err) {
        unmark_batch(store, taken);
        return err;
    }
    store->pending_bytes += bytes;
    *batch = NULL;
    return TM_OK;
}

/* ---- settling ---- */

/* Hints for the samples behind the one at `at`. */
static void expect_samples(const struct head *head, const struct batch *batch, size_t at)
{
    if (at + HEAD_EXPECT_FAR < batch->sample_count)
        head_expect_series(head, batch->samples[at + HEAD_EXPECT_FAR].series);
    if (at + HEAD_EXPECT_NEAR < batch->sample_count)
        head_expect_sample(head, batch->samples[at + HEAD_EXPECT_NEAR].series);
}

/* A cell's time is known to the 10 s only. */
static void note_cell(struct store *store, const struct batch *batch, const struct batch_cell *cell)
{
    time_ms_t time = cell_time(cell->slot), newest = batch->cells.newest_ms;
    series_note(store->contents.series, cell->series, time);
    bool is_newest =
        newest <= time || (uint64_t)newest - (uint64_t)time < CELL_MS; /* at the ends of time too */
    series_note(store->contents.series, cell->series, is_newest ? newest : time + CELL_MS - 1);
}

/* TM_NOMEM: go on later, from where it stopped. */
static enum tm_err apply_batch(struct store *store, struct batch *batch)
{
    enum tm_err err = TM_OK;
    for (; batch->applied_samples < batch->sample_count; batch->applied_samples++) {
        const struct sample *sample = &batch->samples[batch->applied_samples];
        expect_samples(&store->contents.head, batch, batch->applied_samples);
        err = contents_sample(&store->contents, sample->series, sample->time, &sample->number);
        if (err)
            return err;
        if (!batch->is_own)
            series_note(store->contents.series, sample->series, sample->time);
    }
    for (; batch->applied_cells < batch->cells.count; batch->applied_cells++) {
        err = contents_cell(&store->contents, &batch->cells.at[batch->applied_cells],
                            store->contents.head.counts.age);
        if (err)
            return err;
        note_cell(store, batch, &batch->cells.at[batch->applied_cells]);
    }
    if (batch->cells.count > 0)
        contents_note_time(&store->contents, batch->cells.newest_ms);
    for (; batch->applied_events < batch->event_count; batch->applied_events++) {
        const struct batch_event *event = &batch->events[batch->applied_events];
        const char *line = (const char *)batch->lines.data + batch->applied_line_bytes;
        err = contents_event(&store->contents, event, line);
        if (err)
            return err;
        batch->applied_line_bytes += event->len;
    }
    return TM_OK;
}

/* Settles the producer, tells everyone. The batch is gone before the first of them is called. */
static void finish_batch(struct store *store, struct batch *batch)
{
    enum tm_err result = batch->item.result;
    store_done_fn *done = batch->done;
    void *arg = batch->done_arg;
    struct awaiter *awaiter = batch->pending.awaiters;
    batch->pending.awaiters = NULL;
    store->pending_bytes -= batch->pending_bytes;
    if (batch->is_marked)
        producers_end(store->contents.producers, &batch->pending, result == TM_OK, store->believed.time_ms);
    if (result == TM_OK)
        store->flush.applied_lsn = batch->item.lsn;
    recycle_batch(store, batch);
    if (done)
        done(arg, result);
    while (awaiter) {
        struct awaiter *next = awaiter->next;
        awaiter->done(awaiter->arg, result);
        free(awaiter);
        awaiter = next;
    }
}

static void take_settled(struct store *store, struct journal_item *items)
{
    struct journal_item **end = &store->durable;
    while (*end)
        end = &(*end)->next;
    *end = items;
}

/* False: it has to wait for memory. */
static bool show_batch(struct store *store, struct batch *batch, bool must_finish)
{
    if (batch->item.result != TM_OK)
        return true;
    if (!must_finish && !store_has_memory(store))
        return false;
    if (note_memory(store, apply_batch(store, batch)) != TM_OK && !must_finish)
        return false;
    batch_settle_series(batch);
    return true;
}

/* Makes the oldest batches visible; returns how many may be finished. */
static size_t show_group(struct store *store, bool must_finish)
{
    size_t count = 0, samples = 0;
    struct journal_item *item = store->durable;
    contents_lock(&store->contents);
    for (; item && count < GROUP_BATCHES && samples < GROUP_SAMPLES; item = item->next, count++) {
        struct batch *batch = (struct batch *)item;
        if (!show_batch(store, batch, must_finish))
            break;
        samples += batch->sample_count + batch->cells.count + batch->event_count;
    }
    contents_unlock(&store->contents);
    return count;
}

/* must_finish: the store closes, a batch that is durable but can't be made visible is told all the same. */
static void settle_batches(struct store *store, bool must_finish)
{
    while (store->durable) {
        size_t count = show_group(store, must_finish);
        if (count == 0)
            return;
        for (; count > 0; count--) {
            struct batch *batch = (struct batch *)store->durable;
            store->durable = batch->item.next;
            finish_batch(store, batch);
        }
    }
}

/* Readers do the rest if they come first. Without memory: later. */
static void index_some(struct store *store)
{
    struct contents *contents = &store->contents;
    if (contents->indexed_count == series_durable_count(contents->series))
        return;
    contents_lock(contents);
    (void)!contents_index(contents, GROUP_SERIES);
    contents_unlock(contents);
}

void store_settle_all(struct store *store, struct journal_item *items)
{
    take_settled(store, items);
    settle_batches(store, true);
}

void store_poll(struct store *store)
{
    if (store->is_polling || store->is_closing)
        return; /* called from a done function: the outer call goes on */
    store->is_polling = true;
    take_settled(store, journal_take_done(store->journal));
    settle_batches(store, false);
    index_some(store);
    flush_poll(store);
    store_watch(store, false);
    (void)store_has_memory(store);
    series_sweep(store->contents.series);
    store->is_polling = false;
}

void store_news(struct store *store, store_news_fn *each, void *arg)
{
    series_news(store->contents.series, each, arg);
}

void store_time(const struct store *store, time_ms_t *earlier_ms, time_ms_t *later_ms)
{
    time_ms_t wall = clock_wall_ms(store->options.clock), believed = store->believed.time_ms;
    *earlier_ms = wall < believed ? wall : believed;
    *later_ms = wall > believed ? wall : believed;
}

void store_set_retention(struct store *store, const struct store_retention *retention)
{
    store->flush.limits = *retention;
}

void store_set_limits(struct store *store, const struct store_limits *limits)
{
    store->options.max_series = limits->max_series;
    store->options.max_series_per_service = limits->max_series_per_service;
    store->options.min_free_bytes = limits->min_free_bytes;
    series_set_limits(store->contents.series, limits->max_series, limits->max_series_per_service);
}

/* ---- figures ---- */

static struct flush_figures figures_of(struct flush *flush)
{
    pthread_mutex_lock(&flush->mutex);
    struct flush_figures figures = flush->figures;
    pthread_mutex_unlock(&flush->mutex);
    return figures;
}

void store_stats(const struct store *store, struct store_stats *out)
{
    struct journal_stats journal;
    const struct contents *contents = &store->contents;
    journal_stats(store->journal, &journal);
    struct flush *flush = &((struct store *)(uintptr_t)store)->flush; /* its mutex */
    struct flush_figures figures = figures_of(flush);
    struct partitions_stats partitions = {0};
    if (contents->partitions)
        partitions_stats(contents->partitions, &partitions);
    *out = (struct store_stats){
        .series = series_live_count(contents->series),
        .samples = contents->samples,
        .cells = contents->cells,
        .cells_saturated = contents->head.counts.saturated + contents->saturated + figures.saturated,
        .events = contents->events,
        .producers = producers_count(contents->producers),
        .producer_gaps = producers_gap_count(contents->producers),
        .series_refused = series_refused_count(contents->series),
        .series_folded = store->series_folded,
        .pending_bytes = store->pending_bytes,
        .journal_bytes = journal.bytes,
        .journal_written_bytes = journal.written_bytes,
        .journal_records = journal.records,
        .journal_syncs = journal.syncs,
        .journal_sync_ns = journal.sync_ns,
        .journal_errors = journal.errors,
        .replayed_records = contents->replayed_records,
        .damaged_records = contents->damaged_records,
        .torn_tails = contents->torn_tails,
        .disk_free_bytes = store->free_bytes,
        .data_bytes = journal.bytes + figures.partition_bytes + figures.count_bytes + figures.event_bytes +
                      figures.rollup_bytes + figures.catalog_bytes,
        .head_bytes = contents->head.bytes + contents->flushing.bytes,
        .flushes = flush->count,
        .flush_failures = flush->failures,
        .flushed_samples = figures.samples,
        .flush_cpu_ns = figures.busy_ns,
        .partitions = figures.partitions,
        .quarantined = figures.quarantined,
        .partition_bytes = figures.partition_bytes,
        .count_days = figures.count_days,
        .count_bytes = figures.count_bytes,
        .event_bytes = figures.event_bytes,
        .flushed_cells = figures.cells,
        .sealed_days = figures.sealed_days,
        .expired_days = figures.expired_days,
        .crowded_days = figures.crowded_days,
        .deletes = figures.deletes,
        .readers_cleared = partitions.readers_cleared,
        .oldest_reader_ms = partitions.oldest_reader_ms,
        .rollup_bytes = figures.rollup_bytes,
        .rolled_days = figures.rolled_days,
        .expired_rollups = figures.expired_rollups,
        .series_left = flush->leaving.total,
        .newest_ms = contents->newest_ms,
        .read_only = store_trouble(store) != NULL,
    };
}
