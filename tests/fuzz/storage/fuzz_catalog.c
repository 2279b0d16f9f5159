/* Values of the catalog, hostile behind checksums that are right. The input is a list of entries: first byte,
 * its low three bits: 0 a block of series, 1 one of events, 2 a mark, 3 a tombstone, 4 anything, 5 a block of
 * events that lies about its length, 6 a finding, 7 the name of one; bit 3 damages the checksum. Loading and
 * reading end with TM_OK or TM_CORRUPT, never for want of memory; what is taken obeys the rules; what the
 * check finds sound is loaded whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "storage/catalog/catalog_findings.h"
#include "storage/catalog/catalog_private.h"
#include "storage/catalog/catalog_verify.h"
#include "storage/findings/findings_codec.h"
#include "storage/model/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { KIND_BITS = 7, IS_DAMAGED = 8, ENTRIES_MAX = 64, KEY_MAX = 32 };

static char folder[32];

static void require(bool good)
{
    if (!good)
        abort();
}

static void remove_index(void)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/index/data.mdb", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/index/lock.mdb", folder);
    (void)unlink(path);
}

static void remove_folder(void)
{
    char path[64];
    remove_index();
    (void)snprintf(path, sizeof path, "%s/index", folder);
    (void)rmdir(path);
    (void)rmdir(folder);
}

/* ---- writing ---- */

struct entry {
    uint8_t key[KEY_MAX];
    size_t key_len;
    struct bytes value;
};

static struct str take_some(struct cursor *in)
{
    size_t len = cursor_u8(in);
    len |= (size_t)(cursor_u8(in) & 15) << 8;
    return cursor_take(in, len < cursor_left(in) ? len : cursor_left(in));
}

static void pack(struct bytes *out, struct str raw, bool is_honest, uint32_t told)
{
    size_t bound = ZSTD_compressBound(raw.len);
    bytes_u32(out, is_honest ? (uint32_t)raw.len : told);
    uint8_t *to = bytes_reserve(out, bound);
    require(to != NULL);
    size_t packed = ZSTD_compress(to, bound, raw.ptr ? raw.ptr : "", raw.len, 1);
    require(!ZSTD_isError(packed));
    out->len += packed;
}

static void make_key(struct entry *e, const uint32_t *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        catalog_put_u32(e->key + 4 * i, parts[i]);
    e->key_len = 4 * count;
}

static MDB_dbi make_series(const struct catalog *catalog, struct cursor *in, struct entry *e)
{
    const uint32_t parts[] = {cursor_u8(in)};
    make_key(e, parts, 1);
    bytes_varint(&e->value, cursor_varint(in));
    pack(&e->value, take_some(in), true, 0);
    return catalog->series;
}

static MDB_dbi make_events(const struct catalog *catalog, struct cursor *in, struct entry *e, bool is_honest)
{
    const uint32_t lsn = cursor_u8(in), kind = cursor_u8(in) % EVENT_KIND_COUNT;
    const uint32_t parts[] = {0, lsn, kind, cursor_u8(in)};
    make_key(e, parts, 4);
    bytes_u64(&e->value, (uint64_t)cursor_zigzag(in));
    bytes_u64(&e->value, (uint64_t)cursor_zigzag(in));
    uint32_t told = is_honest ? 0 : cursor_u32(in);
    pack(&e->value, take_some(in), is_honest, told);
    return catalog->events;
}

static MDB_dbi make_mark(const struct catalog *catalog, struct cursor *in, struct entry *e)
{
    static const char *const names[] = {"promised", "finished", "clock", "numbers"};
    const char *name = names[cursor_u8(in) % 4];
    e->key_len = strlen(name);
    memcpy(e->key, name, e->key_len);
    bytes_u8(&e->value, CATALOG_VERSION);
    struct str rest = take_some(in);
    bytes_put(&e->value, rest.ptr, rest.len);
    return catalog->marks;
}

static MDB_dbi make_tombstone(const struct catalog *catalog, struct cursor *in, struct entry *e)
{
    const uint32_t id = cursor_u8(in);
    const uint32_t parts[] = {0, id, cursor_u8(in) % 3};
    make_key(e, parts, 3);
    struct str rest = take_some(in);
    bytes_put(&e->value, rest.ptr, rest.len);
    return catalog->tombstones;
}

/* Few times and ids, so that names and findings meet. */
static MDB_dbi make_finding(const struct catalog *catalog, struct cursor *in, struct entry *e)
{
    enum finding_kind kind = (enum finding_kind)(cursor_u8(in) % (FINDING_KIND_COUNT + 1));
    time_ms_t time = cursor_u8(in) % 4;
    catalog_finding_key(e->key, kind, time, cursor_u8(in) % 4);
    e->key_len = CATALOG_FINDING_KEY;
    struct str rest = take_some(in);
    bytes_put(&e->value, rest.ptr, rest.len);
    return catalog->findings;
}

static MDB_dbi make_finding_id(const struct catalog *catalog, struct cursor *in, struct entry *e)
{
    enum finding_kind kind = (enum finding_kind)(cursor_u8(in) % (FINDING_KIND_COUNT + 1));
    catalog_finding_id_key(e->key, kind, cursor_u8(in) % 4);
    e->key_len = CATALOG_FINDING_ID_KEY;
    bytes_u64(&e->value, cursor_u8(in) % 4);
    return catalog->finding_ids;
}

static MDB_dbi make_anything(const struct catalog *catalog, struct cursor *in, struct entry *e)
{
    const MDB_dbi tables[] = {catalog->series,     catalog->events,   catalog->marks,
                              catalog->tombstones, catalog->findings, catalog->finding_ids};
    MDB_dbi table = tables[cursor_u8(in) % 6];
    struct str key = cursor_take(in, 1 + (cursor_u8(in) & (KEY_MAX - 1)));
    e->key_len = key.len > 0 ? key.len : 1;
    if (key.len > 0)
        memcpy(e->key, key.ptr, key.len);
    struct str rest = take_some(in);
    bytes_put(&e->value, rest.ptr, rest.len);
    return table;
}

static int put_one(const struct catalog *catalog, MDB_txn *txn, struct cursor *in)
{
    struct entry e = {.key_len = 0};
    MDB_dbi table;
    uint8_t how = cursor_u8(in);
    catalog_start_value(&e.value);
    switch (how & KIND_BITS) {
    case 0:
        table = make_series(catalog, in, &e);
        break;
    case 1:
        table = make_events(catalog, in, &e, true);
        break;
    case 2:
        table = make_mark(catalog, in, &e);
        break;
    case 3:
        table = make_tombstone(catalog, in, &e);
        break;
    case 5:
        table = make_events(catalog, in, &e, false);
        break;
    case 6:
        table = make_finding(catalog, in, &e);
        break;
    case 7:
        table = make_finding_id(catalog, in, &e);
        break;
    default:
        table = make_anything(catalog, in, &e);
        break;
    }
    MDB_val key = {e.key_len, e.key};
    uint64_t seed = XXH3_64bits(key.mv_data, key.mv_size);
    uint64_t sum =
        XXH3_64bits_withSeed(e.value.data + CATALOG_SUM_BYTES, e.value.len - CATALOG_SUM_BYTES, seed);
    sum ^= how & IS_DAMAGED ? 1 : 0;
    memcpy(e.value.data, &sum, sizeof sum);
    MDB_val data = {e.value.len, e.value.data};
    int rc = mdb_put(txn, table, &key, &data, 0);
    bytes_fini(&e.value);
    return rc;
}

static int put_all(struct catalog *catalog, MDB_txn *txn, void *arg)
{
    struct cursor in = *(const struct cursor *)arg;
    int rc = 0;
    for (size_t i = 0; i < ENTRIES_MAX && cursor_left(&in) > 0 && !in.bad && !rc; i++)
        rc = put_one(catalog, txn, &in);
    return rc;
}

/* ---- reading ---- */

static void check_series(const struct series_table *series)
{
    struct bytes text = {0};
    for (size_t i = 0; i < series_durable_count(series); i++) {
        struct labels labels;
        series_id id = series_durable_at(series, i);
        require(id != 0 && series_state(series, id) == SERIES_DURABLE);
        bytes_clear(&text);
        series_labels(series, id, &text);
        require(bytes_error(&text) == TM_OK && labels_decode(bytes_view(&text), &labels) == TM_OK);
    }
    bytes_fini(&text);
}

static void check_tombstones(struct tombstones *set)
{
    require(tombstones_count(set) <= TOMBSTONES_MAX);
    for (size_t i = 0; i < tombstones_count(set); i++) {
        const struct tombstone *t = tombstones_at(set, i);
        struct tombstone_cover cover = {.items = NULL};
        require(i == 0 || tombstones_at(set, i - 1)->id < t->id);
        for (size_t k = 1; k < t->series_count; k++)
            require(t->series[k] > t->series[k - 1]);
        if (t->series_count > 0)
            require(tombstones_cover(set, PARTITION_RAW, 1, t->series[0], t->span, &cover) == TM_OK);
        tombstone_cover_fini(&cover);
    }
}

/* Whether all of it could be loaded. */
static bool load(struct catalog *catalog)
{
    struct series_table *series = series_new(0, 0);
    struct producers *producers = producers_new(1);
    struct tombstones *tombstones = tombstones_new();
    struct catalog_mark mark;
    struct tm_why why = {""};
    require(series && producers && tombstones);
    enum tm_err err = catalog_load(catalog, series, producers, tombstones, &mark, &why);
    require(err == TM_OK || err == TM_CORRUPT);
    require(err == TM_OK || why.text[0]);
    if (!err) {
        check_series(series);
        check_tombstones(tombstones);
        require(producers_count(producers) <= PRODUCERS_MAX);
    }
    series_free(series);
    producers_free(producers);
    tombstones_free(tombstones);
    return !err && mark.damaged == 0;
}

/* How many blocks were damaged. */
static uint64_t read_events(struct catalog *catalog, enum event_kind kind)
{
    uint64_t damaged = 0;
    const struct catalog_wanted wanted = {kind, {INT64_MIN, INT64_MAX}, UINT64_MAX, &damaged};
    struct catalog_position position = {.is_begun = false};
    struct bytes lines = {0};
    struct tm_why why = {""};
    enum tm_err err;
    size_t blocks = 0;
    while ((err = catalog_events_next(catalog, &position, &wanted, &lines, &why)) == TM_OK)
        require(++blocks <= ENTRIES_MAX);
    require(err == TM_NOT_FOUND || err == TM_CORRUPT);
    bytes_fini(&lines);
    return damaged + (err == TM_CORRUPT);
}

/* How many findings of a kind were damaged. Those that are told hold their bounds, newest first. */
static uint64_t read_findings(struct catalog *catalog, enum finding_kind kind, uint64_t id)
{
    uint64_t damaged = 0;
    struct findings_wanted wanted = {
        .kind = kind, .id = id, .span = {INT64_MIN, INT64_MAX}, .damaged = &damaged};
    struct findings_place place = {.is_begun = false}, last = {INT64_MAX, UINT64_MAX, true};
    struct bytes lines = {0};
    struct tm_why why = {""};
    enum tm_err err = TM_OK;
    while (!err) {
        err = catalog_findings_next(catalog, &wanted, &place, 64, &lines, &why);
        struct cursor in = cursor_of(lines.data, err == TM_CORRUPT ? 0 : lines.len);
        while (cursor_left(&in) > 0) {
            struct finding finding;
            time_ms_t time = (time_ms_t)cursor_u64(&in);
            require(finding_decode(time, cursor_str(&in), &finding) == TM_OK && finding.kind == kind);
            require(time < last.time || (time == last.time && finding.id < last.id));
            last = (struct findings_place){time, finding.id, true};
        }
    }
    require(err == TM_NOT_FOUND || err == TM_CORRUPT);
    bytes_fini(&lines);
    return damaged + (err == TM_CORRUPT);
}

static uint64_t read_all_findings(struct catalog *catalog)
{
    uint64_t damaged = 0;
    struct tm_why why = {""};
    bool is_more = true;
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++) {
        damaged += read_findings(catalog, (enum finding_kind)kind, 0);
        for (uint64_t id = 1; id < 4; id++)
            damaged += read_findings(catalog, (enum finding_kind)kind, id);
    }
    require(catalog_forget_findings(catalog, INT64_MIN, &is_more, &why) == TM_OK && !is_more);
    return damaged;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cursor in = cursor_of(data, len);
    struct catalog_options options = {.dir = folder, .make = true};
    struct catalog_verify_options verify = {.arg = NULL};
    struct catalog_verify_result result;
    struct catalog *catalog;
    struct tm_why why = {""};
    if (!folder[0]) {
        (void)snprintf(folder, sizeof folder, "/dev/shm/tm-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    }
    remove_index();
    require(catalog_open(&options, &catalog, &why) == TM_OK);
    require(catalog_write(catalog, put_all, &in, "fuzzing", &why) == TM_OK);
    bool is_whole = load(catalog);
    uint64_t damaged = 0;
    for (int kind = 0; kind < EVENT_REQUEST; kind++)
        damaged += read_events(catalog, (enum event_kind)kind);
    damaged += read_all_findings(catalog);
    catalog_close(catalog);
    enum tm_err err = catalog_verify(folder, &verify, &result, &why);
    require(err == TM_OK || err == TM_CORRUPT);
    require(err != TM_OK || (is_whole && damaged == 0));
    return 0;
}
