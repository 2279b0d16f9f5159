#include "storage/events/events_files.h"

#include <stdlib.h>
#include <xxhash.h>

#include "storage/grow.h"
#include "storage/partition/days.h"

enum { SCAN_ITEMS = 1024 };

void events_files_fini(struct events_files *files)
{
    free(files->places);
    bytes_fini(&files->bytes);
    events_block_fini(&files->block);
}

enum tm_err events_files_damaged(struct partitions *set, struct partition_id id, struct tm_why *why)
{
    partition_quarantine(set, id, "a block of events fails its checksum");
    return tm_fail(why, TM_CORRUPT, "a block of events is damaged: restore its day in %s from a backup",
                   partition_tier_name(id.tier));
}

/* ---- what a day has ---- */

struct listing {
    struct events_files *files;
    const struct events_query *query;
    struct partition_id id;
    uint64_t stored_tag; /* windows up to it were there when the journal was replayed */
};

static bool is_meant(const struct events_query *query, const struct events_block_head *head)
{
    if (head->last < query->span.from || head->first >= query->span.to)
        return false;
    if (query->is_one_service && !str_equal(query->service, head->service))
        return false;
    return query->status_to == 0 ||
           (head->status_max >= query->status_from && head->status_min < query->status_to);
}

static enum tm_err add_place(const struct listing *l, const struct partition_item *item, struct tm_why *why)
{
    struct events_files *files = l->files;
    struct chunk_key key = days_chunk_key(l->id, &item->key);
    struct events_block_head head;
    if (events_block_peek(&key, item->value, &head) != TM_OK)
        return events_files_damaged(files->partitions, l->id, why);
    if (!is_meant(l->query, &head))
        return TM_OK;
    struct events_place *places =
        grow_array(files->places, &files->capacity, files->count + 1, sizeof *places);
    if (!places)
        return tm_fail(why, TM_NOMEM, "out of memory for the places of blocks");
    files->places = places;
    places[files->count++] = (struct events_place){
        item->key,  l->id.late, head.count,
        head.first, head.last,  XXH3_64bits(head.service.len ? head.service.ptr : "", head.service.len)};
    return TM_OK;
}

/* What a merge put together can't be taken apart. */
static enum tm_err fail_merged(struct tm_why *why)
{
    return tm_fail(why, TM_BUSY, "a day of events was merged since this reader was opened: ask again");
}

static bool is_visible(const struct listing *l, const struct partition_step *step, uint32_t window)
{
    size_t count;
    const struct partition_window *windows = partition_step_windows(step, &count);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (windows[middle].window < window)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && windows[low].window == window && windows[low].tag > l->files->since &&
           (windows[low].tag <= l->files->until || windows[low].tag <= l->stored_tag);
}

/* One bounded step; TM_NOT_FOUND at the end. */
static enum tm_err list_some(const struct listing *l, struct partition_scan *scan, struct tm_why *why)
{
    struct partition_step step;
    struct partition_item item;
    enum tm_err err = partition_step_begin(l->files->partitions, l->id, &step, why);
    if (err)
        return err;
    for (int i = 0; i < SCAN_ITEMS && !err; i++) {
        err = partition_scan_next(&step, scan, &item, why);
        if (!err && is_visible(l, &step, item.key.window))
            err = add_place(l, &item, why);
        else if (!err && step.series_major && l->files->since == 0)
            err = fail_merged(why);
    }
    partition_step_end(&step);
    return err;
}

static enum tm_err list_day(struct partitions *set, void *arg, struct tm_why *why)
{
    struct listing *l = arg;
    l->files->count = 0;
    enum tm_err err = partitions_view(set, PARTITION_EVENTS, l->id.period, &l->files->view, why);
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

static int compare_places(const void *a, const void *b)
{
    const struct events_place *x = a, *y = b;
    return (x->last < y->last) - (x->last > y->last);
}

enum tm_err events_files_list(struct events_files *files, uint32_t day, const struct events_query *query,
                              struct tm_why *why)
{
    struct listing l = {
        .files = files,
        .query = query,
        .id = {PARTITION_EVENTS, day, false},
        .stored_tag = files->contents ? contents_stored_tag(files->contents, PARTITION_EVENTS, day) : 0};
    enum tm_err err = days_look(files->partitions, PARTITION_EVENTS, day, list_day, &l, why);
    if (!err && files->count > 1)
        qsort(files->places, files->count, sizeof *files->places, compare_places);
    return err;
}

/* ---- one block ---- */

struct fetching {
    struct events_files *files;
    struct partition_id id;
    const struct events_place *place;
};

/* In another process nobody is kept from replacing the day that was listed. */
static enum tm_err check_view(struct partitions *set, const struct fetching *f, struct tm_why *why)
{
    const struct partition_view *listed = &f->files->view;
    struct partition_view now;
    enum tm_err err = partitions_view(set, PARTITION_EVENTS, f->id.period, &now, why);
    if (err || (now.main == listed->main && now.late == listed->late))
        return err;
    return now.main == 0 && now.late == 0 ? TM_NOT_FOUND : fail_merged(why);
}

/* The block's bytes are copied: reading columns of them is work for no step. */
static enum tm_err fetch(struct partitions *set, void *arg, struct tm_why *why)
{
    const struct fetching *f = arg;
    struct partition_step step;
    struct str value;
    enum tm_err err = check_view(set, f, why);
    if (!err)
        err = partition_step_begin(set, f->id, &step, why);
    if (err)
        return err;
    err = partition_get(&step, &f->place->key, &value, why);
    if (!err) {
        bytes_clear(&f->files->bytes);
        bytes_put(&f->files->bytes, value.ptr, value.len);
        if (bytes_error(&f->files->bytes))
            err = tm_fail(why, TM_NOMEM, "out of memory for a block of events");
    }
    partition_step_end(&step);
    return err;
}

enum tm_err events_files_open(struct events_files *files, uint32_t day, const struct events_place *place,
                              struct tm_why *why)
{
    struct fetching f = {files, {PARTITION_EVENTS, day, place->late}, place};
    struct chunk_key key = days_chunk_key(f.id, &place->key);
    enum tm_err err = days_look(files->partitions, PARTITION_EVENTS, day, fetch, &f, why);
    if (!err)
        err = events_block_open(&files->block, &key, bytes_view(&files->bytes));
    else
        return err;
    if (err == TM_CORRUPT)
        return events_files_damaged(files->partitions, f.id, why);
    return err ? tm_fail(why, err, "out of memory for a block of events") : TM_OK;
}

enum tm_err events_files_check(struct partition_id id, const struct partition_item *item,
                               struct events_block *scratch, struct partition_extent *out)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct span day = partition_period_span(id.tier, id.period);
    enum tm_err err = events_block_open(scratch, &key, item->value);
    if (!err)
        err = events_block_read(scratch, UINT32_MAX);
    if (err)
        return err;
    *out = (struct partition_extent){scratch->head.first, scratch->head.last, scratch->head.count};
    return out->first >= day.from && out->last < day.to ? TM_OK : TM_CORRUPT;
}

enum tm_err events_files_days(struct partitions *set, struct span span, struct partition_entry **out,
                              size_t *count)
{
    size_t room = 0;
    *out = NULL;
    for (;;) {
        partitions_list(set, PARTITION_EVENTS, span, *out, room, count);
        if (*count <= room)
            return TM_OK;
        room = *count + 16;
        free(*out);
        *out = calloc(room, sizeof **out);
        if (!*out)
            return TM_NOMEM;
    }
}
