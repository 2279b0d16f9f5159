#include "storage/counts/count_days.h"

#include <inttypes.h>

#include "storage/counts/cell_chunk.h"

struct collecting {
    uint32_t day;
    uint32_t series;
    int64_t from;
    int64_t to;
    struct cells *out;
    size_t out_before;
    uint64_t tag;
    struct tombstone_cover cover;
};

/* The span of slots, as times. */
static struct span span_of(int64_t from, int64_t to)
{
    return (struct span){cell_time(from), cell_time(to)};
}

static enum tm_err damaged(struct partition_step *step, struct partition_id id,
                           const struct partition_item *item, struct tm_why *why)
{
    partition_quarantine(step->set, id, "a chunk fails its checksum");
    return tm_fail(why, TM_CORRUPT, "a chunk of counts %" PRIu32 " is damaged: restore its day from a backup",
                   item->key.series);
}

/* Keeps of the cells behind `before`, which a window with this tag holds, those in [from, to) that are not
 * hidden. */
static void leave_out(const struct collecting *c, size_t before, uint64_t tag)
{
    size_t kept = before;
    for (size_t i = before; i < c->out->count; i++) {
        int64_t slot = c->out->at[i].slot;
        if (slot >= c->from && slot < c->to && !tombstone_hides(&c->cover, cell_time(slot), tag))
            c->out->at[kept++] = c->out->at[i];
    }
    c->out->count = kept;
}

static enum tm_err add_chunk(struct partition_step *step, struct partition_id id, const struct collecting *c,
                             const struct partition_item *item, struct tm_why *why)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    int64_t day = count_day_slot(c->day);
    size_t before = c->out->count;
    struct cell_chunk_head head;
    enum tm_err err = cell_chunk_peek(&key, day, item->value, &head);
    if (!err && (head.last < c->from || head.first >= c->to))
        return TM_OK;
    if (!err)
        err = cell_chunk_decode(&key, day, item->value, c->out);
    if (err == TM_CORRUPT)
        return damaged(step, id, item, why);
    if (err)
        return tm_fail(why, err, "reading counts: %s", tm_err_text(err));
    if (head.first < c->from || head.last >= c->to || c->cover.count > 0)
        leave_out(c, before, days_window_tag(step, item->key.window));
    return TM_OK;
}

static enum tm_err collect_step(struct partition_step *step, struct partition_id id, struct collecting *c,
                                struct tm_why *why)
{
    struct partition_cursor cursor;
    struct partition_item item;
    if (partition_step_tag(step) > c->tag)
        c->tag = partition_step_tag(step);
    partition_cursor_init(&cursor, c->series, span_of(c->from, c->to));
    for (;;) {
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        err = add_chunk(step, id, c, &item, why);
        if (err)
            return err;
    }
}

static enum tm_err collect_day(struct partitions *set, void *arg, struct tm_why *why)
{
    struct collecting *c = arg;
    struct day_steps steps;
    c->out->count = c->out_before;
    c->tag = 0;
    enum tm_err err = days_begin_steps(set, PARTITION_COUNTS, c->day, &steps, why);
    for (int i = 0; i < steps.count && !err; i++)
        err = collect_step(&steps.at[i], steps.ids[i], c, why);
    days_end_steps(&steps);
    return err;
}

static enum tm_err find_cover(struct tombstones *tombstones, struct collecting *c, struct tm_why *why)
{
    c->cover.count = 0;
    enum tm_err err =
        tombstones_cover(tombstones, PARTITION_COUNTS, c->day, c->series, span_of(c->from, c->to), &c->cover);
    return err ? tm_fail(why, err, "out of memory for what is deleted") : TM_OK;
}

enum tm_err count_days_collect(struct partitions *set, struct tombstones *tombstones, uint32_t day,
                               uint32_t series, int64_t from, int64_t to, struct cells *out, uint64_t *tag,
                               struct tm_why *why)
{
    struct collecting c = {.day = day, .series = series, .from = from, .to = to, .out = out};
    c.out_before = out->count;
    enum tm_err err = find_cover(tombstones, &c, why);
    if (!err)
        err = days_look(set, PARTITION_COUNTS, day, collect_day, &c, why);
    tombstone_cover_fini(&c.cover);
    *tag = c.tag;
    return err;
}

/* ---- which series ---- */

struct marking {
    struct tombstones *tombstones;
    uint32_t day;
    const struct days_wanted *wanted;
    bool *found;
};

/* Whether a step has a chunk of the series that reaches into the wanted slots, and not all of it is hidden.
 */
static enum tm_err find_chunk(struct partition_step *step, struct partition_id id, struct collecting *c,
                              bool *found, struct tm_why *why)
{
    struct partition_cursor cursor;
    struct partition_item item;
    struct cell_chunk_head head;
    partition_cursor_init(&cursor, c->series, span_of(c->from, c->to));
    while (!*found) {
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        struct chunk_key key = days_chunk_key(id, &item.key);
        if (cell_chunk_peek(&key, count_day_slot(id.period), item.value, &head) != TM_OK)
            return damaged(step, id, &item, why);
        *found = head.first < c->to && head.last >= c->from;
        if (!*found || c->cover.count == 0)
            continue;
        c->out->count = 0;
        err = add_chunk(step, id, c, &item, why);
        if (err)
            return err;
        *found = c->out->count > 0;
    }
    return TM_OK;
}

/* The slots of a day that have something of a span. */
static void slots_of(uint32_t day, struct span span, int64_t *from, int64_t *to)
{
    int64_t first = count_day_slot(day), end = first + CELLS_A_DAY;
    *from = cell_slot(span.from) > first ? cell_slot(span.from) : first;
    *to = cell_slot(span.to) + (span.to % CELL_MS != 0);
    *to = *to < end ? *to : end;
}

static enum tm_err mark_day(struct partitions *set, void *arg, struct tm_why *why)
{
    const struct marking *m = arg;
    struct day_steps steps;
    struct cells scratch = {0};
    struct collecting c = {.day = m->day, .out = &scratch};
    slots_of(m->day, m->wanted->span, &c.from, &c.to);
    enum tm_err err = days_begin_steps(set, PARTITION_COUNTS, m->day, &steps, why);
    days_follow(&steps);
    for (size_t i = 0; i < m->wanted->count && !err; i++) {
        if (m->found[i])
            continue;
        c.series = m->wanted->ids[i];
        err = find_cover(m->tombstones, &c, why);
        for (int k = 0; k < steps.count && !err && !m->found[i]; k++)
            err = find_chunk(&steps.at[k], steps.ids[k], &c, &m->found[i], why);
    }
    days_end_steps(&steps);
    tombstone_cover_fini(&c.cover);
    cells_fini(&scratch);
    return err;
}

enum tm_err count_days_mark(struct partitions *set, struct tombstones *tombstones, uint32_t day,
                            const struct days_wanted *wanted, bool *found, struct tm_why *why)
{
    struct marking marking = {.tombstones = tombstones, .day = day, .wanted = wanted};
    marking.found = &found[0];
    return days_look(set, PARTITION_COUNTS, day, mark_day, &marking, why);
}

/* ---- checking ---- */

enum tm_err count_days_check(struct partition_id id, const struct partition_item *item, struct cells *scratch,
                             struct partition_extent *out)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    scratch->count = 0;
    enum tm_err err = cell_chunk_decode(&key, count_day_slot(id.period), item->value, scratch);
    if (err)
        return err;
    *out = (struct partition_extent){scratch->at[0].slot * CELL_MS,
                                     scratch->at[scratch->count - 1].slot * CELL_MS, scratch->count};
    return TM_OK;
}
