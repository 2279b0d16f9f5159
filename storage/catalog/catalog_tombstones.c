/* Deletes on disk: per tombstone what it hides, which never changes, and the periods that still hold some of
 * it. */
#include "storage/catalog/catalog_private.h"

#include <errno.h>
#include <stdlib.h>

enum { KEY_BYTES = 12, PART_WHAT = 0, PART_PERIODS = 1 };

static void make_key(uint8_t key[KEY_BYTES], uint64_t id, uint32_t part)
{
    catalog_put_u32(key, (uint32_t)(id >> 32));
    catalog_put_u32(key + 4, (uint32_t)id);
    catalog_put_u32(key + 8, part);
}

/* ---- writing ---- */

static int put_what(struct catalog *catalog, MDB_txn *txn, const struct tombstone *t, struct bytes *value)
{
    uint8_t key[KEY_BYTES];
    uint32_t before = 0;
    make_key(key, t->id, PART_WHAT);
    catalog_start_value(value);
    bytes_u64(value, t->lsn);
    bytes_u64(value, (uint64_t)t->span.from);
    bytes_u64(value, (uint64_t)t->span.to);
    bytes_varint(value, t->series_count);
    for (size_t i = 0; i < t->series_count; i++) {
        bytes_varint(value, t->series[i] - before);
        before = t->series[i];
    }
    return catalog_put(txn, catalog->tombstones, (MDB_val){sizeof key, key}, value);
}

static int put_periods(struct catalog *catalog, MDB_txn *txn, const struct tombstone *t, struct bytes *value)
{
    uint8_t key[KEY_BYTES];
    make_key(key, t->id, PART_PERIODS);
    catalog_start_value(value);
    for (int i = 0; i < TOMBSTONE_TIERS; i++) {
        const struct tombstone_list *list = &t->lists[i];
        bytes_varint(value, list->count);
        for (size_t k = 0; k < list->count; k++)
            bytes_u32(value, list->at[k].period);
    }
    return catalog_put(txn, catalog->tombstones, (MDB_val){sizeof key, key}, value);
}

static int remove_both(struct catalog *catalog, MDB_txn *txn, const struct tombstone *t)
{
    for (uint32_t part = PART_WHAT; part <= PART_PERIODS; part++) {
        uint8_t bytes[KEY_BYTES];
        make_key(bytes, t->id, part);
        MDB_val key = {sizeof bytes, bytes};
        int rc = mdb_del(txn, catalog->tombstones, &key, NULL);
        if (rc && rc != MDB_NOTFOUND)
            return rc;
    }
    return 0;
}

struct burying {
    const struct tombstone *tombstone;
    const struct tombstones *set;
    struct bytes value;
};

static int write_one(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct burying *b = arg;
    int rc = put_what(catalog, txn, b->tombstone, &b->value);
    return rc ? rc : put_periods(catalog, txn, b->tombstone, &b->value);
}

enum tm_err catalog_bury(struct catalog *catalog, const struct tombstone *tombstone, struct tm_why *why)
{
    struct burying b = {.tombstone = tombstone};
    enum tm_err err = catalog_write(catalog, write_one, &b, "writing a delete to", why);
    bytes_fini(&b.value);
    return err;
}

static int write_changed(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct burying *b = arg;
    int rc = 0;
    for (size_t i = 0; i < tombstones_count(b->set) && !rc; i++) {
        const struct tombstone *t = tombstones_at(b->set, i);
        if (t->is_dirty)
            rc =
                tombstone_is_done(t) ? remove_both(catalog, txn, t) : put_periods(catalog, txn, t, &b->value);
    }
    return rc;
}

enum tm_err catalog_keep_tombstones(struct catalog *catalog, struct tombstones *set, struct tm_why *why)
{
    struct burying b = {.set = set};
    bool is_dirty = false;
    for (size_t i = 0; i < tombstones_count(set); i++)
        is_dirty = is_dirty || tombstones_at(set, i)->is_dirty;
    if (!is_dirty)
        return TM_OK;
    enum tm_err err = catalog_write(catalog, write_changed, &b, "writing deletes to", why);
    bytes_fini(&b.value);
    if (err)
        return err;
    for (size_t i = 0; i < tombstones_count(set); i++)
        tombstones_at(set, i)->is_dirty = false;
    tombstones_drop_done(set);
    return TM_OK;
}

/* ---- loading ---- */

/* False: out of memory, or bytes that are none of ours (*is_damaged). */
static bool read_series(struct cursor *in, struct tombstone *t, bool *is_damaged)
{
    uint64_t count = cursor_varint(in), number = 0;
    *is_damaged = in->bad || count > cursor_left(in);
    if (*is_damaged)
        return false;
    t->series = malloc((count + 1) * sizeof *t->series);
    if (!t->series)
        return false;
    for (t->series_count = 0; t->series_count < count; t->series_count++) {
        uint64_t step = cursor_varint(in);
        number += step;
        *is_damaged = in->bad || step == 0 || number > UINT32_MAX;
        if (*is_damaged)
            return false;
        t->series[t->series_count] = (uint32_t)number;
    }
    return true;
}

/* As read_series, of the whole value behind its checksum. */
static bool read_what(const uint8_t *key, struct cursor *in, struct tombstone *t, bool *is_damaged)
{
    t->id = (uint64_t)catalog_get_u32(key) << 32 | catalog_get_u32(key + 4);
    t->lsn = cursor_u64(in);
    t->span.from = (time_ms_t)cursor_u64(in);
    t->span.to = (time_ms_t)cursor_u64(in);
    if (!read_series(in, t, is_damaged))
        return false;
    *is_damaged = cursor_left(in) > 0;
    return !*is_damaged;
}

static bool read_list(struct cursor *in, struct tombstone_list *list, bool *is_damaged)
{
    uint64_t count = cursor_varint(in);
    *is_damaged = in->bad || count > cursor_left(in) / 4;
    if (*is_damaged)
        return false;
    list->at = calloc(count + 1, sizeof *list->at);
    if (!list->at)
        return false;
    for (; list->count < count; list->count++) {
        list->at[list->count].period = cursor_u32(in);
        *is_damaged = list->count > 0 && list->at[list->count].period <= list->at[list->count - 1].period;
        if (*is_damaged)
            return false;
    }
    return true;
}

/* The lists of all tiers; a value of before there were others ends behind the first one. */
static bool read_periods(struct cursor *in, struct tombstone *t, bool *is_damaged)
{
    *is_damaged = false;
    for (int i = 0; i < TOMBSTONE_TIERS && (i != 1 || cursor_left(in) > 0); i++) {
        if (!read_list(in, &t->lists[i], is_damaged))
            return false;
    }
    *is_damaged = cursor_left(in) > 0;
    return !*is_damaged;
}

/* What can't be read means all periods: then it hides no more than it did, and is carried out once more. */
static int load_periods(const struct catalog *catalog, MDB_txn *txn, struct tombstone *t)
{
    uint8_t bytes[KEY_BYTES];
    MDB_val key = {sizeof bytes, bytes}, data;
    struct cursor in;
    bool is_damaged;
    make_key(bytes, t->id, PART_PERIODS);
    t->is_everywhere = true;
    int rc = mdb_get(txn, catalog->tombstones, &key, &data);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    if (!catalog_check(&key, &data, &in))
        return 0;
    t->is_everywhere = false;
    if (read_periods(&in, t, &is_damaged))
        return 0;
    t->is_everywhere = is_damaged;
    return is_damaged ? 0 : ENOMEM;
}

int catalog_check_tombstone(const MDB_val *key, struct cursor in, uint64_t *id, bool *is_what)
{
    struct tombstone *t = calloc(1, sizeof *t);
    const uint8_t *at = key->mv_data;
    uint32_t part = key->mv_size == KEY_BYTES ? catalog_get_u32(at + 8) : UINT32_MAX;
    bool is_damaged = part > PART_PERIODS;
    int rc = t ? 0 : ENOMEM;
    *is_what = part == PART_WHAT;
    *id = 0;
    if (!rc && !is_damaged) {
        bool is_read = *is_what ? read_what(at, &in, t, &is_damaged) : read_periods(&in, t, &is_damaged);
        *id = (uint64_t)catalog_get_u32(at) << 32 | catalog_get_u32(at + 4);
        rc = is_read || is_damaged ? 0 : ENOMEM;
    }
    tombstone_free(t);
    return rc ? rc : is_damaged ? MDB_CORRUPTED : 0;
}

static int load_one(const struct catalog *catalog, MDB_txn *txn, const MDB_val *key, const MDB_val *data,
                    struct tombstones *out, struct catalog_mark *mark)
{
    struct tombstone *t = calloc(1, sizeof *t);
    struct cursor in;
    bool is_damaged = !catalog_check(key, data, &in);
    int rc = t ? 0 : ENOMEM;
    if (!rc && !is_damaged && !read_what(key->mv_data, &in, t, &is_damaged))
        rc = is_damaged ? 0 : ENOMEM;
    if (!rc && !is_damaged)
        rc = load_periods(catalog, txn, t);
    size_t count = tombstones_count(out);
    if (!rc && !is_damaged && count > 0 && tombstones_at(out, count - 1)->id >= t->id)
        is_damaged = true;
    mark->damaged_deletes += is_damaged || (t && t->is_everywhere);
    enum tm_err err = rc || is_damaged ? TM_OK : tombstones_reserve(out, t->series_count);
    if (!rc && !is_damaged && !err)
        tombstones_add(out, &t);
    tombstone_free(t);
    if (err == TM_LIMIT)
        mark->damaged_deletes++; /* none of ours: there are never so many */
    return err == TM_NOMEM ? ENOMEM : rc;
}

int catalog_load_tombstones(struct catalog *catalog, MDB_txn *txn, struct tombstones *out,
                            struct catalog_mark *mark)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    if (!catalog->has_tombstones)
        return 0;
    int rc = mdb_cursor_open(txn, catalog->tombstones, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        bool is_ours = key.mv_size == KEY_BYTES;
        uint32_t part = is_ours ? catalog_get_u32((const uint8_t *)key.mv_data + 8) : 0;
        if (!is_ours || part > PART_PERIODS)
            mark->damaged_deletes++;
        else if (part == PART_WHAT)
            rc = load_one(catalog, txn, &key, &data, out, mark);
        if (rc)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}
