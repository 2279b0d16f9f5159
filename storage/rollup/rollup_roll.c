/* A day's rows from its raw samples. */
#include "storage/rollup/rollup_private.h"

#include <stdlib.h>

#include "storage/partition/days.h"

enum { TIERS = 2 };

static const enum partition_tier tiers[TIERS] = {PARTITION_5M, PARTITION_1H};

void rollup_work_fini(struct rollup_work *work)
{
    present_fini(&work->rolled);
    present_fini(&work->series);
    free(work->scratch);
    columns_fini(&work->columns);
    rollup_reading_fini(&work->reading);
    rollup_rows_fini(&work->rows);
    rollup_rows_fini(&work->stored);
    rollup_rows_fini(&work->changed);
    bytes_fini(&work->chunk);
}

bool rollup_is_kept(const struct rollup_work *work, enum partition_tier tier, uint32_t day)
{
    uint32_t period = rollup_period(tier, day);
    if (period == UINT32_MAX)
        return false;
    return work->keep_ms[tier] <= 0 ||
           partition_period_span(tier, period).to > work->now_ms - work->keep_ms[tier];
}

/* ---- what is to be done ---- */

struct rolling_tier {
    enum partition_tier tier;
    uint64_t stored_tag; /* of the rows that are there; 0: none */
    bool is_due;
    struct partition_writer *writer;
};

struct rolling {
    struct rollup_work *work;
    uint32_t day;
    uint64_t own_tag; /* of the day's samples; 0: there are none */
    uint64_t tag;     /* of theirs and of those of the day before */
    struct span span; /* whose rows are made */
    bool must_redo;
    bool is_first_hour; /* only that */
    struct rolling_tier tiers[TIERS];
};

/* Late samples at the end of a day change the first hour of the next one, and no more of it. */
static enum tm_err look(struct rolling *r, struct tm_why *why)
{
    struct rollup_work *work = r->work;
    uint64_t before = 0;
    bool is_whole = r->must_redo && !r->is_first_hour;
    enum tm_err err = days_tag(work->partitions, r->day, &r->own_tag, why);
    if (!err && r->day > 0)
        err = days_tag(work->partitions, r->day - 1, &before, why);
    r->tag = before > r->own_tag ? before : r->own_tag;
    for (int i = 0; i < TIERS && !err; i++) {
        struct rolling_tier *t = &r->tiers[i];
        t->tier = tiers[i];
        err = rollup_tag(work->partitions, t->tier, r->day, &t->stored_tag, why);
        t->is_due = rollup_is_kept(work, t->tier, r->day) && r->own_tag > 0 &&
                    (t->stored_tag < r->tag || (r->must_redo && t->stored_tag > 0));
        is_whole = is_whole || (t->is_due && t->stored_tag < r->own_tag);
    }
    r->span = rollup_day_span(r->day);
    if (!is_whole)
        r->span.to = r->span.from + ROLLUP_LOOKBACK_MS;
    return err;
}

/* ---- one series ---- */

/* The samples that the rows are made of, settled. */
static enum tm_err collect_samples(struct rolling *r, uint32_t series, struct tm_why *why)
{
    struct rollup_work *work = r->work;
    struct span before = {r->span.from - ROLLUP_LOOKBACK_MS, r->span.from};
    enum tm_err err = TM_OK;
    work->columns.count = 0;
    if (r->day > 0)
        err = rollup_add_before(&work->reading, r->day, series, &work->columns, &work->stored, why);
    if (!err && r->day > 0)
        err =
            days_collect(work->partitions, work->tombstones, r->day - 1, series, before, &work->columns, why);
    if (!err)
        err = days_collect(work->partitions, work->tombstones, r->day, series, r->span, &work->columns, why);
    if (!err && columns_settle(&work->columns) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for sorting samples");
    return err;
}

static enum tm_err add_row(struct rollup_work *work, const struct rollup *row, struct tm_why *why)
{
    return rollup_rows_add(&work->changed, row) ? tm_fail(why, TM_NOMEM, "out of memory for rollups") : TM_OK;
}

/* work->changed: the rows that are not stored like that, and an empty one where one is to vanish. */
static enum tm_err find_changes(struct rollup_work *work, struct tm_why *why)
{
    const struct rollup_rows *rows = &work->rows, *stored = &work->stored;
    size_t at = 0;
    enum tm_err err = TM_OK;
    work->changed.count = 0;
    for (size_t i = 0; i <= rows->count && !err; i++) {
        time_ms_t start = i < rows->count ? rows->rows[i].start : INT64_MAX;
        for (; at < stored->count && stored->rows[at].start < start && !err; at++) {
            time_ms_t gone = stored->rows[at].start;
            err = add_row(work, &(struct rollup){.start = gone, .last_time = gone}, why);
        }
        if (i == rows->count || err)
            break;
        bool is_there = at < stored->count && stored->rows[at].start == start;
        if (!is_there || !rollup_is_same(&stored->rows[at], &rows->rows[i]))
            err = add_row(work, &rows->rows[i], why);
        at += is_there;
    }
    return err;
}

enum tm_err rollup_work_encode(struct rollup_work *work, struct partition_id id,
                               const struct partition_key *at, const struct rollup_rows *rows,
                               enum chunk_effort effort, struct tm_why *why)
{
    struct chunk_key key = days_chunk_key(id, at);
    struct rollup_grid grid = {partition_period_span(id.tier, id.period).from, rollup_bucket_ms(id.tier)};
    if (!work->scratch)
        work->scratch = malloc(sizeof *work->scratch);
    if (!work->scratch)
        return tm_fail(why, TM_NOMEM, "out of memory for rollups");
    bytes_clear(&work->chunk);
    enum tm_err err =
        rollup_encode(work->scratch, &key, &grid, rows->rows, rows->count, effort, &work->chunk);
    work->rows_written += err ? 0 : rows->count;
    return err ? tm_fail(why, err, "encoding rollups: %s", tm_err_text(err)) : TM_OK;
}

static enum tm_err roll_tier(struct rolling *r, struct rolling_tier *t, uint32_t series, struct tm_why *why)
{
    struct rollup_work *work = r->work;
    enum tm_err err = TM_OK;
    work->stored.count = 0;
    if (rollup_compute(&work->columns, r->span, rollup_bucket_ms(t->tier), &work->rows) != TM_OK)
        return tm_fail(why, TM_NOMEM, "out of memory for rollups");
    if (t->stored_tag > 0)
        err = rollup_reading_begin(&work->reading, t->tier, r->span, why);
    if (!err && t->stored_tag > 0)
        err = rollup_collect(&work->reading, t->tier, series, r->span, ROLLUP_CURRENT, &work->stored, why);
    if (!err)
        err = find_changes(work, why);
    if (err || work->changed.count == 0)
        return err;
    struct partition_key at = {partition_writer_window(t->writer), series, 0};
    struct partition_extent extent = rollup_rows_extent(&work->changed);
    err = rollup_work_encode(work, partition_writer_id(t->writer), &at, &work->changed, CHUNK_FAST, why);
    if (!err)
        err = partition_writer_put(t->writer, series, 0, bytes_view(&work->chunk), &extent, why);
    return err;
}

static enum tm_err roll_series(struct rolling *r, uint32_t series, struct tm_why *why)
{
    if (atomic_load_explicit(r->work->stop, memory_order_relaxed))
        return tm_fail(why, TM_CLOSED, "the store closes");
    enum tm_err err = collect_samples(r, series, why);
    for (int i = 0; i < TIERS && !err; i++) {
        if (r->tiers[i].writer)
            err = roll_tier(r, &r->tiers[i], series, why);
    }
    return err;
}

/* ---- the day ---- */

enum tm_err rollup_work_scan(struct rollup_work *work, enum partition_tier tier, uint32_t period,
                             struct tm_why *why)
{
    enum tm_err err =
        present_scan(&work->series, work->partitions, (struct partition_id){tier, period, false}, why);
    return err ? err
               : present_scan(&work->series, work->partitions, (struct partition_id){tier, period, true},
                              why);
}

static enum tm_err find_series(struct rolling *r, struct tm_why *why)
{
    present_clear(&r->work->series);
    enum tm_err err = rollup_work_scan(r->work, PARTITION_RAW, r->day, why);
    for (int i = 0; i < TIERS && !err; i++) {
        const struct rolling_tier *t = &r->tiers[i];
        if (t->is_due && t->stored_tag > 0)
            err = rollup_work_scan(r->work, t->tier, rollup_period(t->tier, r->day), why);
    }
    present_remove(&r->work->series, ROLLUP_ROSTER_SERIES);
    return err;
}

static enum tm_err open_tier(struct rolling *r, struct rolling_tier *t, struct tm_why *why)
{
    struct rollup_work *work = r->work;
    struct rollup_roster roster = {.count = 0};
    enum tm_err err =
        partition_writer_open(work->partitions, t->tier, rollup_period(t->tier, r->day), &t->writer, why);
    if (err)
        return err;
    const struct partition_key at = {partition_writer_window(t->writer), ROLLUP_ROSTER_SERIES, 0};
    struct chunk_key key = days_chunk_key(partition_writer_id(t->writer), &at);
    (void)rollup_roster_add(&roster, r->day, r->tag);
    struct partition_extent extent = rollup_roster_extent(&roster);
    bytes_clear(&work->chunk);
    rollup_roster_encode(&key, &roster, &work->chunk);
    if (bytes_error(&work->chunk))
        return tm_fail(why, TM_NOMEM, "out of memory for rollups");
    return partition_writer_put(t->writer, ROLLUP_ROSTER_SERIES, 0, bytes_view(&work->chunk), &extent, why);
}

void rollup_work_note(struct rollup_work *work, struct partition_id id, bool is_rewrite)
{
    id.late = false;
    work->written[work->written_next % ROLLUP_WRITTEN].id = id;
    work->written[work->written_next % ROLLUP_WRITTEN].is_rewrite = is_rewrite;
    work->written[work->written_next++ % ROLLUP_WRITTEN].mono_ms = work->mono_ms;
}

void rollup_work_pass(const struct rollup_work *work, const char *name)
{
    if (work->fault_point)
        work->fault_point(work->fault_arg, name);
}

static enum tm_err commit_tier(struct rolling *r, struct rolling_tier *t, struct tm_why *why)
{
    struct partition_id id = partition_writer_id(t->writer);
    enum tm_err err = partition_writer_commit(&t->writer, r->tag, why);
    if (!err)
        rollup_work_note(r->work, id, false);
    rollup_work_pass(r->work, "rollup.committed");
    return err;
}

static enum tm_err make_rows(struct rolling *r, struct tm_why *why)
{
    uint32_t series = 1;
    enum tm_err err = find_series(r, why);
    for (int i = 0; i < TIERS && !err; i++) {
        if (r->tiers[i].is_due)
            err = open_tier(r, &r->tiers[i], why);
    }
    for (; !err && present_next(&r->work->series, &series); series++)
        err = roll_series(r, series, why);
    rollup_work_pass(r->work, "rollup.made");
    for (int i = 0; i < TIERS; i++) {
        if (r->tiers[i].writer && !err)
            err = commit_tier(r, &r->tiers[i], why);
        partition_writer_abort(&r->tiers[i].writer);
    }
    return err;
}

static enum tm_err roll(struct rolling *r, struct tm_why *why)
{
    struct rollup_work *work = r->work;
    bool is_retired = false;
    work->reading.partitions = work->partitions;
    work->reading.catalog = work->catalog;
    work->reading.tombstones = work->tombstones;
    enum tm_err err = look(r, why);
    if (!err)
        err = rollup_is_retired(work->catalog, r->day, r->own_tag, &is_retired, why);
    if (!err && is_retired)
        return rollup_expect(work, r->day, why);
    if (err || (!r->tiers[0].is_due && !r->tiers[1].is_due))
        return err;
    err = make_rows(r, why);
    work->days += !err;
    return err;
}

enum tm_err rollup_day(struct rollup_work *work, uint32_t day, struct tm_why *why)
{
    struct rolling r = {.work = work, .day = day};
    return roll(&r, why);
}

enum tm_err rollup_redo(struct rollup_work *work, uint32_t day, struct tm_why *why)
{
    struct rolling r = {.work = work, .day = day, .must_redo = true};
    struct rolling next = {.work = work, .day = day + 1, .must_redo = true, .is_first_hour = true};
    enum tm_err err = roll(&r, why);
    return err ? err : roll(&next, why);
}

/* ---- leaving a day ---- */

/* From now on the rows of a day stand for themselves. */
static enum tm_err note_final(struct rollup_work *work, uint32_t day, struct tm_why *why)
{
    uint64_t tag = 0, most = 0;
    enum tm_err err = TM_OK;
    for (int i = 0; i < TIERS && !err; i++) {
        err = rollup_tag(work->partitions, tiers[i], day, &tag, why);
        most = tag > most ? tag : most;
    }
    if (!err && most > 0)
        err = catalog_final_add(work->catalog, day, most, why);
    return err;
}

enum tm_err rollup_retire(struct rollup_work *work, uint32_t day, struct tm_why *why)
{
    enum tm_err err = rollup_day(work, day, why);
    if (!err)
        err = note_final(work, day, why);
    rollup_work_pass(work, "rollup.final");
    if (!err)
        err = partition_drop(work->partitions, PARTITION_RAW, day, why);
    return err;
}

enum tm_err rollup_expect(struct rollup_work *work, uint32_t day, struct tm_why *why)
{
    uint64_t own = 0;
    bool is_retired = false;
    present_remove(&work->rolled, day);
    present_remove(&work->rolled, day + 1);
    enum tm_err err = days_tag(work->partitions, day, &own, why);
    if (err == TM_CORRUPT) /* set aside; what is written begins anew */
        err = TM_OK;
    if (!err && own == 0) /* dropped long ago, or set aside: what comes now is added to its rows */
        return note_final(work, day, why);
    if (!err)
        err = rollup_is_retired(work->catalog, day, own, &is_retired, why);
    if (!err && is_retired)
        err = partition_drop(work->partitions, PARTITION_RAW, day, why);
    return err == TM_NOT_FOUND ? TM_OK : err;
}
