/* Readers: opening, closing, what a query may cost. */
#include <inttypes.h>
#include <stdlib.h>

#include "storage/folder.h"
#include "storage/reader_private.h"
#include "storage/store_private.h"

/* A folder may be trimmed while it is read; so often it is read again. */
enum { READ_TRIES = 10 };

/* ---- opening ---- */

/* The files beside the journal, before the journal: what is flushed meanwhile is then read twice, not never.
 */
static enum tm_err open_files(struct reader *reader, const char *dir, struct tm_why *why)
{
    const struct catalog_options catalog = {.dir = dir, .read_only = true};
    const struct partitions_options partitions = {.dir = dir, .clock = clock_system(), .read_only = true};
    enum tm_err err = catalog_open(&catalog, &reader->own.catalog, why);
    if (err && err != TM_NOT_FOUND)
        return err;
    err = contents_load(&reader->own, why);
    if (err)
        return err;
    size_t count = series_durable_count(reader->own.series);
    reader->own.stored_series = 0;
    for (size_t i = 0; i < count; i++) {
        if (series_durable_at(reader->own.series, i) > reader->own.stored_series)
            reader->own.stored_series = series_durable_at(reader->own.series, i);
    }
    if (!reader->own.catalog)
        return TM_OK; /* nothing was ever flushed */
    err = partitions_open(&partitions, &reader->own.partitions, why);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* Beside a running daemon the newest records may be not synced yet: a power cut could still take them. What
 * is half written shows as a torn tail and is left out. */
static enum tm_err read_folder(struct reader *reader, const struct folder *folder, const char *dir,
                               struct tm_why *why)
{
    enum tm_err err = TM_BUSY;
    for (int i = 0; i < READ_TRIES && err == TM_BUSY; i++) {
        contents_fini(&reader->own);
        err = contents_init(&reader->own, 0, 0);
        if (err)
            tm_fail(why, err, "out of memory while opening the folder for reading");
        if (!err)
            err = open_files(reader, dir, why);
        if (!err)
            err = reader_gather(reader, why);
        if (!err)
            err = contents_replay(&reader->own, folder->journal, NULL, NULL, NULL, why);
    }
    return err;
}

static enum tm_err open_reader(const char *dir, bool gathers, struct reader **out, struct tm_why *why)
{
    struct folder folder;
    *out = NULL;
    enum tm_err err = folder_open_reading(&folder, dir, why);
    if (err)
        return err;
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader) {
        reader->contents = &reader->own;
        reader->gathers = gathers;
        err = read_folder(reader, &folder, dir, why);
    } else {
        err = tm_fail(why, TM_NOMEM, "out of memory while opening %s for reading", dir);
    }
    folder_close(&folder);
    if (err) {
        reader_close(reader);
        return err == TM_BUSY ? TM_IO : err;
    }
    *out = reader;
    return TM_OK;
}

enum tm_err reader_open(const char *dir, struct reader **out, struct tm_why *why)
{
    return open_reader(dir, false, out, why);
}

enum tm_err reader_open_gathered(const char *dir, struct reader **out, struct tm_why *why)
{
    return open_reader(dir, true, out, why);
}

struct reader *reader_of_store(struct store *store)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    struct contents *contents = &store->contents;
    reader->contents = contents;
    contents_lock_shared(contents);
    reader->turn = contents->reader_turn;
    atomic_fetch_add(&contents->readers[reader->turn], 1);
    contents_unlock(contents);
    return reader;
}

/* The first one holds its turn, so that it may be held once more without a lock. */
struct reader *reader_beside(const struct reader *reader)
{
    struct reader *beside = calloc(1, sizeof *beside);
    if (!beside)
        return NULL;
    beside->contents = reader->contents;
    beside->limits = reader->limits;
    beside->turn = reader->turn;
    beside->is_guest = reader->contents == &reader->own || reader->is_guest;
    if (!beside->is_guest)
        atomic_fetch_add(&beside->contents->readers[beside->turn], 1);
    return beside;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    if (reader->contents != &reader->own && !reader->is_guest)
        atomic_fetch_sub(&reader->contents->readers[reader->turn], 1);
    contents_fini(&reader->own);
    columns_fini(&reader->heads);
    columns_fini(&reader->day);
    columns_fini(&reader->together.samples);
    columns_fini(&reader->together.heads);
    columns_fini(&reader->all);
    cells_fini(&reader->head_cells);
    cells_fini(&reader->cells);
    free(reader->given_cells);
    columns_fini(&reader->counter);
    bytes_fini(&reader->lines);
    rollup_reading_fini(&reader->rollups);
    rollup_rows_fini(&reader->stored);
    rollup_rows_fini(&reader->made);
    rollup_rows_fini(&reader->scratch);
    free(reader);
}

/* ---- bounds ---- */

void reader_limit(struct reader *reader, const struct reader_limits *limits)
{
    reader->limits = *limits;
}

void reader_limit_samples(struct reader *reader, uint64_t max_samples)
{
    reader->limits.max_samples = max_samples;
}

bool reader_is_stopped(const struct reader *reader)
{
    return reader->limits.stop && reader->limits.stop(reader->limits.stop_arg);
}

uint64_t reader_samples_read(const struct reader *reader)
{
    return reader->samples_read;
}

enum tm_err reader_check(const struct reader *reader, struct tm_why *why)
{
    const struct reader_limits *limits = &reader->limits;
    if (limits->stop && limits->stop(limits->stop_arg))
        return tm_fail(why, TM_CLOSED, "the query was stopped");
    if (limits->max_samples > 0 && reader->samples_read > limits->max_samples)
        return tm_fail(why, TM_LIMIT,
                       "the query reads more than limits.query_max_samples (%" PRIu64
                       ") samples: ask for fewer series or less time",
                       limits->max_samples);
    return TM_OK;
}
