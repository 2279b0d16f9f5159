/* Keeping rollups in order: days that are settled, periods that are over, what is too old. */
#include <stdlib.h>

#include "storage/log_level.h"
#include "storage/partition/days.h"
#include "storage/rollup/rollup_roll.h"

/* A period this long over, and its partitions this long untouched, is rewritten. */
#define SETTLE_MS INT64_C(3600000)
/* So many windows are made one; late ones also where they are a quarter of what they belong to. */
enum { MAIN_WINDOWS = 64, LATE_WINDOWS = 32, LATE_SHARE = 4, ROOM_MORE = 8 };

struct listed {
    struct partition_entry *entries;
    size_t count;
};

static bool list_tier(const struct rollup_work *work, enum partition_tier tier, struct listed *out)
{
    size_t room = 0;
    *out = (struct listed){NULL, 0};
    for (;;) {
        partitions_list(work->partitions, tier, DAYS_ALL, out->entries, room, &out->count);
        if (out->count <= room)
            return true;
        room = out->count + ROOM_MORE;
        free(out->entries);
        out->entries = calloc(room, sizeof *out->entries);
        if (!out->entries)
            return false;
    }
}

static void tell(const struct rollup_work *work, const char *id, const struct tm_why *why)
{
    work->log(work->log_arg, STORE_LOG_WARNING, id, why->text);
}

/* Logs it and waits an hour. */
static void note_failure(struct rollup_work *work, enum tm_err err, const struct tm_why *why)
{
    struct tm_why line;
    if (err == TM_CLOSED)
        return;
    work->retry_ms = work->mono_ms + SETTLE_MS;
    tm_why_write(&line, "rollups were not made: %.300s; it is tried again in an hour", why->text);
    tell(work, "rollup.failed", &line);
}

/* ---- days ---- */

/* No late samples wait in it. A day that is not there is settled. */
static bool is_settled(const struct partition_entry *entries, size_t count, uint32_t day)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].id.period == day)
            good = good && !entries[i].id.late && entries[i].sealed && !entries[i].damaged;
    }
    return good;
}

/* At most one that costs something. True: one was made. */
static bool roll_days(struct rollup_work *work, const struct partition_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tm_why why = {""};
        uint32_t day = entries[i].id.period;
        uint64_t before = work->days;
        if (present_has(&work->rolled, day) || !is_settled(entries, count, day) ||
            (day > 0 && !is_settled(entries, count, day - 1)))
            continue;
        enum tm_err err = rollup_day(work, day, &why);
        if (!err && present_add(&work->rolled, day) != TM_OK)
            err = tm_fail(&why, TM_NOMEM, "out of memory");
        if (err)
            note_failure(work, err, &why);
        if (err || work->days != before)
            return !err;
    }
    return false;
}

/* ---- periods ---- */

/* Not written to within the hour; of its rewrites only, if these are asked for. */
static bool is_quiet(const struct rollup_work *work, struct partition_id id, bool of_rewrites)
{
    for (size_t i = 0; i < ROLLUP_WRITTEN; i++) {
        if ((work->written[i].is_rewrite || !of_rewrites) && work->written[i].id.tier == id.tier &&
            work->written[i].id.period == id.period && work->mono_ms - work->written[i].mono_ms < SETTLE_MS)
            return false;
    }
    return true;
}

static size_t count_windows(const struct rollup_work *work, struct partition_id id)
{
    struct partition_step step;
    struct tm_why why;
    size_t count;
    if (partition_step_begin(work->partitions, id, &step, &why) != TM_OK)
        return 0;
    (void)partition_step_windows(&step, &count);
    partition_step_end(&step);
    return count;
}

/* Whether all raw days of a period are done. */
static bool is_done(const struct rollup_work *work, struct span span, const struct partition_entry *raw,
                    size_t raw_count)
{
    bool good = true;
    for (size_t i = 0; i < raw_count; i++) {
        if (raw[i].span.from >= span.from && raw[i].span.from < span.to)
            good = good && present_has(&work->rolled, raw[i].id.period);
    }
    return good;
}

/* Whether deletes wait for the rewrite of a period. Samples that they take, as far as these will go soon, go
 * first: that writes to the period once more. */
static bool has_deletes(const struct rollup_work *work, const struct partition_entry *entry,
                        const struct partition_entry *raw, size_t raw_count)
{
    if (!tombstones_need(work->tombstones, entry->id.tier, entry->id.period) ||
        !is_quiet(work, entry->id, true))
        return false;
    bool good = true;
    for (size_t i = 0; i < raw_count && good; i++) {
        if (raw[i].span.from < entry->span.from || raw[i].span.to > entry->span.to ||
            raw[i].span.to > work->now_ms - SETTLE_MS)
            continue;
        good = !tombstones_need(work->tombstones, PARTITION_RAW, raw[i].id.period);
    }
    return good;
}

/* entry i of a tier's list; a late one lies behind its main one. */
static bool is_due(const struct rollup_work *work, const struct listed *all, size_t i,
                   const struct partition_entry *raw, size_t raw_count)
{
    const struct partition_entry *entry = &all->entries[i];
    if (entry->damaged)
        return false;
    if (has_deletes(work, entry, raw, raw_count))
        return true;
    if (!is_quiet(work, entry->id, false))
        return false;
    if (entry->id.late) {
        uint64_t main_bytes = i > 0 ? all->entries[i - 1].bytes : 0;
        return entry->bytes >= main_bytes / LATE_SHARE || count_windows(work, entry->id) >= LATE_WINDOWS;
    }
    if (entry->sealed)
        return false;
    bool is_over = entry->span.to <= work->now_ms - SETTLE_MS && is_done(work, entry->span, raw, raw_count);
    return is_over || count_windows(work, entry->id) >= MAIN_WINDOWS;
}

/* At most one. True: one was rewritten. */
static bool rewrite_tier(struct rollup_work *work, enum partition_tier tier,
                         const struct partition_entry *raw, size_t raw_count)
{
    struct listed all;
    struct tm_why why = {""};
    bool is_made = false;
    bool good = list_tier(work, tier, &all);
    for (size_t i = 0; i < all.count && good && !is_made; i++) {
        if (!is_due(work, &all, i, raw, raw_count))
            continue;
        enum tm_err err = rollup_rewrite(work, tier, all.entries[i].id.period, &why);
        if (err)
            note_failure(work, err, &why);
        good = !err;
        is_made = !err;
    }
    free(all.entries);
    return is_made;
}

/* ---- dropping ---- */

static void drop_old(struct rollup_work *work, enum partition_tier tier)
{
    struct listed all;
    bool good = list_tier(work, tier, &all);
    for (size_t i = 0; i < all.count && good && work->keep_ms[tier] > 0; i++) {
        struct tm_why why = {""};
        if (all.entries[i].id.late || all.entries[i].span.to > work->now_ms - work->keep_ms[tier])
            continue;
        if (partition_drop(work->partitions, tier, all.entries[i].id.period, &why) == TM_OK)
            work->expired++;
        else
            tell(work, "retention.failed", &why);
    }
    free(all.entries);
}

bool rollup_drop_crowded(struct rollup_work *work, char name[PARTITION_PERIOD_NAME_BYTES])
{
    struct listed all;
    struct tm_why why = {""};
    bool is_gone = false;
    if (list_tier(work, PARTITION_5M, &all) && all.count > 0 && all.entries[0].span.to <= work->now_ms) {
        uint32_t period = all.entries[0].id.period;
        (void)!partition_period_name(PARTITION_5M, period, name);
        is_gone = partition_drop(work->partitions, PARTITION_5M, period, &why) == TM_OK;
        if (!is_gone)
            tell(work, "retention.failed", &why);
    }
    free(all.entries);
    return is_gone;
}

/* ---- all of it ---- */

uint64_t rollup_bytes(struct rollup_work *work)
{
    work->bytes = 0;
    for (int tier = PARTITION_5M; tier <= PARTITION_1H; tier++) {
        struct listed all;
        bool good = list_tier(work, (enum partition_tier)tier, &all);
        for (size_t i = 0; i < all.count && good; i++)
            work->bytes += all.entries[i].bytes;
        free(all.entries);
    }
    return work->bytes;
}

bool rollup_keep(struct rollup_work *work, const struct partition_entry *entries, size_t count)
{
    drop_old(work, PARTITION_5M);
    drop_old(work, PARTITION_1H);
    if (work->retry_ms > work->mono_ms)
        return false;
    return roll_days(work, entries, count) || rewrite_tier(work, PARTITION_5M, entries, count) ||
           rewrite_tier(work, PARTITION_1H, entries, count);
}
