/* Sealing, rewriting, copying. */
#include "storage/partition/partition_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file is copied at seal if that saves this share of it. */
enum { WASTE_PERCENT = 5 };

/* Within a folder that is being made. */
static const char compact_name[] = "data.compact";

/* ---- the period as a whole ---- */

enum tm_err period_take(struct partitions *set, enum partition_tier tier, uint32_t period,
                        struct partition **main, struct partition **late, struct tm_why *why)
{
    struct partition_id id = {.tier = tier, .period = period};
    enum tm_err err = TM_OK;
    *main = *late = NULL;
    if (set->options.read_only)
        return tm_fail(why, TM_READ_ONLY, "the partitions of %.250s were opened for reading", set->dir);
    set_lock(set);
    struct partition *m = set_find(set, id);
    id.late = true;
    struct partition *l = set_find(set, id);
    if (!m && !l)
        err = tm_fail(why, TM_NOT_FOUND, "there is no such partition");
    else if ((m && m->broken) || (l && l->broken))
        err = tm_fail(why, TM_IO, "the replacement of partition %s was interrupted: restart to finish it",
                      env_label(m ? m : l).text);
    else if ((m && m->is_written) || (l && l->is_written))
        err = tm_fail(why, TM_BUSY, "partition %s is being written", env_label(m ? m : l).text);
    if (!err) {
        *main = m;
        *late = l;
        if (m)
            m->is_written = true;
        if (l)
            l->is_written = true;
    }
    set_unlock(set);
    return err;
}

void period_give(struct partitions *set, struct partition *main, struct partition *late)
{
    set_lock(set);
    if (main)
        main->is_written = false;
    if (late)
        late->is_written = false;
    set_unlock(set);
}

/* ---- the manifest ---- */

struct walk {
    struct manifest_hash hash;
    struct partition *partition;
    MDB_txn *txn;
    MDB_cursor *cursor;
    uint64_t window_chunks;
    uint64_t used_pages;
    uint64_t all_pages;
};

static int count_pages(struct walk *w)
{
    MDB_envinfo info;
    MDB_stat s;
    /* The two tables that LMDB keeps itself are numbers 0 (free pages) and 1 (names). */
    const MDB_dbi tables[] = {0, 1, w->partition->chunks, w->partition->windows_table,
                              w->partition->meta_table};
    int rc = mdb_env_info(w->partition->env, &info);
    w->used_pages = 2;
    for (size_t i = 0; !rc && i < sizeof tables / sizeof tables[0]; i++) {
        rc = mdb_stat(w->txn, tables[i], &s);
        if (!rc)
            w->used_pages += s.ms_branch_pages + s.ms_leaf_pages + s.ms_overflow_pages;
    }
    w->all_pages = rc ? 0 : info.me_last_pgno + 1;
    return rc;
}

static bool is_wasteful(const struct walk *w)
{
    return w->used_pages * 100 < w->all_pages * (100 - WASTE_PERCENT);
}

static int walk_call(void *arg)
{
    struct walk *w = arg;
    MDB_val key, value;
    manifest_init(&w->hash);
    int rc = mdb_txn_begin(w->partition->env, NULL, MDB_RDONLY, &w->txn);
    if (rc)
        return rc;
    rc = mdb_cursor_open(w->txn, w->partition->chunks, &w->cursor);
    while (!rc && (rc = mdb_cursor_get(w->cursor, &key, &value, MDB_NEXT)) == 0) {
        if (key.mv_size != PARTITION_KEY_BYTES)
            rc = MDB_CORRUPTED;
        else
            manifest_add(&w->hash, key.mv_data, (struct str){value.mv_data, value.mv_size});
    }
    if (w->cursor)
        mdb_cursor_close(w->cursor);
    if (rc == MDB_NOTFOUND)
        rc = w->hash.manifest.chunks == w->window_chunks ? 0 : MDB_CORRUPTED;
    if (!rc)
        rc = count_pages(w);
    mdb_txn_abort(w->txn);
    return rc;
}

static enum tm_err walk_all(struct partitions *set, struct walk *w, struct tm_why *why)
{
    struct partition *p = w->partition;
    enum tm_err err = door_enter(set, p, why);
    if (err)
        return err;
    w->window_chunks = 0;
    for (size_t i = 0; i < p->windows->count; i++)
        w->window_chunks += p->windows->items[i].chunks;
    err = sound_all(set, p, why);
    int rc = err ? 0 : lmdb_guard(walk_call, w);
    door_leave(set, p);
    if (err)
        return err;
    return rc ? env_fail(set, p, rc, "reading", why) : TM_OK;
}

/* ---- sealing ---- */

enum tm_err seal_folder(struct partitions *set, struct partition *p, struct tm_why *why)
{
    struct partition_path path = path_of(set->dir, p->id, p->suffix, NULL);
    enum tm_err err = file_sync(path_of(set->dir, p->id, p->suffix, "data.mdb").text, why);
    if (!err)
        err = pages_write(path.text, why);
    set_fault_point(set, "seal.pages_written");
    /* Nobody needs its lock any more: sealed environments are read without one. */
    if (!err)
        (void)unlink(path_of(set->dir, p->id, p->suffix, "lock.mdb").text);
    return err;
}

struct copying {
    MDB_env *env;
    const char *to;
    int fd;
};

static int copy_call(void *arg)
{
    struct copying *c = arg;
    return mdb_env_copy2(c->env, c->to, MDB_CP_COMPACT);
}

/* Into an empty folder, synced. */
static enum tm_err copy_compact(struct partitions *set, struct partition *p, const char *to,
                                struct tm_why *why)
{
    struct partition_path file;
    enum tm_err err = door_enter(set, p, why);
    if (err)
        return err;
    struct copying copying = {.env = p->env, .to = to};
    int rc = lmdb_guard(copy_call, &copying);
    door_leave(set, p);
    if (rc)
        return env_fail(set, p, rc, "copying", why);
    (void)snprintf(file.text, sizeof file.text, "%.*s/data.mdb", PARTITION_DIR_BYTES, to);
    if (chmod(file.text, 0640) != 0)
        return file_fail(why, "setting the mode of", file.text);
    err = file_sync(file.text, why);
    return err ? err : folder_sync(to, why);
}

/* After a failure, for the disk space; the next start would remove it too. */
static void remove_made(struct partitions *set, struct partition_id id)
{
    struct tm_why ignored;
    (void)!folder_remove(set->dir, id.tier, path_of(set->dir, id, suffix_text(SUFFIX_MAKING), NULL).text,
                         NULL, &ignored);
}

static enum tm_err seal_by_copy(struct partitions *set, struct partition *p, struct tm_why *why)
{
    const char *suffix = suffix_text(SUFFIX_MAKING);
    struct partition copy = {.id = p->id, .suffix = suffix};
    struct partition_path path = path_of(set->dir, p->id, suffix, NULL);
    enum tm_err err = folder_remove(set->dir, p->id.tier, path.text, &set->later, why);
    if (!err && mkdir(path.text, 0750) != 0)
        err = file_fail(why, "making", path.text);
    if (!err)
        err = copy_compact(set, p, path.text, why);
    set_fault_point(set, "seal.copied");
    if (!err)
        err = seal_folder(set, &copy, why);
    if (!err)
        err = replace_main(set, p->id, false, why);
    if (err)
        remove_made(set, p->id);
    return err;
}

static enum tm_err seal_in_place(struct partitions *set, struct partition *p, struct tm_why *why)
{
    door_park(set, p);
    set_lock(set);
    door_close(set, p);
    set_unlock(set);
    enum tm_err err = seal_folder(set, p, why);
    door_unpark(set, p);
    return err;
}

/* Again from any point: a manifest that is written already is the same. */
static enum tm_err seal_main(struct partitions *set, struct partition *p, struct tm_why *why)
{
    struct walk walk = {.partition = p};
    enum tm_err err = door_enter(set, p, why);
    if (err)
        return err;
    bool is_done = p->pages.map != NULL;
    struct partition_meta meta = p->meta;
    bool is_written = meta.sealed;
    door_leave(set, p);
    if (is_done)
        return TM_OK;
    if (!is_written)
        err = remove_unfinished(set, p, why);
    if (!err)
        err = walk_all(set, &walk, why);
    if (err)
        return err;
    meta.sealed = true;
    meta.manifest = manifest_finish(&walk.hash);
    struct txn_job job = {.set = set, .partition = p, .meta = &meta};
    set_fault_point(set, "seal.walked");
    if (!is_written)
        err = txn_run(&job, why);
    set_fault_point(set, "seal.committed");
    if (err)
        return err;
    return is_wasteful(&walk) ? seal_by_copy(set, p, why) : seal_in_place(set, p, why);
}

enum tm_err partition_seal(struct partitions *set, enum partition_tier tier, uint32_t period,
                           struct tm_why *why)
{
    struct partition *main, *late;
    enum tm_err err = period_take(set, tier, period, &main, &late, why);
    if (err)
        return err;
    err = main ? seal_main(set, main, why) : tm_fail(why, TM_NOT_FOUND, "there is no such partition");
    period_give(set, main, late);
    return err;
}

/* ---- rewriting ---- */

struct partition_rewrite {
    struct chunk_sink sink;
};

enum tm_err partition_rewrite_put(struct partition_rewrite *rewrite, uint32_t series, uint32_t part,
                                  struct str value, const struct partition_extent *extent, struct tm_why *why)
{
    return sink_put(&rewrite->sink, series, part, value, extent, why);
}

static enum tm_err add_tag(struct partitions *set, const struct partition *p, uint64_t *tag,
                           struct tm_why *why)
{
    struct partition_step step;
    if (!p)
        return TM_OK;
    enum tm_err err = partition_step_begin(set, p->id, &step, why);
    if (err)
        return err;
    uint64_t own = partition_step_tag(&step);
    partition_step_end(&step);
    if (own > *tag)
        *tag = own;
    return TM_OK;
}

static enum tm_err fill(struct partitions *set, struct partition *made, uint64_t tag,
                        partition_rewrite_fn *fn, void *arg, struct tm_why *why)
{
    struct manifest_hash manifest;
    struct partition_rewrite rewrite = {
        .sink = {.set = set, .partition = made, .manifest = &manifest, .window = {.tag = tag}}};
    manifest_init(&manifest);
    enum tm_err err = fn(arg, &rewrite, why);
    set_fault_point(set, "rewrite.put");
    if (!err) {
        struct partition_meta meta = {.id = made->id, .sealed = true, .series_major = true, .tag = tag};
        meta.manifest = manifest_finish(&manifest);
        err = sink_finish(&rewrite.sink, &meta, why);
    }
    bytes_fini(&rewrite.sink.buffer);
    set_fault_point(set, "rewrite.filled");
    return err;
}

static int pages_call(void *arg)
{
    struct walk *w = arg;
    int rc = mdb_txn_begin(w->partition->env, NULL, MDB_RDONLY, &w->txn);
    if (!rc)
        rc = count_pages(w);
    mdb_txn_abort(w->txn);
    return rc;
}

static int copy_file_call(void *arg)
{
    struct copying *c = arg;
    return mdb_env_copyfd2(c->env, c->fd, MDB_CP_COMPACT);
}

/* Beside what was made, which it replaces once nobody has that open. What small days cost is pages that their
 * transactions left behind. */
static enum tm_err compact_made(struct partitions *set, struct partition *made, bool *is_compact,
                                struct tm_why *why)
{
    struct partition_path file = path_of(set->dir, made->id, made->suffix, compact_name);
    struct walk walk = {.partition = made};
    enum tm_err err = door_enter(set, made, why);
    if (err)
        return err;
    struct copying copying = {.env = made->env, .fd = -1};
    int rc = lmdb_guard(pages_call, &walk);
    *is_compact = !rc && is_wasteful(&walk);
    if (*is_compact)
        copying.fd = open(file.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (*is_compact && copying.fd < 0)
        err = file_fail(why, "making", file.text);
    if (copying.fd >= 0)
        rc = lmdb_guard(copy_file_call, &copying);
    door_leave(set, made);
    if (copying.fd >= 0 && close(copying.fd) != 0 && !rc)
        rc = errno;
    return rc ? env_fail(set, made, rc, "copying", why) : err;
}

static enum tm_err make_merged(struct partitions *set, struct partition_id id, uint64_t tag,
                               partition_rewrite_fn *fn, void *arg, struct tm_why *why)
{
    struct partition_meta meta = {.id = id, .series_major = true};
    struct partition folder = {.id = id, .suffix = suffix_text(SUFFIX_MAKING)};
    struct partition *made;
    enum tm_err err = make_begin(set, id, &meta, &made, why);
    if (err)
        return err;
    struct partition_path data = path_of(set->dir, id, folder.suffix, "data.mdb");
    struct partition_path compact = path_of(set->dir, id, folder.suffix, compact_name);
    bool is_compact = false;
    err = fill(set, made, tag, fn, arg, why);
    if (!err)
        err = compact_made(set, made, &is_compact, why);
    make_end(set, &made);
    set_fault_point(set, "rewrite.compacted");
    if (!err && is_compact && rename(compact.text, data.text) != 0)
        err = file_fail(why, "renaming", compact.text);
    if (!err)
        err = seal_folder(set, &folder, why);
    if (!err)
        err = replace_main(set, id, true, why);
    if (err)
        remove_made(set, id);
    return err;
}

enum tm_err partition_rewrite(struct partitions *set, enum partition_tier tier, uint32_t period,
                              partition_rewrite_fn *fn, void *arg, struct tm_why *why)
{
    struct partition_id id = {.tier = tier, .period = period};
    struct partition *main, *late;
    uint64_t tag = 0;
    enum tm_err err = period_take(set, tier, period, &main, &late, why);
    if (err)
        return err;
    err = add_tag(set, main, &tag, why);
    if (!err)
        err = add_tag(set, late, &tag, why);
    if (!err)
        err = make_merged(set, id, tag, fn, arg, why);
    /* The late one may be gone by now. */
    set_lock(set);
    main = set_find(set, id);
    id.late = true;
    late = set_find(set, id);
    set_unlock(set);
    period_give(set, main, late);
    return err;
}

/* ---- copying ---- */

static enum tm_err copy_sealed(struct partitions *set, struct partition_id id, const char *to,
                               struct tm_why *why)
{
    static const char *const files[] = {"data.mdb", "pages"};
    enum tm_err err = TM_OK;
    for (size_t i = 0; !err && i < sizeof files / sizeof files[0]; i++) {
        struct partition_path target;
        (void)snprintf(target.text, sizeof target.text, "%.*s/%s", PARTITION_DIR_BYTES, to, files[i]);
        err = file_copy(path_of(set->dir, id, "", files[i]).text, target.text, why);
    }
    return err ? err : folder_sync(to, why);
}

enum tm_err partition_copy(struct partitions *set, struct partition_id id, const char *to, struct tm_why *why)
{
    struct partition_path parent;
    set_lock(set);
    struct partition *p = set_find(set, id);
    set_unlock(set);
    if (!p)
        return tm_fail(why, TM_NOT_FOUND, "there is no such partition");
    enum tm_err err = door_enter(set, p, why);
    if (err)
        return err;
    bool is_sealed = p->pages.map != NULL;
    door_leave(set, p);
    if (mkdir(to, 0750) != 0)
        return errno == EEXIST ? tm_fail(why, TM_EXISTS, "%.250s exists already", to)
                               : file_fail(why, "making", to);
    err = is_sealed ? copy_sealed(set, id, to, why) : copy_compact(set, p, to, why);
    (void)snprintf(parent.text, sizeof parent.text, "%.*s/..", PARTITION_DIR_BYTES, to);
    return err ? err : folder_sync(parent.text, why);
}
