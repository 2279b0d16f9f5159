/* What is loaded at start: series, marks, producers; and the beginning of a flush, which adds series. */
#include "storage/catalog/catalog_private.h"

#include <errno.h>
#include <string.h>

#define SERIES_MAX (UINT32_C(1) << 26)

/* ---- loading ---- */

static enum tm_err load_one(const MDB_val *key, const MDB_val *data, struct series_table *series,
                            struct catalog_mark *mark)
{
    struct cursor in;
    if (key->mv_size != 4 || !catalog_check(key, data, &in)) {
        mark->damaged++;
        return TM_OK;
    }
    struct str service = cursor_str(&in);
    struct str labels = cursor_take(&in, cursor_left(&in));
    enum tm_err err = TM_CORRUPT;
    uint32_t id = catalog_get_u32(key->mv_data);
    if (!in.bad && id > 0 && id < SERIES_MAX)
        err = series_restore_at(series, labels, service, id);
    if (err != TM_CORRUPT)
        return err;
    mark->damaged++;
    return TM_OK;
}

static int load_series(struct catalog *catalog, MDB_txn *txn, struct series_table *series,
                       struct catalog_mark *mark)
{
    MDB_cursor *cursor;
    MDB_val key, data;
    int rc = mdb_cursor_open(txn, catalog->series, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
        if (load_one(&key, &data, series, mark) != TM_OK) {
            rc = ENOMEM;
            break;
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* rc of LMDB; a mark that is damaged is MDB_CORRUPTED: what is flushed would be unknown. */
static int load_mark(struct catalog *catalog, MDB_txn *txn, const char *name, struct cursor *in)
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
    int rc = load_mark(catalog, txn, "promised", &in);
    if (!rc && cursor_left(&in) > 0)
        out->promised_lsn = cursor_u64(&in);
    if (!rc)
        rc = load_mark(catalog, txn, "finished", &in);
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
    int rc = load_mark(catalog, txn, "clock", &in);
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
    struct catalog_mark *out;
};

static int load_all(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    const struct loading *l = arg;
    int rc = load_marks(catalog, txn, l->producers, l->out);
    if (!rc)
        rc = load_clock(catalog, txn, &l->out->believed);
    return rc ? rc : load_series(catalog, txn, l->series, l->out);
}

enum tm_err catalog_load(struct catalog *catalog, struct series_table *series, struct producers *producers,
                         struct catalog_mark *out, struct tm_why *why)
{
    struct loading loading = {series, producers, out};
    *out = (struct catalog_mark){0};
    int rc = catalog_read(catalog, load_all, &loading);
    return rc ? catalog_fail(catalog, rc, "reading", why) : TM_OK;
}

/* ---- a flush ---- */

struct beginning {
    const struct series_table *series;
    const uint32_t *ids;
    size_t count;
    uint64_t promised_lsn;
    struct bytes value;
};

static int write_beginning(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct beginning *b = arg;
    int rc = 0;
    for (size_t i = 0; i < b->count && !rc; i++) {
        uint8_t number[4];
        catalog_put_u32(number, b->ids[i]);
        struct str labels = series_labels(b->series, b->ids[i]);
        catalog_start_value(&b->value);
        bytes_str(&b->value, series_owner(b->series, b->ids[i]));
        bytes_put(&b->value, labels.ptr, labels.len);
        rc = catalog_put(txn, catalog->series, (MDB_val){sizeof number, number}, &b->value);
    }
    if (rc)
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
    enum tm_err err = catalog_write(catalog, write_beginning, &b, "writing new series to", why);
    bytes_fini(&b.value);
    return err;
}
