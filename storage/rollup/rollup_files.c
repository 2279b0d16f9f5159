#include "storage/rollup/rollup_files.h"

#include <inttypes.h>

#include "storage/partition/days.h"
#include "storage/rollup/rollup_private.h"

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

struct rollup_grid rollup_grid_of(struct partition_id id)
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

enum tm_err rollup_check(struct partition_id id, const struct partition_item *item, bool with_values,
                         struct partition_extent *out)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct rollup_grid grid = rollup_grid_of(id);
    struct rollup_rows rows = {0};
    struct rollup_roster roster;
    enum tm_err err;
    if (item->key.series == ROLLUP_ROSTER_SERIES) {
        err = rollup_roster_decode(&key, item->value, &roster);
        if (!err)
            *out = rollup_roster_extent(&roster);
    } else {
        err = with_values ? rollup_decode(&key, &grid, item->value, &rows)
                          : rollup_decode_times(&key, &grid, item->value, &rows);
        if (!err)
            *out = rollup_rows_extent(&rows);
    }
    rollup_rows_fini(&rows);
    return err;
}

enum tm_err rollup_reaches(struct partition_id id, const struct partition_item *item, struct span span,
                           bool *found)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct rollup_grid grid = rollup_grid_of(id);
    struct rollup_rows rows = {0};
    enum tm_err err = rollup_decode(&key, &grid, item->value, &rows);
    *found = false;
    for (size_t i = 0; i < rows.count && !*found; i++)
        *found = rows.rows[i].start >= span.from && rows.rows[i].start + grid.bucket_ms <= span.to;
    rollup_rows_fini(&rows);
    return err;
}

enum tm_err rollup_fail_damaged(struct partitions *set, struct partition_id id, uint32_t series,
                                struct tm_why *why)
{
    partition_quarantine(set, id, "a chunk of rollups fails its checksum");
    return tm_fail(why, TM_CORRUPT,
                   "rollups of series %" PRIu32 " in %s are damaged: restore them from a backup", series,
                   partition_tier_name(id.tier));
}

/* ---- rosters ---- */

enum tm_err rollup_read_roster(struct partition_step *step, struct partition_id id, uint32_t window,
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
        err = rollup_fail_damaged(step->set, id, ROLLUP_ROSTER_SERIES, why);
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
        err = rollup_read_roster(step, id, windows[count].window, &roster, why);
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
        err = rollup_read_roster(&step, id, windows[i].window, &roster, why);
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
