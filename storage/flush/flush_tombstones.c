/* Deletes, the flush thread's side: making them durable, and carrying them out day by day. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/flush/flush.h"
#include "storage/log_level.h"

/* Numbers of series that are looked for in a day within one step of keeping order. */
enum { LOOKS_PER_STEP = 1 << 17, LOOKS_AT_ONCE = 1024 };

/* ---- making one ---- */

/* The days of raw data that a span touches. */
static enum tm_err list_days(struct flush_work *work, struct span span, struct tombstone_day **out,
                             size_t *count)
{
    struct partition_entry *entries;
    size_t entry_count;
    *count = 0;
    *out = NULL;
    enum tm_err err = days_list(work->partitions, &entries, &entry_count);
    if (err)
        return err;
    struct tombstone_day *days = calloc(entry_count + 1, sizeof *days);
    for (size_t i = 0; i < entry_count && days; i++) {
        const struct partition_entry *entry = &entries[i];
        bool is_again = *count > 0 && days[*count - 1].day == entry->id.period;
        if (!is_again && entry->span.from < span.to && entry->span.to > span.from)
            days[(*count)++].day = entry->id.period;
    }
    free(entries);
    *out = days;
    return days ? TM_OK : TM_NOMEM;
}

static enum tm_err bury(struct flush_work *work, struct deletion *deletion)
{
    struct tombstone *t = deletion->tombstone;
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
        err = list_days(work, t->span, &t->days, &t->day_count);
    if (err)
        return tm_fail(&deletion->why, err, "out of memory for a delete");
    if (t->day_count == 0)
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

/* ---- looking into days ---- */

/* Whether a partition has samples that t hides, of the series [*at, end). *at moves on. */
static enum tm_err look_once(struct partition_step *step, const struct tombstone *t, size_t *at, size_t end,
                             bool *found, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (; *at < end && !*found && !err; (*at)++) {
        struct partition_cursor cursor;
        struct partition_item item;
        partition_cursor_init(&cursor, t->series[*at], t->span);
        err = partition_cursor_next(step, &cursor, &item, why);
        if (err == TM_NOT_FOUND)
            err = TM_OK;
        else if (!err) /* a chunk of the series; it may be newer, or outside the span: the rewrite tells */
            *found = true;
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
        err = look_once(&step, t, &at, end, found, why);
        partition_step_end(&step);
        if (err)
            return err;
    }
    return TM_OK;
}

/* Finds out whether t has anything to hide on a day; if not, the day leaves its list. */
static void look_at_day(struct flush_work *work, struct tombstone *t, struct tombstone_day *day)
{
    struct tm_why why = {""};
    bool found = false;
    uint32_t period = day->day;
    enum tm_err err = look_into(work, (struct partition_id){PARTITION_RAW, period, false}, t, &found, &why);
    if (!err && !found)
        err = look_into(work, (struct partition_id){PARTITION_RAW, period, true}, t, &found, &why);
    if (err || found)
        day->is_needed = true; /* a damaged one is renamed soon, and then is not there */
    else
        tombstones_settle_one(work->tombstones, t, period);
}

static bool is_listed(const struct partition_entry *entries, size_t count, uint32_t day)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].id.period == day)
            return true;
    }
    return false;
}

/* Looks at the days of one tombstone that were not looked at. False: enough for this step. */
static bool look_at(struct flush_work *work, struct tombstone *t, const struct partition_entry *entries,
                    size_t count, size_t *left)
{
    for (size_t i = t->day_count; i-- > 0;) {
        struct tombstone_day *day = &t->days[i];
        if (!is_listed(entries, count, day->day)) {
            tombstones_settle_one(work->tombstones, t, day->day);
            continue;
        }
        if (day->is_needed)
            continue;
        if (*left == 0)
            return false;
        *left = *left > t->series_count ? *left - t->series_count : 0;
        look_at_day(work, t, day);
    }
    return true;
}

void flush_keep_tombstones(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    struct tm_why why = {""};
    size_t left = LOOKS_PER_STEP, before = tombstones_count(work->tombstones);
    if (tombstones_count(work->tombstones) == 0 || !work->catalog)
        return;
    for (size_t i = 0; i < tombstones_count(work->tombstones); i++) {
        struct tombstone *t = tombstones_at(work->tombstones, i);
        if (t->is_everywhere) {
            struct tombstone_day *days;
            size_t day_count;
            if (list_days(work, t->span, &days, &day_count) != TM_OK)
                return;
            tombstones_set_days(work->tombstones, t, &days, day_count);
        }
        if (!look_at(work, t, entries, count, &left)) {
            work->is_more = true;
            break;
        }
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

bool flush_day_has_deletes(const struct flush_work *work, uint32_t day)
{
    for (size_t i = 0; i < tombstones_count(work->tombstones); i++) {
        const struct tombstone *t = tombstones_at(work->tombstones, i);
        for (size_t k = 0; k < t->day_count; k++) {
            if (t->days[k].day == day && t->days[k].is_needed)
                return true;
        }
    }
    return false;
}
