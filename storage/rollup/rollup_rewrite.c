/* A period's partitions become one, ordered by series. */
#include "storage/partition/days.h"
#include "storage/rollup/rollup_private.h"

struct rewriting {
    struct rollup_work *work;
    struct partition_id id; /* the main one */
    struct rollup_roster roster;
    struct span span;
};

static enum tm_err put_roster(struct rewriting *r, struct partition_rewrite *rewrite, struct tm_why *why)
{
    struct rollup_work *work = r->work;
    const struct partition_key at = {0, ROLLUP_ROSTER_SERIES, 0};
    struct chunk_key key = days_chunk_key(r->id, &at);
    struct partition_extent extent = rollup_roster_extent(&r->roster);
    bytes_clear(&work->chunk);
    rollup_roster_encode(&key, &r->roster, &work->chunk);
    if (bytes_error(&work->chunk))
        return tm_fail(why, TM_NOMEM, "out of memory for rollups");
    return partition_rewrite_put(rewrite, ROLLUP_ROSTER_SERIES, 0, bytes_view(&work->chunk), &extent, why);
}

static enum tm_err rewrite_series(struct rewriting *r, struct partition_rewrite *rewrite, uint32_t series,
                                  struct tm_why *why)
{
    struct rollup_work *work = r->work;
    const struct partition_key at = {0, series, 0};
    if (atomic_load_explicit(work->stop, memory_order_relaxed))
        return tm_fail(why, TM_CLOSED, "the store closes");
    enum tm_err err =
        rollup_collect(&work->reading, r->id.tier, series, r->span, ROLLUP_ALL, &work->rows, why);
    if (err || work->rows.count == 0)
        return err;
    struct partition_extent extent = rollup_rows_extent(&work->rows);
    err = rollup_work_encode(work, r->id, &at, &work->rows, CHUNK_DENSE, why);
    if (!err)
        err = partition_rewrite_put(rewrite, series, 0, bytes_view(&work->chunk), &extent, why);
    return err;
}

static enum tm_err rewrite_period(void *arg, struct partition_rewrite *rewrite, struct tm_why *why)
{
    struct rewriting *r = arg;
    uint32_t series = 1;
    present_clear(&r->work->series);
    enum tm_err err = rollup_work_scan(r->work, r->id.tier, r->id.period, why);
    if (!err)
        err = put_roster(r, rewrite, why);
    for (; !err && present_next(&r->work->series, &series); series++)
        err = rewrite_series(r, rewrite, series, why);
    rollup_work_pass(r->work, "rollup.rewritten");
    return err;
}

/* Whether a day's rows are of one kind, so that they can become one. */
static bool is_plain(const struct rewriting *r)
{
    bool good = true;
    for (size_t i = 0; i < r->roster.count; i++) {
        uint32_t at = r->roster.days[i].day - r->work->reading.first_day;
        const struct catalog_finals *finals = &r->work->reading.finals[at % ROLLUP_MAX_DAYS];
        good = good && at < ROLLUP_MAX_DAYS &&
               (finals->count == 0 || finals->tags[finals->count - 1] >= r->roster.days[i].tag);
    }
    return good;
}

enum tm_err rollup_rewrite(struct rollup_work *work, enum partition_tier tier, uint32_t period,
                           struct tm_why *why)
{
    struct rewriting r = {.work = work, .id = {tier, period, false}};
    struct span whole = partition_period_span(tier, period);
    r.span = (struct span){whole.from > 0 ? whole.from : 0, whole.to};
    work->reading.partitions = work->partitions;
    work->reading.catalog = work->catalog;
    work->reading.tombstones = work->tombstones;
    enum tm_err err = rollup_rosters(work->partitions, r.id, &r.roster, why);
    if (!err)
        err = rollup_rosters(work->partitions, (struct partition_id){tier, period, true}, &r.roster, why);
    if (!err)
        err = rollup_reading_begin(&work->reading, tier, r.span, why);
    rollup_work_note(work, r.id, true); /* whatever comes of it: not again at once */
    if (err || r.roster.count == 0 || !is_plain(&r))
        return err;
    err = partition_rewrite(work->partitions, tier, period, rewrite_period, &r, why);
    if (!err)
        tombstones_settle(work->tombstones, tier, period);
    return err;
}
