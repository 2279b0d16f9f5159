#include "storage/events/events_merge.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/events/events_files.h"
#include "storage/grow.h"
#include "storage/partition/days.h"

/* So much is in memory at once: of events, of their bytes (a block's are at most a fraction of that). */
enum { GROUP_EVENTS = 4 * EVENTS_BLOCK_MAX, GROUP_BYTES = 8 << 20, REST_BYTES = 3 << 20 };
enum { SCAN_ITEMS = 1024, WAIT_S = 5 };

/* Where a block stands. */
struct place {
    struct partition_key key;
    bool late;
    uint32_t service; /* index of its name */
    uint32_t count;
    time_ms_t first;
};

struct row {
    time_ms_t time;
    size_t at; /* in the arena */
    size_t len;
    size_t order; /* as gathered */
};

struct merging {
    struct events_work *work;
    struct partition_rewrite *rewrite;
    uint32_t day;
    struct place *places;
    size_t count;
    size_t capacity;
    struct bytes names; /* of services, each as bytes_str */
    size_t *name_at;
    size_t name_count;
    size_t name_capacity;
    struct events_block block;
    struct bytes stored;
    struct bytes arena;
    struct bytes rest; /* what becomes the arena of the next group */
    struct row *rows;
    size_t row_count;
    size_t row_capacity;
    struct events_row *views;
    size_t view_capacity;
    struct bytes made;
    uint32_t part;
    bool is_locked;
};

static void fini(struct merging *m)
{
    free(m->places);
    bytes_fini(&m->names);
    free(m->name_at);
    events_block_fini(&m->block);
    bytes_fini(&m->stored);
    bytes_fini(&m->arena);
    bytes_fini(&m->rest);
    free(m->rows);
    free(m->views);
    bytes_fini(&m->made);
}

static enum tm_err fail_memory(struct tm_why *why)
{
    return tm_fail(why, TM_NOMEM, "out of memory for merging events");
}

/* ---- what the day has ---- */

static struct str name_of(const struct merging *m, size_t index)
{
    struct cursor c = cursor_of(m->names.data + m->name_at[index], m->names.len - m->name_at[index]);
    return cursor_str(&c);
}

/* Services of a day are few, and blocks of one follow each other. */
static enum tm_err number_service(struct merging *m, struct str service, uint32_t *out)
{
    size_t last = m->count > 0 ? m->places[m->count - 1].service : 0;
    if (m->name_count > 0 && str_equal(name_of(m, last), service)) {
        *out = (uint32_t)last;
        return TM_OK;
    }
    for (size_t i = 0; i < m->name_count; i++) {
        if (str_equal(name_of(m, i), service)) {
            *out = (uint32_t)i;
            return TM_OK;
        }
    }
    size_t *at = grow_array(m->name_at, &m->name_capacity, m->name_count + 1, sizeof *at);
    if (!at)
        return TM_NOMEM;
    m->name_at = at;
    at[m->name_count] = m->names.len;
    bytes_str(&m->names, service);
    *out = (uint32_t)m->name_count++;
    return bytes_error(&m->names);
}

static enum tm_err add_place(struct merging *m, struct partition_id id, const struct partition_item *item,
                             struct tm_why *why)
{
    struct chunk_key key = days_chunk_key(id, &item->key);
    struct events_block_head head;
    uint32_t service;
    if (events_block_peek(&key, item->value, &head) != TM_OK)
        return events_files_damaged(m->work->partitions, id, why);
    if (number_service(m, head.service, &service) != TM_OK)
        return fail_memory(why);
    struct place *places = grow_array(m->places, &m->capacity, m->count + 1, sizeof *places);
    if (!places)
        return fail_memory(why);
    m->places = places;
    places[m->count++] = (struct place){item->key, id.late, service, head.count, head.first};
    return TM_OK;
}

/* One bounded step; TM_NOT_FOUND at the end. */
static enum tm_err list_some(struct merging *m, struct partition_id id, struct partition_scan *scan,
                             struct tm_why *why)
{
    struct partition_step step;
    struct partition_item item;
    enum tm_err err = partition_step_begin(m->work->partitions, id, &step, why);
    if (err)
        return err;
    for (int i = 0; i < SCAN_ITEMS && !err; i++) {
        err = partition_scan_next(&step, scan, &item, why);
        if (!err)
            err = add_place(m, id, &item, why);
    }
    partition_step_end(&step);
    return err;
}

/* By service as they were met, then by time. */
static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->service != y->service)
        return x->service < y->service ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->late != y->late)
        return x->late ? 1 : -1;
    if (x->key.window != y->key.window)
        return x->key.window < y->key.window ? -1 : 1;
    return (x->key.part > y->key.part) - (x->key.part < y->key.part);
}

static enum tm_err list_places(struct merging *m, struct tm_why *why)
{
    for (int late = 0; late < 2; late++) {
        struct partition_scan scan = {0};
        enum tm_err err = TM_OK;
        while (!err)
            err = list_some(m, (struct partition_id){PARTITION_EVENTS, m->day, late == 1}, &scan, why);
        if (err != TM_NOT_FOUND)
            return err;
    }
    if (m->count == 0)
        return tm_fail(why, TM_NOT_FOUND, "the day has no events");
    qsort(m->places, m->count, sizeof *m->places, compare_places);
    return TM_OK;
}

/* ---- reading ---- */

static enum tm_err fetch(struct merging *m, const struct place *place, struct tm_why *why)
{
    struct partition_id id = {PARTITION_EVENTS, m->day, place->late};
    struct chunk_key key = days_chunk_key(id, &place->key);
    struct partition_step step;
    struct str value;
    enum tm_err err = partition_step_begin(m->work->partitions, id, &step, why);
    if (err)
        return err;
    err = partition_get(&step, &place->key, &value, why);
    bytes_clear(&m->stored);
    if (!err)
        bytes_put(&m->stored, value.ptr, value.len);
    partition_step_end(&step);
    if (err)
        return err;
    if (bytes_error(&m->stored))
        return fail_memory(why);
    err = events_block_open(&m->block, &key, bytes_view(&m->stored));
    if (!err)
        err = events_block_read(&m->block, UINT32_MAX);
    if (err == TM_CORRUPT)
        return events_files_damaged(m->work->partitions, id, why);
    return err ? fail_memory(why) : TM_OK;
}

static enum tm_err gather_block(struct merging *m, const struct place *place, struct tm_why *why)
{
    struct http_event event = {.count = 1};
    enum tm_err err = fetch(m, place, why);
    if (err)
        return err;
    struct row *rows =
        grow_array(m->rows, &m->row_capacity, m->row_count + m->block.head.count, sizeof *rows);
    if (!rows)
        return fail_memory(why);
    m->rows = rows;
    for (size_t i = 0; i < m->block.head.count; i++) {
        size_t at = m->arena.len;
        events_block_event(&m->block, i, UINT32_MAX, &event);
        err = http_event_encode(&event, &m->arena);
        if (err)
            return tm_fail(why, err, "encoding an event: %s", tm_err_text(err));
        rows[m->row_count] = (struct row){event.time, at, m->arena.len - at, m->row_count};
        m->row_count++;
    }
    return TM_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* ---- writing ---- */

static enum tm_err put_block(struct merging *m, uint32_t service, const struct events_row *rows, size_t count,
                             size_t *taken, struct tm_why *why)
{
    const struct partition_key at = {0, service, m->part};
    struct chunk_key key = days_chunk_key((struct partition_id){PARTITION_EVENTS, m->day, false}, &at);
    struct events_block_head head;
    bytes_clear(&m->made);
    enum tm_err err = events_block_encode(m->work->encoder, &key, rows, count, taken, &m->made, &head);
    if (err)
        return tm_fail(why, err, "encoding a block of events: %s", tm_err_text(err));
    const struct partition_extent extent = {head.first, head.last, head.count};
    err = partition_rewrite_put(m->rewrite, service, m->part, bytes_view(&m->made), &extent, why);
    m->part++;
    if (!err && atomic_load_explicit(m->work->stop, memory_order_relaxed))
        err = tm_fail(why, TM_CLOSED, "the store closes");
    return err;
}

/* What was not enough for a full block begins the next group. */
static enum tm_err keep_rest(struct merging *m, size_t from)
{
    bytes_clear(&m->rest);
    size_t count = m->row_count - from;
    for (size_t i = 0; i < count; i++) {
        struct row row = m->rows[from + i];
        size_t at = m->rest.len;
        bytes_put(&m->rest, m->arena.data + row.at, row.len);
        m->rows[i] = (struct row){row.time, at, row.len, i};
    }
    m->row_count = count;
    struct bytes old = m->arena;
    m->arena = m->rest;
    m->rest = old;
    return bytes_error(&m->arena);
}

/* The rows gathered, by time: full blocks, and with is_last what is left. */
static enum tm_err put_group(struct merging *m, uint32_t service, bool is_last, struct tm_why *why)
{
    struct events_row *views = grow_array(m->views, &m->view_capacity, m->row_count, sizeof *views);
    if (!views)
        return fail_memory(why);
    m->views = views;
    if (m->row_count > 1)
        qsort(m->rows, m->row_count, sizeof *m->rows, compare_rows);
    size_t bytes = 0, from = 0;
    for (size_t i = 0; i < m->row_count; i++) {
        views[i] = (struct events_row){m->rows[i].time,
                                       {(const char *)m->arena.data + m->rows[i].at, m->rows[i].len}};
        bytes += m->rows[i].len;
    }
    enum tm_err err = TM_OK;
    while (!err && from < m->row_count &&
           (is_last || m->row_count - from >= EVENTS_BLOCK_MAX || bytes > REST_BYTES)) {
        size_t taken = 0;
        err = put_block(m, service, views + from, m->row_count - from, &taken, why);
        for (size_t i = 0; i < taken; i++)
            bytes -= m->rows[from + i].len;
        from += taken;
    }
    if (!err && keep_rest(m, from) != TM_OK)
        return fail_memory(why);
    return err;
}

/* The blocks of one service: places [from, to). */
static enum tm_err merge_service(struct merging *m, uint32_t service, size_t from, size_t to,
                                 struct tm_why *why)
{
    enum tm_err err = TM_OK;
    m->part = 0;
    m->row_count = 0;
    bytes_clear(&m->arena);
    for (size_t i = from; i < to && !err; i++) {
        err = gather_block(m, &m->places[i], why);
        if (!err && (i + 1 == to || m->row_count >= GROUP_EVENTS || m->arena.len >= GROUP_BYTES))
            err = put_group(m, service, i + 1 == to, why);
    }
    return err;
}

/* From here on no pass is under way, until it is unlocked: one that began before holds places of the old
 * blocks. New ones wait behind this. */
static enum tm_err lock_out_readers(struct merging *m, struct tm_why *why)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    m->is_locked = pthread_rwlock_timedwrlock(m->work->readers, &until) == 0;
    return m->is_locked ? TM_OK : tm_fail(why, TM_BUSY, "readers of events do not end");
}

static enum tm_err merge_day(void *arg, struct partition_rewrite *rewrite, struct tm_why *why)
{
    struct merging *m = arg;
    uint32_t service = 0;
    m->rewrite = rewrite;
    enum tm_err err = list_places(m, why);
    for (size_t from = 0, to; from < m->count && !err; from = to) {
        for (to = from; to < m->count && m->places[to].service == m->places[from].service;)
            to++;
        err = merge_service(m, ++service, from, to, why);
    }
    return err ? err : lock_out_readers(m, why);
}

enum tm_err events_merge(struct events_work *work, uint32_t day, struct tm_why *why)
{
    struct merging m = {.work = work, .day = day};
    if (!work->encoder)
        work->encoder = events_encoder_new();
    enum tm_err err = work->encoder ? TM_OK : fail_memory(why);
    if (!err)
        err = partition_rewrite(work->partitions, PARTITION_EVENTS, day, merge_day, &m, why);
    if (m.is_locked)
        (void)pthread_rwlock_unlock(work->readers);
    fini(&m);
    return err;
}
