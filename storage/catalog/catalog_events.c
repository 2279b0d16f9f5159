/* Events: written by the end of a flush, read block by block, forgotten. */
#include "storage/catalog/catalog_private.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    KEY_BYTES = 16,
    EVENT_BLOCK_MAX = 1 << 18, /* bytes of lines in one value, before compression */
    ZSTD_LEVEL = 3
};

static void event_key(uint8_t key[KEY_BYTES], uint64_t lsn, uint32_t kind, uint32_t block)
{
    catalog_put_u32(key, (uint32_t)(lsn >> 32));
    catalog_put_u32(key + 4, (uint32_t)lsn);
    catalog_put_u32(key + 8, kind);
    catalog_put_u32(key + 12, block);
}

/* ---- the end of a flush ---- */

struct finishing {
    struct catalog *catalog;
    MDB_txn *txn;
    const struct head *head;
    const struct catalog_mark *mark;
    struct str producers;
    struct str groups;
    struct bytes lines; /* of the block being filled */
    struct bytes value;
    enum event_kind kind;
    uint32_t block;
    time_ms_t first;
    time_ms_t last;
    int rc;
};

static void write_block(struct finishing *f)
{
    if (f->lines.failed && !f->rc)
        f->rc = ENOMEM; /* it may be empty for that: what would be dropped is acknowledged */
    if (f->lines.len == 0 || f->rc)
        return;
    uint8_t key[KEY_BYTES];
    event_key(key, f->mark->flushed_lsn, (uint32_t)f->kind, f->block++);
    catalog_start_value(&f->value);
    bytes_u64(&f->value, (uint64_t)f->first);
    bytes_u64(&f->value, (uint64_t)f->last);
    bytes_u32(&f->value, (uint32_t)f->lines.len);
    size_t bound = ZSTD_compressBound(f->lines.len);
    uint8_t *to = bytes_reserve(&f->value, bound);
    size_t packed = to ? ZSTD_compress(to, bound, f->lines.data, f->lines.len, ZSTD_LEVEL) : 0;
    if (!to || ZSTD_isError(packed)) {
        f->rc = ENOMEM;
        return;
    }
    f->value.len += packed;
    f->rc = catalog_put(f->txn, f->catalog->events, (MDB_val){sizeof key, key}, &f->value);
    bytes_clear(&f->lines);
}

static bool add_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct finishing *f = arg;
    (void)kind;
    if (f->lines.len == 0 || time < f->first)
        f->first = time;
    if (f->lines.len == 0 || time > f->last)
        f->last = time;
    bytes_zigzag(&f->lines, time);
    bytes_str(&f->lines, line);
    if (f->lines.len >= EVENT_BLOCK_MAX)
        write_block(f);
    return f->rc == 0;
}

static int write_clock(struct finishing *f)
{
    char name[] = "clock";
    catalog_start_value(&f->value);
    bytes_u8(&f->value, CATALOG_VERSION);
    bytes_u64(&f->value, (uint64_t)f->mark->believed.time_ms);
    bytes_u64(&f->value, (uint64_t)f->mark->believed.ahead_ms);
    bytes_u64(&f->value, (uint64_t)f->mark->believed.doubted_ms);
    return catalog_put(f->txn, f->catalog->marks, (MDB_val){sizeof name - 1, name}, &f->value);
}

static int write_finish(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    static const struct span all = {INT64_MIN, INT64_MAX};
    struct finishing *f = arg;
    char name[] = "finished";
    f->txn = txn;
    f->rc = 0;
    f->block = 0;
    for (int kind = 0; kind < EVENT_REQUEST && !f->rc; kind++) { /* the others have places of their own */
        f->kind = (enum event_kind)kind;
        bytes_clear(&f->lines);
        (void)head_events(f->head, f->kind, all, add_event, f);
        write_block(f);
    }
    if (!f->rc)
        f->rc = catalog_put_groups(catalog, txn, f->groups, &f->value);
    if (!f->rc)
        f->rc = catalog_put_findings(catalog, txn, f->head, &f->value);
    if (!f->rc)
        f->rc = write_clock(f);
    if (f->rc)
        return f->rc;
    catalog_start_value(&f->value);
    bytes_u8(&f->value, CATALOG_VERSION);
    bytes_u64(&f->value, f->mark->flushed_lsn);
    bytes_u64(&f->value, (uint64_t)f->mark->newest_ms);
    bytes_put(&f->value, f->producers.ptr, f->producers.len);
    return catalog_put(txn, catalog->marks, (MDB_val){sizeof name - 1, name}, &f->value);
}

enum tm_err catalog_finish(struct catalog *catalog, const struct head *head, const struct catalog_mark *mark,
                           struct str producers, struct str groups, struct tm_why *why)
{
    struct finishing f = {
        .catalog = catalog, .head = head, .mark = mark, .producers = producers, .groups = groups};
    enum tm_err err = catalog_write(catalog, write_finish, &f, "writing to", why);
    bytes_fini(&f.lines);
    bytes_fini(&f.value);
    return err;
}

/* ---- events ---- */

struct forgetting {
    enum event_kind kind;
    time_ms_t time;
};

static int remove_old(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    const struct forgetting *f = arg;
    MDB_cursor *cursor;
    MDB_val key, data;
    int rc = mdb_cursor_open(txn, catalog->events, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        struct cursor in = cursor_of(data.mv_data, data.mv_size);
        if (key.mv_size != KEY_BYTES || catalog_get_u32((uint8_t *)key.mv_data + 8) != (uint32_t)f->kind)
            continue;
        (void)cursor_take(&in, CATALOG_SUM_BYTES + 8);
        if ((time_ms_t)cursor_u64(&in) >= f->time || in.bad)
            continue;
        rc = mdb_cursor_del(cursor, 0);
        if (rc)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum tm_err catalog_forget(struct catalog *catalog, enum event_kind kind, time_ms_t time, struct tm_why *why)
{
    struct forgetting f = {kind, time};
    return catalog_write(catalog, remove_old, &f, "removing old events from", why);
}

static int decode_block(const MDB_val *key, const MDB_val *data, const struct catalog_wanted *wanted,
                        struct bytes *out, bool *is_wanted)
{
    struct cursor in = cursor_of(data->mv_data, data->mv_size);
    (void)cursor_take(&in, CATALOG_SUM_BYTES);
    time_ms_t first = (time_ms_t)cursor_u64(&in);
    time_ms_t last = (time_ms_t)cursor_u64(&in);
    uint32_t raw = cursor_u32(&in);
    *is_wanted = last >= wanted->span.from && first < wanted->span.to;
    if (!in.bad && !*is_wanted)
        return 0;
    struct cursor unused;
    if (in.bad || raw > CATALOG_EVENT_RAW_MAX || !catalog_check(key, data, &unused))
        return MDB_CORRUPTED;
    bytes_clear(out);
    if (!bytes_reserve(out, raw))
        return ENOMEM;
    size_t len = ZSTD_decompress(out->data, raw, in.at, cursor_left(&in));
    if (ZSTD_isError(len) && ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation)
        return ENOMEM; /* lack of memory is not damage */
    out->len = raw;
    return len == raw ? 0 : MDB_CORRUPTED;
}

struct block_search {
    struct catalog_position *position;
    const struct catalog_wanted *wanted;
    struct bytes *out;
};

static int find_block(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    const struct block_search *f = arg;
    struct catalog_position *position = f->position;
    const struct catalog_wanted *wanted = f->wanted;
    MDB_cursor *cursor;
    MDB_val key = {KEY_BYTES, position->key}, data;
    uint8_t limit[KEY_BYTES];
    bool is_wanted = false;
    event_key(limit, wanted->until, UINT32_MAX, UINT32_MAX);
    int rc = mdb_cursor_open(txn, catalog->events, &cursor);
    if (rc)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &data, position->is_begun ? MDB_SET_RANGE : MDB_FIRST);
    if (!rc && position->is_begun && memcmp(key.mv_data, position->key, KEY_BYTES) == 0)
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    for (; !rc; rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        if (key.mv_size != KEY_BYTES) {
            rc = MDB_CORRUPTED;
            break;
        }
        if (memcmp(key.mv_data, limit, KEY_BYTES) > 0) {
            rc = MDB_NOTFOUND;
            break;
        }
        if (catalog_get_u32((uint8_t *)key.mv_data + 8) != (uint32_t)wanted->kind)
            continue;
        rc = decode_block(&key, &data, wanted, f->out, &is_wanted);
        if (rc == MDB_CORRUPTED && wanted->damaged) {
            ++*wanted->damaged;
            is_wanted = false;
            rc = 0;
        }
        if (rc || is_wanted)
            break;
    }
    if (!rc) {
        memcpy(position->key, key.mv_data, KEY_BYTES);
        position->is_begun = true;
    }
    mdb_cursor_close(cursor);
    return rc;
}

enum tm_err catalog_events_next(struct catalog *catalog, struct catalog_position *position,
                                const struct catalog_wanted *wanted, struct bytes *out, struct tm_why *why)
{
    struct block_search finding = {position, wanted, out};
    int rc = catalog_read(catalog, find_block, &finding);
    if (rc == MDB_NOTFOUND)
        return TM_NOT_FOUND;
    return rc ? catalog_fail(catalog, rc, "reading events in", why) : TM_OK;
}
