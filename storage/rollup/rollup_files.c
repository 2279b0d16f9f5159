#include "storage/rollup/rollup_files.h"

#include <inttypes.h>
#include <stdlib.h>

#include "storage/grow.h"
#include "storage/partition/days.h"

int64_t rollup_bucket_ms(enum partition_tier tier)
{
    return tier == PARTITION_5M ? 300000 : 3600000;
}

struct span rollup_day_span(uint32_t day)
{
    return (struct span){day * ROLLUP_DAY_MS, (day + 1) * ROLLUP_DAY_MS};
}

uint32_t rollup_period(enum partition_tier tier, uint32_t day)
{
    uint32_t period = 0;
    enum tm_err err = partition_period_of(tier, day * ROLLUP_DAY_MS, &period);
    return err ? UINT32_MAX : period; /* behind the year 9999: no partition has it */
}

static struct rollup_grid grid_of(struct partition_id id)
{
    return (struct rollup_grid){partition_period_span(id.tier, id.period).from, rollup_bucket_ms(id.tier)};
}

struct partition_extent rollup_rows_extent(const struct rollup_rows *rows)
{
    return (struct partition_extent){rows->rows[0].start, rows->rows[rows->count - 1].start, rows->count};
}

struct partition_extent rollup_roster_extent(const struct rollup_roster *roster)
{
    return (struct partition_extent){rollup_day_span(roster->days[0].day).from,
                                     rollup_day_span(roster->days[roster->count - 1].day).to - 1, 1};
}

enum tm_err rollup_check(struct partition_id id, const struct partition_item *item,
                         struct partition_extent *out)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct rollup_grid grid = grid_of(id);
    struct rollup_rows rows = {0};
    struct rollup_roster roster;
    enum tm_err err;
    if (item->key.series == ROLLUP_ROSTER_SERIES) {
        err = rollup_roster_decode(&key, item->value, &roster);
        if (!err)
            *out = rollup_roster_extent(&roster);
    } else {
        err = rollup_decode(&key, &grid, item->value, &rows);
        if (!err)
            *out = rollup_rows_extent(&rows);
    }
    rollup_rows_fini(&rows);
    return err;
}

static enum tm_err fail_damaged(struct partitions *set, struct partition_id id, uint32_t series,
                                struct tm_why *why)
{
    partition_quarantine(set, id, "a chunk of rollups fails its checksum");
    return tm_fail(why, TM_CORRUPT,
                   "rollups of series %" PRIu32 " in %s are damaged: restore them from a backup", series,
                   partition_tier_name(id.tier));
}

/* ---- rosters ---- */

static enum tm_err read_roster(struct partition_step *step, struct partition_id id, uint32_t window,
                               struct rollup_roster *out, struct tm_why *why)
{
    const struct partition_key at = {window, ROLLUP_ROSTER_SERIES, 0};
    struct chunk_key key = days_chunk_key(id, &at);
    struct str bytes;
    *out = (struct rollup_roster){.count = 0};
    enum tm_err err = partition_get(step, &at, &bytes, why);
    if (!err)
        err = rollup_roster_decode(&key, bytes, out);
    if (err == TM_CORRUPT || err == TM_NOT_FOUND)
        err = fail_damaged(step->set, id, ROLLUP_ROSTER_SERIES, why);
    return err;
}

/* The newest window that names the day; tags ascend with the windows. */
static enum tm_err find_tag(struct partition_step *step, struct partition_id id, uint32_t day, uint64_t *tag,
                            struct tm_why *why)
{
    struct span span = rollup_day_span(day);
    size_t count;
    const struct partition_window *windows = partition_step_windows(step, &count);
    enum tm_err err = TM_OK;
    while (count-- > 0 && *tag == 0 && !err) {
        struct rollup_roster roster;
        if (windows[count].first >= span.to || windows[count].last < span.from)
            continue;
        err = read_roster(step, id, windows[count].window, &roster, why);
        if (!err)
            *tag = rollup_roster_tag(&roster, day);
    }
    return err;
}

struct tagging {
    enum partition_tier tier;
    uint32_t day;
    uint64_t tag;
};

static enum tm_err find_tags(struct partitions *set, void *arg, struct tm_why *why)
{
    struct tagging *t = arg;
    t->tag = 0;
    for (int late = 1; late >= 0 && t->tag == 0; late--) {
        struct partition_step step;
        struct partition_id id = {t->tier, rollup_period(t->tier, t->day), late == 1};
        enum tm_err err = partition_step_begin(set, id, &step, why);
        if (err == TM_NOT_FOUND)
            continue;
        if (err)
            return err;
        err = find_tag(&step, id, t->day, &t->tag, why);
        partition_step_end(&step);
        if (err)
            return err;
    }
    return TM_OK;
}

enum tm_err rollup_tag(struct partitions *set, enum partition_tier tier, uint32_t day, uint64_t *tag,
                       struct tm_why *why)
{
    struct tagging t = {.tier = tier, .day = day};
    enum tm_err err = days_look(set, tier, rollup_period(tier, day), find_tags, &t, why);
    *tag = t.tag;
    return err;
}

enum tm_err rollup_rosters(struct partitions *set, struct partition_id id, struct rollup_roster *out,
                           struct tm_why *why)
{
    struct partition_step step;
    enum tm_err err = partition_step_begin(set, id, &step, why);
    if (err)
        return err == TM_NOT_FOUND ? TM_OK : err;
    size_t count;
    const struct partition_window *windows = partition_step_windows(&step, &count);
    for (size_t i = 0; i < count && !err; i++) {
        struct rollup_roster roster;
        err = read_roster(&step, id, windows[i].window, &roster, why);
        for (size_t day = 0; day < roster.count && !err; day++) {
            if (!rollup_roster_add(out, roster.days[day].day, roster.days[day].tag))
                err = tm_fail(why, TM_LIMIT, "a partition of rollups names too many days");
        }
    }
    partition_step_end(&step);
    return err;
}

enum tm_err rollup_is_retired(struct catalog *catalog, uint32_t day, uint64_t own, bool *is_retired,
                              struct tm_why *why)
{
    struct catalog_finals finals = {.count = 0};
    *is_retired = false;
    if (!catalog || own == 0)
        return TM_OK;
    enum tm_err err = catalog_final_get(catalog, day, &finals, why);
    *is_retired = finals.count > 0 && finals.tags[finals.count - 1] >= own;
    return err;
}

/* ---- rows ---- */

void rollup_reading_fini(struct rollup_reading *reading)
{
    rollup_rows_fini(&reading->rows);
    free(reading->found);
    reading->found = NULL;
    reading->found_count = 0;
    reading->found_capacity = 0;
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

/* Gathers the rows of one chunk that are wanted. */
static enum tm_err gather(struct rollup_reading *reading, const struct rollup_roster *roster,
                          struct span span, enum rollup_wanted wanted)
{
    for (size_t i = 0; i < reading->rows.count; i++) {
        const struct rollup *row = &reading->rows.rows[i];
        if (row->start < span.from || row->start >= span.to)
            continue;
        uint32_t day = (uint32_t)(row->start / ROLLUP_DAY_MS);
        const struct catalog_finals *finals = finals_of(reading, day);
        uint32_t epoch = epoch_of(finals, rollup_roster_tag(roster, day));
        if (wanted != ROLLUP_ALL && (wanted == ROLLUP_CURRENT) != (epoch == finals->count))
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
    struct rollup_grid grid = grid_of(id);
    reading->rows.count = 0;
    enum tm_err err = rollup_decode(&key, &grid, item->value, &reading->rows);
    if (err == TM_CORRUPT)
        return fail_damaged(set, id, item->key.series, why);
    return err ? tm_fail(why, err, "reading rollups: %s", tm_err_text(err)) : TM_OK;
}

static enum tm_err collect_step(struct rollup_reading *reading, struct partition_step *step,
                                struct partition_id id, uint32_t series, struct span span,
                                enum rollup_wanted wanted, struct tm_why *why)
{
    struct partition_cursor cursor;
    struct rollup_roster roster;
    uint32_t window = UINT32_MAX; /* of the roster */
    partition_cursor_init(&cursor, series, span);
    for (;;) {
        struct partition_item item;
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        if (item.key.window != window)
            err = read_roster(step, id, item.key.window, &roster, why);
        window = item.key.window;
        if (!err)
            err = add_chunk(reading, id, &item, step->set, why);
        if (!err && gather(reading, &roster, span, wanted) != TM_OK)
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

struct collecting {
    struct rollup_reading *reading;
    enum partition_tier tier;
    uint32_t series;
    struct span span;
    enum rollup_wanted wanted;
};

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
        err = collect_step(c->reading, &main, main_id, c->series, c->span, c->wanted, why);
    if (!err && !late_err)
        err = collect_step(c->reading, &late, late_id, c->series, c->span, c->wanted, why);
    if (!late_err)
        partition_step_end(&late);
    partition_step_end(&main);
    return err;
}

enum tm_err rollup_collect(struct rollup_reading *reading, enum partition_tier tier, uint32_t series,
                           struct span span, enum rollup_wanted wanted, struct rollup_rows *out,
                           struct tm_why *why)
{
    struct collecting c = {reading, tier, series, span, wanted};
    out->count = 0;
    enum tm_err err = days_look(reading->partitions, tier, reading->period, collect_both, &c, why);
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
