/* Keeping the days of events in order. */
#include <stdlib.h>

#include "storage/events/events_files.h"
#include "storage/events/events_flush.h"
#include "storage/events/events_merge.h"
#include "storage/log_level.h"
#include "storage/partition/days.h"
#include "storage/tops/tops_make.h"

/* Rankings for which there was no memory are tried again after this, as is what readers were in the way of.
 */
#define RETRY_MS INT64_C(60000)

static void tell(const struct events_work *work, const char *id, const char *what, const struct tm_why *why)
{
    struct tm_why line;
    tm_why_write(&line, "a day of events was not %s: %.300s; it is tried again", what, why->text);
    work->log(work->log_arg, STORE_LOG_WARNING, id, line.text);
}

/* Whether the day may go. Without memory it waits, unless room is needed; what else fails costs the rankings,
 * not the room. */
static bool make_tops(struct events_work *work, uint32_t day, bool can_wait)
{
    const struct tops_making making = {
        .partitions = work->partitions, .stop = work->stop, .day = day, .live_max = 0};
    struct tm_why why = {""};
    if (work->keep_tops_ms > 0 &&
        partition_period_span(PARTITION_TOPS, day).to <= work->now_ms - work->keep_tops_ms)
        return true;
    if (can_wait && work->mono_ms < work->tops_retry_ms)
        return false;
    enum tm_err err = tops_make(&making, &why);
    if (work->fault_point)
        work->fault_point(work->fault_arg, "keep.tops");
    work->ranked += !err;
    if (err == TM_CLOSED)
        return false;
    if (can_wait && (err == TM_NOMEM || err == TM_BUSY)) {
        work->tops_retry_ms = work->mono_ms + RETRY_MS;
        tell(work, "retention.failed", "ranked before it goes", &why);
        return false;
    }
    if (err) {
        struct tm_why line;
        tm_why_write(&line, "a day of events goes without rankings of it: %.300s", why.text);
        work->log(work->log_arg, STORE_LOG_WARNING, "tops.failed", line.text);
    }
    return true;
}

static bool drop_day(struct events_work *work, uint32_t day, bool can_wait)
{
    struct tm_why why = {""};
    if (!make_tops(work, day, can_wait))
        return false;
    enum tm_err err = partition_drop(work->partitions, PARTITION_EVENTS, day, &why);
    if (err && err != TM_NOT_FOUND)
        tell(work, "retention.failed", "removed", &why);
    return err == TM_OK;
}

static bool is_old(const struct events_work *work, const struct partition_entry *day)
{
    return work->keep_ms > 0 && day->span.to <= work->now_ms - work->keep_ms;
}

/* At most one day of which rankings are made: that takes some seconds. True: more may be due. */
static bool drop_old(struct events_work *work, const struct partition_entry *days, size_t count)
{
    const uint64_t ranked = work->ranked;
    for (size_t i = 0; i < count && work->ranked == ranked; i++) {
        if (!days[i].id.late && is_old(work, &days[i]))
            work->expired += drop_day(work, days[i].id.period, true);
    }
    return work->ranked != ranked;
}

static void drop_old_tops(struct events_work *work)
{
    uint32_t day;
    while (work->keep_tops_ms > 0 && partitions_next(work->partitions, PARTITION_TOPS, 0, &day) == TM_OK &&
           partition_period_span(PARTITION_TOPS, day).to <= work->now_ms - work->keep_tops_ms) {
        struct tm_why why = {""};
        if (partition_drop(work->partitions, PARTITION_TOPS, day, &why) == TM_OK)
            continue;
        tell(work, "retention.failed", "removed with its rankings", &why);
        return;
    }
}

/* A reader that sees the time before a flush must not find what that flush wrote among older blocks. */
static bool is_quiet(const struct events_work *work, uint32_t day)
{
    for (size_t i = 0; i < work->recent_count; i++) {
        if (work->recent[i].day == day)
            return work->mono_ms - work->recent[i].written_ms >= EVENTS_SETTLE_MS;
    }
    return work->mono_ms >= work->all_recent_ms;
}

/* Rankings that were made of a part of the day, before it could be dropped, tell that part by its tags: these
 * must stay. */
static bool has_tops(const struct events_work *work, uint32_t day)
{
    uint32_t next;
    return partitions_next(work->partitions, PARTITION_TOPS, day, &next) == TM_OK && next == day;
}

static bool is_due(const struct events_work *work, const struct partition_entry *day)
{
    bool is_open = day->id.late ? !has_tops(work, day->id.period)
                                : !day->sealed && day->span.to <= work->now_ms - EVENTS_SETTLE_MS;
    return is_open && !day->damaged && !is_old(work, day) && is_quiet(work, day->id.period);
}

static enum tm_err settle_day(struct events_work *work, uint32_t day, struct tm_why *why)
{
    enum tm_err err = has_tops(work, day) ? TM_NOT_FOUND : events_merge(work, day, why);
    if (err == TM_NOT_FOUND) /* without events too, or dropped just now */
        err = partition_seal(work->partitions, PARTITION_EVENTS, day, why);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* At most one; true if it was done. */
static bool settle_one(struct events_work *work, const struct partition_entry *days, size_t count)
{
    if (work->mono_ms < work->retry_ms)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct tm_why why = {""};
        if (!is_due(work, &days[i]))
            continue;
        enum tm_err err = settle_day(work, days[i].id.period, &why);
        work->sealed += !err;
        if (err && err != TM_CLOSED) {
            work->retry_ms = work->mono_ms + (err == TM_BUSY ? RETRY_MS : EVENTS_SETTLE_MS);
            tell(work, "seal.failed", "sealed", &why);
        }
        return !err;
    }
    return false;
}

bool events_keep(struct events_work *work)
{
    struct partition_entry *days;
    size_t count;
    if (events_files_days(work->partitions, DAYS_ALL, &days, &count) != TM_OK)
        return false;
    bool is_more = drop_old(work, days, count);
    drop_old_tops(work);
    is_more = settle_one(work, days, count) || is_more;
    free(days);
    return is_more;
}

uint64_t events_bytes(struct events_work *work)
{
    struct partition_entry *days;
    size_t count;
    if (events_files_days(work->partitions, DAYS_ALL, &days, &count) != TM_OK)
        return work->bytes;
    work->bytes = 0;
    for (size_t i = 0; i < count; i++)
        work->bytes += days[i].bytes;
    free(days);
    if (days_tier_list(work->partitions, PARTITION_TOPS, &days, &count) != TM_OK)
        return work->bytes;
    for (size_t i = 0; i < count; i++)
        work->bytes += days[i].bytes;
    free(days);
    return work->bytes;
}

bool events_drop_crowded(struct events_work *work, char name[PARTITION_PERIOD_NAME_BYTES])
{
    struct partition_entry *days;
    size_t count;
    if (events_files_days(work->partitions, DAYS_ALL, &days, &count) != TM_OK)
        return false;
    bool is_gone = count > 0 && days[0].span.to <= work->now_ms;
    if (is_gone) {
        (void)!partition_period_name(PARTITION_EVENTS, days[0].id.period, name);
        is_gone = drop_day(work, days[0].id.period, false);
    }
    free(days);
    return is_gone;
}
