/* Series leave the catalog: the blocks that hold some of them are packed anew without them. */
#include "storage/catalog/catalog_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/catalog/catalog_block.h"

/* So many blocks are changed in one transaction: LMDB holds their pages in memory. */
enum { TXN_BLOCKS = 256, KEY_BYTES = 4 };
static const char MARK[] = "numbers";

struct removing {
    const uint32_t *ids;
    size_t count;
    uint32_t from;    /* blocks with lower keys are done by earlier transactions */
    uint32_t reached; /* by this one */
    bool is_done;
    struct catalog_unpacker unpacker;
    struct catalog_packer packer;
    struct bytes value;
};

int catalog_load_numbers(struct catalog *catalog, MDB_txn *txn, uint32_t *last)
{
    struct cursor in;
    *last = 0;
    int rc = catalog_load_mark(catalog, txn, MARK, &in);
    if (rc || cursor_left(&in) == 0)
        return rc;
    *last = cursor_u32(&in);
    return in.bad ? MDB_CORRUPTED : 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool leaves(const struct removing *r, uint32_t number)
{
    return bsearch(&number, r->ids, r->count, sizeof *r->ids, compare_ids) != NULL;
}

/* Reads a block; packs those that stay. rc of LMDB, MDB_CORRUPTED: it is damaged. */
static int filter_block(struct removing *r, uint32_t key, struct cursor in, size_t *left)
{
    struct catalog_series one;
    r->packer.count = 0;
    *left = 0;
    enum tm_err err = catalog_unpacker_open(&r->unpacker, key, in);
    while (!err && (err = catalog_unpacker_next(&r->unpacker, &one)) == TM_OK) {
        if (leaves(r, one.number))
            ++*left;
        else
            (void)catalog_packer_add(&r->packer, &one);
    }
    if (err == TM_NOT_FOUND)
        return 0;
    return err == TM_NOMEM ? ENOMEM : MDB_CORRUPTED;
}

/* The block that the cursor stands on gives way to what is packed. Its first number may have left: then its
 * key is another, higher one that no block has. */
static int replace_block(const struct catalog *catalog, MDB_txn *txn, MDB_cursor *cursor, struct removing *r)
{
    int rc = mdb_cursor_del(cursor, 0);
    if (rc || r->packer.count == 0)
        return rc;
    uint8_t key[KEY_BYTES];
    catalog_put_u32(key, r->packer.first);
    catalog_start_value(&r->value);
    if (catalog_packer_pack(&r->packer, &r->value) != TM_OK)
        return ENOMEM;
    return catalog_put(txn, catalog->series, (MDB_val){sizeof key, key}, &r->value);
}

/* A block that is damaged stays as it is: what it holds is unknown, and told when it is loaded. */
static int take_block(const struct catalog *catalog, MDB_txn *txn, MDB_cursor *cursor, const MDB_val *key,
                      const MDB_val *data, struct removing *r, size_t *changed)
{
    struct cursor in;
    size_t left;
    if (!catalog_check(key, data, &in))
        return 0;
    int rc = filter_block(r, r->reached, in, &left);
    if (rc == MDB_CORRUPTED)
        return 0;
    if (rc || left == 0)
        return rc;
    ++*changed;
    return replace_block(catalog, txn, cursor, r);
}

static int take_blocks(const struct catalog *catalog, MDB_txn *txn, struct removing *r)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    size_t changed = 0;
    int rc = mdb_cursor_open(txn, catalog->series, &cursor);
    if (rc)
        return rc;
    uint64_t next = r->from;
    r->is_done = false;
    while (changed < TXN_BLOCKS && next <= UINT32_MAX) {
        uint8_t from[KEY_BYTES];
        catalog_put_u32(from, (uint32_t)next);
        key = (MDB_val){sizeof from, from};
        rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
        r->is_done = rc == MDB_NOTFOUND || (!rc && key.mv_size != KEY_BYTES);
        if (rc || r->is_done)
            break;
        r->reached = catalog_get_u32(key.mv_data);
        next = (uint64_t)r->reached + 1;
        rc = take_block(catalog, txn, cursor, &key, &data, r, &changed);
        if (rc)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int raise_numbers(struct catalog *catalog, MDB_txn *txn, struct removing *r)
{
    uint32_t last;
    int rc = catalog_load_numbers(catalog, txn, &last);
    if (rc || last >= r->ids[r->count - 1])
        return rc;
    char name[] = "numbers";
    catalog_start_value(&r->value);
    bytes_u8(&r->value, CATALOG_VERSION);
    bytes_u32(&r->value, r->ids[r->count - 1]);
    return catalog_put(txn, catalog->marks, (MDB_val){sizeof name - 1, name}, &r->value);
}

static int write_removal(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct removing *r = arg;
    int rc = raise_numbers(catalog, txn, r);
    return rc ? rc : take_blocks(catalog, txn, r);
}

enum tm_err catalog_remove_series(struct catalog *catalog, const uint32_t *ids, size_t count,
                                  struct tm_why *why)
{
    struct removing r = {.ids = ids, .count = count, .is_done = count == 0};
    enum tm_err err = TM_OK;
    while (!err && !r.is_done) {
        err = catalog_write(catalog, write_removal, &r, "removing series from", why);
        r.from = r.reached + 1;
    }
    catalog_unpacker_fini(&r.unpacker);
    catalog_packer_fini(&r.packer);
    bytes_fini(&r.value);
    return err;
}
