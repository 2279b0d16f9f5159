#include "storage/contents.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/groups/groups_table.h"
#include "storage/markers/markers_table.h"

enum tm_err contents_init(struct contents *contents, int64_t max_series, int64_t max_series_per_service)
{
    *contents = (struct contents){.series = series_new(max_series, max_series_per_service),
                                  .stored_series = UINT32_MAX,
                                  .flushed_series = UINT32_MAX};
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    contents->has_lock = pthread_rwlock_init(&contents->lock, &attributes) == 0;
    if (contents->has_lock && pthread_rwlock_init(&contents->events_lock, &attributes) != 0) {
        pthread_rwlock_destroy(&contents->lock);
        contents->has_lock = false;
    }
    pthread_rwlockattr_destroy(&attributes);
    if (contents->series && contents->has_lock)
        contents->producers = producers_new(series_seed(contents->series));
    contents->tombstones = tombstones_new();
    if (contents->producers && contents->tombstones)
        return TM_OK;
    contents_fini(contents);
    return TM_NOMEM;
}

void contents_fini(struct contents *contents)
{
    head_fini(&contents->head);
    head_fini(&contents->flushing);
    partitions_close(contents->partitions);
    catalog_close(contents->catalog);
    tombstones_free(contents->tombstones);
    markers_free(contents->markers);
    groups_free(contents->groups);
    index_free(contents->index);
    producers_free(contents->producers);
    series_free(contents->series);
    free(contents->stored);
    if (contents->has_lock) {
        pthread_rwlock_destroy(&contents->lock);
        pthread_rwlock_destroy(&contents->events_lock);
    }
    *contents = (struct contents){0};
}

uint64_t contents_stored_tag(const struct contents *contents, enum partition_tier tier, uint32_t day)
{
    for (size_t i = 0; i < contents->stored_count; i++) {
        if (contents->stored[i].tier == tier && contents->stored[i].day == day)
            return contents->stored[i].tag;
    }
    return 0;
}

/* Fails only for a thread that holds it already. */
static void check_lock(int code)
{
    assert(code == 0);
    (void)code;
}

void contents_lock(struct contents *contents)
{
    check_lock(pthread_rwlock_wrlock(&contents->lock));
}

void contents_lock_shared(struct contents *contents)
{
    check_lock(pthread_rwlock_rdlock(&contents->lock));
}

void contents_unlock(struct contents *contents)
{
    check_lock(pthread_rwlock_unlock(&contents->lock));
}

void contents_note_time(struct contents *contents, time_ms_t time)
{
    if (time > contents->newest_ms)
        contents->newest_ms = time;
}

enum tm_err contents_sample(struct contents *contents, uint32_t series, time_ms_t time,
                            const struct number *number)
{
    enum tm_err err = head_sample(&contents->head, series, time, number);
    if (err)
        return err;
    contents->samples++;
    contents_note_time(contents, time);
    return TM_OK;
}

enum tm_err contents_cell(struct contents *contents, const struct batch_cell *cell, uint32_t age)
{
    const struct count_add add = {cell->series, cell->cell, cell->slot, cell->value, age};
    enum tm_err err = cell->value != 0 ? head_cell(&contents->head, &add) : TM_OK;
    if (!err)
        contents->cells++;
    return err;
}

enum tm_err contents_gather_event(struct contents *contents, const struct batch_event *event, struct str text)
{
    if (contents->markers && event->kind == EVENT_MARKER)
        return markers_apply(contents->markers, text);
    if (contents->groups && event->kind == EVENT_EXCEPTION)
        return groups_apply(contents->groups, event->time, text);
    if (contents->groups && event->kind == EVENT_REQUEST)
        return groups_apply_request(contents->groups, event->time, text);
    return TM_OK;
}

enum tm_err contents_event(struct contents *contents, const struct batch_event *event, const char *line)
{
    struct str text = {line, event->len};
    enum tm_err err = TM_OK;
    if (!contents->is_grouped) /* where the head failed, this very event comes again */
        err = contents_gather_event(contents, event, text);
    contents->is_grouped = !err;
    if (!err)
        err = head_event(&contents->head, event->kind, event->time, text);
    if (err)
        return err;
    contents->is_grouped = false;
    contents->events++;
    /* A marker may lie in the future, a finding says what was there already. */
    if (event->kind != EVENT_MARKER && event->kind != EVENT_FINDING)
        contents_note_time(contents, event->time);
    return TM_OK;
}

enum tm_err contents_load(struct contents *contents, struct tm_why *why)
{
    if (!contents->catalog)
        return TM_OK;
    enum tm_err err = catalog_load(contents->catalog, contents->series, contents->producers,
                                   contents->tombstones, &contents->mark, why);
    contents->newest_ms = contents->mark.newest_ms;
    return err;
}

static enum tm_err gather_block(struct contents *contents, const struct bytes *block)
{
    struct cursor in = cursor_of(block->data, block->len);
    enum tm_err err = TM_OK;
    while (cursor_left(&in) > 0 && !in.bad && !err) {
        (void)cursor_zigzag(&in);
        struct str line = cursor_str(&in);
        if (!in.bad)
            err = markers_apply(contents->markers, line);
    }
    return err;
}

enum tm_err contents_gather(struct contents *contents, uint64_t *damaged, struct tm_why *why)
{
    const struct catalog_wanted wanted = {
        EVENT_MARKER, {INT64_MIN, INT64_MAX}, contents->mark.flushed_lsn, damaged};
    struct catalog_position position = {.is_begun = false};
    struct bytes block = {0};
    enum tm_err err = TM_OK;
    *damaged = 0;
    contents->markers = markers_new();
    contents->groups = groups_new();
    if (!contents->markers || !contents->groups)
        return tm_fail(why, TM_NOMEM, "out of memory for markers and groups");
    groups_follow(contents->groups, contents->markers);
    if (contents->catalog)
        err = catalog_load_groups(contents->catalog, contents->groups, damaged, why);
    while (contents->catalog && !err) {
        err = catalog_events_next(contents->catalog, &position, &wanted, &block, why);
        if (!err)
            err = gather_block(contents, &block);
    }
    bytes_fini(&block);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

enum tm_err contents_index(struct contents *contents, size_t most)
{
    if (!contents->index)
        contents->index = index_new();
    if (!contents->index)
        return TM_NOMEM;
    size_t count = series_durable_count(contents->series);
    struct bytes labels = {0};
    enum tm_err err = TM_OK;
    for (size_t at; (at = contents->indexed_count) < count && most > 0 && err != TM_NOMEM; most--) {
        series_id id = series_durable_at(contents->series, at);
        bytes_clear(&labels);
        if (id == 0) { /* it left */
            contents->indexed_count = at + 1;
            continue;
        }
        series_labels(contents->series, id, &labels);
        err = bytes_error(&labels);
        if (!err)
            err = index_add(contents->index, id, bytes_view(&labels), series_owner(contents->series, id));
        /* What it refuses for good is read by number all the same. */
        if (err != TM_NOMEM)
            contents->indexed_count = at + 1;
    }
    bytes_fini(&labels);
    return err == TM_NOMEM ? err : TM_OK;
}
