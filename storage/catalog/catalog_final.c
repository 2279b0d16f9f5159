#include "storage/catalog/catalog_final.h"

#include <errno.h>
#include <string.h>

#include "storage/catalog/catalog_private.h"

static const char prefix[] = "final";
enum { PREFIX_BYTES = sizeof prefix - 1, KEY_BYTES = PREFIX_BYTES + 4 };

struct getting {
    uint32_t day;
    struct catalog_finals finals;
};

static void make_key(uint8_t key[KEY_BYTES], uint32_t day)
{
    memcpy(key, prefix, PREFIX_BYTES);
    catalog_put_u32(key + PREFIX_BYTES, day);
}

static int read_finals(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct getting *g = arg;
    uint8_t bytes[KEY_BYTES];
    struct cursor in;
    MDB_val key = {sizeof bytes, bytes}, data;
    make_key(bytes, g->day);
    g->finals.count = 0;
    int rc = mdb_get(txn, catalog->marks, &key, &data);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    if (!catalog_check(&key, &data, &in) || cursor_u8(&in) != CATALOG_VERSION)
        return MDB_CORRUPTED;
    while (cursor_left(&in) > 0 && g->finals.count < CATALOG_FINALS && !in.bad)
        g->finals.tags[g->finals.count++] = cursor_u64(&in);
    return in.bad || cursor_left(&in) > 0 ? MDB_CORRUPTED : 0;
}

enum tm_err catalog_final_get(struct catalog *catalog, uint32_t day, struct catalog_finals *out,
                              struct tm_why *why)
{
    struct getting g = {.day = day};
    *out = (struct catalog_finals){.count = 0};
    int rc = catalog_read(catalog, read_finals, &g);
    if (rc)
        return catalog_fail(catalog, rc, "reading", why);
    *out = g.finals;
    return TM_OK;
}

/* The last key with the prefix stands before the first one behind it. */
static int find_last(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct getting *g = arg;
    MDB_cursor *cursor;
    uint8_t bytes[KEY_BYTES + 1] = {0};
    MDB_val key = {sizeof bytes, bytes}, data;
    make_key(bytes, UINT32_MAX);
    int rc = mdb_cursor_open(txn, catalog->marks, &cursor);
    if (rc)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    rc = mdb_cursor_get(cursor, &key, &data, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    g->finals.count = rc == 0 && key.mv_size == KEY_BYTES && memcmp(key.mv_data, prefix, PREFIX_BYTES) == 0;
    if (g->finals.count > 0)
        g->day = catalog_get_u32((const uint8_t *)key.mv_data + PREFIX_BYTES);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum tm_err catalog_final_last(struct catalog *catalog, uint32_t *out, struct tm_why *why)
{
    struct getting g = {.day = 0};
    int rc = catalog_read(catalog, find_last, &g);
    if (rc)
        return catalog_fail(catalog, rc, "reading", why);
    *out = g.day;
    return g.finals.count > 0 ? TM_OK : TM_NOT_FOUND;
}

static int write_finals(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    const struct getting *g = arg;
    uint8_t bytes[KEY_BYTES];
    struct bytes value = {0};
    make_key(bytes, g->day);
    catalog_start_value(&value);
    bytes_u8(&value, CATALOG_VERSION);
    for (size_t i = 0; i < g->finals.count; i++)
        bytes_u64(&value, g->finals.tags[i]);
    int rc = catalog_put(txn, catalog->marks, (MDB_val){sizeof bytes, bytes}, &value);
    bytes_fini(&value);
    return rc;
}

enum tm_err catalog_final_add(struct catalog *catalog, uint32_t day, uint64_t tag, struct tm_why *why)
{
    struct getting g = {.day = day};
    enum tm_err err = catalog_final_get(catalog, day, &g.finals, why);
    if (err)
        return err;
    size_t count = g.finals.count;
    if (count > 0 && g.finals.tags[count - 1] >= tag)
        return TM_OK;
    if (count == CATALOG_FINALS)
        return tm_fail(why, TM_LIMIT, "samples came for a day that was dropped, %d times over",
                       CATALOG_FINALS);
    g.finals.tags[g.finals.count++] = tag;
    return catalog_write(catalog, write_finals, &g, "noting a dropped day in", why);
}
