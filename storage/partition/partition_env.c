/* One LMDB environment: opening, closing, what its errors mean, surviving its assertions. */
#include "storage/partition/partition_private.h"
#include "storage/partition/partition_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum { MAX_READERS = 510, NAMED_DATABASES = 3 };
#define META_KEY          "partition"
#define DEFAULT_MAP_BYTES ((size_t)64 << 20)

/* ---- errors ---- */

struct partition_label env_label(const struct partition *partition)
{
    struct partition_label label = {""};
    path_label(partition->id, partition->suffix, label.text);
    return label;
}

void env_damaged(struct partitions *set, struct partition *partition, const char *reason)
{
    set_lock(set);
    bool is_news = !partition->damaged;
    partition->damaged = true;
    if (is_news)
        set->stats.damaged++;
    set_unlock(set);
    if (is_news)
        set_log(set, STORE_LOG_ERROR, "partition.damaged",
                "partition %s is damaged (%s): it is not read any more", env_label(partition).text, reason);
}

static bool is_disk_full(const struct partitions *set)
{
    struct statvfs fs;
    return statvfs(set->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < set->options.reserve_bytes;
}

static enum tm_err error_of(const struct partitions *set, int rc)
{
    switch (rc) {
    case ENOMEM:
        return TM_NOMEM;
    case MDB_NOTFOUND:
        return TM_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case MDB_MAP_FULL:
        return TM_NO_SPACE;
    case EIO: /* LMDB's word for a short write */
        return is_disk_full(set) ? TM_NO_SPACE : TM_IO;
    case MDB_READERS_FULL:
        return TM_BUSY;
    case LMDB_ASSERTION:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
    case MDB_BAD_VALSIZE:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
    case MDB_TXN_FULL:
    case MDB_BAD_TXN:
    case MDB_KEYEXIST: /* we append in order: the end is not where it was */
        return TM_CORRUPT;
    default:
        return TM_IO;
    }
}

enum tm_err env_fail(struct partitions *set, struct partition *partition, int rc, const char *what,
                     struct tm_why *why)
{
    const char *text = lmdb_text(rc);
    enum tm_err err = error_of(set, rc);
    if (rc == LMDB_ASSERTION) {
        set_lock(set);
        partition->abandoned = true;
        set_unlock(set);
    }
    if (err == TM_CORRUPT)
        env_damaged(set, partition, text);
    return tm_fail(why, err, "%s partition %s: %s", what, env_label(partition).text,
                   err == TM_NO_SPACE ? "no space left on the disk" : text);
}

/* ---- what is inside ---- */

int env_load_windows(MDB_txn *txn, MDB_dbi table, struct partition_windows **out)
{
    MDB_stat stat;
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_stat(txn, table, &stat);
    if (rc)
        return rc;
    size_t capacity = stat.ms_entries + 16;
    struct partition_windows *windows = NULL;
    if (capacity < SIZE_MAX / 2 / sizeof windows->items[0])
        windows = malloc(sizeof *windows + capacity * sizeof windows->items[0]);
    if (!windows)
        return ENOMEM;
    *windows = (struct partition_windows){.references = 1, .capacity = capacity};
    *out = windows;
    rc = mdb_cursor_open(txn, table, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct partition_window *item = &windows->items[windows->count];
        struct str k = {key.mv_data, key.mv_size}, v = {value.mv_data, value.mv_size};
        if (windows->count == capacity || window_decode(k, v, item) != TM_OK ||
            (windows->count > 0 && item[-1].window >= item->window)) {
            rc = MDB_CORRUPTED;
            break;
        }
        windows->count++;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct opening {
    struct partition *partition;
    const char *path;
    unsigned flags;
    size_t map_bytes;
    MDB_txn *txn;
};

/* LMDB does not tell where its map begins, but a page begins with its own number. If that is damaged, no page
 * will agree with its hash. */
static void find_map(struct partition *p, const void *inside)
{
    uint64_t number;
    if (!p->pages.map)
        return;
    const uint8_t *page = (const uint8_t *)inside - (uintptr_t)inside % p->pages.page_bytes;
    memcpy(&number, page, sizeof number);
    p->map = page - number * p->pages.page_bytes;
}

static int load_tables(struct opening *o)
{
    struct partition *p = o->partition;
    MDB_val key = {sizeof META_KEY - 1, (void *)(uintptr_t)META_KEY}, value;
    unsigned create = o->flags & MDB_RDONLY ? 0 : MDB_CREATE;
    int rc = mdb_dbi_open(o->txn, "chunks", create, &p->chunks);
    if (!rc)
        rc = mdb_dbi_open(o->txn, "windows", create, &p->windows_table);
    if (!rc)
        rc = mdb_dbi_open(o->txn, "meta", create, &p->meta_table);
    if (!rc)
        rc = mdb_get(o->txn, p->meta_table, &key, &value);
    /* Only one that is being made has no meta yet. */
    bool is_new = rc == MDB_NOTFOUND && p->suffix[0];
    if (rc == MDB_NOTFOUND)
        rc = is_new ? 0 : MDB_CORRUPTED;
    else if (rc == 0 && meta_decode((struct str){value.mv_data, value.mv_size}, p->id, &p->meta) != TM_OK)
        rc = MDB_CORRUPTED;
    if (rc == 0 && !is_new)
        find_map(p, value.mv_data);
    return rc ? rc : env_load_windows(o->txn, p->windows_table, &p->windows);
}

/* A file that ends before its last page would end this process by SIGBUS. */
static int check_length(const struct opening *o)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct partition_path file;
    (void)snprintf(file.text, sizeof file.text, "%s/data.mdb", o->path);
    int rc = mdb_env_info(o->partition->env, &info);
    if (!rc)
        rc = mdb_env_stat(o->partition->env, &stat);
    if (rc)
        return rc;
    o->partition->map_bytes = info.me_mapsize;
    uint64_t bytes = file_bytes(file.text, NULL);
    return (info.me_last_pgno + 1) * stat.ms_psize <= bytes ? 0 : MDB_CORRUPTED;
}

static int open_call(void *arg)
{
    struct opening *o = arg;
    struct partition *p = o->partition;
    int rc = mdb_env_create(&p->env);
    if (rc)
        return rc;
    rc = lmdb_guard_env(p->env);
    if (!rc)
        rc = mdb_env_set_maxdbs(p->env, NAMED_DATABASES);
    if (!rc)
        rc = mdb_env_set_maxreaders(p->env, MAX_READERS);
    if (!rc)
        rc = mdb_env_set_mapsize(p->env, o->map_bytes);
    if (!rc)
        rc = mdb_env_open(p->env, o->path, o->flags, 0640);
    if (!rc && !(p->suffix[0]))
        rc = check_length(o);
    if (!rc && !(o->flags & (MDB_NOLOCK | MDB_RDONLY))) {
        int dead;
        rc = mdb_reader_check(p->env, &dead);
    }
    if (!rc)
        rc = mdb_txn_begin(p->env, NULL, o->flags & MDB_RDONLY, &o->txn);
    if (!rc)
        rc = load_tables(o);
    if (o->txn && rc)
        mdb_txn_abort(o->txn);
    else if (o->txn)
        rc = mdb_txn_commit(o->txn);
    return rc;
}

static size_t first_map(const struct partitions *set, uint64_t data_bytes)
{
    size_t unit = set->options.map_bytes ? set->options.map_bytes : DEFAULT_MAP_BYTES;
    return (size_t)(data_bytes / unit + 1) * unit;
}

static enum tm_err open_pages(struct partitions *set, struct partition *p, const char *path,
                              struct tm_why *why)
{
    struct tm_why inner = {""};
    enum tm_err err = pages_open(&p->pages, path, &inner);
    if (err == TM_CORRUPT)
        env_damaged(set, p, inner.text);
    return err == TM_OK || err == TM_NOT_FOUND
               ? TM_OK
               : tm_fail(why, err, "opening partition %s: %s", env_label(p).text, inner.text);
}

/* Another process put another one in this place meanwhile: what was opened may be a mixture of both. */
static bool was_moved(const struct partitions *set, const struct partition *p, const char *data)
{
    uint64_t inode = 0;
    if (!set->options.read_only)
        return false;
    (void)file_bytes(data, &inode);
    return inode != p->inode;
}

/* Before LMDB trusts the pages of one that has no hashes. */
static enum tm_err check_tree(struct partitions *set, struct partition *p, const char *data,
                              struct tm_why *why)
{
    struct tm_why inner = {""};
    enum tm_err err = tree_check_tables(data, &inner);
    if (!err || was_moved(set, p, data))
        return err ? tm_fail(why, TM_NOT_FOUND, "partition %s was moved away", env_label(p).text) : TM_OK;
    if (err == TM_CORRUPT)
        env_damaged(set, p, inner.text);
    return tm_fail(why, err, "opening partition %s: %s", env_label(p).text, inner.text);
}

enum tm_err env_open(struct partitions *set, struct partition *p, struct tm_why *why)
{
    const char *suffix = p->suffix[0] ? p->suffix : follow_suffix(set, p->id);
    struct partition_path path = path_of(set->dir, p->id, suffix, NULL);
    struct partition_path data = path_of(set->dir, p->id, suffix, "data.mdb");
    uint64_t bytes = file_bytes(data.text, &p->inode);
    enum tm_err err = open_pages(set, p, path.text, why);
    if (err)
        return err;
    if (bytes == 0 && set->options.read_only)
        return tm_fail(why, TM_NOT_FOUND, "partition %s was moved away", env_label(p).text);
    if (bytes == 0 && !p->suffix[0]) {
        env_damaged(set, p, "data.mdb is missing or empty");
        return tm_fail(why, TM_CORRUPT, "partition %s has no data.mdb", env_label(p).text);
    }
    if (!p->pages.map && !p->suffix[0])
        err = check_tree(set, p, data.text, why);
    if (err)
        return err;
    struct opening o = {.partition = p, .path = path.text, .flags = MDB_NOTLS};
    if (p->pages.map)
        o.flags |= MDB_RDONLY | MDB_NOLOCK;
    else if (set->options.read_only)
        o.flags |= MDB_RDONLY;
    o.map_bytes = p->pages.map ? (size_t)bytes : first_map(set, bytes);
    int rc = lmdb_guard(open_call, &o);
    if (was_moved(set, p, data.text))
        err = tm_fail(why, TM_NOT_FOUND, "partition %s was moved away", env_label(p).text);
    else if (rc)
        err = env_fail(set, p, rc, "opening", why);
    if (!err)
        return TM_OK;
    env_close(p);
    return err;
}

void env_close(struct partition *p)
{
    if (p->env && p->abandoned)
        lmdb_abandon(p->env);
    else if (p->env)
        mdb_env_close(p->env);
    pages_close(&p->pages);
    if (p->windows && --p->windows->references == 0)
        free(p->windows);
    present_fini(&p->sound);
    p->sound_to = 0;
    p->env = NULL;
    p->windows = NULL;
}
