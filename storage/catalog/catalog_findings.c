/* Findings: written by the end of a flush, read in bounded steps. */
#include "storage/catalog/catalog_findings.h"

#include <errno.h>
#include <string.h>

#include "storage/catalog/catalog_private.h"
#include "storage/findings/findings_codec.h"

enum { STEP_ENTRIES = 1024 };

/* ---- keys ---- */

static void put_u64(uint8_t *at, uint64_t v)
{
    catalog_put_u32(at, (uint32_t)(v >> 32));
    catalog_put_u32(at + 4, (uint32_t)v);
}

static uint64_t get_u64(const uint8_t *at)
{
    return (uint64_t)catalog_get_u32(at) << 32 | catalog_get_u32(at + 4);
}

void catalog_finding_key(uint8_t key[CATALOG_FINDING_KEY], enum finding_kind kind, time_ms_t time,
                         uint64_t id)
{
    key[0] = (uint8_t)kind;
    put_u64(key + 1, (uint64_t)time ^ UINT64_C(1) << 63); /* in order from before 1970 on */
    put_u64(key + 9, id);
}

bool catalog_finding_place(const MDB_val *key, struct finding *out)
{
    const uint8_t *at = key->mv_data;
    if (key->mv_size != CATALOG_FINDING_KEY || at[0] >= FINDING_KIND_COUNT)
        return false;
    *out = (struct finding){.kind = (enum finding_kind)at[0],
                            .id = get_u64(at + 9),
                            .time = (time_ms_t)(get_u64(at + 1) ^ UINT64_C(1) << 63)};
    return out->id != 0;
}

void catalog_finding_id_key(uint8_t key[CATALOG_FINDING_ID_KEY], enum finding_kind kind, uint64_t id)
{
    key[0] = (uint8_t)kind;
    put_u64(key + 1, id);
}

/* ---- the end of a flush ---- */

/* The time that the finding of this name stands under. An LMDB result; MDB_NOTFOUND too if that is damaged:
 * then it can't be found by name any more. */
static int find_time(const struct catalog *catalog, MDB_txn *txn, enum finding_kind kind, uint64_t id,
                     time_ms_t *time)
{
    uint8_t bytes[CATALOG_FINDING_ID_KEY];
    MDB_val key = {sizeof bytes, bytes}, data;
    struct cursor in;
    catalog_finding_id_key(bytes, kind, id);
    int rc = mdb_get(txn, catalog->finding_ids, &key, &data);
    if (rc)
        return rc;
    if (!catalog_check(&key, &data, &in))
        return MDB_CORRUPTED;
    *time = (time_ms_t)cursor_u64(&in);
    return in.bad ? MDB_CORRUPTED : 0;
}

static int remove_before(const struct catalog *catalog, MDB_txn *txn, const struct finding *finding)
{
    uint8_t bytes[CATALOG_FINDING_KEY];
    MDB_val key = {sizeof bytes, bytes};
    time_ms_t before;
    int rc = find_time(catalog, txn, finding->kind, finding->id, &before);
    if (rc || before == finding->time)
        return rc == MDB_NOTFOUND || rc == MDB_CORRUPTED ? 0 : rc;
    catalog_finding_key(bytes, finding->kind, before, finding->id);
    rc = mdb_del(txn, catalog->findings, &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct putting {
    struct catalog *catalog;
    MDB_txn *txn;
    struct bytes *value;
    struct finding_zip zip;
    int rc;
};

static int put_finding(struct putting *p, const struct finding *finding)
{
    uint8_t key[CATALOG_FINDING_KEY], id_key[CATALOG_FINDING_ID_KEY];
    int rc = remove_before(p->catalog, p->txn, finding);
    if (rc)
        return rc;
    catalog_finding_key(key, finding->kind, finding->time, finding->id);
    catalog_start_value(p->value);
    finding_pack(finding, &p->zip, p->value);
    rc = catalog_put(p->txn, p->catalog->findings, (MDB_val){sizeof key, key}, p->value);
    if (rc)
        return rc;
    catalog_finding_id_key(id_key, finding->kind, finding->id);
    catalog_start_value(p->value);
    bytes_u64(p->value, (uint64_t)finding->time);
    return catalog_put(p->txn, p->catalog->finding_ids, (MDB_val){sizeof id_key, id_key}, p->value);
}

/* A line that is none is left out: no batch takes one. */
static bool put_line(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct putting *p = arg;
    struct finding finding;
    (void)kind;
    if (finding_decode(time, line, &finding) == TM_OK)
        p->rc = put_finding(p, &finding);
    return p->rc == 0;
}

int catalog_put_findings(struct catalog *catalog, MDB_txn *txn, const struct head *head, struct bytes *value)
{
    struct putting p = {.catalog = catalog, .txn = txn, .value = value};
    struct head_view view;
    const struct head_wanted wanted = {EVENT_FINDING, {INT64_MIN, INT64_MAX}, put_line, &p};
    head_view_findings(head, &view);
    (void)head_view_events(&view, &wanted);
    head_view_drop(&view);
    finding_zip_fini(&p.zip);
    return p.rc;
}

/* ---- reading ---- */

struct stepping {
    const struct findings_wanted *wanted;
    struct findings_place *place;
    struct bytes *out;
    size_t most_bytes; /* of out, about */
    struct bytes body;
    struct finding_zip zip;
};

/* Adds one if it is wanted. */
static int take_entry(struct stepping *s, const MDB_val *key, const MDB_val *data)
{
    struct finding_packed packed;
    struct finding place;
    struct cursor in;
    if (!catalog_finding_place(key, &place) || !catalog_check(key, data, &in) ||
        finding_unpack(&place, in, &packed) != TM_OK)
        return MDB_CORRUPTED;
    if (!finding_matches(&packed.finding, s->wanted))
        return 0;
    bytes_clear(&s->body);
    enum tm_err err = finding_unpack_body(&packed, &s->zip, &s->body);
    if (err)
        return err == TM_NOMEM ? ENOMEM : MDB_CORRUPTED;
    packed.finding.body = bytes_view(&s->body);
    struct bytes line = {0};
    finding_encode(&packed.finding, &line);
    s->out->failed = s->out->failed || line.failed;
    bytes_u64(s->out, (uint64_t)place.time);
    bytes_str(s->out, bytes_view(&line));
    bytes_fini(&line);
    return s->out->failed ? ENOMEM : 0;
}

static int take_or_count(struct stepping *s, const MDB_val *key, const MDB_val *data)
{
    int rc = take_entry(s, key, data);
    if (rc != MDB_CORRUPTED || !s->wanted->damaged)
        return rc;
    ++*s->wanted->damaged;
    return 0;
}

/* The cursor at the first entry below (kind, time, id); an LMDB result. */
static int go_below(MDB_cursor *cursor, enum finding_kind kind, time_ms_t time, uint64_t id, MDB_val *key,
                    MDB_val *data)
{
    uint8_t bytes[CATALOG_FINDING_KEY];
    catalog_finding_key(bytes, kind, time, id);
    *key = (MDB_val){sizeof bytes, bytes};
    int rc = mdb_cursor_get(cursor, key, data, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, key, data, MDB_LAST);
    return rc ? rc : mdb_cursor_get(cursor, key, data, MDB_PREV);
}

/* The later of where the span ends and where the list goes on. */
static struct findings_place begin_place(const struct findings_wanted *wanted)
{
    const struct findings_place end = {wanted->span.to, 0, true};
    return wanted->behind.is_begun && wanted->behind.time < end.time ? wanted->behind : end;
}

static int walk_down(struct stepping *s, MDB_cursor *cursor)
{
    struct findings_place *place = s->place;
    uint8_t last[CATALOG_FINDING_KEY];
    MDB_val key, data;
    if (!place->is_begun)
        *place = begin_place(s->wanted);
    catalog_finding_key(last, s->wanted->kind, findings_first_time(s->wanted), 0);
    int rc = go_below(cursor, s->wanted->kind, place->time, place->id, &key, &data);
    for (int i = 0; i < STEP_ENTRIES && !rc && s->out->len < s->most_bytes; i++) {
        struct finding passed = {.id = 0};
        if (key.mv_size != sizeof last)
            return MDB_CORRUPTED;
        if (memcmp(key.mv_data, last, sizeof last) < 0)
            return MDB_NOTFOUND;
        rc = take_or_count(s, &key, &data);
        if (rc)
            break;
        (void)!catalog_finding_place(&key, &passed);
        place->time = passed.time;
        place->id = passed.id;
        rc = mdb_cursor_get(cursor, &key, &data, MDB_PREV);
    }
    return rc;
}

static int find_one(const struct catalog *catalog, MDB_txn *txn, struct stepping *s)
{
    uint8_t bytes[CATALOG_FINDING_KEY];
    MDB_val key = {sizeof bytes, bytes}, data;
    time_ms_t time;
    int rc = find_time(catalog, txn, s->wanted->kind, s->wanted->id, &time);
    if (rc)
        return rc;
    catalog_finding_key(bytes, s->wanted->kind, time, s->wanted->id);
    rc = mdb_get(txn, catalog->findings, &key, &data);
    if (!rc)
        rc = take_or_count(s, &key, &data);
    return rc ? rc : MDB_NOTFOUND;
}

static int step(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct stepping *s = arg;
    MDB_cursor *cursor;
    if (!catalog->has_findings)
        return MDB_NOTFOUND;
    if (s->wanted->id != 0)
        return find_one(catalog, txn, s);
    int rc = mdb_cursor_open(txn, catalog->findings, &cursor);
    if (rc)
        return rc;
    rc = walk_down(s, cursor);
    mdb_cursor_close(cursor);
    return rc;
}

enum tm_err catalog_findings_next(struct catalog *catalog, const struct findings_wanted *wanted,
                                  struct findings_place *place, size_t most_bytes, struct bytes *out,
                                  struct tm_why *why)
{
    struct stepping s = {.wanted = wanted, .place = place, .out = out, .most_bytes = most_bytes};
    bytes_clear(out);
    int rc = catalog_read(catalog, step, &s);
    bytes_fini(&s.body);
    finding_zip_fini(&s.zip);
    if (rc == MDB_NOTFOUND)
        return TM_NOT_FOUND;
    return rc ? catalog_fail(catalog, rc, "reading findings in", why) : TM_OK;
}
