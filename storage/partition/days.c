#include "storage/partition/days.h"

#include <inttypes.h>
#include <stdlib.h>

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
};

static uint64_t tag_of(const struct partition_step *step, uint32_t window)
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
            leave_out(c, out->count - count, tag_of(step, item->key.window));
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

/* Both steps at once, main first: while the main one is read nobody can merge the late one into it. */
static enum tm_err collect_both(struct partitions *set, struct collecting *c, struct tm_why *why)
{
    struct partition_id late_id = {PARTITION_RAW, c->id.period, true};
    struct partition_step main, late;
    enum tm_err err = partition_step_begin(set, c->id, &main, why);
    if (err)
        return err == TM_NOT_FOUND ? TM_OK : err;
    enum tm_err late_err = partition_step_begin(set, late_id, &late, why);
    if (late_err && late_err != TM_NOT_FOUND)
        err = late_err;
    if (!err)
        err = collect_step(&main, c, why);
    c->id = late_id;
    if (!err && !late_err)
        err = collect_step(&late, c, why);
    if (!late_err)
        partition_step_end(&late);
    partition_step_end(&main);
    return err;
}

enum tm_err days_collect(struct partitions *set, struct tombstones *tombstones, uint32_t day, uint32_t series,
                         struct span span, struct columns *out, struct tm_why *why)
{
    struct collecting c = {.id = {PARTITION_RAW, day, false}, .series = series, .span = span, .out = out};
    enum tm_err err = tombstones_cover(tombstones, day, series, span, &c.cover);
    err = err ? tm_fail(why, err, "out of memory for what is deleted") : collect_both(set, &c, why);
    tombstone_cover_fini(&c.cover);
    return err;
}

enum tm_err days_tag(struct partitions *set, uint32_t day, uint64_t *tag, struct tm_why *why)
{
    *tag = 0;
    for (int late = 0; late < 2; late++) {
        struct partition_step step;
        struct partition_id id = {PARTITION_RAW, day, late == 1};
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
    struct partition_entry entry;
    size_t count;
    struct span span = {partition_period_span(PARTITION_RAW, from).from, INT64_MAX};
    partitions_list(set, PARTITION_RAW, span, &entry, 1, &count);
    if (count == 0)
        return TM_NOT_FOUND;
    *day = entry.id.period;
    return TM_OK;
}

enum tm_err days_list(struct partitions *set, struct partition_entry **out, size_t *count)
{
    size_t room = 0;
    *out = NULL;
    for (;;) {
        partitions_list(set, PARTITION_RAW, DAYS_ALL, *out, room, count);
        if (*count <= room)
            return TM_OK;
        room = *count + 16;
        free(*out);
        *out = calloc(room, sizeof **out);
        if (!*out)
            return TM_NOMEM;
    }
}
