/* Deletes, the flush thread's side: making them durable, and carrying them out day by day. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/flush/flush.h"
#include "storage/log_level.h"

/* Numbers of series that are looked for in a day within one step of keeping order. */
enum { LOOKS_PER_STEP = 1 << 17, LOOKS_AT_ONCE = 1024 };

/* ---- making one ---- */

/* The periods of a tier that a span touches and that have partitions. */
static enum tm_err list_periods(struct flush_work *work, enum partition_tier tier, struct span span,
                                struct tombstone_list *out)
{
    struct partition_entry *entries;
    size_t count;
    enum tm_err err = days_tier_list(work->partitions, tier, &entries, &count);
    if (err)
        return err;
    out->at = calloc(count + 1, sizeof *out->at);
    for (size_t i = 0; i < count && out->at; i++) {
        const struct partition_entry *entry = &entries[i];
        bool is_again = out->count > 0 && out->at[out->count - 1].period == entry->id.period;
        if (!is_again && entry->span.from < span.to && entry->span.to > span.from)
            out->at[out->count++].period = entry->id.period;
    }
    free(entries);
    return out->at ? TM_OK : TM_NOMEM;
}

/* The same of all tiers; on failure nothing is to be freed. */
static enum tm_err list_all(struct flush_work *work, struct span span,
                            struct tombstone_list lists[TOMBSTONE_TIERS])
{
    enum tm_err err = TM_OK;
    for (int tier = 0; tier < TOMBSTONE_TIERS && !err; tier++)
        err = list_periods(work, (enum partition_tier)tier, span, &lists[tier]);
    for (int tier = 0; tier < TOMBSTONE_TIERS && err; tier++)
        free(lists[tier].at);
    return err;
}

static enum tm_err bury(struct flush_work *work, struct deletion *deletion)
{
    struct tombstone *t = deletion->tombstone;
    struct tombstone_list lists[TOMBSTONE_TIERS] = {{NULL, 0}};
    size_t count = tombstones_count(work->tombstones);
    uint64_t last = count > 0 ? tombstones_at(work->tombstones, count - 1)->id : 0;
    uint64_t now = work->job->now_ms > 0 ? (uint64_t)work->job->now_ms : 0;
    t->lsn = work->job->deletion_lsn;
    t->id = now > last ? now : last + 1;
    deletion->id = t->id;
    enum tm_err err = tombstones_reserve(work->tombstones, t->series_count);
    if (err == TM_LIMIT)
        return tm_fail(&deletion->why, TM_BUSY,
                       "too many deletes are not carried out in the files yet: today is rewritten when it is "
                       "over; try again then");
    if (!err)
        err = list_all(work, t->span, lists);
    if (err)
        return tm_fail(&deletion->why, err, "out of memory for a delete");
    memcpy(t->lists, lists, sizeof lists);
    if (tombstone_is_done(t))
        return TM_OK; /* nothing of that time is there */
    flush_pass(work, "delete.flushed");
    err = catalog_bury(work->catalog, t, &deletion->why);
    flush_pass(work, "delete.buried");
    if (!err)
        tombstones_add(work->tombstones, &deletion->tombstone);
    return err;
}

void flush_bury(struct flush_work *work)
{
    for (struct deletion *d = work->job->deletions; d; d = d->next) {
        if (d->tombstone->series_count == 0 || !work->catalog)
            continue;
        d->err = bury(work, d);
        if (!d->err)
            flush_log(work, STORE_LOG_INFO, "delete.done", "delete %" PRIu64 " of %zu series: hidden", d->id,
                      d->series);
    }
}

/* ---- looking into partitions ---- */

/* Whether a chunk may have something that t hides. It may be newer than t, or what it has of the span gone
 * already: the rewrite tells. */
static enum tm_err reaches(struct partition_id id, const struct partition_item *item,
                           const struct tombstone *t, bool *found, struct tm_why *why)
{
    *found = true;
    if (id.tier != PARTITION_5M && id.tier != PARTITION_1H)
        return TM_OK;
    enum tm_err err = rollup_reaches(id, item, t->span, found);
    return err ? tm_fail(why, err, "a chunk of rollups: %s", tm_err_text(err)) : TM_OK;
}

/* Whether a partition has something that t hides, of the series [*at, end). *at moves on. */
static enum tm_err look_once(struct partition_step *step, struct partition_id id, const struct tombstone *t,
                             size_t *at, size_t end, bool *found, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (; *at < end && !*found && !err; (*at)++) {
        struct partition_cursor cursor;
        struct partition_item item;
        partition_cursor_init(&cursor, t->series[*at], t->span);
        while (!*found && !(err = partition_cursor_next(step, &cursor, &item, why)) && !err)
            err = reaches(id, &item, t, found, why);
        if (err == TM_NOT_FOUND)
            err = TM_OK;
    }
    return err;
}

static enum tm_err look_into(struct flush_work *work, struct partition_id id, const struct tombstone *t,
                             bool *found, struct tm_why *why)
{
    size_t at = 0;
    while (at < t->series_count && !*found) {
        struct partition_step step;
        enum tm_err err = partition_step_begin(work->partitions, id, &step, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        size_t end = at + LOOKS_AT_ONCE < t->series_count ? at + LOOKS_AT_ONCE : t->series_count;
        err = look_once(&step, id, t, &at, end, found, why);
        partition_step_end(&step);
        if (err)
            return err;
    }
    return TM_OK;
}

/* Finds out whether t has anything to hide in a period; if not, the period leaves its list. */
static void look_at_period(struct flush_work *work, struct tombstone *t, enum partition_tier tier,
                           struct tombstone_period *at)
{
    struct tm_why why = {""};
    bool found = false;
    uint32_t period = at->period;
    enum tm_err err = look_into(work, (struct partition_id){tier, period, false}, t, &found, &why);
    if (!err && !found)
        err = look_into(work, (struct partition_id){tier, period, true}, t, &found, &why);
    if (err || found)
        at->is_needed = true; /* a damaged one is renamed soon, and then is not there */
    else
        tombstones_settle_one(work->tombstones, t, tier, period);
}

static bool is_listed(const struct partition_entry *entries, size_t count, uint32_t period)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].id.period == period)
            return true;
    }
    return false;
}

/* Looks at the periods of a tier in the list of one tombstone that were not looked at. False: enough for this
 * step. */
static bool look_at(struct flush_work *work, struct tombstone *t, enum partition_tier tier,
                    const struct partition_entry *entries, size_t count, size_t *left)
{
    struct tombstone_list *list = &t->lists[tier];
    for (size_t i = list->count; i-- > 0;) {
        struct tombstone_period *at = &list->at[i];
        if (!is_listed(entries, count, at->period)) {
            tombstones_settle_one(work->tombstones, t, tier, at->period);
            continue;
        }
        if (at->is_needed)
            continue;
        if (*left == 0)
            return false;
        *left = *left > t->series_count ? *left - t->series_count : 0;
        look_at_period(work, t, tier, at);
    }
    return true;
}

/* Finds the periods of those that have no lists. */
static enum tm_err find_lists(struct flush_work *work)
{
    for (size_t i = 0; i < tombstones_count(work->tombstones); i++) {
        struct tombstone *t = tombstones_at(work->tombstones, i);
        struct tombstone_list lists[TOMBSTONE_TIERS] = {{NULL, 0}};
        if (!t->is_everywhere)
            continue;
        enum tm_err err = list_all(work, t->span, lists);
        if (err)
            return err;
        tombstones_set_lists(work->tombstones, t, lists);
    }
    return TM_OK;
}

/* One tier of all of them. False: enough for this step, or no memory. */
static bool look_at_tier(struct flush_work *work, enum partition_tier tier, size_t *left)
{
    struct partition_entry *entries;
    size_t count;
    bool good = days_tier_list(work->partitions, tier, &entries, &count) == TM_OK;
    for (size_t i = 0; i < tombstones_count(work->tombstones) && good; i++)
        good = look_at(work, tombstones_at(work->tombstones, i), tier, entries, count, left);
    free(entries);
    return good;
}

void flush_keep_tombstones(struct flush_work *work)
{
    struct tm_why why = {""};
    size_t left = LOOKS_PER_STEP, before = tombstones_count(work->tombstones);
    if (before == 0 || !work->catalog || find_lists(work) != TM_OK)
        return;
    for (int tier = 0; tier < TOMBSTONE_TIERS; tier++) {
        bool is_done = look_at_tier(work, (enum partition_tier)tier, &left);
        work->is_more = work->is_more || (!is_done && left == 0);
    }
    flush_pass(work, "delete.keep");
    if (catalog_keep_tombstones(work->catalog, work->tombstones, &why) != TM_OK)
        flush_log(work, STORE_LOG_WARNING, "delete.failed",
                  "what is done of deletes was not noted: %s; it is tried again", why.text);
    flush_pass(work, "delete.kept");
    if (tombstones_count(work->tombstones) < before)
        flush_want_census(work);
    work->figures->deletes = tombstones_count(work->tombstones);
}
