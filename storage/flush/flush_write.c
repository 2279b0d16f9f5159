/* The flush thread's work on one head. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/flush/flush.h"
#include "storage/log_level.h"

#define DAY_MS INT64_C(86400000)

void flush_work_fini(struct flush_work *work)
{
    free(work->scratch);
    columns_fini(&work->columns);
    cells_fini(&work->cells);
    bytes_fini(&work->chunk);
    rollup_work_fini(&work->rollups);
    events_work_fini(&work->events);
}

void flush_log(const struct flush_work *work, int level, const char *id, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    work->log(work->log_arg, level, id, text);
}

void flush_pass(const struct flush_work *work, const char *name)
{
    if (work->fault_point)
        work->fault_point(work->fault_arg, name);
}

static enum tm_err put_chunk(void *arg, uint32_t series, uint32_t part, struct str value,
                             const struct partition_extent *extent, struct tm_why *why)
{
    return partition_writer_put(arg, series, part, value, extent, why);
}

/* The samples of one series in span, settled; [*from, *to) of the columns. */
static enum tm_err take_series(struct flush_work *work, uint32_t series, struct span span, size_t *from,
                               size_t *to, struct tm_why *why)
{
    work->columns.count = 0;
    enum tm_err err = head_collect(work->head, series, span, &work->columns);
    if (!err)
        err = columns_settle(&work->columns);
    if (err)
        return tm_fail(why, err, "collecting samples: %s", tm_err_text(err));
    *from = columns_find(&work->columns, 0, span.from);
    *to = columns_find(&work->columns, *from, span.to);
    return TM_OK;
}

static enum tm_err put_day(struct flush_work *work, struct partition_writer *writer, struct span span,
                           struct tm_why *why)
{
    struct flush_put put = {.arg = writer,
                            .put = put_chunk,
                            .id = partition_writer_id(writer),
                            .window = partition_writer_window(writer),
                            .effort = CHUNK_FAST,
                            .most = FLUSH_CHUNK_SAMPLES};
    enum tm_err err = TM_OK;
    for (size_t series = 1; series < work->head->series_capacity && !err; series++) {
        size_t from, to;
        err = take_series(work, (uint32_t)series, span, &from, &to, why);
        put.series = (uint32_t)series;
        put.exponent = head_exponent(work->head, put.series);
        if (!err)
            err = flush_put_columns(work, &put, from, to, why);
        if (!err && atomic_load_explicit(work->stop, memory_order_relaxed))
            err = TM_CLOSED; /* the store closes; the journal has it all */
    }
    return err;
}

void flush_note_late(struct flush_work *work, enum partition_tier tier, uint32_t day)
{
    size_t at = 0;
    while (at < FLUSH_LATE_DAYS && (work->late[at].day != day || work->late[at].tier != tier))
        at++;
    if (at == FLUSH_LATE_DAYS)
        at = work->late_next++ % FLUSH_LATE_DAYS;
    work->late[at].tier = tier;
    work->late[at].day = day;
    work->late[at].written_ms = work->job->mono_ms;
}

static enum tm_err write_day(struct flush_work *work, int64_t number, struct tm_why *why)
{
    uint32_t day;
    struct partition_writer *writer;
    if (number < 0 || number > UINT32_MAX / 2 ||
        partition_period_of(PARTITION_RAW, number * DAY_MS, &day) != TM_OK) {
        work->figures->unstorable++;
        flush_log(work, STORE_LOG_WARNING, "flush.unstorable",
                  "samples %" PRId64 " days from 1970 are not kept: times must lie in the years 1970 to 9999",
                  number);
        return TM_OK;
    }
    enum tm_err err = rollup_expect(&work->rollups, day, why);
    if (!err)
        err = partition_writer_open(work->partitions, PARTITION_RAW, day, &writer, why);
    if (err)
        return err;
    bool is_late = partition_writer_id(writer).late;
    err = put_day(work, writer, partition_period_span(PARTITION_RAW, day), why);
    if (err) {
        partition_writer_abort(&writer);
        return err;
    }
    err = partition_writer_commit(&writer, work->job->lsn, why);
    if (!err && is_late)
        flush_note_late(work, PARTITION_RAW, day);
    return err;
}

enum tm_err flush_write(struct flush_work *work, struct tm_why *why)
{
    struct flush_job *job = work->job;
    enum tm_err err = TM_OK;
    if (!job->is_begun)
        err = catalog_begin(work->catalog, work->series, job->ids, job->id_count, job->lsn, why);
    job->is_begun = job->is_begun || !err;
    flush_pass(work, "flush.begun");
    for (; job->days_done < work->head->day_count && !err; job->days_done += !err) {
        err = write_day(work, work->head->days[job->days_done], why);
        flush_pass(work, "flush.day");
    }
    if (!err)
        err = flush_write_counts(work, why);
    if (!err)
        err = events_flush(&work->events, work->head, job->lsn, &job->event_days_done, why);
    if (err)
        return err;
    struct catalog_mark mark = {
        .flushed_lsn = job->lsn, .newest_ms = job->newest_ms, .believed = job->believed};
    err = catalog_finish(work->catalog, work->head, &mark, bytes_view(&job->producers),
                         bytes_view(&job->groups), why);
    flush_pass(work, "flush.finished");
    return err;
}
