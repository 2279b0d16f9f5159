/* Read steps: lookups, cursors, scans. In a sealed partition the page of every key that is met is compared
 * with what was sealed, and so is the page before a gap, so that damage can't pass for absence. */
#include "storage/partition/partition_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- steps ---- */

static void link_step(struct partitions *set, struct partition_step *step)
{
    step->newer = NULL;
    step->older = set->newest;
    if (set->newest)
        set->newest->newer = step;
    else
        set->oldest = step;
    set->newest = step;
}

static void unlink_step(struct partitions *set, struct partition_step *step)
{
    if (step->older)
        step->older->newer = step->newer;
    else
        set->oldest = step->newer;
    if (step->newer)
        step->newer->older = step->older;
    else
        set->newest = step->older;
}

/* Locked. The windows are taken before the transaction begins, so that it sees at least all of theirs. */
static void take_view(struct partition_step *step, struct partition *p)
{
    step->partition = p;
    step->generation = p->generation;
    step->series_major = p->meta.series_major;
    step->tag = p->meta.tag;
    step->sound_to = p->sound_to;
    step->windows = p->windows;
    step->window_count = p->windows->count;
    step->windows->references++;
    link_step(step->set, step);
}

static enum tm_err come_in(struct partition_step *step, struct partition_id id, struct tm_why *why)
{
    struct partitions *set = step->set;
    struct partition *p = NULL;
    enum tm_err err = TM_OK;
    set_lock(set);
    for (bool again = true; again && !err;) {
        p = set_find(set, id);
        if (!p) {
            set_unlock(set);
            return tm_fail(why, TM_NOT_FOUND, "there is no such partition");
        }
        err = door_try(set, p, &again, why);
    }
    if (!err) {
        take_view(step, p);
        set->stats.steps++;
    }
    set_unlock(set);
    if (!err)
        deaths_enter(&set->deaths, p->death_slot);
    return err;
}

static int begin_call(void *arg)
{
    struct partition_step *step = arg;
    struct partition *p = step->partition;
    int rc = mdb_txn_begin(p->env, NULL, MDB_RDONLY, &step->txn);
    if (rc || !step->owns_windows)
        return rc;
    /* Another process writes: what it has finished stands in the table only. */
    return env_load_windows(step->txn, p->windows_table, &step->windows);
}

static int end_call(void *arg)
{
    struct partition_step *step = arg;
    if (step->cursor)
        mdb_cursor_close(step->cursor);
    if (step->txn)
        mdb_txn_abort(step->txn);
    return 0;
}

static void give_windows(struct partition_step *step)
{
    set_lock(step->set);
    if (step->windows && --step->windows->references == 0)
        free(step->windows);
    step->windows = NULL;
    set_unlock(step->set);
}

static int begin_txn(struct partition_step *step)
{
    if (step->set->options.read_only && !step->partition->pages.map) {
        give_windows(step);
        step->owns_windows = true;
    }
    int rc = lmdb_guard(begin_call, step);
    if (rc == LMDB_ASSERTION) {
        lmdb_abandon(step->txn);
        step->txn = NULL;
    }
    if (!rc && step->owns_windows)
        step->window_count = step->windows->count;
    return rc;
}

enum tm_err partition_step_begin(struct partitions *set, struct partition_id id, struct partition_step *step,
                                 struct tm_why *why)
{
    for (int tries = 0;; tries++) {
        *step = (struct partition_step){.set = set, .begun_ns = clock_mono_ns(set->options.clock)};
        enum tm_err err = come_in(step, id, why);
        if (err)
            return err;
        int rc = begin_txn(step);
        if (!rc)
            return TM_OK;
        struct partition *p = step->partition;
        if (rc != MDB_PANIC || tries > 0)
            err = env_fail(set, p, rc, "reading", why);
        partition_step_end(step);
        if (err)
            return err;
        set_lock(set);
        p = set_find(set, id);
        set_unlock(set);
        if (p)
            txn_reopen(set, p);
    }
}

void partition_step_end(struct partition_step *step)
{
    struct partitions *set = step->set;
    (void)lmdb_guard(end_call, step);
    set_lock(set);
    unlink_step(set, step);
    set_unlock(set);
    give_windows(step);
    door_leave(set, step->partition);
    step->partition = NULL;
}

const struct partition_window *partition_step_windows(const struct partition_step *step, size_t *count)
{
    *count = step->window_count;
    return step->windows->items;
}

uint64_t partition_step_tag(const struct partition_step *step)
{
    uint64_t tag = step->tag;
    for (size_t i = 0; i < step->window_count; i++) {
        if (step->windows->items[i].tag > tag)
            tag = step->windows->items[i].tag;
    }
    return tag;
}

/* ---- lookups ---- */

struct seek {
    struct partition_step *step;
    MDB_cursor_op op;
    MDB_val key;
    MDB_val value;
};

static int seek_call(void *arg)
{
    struct seek *s = arg;
    struct partition_step *step = s->step;
    if (!step->cursor) {
        int rc = mdb_cursor_open(step->txn, step->partition->chunks, &step->cursor);
        if (rc)
            return rc;
    }
    return mdb_cursor_get(step->cursor, &s->key, &s->value, s->op);
}

/* After an assertion transaction and cursor are in no state to be ended. */
static enum tm_err fail_seek(struct partition_step *step, int rc, struct tm_why *why)
{
    if (rc == LMDB_ASSERTION) {
        lmdb_abandon(step->cursor ? (void *)step->cursor : (void *)step->txn);
        step->txn = NULL;
        step->cursor = NULL;
    }
    return env_fail(step->set, step->partition, rc, "reading", why);
}

static enum tm_err check_page_of(struct partition_step *step, const void *key, struct tm_why *why)
{
    struct partition *p = step->partition;
    if (!p->pages.map)
        return TM_OK;
    uint64_t offset = (uint64_t)((uintptr_t)key - (uintptr_t)p->map);
    uint64_t page = offset / p->pages.page_bytes;
    const uint8_t *bytes = (const uint8_t *)key - offset % p->pages.page_bytes;
    if (step->page == page + 1)
        return TM_OK;
    if (pages_check(&p->pages, page, bytes) != TM_OK) {
        env_damaged(step->set, p, "a page differs from what was sealed");
        return tm_fail(why, TM_CORRUPT, "reading partition %s: a page differs from what was sealed",
                       env_label(p).text);
    }
    step->page = page + 1;
    return TM_OK;
}

/* One move of the cursor. TM_NOT_FOUND: there is nothing that way. */
static enum tm_err move_cursor(struct partition_step *step, MDB_cursor_op op, const uint8_t *from,
                               struct partition_item *out, struct tm_why *why)
{
    struct seek s = {.step = step, .op = op};
    uint8_t key[PARTITION_KEY_BYTES];
    if (!step->txn)
        return tm_fail(why, TM_CORRUPT, "partition %s is damaged", env_label(step->partition).text);
    if (from) {
        memcpy(key, from, sizeof key);
        s.key = (MDB_val){sizeof key, key};
    }
    step->is_at = false;
    int rc = lmdb_guard(seek_call, &s);
    if (rc == MDB_NOTFOUND)
        return TM_NOT_FOUND;
    if (rc)
        return fail_seek(step, rc, why);
    enum tm_err err = check_page_of(step, s.key.mv_data, why);
    if (err)
        return err;
    out->value = (struct str){s.value.mv_data, s.value.mv_size};
    if (key_decode((struct str){s.key.mv_data, s.key.mv_size}, &out->key) != TM_OK ||
        out->value.len > PARTITION_MAX_VALUE_BYTES)
        return fail_seek(step, MDB_CORRUPTED, why);
    memcpy(step->at, s.key.mv_data, sizeof step->at);
    step->is_at = true;
    return TM_OK;
}

/* A sealed partition: the place where key would be must be sound on both sides. The cursor ends anywhere. */
static enum tm_err check_gap(struct partition_step *step, bool is_behind_all, struct tm_why *why)
{
    struct partition_item ignored;
    if (!step->partition->pages.map)
        return TM_OK;
    enum tm_err err = move_cursor(step, is_behind_all ? MDB_LAST : MDB_PREV, NULL, &ignored, why);
    step->is_at = false;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

/* The first chunk at or behind key. TM_NOT_FOUND: none. */
static enum tm_err seek_from(struct partition_step *step, const struct partition_key *key,
                             struct partition_item *out, struct tm_why *why)
{
    uint8_t bytes[PARTITION_KEY_BYTES];
    key_encode(key, bytes);
    enum tm_err err = move_cursor(step, MDB_SET_RANGE, bytes, out, why);
    if (err && err != TM_NOT_FOUND)
        return err;
    if (!err && memcmp(bytes, step->at, sizeof bytes) == 0)
        return TM_OK;
    if (!err && key_compare(&out->key, key) < 0)
        return fail_seek(step, MDB_CORRUPTED, why);
    enum tm_err gap = check_gap(step, err == TM_NOT_FOUND, why);
    return gap ? gap : err;
}

/* The chunk behind `at`. */
static enum tm_err seek_behind(struct partition_step *step, const struct partition_key *at,
                               struct partition_item *out, struct tm_why *why)
{
    uint8_t bytes[PARTITION_KEY_BYTES];
    enum tm_err err = TM_OK;
    key_encode(at, bytes);
    if (!step->is_at || memcmp(bytes, step->at, sizeof bytes) != 0) {
        err = seek_from(step, at, out, why);
        if (err || key_compare(&out->key, at) != 0)
            return err;
    }
    err = move_cursor(step, MDB_NEXT, NULL, out, why);
    if (!err && key_compare(&out->key, at) <= 0)
        return fail_seek(step, MDB_CORRUPTED, why);
    return err;
}

/* The place of the first window not before number. */
static size_t find_window(const struct partition_step *step, uint32_t number)
{
    size_t low = 0, high = step->window_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (step->windows->items[middle].window < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_window(const struct partition_step *step, uint32_t number)
{
    size_t place = find_window(step, number);
    return place < step->window_count && step->windows->items[place].window == number;
}

enum tm_err partition_get(struct partition_step *step, const struct partition_key *key, struct str *out,
                          struct tm_why *why)
{
    struct partition_item item;
    enum tm_err err = TM_NOT_FOUND;
    if (has_window(step, key->window))
        err = sound_window(step, find_window(step, key->window), why);
    else
        return tm_fail(why, err, "there is no such chunk");
    if (!err)
        err = seek_from(step, key, &item, why);
    if (!err && key_compare(&item.key, key) != 0)
        err = TM_NOT_FOUND;
    if (err == TM_NOT_FOUND)
        return tm_fail(why, err, "there is no such chunk");
    if (!err)
        *out = item.value;
    return err;
}

/* ---- positions ---- */

static enum tm_err continue_in(const struct partition_step *step, uint64_t *generation, struct tm_why *why)
{
    if (*generation == 0)
        *generation = step->generation;
    if (*generation == step->generation)
        return TM_OK;
    return tm_fail(why, TM_CLOSED, "partition %s was rewritten meanwhile", env_label(step->partition).text);
}

void partition_cursor_init(struct partition_cursor *cursor, uint32_t series, struct span span)
{
    *cursor = (struct partition_cursor){.series = series, .span = span};
}

static bool overlaps(const struct partition_window *window, struct span span)
{
    return window->chunks > 0 && window->first < span.to && window->last >= span.from;
}

/* The first chunk of the series in the windows from place on. */
static enum tm_err search_windows(struct partition_step *step, const struct partition_cursor *cursor,
                                  size_t place, struct partition_item *out, struct tm_why *why)
{
    for (; place < step->window_count; place++) {
        const struct partition_window *window = &step->windows->items[place];
        struct partition_key key = {window->window, cursor->series, 0};
        if (!overlaps(window, cursor->span))
            continue;
        enum tm_err err = sound_window(step, place, why);
        if (!err)
            err = seek_from(step, &key, out, why);
        if (err && err != TM_NOT_FOUND)
            return err;
        if (!err && out->key.window == key.window && out->key.series == key.series)
            return TM_OK;
    }
    return TM_NOT_FOUND;
}

enum tm_err partition_cursor_next(struct partition_step *step, struct partition_cursor *cursor,
                                  struct partition_item *out, struct tm_why *why)
{
    bool is_first = cursor->generation == 0;
    size_t place = 0;
    enum tm_err err = continue_in(step, &cursor->generation, why);
    if (err)
        return err;
    if (!is_first) {
        err = seek_behind(step, &cursor->at, out, why);
        if (err && err != TM_NOT_FOUND)
            return err;
        if (!err && out->key.window == cursor->at.window && out->key.series == cursor->series) {
            cursor->at = out->key;
            return TM_OK;
        }
        place = find_window(step, cursor->at.window) + 1;
    }
    err = search_windows(step, cursor, place, out, why);
    if (!err)
        cursor->at = out->key;
    if (err == TM_NOT_FOUND && is_first)
        cursor->generation = 0;
    return err;
}

enum tm_err partition_scan_next(struct partition_step *step, struct partition_scan *scan,
                                struct partition_item *out, struct tm_why *why)
{
    bool is_first = scan->generation == 0;
    struct partition_key start = {0};
    enum tm_err err = continue_in(step, &scan->generation, why);
    if (!err && is_first)
        err = sound_window(step, 0, why);
    if (err)
        return err;
    err = is_first ? seek_from(step, &start, out, why) : seek_behind(step, &scan->at, out, why);
    /* All windows between the last chunk and this one, so that none can vanish. */
    size_t place = is_first ? 0 : find_window(step, scan->at.window);
    size_t end = err ? step->window_count : find_window(step, out->key.window) + 1;
    for (enum tm_err bad = TM_OK; (!err || err == TM_NOT_FOUND) && place < end; place++) {
        bad = sound_window(step, place, why);
        if (bad)
            return bad;
    }
    /* What has no window is not finished, and nothing finished comes behind it. */
    if (!err && !has_window(step, out->key.window))
        err = TM_NOT_FOUND;
    if (!err)
        scan->at = out->key;
    if (err == TM_NOT_FOUND && is_first)
        scan->generation = 0;
    return err;
}
