/* Which series are in partitions, the flush thread's side: counting, and removing from the catalog those that
 * are gone. */
#include <stdlib.h>

#include "storage/flush/flush.h"
#include "storage/log_level.h"

#define CENSUS_EVERY_MS INT64_C(3600000)
/* Chunks that are looked at within one step; a partition is looked at as a whole. */
enum { CHUNKS_PER_STEP = 1 << 20, CHUNKS_AT_ONCE = 4096 };

/* The tiers whose chunks bear numbers of series. What is made of samples stands behind them: a day that is
 * dropped after it was looked at here is found in what was made of it. */
static const enum partition_tier tiers[] = {PARTITION_RAW, PARTITION_5M, PARTITION_1H, PARTITION_COUNTS};
enum { TIERS = sizeof tiers / sizeof tiers[0] };

/* ---- one partition ---- */

/* TM_NOT_FOUND at its end. */
static enum tm_err scan_some(struct present *present, struct partition_step *step,
                             struct partition_scan *scan, size_t *count, struct tm_why *why)
{
    struct partition_item item;
    enum tm_err err = TM_OK;
    for (int i = 0; i < CHUNKS_AT_ONCE && !err; i++) {
        err = partition_scan_next(step, scan, &item, why);
        if (!err && present_add(present, item.key.series) != TM_OK)
            err = tm_fail(why, TM_NOMEM, "out of memory for a list of series");
        *count += !err;
    }
    return err;
}

static enum tm_err count_partition(struct flush_work *work, struct partition_id id, size_t *count,
                                   struct tm_why *why)
{
    struct partition_scan scan = {0};
    enum tm_err err = TM_OK;
    while (!err) {
        struct partition_step step;
        if (atomic_load_explicit(work->stop, memory_order_relaxed))
            return tm_fail(why, TM_CLOSED, "the store closes");
        err = partition_step_begin(work->partitions, id, &step, why);
        if (err)
            break;
        err = scan_some(&work->census.present, &step, &scan, count, why);
        partition_step_end(&step);
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* ---- all of them ---- */

/* The first partition of a tier that is not counted. TM_NOT_FOUND, TM_NOMEM; TM_CORRUPT: one is damaged. */
static enum tm_err find_next(struct flush_work *work, enum partition_tier tier, struct partition_id *out,
                             struct tm_why *why)
{
    struct census *census = &work->census;
    struct span from = {partition_period_span(tier, census->at.period).from, INT64_MAX};
    struct partition_entry entries[3]; /* the main and the late one of the period, the next */
    size_t count;
    partitions_list(work->partitions, tier, from, entries, sizeof entries / sizeof entries[0], &count);
    for (size_t i = 0; i < count && i < sizeof entries / sizeof entries[0]; i++) {
        const struct partition_id *id = &entries[i].id;
        if (id->period < census->at.period ||
            (id->period == census->at.period && census->at.late && !id->late))
            continue;
        *out = *id;
        return entries[i].damaged ? tm_fail(why, TM_CORRUPT, "a partition is damaged") : TM_OK;
    }
    return TM_NOT_FOUND;
}

/* Some partitions. TM_NOT_FOUND: all are counted. */
static enum tm_err count_some(struct flush_work *work, struct tm_why *why)
{
    struct census *census = &work->census;
    size_t count = 0;
    enum tm_err err = TM_OK;
    while (count < CHUNKS_PER_STEP && !err) {
        struct partition_id id;
        if (census->tier == TIERS)
            return TM_NOT_FOUND;
        err = find_next(work, tiers[census->tier], &id, why);
        if (err == TM_NOT_FOUND) {
            census->tier++;
            census->at = (struct partition_id){0};
            err = TM_OK;
            continue;
        }
        if (!err)
            err = count_partition(work, id, &count, why);
        census->at = (struct partition_id){id.tier, id.period + id.late, !id.late};
    }
    return err;
}

/* What was set aside may be put back, and then its series must have their names. */
static bool may_begin(struct flush_work *work)
{
    struct tm_why why;
    bool is_aside = true;
    return partitions_find_aside(work->partitions, &is_aside, &why) == TM_OK && !is_aside;
}

void flush_want_census(struct flush_work *work)
{
    work->census.is_wanted = true;
}

void flush_end_census(struct flush_work *work)
{
    struct census *census = &work->census;
    if (work->partitions)
        partitions_watch(work->partitions, 0, NULL);
    present_fini(&census->present);
    census->state = CENSUS_NONE;
}

static bool begin_census(struct flush_work *work)
{
    struct census *census = &work->census;
    int64_t now = work->job->mono_ms;
    if (census->due_ms == 0) { /* the first after an hour: a start has enough to do */
        census->due_ms = now + CENSUS_EVERY_MS;
        census->is_wanted = true;
    }
    if (!census->is_wanted || now < census->due_ms || !work->catalog)
        return false;
    census->due_ms = now + CENSUS_EVERY_MS;
    if (!may_begin(work))
        return false;
    census->is_wanted = false;
    census->tier = 0;
    census->at = (struct partition_id){0};
    census->state = CENSUS_RUNNING;
    unsigned watched = 0;
    for (size_t i = 0; i < TIERS; i++)
        watched |= 1u << tiers[i];
    partitions_watch(work->partitions, watched, &census->present);
    return true;
}

void flush_census(struct flush_work *work)
{
    struct census *census = &work->census;
    struct tm_why why = {""};
    if (census->state == CENSUS_DONE || (census->state == CENSUS_NONE && !begin_census(work)))
        return;
    enum tm_err err = count_some(work, &why);
    flush_pass(work, "census.counted");
    work->is_more = true;                         /* to go on, or for the owner to look */
    if (err == TM_NOT_FOUND && may_begin(work)) { /* nothing was set aside before it was counted */
        census->state = CENSUS_DONE;
    } else if (err) {
        flush_end_census(work);
        census->is_wanted = true;
    }
}

/* ---- the catalog ---- */

enum tm_err flush_remove_series(struct flush_work *work, struct tm_why *why)
{
    struct leaving *leaving = work->leaving;
    if (leaving->state != LEAVING_ENDS || leaving->is_removed)
        return TM_OK;
    flush_pass(work, "series.leave");
    enum tm_err err = catalog_remove_series(work->catalog, leaving->ids, leaving->id_count, why);
    leaving->is_removed = !err;
    flush_pass(work, "series.left");
    return err;
}
