/* The flush thread's work on counts: a head's cells into the tier `counts`, and its days in order. */
#include <inttypes.h>
#include <stdlib.h>

#include "storage/counts/cell_chunk.h"
#include "storage/counts/count_days.h"
#include "storage/flush/flush.h"
#include "storage/log_level.h"

/* ---- chunks ---- */

struct putting {
    void *arg;
    flush_put_fn *put;
    struct partition_id id;
    uint32_t window;
    enum chunk_effort effort;
};

static enum tm_err put_part(struct flush_work *work, const struct putting *to, uint32_t series, uint32_t part,
                            size_t from, size_t count, struct tm_why *why)
{
    const struct cell *cells = work->cells.at + from;
    struct partition_key at = {to->window, series, part};
    struct chunk_key key = days_chunk_key(to->id, &at);
    struct partition_extent extent = {cells[0].slot * CELL_MS, cells[count - 1].slot * CELL_MS, count};
    bytes_clear(&work->chunk);
    enum tm_err err = cell_chunk_encode(work->scratch, &key, count_day_slot(to->id.period), cells, count,
                                        to->effort, &work->chunk);
    if (err)
        return tm_fail(why, err, "encoding counts: %s", tm_err_text(err));
    return to->put(to->arg, series, part, bytes_view(&work->chunk), &extent, why);
}

/* Writes work->cells, which are settled. */
static enum tm_err put_cells(struct flush_work *work, const struct putting *to, uint32_t series,
                             struct tm_why *why)
{
    enum tm_err err = TM_OK;
    if (!work->scratch)
        work->scratch = malloc(sizeof *work->scratch);
    if (!work->scratch)
        return tm_fail(why, TM_NOMEM, "out of memory for a chunk");
    uint32_t part = 0;
    for (size_t from = 0; from < work->cells.count && !err; part++) {
        size_t count = work->cells.count - from;
        count = count < CELL_CHUNK_MAX ? count : CELL_CHUNK_MAX;
        err = put_part(work, to, series, part, from, count, why);
        from += count;
        work->figures->chunks++;
        work->figures->cells += count;
    }
    if (!err && atomic_load_explicit(work->stop, memory_order_relaxed))
        err = tm_fail(why, TM_CLOSED, "the store closes");
    return err;
}

/* ---- a head ---- */

static enum tm_err put_written(void *arg, uint32_t series, uint32_t part, struct str value,
                               const struct partition_extent *extent, struct tm_why *why)
{
    return partition_writer_put(arg, series, part, value, extent, why);
}

static enum tm_err put_series(struct flush_work *work, const struct putting *to, uint32_t series,
                              struct tm_why *why)
{
    int64_t day = count_day_slot(to->id.period);
    work->cells.count = 0;
    enum tm_err err = count_head_collect(&work->head->counts, series, day, day + CELLS_A_DAY, &work->cells);
    if (err)
        return tm_fail(why, err, "out of memory for counts");
    cells_settle(&work->cells);
    return put_cells(work, to, series, why);
}

static enum tm_err write_day(struct flush_work *work, uint32_t day, const uint32_t *series, size_t count,
                             struct tm_why *why)
{
    struct partition_writer *writer;
    enum tm_err err = partition_writer_open(work->partitions, PARTITION_COUNTS, day, &writer, why);
    if (err)
        return err;
    const struct putting to = {writer, put_written, partition_writer_id(writer),
                               partition_writer_window(writer), CHUNK_FAST};
    for (size_t i = 0; i < count && !err; i++)
        err = put_series(work, &to, series[i], why);
    if (err) {
        partition_writer_abort(&writer);
        return err;
    }
    err = partition_writer_commit(&writer, work->job->lsn, why);
    if (!err && to.id.late)
        flush_note_late(work, PARTITION_COUNTS, day);
    return err;
}

enum tm_err flush_write_counts(struct flush_work *work, struct tm_why *why)
{
    const struct count_head *head = &work->head->counts;
    struct flush_job *job = work->job;
    uint32_t *series, day;
    size_t count;
    if (job->count_days_done == head->day_count)
        return TM_OK;
    if (count_head_list(head, &series, &count) != TM_OK)
        return tm_fail(why, TM_NOMEM, "out of memory for counts");
    enum tm_err err = TM_OK;
    for (; job->count_days_done < head->day_count && !err; job->count_days_done += !err) {
        int64_t number = head->days[job->count_days_done];
        if (number < 0 || number > UINT32_MAX / 2 ||
            partition_period_of(PARTITION_COUNTS, number * CELLS_A_DAY * CELL_MS, &day) != TM_OK) {
            work->figures->unstorable++;
            flush_log(work, STORE_LOG_WARNING, "flush.unstorable",
                      "counts %" PRId64
                      " days from 1970 are not kept: times must lie in the years 1970 to 9999",
                      number);
            continue;
        }
        err = write_day(work, day, series, count, why);
        flush_pass(work, "flush.counts");
    }
    free(series);
    return err;
}

/* ---- days in order ---- */

struct rewriting {
    struct flush_work *work;
    uint32_t day;
};

static enum tm_err put_rewritten(void *arg, uint32_t series, uint32_t part, struct str value,
                                 const struct partition_extent *extent, struct tm_why *why)
{
    return partition_rewrite_put(arg, series, part, value, extent, why);
}

/* Windows of one series, added up. */
static enum tm_err sum_series(struct flush_work *work, uint32_t day, uint32_t series, struct tm_why *why)
{
    int64_t slot = count_day_slot(day);
    uint64_t tag, saturated = work->cells.saturated;
    work->cells.count = 0;
    enum tm_err err = count_days_collect(work->partitions, work->tombstones, day, series, slot,
                                         slot + CELLS_A_DAY, &work->cells, &tag, why);
    if (err)
        return err;
    cells_settle(&work->cells);
    work->figures->saturated += work->cells.saturated - saturated;
    return TM_OK;
}

static enum tm_err rewrite_day(void *arg, struct partition_rewrite *rewrite, struct tm_why *why)
{
    const struct rewriting *r = arg;
    struct flush_work *work = r->work;
    const struct putting to = {rewrite, put_rewritten, {PARTITION_COUNTS, r->day, false}, 0, CHUNK_DENSE};
    struct present present = {0};
    bool is_empty = true;
    uint32_t first = 0;
    enum tm_err err =
        present_scan(&present, work->partitions, (struct partition_id){PARTITION_COUNTS, r->day, false}, why);
    if (!err)
        err = present_scan(&present, work->partitions, (struct partition_id){PARTITION_COUNTS, r->day, true},
                           why);
    (void)present_next(&present, &first);
    for (uint32_t series = first; !err && present_next(&present, &series); series++) {
        err = sum_series(work, r->day, series, why);
        is_empty = is_empty && work->cells.count == 0;
        if (!err)
            err = put_cells(work, &to, series, why);
    }
    if (!err && is_empty && cells_reserve(&work->cells, 1) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for counts");
    if (!err && is_empty) { /* all came to 0: the day stays, since its tag says what it holds */
        work->cells.at[work->cells.count++] = (struct cell){.slot = count_day_slot(r->day)};
        err = put_cells(work, &to, first, why);
    }
    present_fini(&present);
    return err;
}

static void settle_day(struct flush_work *work, uint32_t day)
{
    struct tm_why why = {""};
    struct rewriting r = {work, day};
    enum tm_err err = partition_rewrite(work->partitions, PARTITION_COUNTS, day, rewrite_day, &r, &why);
    work->figures->sealed_days += !err;
    work->is_more = work->is_more || !err;
    if (!err)
        tombstones_settle(work->tombstones, PARTITION_COUNTS, day);
    if (!err || err == TM_CLOSED)
        return;
    work->rewrite_counts_after_ms = work->job->mono_ms + FLUSH_SETTLE_MS;
    flush_log(work, STORE_LOG_WARNING, "seal.failed",
              "a day of counts was not sealed: %s; it is tried again in an hour", why.text);
}

/* At most one a step. */
static void settle_days(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    if (work->job->mono_ms < work->rewrite_counts_after_ms)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct partition_entry *entry = &entries[i];
        bool is_due = entry->id.late
                          ? flush_is_quiet(work, PARTITION_COUNTS, entry->id.period)
                          : !entry->sealed && entry->span.to <= work->job->now_ms - FLUSH_SETTLE_MS;
        if (!entry->id.late && entry->sealed)
            is_due = tombstones_need(work->tombstones, PARTITION_COUNTS, entry->id.period);
        if (entry->damaged || !is_due)
            continue;
        settle_day(work, entry->id.period);
        return;
    }
}

bool flush_drop_counts(struct flush_work *work, uint32_t day)
{
    struct tm_why why = {""};
    enum tm_err err = partition_drop(work->partitions, PARTITION_COUNTS, day, &why);
    if (err && err != TM_NOT_FOUND)
        flush_log(work, STORE_LOG_WARNING, "retention.failed", "a day of counts was not removed: %s",
                  why.text);
    flush_want_census(work);
    enum tm_err tops = partition_drop(work->partitions, PARTITION_TOPS, day, &why); /* kept as long */
    if (tops && tops != TM_NOT_FOUND)
        flush_log(work, STORE_LOG_WARNING, "retention.failed", "rankings of a day were not removed: %s",
                  why.text);
    return err == TM_OK;
}

bool flush_oldest_counts(struct flush_work *work, uint32_t *day)
{
    return partitions_next(work->partitions, PARTITION_COUNTS, 0, day) == TM_OK;
}

void flush_keep_counts(struct flush_work *work)
{
    struct partition_entry *entries;
    size_t count;
    uint32_t day;
    int64_t keep_ms = work->job->limits.raw_ms;
    while (keep_ms > 0 && flush_oldest_counts(work, &day) &&
           partition_period_span(PARTITION_COUNTS, day).to <= work->job->now_ms - keep_ms) {
        if (!flush_drop_counts(work, day))
            break;
    }
    if (days_tier_list(work->partitions, PARTITION_COUNTS, &entries, &count) != TM_OK)
        return;
    settle_days(work, entries, count);
    work->figures->count_days = count;
    work->figures->count_bytes = 0;
    for (size_t i = 0; i < count; i++)
        work->figures->count_bytes += entries[i].bytes;
    free(entries);
}
