#include "storage/catalog/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum {
    TABLES = 3,
    KEY_BYTES = 16,
    SUM_BYTES = 8,
    EVENT_BLOCK_MAX = 1 << 18, /* bytes of lines in one value, before compression */
    ZSTD_LEVEL = 3,
    VERSION = 1,
    MAP_TRIES = 20
};
#define MAP_FIRST_BYTES ((size_t)64 << 20)
#define SERIES_MAX      (UINT32_C(1) << 26)

struct catalog {
    char *path;
    MDB_env *env;
    MDB_dbi series; /* number -> owner, labels */
    MDB_dbi events; /* lsn, kind, block -> lines */
    MDB_dbi marks;  /* "promised", "finished" */
    size_t map_bytes;
    bool read_only;
    pthread_rwlock_t lock; /* held for writing while the map is changed, for reading in a transaction */
};

/* ---- errors ---- */

static enum tm_err fail_call(const struct catalog *catalog, int rc, const char *what, struct tm_why *why)
{
    enum tm_err err = TM_IO;
    if (rc == ENOMEM)
        err = TM_NOMEM;
    else if (rc == ENOSPC || rc == EDQUOT)
        err = TM_NO_SPACE;
    else if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
             rc == MDB_VERSION_MISMATCH)
        err = TM_CORRUPT;
    return tm_fail(why, err, "%s the index %s failed: %s; %s", what, catalog->path, mdb_strerror(rc),
                   err == TM_CORRUPT ? "restore the folder from a backup" : "check the disk");
}

/* ---- opening ---- */

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int open_tables(struct catalog *catalog)
{
    static const char *const names[TABLES] = {"series", "events", "marks"};
    MDB_dbi *const tables[TABLES] = {&catalog->series, &catalog->events, &catalog->marks};
    MDB_txn *txn;
    unsigned flags = catalog->read_only ? 0 : MDB_CREATE;
    int rc = mdb_txn_begin(catalog->env, NULL, catalog->read_only ? MDB_RDONLY : 0, &txn);
    if (rc)
        return rc;
    for (int i = 0; i < TABLES && !rc; i++)
        rc = mdb_dbi_open(txn, names[i], flags, tables[i]);
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_env(struct catalog *catalog)
{
    unsigned flags = MDB_NOTLS | (catalog->read_only ? MDB_RDONLY : 0);
    int rc = mdb_env_create(&catalog->env);
    if (!rc)
        rc = mdb_env_set_maxdbs(catalog->env, TABLES);
    if (!rc)
        rc = mdb_env_set_mapsize(catalog->env, catalog->map_bytes);
    if (!rc)
        rc = mdb_env_open(catalog->env, catalog->path, flags, 0640);
    if (!rc)
        rc = open_tables(catalog);
    return rc;
}

/* The folder and its name, durable before anything in the journal may rely on it. */
static int make_place(const struct catalog *catalog, const char *dir)
{
    if (mkdir(catalog->path, 0750) != 0 && errno != EEXIST)
        return errno;
    return sync_folder(dir);
}

static bool is_there(const struct catalog *catalog)
{
    char path[4096];
    struct stat info;
    int len = snprintf(path, sizeof path, "%s/data.mdb", catalog->path);
    return len > 0 && (size_t)len < sizeof path && stat(path, &info) == 0 && info.st_size > 0;
}

enum tm_err catalog_open(const struct catalog_options *options, struct catalog **out, struct tm_why *why)
{
    *out = NULL;
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog || asprintf(&catalog->path, "%s/index", options->dir) < 0) {
        free(catalog);
        return tm_fail(why, TM_NOMEM, "out of memory while opening the index");
    }
    catalog->map_bytes = MAP_FIRST_BYTES;
    catalog->read_only = options->read_only;
    pthread_rwlock_init(&catalog->lock, NULL);
    enum tm_err err = TM_OK;
    int rc = 0;
    if (!is_there(catalog) && !options->make)
        err = tm_fail(why, TM_NOT_FOUND, "there is no index at %s", catalog->path);
    if (!err && !options->read_only)
        rc = make_place(catalog, options->dir);
    if (!err && !rc)
        rc = open_env(catalog);
    if (!err && !rc && !options->read_only)
        rc = sync_folder(catalog->path);
    if (rc == MDB_NOTFOUND && options->read_only)
        err = tm_fail(why, TM_NOT_FOUND, "the index %s was not finished", catalog->path);
    else if (rc)
        err = fail_call(catalog, rc, "opening", why);
    if (err) {
        catalog_close(catalog);
        return err;
    }
    *out = catalog;
    return TM_OK;
}

void catalog_close(struct catalog *catalog)
{
    if (!catalog)
        return;
    if (catalog->env)
        mdb_env_close(catalog->env);
    pthread_rwlock_destroy(&catalog->lock);
    free(catalog->path);
    free(catalog);
}

uint64_t catalog_bytes(const struct catalog *catalog)
{
    char path[4096];
    struct stat info;
    int len = snprintf(path, sizeof path, "%s/data.mdb", catalog->path);
    if (len <= 0 || (size_t)len >= sizeof path || stat(path, &info) != 0)
        return 0;
    return (uint64_t)info.st_blocks * 512;
}

/* ---- transactions ---- */

typedef int work_fn(struct catalog *catalog, MDB_txn *txn, void *arg);

/* Runs work in a write transaction; again in a larger map if it does not fit. */
static enum tm_err run_write(struct catalog *catalog, work_fn *work, void *arg, const char *what,
                             struct tm_why *why)
{
    int rc = MDB_MAP_FULL;
    for (int i = 0; i < MAP_TRIES && rc == MDB_MAP_FULL; i++) {
        if (i > 0) {
            catalog->map_bytes *= 2;
            pthread_rwlock_wrlock(&catalog->lock);
            rc = mdb_env_set_mapsize(catalog->env, catalog->map_bytes);
            pthread_rwlock_unlock(&catalog->lock);
            if (rc)
                break;
        }
        MDB_txn *txn;
        rc = mdb_txn_begin(catalog->env, NULL, 0, &txn);
        if (rc == MDB_MAP_RESIZED)
            rc = MDB_MAP_FULL;
        if (rc)
            continue;
        rc = work(catalog, txn, arg);
        if (rc)
            mdb_txn_abort(txn);
        else
            rc = mdb_txn_commit(txn);
    }
    return rc ? fail_call(catalog, rc, what, why) : TM_OK;
}

static int begin_reading(struct catalog *catalog, MDB_txn **txn)
{
    pthread_rwlock_rdlock(&catalog->lock);
    int rc = mdb_txn_begin(catalog->env, NULL, MDB_RDONLY, txn);
    if (rc == MDB_MAP_RESIZED) { /* another process writes */
        pthread_rwlock_unlock(&catalog->lock);
        pthread_rwlock_wrlock(&catalog->lock);
        rc = mdb_env_set_mapsize(catalog->env, 0);
        pthread_rwlock_unlock(&catalog->lock);
        pthread_rwlock_rdlock(&catalog->lock);
        if (!rc)
            rc = mdb_txn_begin(catalog->env, NULL, MDB_RDONLY, txn);
    }
    if (rc)
        pthread_rwlock_unlock(&catalog->lock);
    return rc;
}

static void end_reading(struct catalog *catalog, MDB_txn *txn)
{
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&catalog->lock);
}

/* ---- values ---- */

static uint64_t sum_of(const MDB_val *key, const uint8_t *data, size_t len)
{
    return XXH3_64bits_withSeed(data, len, XXH3_64bits(key->mv_data, key->mv_size));
}

/* Puts value, whose first bytes are left free for the checksum. */
static int put_value(MDB_txn *txn, MDB_dbi table, MDB_val key, struct bytes *value)
{
    if (value->failed)
        return ENOMEM;
    uint64_t sum = sum_of(&key, value->data + SUM_BYTES, value->len - SUM_BYTES);
    memcpy(value->data, &sum, sizeof sum);
    MDB_val data = {value->len, value->data};
    return mdb_put(txn, table, &key, &data, 0);
}

static void start_value(struct bytes *value)
{
    bytes_clear(value);
    bytes_u64(value, 0);
}

/* Whether the checksum is right; in then stands behind it. */
static bool check_value(const MDB_val *key, const MDB_val *data, struct cursor *in)
{
    uint64_t sum;
    if (data->mv_size < SUM_BYTES)
        return false;
    memcpy(&sum, data->mv_data, sizeof sum);
    *in = cursor_of((const uint8_t *)data->mv_data + SUM_BYTES, data->mv_size - SUM_BYTES);
    return sum == sum_of(key, in->at, cursor_left(in));
}

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void event_key(uint8_t key[KEY_BYTES], uint64_t lsn, uint32_t kind, uint32_t block)
{
    put_u32(key, (uint32_t)(lsn >> 32));
    put_u32(key + 4, (uint32_t)lsn);
    put_u32(key + 8, kind);
    put_u32(key + 12, block);
}

/* ---- loading ---- */

static enum tm_err load_one(const MDB_val *key, const MDB_val *data, struct series_table *series,
                            struct catalog_mark *mark)
{
    struct cursor in;
    if (key->mv_size != 4 || !check_value(key, data, &in)) {
        mark->damaged++;
        return TM_OK;
    }
    struct str service = cursor_str(&in);
    struct str labels = cursor_take(&in, cursor_left(&in));
    enum tm_err err = TM_CORRUPT;
    uint32_t id = get_u32(key->mv_data);
    if (!in.bad && id > 0 && id < SERIES_MAX)
        err = series_restore_at(series, labels, service, id);
    if (err != TM_CORRUPT)
        return err;
    mark->damaged++;
    return TM_OK;
}

static int load_series(struct catalog *catalog, MDB_txn *txn, struct series_table *series,
                       struct catalog_mark *mark)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    int rc = mdb_cursor_open(txn, catalog->series, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        if (load_one(&key, &data, series, mark) != TM_OK) {
            rc = ENOMEM;
            break;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* rc of LMDB; a mark that is damaged is MDB_CORRUPTED: what is flushed would be unknown. */
static int load_mark(struct catalog *catalog, MDB_txn *txn, const char *name, struct cursor *in)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name};
    MDB_val data;
    int rc = mdb_get(txn, catalog->marks, &key, &data);
    *in = cursor_of(NULL, 0);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    return check_value(&key, &data, in) && cursor_u8(in) == VERSION ? 0 : MDB_CORRUPTED;
}

static int load_marks(struct catalog *catalog, MDB_txn *txn, struct producers *producers,
                      struct catalog_mark *out)
{
    struct cursor in;
    int rc = load_mark(catalog, txn, "promised", &in);
    if (!rc && cursor_left(&in) > 0)
        out->promised_lsn = cursor_u64(&in);
    if (!rc)
        rc = load_mark(catalog, txn, "finished", &in);
    if (rc || cursor_left(&in) == 0)
        return rc;
    out->flushed_lsn = cursor_u64(&in);
    out->newest_ms = (time_ms_t)cursor_u64(&in);
    enum tm_err err = producers_load(producers, &in);
    return err == TM_NOMEM ? ENOMEM : err ? MDB_CORRUPTED : 0;
}

enum tm_err catalog_load(struct catalog *catalog, struct series_table *series, struct producers *producers,
                         struct catalog_mark *out, struct tm_why *why)
{
    MDB_txn *txn;
    *out = (struct catalog_mark){0};
    int rc = begin_reading(catalog, &txn);
    if (rc)
        return fail_call(catalog, rc, "reading", why);
    rc = load_marks(catalog, txn, producers, out);
    if (!rc)
        rc = load_series(catalog, txn, series, out);
    end_reading(catalog, txn);
    return rc ? fail_call(catalog, rc, "reading", why) : TM_OK;
}

/* ---- a flush ---- */

struct beginning {
    const struct series_table *series;
    const uint32_t *ids;
    size_t count;
    uint64_t promised_lsn;
    struct bytes value;
};

static int write_beginning(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct beginning *b = arg;
    int rc = 0;
    for (size_t i = 0; i < b->count && !rc; i++) {
        uint8_t number[4];
        put_u32(number, b->ids[i]);
        struct str labels = series_labels(b->series, b->ids[i]);
        start_value(&b->value);
        bytes_str(&b->value, series_owner(b->series, b->ids[i]));
        bytes_put(&b->value, labels.ptr, labels.len);
        rc = put_value(txn, catalog->series, (MDB_val){sizeof number, number}, &b->value);
    }
    if (rc)
        return rc;
    char name[] = "promised";
    start_value(&b->value);
    bytes_u8(&b->value, VERSION);
    bytes_u64(&b->value, b->promised_lsn);
    return put_value(txn, catalog->marks, (MDB_val){sizeof name - 1, name}, &b->value);
}

enum tm_err catalog_begin(struct catalog *catalog, const struct series_table *series, const uint32_t *ids,
                          size_t count, uint64_t promised_lsn, struct tm_why *why)
{
    struct beginning b = {.series = series, .ids = ids, .count = count, .promised_lsn = promised_lsn};
    enum tm_err err = run_write(catalog, write_beginning, &b, "writing new series to", why);
    bytes_fini(&b.value);
    return err;
}

struct finishing {
    struct catalog *catalog;
    MDB_txn *txn;
    const struct head *head;
    const struct catalog_mark *mark;
    struct str producers;
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
    if (f->lines.len == 0 || f->rc)
        return;
    uint8_t key[KEY_BYTES];
    event_key(key, f->mark->flushed_lsn, (uint32_t)f->kind, f->block++);
    start_value(&f->value);
    bytes_u64(&f->value, (uint64_t)f->first);
    bytes_u64(&f->value, (uint64_t)f->last);
    bytes_u32(&f->value, (uint32_t)f->lines.len);
    size_t bound = ZSTD_compressBound(f->lines.len);
    uint8_t *to = f->lines.failed ? NULL : bytes_reserve(&f->value, bound);
    size_t packed = to ? ZSTD_compress(to, bound, f->lines.data, f->lines.len, ZSTD_LEVEL) : 0;
    if (!to || ZSTD_isError(packed)) {
        f->rc = ENOMEM;
        return;
    }
    f->value.len += packed;
    f->rc = put_value(f->txn, f->catalog->events, (MDB_val){sizeof key, key}, &f->value);
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

static int write_finish(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    static const struct span all = {INT64_MIN, INT64_MAX};
    struct finishing *f = arg;
    char name[] = "finished";
    f->txn = txn;
    f->rc = 0;
    f->block = 0;
    for (int kind = 0; kind < EVENT_KIND_COUNT && !f->rc; kind++) {
        f->kind = (enum event_kind)kind;
        bytes_clear(&f->lines);
        (void)head_events(f->head, f->kind, all, add_event, f);
        write_block(f);
    }
    if (f->rc)
        return f->rc;
    start_value(&f->value);
    bytes_u8(&f->value, VERSION);
    bytes_u64(&f->value, f->mark->flushed_lsn);
    bytes_u64(&f->value, (uint64_t)f->mark->newest_ms);
    bytes_put(&f->value, f->producers.ptr, f->producers.len);
    return put_value(txn, catalog->marks, (MDB_val){sizeof name - 1, name}, &f->value);
}

enum tm_err catalog_finish(struct catalog *catalog, const struct head *head, const struct catalog_mark *mark,
                           struct str producers, struct tm_why *why)
{
    struct finishing f = {.catalog = catalog, .head = head, .mark = mark, .producers = producers};
    enum tm_err err = run_write(catalog, write_finish, &f, "writing to", why);
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
        if (key.mv_size != KEY_BYTES || get_u32((uint8_t *)key.mv_data + 8) != (uint32_t)f->kind)
            continue;
        (void)cursor_take(&in, SUM_BYTES + 8);
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
    return run_write(catalog, remove_old, &f, "removing old events from", why);
}

static int decode_block(const MDB_val *key, const MDB_val *data, const struct catalog_wanted *wanted,
                        struct bytes *out, bool *is_wanted)
{
    struct cursor in = cursor_of(data->mv_data, data->mv_size);
    (void)cursor_take(&in, SUM_BYTES);
    time_ms_t first = (time_ms_t)cursor_u64(&in);
    time_ms_t last = (time_ms_t)cursor_u64(&in);
    uint32_t raw = cursor_u32(&in);
    *is_wanted = last >= wanted->span.from && first < wanted->span.to;
    if (!in.bad && !*is_wanted)
        return 0;
    struct cursor unused;
    if (in.bad || !check_value(key, data, &unused))
        return MDB_CORRUPTED;
    bytes_clear(out);
    if (!bytes_reserve(out, raw))
        return ENOMEM;
    size_t len = ZSTD_decompress(out->data, raw, in.at, cursor_left(&in));
    out->len = raw;
    return len == raw ? 0 : MDB_CORRUPTED;
}

static int find_block(struct catalog *catalog, MDB_txn *txn, struct catalog_position *position,
                      const struct catalog_wanted *wanted, struct bytes *out)
{
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
        if (get_u32((uint8_t *)key.mv_data + 8) != (uint32_t)wanted->kind)
            continue;
        rc = decode_block(&key, &data, wanted, out, &is_wanted);
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
    MDB_txn *txn;
    int rc = begin_reading(catalog, &txn);
    if (rc)
        return fail_call(catalog, rc, "reading", why);
    rc = find_block(catalog, txn, position, wanted, out);
    end_reading(catalog, txn);
    if (rc == MDB_NOTFOUND)
        return TM_NOT_FOUND;
    return rc ? fail_call(catalog, rc, "reading events in", why) : TM_OK;
}
