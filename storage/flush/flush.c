/* The owner's side of a flush, and the thread. */
#include "storage/flush/flush.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/groups/groups_table.h"
#include "storage/log_level.h"
#include "storage/store_private.h"

#define SECOND_NS INT64_C(1000000000)
#define HOUR_NS   (INT64_C(3600) * SECOND_NS)
enum { RETRY_FIRST_S = 1, RETRY_MAX_S = 60, KEEP_S = 60, STACK_BYTES = 1 << 20 };

/* ---- the thread ---- */

/* From any thread; the owner tells them on. */
void flush_note(void *arg, int level, const char *id, const char *text)
{
    struct flush *flush = &((struct store *)arg)->flush;
    pthread_mutex_lock(&flush->mutex);
    if (flush->line_count < FLUSH_LINES) {
        struct flush_line *line = &flush->lines[flush->line_count++];
        line->level = level;
        (void)snprintf(line->id, sizeof line->id, "%s", id);
        (void)snprintf(line->text, sizeof line->text, "%s", text);
    }
    pthread_mutex_unlock(&flush->mutex);
}

static uint64_t thread_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * (uint64_t)SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Behind the removal of what left: a new series may have the labels of one of them. */
static enum tm_err write_head(struct flush_work *work, struct tm_why *why)
{
    enum tm_err err = flush_remove_series(work, why);
    if (work->job->has_head)
        return err ? err : flush_write(work, why);
    if (err)
        flush_log(work, STORE_LOG_WARNING, "series.failed",
                  "series without data stayed in the index: %s; it is tried again", why->text);
    return TM_OK;
}

/* What was removed leaves the disk in pieces, so that a flush need not wait for it; unless it needs the room.
 */
static void sweep(struct flush_work *work, enum tm_err err)
{
    bool is_more = partitions_sweep(work->partitions);
    while (is_more && err == TM_NO_SPACE)
        is_more = partitions_sweep(work->partitions);
    work->is_more = work->is_more || is_more;
}

static void run_job(struct store *store, struct flush_figures *figures)
{
    struct flush *flush = &store->flush;
    struct tm_why why = {""};
    enum tm_err err = TM_OK;
    bool is_freeze = flush->work.is_freeze;
    flush->work.figures = figures;
    head_fini(&flush->garbage);
    if (is_freeze)
        err = flush_freeze_work(store, &why);
    else
        err = write_head(&flush->work, &why);
    if (!err && !is_freeze) {
        flush_bury(&flush->work);
        flush_keep(&flush->work);
    }
    sweep(&flush->work, err);
    figures->busy_ns = thread_ns();
    pthread_mutex_lock(&flush->mutex);
    flush->result = err;
    flush->why = why;
    flush->figures = *figures;
    flush->is_more = flush->work.is_more;
    flush->state = FLUSH_DONE;
    pthread_cond_broadcast(&flush->changed);
    pthread_mutex_unlock(&flush->mutex);
}

static void *run_thread(void *arg)
{
    struct store *store = arg;
    struct flush *flush = &store->flush;
    struct flush_figures figures = {0};
    pthread_mutex_lock(&flush->mutex);
    while (!atomic_load(&flush->stop)) {
        if (flush->state != FLUSH_RUNNING) {
            pthread_cond_wait(&flush->changed, &flush->mutex);
            continue;
        }
        pthread_mutex_unlock(&flush->mutex);
        run_job(store, &figures);
        if (store->options.wake)
            store->options.wake(store->options.wake_arg);
        pthread_mutex_lock(&flush->mutex);
    }
    pthread_mutex_unlock(&flush->mutex);
    return NULL;
}

/* ---- jobs ---- */

static void tell_lines(struct store *store)
{
    struct flush *flush = &store->flush;
    for (;;) {
        struct flush_line line;
        pthread_mutex_lock(&flush->mutex);
        bool any = flush->line_count > 0;
        if (any) {
            line = flush->lines[0];
            flush->line_count--;
            memmove(flush->lines, flush->lines + 1, flush->line_count * sizeof line);
        }
        pthread_mutex_unlock(&flush->mutex);
        if (!any)
            return;
        store_log(store, line.level, line.id, line.text);
    }
}

static enum flush_state read_state(struct flush *flush)
{
    pthread_mutex_lock(&flush->mutex);
    enum flush_state state = flush->state;
    pthread_mutex_unlock(&flush->mutex);
    return state;
}

static void prepare_rollups(struct flush_work *work)
{
    struct rollup_work *rollups = &work->rollups;
    rollups->partitions = work->partitions;
    rollups->catalog = work->catalog;
    rollups->tombstones = work->tombstones;
    rollups->stop = work->stop;
    rollups->fault_point = work->fault_point;
    rollups->fault_arg = work->fault_arg;
    rollups->log = work->log;
    rollups->log_arg = work->log_arg;
    rollups->now_ms = work->job->now_ms;
    rollups->mono_ms = work->job->mono_ms;
    rollups->keep_ms[PARTITION_5M] = work->job->limits.rollup_5m_ms;
    rollups->keep_ms[PARTITION_1H] = work->job->limits.rollup_1h_ms;
}

static void prepare_events(struct flush_work *work)
{
    struct events_work *events = &work->events;
    events->partitions = work->partitions;
    events->stop = work->stop;
    events->fault_point = work->fault_point;
    events->fault_arg = work->fault_arg;
    events->log = work->log;
    events->log_arg = work->log_arg;
    events->now_ms = work->job->now_ms;
    events->mono_ms = work->job->mono_ms;
    events->keep_ms = work->job->limits.events_ms;
    events->keep_tops_ms = work->job->limits.raw_ms;
}

enum tm_err flush_start_job(struct store *store)
{
    struct flush *flush = &store->flush;
    struct journal_stats journal;
    journal_stats(store->journal, &journal);
    store_watch_clock(store);
    flush->job.now_ms = believed_earlier_ms(&store->believed);
    flush->job.mono_ms = clock_mono_ns(store->options.clock) / 1000000;
    flush->job.believed = store->believed;
    flush->job.journal_bytes = journal.bytes;
    flush->job.limits = flush->limits;
    flush->job.is_interrupted =
        !flush->job.has_head && store->contents.mark.promised_lsn > store->contents.mark.flushed_lsn;
    flush->work.partitions = store->contents.partitions;
    flush->work.catalog = store->contents.catalog;
    flush->work.tombstones = store->contents.tombstones;
    flush->work.series = store->contents.series;
    flush->work.head = &store->contents.flushing;
    flush->work.job = &flush->job;
    flush->work.stop = &flush->stop;
    flush->work.fault_point = store->options.fault_point;
    flush->work.fault_arg = store->options.fault_arg;
    flush->work.log = flush_note;
    flush->work.log_arg = store;
    flush->work.leaving = &flush->leaving;
    flush->work.is_freeze = flush->freeze.state == FREEZE_RUNNING;
    prepare_rollups(&flush->work);
    prepare_events(&flush->work);
    flush->work.events.readers = &store->contents.events_lock;
    pthread_mutex_lock(&flush->mutex);
    flush->state = FLUSH_RUNNING;
    pthread_cond_broadcast(&flush->changed);
    pthread_mutex_unlock(&flush->mutex);
    if (flush->has_thread)
        return TM_OK;
    pthread_attr_t small;
    pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK_BYTES);
    flush->has_thread = pthread_create(&flush->thread, &small, run_thread, store) == 0;
    pthread_attr_destroy(&small);
    if (!flush->has_thread)
        flush->state = FLUSH_IDLE;
    return flush->has_thread ? TM_OK : TM_NOMEM;
}

/* The numbers of series that the catalog does not have; ascending. */
static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static enum tm_err list_new_series(struct store *store)
{
    struct flush *flush = &store->flush;
    size_t all = series_durable_count(store->contents.series);
    size_t count = all - flush->saved_series;
    uint32_t *ids = malloc((count + 1) * sizeof *ids);
    if (!ids)
        return TM_NOMEM;
    for (size_t i = 0; i < count; i++)
        ids[i] = series_durable_at(store->contents.series, flush->saved_series + i);
    if (count > 1)
        qsort(ids, count, sizeof *ids, compare_ids);
    flush->job.ids = ids;
    flush->job.id_count = count;
    flush->cut_series = all;
    store->contents.flushed_series = series_last(store->contents.series);
    return TM_OK;
}

static void end_job(struct flush_job *job)
{
    free(job->ids);
    bytes_fini(&job->producers);
    bytes_fini(&job->groups);
    *job = (struct flush_job){.deletions = job->deletions}; /* not answered yet */
}

/* As they are at this lsn; those that are past their time are forgotten. */
static void save_groups(struct store *store)
{
    struct groups *groups = store->contents.groups;
    int64_t keep_ms = store->flush.limits.exceptions_ms;
    if (keep_ms > 0)
        groups_forget(groups, believed_earlier_ms(&store->believed) - keep_ms);
    groups_save(groups, &store->flush.job.groups);
}

/* What is half in would be counted again at a replay: not even the groups may have an event that the head
 * lacks.
 */
static bool is_half_applied(const struct store *store)
{
    const struct batch *first = (const struct batch *)store->durable;
    return first && (first->applied_samples + first->applied_cells + first->applied_events > 0 ||
                     store->contents.is_grouped);
}

/* The head becomes the one being flushed. No batch may be half applied. */
static enum tm_err cut_head(struct store *store)
{
    struct flush *flush = &store->flush;
    struct contents *contents = &store->contents;
    const struct catalog_options options = {
        .dir = store->dir, .make = true, .log = flush_note, .log_arg = store};
    struct tm_why why;
    if (is_half_applied(store))
        return TM_BUSY;
    enum tm_err err = TM_OK;
    if (!contents->catalog) {
        struct catalog *catalog = NULL;
        err = catalog_open(&options, &catalog, &why);
        contents_lock(contents);
        contents->catalog = catalog;
        contents_unlock(contents);
    }
    if (!err)
        err = list_new_series(store);
    if (err)
        return err;
    producers_save(contents->producers, &flush->job.producers);
    save_groups(store);
    if (bytes_error(&flush->job.producers) || bytes_error(&flush->job.groups)) {
        end_job(&flush->job);
        return TM_NOMEM;
    }
    groups_saved(contents->groups);
    flush->job.has_head = true;
    flush->job.lsn = flush->applied_lsn;
    flush->job.newest_ms = contents->newest_ms;
    contents_lock(contents);
    contents->flushing = contents->head;
    contents->head =
        (struct head){.scratch = contents->flushing.scratch, .packed = contents->flushing.packed};
    contents->head.counts.base_lsn = flush->job.lsn;
    contents->flushing.scratch = NULL;
    contents->flushing.packed = (struct bytes){0};
    contents_unlock(contents);
    flush->since_ns = 0;
    return TM_OK;
}

static void note_failure(struct store *store, enum tm_err err, const char *text)
{
    struct flush *flush = &store->flush;
    char line[512];
    int64_t wait = flush->retry_wait_ns * 2;
    if (wait < RETRY_FIRST_S * SECOND_NS)
        wait = RETRY_FIRST_S * SECOND_NS;
    if (wait > RETRY_MAX_S * SECOND_NS)
        wait = RETRY_MAX_S * SECOND_NS;
    flush->retry_wait_ns = wait;
    flush->retry_ns = clock_mono_ns(store->options.clock) + wait;
    flush->failures++;
    (void)snprintf(line, sizeof line,
                   "writing samples to the partitions failed: %s; the journal keeps them, "
                   "the next try is in %d s",
                   text[0] ? text : tm_err_text(err), (int)(wait / SECOND_NS));
    store_log(store, STORE_LOG_WARNING, "flush.failed", line);
}

static void finish_head(struct store *store)
{
    struct flush *flush = &store->flush;
    struct contents *contents = &store->contents;
    contents_lock(contents);
    contents->mark.flushed_lsn = flush->job.lsn;
    contents->mark.promised_lsn = flush->job.lsn;
    flush->garbage = contents->flushing;
    contents->saturated += contents->flushing.counts.saturated;
    contents->flushing = (struct head){0};
    contents_unlock(contents);
    flush->saved_series = flush->cut_series;
    if (store->options.fault_point)
        store->options.fault_point(store->options.fault_arg, "flush.trim");
    if (journal_trim(store->journal, flush->job.lsn + 1) != TM_OK)
        store_log(store, STORE_LOG_WARNING, "journal.trim_failed",
                  "an old journal segment was not removed; it is tried again at the next flush");
    if (store->options.fault_point)
        store->options.fault_point(store->options.fault_arg, "flush.trimmed");
    flush->count++;
    flush->asked_more = true; /* to free it, and to put the files in order */
    if (flush->retry_wait_ns > 0)
        store_log(store, STORE_LOG_INFO, "flush.resumed", "samples are written to the partitions again");
    flush->retry_wait_ns = 0;
    flush->retry_ns = 0;
    end_job(&flush->job);
}

/* Takes what the thread did, if it is done. */
static enum tm_err take_result(struct store *store)
{
    struct flush *flush = &store->flush;
    struct tm_why why;
    tell_lines(store);
    pthread_mutex_lock(&flush->mutex);
    bool is_done = flush->state == FLUSH_DONE;
    enum tm_err err = flush->result;
    why = flush->why;
    if (is_done)
        flush->state = FLUSH_IDLE;
    flush->asked_more = flush->asked_more || (is_done && flush->is_more);
    pthread_mutex_unlock(&flush->mutex);
    if (!is_done)
        return TM_OK;
    if (flush->freeze.state == FREEZE_RUNNING) {
        flush_freeze_end(store, err, why.text);
        return TM_OK;
    }
    if (flush->job.deletions)
        flush->asked_more = true; /* to carry them out */
    if (err)
        note_failure(store, err, why.text);
    else if (flush->job.has_head)
        finish_head(store);
    flush_answer_deletions(store, err, why.text);
    if (!flush->job.has_head)
        end_job(&flush->job);
    return err;
}

static bool is_due(struct store *store, int64_t now)
{
    struct flush *flush = &store->flush;
    struct journal_stats journal;
    if (flush->applied_lsn <= store->contents.mark.flushed_lsn)
        return false;
    /* Someone waits for one, or one failed before the head was cut. */
    if (flush_is_awaited(store) || flush->retry_wait_ns > 0)
        return true;
    if (flush->since_ns == 0)
        flush->since_ns = now;
    journal_stats(store->journal, &journal);
    return now - flush->since_ns >= HOUR_NS || store->contents.head.bytes >= store->options.head_bytes ||
           journal.bytes >= store->options.journal_max_bytes;
}

static enum tm_err begin_flush(struct store *store)
{
    struct flush *flush = &store->flush;
    bool is_again = flush->job.has_head;
    enum tm_err err = TM_OK;
    if (!is_again && flush->applied_lsn > store->contents.mark.flushed_lsn)
        err = cut_head(store);
    if (!err && !is_again)
        flush_take_deletions(store);
    if (!err)
        err = flush_start_job(store);
    if (err && err != TM_BUSY) {
        note_failure(store, err, "");
        flush_answer_deletions(store, err, tm_err_text(err));
    }
    return err;
}

void flush_poll(struct store *store)
{
    struct flush *flush = &store->flush;
    enum tm_err err = take_result(store);
    flush_answer_waiters(store, flush->job.has_head ? err : TM_OK);
    if (!store->contents.partitions || read_state(flush) != FLUSH_IDLE)
        return;
    if (flush_leave(store) && store->options.wake)
        store->options.wake(store->options.wake_arg);
    if (flush->freeze.state == FREEZE_WANTED) {
        if (!journal_is_trimming(store->journal)) /* no segment may go that is about to be linked */
            flush_freeze_begin(store);
        return;
    }
    int64_t now = clock_mono_ns(store->options.clock);
    bool may_flush = now >= flush->retry_ns;
    if (may_flush && (flush->job.has_head || flush->deletions || is_due(store, now))) {
        err = begin_flush(store);
        if (err != TM_BUSY)
            flush_answer_waiters(store, err);
        return;
    }
    if (flush->job.has_head || (!flush->asked_more && now - flush->kept_ns < KEEP_S * SECOND_NS))
        return;
    flush->kept_ns = now;
    flush->asked_more = false;
    (void)!flush_start_job(store);
}

static void wait_idle(struct store *store)
{
    struct flush *flush = &store->flush;
    pthread_mutex_lock(&flush->mutex);
    while (flush->state == FLUSH_RUNNING)
        pthread_cond_wait(&flush->changed, &flush->mutex);
    pthread_mutex_unlock(&flush->mutex);
}

enum tm_err store_flush(struct store *store)
{
    struct flush *flush = &store->flush;
    if (!store->contents.partitions)
        return TM_READ_ONLY;
    wait_idle(store);
    enum tm_err err = take_result(store);
    while (!err && (flush->job.has_head || flush->applied_lsn > store->contents.mark.flushed_lsn)) {
        err = begin_flush(store);
        if (err)
            break;
        wait_idle(store);
        err = take_result(store);
    }
    return err;
}

void flush_settle(struct store *store)
{
    do {
        store->flush.asked_more = false;
        wait_idle(store);
        (void)!take_result(store);
        while (flush_leave(store))
            continue;
        if (store->flush.job.has_head || flush_start_job(store) != TM_OK)
            return;
        wait_idle(store);
        (void)!take_result(store);
        while (flush_leave(store))
            continue;
    } while (store->flush.asked_more);
}

void flush_init(struct store *store)
{
    struct flush *flush = &store->flush;
    pthread_mutex_init(&flush->mutex, NULL);
    pthread_cond_init(&flush->changed, NULL);
    atomic_init(&flush->stop, false);
    flush->kept_ns = clock_mono_ns(store->options.clock);
}

void flush_fini(struct store *store)
{
    struct flush *flush = &store->flush;
    pthread_mutex_lock(&flush->mutex);
    atomic_store(&flush->stop, true);
    pthread_cond_broadcast(&flush->changed);
    pthread_mutex_unlock(&flush->mutex);
    if (flush->has_thread)
        pthread_join(flush->thread, NULL);
    flush_freeze_end(store, TM_CLOSED, "the store was closed");
    store_flush_cancel(store);
    tell_lines(store);
    bool is_done = flush->state == FLUSH_DONE && !flush->result;
    if (is_done) /* what waits was not begun */
        flush_answer_deletions(store, TM_OK, "");
    flush_answer_deletions(store, TM_CLOSED, "the store was closed before the delete was done");
    end_job(&flush->job);
    flush_leave_end(store);
    head_fini(&flush->garbage);
    flush_work_fini(&flush->work);
    pthread_cond_destroy(&flush->changed);
    pthread_mutex_destroy(&flush->mutex);
}
