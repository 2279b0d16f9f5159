/* Opening, transactions, values. */
#include "storage/catalog/catalog_place.h"
#include "storage/catalog/catalog_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/log_level.h"

enum { MAP_TRIES = 20 };
#define MAP_FIRST_BYTES ((size_t)64 << 20)

/* ---- errors ---- */

enum tm_err catalog_fail(const struct catalog *catalog, int rc, const char *what, struct tm_why *why)
{
    enum tm_err err = TM_IO;
    if (rc == ENOMEM)
        err = TM_NOMEM;
    else if (rc == ENOSPC || rc == EDQUOT)
        err = TM_NO_SPACE;
    else if (rc == LMDB_ASSERTION || rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
             rc == MDB_VERSION_MISMATCH || rc == MDB_BAD_VALSIZE)
        err = TM_CORRUPT;
    return tm_fail(why, err, "%s the index %s failed: %s; %s", what, catalog->path, lmdb_text(rc),
                   err == TM_CORRUPT ? "`tidemark verify --data-dir` says what is damaged, `tidemark backup "
                                       "--restore` puts a backup into a new folder"
                                     : "check the disk");
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
    static const char *const names[CATALOG_TABLES] = {"series", "events",   "marks",      "tombstones",
                                                      "groups", "findings", "finding_ids"};
    MDB_dbi *const tables[CATALOG_TABLES] = {&catalog->series,     &catalog->events, &catalog->marks,
                                             &catalog->tombstones, &catalog->groups, &catalog->findings,
                                             &catalog->finding_ids};
    MDB_txn *txn;
    unsigned flags = catalog->read_only ? 0 : MDB_CREATE;
    int rc = mdb_txn_begin(catalog->env, NULL, catalog->read_only ? MDB_RDONLY : 0, &txn);
    if (rc)
        return rc;
    for (int i = 0; i < CATALOG_TABLES && !rc; i++) {
        rc = mdb_dbi_open(txn, names[i], flags, tables[i]);
        if (rc == MDB_NOTFOUND && catalog->read_only && catalog->marks)
            rc = 0; /* made before there were any */
    }
    catalog->has_tombstones = catalog->tombstones > 0;
    catalog->has_findings = catalog->findings > 0 && catalog->finding_ids > 0;
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_call(void *arg)
{
    struct catalog *catalog = arg;
    struct catalog_place place = {0};
    int rc = catalog_place_open(catalog->dir, catalog->read_only, &catalog->env, &place);
    return rc ? rc : open_tables(catalog);
}

static int open_env(struct catalog *catalog)
{
    int rc = lmdb_guard(open_call, catalog);
    catalog->is_broken = rc == LMDB_ASSERTION;
    return rc;
}

/* The folder and its name, durable before anything in the journal may rely on it. */
static int make_place(const struct catalog *catalog, const char *dir)
{
    if (mkdir(catalog->path, 0750) != 0 && errno != EEXIST)
        return errno;
    return sync_folder(dir);
}

enum tm_err catalog_open(const struct catalog_options *options, struct catalog **out, struct tm_why *why)
{
    *out = NULL;
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog || !(catalog->dir = strdup(options->dir)) ||
        asprintf(&catalog->path, "%s/index", options->dir) < 0) {
        if (catalog)
            free(catalog->dir);
        free(catalog);
        return tm_fail(why, TM_NOMEM, "out of memory while opening the index");
    }
    catalog->map_bytes = MAP_FIRST_BYTES;
    catalog->read_only = options->read_only;
    catalog->log = options->log;
    catalog->log_arg = options->log_arg;
    pthread_rwlock_init(&catalog->lock, NULL);
    enum tm_err err = TM_OK;
    int rc = 0;
    if (!catalog_place_exists(options->dir) && !options->make)
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
        err = catalog_fail(catalog, rc, "opening", why);
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
    if (catalog->env && catalog->is_broken)
        lmdb_abandon(catalog->env);
    else if (catalog->env)
        mdb_env_close(catalog->env);
    pthread_rwlock_destroy(&catalog->lock);
    free(catalog->path);
    free(catalog->dir);
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

struct running {
    struct catalog *catalog;
    catalog_work_fn *work;
    void *arg;
    MDB_txn *txn;
};

static int write_call(void *arg)
{
    struct running *r = arg;
    int rc = mdb_txn_begin(r->catalog->env, NULL, 0, &r->txn);
    if (rc)
        return rc == MDB_MAP_RESIZED ? MDB_MAP_FULL : rc;
    rc = r->work(r->catalog, r->txn, r->arg);
    if (!rc)
        return mdb_txn_commit(r->txn);
    mdb_txn_abort(r->txn);
    return rc;
}

static void TM_PRINTF(4, 5)
    tell(const struct catalog *catalog, int level, const char *id, const char *format, ...)
{
    struct tm_why line;
    va_list args;
    if (!catalog->log)
        return;
    va_start(args, format);
    (void)vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    catalog->log(catalog->log_arg, level, id, line.text);
}

static int grow_map(struct catalog *catalog)
{
    MDB_envinfo info;
    if (mdb_env_info(catalog->env, &info) == 0 && info.me_mapsize > catalog->map_bytes)
        catalog->map_bytes = info.me_mapsize;
    catalog->map_bytes *= 2;
    pthread_rwlock_wrlock(&catalog->lock);
    int rc = mdb_env_set_mapsize(catalog->env, catalog->map_bytes);
    pthread_rwlock_unlock(&catalog->lock);
    if (!rc)
        tell(catalog, STORE_LOG_INFO, "index.map_grown", "the index: map is now %zu MiB",
             catalog->map_bytes >> 20);
    return rc;
}

/* After a failed write of a meta page LMDB refuses everything until it is opened anew; its old state is
 * intact. */
static int open_anew(struct catalog *catalog)
{
    pthread_rwlock_wrlock(&catalog->lock);
    if (catalog->env)
        mdb_env_close(catalog->env);
    catalog->env = NULL;
    int rc = open_env(catalog);
    if (rc && catalog->env && !catalog->is_broken) {
        mdb_env_close(catalog->env);
        catalog->env = NULL;
    }
    pthread_rwlock_unlock(&catalog->lock);
    if (!rc)
        tell(catalog, STORE_LOG_WARNING, "index.reopened",
             "a write of the index's meta page had failed, it was opened anew");
    return rc;
}

static int run_once(struct running *running)
{
    const struct catalog *catalog = running->catalog;
    if (catalog->is_broken)
        return LMDB_ASSERTION;
    return catalog->env ? lmdb_guard(write_call, running) : MDB_PANIC;
}

enum tm_err catalog_write(struct catalog *catalog, catalog_work_fn *work, void *arg, const char *what,
                          struct tm_why *why)
{
    struct running running = {.catalog = catalog, .work = work, .arg = arg};
    int rc = MDB_MAP_FULL;
    for (int i = 0; i < MAP_TRIES && rc == MDB_MAP_FULL; i++) {
        rc = i > 0 && !catalog->is_broken ? grow_map(catalog) : 0;
        if (!rc)
            rc = run_once(&running);
        if (rc == MDB_PANIC && (rc = open_anew(catalog)) == 0)
            rc = run_once(&running);
    }
    catalog->is_broken = catalog->is_broken || rc == LMDB_ASSERTION;
    return rc ? catalog_fail(catalog, rc, what, why) : TM_OK;
}

static int begin_reading(struct catalog *catalog, MDB_txn **txn)
{
    int rc = mdb_txn_begin(catalog->env, NULL, MDB_RDONLY, txn);
    if (rc != MDB_MAP_RESIZED)
        return rc;
    /* another process writes */
    pthread_rwlock_unlock(&catalog->lock);
    pthread_rwlock_wrlock(&catalog->lock);
    rc = mdb_env_set_mapsize(catalog->env, 0);
    pthread_rwlock_unlock(&catalog->lock);
    pthread_rwlock_rdlock(&catalog->lock);
    return rc ? rc : mdb_txn_begin(catalog->env, NULL, MDB_RDONLY, txn);
}

static int read_call(void *arg)
{
    struct running *r = arg;
    return r->work(r->catalog, r->txn, r->arg);
}

int catalog_read(struct catalog *catalog, catalog_work_fn *work, void *arg)
{
    struct running running = {.catalog = catalog, .work = work, .arg = arg};
    pthread_rwlock_rdlock(&catalog->lock);
    int rc = MDB_PANIC; /* it could not be opened anew: the next write tries again */
    if (catalog->is_broken)
        rc = LMDB_ASSERTION;
    else if (catalog->env)
        rc = begin_reading(catalog, &running.txn);
    if (!rc) {
        rc = lmdb_guard(read_call, &running);
        if (rc != LMDB_ASSERTION)
            mdb_txn_abort(running.txn);
        else
            catalog->is_broken = true;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return rc;
}

struct copying {
    MDB_env *env;
    const char *to;
};

static int copy_call(void *arg)
{
    const struct copying *c = arg;
    return mdb_env_copy2(c->env, c->to, MDB_CP_COMPACT);
}

enum tm_err catalog_copy(struct catalog *catalog, const char *to, struct tm_why *why)
{
    struct copying copying = {catalog->env, to};
    int rc = catalog->is_broken ? LMDB_ASSERTION : MDB_PANIC; /* without env: as in catalog_read */
    if (!catalog->is_broken && catalog->env)
        rc = lmdb_guard(copy_call, &copying);
    catalog->is_broken = catalog->is_broken || rc == LMDB_ASSERTION;
    return rc ? catalog_fail(catalog, rc, "copying", why) : TM_OK;
}

/* ---- values ---- */

static uint64_t sum_of(const MDB_val *key, const uint8_t *data, size_t len)
{
    return XXH3_64bits_withSeed(data, len, XXH3_64bits(key->mv_data, key->mv_size));
}

/* Puts value, whose first bytes are left free for the checksum. */
int catalog_put(MDB_txn *txn, MDB_dbi table, MDB_val key, struct bytes *value)
{
    if (value->failed)
        return ENOMEM;
    uint64_t sum = sum_of(&key, value->data + CATALOG_SUM_BYTES, value->len - CATALOG_SUM_BYTES);
    memcpy(value->data, &sum, sizeof sum);
    MDB_val data = {value->len, value->data};
    return mdb_put(txn, table, &key, &data, 0);
}

void catalog_start_value(struct bytes *value)
{
    bytes_clear(value);
    bytes_u64(value, 0);
}

/* Whether the checksum is right; in then stands behind it. */
bool catalog_check(const MDB_val *key, const MDB_val *data, struct cursor *in)
{
    uint64_t sum;
    if (data->mv_size < CATALOG_SUM_BYTES)
        return false;
    memcpy(&sum, data->mv_data, sizeof sum);
    *in = cursor_of((const uint8_t *)data->mv_data + CATALOG_SUM_BYTES, data->mv_size - CATALOG_SUM_BYTES);
    return sum == sum_of(key, in->at, cursor_left(in));
}

void catalog_put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

uint32_t catalog_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
