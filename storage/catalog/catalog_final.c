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
