/* What a read step looks up: single chunks, cursors, scans. In a sealed partition the page of every key that
 * is met is compared with what was sealed, and so is the page before a gap, so that damage can't pass for
 * absence. */
#include "storage/partition/partition_private.h"

#include <string.h>

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
    struct partition_lane *lane = step->lane;
    if (!lane->cursor) {
        int rc = mdb_cursor_open(step->txn, step->partition->chunks, &lane->cursor);
        if (rc)
            return rc;
    }
    return mdb_cursor_get(lane->cursor, &s->key, &s->value, s->op);
}

static void abandon(struct partition_lane *lane)
{
    lmdb_abandon(lane->cursor);
    lane->cursor = NULL;
    lane->is_at = false;
}

/* After an assertion transaction and cursors are in no state to be ended. */
static enum tm_err fail_seek(struct partition_step *step, int rc, struct tm_why *why)
{
    if (rc == LMDB_ASSERTION) {
        lmdb_abandon(step->txn);
        step->txn = NULL;
        abandon(&step->own);
        for (unsigned i = 0; i < PARTITION_LANES && step->lanes; i++)
            abandon(&step->lanes[i]);
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
    struct partition_lane *lane = step->lane;
    uint8_t key[PARTITION_KEY_BYTES];
    if (!step->txn)
        return tm_fail(why, TM_CORRUPT, "partition %s is damaged", env_label(step->partition).text);
    if (from) {
        memcpy(key, from, sizeof key);
        s.key = (MDB_val){sizeof key, key};
    }
    lane->is_at = lane->is_behind = false;
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
    memcpy(lane->at, s.key.mv_data, sizeof lane->at);
    lane->value = out->value;
    lane->is_at = true;
    return TM_OK;
}

/* A sealed partition: the place where key would be must be sound on both sides. The cursor ends anywhere. */
static enum tm_err check_gap(struct partition_step *step, bool is_behind_all, struct tm_why *why)
{
    struct partition_item ignored;
    if (!step->partition->pages.map)
        return TM_OK;
    enum tm_err err = move_cursor(step, is_behind_all ? MDB_LAST : MDB_PREV, NULL, &ignored, why);
    step->lane->is_at = false;
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static void enter_lane(struct partition_step *step, uint32_t window)
{
    step->lane = step->lanes ? &step->lanes[window % PARTITION_LANES] : &step->own;
}

/* Whether it is known without a look at the tree what the first chunk at or behind key is: the one where the
 * lane stands, or the only one behind where it came from. */
static bool stands_at(const struct partition_lane *lane, const uint8_t *key)
{
    int order = lane->is_at ? memcmp(key, lane->at, PARTITION_KEY_BYTES) : 1;
    return order == 0 || (order < 0 && lane->is_behind && memcmp(key, lane->before, PARTITION_KEY_BYTES) > 0);
}

/* The first chunk at or behind key. TM_NOT_FOUND: none. */
static enum tm_err seek_from(struct partition_step *step, const struct partition_key *key,
                             struct partition_item *out, struct tm_why *why)
{
    enter_lane(step, key->window);
    uint8_t bytes[PARTITION_KEY_BYTES];
    struct partition_lane *lane = step->lane;
    key_encode(key, bytes);
    if (stands_at(lane, bytes)) {
        out->value = lane->value;
        return key_decode((struct str){(const char *)lane->at, sizeof lane->at}, &out->key);
    }
    enum tm_err err = move_cursor(step, MDB_SET_RANGE, bytes, out, why);
    if (err && err != TM_NOT_FOUND)
        return err;
    if (!err && memcmp(bytes, lane->at, sizeof bytes) == 0)
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
    enter_lane(step, at->window);
    struct partition_lane *lane = step->lane;
    key_encode(at, bytes);
    if (!lane->is_at || memcmp(bytes, lane->at, sizeof bytes) != 0) {
        err = seek_from(step, at, out, why);
        if (err || key_compare(&out->key, at) != 0)
            return err;
    }
    err = move_cursor(step, MDB_NEXT, NULL, out, why);
    if (!err && key_compare(&out->key, at) <= 0)
        return fail_seek(step, MDB_CORRUPTED, why);
    if (!err) {
        memcpy(lane->before, bytes, sizeof bytes);
        lane->is_behind = true;
    }
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
