/* Groups of exceptions: written by the end of a flush, read at start. */
#include "storage/catalog/catalog_private.h"

#include <errno.h>

#include "storage/groups/groups_table.h"

enum { KEY_BYTES = 8 };

static void make_key(uint8_t key[KEY_BYTES], uint64_t id)
{
    catalog_put_u32(key, (uint32_t)(id >> 32));
    catalog_put_u32(key + 4, (uint32_t)id);
}

int catalog_put_groups(struct catalog *catalog, MDB_txn *txn, struct str saved, struct bytes *value)
{
    struct cursor in = cursor_of(saved.ptr, saved.len);
    int rc = 0;
    while (cursor_left(&in) > 0 && !rc) {
        uint8_t bytes[KEY_BYTES];
        make_key(bytes, cursor_u64(&in));
        struct str group = cursor_str(&in);
        MDB_val key = {sizeof bytes, bytes};
        if (in.bad)
            return EINVAL;
        catalog_start_value(value);
        bytes_put(value, group.ptr, group.len);
        rc = group.len > 0 ? catalog_put(txn, catalog->groups, key, value)
                           : mdb_del(txn, catalog->groups, &key, NULL);
        if (group.len == 0 && rc == MDB_NOTFOUND)
            rc = 0;
    }
    return rc;
}

struct loading {
    struct groups *groups;
    uint64_t *damaged;
};

static int load_one(const MDB_val *key, const MDB_val *data, const struct loading *l)
{
    struct cursor in;
    const uint8_t *at = key->mv_data;
    enum tm_err err = TM_CORRUPT;
    if (key->mv_size == KEY_BYTES && catalog_check(key, data, &in))
        err = groups_load(l->groups, (uint64_t)catalog_get_u32(at) << 32 | catalog_get_u32(at + 4), in);
    if (err == TM_CORRUPT)
        ++*l->damaged;
    return err == TM_NOMEM ? ENOMEM : 0;
}

static int load_all(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    int rc = mdb_cursor_open(txn, catalog->groups, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        rc = load_one(&key, &data, arg);
        if (rc)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum tm_err catalog_load_groups(struct catalog *catalog, struct groups *groups, uint64_t *damaged,
                                struct tm_why *why)
{
    struct loading loading = {.groups = groups};
    loading.damaged = damaged;
    if (catalog->groups == 0)
        return TM_OK; /* a reader's, of before there were any */
    int rc = catalog_read(catalog, load_all, &loading);
    return rc ? catalog_fail(catalog, rc, "reading groups of exceptions in", why) : TM_OK;
}
