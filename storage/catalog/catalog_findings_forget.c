/* Findings that are past their time: first it is gathered which, then they go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/catalog/catalog_findings.h"
#include "storage/catalog/catalog_private.h"
#include "storage/findings/findings_codec.h"
#include "storage/grow.h"

/* In one transaction. */
enum { FORGET_MAX = 4096 };

struct forgetting {
    time_ms_t time;
    uint8_t (*keys)[CATALOG_FINDING_KEY]; /* that go; FORGET_MAX */
    size_t count;
    uint64_t *seen; /* hashes of service and env that have a newer verdict; ascending */
    size_t seen_count;
    size_t seen_capacity;
};

static void add_key(struct forgetting *f, const MDB_val *key)
{
    memcpy(f->keys[f->count++], key->mv_data, CATALOG_FINDING_KEY);
}

/* Whether it is of this kind and past its time; false also for what is no key of ours. */
static bool is_old(const struct forgetting *f, const MDB_val *key, enum finding_kind wanted)
{
    struct finding place;
    return catalog_finding_place(key, &place) && place.kind == wanted && place.time < f->time;
}

static int go_to_first(MDB_cursor *cursor, enum finding_kind kind, MDB_val *key, MDB_val *data)
{
    uint8_t first[CATALOG_FINDING_KEY];
    catalog_finding_key(first, kind, INT64_MIN, 0);
    *key = (MDB_val){sizeof first, first};
    return mdb_cursor_get(cursor, key, data, MDB_SET_RANGE);
}

static int gather_kind(struct forgetting *f, MDB_cursor *cursor, enum finding_kind kind)
{
    MDB_val key, data;
    int rc = go_to_first(cursor, kind, &key, &data);
    while (!rc && f->count < FORGET_MAX && is_old(f, &key, kind)) {
        add_key(f, &key);
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- verdicts: the newest of each service and env stays ---- */

/* Notes a service with env; *was_there: it was noted before. 0, ENOMEM. */
static int note_owner(struct forgetting *f, const struct finding *finding, bool *was_there)
{
    uint64_t hash = XXH3_64bits_withSeed(finding->env.ptr, finding->env.len,
                                         XXH3_64bits(finding->service.ptr, finding->service.len));
    size_t from = 0, to = f->seen_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (f->seen[middle] < hash)
            from = middle + 1;
        else
            to = middle;
    }
    *was_there = from < f->seen_count && f->seen[from] == hash;
    if (*was_there)
        return 0;
    uint64_t *seen = grow_array(f->seen, &f->seen_capacity, f->seen_count + 1, sizeof *seen);
    if (!seen)
        return ENOMEM;
    f->seen = seen;
    memmove(seen + from + 1, seen + from, (f->seen_count - from) * sizeof *seen);
    seen[from] = hash;
    f->seen_count++;
    return 0;
}

/* One that is damaged stays: verify tells of it. */
static int gather_verdict(struct forgetting *f, const MDB_val *key, const MDB_val *data)
{
    struct finding_packed packed;
    struct finding place;
    struct cursor in;
    bool has_newer;
    if (!catalog_finding_place(key, &place) || !catalog_check(key, data, &in) ||
        finding_unpack(&place, in, &packed) != TM_OK)
        return 0;
    int rc = note_owner(f, &packed.finding, &has_newer);
    if (!rc && has_newer && f->count < FORGET_MAX && is_old(f, key, FINDING_VERDICT))
        add_key(f, key);
    return rc;
}

/* Newest first. */
static int gather_verdicts(struct forgetting *f, MDB_cursor *cursor)
{
    MDB_val key, data;
    int rc = go_to_first(cursor, FINDING_VERDICT, &key, &data);
    if (rc || !is_old(f, &key, FINDING_VERDICT))
        return rc == MDB_NOTFOUND ? 0 : rc;
    rc = go_to_first(cursor, FINDING_VERDICT + 1, &key, &data);
    rc = mdb_cursor_get(cursor, &key, &data, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    while (!rc && key.mv_size == CATALOG_FINDING_KEY && *(uint8_t *)key.mv_data == FINDING_VERDICT) {
        rc = gather_verdict(f, &key, &data);
        if (!rc)
            rc = mdb_cursor_get(cursor, &key, &data, MDB_PREV);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- removing ---- */

static int gather_all(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    static const enum finding_kind kinds[] = {FINDING_ANOMALY, FINDING_INCIDENT, FINDING_FEEDBACK};
    struct forgetting *f = arg;
    MDB_cursor *cursor;
    f->count = 0;
    f->seen_count = 0;
    if (!catalog->has_findings)
        return 0;
    int rc = mdb_cursor_open(txn, catalog->findings, &cursor);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !rc; i++)
        rc = gather_kind(f, cursor, kinds[i]);
    if (!rc)
        rc = gather_verdicts(f, cursor);
    mdb_cursor_close(cursor);
    return rc;
}

static int remove_keys(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct forgetting *f = arg;
    int rc = 0;
    for (size_t i = 0; i < f->count && !rc; i++) {
        uint8_t bytes[CATALOG_FINDING_ID_KEY];
        MDB_val key = {CATALOG_FINDING_KEY, f->keys[i]}, id_key = {sizeof bytes, bytes};
        struct finding place;
        if (!catalog_finding_place(&key, &place))
            return EINVAL;
        catalog_finding_id_key(bytes, place.kind, place.id);
        rc = mdb_del(txn, catalog->findings, &key, NULL);
        if (!rc || rc == MDB_NOTFOUND)
            rc = mdb_del(txn, catalog->finding_ids, &id_key, NULL);
        if (rc == MDB_NOTFOUND)
            rc = 0;
    }
    return rc;
}

enum tm_err catalog_forget_findings(struct catalog *catalog, time_ms_t time, bool *is_more,
                                    struct tm_why *why)
{
    struct forgetting f = {.time = time};
    enum tm_err err = TM_OK;
    *is_more = false;
    f.keys = malloc(FORGET_MAX * sizeof *f.keys);
    if (!f.keys)
        return tm_fail(why, TM_NOMEM, "out of memory for removing old findings");
    int rc = catalog_read(catalog, gather_all, &f);
    if (rc)
        err = catalog_fail(catalog, rc, "looking for old findings in", why);
    else if (f.count > 0)
        err = catalog_write(catalog, remove_keys, &f, "removing old findings from", why);
    *is_more = !err && f.count == FORGET_MAX;
    free(f.keys);
    free(f.seen);
    return err;
}
