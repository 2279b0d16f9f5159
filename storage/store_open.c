/* Opening and closing: folder, replay, journal. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "storage/backup/freeze.h"
#include "storage/log_level.h"
#include "storage/store_private.h"

enum { DESCRIPTORS_PART = 8, ENVIRONMENTS_MIN = 8 };
enum {
    SEGMENT_DEFAULT_BYTES = 64 << 20,
    PENDING_DEFAULT_BYTES = 64 << 20,
    HEAD_DEFAULT_BYTES = 32 << 20,
    JOURNAL_DEFAULT_BYTES = 512 << 20
};

static enum tm_err encode_item(void *arg, const struct journal_item *item, const struct record_place *place,
                               struct bytes *body)
{
    struct store *store = arg;
    return batch_encoder_run(&store->encoder, (const struct batch *)item, place, body);
}

static void note_written(void *arg, bool is_written)
{
    struct store *store = arg;
    definitions_end(&store->encoder.definitions, is_written);
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

/* Cuts what was reserved and not used off the last segment, and syncs it: after a kill its newest records may
 * be in the page cache alone, and from now on they count as durable. */
static enum tm_err settle_last_segment(struct store *store, const struct journal_end *end, struct tm_why *why)
{
    if (end->segment_count == 0)
        return TM_OK;
    const struct journal_segment_info *last = &end->segments[end->segment_count - 1];
    char name[SEGMENT_NAME_BYTES];
    segment_name(last->number, name);
    const struct journal_io *io = store->io;
    int fd = io->open(io->self, store->folder.journal, name, O_WRONLY | O_CLOEXEC, 0);
    bool good =
        fd >= 0 && io->truncate(io->self, fd, (off_t)last->bytes) == 0 && io->fdatasync(io->self, fd) == 0;
    int code = errno;
    if (fd >= 0)
        (void)io->close(io->self, fd);
    if (good)
        return TM_OK;
    return tm_fail(why, TM_IO, "syncing journal segment %s of %s failed: %s; check the disk", name,
                   store->dir, strerror(code));
}

static enum tm_err open_journal(struct store *store, const struct journal_end *end, struct tm_why *why)
{
    struct journal_options options = {
        .folder = store->folder.journal,
        .io = store->io,
        .encoder = {store, encode_item, note_written},
        .wake = store->options.wake ? store->options.wake : ignore_wake,
        .wake_arg = store->options.wake_arg,
        .segment_bytes = store->options.segment_bytes,
        .created_ms = clock_wall_ms(store->options.clock),
        .end = end,
    };
    if (getrandom(&options.life, sizeof options.life, 0) != (ssize_t)sizeof options.life || options.life == 0)
        options.life = (uint64_t)options.created_ms ^ (uint64_t)clock_mono_ns(store->options.clock);
    return journal_open(&options, &store->journal, why);
}

/* Each environment takes two descriptors, and sockets want some too. */
static unsigned max_environments(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= PARTITION_MAX_OPEN * DESCRIPTORS_PART)
        return PARTITION_MAX_OPEN;
    unsigned fits = (unsigned)files.rlim_cur / DESCRIPTORS_PART;
    return fits < ENVIRONMENTS_MIN ? ENVIRONMENTS_MIN : fits;
}

/* The catalog, if anything was ever flushed, and the partitions. */
static enum tm_err open_files(struct store *store, struct tm_why *why)
{
    const struct catalog_options catalog = {.dir = store->dir, .log = flush_note, .log_arg = store};
    const struct partitions_options partitions = {
        .dir = store->dir,
        .clock = store->options.clock,
        .max_open = max_environments(),
        .log = flush_note,
        .log_arg = store,
        .fault_point = store->options.fault_point,
        .fault_arg = store->options.fault_arg,
    };
    uint64_t damaged = 0;
    enum tm_err err = partitions_open(&partitions, &store->contents.partitions, why);
    if (err)
        return err;
    err = catalog_open(&catalog, &store->contents.catalog, why);
    if (err && err != TM_NOT_FOUND)
        return err;
    err = contents_load(&store->contents, why);
    if (!err && store->contents.mark.damaged > 0)
        store_log(store, STORE_LOG_ERROR, "index.damaged",
                  "series in the index are damaged and were left out: restore the folder from a backup");
    if (!err && store->contents.mark.damaged_deletes > 0)
        store_log(store, STORE_LOG_ERROR, "index.damaged",
                  "deletes in the index are damaged: what they hid may be seen again; delete it once more");
    if (!err)
        err = contents_gather(&store->contents, &damaged, why);
    if (!err && damaged > 0)
        store_log(store, STORE_LOG_ERROR, "index.damaged",
                  "markers or groups of exceptions in the index are damaged and were left out: restore the "
                  "folder from a backup");
    return err;
}

/* Where the clock stood when this folder was written last. */
static void resume_belief(struct store *store)
{
    const struct contents *contents = &store->contents;
    store->believed = contents->mark.believed;
    if (contents->written_ms > store->believed.time_ms)
        store->believed.time_ms = contents->written_ms;
    believed_resume(&store->believed, clock_wall_ms(store->options.clock));
    store_watch_clock(store);
}

static enum tm_err fill_store(struct store *store, struct tm_why *why)
{
    struct journal_end end = {0};
    const struct store_options *options = &store->options;
    enum tm_err err = folder_open(&store->folder, store->dir, store->io, why);
    if (err)
        return err;
    (void)!freeze_remove(store->dir, why); /* what a backup left that was killed: it would only hold room */
    err = contents_init(&store->contents, options->max_series, options->max_series_per_service);
    if (err)
        return tm_fail(why, err, "out of memory while opening the store");
    err = open_files(store, why);
    if (err)
        return err;
    store->flush.saved_series = series_durable_count(store->contents.series);
    store->contents.flushed_series = series_last(store->contents.series);
    err = contents_replay(&store->contents, store->folder.journal, options->log, options->log_arg, &end, why);
    if (!err)
        err = settle_last_segment(store, &end, why);
    if (!err)
        err = open_journal(store, &end, why);
    store->flush.applied_lsn = end.next_lsn > 0 ? end.next_lsn - 1 : 0;
    journal_end_fini(&end);
    if (err)
        return err;
    resume_belief(store);
    producers_forget(store->contents.producers, store->believed.time_ms);
    store_watch(store, true);
    (void)store_has_memory(store);
    return TM_OK;
}

static void free_store(struct store *store)
{
    for (size_t i = 0; i < store->spare_count; i++)
        batch_free(store->spare[i]);
    batch_encoder_fini(&store->encoder);
    bytes_fini(&store->labels);
    flush_fini(store);
    contents_fini(&store->contents);
    folder_close(&store->folder);
    free(store->dir);
    free(store->reserve);
    free(store);
}

enum tm_err store_open_io(const struct store_options *options, const struct journal_io *io,
                          struct store **out, struct tm_why *why)
{
    *out = NULL;
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return tm_fail(why, TM_NOMEM, "out of memory while opening the store");
    store->options = *options;
    store->io = io;
    store->folder = (struct folder){-1, -1, -1};
    store->dir = strdup(options->dir);
    if (store->options.segment_bytes == 0)
        store->options.segment_bytes = SEGMENT_DEFAULT_BYTES;
    flush_init(store);
    if (store->options.head_bytes == 0)
        store->options.head_bytes = HEAD_DEFAULT_BYTES;
    if (store->options.journal_max_bytes == 0)
        store->options.journal_max_bytes = JOURNAL_DEFAULT_BYTES;
    store->flush.limits = (struct store_retention){.raw_ms = options->retention_raw_ms,
                                                   .rollup_5m_ms = options->retention_rollup_5m_ms,
                                                   .rollup_1h_ms = options->retention_rollup_1h_ms,
                                                   .events_ms = options->retention_events_ms,
                                                   .exceptions_ms = options->retention_exceptions_ms,
                                                   .findings_ms = options->retention_findings_ms,
                                                   .max_disk_bytes = options->max_disk_bytes};
    if (store->options.max_pending_bytes == 0)
        store->options.max_pending_bytes = PENDING_DEFAULT_BYTES;
    enum tm_err err =
        store->dir ? fill_store(store, why) : tm_fail(why, TM_NOMEM, "out of memory while opening the store");
    if (err) {
        free_store(store);
        return err;
    }
    *out = store;
    return TM_OK;
}

enum tm_err store_open(const struct store_options *options, struct store **out, struct tm_why *why)
{
    return store_open_io(options, journal_io_system(), out, why);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store->is_closing = true;
    store_settle_all(store,
                     journal_end(store->journal)); /* who is told of a failure may ask for the reason */
    journal_free(store->journal);
    store->journal = NULL;
    free_store(store);
}
