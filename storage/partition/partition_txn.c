/* Write transactions: bounded, synced one by one, tried again with a larger map or a fresh environment. */
#include "storage/partition/partition_private.h"
#include "storage/partition/present.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 64, RECORD_HEAD = PARTITION_KEY_BYTES + 4 };
#define GROWTH_MAX_BYTES ((size_t)1 << 30)
#define FIRST_MAP_BYTES  ((size_t)64 << 20)

/* ---- inside LMDB ---- */

struct running {
    struct txn_job *job;
    MDB_txn *txn;
};

static int put_chunks(struct running *r)
{
    struct partition *p = r->job->partition;
    const struct bytes *b = r->job->chunks;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(r->txn, p->chunks, &cursor);
    if (rc)
        return rc;
    for (size_t at = 0; !rc && at < b->len;) {
        uint32_t len;
        memcpy(&len, b->data + at + PARTITION_KEY_BYTES, sizeof len);
        MDB_val key = {PARTITION_KEY_BYTES, b->data + at};
        MDB_val value = {len, b->data + at + RECORD_HEAD};
        rc = mdb_cursor_put(cursor, &key, &value, MDB_APPEND);
        at += RECORD_HEAD + len;
    }
    mdb_cursor_close(cursor);
    return rc;
}

static int remove_chunks(struct running *r)
{
    struct txn_job *job = r->job;
    struct partition_key from = {.window = job->remove_from};
    uint8_t bytes[PARTITION_KEY_BYTES];
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(r->txn, job->partition->chunks, &cursor);
    if (rc)
        return rc;
    key_encode(&from, bytes);
    MDB_val key = {sizeof bytes, bytes}, value;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (uint32_t left = job->remove_left; !rc && left > 0; left--) {
        rc = mdb_cursor_del(cursor, 0);
        if (!rc)
            rc = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);
        /* Behind the last one there is nothing current. */
        if (rc == EINVAL)
            rc = MDB_NOTFOUND;
    }
    mdb_cursor_close(cursor);
    job->removed_all = rc == MDB_NOTFOUND;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int put_window(struct running *r)
{
    const struct partition_window *window = r->job->window;
    uint8_t bytes[PARTITION_WINDOW_BYTES];
    uint32_t number = __builtin_bswap32(window->window);
    MDB_val key = {sizeof number, &number}, value = {window_encode(window, bytes), bytes};
    return mdb_put(r->txn, r->job->partition->windows_table, &key, &value, MDB_NOOVERWRITE);
}

static int put_meta(struct running *r)
{
    static char name[] = "partition";
    uint8_t bytes[PARTITION_META_BYTES];
    MDB_val key = {sizeof name - 1, name}, value = {sizeof bytes, bytes};
    meta_encode(r->job->meta, bytes);
    return mdb_put(r->txn, r->job->partition->meta_table, &key, &value, 0);
}

static int run_call(void *arg)
{
    struct running *r = arg;
    int rc = mdb_txn_begin(r->job->partition->env, NULL, 0, &r->txn);
    if (rc)
        return rc;
    if (r->job->remove_from)
        rc = remove_chunks(r);
    if (!rc && r->job->chunks && r->job->chunks->len)
        rc = put_chunks(r);
    if (!rc && r->job->window)
        rc = put_window(r);
    if (!rc && r->job->meta)
        rc = put_meta(r);
    if (rc) {
        mdb_txn_abort(r->txn);
        return rc;
    }
    set_fault_point(r->job->set, "txn.ready");
    return mdb_txn_commit(r->txn);
}

/* ---- around it ---- */

static enum tm_err grow_map(struct partitions *set, struct partition *p, struct tm_why *why)
{
    size_t step = set->options.map_bytes ? set->options.map_bytes : FIRST_MAP_BYTES;
    int rc = 0;
    door_park(set, p);
    if (step < p->map_bytes)
        step = p->map_bytes < GROWTH_MAX_BYTES ? p->map_bytes : GROWTH_MAX_BYTES;
    size_t wanted = p->map_bytes + step;
    if (p->state == PARTITION_OPEN)
        rc = mdb_env_set_mapsize(p->env, wanted);
    if (p->state == PARTITION_OPEN && !rc)
        p->map_bytes = wanted;
    door_unpark(set, p);
    if (rc)
        return env_fail(set, p, rc, "growing the map of", why);
    set_lock(set);
    set->stats.map_growths++;
    set_unlock(set);
    set_log(set, STORE_LOG_INFO, "partition.map_grown", "partition %s: map is now %zu MiB", env_label(p).text,
            wanted >> 20);
    return TM_OK;
}

void txn_reopen(struct partitions *set, struct partition *p)
{
    door_park(set, p);
    set_lock(set);
    door_close(set, p);
    set->stats.reopened++;
    set_unlock(set);
    door_unpark(set, p);
    set_log(set, STORE_LOG_WARNING, "partition.reopened",
            "partition %s: a write of its meta page had failed, it was opened anew", env_label(p).text);
}

/* Room for one more window, so that publishing what is on disk can't fail. The partition is open. */
static enum tm_err reserve_window(struct partitions *set, struct partition *p, struct tm_why *why)
{
    struct partition_windows *w = p->windows, *grown;
    if (w->count < w->capacity)
        return TM_OK;
    size_t capacity = 2 * w->capacity;
    grown = malloc(sizeof *grown + capacity * sizeof grown->items[0]);
    if (!grown)
        return tm_fail(why, TM_NOMEM, "out of memory");
    *grown = (struct partition_windows){.references = 1, .count = w->count, .capacity = capacity};
    memcpy(grown->items, w->items, w->count * sizeof w->items[0]);
    set_lock(set);
    p->windows = grown;
    if (--w->references == 0)
        free(w);
    set_unlock(set);
    return TM_OK;
}

/* What readers see from now on. */
static void publish(const struct txn_job *job)
{
    struct partitions *set = job->set;
    struct partition *p = job->partition;
    set_lock(set);
    set->stats.txns++;
    if (job->meta) {
        p->meta = *job->meta;
        p->sealed = p->meta.sealed;
    }
    if (job->window)
        p->windows->items[p->windows->count++] = *job->window;
    set_unlock(set);
}

enum tm_err txn_run(struct txn_job *job, struct tm_why *why)
{
    struct partitions *set = job->set;
    struct partition *p = job->partition;
    bool was_reopened = false;
    set_fault_point(set, "txn.begin");
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        struct running running = {.job = job};
        enum tm_err err = door_enter(set, p, why);
        if (err)
            return err;
        if (job->window)
            err = reserve_window(set, p, why);
        int rc = err ? 0 : lmdb_guard(run_call, &running);
        if (!err && !rc)
            publish(job);
        door_leave(set, p);
        if (rc == MDB_MAP_FULL)
            err = grow_map(set, p, why);
        if (err)
            return err;
        if (rc == MDB_MAP_FULL) {
            continue;
        } else if (rc == MDB_PANIC && !was_reopened) {
            txn_reopen(set, p);
            was_reopened = true;
        } else if (rc) {
            return env_fail(set, p, rc, "writing to", why);
        } else {
            set_fault_point(set, "txn.committed");
            return TM_OK;
        }
    }
    return tm_fail(why, TM_LIMIT, "partition %s: a transaction did not fit after %d growths of its map",
                   env_label(p).text, MAX_TRIES);
}

/* ---- chunks on their way ---- */

static enum tm_err flush_sink(struct chunk_sink *sink, const struct partition_window *window,
                              const struct partition_meta *meta, struct tm_why *why)
{
    struct txn_job job = {.set = sink->set,
                          .partition = sink->partition,
                          .chunks = &sink->buffer,
                          .window = window,
                          .meta = meta};
    enum tm_err err = txn_run(&job, why);
    bytes_clear(&sink->buffer);
    sink->buffered = 0;
    return err;
}

static void add_extent(struct partition_window *window, const struct partition_extent *extent)
{
    if (window->chunks == 0 || extent->first < window->first)
        window->first = extent->first;
    if (window->chunks == 0 || extent->last > window->last)
        window->last = extent->last;
    window->chunks++;
    window->samples += extent->samples;
}

static enum tm_err check_chunk(const struct chunk_sink *sink, const struct partition_key *key,
                               struct str value, const struct partition_extent *extent, struct tm_why *why)
{
    if (value.len > PARTITION_MAX_VALUE_BYTES)
        return tm_fail(why, TM_TOO_LARGE, "a chunk of %zu bytes is over the limit of %d", value.len,
                       PARTITION_MAX_VALUE_BYTES);
    if (sink->window.chunks > 0 && key_compare(&sink->last, key) >= 0)
        return tm_fail(why, TM_INVALID, "chunk (%u, %u) does not come after (%u, %u)", key->series, key->part,
                       sink->last.series, sink->last.part);
    if (extent->first > extent->last || extent->samples == 0)
        return tm_fail(why, TM_INVALID, "the chunk of series %u is empty", key->series);
    return TM_OK;
}

/* False: out of memory. */
static bool note_series(const struct chunk_sink *sink, uint32_t series)
{
    struct partitions *set = sink->set;
    bool is_watched = set->watching && set->watched_tiers >> sink->partition->id.tier & 1;
    return !is_watched || present_add(set->watching, series) == TM_OK;
}

enum tm_err sink_put(struct chunk_sink *sink, uint32_t series, uint32_t part, struct str value,
                     const struct partition_extent *extent, struct tm_why *why)
{
    struct partition_key key = {sink->window.window, series, part};
    enum tm_err err = check_chunk(sink, &key, value, extent, why);
    if (err)
        return err;
    uint8_t head[RECORD_HEAD];
    uint32_t len = (uint32_t)value.len;
    key_encode(&key, head);
    memcpy(head + PARTITION_KEY_BYTES, &len, sizeof len);
    bytes_put(&sink->buffer, head, sizeof head);
    bytes_put(&sink->buffer, value.ptr, value.len);
    if (bytes_error(&sink->buffer) || !note_series(sink, series))
        return tm_fail(why, TM_NOMEM, "out of memory");
    if (sink->manifest)
        manifest_add(sink->manifest, head, value);
    sink->last = key;
    sink->window.keys_hash = keys_hash_add(sink->window.keys_hash, head, len);
    sink->buffered++;
    add_extent(&sink->window, extent);
    const struct partitions_options *options = &sink->set->options;
    if (sink->buffer.len >= options->txn_bytes || sink->buffered >= options->txn_count)
        return flush_sink(sink, NULL, NULL, why);
    return TM_OK;
}

enum tm_err sink_finish(struct chunk_sink *sink, const struct partition_meta *meta, struct tm_why *why)
{
    return flush_sink(sink, sink->window.chunks ? &sink->window : NULL, meta, why);
}
