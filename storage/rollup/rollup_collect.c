/* Rows of a series from their partitions. */
#include <stdlib.h>

#include "storage/grow.h"
#include "storage/partition/days.h"
#include "storage/rollup/rollup_private.h"

/* What is read: rows of a series in span. */
struct collecting {
    struct rollup_reading *reading;
    enum partition_tier tier;
    uint32_t series;
    struct span span;
    enum rollup_wanted wanted;
    const bool
        *has_raw; /* by day of the reading: there, only rows that stand for themselves; NULL: as wanted */
};

void rollup_reading_fini(struct rollup_reading *reading)
{
    rollup_rows_fini(&reading->rows);
    free(reading->found);
    reading->found = NULL;
    reading->found_count = 0;
    reading->found_capacity = 0;
    tombstone_cover_fini(&reading->cover);
}

enum tm_err rollup_reading_begin(struct rollup_reading *reading, enum partition_tier tier, struct span span,
                                 struct tm_why *why)
{
    enum tm_err err = TM_OK;
    reading->first_day = (uint32_t)(span.from / ROLLUP_DAY_MS);
    reading->period = rollup_period(tier, reading->first_day);
    size_t days =
        (size_t)((span.to - reading->first_day * ROLLUP_DAY_MS + ROLLUP_DAY_MS - 1) / ROLLUP_DAY_MS);
    for (size_t i = 0; i < days && i < ROLLUP_MAX_DAYS && !err; i++) {
        reading->finals[i].count = 0;
        if (reading->catalog)
            err = catalog_final_get(reading->catalog, reading->first_day + (uint32_t)i, &reading->finals[i],
                                    why);
    }
    return err;
}

static const struct catalog_finals *finals_of(const struct rollup_reading *reading, uint32_t day)
{
    static const struct catalog_finals none = {.count = 0};
    uint32_t at = day - reading->first_day;
    return at < ROLLUP_MAX_DAYS ? &reading->finals[at] : &none;
}

static uint32_t epoch_of(const struct catalog_finals *finals, uint64_t tag)
{
    uint32_t epoch = 0;
    while (epoch < finals->count && finals->tags[epoch] < tag)
        epoch++;
    return epoch;
}

/* Gathers the rows of one chunk that are wanted and not hidden. */
static enum tm_err gather(struct rollup_reading *reading, const struct rollup_roster *roster,
                          const struct collecting *c)
{
    int64_t bucket_ms = rollup_bucket_ms(c->tier);
    for (size_t i = 0; i < reading->rows.count; i++) {
        const struct rollup *row = &reading->rows.rows[i];
        if (row->start < c->span.from || row->start >= c->span.to)
            continue;
        uint32_t day = (uint32_t)(row->start / ROLLUP_DAY_MS);
        const struct catalog_finals *finals = finals_of(reading, day);
        uint64_t tag = rollup_roster_tag(roster, day);
        uint32_t epoch = epoch_of(finals, tag);
        enum rollup_wanted wanted = c->wanted;
        if (c->has_raw && c->has_raw[day - reading->first_day])
            wanted = ROLLUP_BASE;
        if (wanted != ROLLUP_ALL && (wanted == ROLLUP_CURRENT) != (epoch == finals->count))
            continue;
        if (tombstone_hides_bucket(&reading->cover, (struct span){row->start, row->start + bucket_ms}, tag))
            continue;
        struct rollup_found *found =
            grow_array(reading->found, &reading->found_capacity, reading->found_count + 1, sizeof *found);
        if (!found)
            return TM_NOMEM;
        reading->found = found;
        found[reading->found_count] = (struct rollup_found){*row, epoch, (uint32_t)reading->found_count};
        reading->found_count++;
    }
    return TM_OK;
}

static enum tm_err add_chunk(struct rollup_reading *reading, struct partition_id id,
                             const struct partition_item *item, struct partitions *set, struct tm_why *why)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct rollup_grid grid = rollup_grid_of(id);
    reading->rows.count = 0;
    enum tm_err err = rollup_decode(&key, &grid, item->value, &reading->rows);
    if (err == TM_CORRUPT)
        return rollup_fail_damaged(set, id, item->key.series, why);
    return err ? tm_fail(why, err, "reading rollups: %s", tm_err_text(err)) : TM_OK;
}

static enum tm_err collect_step(const struct collecting *c, struct partition_step *step,
                                struct partition_id id, struct tm_why *why)
{
    struct partition_cursor cursor;
    struct rollup_roster roster;
    uint32_t window = UINT32_MAX; /* of the roster */
    partition_cursor_init(&cursor, c->series, c->span);
    for (;;) {
        struct partition_item item;
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        if (item.key.window != window)
            err = rollup_read_roster(step, id, item.key.window, &roster, why);
        window = item.key.window;
        if (!err)
            err = add_chunk(c->reading, id, &item, step->set, why);
        if (!err && gather(c->reading, &roster, c) != TM_OK)
            err = tm_fail(why, TM_NOMEM, "out of memory for rollups");
        if (err)
            return err;
    }
}

static int compare_found(const void *a, const void *b)
{
    const struct rollup_found *x = a, *y = b;
    if (x->row.start != y->row.start)
        return x->row.start < y->row.start ? -1 : 1;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static bool is_ordered(const struct rollup_found *found, size_t count)
{
    bool good = true;
    for (size_t i = 1; i < count; i++)
        good &= found[i].row.start > found[i - 1].row.start;
    return good;
}

/* Of one epoch the row written last stands; those of several are added up. */
static enum tm_err fold(struct rollup_reading *reading, struct rollup_rows *out)
{
    struct rollup_found *found = reading->found;
    size_t count = reading->found_count;
    out->count = 0;
    if (!is_ordered(found, count))
        qsort(found, count, sizeof *found, compare_found);
    for (size_t i = 0; i < count;) {
        struct rollup row = {.start = found[i].row.start};
        for (; i < count && found[i].row.start == row.start; i++) {
            bool is_replaced =
                i + 1 < count && found[i + 1].row.start == row.start && found[i + 1].epoch == found[i].epoch;
            if (!is_replaced)
                rollup_merge(&row, &found[i].row);
        }
        if (row.count > 0 && rollup_rows_add(out, &row) != TM_OK)
            return TM_NOMEM;
    }
    return TM_OK;
}

/* Both steps at once, main first, as days_collect. */
static enum tm_err collect_both(struct partitions *set, void *arg, struct tm_why *why)
{
    const struct collecting *c = arg;
    struct partition_id main_id = {c->tier, c->reading->period, false}, late_id = main_id;
    struct partition_step main, late;
    late_id.late = true;
    c->reading->found_count = 0;
    enum tm_err err = partition_step_begin(set, main_id, &main, why);
    if (err)
        return err == TM_NOT_FOUND ? TM_OK : err;
    enum tm_err late_err = partition_step_begin(set, late_id, &late, why);
    if (late_err && late_err != TM_NOT_FOUND)
        err = late_err;
    if (!err)
        err = collect_step(c, &main, main_id, why);
    if (!err && !late_err)
        err = collect_step(c, &late, late_id, why);
    if (!late_err)
        partition_step_end(&late);
    partition_step_end(&main);
    return err;
}

static enum tm_err find_cover(const struct collecting *c, struct tm_why *why)
{
    struct rollup_reading *reading = c->reading;
    reading->cover.count = 0;
    enum tm_err err =
        tombstones_cover(reading->tombstones, c->tier, reading->period, c->series, c->span, &reading->cover);
    return err ? tm_fail(why, err, "out of memory for what is deleted") : TM_OK;
}

enum tm_err rollup_collect(struct rollup_reading *reading, enum partition_tier tier, uint32_t series,
                           struct span span, enum rollup_wanted wanted, struct rollup_rows *out,
                           struct tm_why *why)
{
    struct collecting c = {reading, tier, series, span, wanted, NULL};
    out->count = 0;
    enum tm_err err = find_cover(&c, why);
    if (!err)
        err = days_look(reading->partitions, tier, reading->period, collect_both, &c, why);
    if (!err && fold(reading, out) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for rollups");
    return err;
}

enum tm_err rollup_add_before(struct rollup_reading *reading, uint32_t day, uint32_t series,
                              struct columns *out, struct rollup_rows *scratch, struct tm_why *why)
{
    time_ms_t midnight = day * ROLLUP_DAY_MS;
    struct span before = {midnight - ROLLUP_LOOKBACK_MS, midnight};
    enum tm_err err = rollup_reading_begin(reading, PARTITION_5M, before, why);
    if (err || reading->finals[0].count == 0)
        return err;
    err = rollup_collect(reading, PARTITION_5M, series, before, ROLLUP_BASE, scratch, why);
    if (err || scratch->count == 0)
        return err;
    if (columns_reserve(out, 1) != TM_OK)
        return tm_fail(why, TM_NOMEM, "out of memory for samples");
    const struct rollup *last = &scratch->rows[scratch->count - 1];
    columns_add(out, last->last_time, last->last);
    return TM_OK;
}

/* ---- which series ---- */

struct marking {
    struct collecting collecting; /* of one series after the other */
    const struct days_wanted *wanted;
    bool *found;
    struct rollup_rows rows;
};

static enum tm_err mark_series(struct marking *m, struct day_steps *steps, bool *found, struct tm_why *why)
{
    struct collecting *c = &m->collecting;
    struct span span = m->wanted->span;
    c->reading->found_count = 0;
    enum tm_err err = find_cover(c, why);
    for (int i = 0; i < steps->count && !err; i++)
        err = collect_step(c, &steps->at[i], steps->ids[i], why);
    if (!err && fold(c->reading, &m->rows) != TM_OK)
        err = tm_fail(why, TM_NOMEM, "out of memory for rollups");
    for (size_t i = 0; i < m->rows.count && !err && !*found; i++)
        *found = m->rows.rows[i].start < span.to && m->rows.rows[i].last_time >= span.from;
    return err;
}

static enum tm_err mark_both(struct partitions *set, void *arg, struct tm_why *why)
{
    struct marking *m = arg;
    struct day_steps steps;
    enum tm_err err = days_begin_steps(set, m->collecting.tier, m->collecting.reading->period, &steps, why);
    for (size_t i = 0; i < m->wanted->count && !err; i++) {
        m->collecting.series = m->wanted->ids[i];
        if (!m->found[i])
            err = mark_series(m, &steps, &m->found[i], why);
    }
    days_end_steps(&steps);
    return err;
}

/* Which days of the reading have samples; *any: there may be rows that stand for some that are gone. */
static enum tm_err find_raw(struct rollup_reading *reading, struct span span, bool has_raw[ROLLUP_MAX_DAYS],
                            bool *any, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    uint32_t days = (uint32_t)((span.to - 1) / ROLLUP_DAY_MS) - reading->first_day + 1;
    *any = false;
    for (uint32_t i = 0; i < days && i < ROLLUP_MAX_DAYS && !err; i++) {
        uint64_t tag;
        bool is_retired = false;
        err = days_tag(reading->partitions, reading->first_day + i, &tag, why);
        if (!err)
            err = rollup_is_retired(reading->catalog, reading->first_day + i, tag, &is_retired, why);
        has_raw[i] = tag > 0 && !is_retired;
        *any = *any || !has_raw[i] || reading->finals[i].count > 0;
    }
    return err;
}

enum tm_err rollup_mark(struct rollup_reading *reading, enum partition_tier tier, uint32_t period,
                        const struct days_wanted *wanted, bool *found, struct tm_why *why)
{
    int64_t bucket_ms = rollup_bucket_ms(tier);
    bool has_raw[ROLLUP_MAX_DAYS] = {false}, any = false;
    struct span all = partition_period_span(tier, period), span = wanted->span;
    time_ms_t from = all.from > 0 ? all.from : 0;
    span.from = span.from > from ? span.from / bucket_ms * bucket_ms : from;
    span.to = span.to < all.to ? span.to : all.to;
    if (span.from >= span.to)
        return TM_OK;
    enum tm_err err = rollup_reading_begin(reading, tier, span, why);
    if (!err)
        err = find_raw(reading, span, has_raw, &any, why);
    if (err || !any)
        return err;
    struct marking m = {.collecting = {reading, tier, 0, span, ROLLUP_ALL, has_raw}, .wanted = wanted};
    m.found = &found[0];
    err = days_look(reading->partitions, tier, period, mark_both, &m, why);
    rollup_rows_fini(&m.rows);
    return err;
}
