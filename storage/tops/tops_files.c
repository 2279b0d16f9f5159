#include "storage/tops/tops_files.h"

#include <stdlib.h>

#include "storage/grow.h"
#include "storage/partition/days.h"

enum { SCAN_ITEMS = 64 };

void tops_plan_fini(struct tops_plan *plan)
{
    free(plan->days);
    *plan = (struct tops_plan){0};
}

void tops_files_fini(struct tops_files *files)
{
    free(files->places);
    bytes_fini(&files->bytes);
    tops_block_fini(&files->block);
}

enum tm_err tops_files_damaged(struct partitions *set, struct partition_id id, struct tm_why *why)
{
    partition_quarantine(set, id, "a block of rankings fails its checksum");
    return tm_fail(why, TM_CORRUPT, "a block of rankings is damaged: restore its day in %s from a backup",
                   partition_tier_name(id.tier));
}

/* ---- what the days have ---- */

struct planning {
    const struct contents *contents;
    uint64_t until;
    struct tops_day *day;
    bool is_newer; /* rankings of what this reader does not know as flushed */
};

static void look_at_raw(const struct planning *p, const struct partition_step *step)
{
    uint64_t stored = contents_stored_tag(p->contents, PARTITION_EVENTS, p->day->day);
    size_t count;
    const struct partition_window *windows = partition_step_windows(step, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_seen = windows[i].tag <= p->until || windows[i].tag <= stored;
        if (is_seen && windows[i].tag < p->day->raw_tag)
            p->day->raw_tag = windows[i].tag;
    }
}

static void look_at_tops(struct planning *p, const struct partition_step *step)
{
    uint64_t stored = contents_stored_tag(p->contents, PARTITION_EVENTS, p->day->day);
    size_t count;
    const struct partition_window *windows = partition_step_windows(step, &count);
    for (size_t i = 0; i < count; i++) {
        if (windows[i].tag >= p->day->raw_tag)
            continue;
        p->is_newer = p->is_newer || (windows[i].tag > p->until && windows[i].tag > stored);
        if (windows[i].tag > p->day->tops_tag)
            p->day->tops_tag = windows[i].tag;
    }
}

static enum tm_err look_at_day(struct partitions *set, void *arg, struct tm_why *why)
{
    struct planning *p = arg;
    p->day->raw_tag = UINT64_MAX;
    p->day->tops_tag = 0;
    p->is_newer = false;
    static const enum partition_tier tiers[] = {PARTITION_EVENTS, PARTITION_TOPS};
    enum tm_err err = TM_OK;
    for (size_t t = 0; t < 2 && !err; t++) {
        struct day_steps steps;
        err = days_begin_steps(set, tiers[t], p->day->day, &steps, why);
        for (int i = 0; i < steps.count && !err; i++) {
            if (tiers[t] == PARTITION_EVENTS)
                look_at_raw(p, &steps.at[i]);
            else
                look_at_tops(p, &steps.at[i]);
        }
        days_end_steps(&steps);
    }
    return err;
}

/* The next day of either tier from `from` on. */
static bool next_day(struct partitions *set, uint32_t from, uint32_t *day)
{
    uint32_t raw = UINT32_MAX, tops = UINT32_MAX;
    if (partitions_next(set, PARTITION_EVENTS, from, &raw) != TM_OK)
        raw = UINT32_MAX;
    if (partitions_next(set, PARTITION_TOPS, from, &tops) != TM_OK)
        tops = UINT32_MAX;
    *day = raw < tops ? raw : tops;
    return *day != UINT32_MAX;
}

enum tm_err tops_plan_make(struct partitions *set, const struct contents *contents, uint64_t until,
                           struct span span, struct tops_plan *out, struct tm_why *why)
{
    uint32_t day = 0;
    enum tm_err err = TM_OK;
    *out = (struct tops_plan){0};
    if (!set || span.from >= span.to ||
        (span.from > 0 && partition_period_of(PARTITION_TOPS, span.from, &day) != TM_OK))
        return TM_OK;
    for (; !err && next_day(set, day, &day); day++) {
        if (partition_period_span(PARTITION_TOPS, day).from >= span.to)
            break;
        struct tops_day found = {.day = day};
        struct planning p = {contents, until, &found, false};
        err = days_look(set, PARTITION_TOPS, day, look_at_day, &p, why);
        if (!err && p.is_newer)
            err = tm_fail(why, TM_BUSY, "rankings were made meanwhile: ask again");
        if (err || (found.raw_tag == UINT64_MAX && found.tops_tag == 0))
            continue;
        struct tops_day *days = grow_array(out->days, &out->capacity, out->count + 1, sizeof *days);
        if (!days) {
            err = tm_fail(why, TM_NOMEM, "out of memory for the days of events");
            continue;
        }
        out->days = days;
        days[out->count++] = found;
        out->has_tops = out->has_tops || found.tops_tag > 0;
    }
    if (err)
        tops_plan_fini(out);
    return err;
}

bool tops_plan_equal(const struct tops_plan *a, const struct tops_plan *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->days[i].day != b->days[i].day || a->days[i].raw_tag != b->days[i].raw_tag ||
            a->days[i].tops_tag != b->days[i].tops_tag)
            return false;
    }
    return true;
}

static bool is_ranked(const struct tops_plan *plan, time_ms_t time)
{
    uint32_t day;
    if (partition_period_of(PARTITION_TOPS, time, &day) != TM_OK)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->days[i].day == day)
            return plan->days[i].tops_tag > 0;
    }
    return false;
}

void tops_plan_widen(const struct tops_plan *plan, struct span *span)
{
    if (is_ranked(plan, span->from))
        span->from -= span->from % TOPS_HOUR_MS;
    if (span->to % TOPS_HOUR_MS != 0 && is_ranked(plan, span->to))
        span->to += TOPS_HOUR_MS - span->to % TOPS_HOUR_MS;
}

/* ---- blocks ---- */

struct listing {
    struct tops_files *files;
    const struct tops_day *day;
    struct span span;
    struct partition_id id;
};

static bool is_meant(const struct listing *l, const struct partition_step *step, uint32_t window)
{
    size_t count;
    const struct partition_window *windows = partition_step_windows(step, &count);
    for (size_t i = 0; i < count; i++) {
        if (windows[i].window == window)
            return windows[i].tag <= l->day->tops_tag && windows[i].last >= l->span.from &&
                   windows[i].first < l->span.to;
    }
    return false;
}

static enum tm_err list_some(struct listing *l, struct partition_scan *scan, struct tm_why *why)
{
    struct tops_files *files = l->files;
    struct partition_step step;
    struct partition_item item;
    enum tm_err err = partition_step_begin(files->partitions, l->id, &step, why);
    if (err)
        return err;
    for (int i = 0; i < SCAN_ITEMS && !err; i++) {
        err = partition_scan_next(&step, scan, &item, why);
        if (err || !is_meant(l, &step, item.key.window))
            continue;
        struct tops_place *places =
            grow_array(files->places, &files->capacity, files->count + 1, sizeof *places);
        if (!places) {
            err = tm_fail(why, TM_NOMEM, "out of memory for the places of blocks");
            continue;
        }
        files->places = places;
        places[files->count++] = (struct tops_place){item.key, l->id.late};
    }
    partition_step_end(&step);
    return err;
}

static enum tm_err list_day(struct partitions *set, void *arg, struct tm_why *why)
{
    struct listing *l = arg;
    enum tm_err err = TM_OK;
    (void)set;
    l->files->count = 0;
    for (int late = 0; late < 2 && !err; late++) {
        struct partition_scan scan = {0};
        size_t before = l->files->count;
        l->id.late = late == 1;
        do {
            err = list_some(l, &scan, why);
            if (err == TM_CLOSED) { /* sealed meanwhile: the same windows in another file */
                scan = (struct partition_scan){0};
                l->files->count = before;
                err = TM_OK;
            }
        } while (!err);
        if (err == TM_NOT_FOUND)
            err = TM_OK;
    }
    return err;
}

enum tm_err tops_files_list(struct tops_files *files, const struct tops_day *day, struct span span,
                            struct tm_why *why)
{
    struct listing l = {files, day, span, {PARTITION_TOPS, day->day, false}};
    files->count = 0;
    return day->tops_tag > 0 ? days_look(files->partitions, PARTITION_TOPS, day->day, list_day, &l, why)
                             : TM_OK;
}

struct fetching {
    struct tops_files *files;
    struct partition_id id;
    const struct tops_place *place;
};

/* The block's bytes are copied: reading them is work for no step. */
static enum tm_err fetch(struct partitions *set, void *arg, struct tm_why *why)
{
    const struct fetching *f = arg;
    struct partition_step step;
    struct str value;
    enum tm_err err = partition_step_begin(set, f->id, &step, why);
    if (err)
        return err;
    err = partition_get(&step, &f->place->key, &value, why);
    if (!err) {
        bytes_clear(&f->files->bytes);
        bytes_put(&f->files->bytes, value.ptr, value.len);
        if (bytes_error(&f->files->bytes))
            err = tm_fail(why, TM_NOMEM, "out of memory for a block of rankings");
    }
    partition_step_end(&step);
    return err;
}

enum tm_err tops_files_open(struct tops_files *files, uint32_t day, const struct tops_place *place,
                            struct tm_why *why)
{
    struct fetching f = {files, {PARTITION_TOPS, day, place->late}, place};
    const struct chunk_key key = days_chunk_key(f.id, &place->key);
    enum tm_err err = days_look(files->partitions, PARTITION_TOPS, day, fetch, &f, why);
    if (err)
        return err;
    err = tops_block_open(&files->block, &key, bytes_view(&files->bytes));
    if (err == TM_CORRUPT)
        return tops_files_damaged(files->partitions, f.id, why);
    return err ? tm_fail(why, err, "out of memory for a block of rankings") : TM_OK;
}

/* ---- checking ---- */

static enum tm_err check_sketch(struct cursor *bytes)
{
    struct top_sketch sketch = {0};
    enum tm_err err = top_sketch_decode(bytes, &sketch);
    uint64_t sum = 0;
    for (size_t i = 0; i < sketch.count && !err; i++) {
        sum += sketch.entries[i].count;
        if (sum > sketch.total)
            err = TM_CORRUPT;
    }
    top_sketch_fini(&sketch);
    return !err && cursor_left(bytes) > 0 ? TM_CORRUPT : err;
}

enum tm_err tops_files_check(struct partition_id id, const struct partition_item *item,
                             struct tops_block *scratch, struct partition_extent *out)
{
    const struct chunk_key key = days_chunk_key(id, &item->key);
    const struct span day = partition_period_span(id.tier, id.period);
    struct top_place place;
    struct cursor bytes;
    uint64_t sketches = 0;
    enum tm_err err = tops_block_open(scratch, &key, item->value);
    while (!err && (err = tops_block_next(scratch, &place, &bytes)) == TM_OK) {
        err = check_sketch(&bytes);
        sketches++;
    }
    if (err != TM_NOT_FOUND)
        return err;
    const time_ms_t from = scratch->head.hour * TOPS_HOUR_MS;
    if (scratch->head.hour < 0 || scratch->head.hour > INT32_MAX || from < day.from || from >= day.to)
        return TM_CORRUPT;
    *out = (struct partition_extent){from, from + TOPS_HOUR_MS - 1, sketches};
    return TM_OK;
}
