/* Keeping the files in order: days that are over, days that are too old, days that are too many. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/catalog/catalog_findings.h"
#include "storage/flush/flush.h"
#include "storage/grow.h"
#include "storage/log_level.h"

enum { SCAN_ITEMS = 4096, BITS = 8 };

/* ---- rewriting a day ---- */

struct rewriting {
    struct flush_fill fill;
    struct flush_work *work;
    uint32_t day;
    uint8_t *present; /* bits by series */
    size_t capacity;
    bool is_empty; /* nothing is left of the day */
};

static enum tm_err mark_present(struct rewriting *r, uint32_t series)
{
    size_t before = r->capacity;
    uint8_t *present = grow_array(r->present, &r->capacity, series / BITS + 1, 1);
    if (!present)
        return TM_NOMEM;
    r->present = present;
    memset(present + before, 0, r->capacity - before);
    present[series / BITS] = (uint8_t)(present[series / BITS] | 1u << series % BITS);
    return TM_OK;
}

/* One bounded step of finding the series of a partition; TM_NOT_FOUND at its end. */
static enum tm_err scan_some(struct rewriting *r, struct partition_step *step, struct partition_scan *scan,
                             struct tm_why *why)
{
    struct partition_item item;
    enum tm_err err = TM_OK;
    for (int i = 0; i < SCAN_ITEMS && !err; i++) {
        err = partition_scan_next(step, scan, &item, why);
        if (!err)
            err = mark_present(r, item.key.series);
    }
    return err;
}

static enum tm_err find_series(struct rewriting *r, bool late, struct tm_why *why)
{
    struct partition_id id = {PARTITION_RAW, r->day, late};
    struct partition_scan scan = {0};
    enum tm_err err = TM_OK;
    while (!err) {
        struct partition_step step;
        err = partition_step_begin(r->work->partitions, id, &step, why);
        if (err)
            break;
        err = scan_some(r, &step, &scan, why);
        partition_step_end(&step);
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err put_rewritten(void *arg, uint32_t series, uint32_t part, struct str value,
                                 const struct partition_extent *extent, struct tm_why *why)
{
    return partition_rewrite_put(arg, series, part, value, extent, why);
}

static enum tm_err rewrite_series(struct rewriting *r, struct partition_rewrite *rewrite, uint32_t series,
                                  struct tm_why *why)
{
    struct flush_work *work = r->work;
    struct flush_put put = {.arg = rewrite,
                            .put = put_rewritten,
                            .id = {PARTITION_RAW, r->day, false},
                            .series = series,
                            .effort = CHUNK_DENSE,
                            .exponent = NUMBER_NOT_DECIMAL,
                            .most = CHUNK_MAX_SAMPLES,
                            .fill = &r->fill};
    work->columns.count = 0;
    enum tm_err err =
        days_collect(work->partitions, work->tombstones, r->day, series, DAYS_ALL, &work->columns, why);
    if (!err && columns_settle(&work->columns) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for sorting samples");
    if (!err && atomic_load_explicit(work->stop, memory_order_relaxed))
        err = tm_fail(why, TM_CLOSED, "the store closes");
    r->is_empty = r->is_empty && work->columns.count == 0;
    return err ? err : flush_put_columns(work, &put, 0, work->columns.count, why);
}

static enum tm_err rewrite_day(void *arg, struct partition_rewrite *rewrite, struct tm_why *why)
{
    struct rewriting *r = arg;
    enum tm_err err = find_series(r, false, why);
    if (!err)
        err = find_series(r, true, why);
    for (size_t byte = 0; byte < r->capacity && !err; byte++) {
        for (uint32_t bit = 0; bit < BITS && r->present[byte] && !err; bit++) {
            if (r->present[byte] >> bit & 1)
                err = rewrite_series(r, rewrite, (uint32_t)(byte * BITS + bit), why);
        }
    }
    if (!err && r->is_empty)
        return tm_fail(why, TM_NOT_FOUND, "nothing is left of the day");
    return err;
}

static bool drop_day(struct flush_work *work, uint32_t day)
{
    struct tm_why why = {""};
    enum tm_err err = TM_OK;
    if (tombstones_count(work->tombstones) > 0)
        err = rollup_redo(&work->rollups, day, &why);
    if (!err)
        err = rollup_retire(&work->rollups, day, &why);
    flush_want_census(work);
    if (err && err != TM_NOT_FOUND)
        flush_log(work, STORE_LOG_WARNING, "retention.failed", "a day was not removed: %s", why.text);
    return err == TM_OK;
}

/* A day with a damaged chunk is sealed as it is: no rewrite may hide what is missing. */
static void settle_day(struct flush_work *work, uint32_t day)
{
    struct tm_why why = {""};
    struct rewriting r = {.work = work, .day = day, .is_empty = true};
    enum tm_err err = TM_OK;
    if (tombstones_need(work->tombstones, PARTITION_RAW,
                        day)) /* before the tombstone goes, which makes both be done again */
        err = rollup_redo(&work->rollups, day, &why);
    if (!err)
        err = partition_rewrite(work->partitions, PARTITION_RAW, day, rewrite_day, &r, &why);
    free(r.present);
    if (err == TM_NOT_FOUND && r.is_empty) { /* all of it is deleted */
        err = drop_day(work, day) ? TM_OK : TM_IO;
        tm_why_write(&why, "an empty day stayed");
    }
    if (!err) {
        tombstones_settle(work->tombstones, PARTITION_RAW, day);
        work->figures->sealed_days++;
        work->is_more = true;
        return;
    }
    if (err == TM_CLOSED)
        return;
    work->rewrite_after_ms = work->job->mono_ms + FLUSH_SETTLE_MS;
    flush_log(work, STORE_LOG_WARNING, "seal.failed",
              "a day was not sealed: %s; it is tried again in an hour", why.text);
}

bool flush_is_quiet(const struct flush_work *work, enum partition_tier tier, uint32_t day)
{
    for (size_t i = 0; i < FLUSH_LATE_DAYS; i++) {
        if (work->late[i].day == day && work->late[i].tier == tier &&
            work->job->mono_ms - work->late[i].written_ms < FLUSH_SETTLE_MS)
            return false;
    }
    return true;
}

static void settle_days(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    time_ms_t now = work->job->now_ms;
    if (work->job->mono_ms < work->rewrite_after_ms)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct partition_entry *entry = &entries[i];
        bool is_due = entry->id.late ? flush_is_quiet(work, PARTITION_RAW, entry->id.period)
                                     : !entry->sealed && entry->span.to <= now - FLUSH_SETTLE_MS;
        if (!entry->id.late && entry->sealed)
            is_due = tombstones_need(work->tombstones, PARTITION_RAW, entry->id.period);
        if (entry->damaged || !is_due)
            continue;
        settle_day(work, entry->id.period);
        return;
    }
}

/* ---- dropping ---- */

static void drop_old(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    int64_t keep_ms = work->job->limits.raw_ms;
    for (size_t i = 0; i < count && keep_ms > 0; i++) {
        if (!entries[i].id.late && entries[i].span.to <= work->job->now_ms - keep_ms)
            work->figures->expired_days += drop_day(work, entries[i].id.period);
    }
}

static uint64_t note_bytes(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += entries[i].bytes;
    work->figures->rolled_days = work->rollups.days;
    work->figures->expired_rollups = work->rollups.expired;
    work->figures->rollup_bytes = rollup_bytes(&work->rollups);
    work->figures->partitions = count;
    work->figures->quarantined = partitions_gap_count(work->partitions);
    work->figures->partition_bytes = bytes;
    work->figures->catalog_bytes = work->catalog ? catalog_bytes(work->catalog) : 0;
    work->figures->event_bytes = events_bytes(&work->events);
    return bytes + work->figures->event_bytes + work->figures->count_bytes + work->figures->rollup_bytes +
           work->figures->catalog_bytes + work->job->journal_bytes;
}

/* The oldest day of samples or counts that is over. */
static bool find_oldest(struct flush_work *work, const struct partition_entry *entries, size_t count,
                        uint32_t *day)
{
    uint32_t counted = 0;
    bool any = flush_oldest_counts(work, &counted);
    if (count > 0 && (!any || entries[0].id.period < counted))
        counted = entries[0].id.period;
    *day = counted;
    return (any || count > 0) && partition_period_span(PARTITION_RAW, counted).to <= work->job->now_ms;
}

static bool drop_both(struct flush_work *work, const struct partition_entry *entries, size_t count,
                      uint32_t day)
{
    bool dropped = flush_drop_counts(work, day);
    return (count > 0 && entries[0].id.period == day && drop_day(work, day)) || dropped;
}

static void tell_crowded(const struct flush_work *work, uint64_t bytes, const char *what, const char *name)
{
    flush_log(work, STORE_LOG_WARNING, "retention.max_disk",
              "the data took %" PRIu64 " MiB, storage.max_disk is %" PRIu64
              " MiB: the oldest %s, %s, was removed",
              bytes >> 20, (uint64_t)work->job->limits.max_disk_bytes >> 20, what, name);
}

/* The oldest day goes, never the present one, of HTTP events first; when there is none, the oldest week of
 * five minutes. */
static void drop_crowded(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    uint64_t most = (uint64_t)work->job->limits.max_disk_bytes;
    uint64_t bytes = note_bytes(work, entries, count);
    if (most == 0 || bytes <= most)
        return;
    char name[PARTITION_PERIOD_NAME_BYTES] = "?";
    uint32_t day;
    if (events_drop_crowded(&work->events, name)) {
        work->is_more = true;
        tell_crowded(work, bytes, "day of HTTP events", name);
        return;
    }
    if (atomic_load_explicit(work->stop, memory_order_relaxed))
        return; /* a day of events waits for its rankings */
    bool is_day = find_oldest(work, entries, count, &day);
    if (is_day)
        (void)!partition_period_name(PARTITION_RAW, day, name);
    if (!(is_day ? drop_both(work, entries, count, day) : rollup_drop_crowded(&work->rollups, name)))
        return;
    work->figures->crowded_days += is_day;
    work->is_more = true;
    tell_crowded(work, bytes, is_day ? "day" : "week of 5 minute rollups", name);
}

static void forget_events(struct flush_work *work)
{
    struct tm_why why = {""};
    const struct flush_job *job = work->job;
    const struct {
        enum event_kind kind;
        int64_t keep_ms;
    } kinds[] = {{EVENT_HTTP, job->limits.events_ms},
                 {EVENT_TALLY, job->limits.events_ms},
                 {EVENT_EXCEPTION, job->limits.exceptions_ms}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].keep_ms <= 0 || !work->catalog)
            continue;
        if (catalog_forget(work->catalog, kinds[i].kind, job->now_ms - kinds[i].keep_ms, &why) != TM_OK)
            flush_log(work, STORE_LOG_WARNING, "retention.failed", "old events were not removed: %s",
                      why.text);
    }
}

static void forget_findings(struct flush_work *work)
{
    struct tm_why why = {""};
    int64_t keep_ms = work->job->limits.findings_ms;
    bool is_more = false;
    if (keep_ms <= 0 || !work->catalog)
        return;
    if (catalog_forget_findings(work->catalog, work->job->now_ms - keep_ms, &is_more, &why) != TM_OK)
        flush_log(work, STORE_LOG_WARNING, "retention.failed", "old findings were not removed: %s", why.text);
    work->is_more = work->is_more || is_more;
}

/* Behind the sealing: what was sealed is rolled, and what deletes hide left the samples. */
static void keep_rollups(struct flush_work *work, const struct partition_entry *entries, size_t count)
{
    uint64_t expired = work->rollups.expired;
    if (rollup_keep(&work->rollups, entries, count))
        work->is_more = true;
    if (work->rollups.expired != expired)
        flush_want_census(work);
}

typedef void keep_fn(struct flush_work *work, const struct partition_entry *entries, size_t count);

void flush_keep(struct flush_work *work)
{
    static keep_fn *const steps[] = {drop_old, drop_crowded, settle_days, keep_rollups};
    work->is_more = false;
    partitions_tick(work->partitions);
    if (work->job->is_interrupted)
        return; /* what is made of samples now would say that it has all with that tag */
    if (work->job->has_head)
        forget_events(work);
    forget_findings(work);
    flush_keep_tombstones(work);
    flush_keep_counts(work);
    if (events_keep(&work->events))
        work->is_more = true;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct partition_entry *entries;
        size_t count;
        if (days_list(work->partitions, &entries, &count) != TM_OK)
            return;
        steps[i](work, entries, count);
        free(entries);
    }
    flush_keep_tombstones(work);
    struct partition_entry *entries;
    size_t count;
    if (days_list(work->partitions, &entries, &count) == TM_OK) {
        (void)note_bytes(work, entries, count);
        free(entries);
    }
    flush_census(work);
}
