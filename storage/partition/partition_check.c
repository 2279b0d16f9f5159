/* Checking one partition, place by place. It runs where a signal may end it: in a child. */
#include "storage/partition/partition_private.h"
#include "storage/partition/partition_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SENTENCES = 100, SMALLEST_PAGE = 4096 };

struct checking {
    const struct partition_check_options *options;
    struct partition_check_result *result;
    struct partition *partition;
    const char *path;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_cursor *lookup;
    struct manifest_hash hash;
    struct partition_window seen; /* totals of the window that is walked */
    size_t place;                 /* of its entry */
    struct partition_key last;
    bool is_bad_extent; /* a chunk of this window told none: its totals say nothing */
    uintptr_t page;
    uint8_t last_of_page[PARTITION_KEY_BYTES];
};

static void TM_PRINTF(2, 3) tell(struct checking *c, const char *format, ...)
{
    struct tm_why line;
    va_list args;
    if (c->result->damages++ >= MAX_SENTENCES || !c->options->report)
        return;
    va_start(args, format);
    (void)vsnprintf(line.text, sizeof line.text, format, args);
    va_end(args);
    c->options->report(c->options->arg, line.text);
}

/* ---- windows ---- */

static void tell_window(struct checking *c, const struct partition_window *entry)
{
    const struct partition_window *seen = &c->seen;
    if (seen->chunks != entry->chunks) {
        tell(c, "window %u has %llu chunks, its entry says %llu", entry->window,
             (unsigned long long)seen->chunks, (unsigned long long)entry->chunks);
        return;
    }
    if (entry->keys_hash && seen->keys_hash != entry->keys_hash)
        tell(c, "window %u has not the keys that its entry says", entry->window);
    if (!c->options->chunk || c->is_bad_extent)
        return;
    if (seen->samples != entry->samples)
        tell(c, "window %u has %llu samples, its entry says %llu", entry->window,
             (unsigned long long)seen->samples, (unsigned long long)entry->samples);
    if (seen->first != entry->first || seen->last != entry->last)
        tell(c, "window %u spans %lld to %lld, its entry says %lld to %lld", entry->window,
             (long long)seen->first, (long long)seen->last, (long long)entry->first, (long long)entry->last);
}

static void finish_window(struct checking *c)
{
    const struct partition_windows *windows = c->partition->windows;
    if (c->place < windows->count)
        tell_window(c, &windows->items[c->place]);
    c->place++;
    c->seen = (struct partition_window){0};
    c->is_bad_extent = false;
}

/* Stands at the entry of the window number. False: it has none. */
static bool enter_window(struct checking *c, uint32_t number)
{
    const struct partition_windows *windows = c->partition->windows;
    while (c->place < windows->count && windows->items[c->place].window < number)
        finish_window(c);
    return c->place < windows->count && windows->items[c->place].window == number;
}

/* ---- chunks ---- */

/* ENOMEM: it could not be looked at, which says nothing about it. */
static int check_chunk(struct checking *c, const uint8_t *key, const struct partition_item *item)
{
    struct partition_extent extent = {0};
    c->seen.chunks++;
    c->seen.keys_hash = keys_hash_add(c->seen.keys_hash, key, (uint32_t)item->value.len);
    if (!c->options->chunk)
        return 0;
    enum tm_err err = c->options->chunk(c->options->arg, item, &extent);
    if (err == TM_NOMEM)
        return ENOMEM;
    if (err) {
        tell(c, "chunk (window %u, series %u, part %u) is damaged", item->key.window, item->key.series,
             item->key.part);
        c->is_bad_extent = true;
        return 0;
    }
    if (c->seen.samples == 0 || extent.first < c->seen.first)
        c->seen.first = extent.first;
    if (c->seen.samples == 0 || extent.last > c->seen.last)
        c->seen.last = extent.last;
    c->seen.samples += extent.samples;
    c->result->samples += extent.samples;
    return 0;
}

static int look_up(struct checking *c, const uint8_t bytes[PARTITION_KEY_BYTES])
{
    uint8_t copy[PARTITION_KEY_BYTES];
    MDB_val key = {sizeof copy, copy}, value;
    memcpy(copy, bytes, sizeof copy);
    int rc = mdb_cursor_get(c->lookup, &key, &value, MDB_SET);
    struct partition_key k;
    if (rc == MDB_NOTFOUND && key_decode((struct str){(const char *)bytes, PARTITION_KEY_BYTES}, &k) == TM_OK)
        tell(c, "chunk (window %u, series %u, part %u) is there but can't be found by its key", k.window,
             k.series, k.part);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Walking does not look at the keys in branch pages; looking up the first and last key of each leaf does. */
static int check_reach(struct checking *c, const MDB_val *key)
{
    uintptr_t page = (uintptr_t)key->mv_data / SMALLEST_PAGE;
    int rc = 0;
    if (page != c->page) {
        if (c->page)
            rc = look_up(c, c->last_of_page);
        if (!rc)
            rc = look_up(c, key->mv_data);
        c->page = page;
    }
    memcpy(c->last_of_page, key->mv_data, PARTITION_KEY_BYTES);
    return rc;
}

static int check_entry(struct checking *c, const MDB_val *key, const MDB_val *value)
{
    struct partition_item item = {.value = {value->mv_data, value->mv_size}};
    if (key_decode((struct str){key->mv_data, key->mv_size}, &item.key) != TM_OK) {
        tell(c, "a key behind (window %u, series %u, part %u) has %zu bytes", c->last.window, c->last.series,
             c->last.part, key->mv_size);
        return 0;
    }
    if (c->result->chunks > 0 && key_compare(&c->last, &item.key) >= 0) {
        tell(c, "key (window %u, series %u, part %u) does not come after (%u, %u, %u)", item.key.window,
             item.key.series, item.key.part, c->last.window, c->last.series, c->last.part);
        return MDB_CORRUPTED;
    }
    c->last = item.key;
    if (!enter_window(c, item.key.window)) {
        /* In an open partition it is what an interrupted flush left. */
        if (c->result->sealed)
            tell(c, "key (window %u, series %u, part %u) is in no window", item.key.window, item.key.series,
                 item.key.part);
        return 0;
    }
    c->result->chunks++;
    c->result->bytes += item.value.len;
    manifest_add(&c->hash, key->mv_data, item.value);
    int rc = check_chunk(c, key->mv_data, &item);
    return rc ? rc : check_reach(c, key);
}

static int walk_call(void *arg)
{
    struct checking *c = arg;
    MDB_val key, value;
    int rc = mdb_txn_begin(c->partition->env, NULL, MDB_RDONLY, &c->txn);
    if (!rc)
        rc = mdb_cursor_open(c->txn, c->partition->chunks, &c->cursor);
    if (!rc)
        rc = mdb_cursor_open(c->txn, c->partition->chunks, &c->lookup);
    while (!rc && (rc = mdb_cursor_get(c->cursor, &key, &value, MDB_NEXT)) == 0)
        rc = check_entry(c, &key, &value);
    if (rc == MDB_NOTFOUND)
        rc = c->page ? look_up(c, c->last_of_page) : 0;
    mdb_cursor_close(c->lookup);
    mdb_cursor_close(c->cursor);
    mdb_txn_abort(c->txn);
    return rc;
}

/* ---- the whole ---- */

static void tell_manifest(struct checking *c)
{
    const struct partition_manifest *wanted = &c->partition->meta.manifest;
    struct partition_manifest found = manifest_finish(&c->hash);
    if (found.chunks < wanted->chunks)
        tell(c, "%llu keys are missing: %llu of %llu are there",
             (unsigned long long)(wanted->chunks - found.chunks), (unsigned long long)found.chunks,
             (unsigned long long)wanted->chunks);
    if (found.chunks > wanted->chunks)
        tell(c, "%llu keys too many: %llu instead of %llu",
             (unsigned long long)(found.chunks - wanted->chunks), (unsigned long long)found.chunks,
             (unsigned long long)wanted->chunks);
    if (memcmp(found.first, wanted->first, sizeof found.first) != 0)
        tell(c, "the first key is not the one that was sealed");
    if (memcmp(found.last, wanted->last, sizeof found.last) != 0)
        tell(c, "the last key is not the one that was sealed");
    if (found.chunks == wanted->chunks && (found.hash != wanted->hash || found.bytes != wanted->bytes))
        tell(c, "keys or values differ from what was sealed");
}

static void tell_page(void *arg, uint64_t page)
{
    tell(arg, "page %llu of data.mdb is damaged", (unsigned long long)page);
}

static enum tm_err walk(struct checking *c, struct tm_why *why)
{
    manifest_init(&c->hash);
    int rc = lmdb_guard(walk_call, c);
    if (rc == LMDB_ASSERTION)
        c->partition->abandoned = true;
    if (rc == ENOMEM)
        return tm_fail(why, TM_NOMEM, "out of memory while checking %.250s", c->path);
    if (rc) {
        tell(c, "reading stops behind key (window %u, series %u, part %u): %s", c->last.window,
             c->last.series, c->last.part, lmdb_text(rc));
    }
    while (c->place < c->partition->windows->count)
        finish_window(c);
    if (c->result->sealed)
        tell_manifest(c);
    return TM_OK;
}

/* As readers do it before they touch a window. */
static enum tm_err check_tree(struct checking *c, struct tm_why *why)
{
    const struct partition_windows *windows = c->partition->windows;
    int fd;
    if (mdb_env_get_fd(c->partition->env, &fd) != 0)
        return TM_OK;
    for (size_t i = 0; i < windows->count; i++) {
        struct tm_why inner = {""};
        enum tm_err err = tree_check_window(fd, &windows->items[i], &inner);
        if (err == TM_CORRUPT)
            tell(c, "%s", inner.text);
        else if (err)
            return tm_fail(why, err, "%s", inner.text);
    }
    return TM_OK;
}

static enum tm_err check_pages(struct checking *c, struct tm_why *why)
{
    const struct partition_pages *pages = &c->partition->pages;
    if (!pages->map)
        return check_tree(c, why);
    return pages_check_all(pages, c->path, tell_page, c, why);
}

/* A set of this one partition, for the functions that open environments. */
static enum tm_err make_set(const char *path, struct partition_id id, struct partitions **out,
                            struct tm_why *why)
{
    char label[PARTITION_NAME_BYTES];
    size_t len = strlen(path);
    path_label(id, "", label);
    size_t tail = strlen(label) + 1;
    if (len <= tail || len - tail >= PARTITION_DIR_BYTES || path[len - tail] != '/' ||
        strcmp(path + len - tail + 1, label) != 0)
        return tm_fail(why, TM_INVALID, "%.250s is not the folder of a partition", path);
    struct partitions *set = calloc(1, sizeof *set);
    if (!set)
        return tm_fail(why, TM_NOMEM, "out of memory while checking %.250s", path);
    memcpy(set->dir, path, len - tail);
    set->options = (struct partitions_options){.dir = set->dir, .read_only = true, .clock = clock_system()};
    pthread_mutex_init(&set->lock, NULL);
    pthread_cond_init(&set->changed, NULL);
    *out = set;
    return TM_OK;
}

static enum tm_err check_opened(struct checking *c, struct partitions *set, struct tm_why *why)
{
    struct tm_why inner = {""};
    enum tm_err err = env_open(set, c->partition, &inner);
    if (err == TM_CORRUPT)
        tell(c, "%s", inner.text);
    if (err)
        return err == TM_CORRUPT ? TM_OK : tm_fail(why, err, "%s", inner.text);
    c->result->sealed = c->partition->meta.sealed;
    err = check_pages(c, why);
    /* Damaged pages are told by number; walking over them could end this process before the rest is told. */
    if (!err)
        err = walk(c, why);
    env_close(c->partition);
    return err;
}

enum tm_err partition_check(const char *path, struct partition_id id,
                            const struct partition_check_options *options,
                            struct partition_check_result *result, struct tm_why *why)
{
    struct partition partition = {.id = id, .suffix = "", .death_slot = -1};
    struct checking c = {.options = options, .result = result, .partition = &partition, .path = path};
    *result = (struct partition_check_result){0};
    if (!file_exists(path))
        return tm_fail(why, TM_NOT_FOUND, "there is no folder %.250s", path);
    struct partitions *set;
    enum tm_err err = make_set(path, id, &set, why);
    if (err)
        return err;
    err = check_opened(&c, set, why);
    pthread_cond_destroy(&set->changed);
    pthread_mutex_destroy(&set->lock);
    free(set);
    if (!err && result->damages > 0)
        err = tm_fail(why, TM_CORRUPT, "%llu damages in %.250s", (unsigned long long)result->damages, path);
    return err;
}
