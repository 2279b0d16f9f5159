/* What is loaded at start: series, marks, producers; and the beginning of a flush, which adds series. */
#include "storage/catalog/catalog_private.h"

#include <errno.h>
#include <string.h>

#include "storage/catalog/catalog_block.h"

/* A transaction ends at so many bytes of new series: LMDB holds its pages in memory. */
enum { TXN_BYTES = 4 << 20 };

/* ---- loading ---- */

/* The series of one block; first all are read, since looking each up waits for memory. TM_CORRUPT: some could
 * not be read. */
static enum tm_err load_block(const MDB_val *key, const MDB_val *data, struct catalog_unpacker *unpacker,
                              struct series_table *series)
{
    struct cursor in;
    struct catalog_series block[CATALOG_BLOCK_SERIES];
    size_t count = 0;
    if (key->mv_size != 4 || !catalog_check(key, data, &in))
        return TM_CORRUPT;
    enum tm_err err = catalog_unpacker_open(unpacker, catalog_get_u32(key->mv_data), in);
    while (!err && (err = catalog_unpacker_next(unpacker, &block[count])) == TM_OK)
        series_expect_labels(series, block[count++].labels);
    enum tm_err worst = err == TM_NOT_FOUND ? TM_OK : err;
    for (size_t i = 0; i < count && worst != TM_NOMEM; i++) {
        err = series_restore_at(series, block[i].labels, block[i].service, block[i].number);
        worst = err ? err : worst;
    }
    return worst;
}

static int load_series(struct catalog *catalog, MDB_txn *txn, struct series_table *series,
                       struct catalog_mark *mark)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    struct catalog_unpacker unpacker = {0};
    enum tm_err err = TM_OK;
    MDB_stat stat;
    int rc = mdb_stat(txn, catalog->series, &stat);
    if (!rc)
        rc = mdb_cursor_open(txn, catalog->series, &cursor);
    if (rc)
        return rc;
    (void)series_reserve(series, stat.ms_entries * CATALOG_BLOCK_SERIES);
    uint32_t last = 0;
    rc = catalog_load_numbers(catalog, txn, &last);
    if (!rc)
        err = series_skip(series, last);
    if (rc || err) {
        mdb_cursor_close(cursor);
        return rc ? rc : err == TM_NOMEM ? ENOMEM : MDB_CORRUPTED;
    }
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        err = load_block(&key, &data, &unpacker, series);
        mark->damaged += err == TM_CORRUPT;
        if (err && err != TM_CORRUPT)
            break;
    }
    mdb_cursor_close(cursor);
    catalog_unpacker_fini(&unpacker);
    if (!rc)
        return ENOMEM;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* rc of LMDB; a mark that is damaged is MDB_CORRUPTED: what is flushed would be unknown. */
int catalog_load_mark(struct catalog *catalog, MDB_txn *txn, const char *name, struct cursor *in)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name};
    MDB_val data;
    int rc = mdb_get(txn, catalog->marks, &key, &data);
    *in = cursor_of(NULL, 0);
    if (rc)
        return rc == MDB_NOTFOUND ? 0 : rc;
    return catalog_check(&key, &data, in) && cursor_u8(in) == CATALOG_VERSION ? 0 : MDB_CORRUPTED;
}

static int load_marks(struct catalog *catalog, MDB_txn *txn, struct producers *producers,
                      struct catalog_mark *out)
{
    struct cursor in;
    int rc = catalog_load_mark(catalog, txn, "promised", &in);
    if (!rc && cursor_left(&in) > 0)
        out->promised_lsn = cursor_u64(&in);
    if (!rc)
        rc = catalog_load_mark(catalog, txn, "finished", &in);
    if (rc || cursor_left(&in) == 0)
        return rc;
    out->flushed_lsn = cursor_u64(&in);
    out->newest_ms = (time_ms_t)cursor_u64(&in);
    enum tm_err err = producers_load(producers, &in);
    return err == TM_NOMEM ? ENOMEM : err ? MDB_CORRUPTED : 0;
}

/* Folders of before have none. */
static int load_clock(struct catalog *catalog, MDB_txn *txn, struct believed *out)
{
    struct cursor in;
    int rc = catalog_load_mark(catalog, txn, "clock", &in);
    if (rc || cursor_left(&in) == 0)
        return rc;
    out->time_ms = (time_ms_t)cursor_u64(&in);
    out->ahead_ms = (int64_t)cursor_u64(&in);
    out->doubted_ms = (int64_t)cursor_u64(&in);
    return 0;
}

struct loading {
    struct series_table *series;
    struct producers *producers;
    struct tombstones *tombstones;
    struct catalog_mark *out;
};

static int load_all(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    const struct loading *l = arg;
    int rc = load_marks(catalog, txn, l->producers, l->out);
    if (!rc)
        rc = load_clock(catalog, txn, &l->out->believed);
    if (!rc)
        rc = load_series(catalog, txn, l->series, l->out);
    return rc ? rc : catalog_load_tombstones(catalog, txn, l->tombstones, l->out);
}

enum tm_err catalog_load(struct catalog *catalog, struct series_table *series, struct producers *producers,
                         struct tombstones *tombstones, struct catalog_mark *out, struct tm_why *why)
{
    struct loading loading = {series, producers, tombstones, out};
    *out = (struct catalog_mark){0};
    int rc = catalog_read(catalog, load_all, &loading);
    return rc ? catalog_fail(catalog, rc, "reading", why) : TM_OK;
}

/* ---- a flush ---- */

struct beginning {
    const struct series_table *series;
    const uint32_t *ids;
    size_t count;
    size_t done;    /* in transactions before this one */
    size_t reached; /* by this one */
    uint64_t promised_lsn;
    struct catalog_packer packer;
    struct bytes labels;
    struct bytes value;
};

static int put_block(struct catalog *catalog, MDB_txn *txn, struct beginning *b)
{
    uint8_t key[4];
    catalog_put_u32(key, b->packer.first);
    catalog_start_value(&b->value);
    if (catalog_packer_pack(&b->packer, &b->value) != TM_OK)
        return ENOMEM;
    return catalog_put(txn, catalog->series, (MDB_val){sizeof key, key}, &b->value);
}

/* As many blocks of series as one transaction takes. */
static int put_series(struct catalog *catalog, MDB_txn *txn, struct beginning *b)
{
    size_t bytes = 0;
    int rc = 0;
    b->packer.count = 0;
    for (b->reached = b->done; b->reached < b->count && bytes < TXN_BYTES && !rc;) {
        uint32_t id = b->ids[b->reached++];
        bytes_clear(&b->labels);
        series_labels(b->series, id, &b->labels);
        if (bytes_error(&b->labels))
            return ENOMEM;
        struct catalog_series one = {id, series_owner(b->series, id), bytes_view(&b->labels)};
        if (!catalog_packer_add(&b->packer, &one) && b->reached < b->count)
            continue;
        rc = put_block(catalog, txn, b);
        bytes += b->value.len;
    }
    return rc;
}

/* The promise comes with the last series: until then nothing in the partitions speaks of them. */
static int write_beginning(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct beginning *b = arg;
    int rc = put_series(catalog, txn, b);
    if (rc || b->reached < b->count)
        return rc;
    char name[] = "promised";
    catalog_start_value(&b->value);
    bytes_u8(&b->value, CATALOG_VERSION);
    bytes_u64(&b->value, b->promised_lsn);
    return catalog_put(txn, catalog->marks, (MDB_val){sizeof name - 1, name}, &b->value);
}

enum tm_err catalog_begin(struct catalog *catalog, const struct series_table *series, const uint32_t *ids,
                          size_t count, uint64_t promised_lsn, struct tm_why *why)
{
    struct beginning b = {.series = series, .ids = ids, .count = count, .promised_lsn = promised_lsn};
    enum tm_err err;
    do {
        err = catalog_write(catalog, write_beginning, &b, "writing new series to", why);
        b.done = b.reached;
    } while (!err && b.done < count);
    bytes_fini(&b.labels);
    bytes_fini(&b.value);
    catalog_packer_fini(&b.packer);
    return err;
}
