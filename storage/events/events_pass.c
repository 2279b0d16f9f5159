#include "storage/events/events_pass.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/reader_private.h"

enum { ALL_COLUMNS = (1 << EVENTS_COLUMNS) - 1 };

struct passing {
    const struct events_query *query;
    const struct events_sink *sink;
    struct events_files files;
    struct labels tags;
    bool is_over; /* the sink ended it */
};

static bool is_status_meant(const struct events_query *query, int32_t status)
{
    return query->status_to == 0 || (status >= query->status_from && status < query->status_to);
}

/* ---- in memory ---- */

static bool pass_line(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct passing *p = arg;
    const struct events_query *query = p->query;
    struct http_event event;
    (void)kind;
    if (http_event_decode(line, &event, &p->tags) != TM_OK)
        return true; /* nothing that ingest makes */
    event.time = time;
    if ((query->is_one_service && !str_equal(query->service, event.service)) ||
        !is_status_meant(query, event.status) ||
        (query->matches && !query->matches(query->matches_arg, &event)))
        return true;
    p->is_over = !p->sink->event(p->sink->arg, &event);
    return !p->is_over;
}

/* ---- in files ---- */

static bool pass_row(struct passing *p, size_t row, uint32_t needs, uint32_t columns,
                     struct http_event *event, enum tm_err *err)
{
    const struct events_query *query = p->query;
    struct events_block *block = &p->files.block;
    events_block_event(block, row, needs, event);
    if (query->status_to != 0 && !is_status_meant(query, event->status))
        return true;
    if (query->matches && !query->matches(query->matches_arg, event))
        return true;
    *err = events_block_read(block, columns);
    if (*err)
        return false;
    events_block_event(block, row, columns, event);
    p->is_over = !p->sink->event(p->sink->arg, event);
    return !p->is_over;
}

/* Columns that decide are read at once, the others when the first event passes. */
static enum tm_err pass_block(struct passing *p)
{
    const struct events_query *query = p->query;
    struct events_block *block = &p->files.block;
    uint32_t needs = !query->matches ? 0 : query->needs ? query->needs : ALL_COLUMNS;
    uint32_t columns = p->sink->columns ? p->sink->columns : ALL_COLUMNS;
    struct http_event event = {.bytes = -1, .duration_us = -1, .origin_us = -1, .edge_us = -1, .count = 1};
    if (query->status_to != 0)
        needs |= EVENTS_BIT(EVENTS_STATUS);
    enum tm_err err = events_block_read(block, needs);
    size_t from = events_block_find(block, query->span.from), to = events_block_find(block, query->span.to);
    for (size_t row = from; row < to && !err; row++) {
        if (!pass_row(p, row, needs, columns, &event, &err))
            break;
    }
    return err;
}

static enum tm_err pass_day(struct passing *p, const struct reader *reader, uint32_t day, struct tm_why *why)
{
    enum tm_err err = events_files_list(&p->files, day, p->query, why);
    for (size_t i = 0; i < p->files.count && !err && !p->is_over; i++) {
        const struct events_place *place = &p->files.places[i];
        if (p->sink->is_enough && p->sink->is_enough(p->sink->arg, place->last))
            break;
        err = reader_check(reader, why);
        if (!err)
            err = events_files_open(&p->files, day, place, why);
        if (err == TM_NOT_FOUND) /* the day went meanwhile */
            return TM_OK;
        if (err)
            return err;
        err = pass_block(p);
        if (err == TM_CORRUPT)
            err = events_files_damaged(p->files.partitions,
                                       (struct partition_id){PARTITION_EVENTS, day, place->late}, why);
        else if (err)
            err = tm_fail(why, err, "reading events: %s", tm_err_text(err));
    }
    return err;
}

static enum tm_err pass_days(struct passing *p, const struct reader *reader, struct tm_why *why)
{
    struct partition_entry *days = NULL;
    size_t count = 0;
    enum tm_err err = TM_OK;
    if (!p->files.partitions || p->query->span.from >= p->query->span.to)
        return TM_OK;
    if (events_files_days(p->files.partitions, p->query->span, &days, &count) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for the days of events");
    for (size_t i = count; i-- > 0 && !err && !p->is_over;) {
        if (i + 1 < count && days[i].id.period == days[i + 1].id.period)
            continue; /* main and late: one day */
        if (p->sink->is_enough && p->sink->is_enough(p->sink->arg, days[i].span.to - 1))
            break;
        err = pass_day(p, reader, days[i].id.period, why);
    }
    free(days);
    return err;
}

/* Blocks stay where they are during a pass. Fails only for a thread that holds it already. */
static void lock_merged(struct contents *contents)
{
    int code = pthread_rwlock_rdlock(&contents->events_lock);
    assert(code == 0);
    (void)code;
}

static void unlock_merged(struct contents *contents)
{
    (void)pthread_rwlock_unlock(&contents->events_lock);
}

/* One moment is seen, as in reader_events: both heads, and files up to the lsn that the older one begins
 * behind. */
enum tm_err events_pass(struct reader *reader, const struct events_query *query,
                        const struct events_sink *sink, struct tm_why *why)
{
    struct passing p = {.query = query, .sink = sink};
    const struct head_wanted wanted = {EVENT_REQUEST, query->span, pass_line, &p};
    struct head_view flushing, head;
    struct contents *contents = reader->contents;
    enum tm_err err = reader_check(reader, why);
    if (err)
        return err;
    lock_merged(contents);
    contents_lock_shared(contents);
    p.files.partitions = contents->partitions;
    p.files.contents = contents;
    p.files.until = contents->mark.flushed_lsn;
    head_view_take(&contents->flushing, &flushing);
    head_view_take(&contents->head, &head);
    contents_unlock(contents);
    if (head_view_events(&flushing, &wanted))
        (void)head_view_events(&head, &wanted);
    head_view_drop(&flushing);
    head_view_drop(&head);
    if (!p.is_over)
        err = pass_days(&p, reader, why);
    unlock_merged(contents);
    events_files_fini(&p.files);
    return err;
}

enum tm_err events_scan(struct reader *reader, const struct events_query *query, events_fn *each, void *arg,
                        struct tm_why *why)
{
    const struct events_sink sink = {.arg = arg, .event = each};
    return events_pass(reader, query, &sink, why);
}
