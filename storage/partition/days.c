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

static enum tm_err add_chunk(struct partitions *set, struct partition_id id,
                             const struct partition_item *item, struct span span, struct columns *out,
                             struct tm_why *why)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct chunk_head head;
    size_t count = 0;
    enum tm_err err = chunk_peek(&key, item->value, &head);
    if (!err)
        err = columns_reserve(out, head.count);
    if (!err)
        err = chunk_decode_span(&key, item->value, span, out->times + out->count, out->values + out->count,
                                head.count, &count);
    if (!err)
        out->count += count;
    if (err != TM_CORRUPT)
        return err ? tm_fail(why, err, "reading samples: %s", tm_err_text(err)) : TM_OK;
    partition_quarantine(set, id, "a chunk fails its checksum");
    return tm_fail(why, TM_CORRUPT, "a chunk of series %" PRIu32 " is damaged: restore its day from a backup",
                   item->key.series);
}

static enum tm_err collect_step(struct partition_step *step, struct partition_id id, uint32_t series,
                                struct span span, struct columns *out, struct tm_why *why)
{
    struct partition_cursor cursor;
    struct partition_item item;
    partition_cursor_init(&cursor, series, span);
    for (;;) {
        enum tm_err err = partition_cursor_next(step, &cursor, &item, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        err = add_chunk(step->set, id, &item, span, out, why);
        if (err)
            return err;
    }
}

/* Both steps at once, main first: while the main one is read nobody can merge the late one into it. */
enum tm_err days_collect(struct partitions *set, uint32_t day, uint32_t series, struct span span,
                         struct columns *out, struct tm_why *why)
{
    struct partition_id main_id = {PARTITION_RAW, day, false}, late_id = {PARTITION_RAW, day, true};
    struct partition_step main, late;
    enum tm_err err = partition_step_begin(set, main_id, &main, why);
    if (err)
        return err == TM_NOT_FOUND ? TM_OK : err;
    enum tm_err late_err = partition_step_begin(set, late_id, &late, why);
    if (late_err && late_err != TM_NOT_FOUND)
        err = late_err;
    if (!err)
        err = collect_step(&main, main_id, series, span, out, why);
    if (!err && !late_err)
        err = collect_step(&late, late_id, series, span, out, why);
    if (!late_err)
        partition_step_end(&late);
    partition_step_end(&main);
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
