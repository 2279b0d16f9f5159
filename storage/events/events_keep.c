/* Keeping the days of events in order. */
#include <stdlib.h>

#include "storage/events/events_files.h"
#include "storage/events/events_flush.h"
#include "storage/log_level.h"
#include "storage/partition/days.h"

/* A day this long over is sealed. */
#define SETTLE_MS INT64_C(3600000)

static void tell(const struct events_work *work, const char *id, const char *what, const struct tm_why *why)
{
    struct tm_why line;
    tm_why_write(&line, "a day of events was not %s: %.300s; it is tried again", what, why->text);
    work->log(work->log_arg, STORE_LOG_WARNING, id, line.text);
}

static bool drop_day(struct events_work *work, uint32_t day)
{
    struct tm_why why = {""};
    enum tm_err err = partition_drop(work->partitions, PARTITION_EVENTS, day, &why);
    if (err && err != TM_NOT_FOUND)
        tell(work, "retention.failed", "removed", &why);
    return err == TM_OK;
}

static void drop_old(struct events_work *work, const struct partition_entry *days, size_t count)
{
    for (size_t i = 0; i < count && work->keep_ms > 0; i++) {
        if (!days[i].id.late && days[i].span.to <= work->now_ms - work->keep_ms)
            work->expired += drop_day(work, days[i].id.period);
    }
}

/* What comes for a sealed day later stays beside it, as `.late`: it goes with the day. */
static bool seal_one(struct events_work *work, const struct partition_entry *days, size_t count)
{
    if (work->mono_ms < work->retry_ms)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct tm_why why = {""};
        if (days[i].id.late || days[i].sealed || days[i].damaged ||
            days[i].span.to > work->now_ms - SETTLE_MS)
            continue;
        enum tm_err err = partition_seal(work->partitions, PARTITION_EVENTS, days[i].id.period, &why);
        if (err == TM_NOT_FOUND) /* dropped just now */
            continue;
        work->sealed += !err;
        if (err) {
            work->retry_ms = work->mono_ms + SETTLE_MS;
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
    drop_old(work, days, count);
    bool is_more = seal_one(work, days, count);
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
        is_gone = drop_day(work, days[0].id.period);
    }
    free(days);
    return is_gone;
}
