#include "storage/partition/days.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* Two seconds of naps at least: replacing a day takes some renames and syncs. */
enum { READ_TRIES = 1000 };
#define LATE_BIT (UINT64_C(1) << 63)

struct chunk_key days_chunk_key(struct partition_id id, const struct partition_key *key)
{
    struct span day = partition_period_span(id.tier, id.period);
    return (struct chunk_key){.series = (id.late ? LATE_BIT : 0) | (uint64_t)key->part << 32 | key->series,
                              .window_start = day.from + key->window};
}

/* What is read: samples of a series in span, but for what is hidden. */
struct collecting {
    struct partition_id id;
    uint32_t series;
    struct span span;
    struct tombstone_cover cover;
    struct columns *out;
    size_t out_before; /* what out held before */
};

uint64_t days_window_tag(const struct partition_step *step, uint32_t window)
{
    size_t count;
    const struct partition_window *windows = partition_step_windows(step, &count);
    for (size_t i = 0; i < count; i++) {
        if (windows[i].window == window)
            return windows[i].tag;
    }
    return UINT64_MAX;
}

/* Takes out what is hidden among the samples from `from` on. */
static void leave_out(const struct collecting *c, size_t from, uint64_t tag)
{
    struct columns *out = c->out;
    size_t kept = from;
    for (size_t i = from; i < out->count; i++) {
        if (tombstone_hides(&c->cover, out->times[i], tag))
            continue;
        out->times[kept] = out->times[i];
        out->values[kept++] = out->values[i];
    }
    out->count = kept;
}

static enum tm_err add_chunk(struct partition_step *step, const struct collecting *c,
                             const struct partition_item *item, struct tm_why *why)
{
    struct partition_id id = c->id;
    struct columns *out = c->out;
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct chunk_head head;
    size_t count = 0;
    enum tm_err err = chunk_peek(&key, item->value, &head);
    if (!err)
        err = columns_reserve(out, head.count);
    if (!err)
        err = chunk_decode_span(&key, item->value, c->span, out->times + out->count, out->values + out->count,
                                head.count, &count);
    if (!err) {
        out->count += count;
        if (c->cover.count > 0)
            leave_out(c, out->count - count, days_window_tag(step, item->key.window));
    }
    if (err != TM_CORRUPT)
        return err ? tm_fail(why, err, "reading samples: %s", tm_err_text(err)) : TM_OK;
    partition_quarantine(step->set, id, "a chunk fails its checksum");
    return tm_fail(why, TM_CORRUPT, "a chunk of series %" PRIu32 " is damaged: restore its day from a backup",
                   item->key.series);
}

static enum tm_err collect_step(struct partition_step *step, const struct collecting *c, struct tm_why *why)
{
    struct partition_cursor cursor;
    struct partition_item item;
    partition_cursor_init(&cursor, c->series, c->span);
    for (;;) {
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        err = add_chunk(step, c, &item, why);
        if (err)
            return err;
    }
}

void days_end_steps(struct day_steps *steps)
{
    while (steps->count > 0)
        partition_step_end(&steps->at[--steps->count]);
}

enum tm_err days_begin_steps(struct partitions *set, enum partition_tier tier, uint32_t day,
                             struct day_steps *steps, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    steps->count = 0;
    for (int i = 0; i < 2 && !err; i++) {
        struct partition_id id = {tier, day, i == 1};
        steps->ids[steps->count] = id;
        err = partition_step_begin(set, id, &steps->at[steps->count], why);
        steps->count += !err;
        if (err == TM_NOT_FOUND)
            err = TM_OK;
    }
    return err;
}

void days_follow(struct day_steps *steps)
{
    for (int i = 0; i < steps->count; i++)
        partition_step_follow(&steps->at[i]);
}

/* ---- days that another process changes ---- */

static bool is_same(const struct partition_view *a, const struct partition_view *b)
{
    return a->main == b->main && a->late == b->late && a->suffix == b->suffix && !a->is_changing &&
           !b->is_changing;
}

enum tm_err days_look(struct partitions *set, enum partition_tier tier, uint32_t period, days_look_fn *look,
                      void *arg, struct tm_why *why)
{
    static const struct timespec nap = {0, 2000000};
    for (int tries = 0; tries < READ_TRIES; tries++) {
        struct partition_view before, after;
        enum tm_err err = partitions_view(set, tier, period, &before, why);
        if (!err && !before.is_changing) {
            enum tm_err result = look(set, arg, why);
            err = partitions_view(set, tier, period, &after, why);
            if (!err && is_same(&before, &after))
                return result;
        }
        if (err)
            return err;
        (void)nanosleep(&nap, NULL);
    }
    return tm_fail(why, TM_BUSY, "what is read is being rewritten: try again");
}

/* ---- samples ---- */

static enum tm_err collect_steps(struct day_steps *steps, struct collecting *c, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    for (int i = 0; i < steps->count && !err; i++) {
        c->id = steps->ids[i];
        err = collect_step(&steps->at[i], c, why);
    }
    return err;
}

static enum tm_err collect_day(struct partitions *set, void *arg, struct tm_why *why)
{
    struct collecting *c = arg;
    struct day_steps steps;
    c->out->count = c->out_before;
    enum tm_err err = days_begin_steps(set, PARTITION_RAW, c->id.period, &steps, why);
    if (!err)
        err = collect_steps(&steps, c, why);
    days_end_steps(&steps);
    return err;
}

enum tm_err days_collect(struct partitions *set, struct tombstones *tombstones, uint32_t day, uint32_t series,
                         struct span span, struct columns *out, struct tm_why *why)
{
    struct collecting c = {
        .id = {.period = day}, .series = series, .span = span, .out = out, .out_before = out->count};
    enum tm_err err = tombstones_cover(tombstones, PARTITION_RAW, day, series, span, &c.cover);
    if (err)
        return tm_fail(why, err, "out of memory for what is deleted");
    err = days_look(set, PARTITION_RAW, day, collect_day, &c, why);
    tombstone_cover_fini(&c.cover);
    return err;
}

enum tm_err days_collect_in(struct day_steps *steps, struct tombstones *tombstones, uint32_t series,
                            struct span span, struct columns *out, struct tm_why *why)
{
    struct collecting c = {.series = series, .span = span, .out = out, .out_before = out->count};
    if (steps->count == 0)
        return TM_OK;
    enum tm_err err =
        tombstones_cover(tombstones, PARTITION_RAW, steps->ids[0].period, series, span, &c.cover);
    err = err ? tm_fail(why, err, "out of memory for what is deleted") : collect_steps(steps, &c, why);
    tombstone_cover_fini(&c.cover);
    return err;
}

enum tm_err days_have(struct day_steps *steps, uint32_t series, struct span span, bool *found,
                      struct tm_why *why)
{
    enum tm_err err = TM_NOT_FOUND;
    struct partition_item item;
    for (int i = 0; i < steps->count && err == TM_NOT_FOUND; i++) {
        struct partition_cursor cursor;
        partition_cursor_init(&cursor, series, span);
        err = partition_cursor_next(&steps->at[i], &cursor, &item, why);
    }
    *found = err == TM_OK;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* Whether a step has a chunk that reaches into the span, and not all of it is hidden. */
static enum tm_err find_chunk(struct partition_step *step, struct collecting *c, bool *found,
                              struct tm_why *why)
{
    struct partition_cursor cursor;
    struct partition_item item;
    struct chunk_head head;
    partition_cursor_init(&cursor, c->series, c->span);
    while (!*found) {
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        struct chunk_key key = days_chunk_key(c->id, &item.key);
        bool is_sound = chunk_peek(&key, item.value, &head) == TM_OK;
        bool reaches = is_sound && head.last >= c->span.from && head.first < c->span.to;
        *found = reaches && c->cover.count == 0;
        if (is_sound && (!reaches || *found))
            continue;
        c->out->count = 0;
        err = add_chunk(step, c, &item, why);
        if (err)
            return err;
        *found = c->out->count > 0;
    }
    return TM_OK;
}

static enum tm_err mark_series(struct day_steps *steps, struct tombstones *tombstones, struct collecting *c,
                               bool *found, struct tm_why *why)
{
    enum tm_err err =
        tombstones_cover(tombstones, PARTITION_RAW, steps->ids[0].period, c->series, c->span, &c->cover);
    if (err)
        err = tm_fail(why, err, "out of memory for what is deleted");
    for (int i = 0; i < steps->count && !err && !*found; i++) {
        c->id = steps->ids[i];
        err = find_chunk(&steps->at[i], c, found, why);
    }
    tombstone_cover_fini(&c->cover);
    return err;
}

struct marking {
    struct tombstones *tombstones;
    uint32_t day;
    const struct days_wanted *wanted;
    bool *found;
};

/* Tombstones are asked inside the steps: a day that is being read can't be rewritten meanwhile. */
static enum tm_err mark_day(struct partitions *set, void *arg, struct tm_why *why)
{
    const struct marking *m = arg;
    struct day_steps steps;
    struct columns scratch = {0};
    enum tm_err err = days_begin_steps(set, PARTITION_RAW, m->day, &steps, why);
    days_follow(&steps);
    for (size_t i = 0; i < m->wanted->count && !err; i++) {
        struct collecting c = {.series = m->wanted->ids[i], .span = m->wanted->span, .out = &scratch};
        if (!m->found[i])
            err = mark_series(&steps, m->tombstones, &c, &m->found[i], why);
    }
    days_end_steps(&steps);
    columns_fini(&scratch);
    return err;
}

enum tm_err days_mark(struct partitions *set, struct tombstones *tombstones, uint32_t day,
                      const struct days_wanted *wanted, bool *found, struct tm_why *why)
{
    struct marking marking = {.tombstones = tombstones, .day = day, .wanted = wanted};
    marking.found = &found[0];
    return days_look(set, PARTITION_RAW, day, mark_day, &marking, why);
}

enum tm_err days_tag(struct partitions *set, uint32_t day, uint64_t *tag, struct tm_why *why)
{
    return days_tier_tag(set, PARTITION_RAW, day, tag, why);
}

enum tm_err days_tier_tag(struct partitions *set, enum partition_tier tier, uint32_t day, uint64_t *tag,
                          struct tm_why *why)
{
    *tag = 0;
    for (int late = 0; late < 2; late++) {
        struct partition_step step;
        struct partition_id id = {tier, day, late == 1};
        enum tm_err err = partition_step_begin(set, id, &step, why);
        if (err == TM_NOT_FOUND)
            continue;
        if (err)
            return err;
        if (partition_step_tag(&step) > *tag)
            *tag = partition_step_tag(&step);
        partition_step_end(&step);
    }
    return TM_OK;
}

enum tm_err days_next(struct partitions *set, uint32_t from, uint32_t *day)
{
    return partitions_next(set, PARTITION_RAW, from, day);
}

enum tm_err days_list(struct partitions *set, struct partition_entry **out, size_t *count)
{
    return days_tier_list(set, PARTITION_RAW, out, count);
}

enum tm_err days_tier_list(struct partitions *set, enum partition_tier tier, struct partition_entry **out,
                           size_t *count)
{
    size_t room = 0;
    *out = NULL;
    for (;;) {
        partitions_list(set, tier, DAYS_ALL, *out, room, count);
        if (*count <= room)
            return TM_OK;
        room = *count + 16;
        free(*out);
        *out = calloc(room, sizeof **out);
        if (!*out)
            return TM_NOMEM;
    }
}
